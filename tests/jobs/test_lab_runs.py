"""Experiments on real workers: side by side, shown as they go, stopped, lost, kept."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from aecore.errors import ConfigError, JobError
from aecore.lab import registry
from aecore.lab.about import About, LabSubject
from aecore.lab.events import LabDone
from aecore.lab.registry import experiment
from aecore.lab.running import run
from tests.jobs.conftest import pids, until

WORKERS = 2
COINS = "newcomer-coins"
NEWCOMERS = Path(__file__).parents[1] / "contracts" / "newcomers" / "experiments"
ME, OTHER = "a" * 64, "b" * 64  # as cookies' hashes are


@pytest.fixture(scope="module", autouse=True)
def coins():
    """Before the cluster starts, whose workers find the file by it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(registry.FOLDERS_VARIABLE, str(NEWCOMERS))
        registry.look_again()
        yield
    registry.look_again()


@pytest.fixture
def start(coins, engine):
    made = []

    def begin(owner=ME, guess=(), **options):
        chosen = experiment(COINS).Options(**options)
        made.append(engine.lab.start(owner, COINS, chosen, About(), None, guess))
        return made[-1]

    yield begin
    for one in made:
        engine.lab.stop(one.owner, one.run_id)


def over(one):
    until(lambda: not one.live)
    return one


def test_what_workers_find_is_what_this_process_finds(start, engine):
    one = over(start(coins=(3, 5, 40), seed=7, guess=[0.5]))
    options = experiment(COINS).Options(coins=(3, 5, 40), seed=7)
    here = {
        e.task: e.values
        for e in run(experiment(COINS), options, LabSubject())
        if isinstance(e, LabDone)
    }
    assert one.record.state == "finished"
    assert one.record.done.keys() == here.keys()
    for task, values in here.items():
        assert np.array_equal(one.record.done[task]["thrown"], values["thrown"])
    kept = engine.lab.store.load(ME, one.run_id)
    assert (kept.guess, kept.seconds > 0) == ((0.5,), True)
    with pytest.raises(JobError, match="no such result"):
        engine.lab.record(OTHER, one.run_id)


def test_it_is_shown_as_it_goes_and_stops_at_once_with_what_is_done(start, engine):
    one = start(coins=(3, 50), slow=1000)
    until(lambda: one.seen().done)
    assert 0 <= one.share() < 1
    quick = start(coins=(4,))
    over(quick)  # beside it, in its gaps
    began = time.monotonic()
    engine.lab.stop(ME, one.run_id)
    assert time.monotonic() - began < 0.3
    assert one.record.state == "stopped"
    until(lambda: not any(engine.workers.client.processing().values()))  # the workers leave it too


def test_a_killed_worker_costs_one_task(start, engine):
    one = start(coins=(3, 5, 40), slow=60)
    until(lambda: len(one.seen().done) >= 2)
    os.kill(next(iter(pids(engine).values())), signal.SIGKILL)
    over(one)
    assert one.record.state == "finished"
    assert not one.record.failed
    assert one.record.done.keys() == {"3", "5", "40"}


def test_two_at_a_time_and_options_are_checked_at_once(start):
    for _ in range(2):
        start(slow=500)
    with pytest.raises(JobError, match="under way"):
        start()
    with pytest.raises(ConfigError, match="coins"):
        start(owner=OTHER, coins=(0,))


def test_a_result_is_shared_by_a_link_until_it_is_taken_back(start, engine):
    store, one = engine.lab.store, over(start())
    token = store.share(ME, one.run_id)
    assert store.share(ME, one.run_id) == token
    assert store.shared(token).done.keys() == one.record.done.keys()
    with pytest.raises(JobError):
        store.share(OTHER, one.run_id)
    store.withdraw(ME, one.run_id)
    with pytest.raises(JobError, match="withdrawn"):
        store.shared(token)
    token = store.share(ME, one.run_id)
    store.delete(ME, one.run_id)
    with pytest.raises(JobError):
        store.shared(token)
    assert one.run_id not in store.owned(ME)
