"""Processes that die, hang or are left alone: each by killing or stopping a real one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import distributed
import psutil
import pytest
import torch
from distributed.security import Security

from aecore.errors import JobError
from aecore.jobs import cluster, follower
from aecore.jobs.engine import JobEngine
from aecore.jobs.follower import Follower
from aecore.jobs.order import TOPIC
from aecore.jobs.processes import Member
from aecore.types import TrainConfig
from tests.jobs.conftest import LONG, ME, SHORT, pids, status, trained, until

WORKERS = 3  # so that three people train
pytestmark = pytest.mark.timeout(900)  # each start of a process takes its time on a busy machine


def test_scheduler_killed_while_three_train(engine, submit):
    """A new cluster by itself, on which the three go on by themselves, each with a word of it.

    How long it takes is measured by benchmarks/faults.py; here other tests want the cores too.
    """
    runs = [submit(owner=who) for who in ("one", "two", "three")]
    for run in runs:
        trained(run)
    kept = {run.run_id: run.saved_epoch for run in runs}
    scheduler = engine.workers._embedded.scheduler.process
    os.kill(scheduler.pid, signal.SIGKILL)
    for run in runs:
        until(lambda run=run: run.remark and run.recording.started and run.received > 0)
        assert run.remark.startswith("The connection to the training workers was lost.")
        assert run.recording.started.first_epoch >= kept[run.run_id] >= 1
        trained(run, run.saved_epoch + 1)
        epochs = [row["epoch"] for row in run.recording.history]
        assert epochs == list(range(1, len(epochs) + 1))
    assert scheduler.poll() is not None


def test_a_stopped_worker_costs_its_run_alone(engine, submit, monkeypatch):
    """It is given up after HUNG seconds; everybody else's runs go on and end as usual."""
    monkeypatch.setattr(cluster, "HUNG", 4.0)
    until(lambda: len(pids(engine)) == WORKERS)
    victim, other = submit(name="Victim"), submit(name="Other", owner="other")
    trained(victim)
    trained(other)
    process = pids(engine)[victim.worker]
    os.kill(process, signal.SIGSTOP)
    began = time.monotonic()
    engine.command("other", other.run_id, "stop")
    status(other, "stopped")
    following = status(submit(SHORT, owner="other"), "finished")
    assert len(following.recording.history) == 3
    assert victim.recording.live or time.monotonic() - began > 4
    until(lambda: "did not answer for 4 seconds" in victim.remark)
    until(lambda: not psutil.pid_exists(process) and len(pids(engine)) == WORKERS)
    trained(victim, victim.saved_epoch + 1)


def test_a_worker_that_takes_too_much_memory(engine, submit, monkeypatch):
    """It is ended and says why, before the machine ends whatever it chooses."""
    run = trained(submit())
    monkeypatch.setattr(Member, "memory", lambda self: 10**15 if self.address == run.worker else 1)
    until(lambda: "took more than" in run.remark)
    # It ends each worker that takes it: after a few it is not handed out any more.
    status(run, "failed")
    assert "took more than" in run.recording.message
    assert run.way_on() in run.recording.message
    # Once more for each worker that went before it took the run.
    assert run.recording.launches >= 1 + follower.NEW_TRIES


def test_killed_and_resumed_five_times(engine, submit, monkeypatch):
    """One curve, no epoch twice, and the weights of a run that nobody killed, to the last bit;
    each time an epoch is lost whose checkpoint had not come yet."""
    config = TrainConfig(epochs=60, batch_size=16, limit=160, device="cpu")
    fetch = Follower._fetch_snapshots
    monkeypatch.setattr(follower, "NEW_TRIES", 100)
    whole = status(submit(config, name="Whole"), "finished")
    allowed = {"epoch": 2}

    def wanting() -> bool:
        return run.saved_epoch < allowed["epoch"]

    monkeypatch.setattr(Follower, "_fetch_snapshots", lambda self: wanting() and fetch(self))
    run = submit(config)
    for _ in range(5):
        until(lambda: len(run.recording.history) > run.saved_epoch >= 1 and not wanting())
        launches, epoch = run.recording.launches, run.saved_epoch
        os.kill(pids(engine)[run.worker], signal.SIGKILL)
        until(lambda launches=launches: run.recording.launches > launches)
        assert f"It went on by itself from epoch {epoch}." in run.remark
        allowed["epoch"] = epoch + 2
    allowed["epoch"] = 1000
    status(run, "finished")

    expected, found = (engine.library.checkpoint(r.run_id) for r in (whole, run))
    assert [row["epoch"] for row in run.recording.history] == list(range(1, 61))
    for ours, theirs in zip(found.card.history, expected.card.history, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    weights = expected.model.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in found.model.state_dict().items())


APP = """
import os, signal, sys, threading, time
from pathlib import Path
import psutil
from aecore import datasets
from aecore.jobs.engine import JobEngine
from aecore.types import ModelSpec, TrainConfig
engine = JobEngine(Path(sys.argv[1]))
engine.start()
spec = ModelSpec("dense-ae", datasets.source("digits").spec, 3, {"hidden": (16,)})
config = TrainConfig(epochs=1000, batch_size=32, device="cpu")
run = engine.submit("gone", "A run", spec, config, "digits")
waiting = [engine.submit("gone", "Another", spec, config, "digits") for _ in range(2)]
while run.saved_epoch < 2:
    time.sleep(0.01)
hung = engine.workers.client.run(os.getpid)[run.worker]
os.kill(hung, signal.SIGSTOP)
print(*(c.pid for c in psutil.Process().children(recursive=True)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_app_leaves_no_orphans_and_its_runs(engine, tmp_path):
    """Not even a process that is stopped outlives it; its runs go on from their last epoch."""
    done = subprocess.run(
        [sys.executable, "-c", APP, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    left = [psutil.Process(int(pid)) for pid in done.stdout.split() if psutil.pid_exists(int(pid))]

    def alive() -> list[psutil.Process]:
        # What nobody has waited for yet has ended all the same.
        return [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    until(lambda: not alive(), patience=5)

    restarted = JobEngine(tmp_path)
    runs = restarted.runs("gone")
    restarted.close()
    assert [run.name for run in runs] == ["Another 2", "Another 1", "A run 1"]
    for run in runs:
        assert run.recording.status == "failed"
        assert f"restarted during this run. {run.way_on()}" in run.recording.message
    assert runs[-1].saved_epoch >= 2
    # The cluster of this module stands in for the restarted app's own.
    os.rename(tmp_path / runs[-1].run_id, engine.store.folder(runs[-1].run_id))
    found = engine.get(runs[-1].run_id)
    epoch = found.saved_epoch
    engine.resume("gone", found.run_id)
    trained(found, epoch + 1)
    assert found.recording.started.first_epoch == epoch
    engine.delete("gone", found.run_id)


def test_only_who_has_the_keys_speaks_with_the_cluster(engine):
    """Else any account of the machine could have the workers run its code."""
    address = engine.workers._embedded.scheduler.address
    worker = next(iter(pids(engine)))
    for where in (address, worker):
        plain = where.replace("tls://", "tcp://")
        for to, keys in ((plain, None), (where, Security.temporary())):
            with pytest.raises((OSError, TimeoutError)):
                distributed.Client(to, security=keys, timeout="1s", set_as_default=False)
    # And nothing else listens that could answer.
    for member in (engine.workers._embedded.scheduler, *engine.workers._embedded.workers):
        for listening in psutil.Process(member.process.pid).net_connections("inet"):
            if listening.status != psutil.CONN_LISTEN:
                continue
            assert listening.laddr.ip == "127.0.0.1"
            assert b" 200 " not in _answer(listening.laddr)


def _answer(address) -> bytes:
    with socket.create_connection(address, timeout=10) as plain:
        try:
            plain.sendall(b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
            return plain.recv(1000)
        except ConnectionError:
            return b""  # what speaks in keys alone hangs up


def test_nothing_stays_of_runs_that_are_gone(engine, tiny_ae):
    """Thirty short runs, looked at and deleted: no future, follower, thread or event is left."""
    config = TrainConfig(epochs=1, batch_size=32, limit=64, device="cpu")
    client = engine.workers.client

    def left() -> tuple:
        return (
            len(engine._books.followers),
            len(client.futures),
            len(client._event_handlers),
            len(engine.library._ready),
            sum(t.name.startswith("aecore-r") for t in threading.enumerate()),
            len(list(engine.store.root.glob("r*"))),
        )

    def known(dask_scheduler) -> tuple[int, list[str]]:
        return len(dask_scheduler.tasks), list(dask_scheduler._broker._topics)

    def live() -> int:
        from aecore.jobs import keeping

        return len(keeping._kept)

    # What the tests before left may go meanwhile.
    before, tasks = left(), client.run_on_scheduler(known)[0]
    kept = sum(client.run(live).values())
    for _ in range(10):
        runs = [engine.submit(f"o{i}", "Short", tiny_ae, config, "digits") for i in range(3)]
        for run in runs:
            status(run, "finished")
            engine.library.current(run.run_id)
            engine.delete(run.owner, run.run_id)
    until(lambda: all(now <= then for now, then in zip(left(), before, strict=True)))

    until(lambda: client.run_on_scheduler(known)[0] <= tasks)
    topics = [t for t in client.run_on_scheduler(known)[1] if t.startswith("aecore")]
    assert topics == [TOPIC]
    until(lambda: sum(client.run(live).values()) <= kept)


def test_closing_while_it_starts_leaves_nothing(tmp_path, tiny_ae):
    """Whenever it comes: before, while or after processes are started."""
    for wait in (0.0, 0.05, 0.4):
        engine = JobEngine(tmp_path)
        starting = threading.Thread(target=lambda e=engine: _start(e), daemon=True)
        starting.start()
        time.sleep(wait)  # any moment will do
        engine.close()
        starting.join(20)
        assert not starting.is_alive()
        assert engine.workers._embedded is None
        below = psutil.Process().children(recursive=True)
        assert not [p for p in below if "aecore.jobs.member" in p.cmdline() and p.ppid() == 1]
        with pytest.raises(JobError, match="not there"):
            engine.workers.submit(None)


def _start(engine: JobEngine) -> None:
    try:
        engine.start()
    except JobError:
        return  # it was closed


def test_stopped_before_it_is_handed_over(engine, submit, monkeypatch):
    """Between waiting and submitted there is nothing to cancel yet: it just never goes out."""
    gate, sent = threading.Event(), []
    start, send = engine.workers.start, engine.workers.submit
    monkeypatch.setattr(
        engine.workers,
        "start",
        lambda: (threading.current_thread().name.startswith("aecore-r") and gate.wait(30), start()),
    )
    monkeypatch.setattr(engine.workers, "submit", lambda order: (sent.append(order), send(order)))
    run = submit(LONG)
    engine.command(ME, run.run_id, "stop")
    assert run.recording.status == "stopped"
    gate.set()
    until(lambda: not [f for f in engine._books.followers.values() if f.run is run])
    assert sent == []
    assert run.recording.status == "stopped"
