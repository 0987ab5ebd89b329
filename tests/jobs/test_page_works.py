"""What workers compute for pages is what the app would compute, once for all, and not lost."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from aecore import datasets
from aecore.errors import JobError, UnknownNameError
from aecore.jobs import views, works
from aecore.jobs.in_hand import InHand
from aecore.jobs.page_workers import PageWorkers
from aecore.runs import checkpoints
from pages.shell import access, computing
from tests.jobs.conftest import pids, until

WORKERS = 1


def shipped(name: str) -> InHand:
    found = checkpoints.load(checkpoints.shipped()[name])
    return InHand(found.model, found.card, datasets.load(found.card.dataset), (name, 0))


@pytest.fixture
def ready(engine) -> PageWorkers:
    """A worker that pages may ask, and who asks it."""
    asking = PageWorkers()
    until(lambda: asking.compute(engine.workers, "aecore.jobs.views:ready", (), "me", bool))
    return asking


def on_worker(engine, asking, function, *arguments):
    name = f"{function.__module__}:{function.__qualname__}"
    return asking.compute(engine.workers, name, arguments, "me", lambda: True)


def test_a_worker_gives_what_the_app_would_and_is_sent_a_model_once(engine, ready, monkeypatch):
    sent = []
    submit = engine.workers.client.submit
    monkeypatch.setattr(
        engine.workers.client,
        "submit",
        lambda function, order, **more: sent.append(len(order)) or submit(function, order, **more),
    )
    held = shipped("shapes-vae")
    ((theirs,), ours) = on_worker(engine, ready, views.causes, held), views.causes(held)
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    (bundle,) = on_worker(engine, ready, views.bundle, held, "a model", 500, 100, False)
    assert bundle.meta == views.bundle(held, "a model", 500, 100, False).meta
    assert sent[0] > 100_000 > 10_000 > sent[1]
    engine.workers.client.run(
        lambda: __import__("aecore.jobs.in_hand").jobs.in_hand._models._values.clear()
    )
    assert on_worker(engine, ready, views.causes, held) is not None  # it is sent anew
    assert [size > 100_000 for size in sent[2:]] == [False, True]


def test_a_label_goes_with_its_model(engine, ready):
    told = shipped("conditional-vae").told(3)
    (found,) = on_worker(engine, ready, views.codes, told, "test")
    np.testing.assert_allclose(found.mu, told.codes.mu, atol=1e-5)
    assert 900 < len(found.mu) < 1100


def test_a_refusal_comes_as_it_is_and_missing_data_are_computed_here(engine, ready):
    with pytest.raises(UnknownNameError, match="no way to take a model out called 'x'"):
        on_worker(engine, ready, views.taken_out, shipped("linear-ae"), "x", "x", "")
    held = shipped("linear-ae")
    there = InHand(held.model, held.card, renamed(held.data), ("other", 0))
    assert on_worker(engine, ready, views.codes, there, "test") is None
    with pytest.raises(ValueError, match="none of aecore's"):
        works.load("os:system")


def renamed(data):
    import dataclasses

    return dataclasses.replace(data, name="own-0123456789abcdef")


def test_a_killed_worker_costs_nobody_his_result(engine, ready, monkeypatch):
    """Stopped first, so that it is killed while the computation is its own."""
    monkeypatch.setattr(computing, "_workers", ready)
    monkeypatch.setattr(access, "jobs", lambda: engine)
    held = shipped("linear-ae")
    (pid,) = pids(engine).values()
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(computing.apart, views.errors, held)
        until(lambda: any(engine.workers.client.processing().values()))
        os.kill(pid, signal.SIGKILL)
        np.testing.assert_allclose(asked.result(120), views.errors(held), atol=1e-6)


# Without workers -------------------------------------------------------------------------------


@pytest.fixture
def alone(monkeypatch):
    class Nobody:
        @property
        def client(self):
            raise JobError("no workers")

    class Engine:
        workers = Nobody()

    monkeypatch.setattr(access, "jobs", Engine)


def test_two_who_ask_for_the_same_wait_for_one_computation(alone):
    begun, go_on, made = threading.Semaphore(0), threading.Event(), []

    def compute(number):
        begun.release()
        assert go_on.wait(60)
        made.append(number)
        return [number]

    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(computing.apart, compute, 7) for _ in range(4)]
        assert begun.acquire(timeout=60)
        until(lambda: [w.waiting for w in computing._under_way.values()] == [4])
        go_on.set()
        assert len({id(a.result(60)) for a in asked}) == 1
    assert made == [7]
    assert not computing._under_way


def test_who_leaves_does_not_wait_and_what_nobody_wants_is_not_begun(alone, monkeypatch):
    class Gone(BaseException):
        pass

    go_on, begun, made = threading.Event(), threading.Semaphore(0), []

    def leave():
        if threading.current_thread() is threading.main_thread():
            raise Gone

    def block(number):
        begun.release()
        assert go_on.wait(60)

    with ThreadPoolExecutor(4) as pool:
        blocking = [pool.submit(computing.apart, block, i) for i in range(computing.HERE)]
        for _ in blocking:
            assert begun.acquire(timeout=60)
        monkeypatch.setattr(computing, "still_there", leave)
        with pytest.raises(Gone):
            computing.apart(made.append, 1)
        assert len(computing._under_way) == computing.HERE
        go_on.set()
        assert all(b.result(60) is None for b in blocking)
    assert made == []


def test_what_the_function_raises_is_raised_to_all(alone):
    def fail(number):
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        computing.apart(fail, 1)
