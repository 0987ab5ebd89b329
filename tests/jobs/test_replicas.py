"""Several processes of the app on one folder and one cluster, each killed as it comes."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aecore.datasets.own.kept_file import OwnData
from aecore.datasets.own.store import keep_for
from aecore.errors import DatasetError, JobError
from aecore.jobs import arriving
from aecore.jobs.engine import JobEngine
from aecore.runs import checkpoints
from tests.jobs.conftest import ME, OTHER, SHORT, status, trained, until

pytestmark = pytest.mark.timeout(900)  # each start of a process takes its time on a busy machine
HOME = Path(__file__).parents[2]
EPOCHS = 400

APP = """
import sys, time
from pathlib import Path
from aecore import datasets
from aecore.jobs.engine import JobEngine
from aecore.types import ModelSpec, TrainConfig
root, address, epochs = sys.argv[1:]
engine = JobEngine(Path(root), address)
spec = ModelSpec("dense-ae", datasets.source("digits").spec, 3, {"hidden": (16,)})
config = TrainConfig(epochs=int(epochs), batch_size=32, device="cpu")
run = engine.submit("me", "A run", spec, config, "digits")
print(run.run_id, flush=True)
while True:
    time.sleep(1)
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def listens(address: str) -> bool:
    with socket.socket() as trying:
        return not trying.connect_ex(("127.0.0.1", int(address.rsplit(":", 1)[1])))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Iterator[str]:
    """A scheduler and a worker as their own commands, that know nothing of the runs' folder."""
    address = f"tcp://127.0.0.1:{free_port()}"
    nowhere = tmp_path_factory.mktemp("elsewhere")
    folders = {"AECORE_RUNS": str(nowhere / "runs"), "AECORE_DATA": str(nowhere / "data")}
    environment = dict(os.environ, PYTHONPATH=str(HOME), **folders)
    commands = (
        ["scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1]],
        ["worker", address, "--processes", "1", "--host", "127.0.0.1"],
    )
    started = [
        subprocess.Popen([sys.executable, "-m", "aecore", *c], cwd=nowhere, env=environment)
        for c in commands
    ]
    until(lambda: listens(address))
    yield address
    for process in reversed(started):
        process.terminate()
    for process in started:
        process.wait(30)


@pytest.fixture
def replica(elsewhere, tmp_path, monkeypatch) -> Iterator[JobEngine]:
    """A process of the app on the folder of another."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    engine = JobEngine(tmp_path, elsewhere)
    engine.start()
    yield engine
    engine.close()


def test_a_run_outlives_the_app_and_the_worker_that_had_it(elsewhere, replica, tmp_path, digits):
    """Begun at one process, seen and steered at another, which leads it when the first is killed,
    and resumes it by itself, from no earlier than what was kept, when its worker is too."""
    app = subprocess.Popen(
        [sys.executable, "-c", APP, str(tmp_path), elsewhere, str(EPOCHS)],
        cwd=HOME,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert app.stdout is not None
    run_id = app.stdout.readline().strip()
    try:
        run = replica.get(run_id)
        until(lambda: run.recording.started and run.saved_epoch >= 2)
        assert [r.run_id for r in replica.runs(ME)] == [run_id]
        assert run.leader != replica.store.replica.me
        # Steered from where it is not led; renamed and shared, which the other must not undo.
        replica.command(ME, run_id, "pause")
        status(run, "paused")
        replica.library.rename(ME, run_id, "Renamed")
        token = replica.share(ME, run_id)
        with pytest.raises(JobError, match="another browser"):
            replica.command(OTHER, run_id, "resume")
        replica.command(ME, run_id, "resume")
        reached = run.saved_epoch
        until(lambda: run.saved_epoch > reached + 1)
    finally:
        app.send_signal(signal.SIGKILL)
        app.wait()

    until(lambda: run.leader == replica.store.replica.me, patience=30)
    worker, reached = run.worker, run.saved_epoch
    until(lambda: run.saved_epoch > reached + 1)
    assert run.worker == worker, "the death of an app costs its runs nothing"
    assert run.recording.launches == 0
    (killed,) = {p.pid for p in psutil.process_iter(["cmdline"]) if _works_for(p, elsewhere)}
    reached = run.saved_epoch
    os.kill(killed, signal.SIGKILL)
    until(lambda: run.worker not in (None, worker))
    trained(run, reached + 1)
    assert f"epoch {reached}" in run.remark or run.recording.started.first_epoch >= reached
    epochs = [row["epoch"] for row in run.recording.history]
    assert epochs == list(range(1, len(epochs) + 1))

    replica.command(ME, run_id, "stop")
    status(run, "stopped")
    until(lambda: not run.leader)
    assert (run.name, replica.watched(token)) == ("Renamed", run)
    card = checkpoints.read_card(replica.store.newest_file(run))
    assert [row["epoch"] for row in card.history] == list(range(1, card.epochs_done + 1))
    replica.delete(ME, run_id)
    with pytest.raises(JobError, match="There is no run"):
        replica.get(run_id)


def _works_for(process: psutil.Process, scheduler: str) -> bool:
    """Whether a process is a worker, connected with this scheduler."""
    if "aecore.jobs.member" not in (process.info["cmdline"] or ()):
        return False
    port = int(scheduler.rsplit(":", 1)[1])
    return any(c.raddr and c.raddr.port == port for c in process.net_connections("inet"))


def test_own_data_travel_once(replica, tmp_path, digits, tiny_ae, monkeypatch):
    """To a worker whose folders are empty; the second run finds them there."""
    name = keep_for(tmp_path / "data", OwnData(digits, (), "Mine"), ME)
    sent, pieces = [], arriving.pieces
    monkeypatch.setattr(arriving, "pieces", lambda name: (sent.append(name), pieces(name))[1])
    for _ in range(2):
        run = status(replica.submit(ME, "Own", tiny_ae, SHORT, name), "finished", "failed")
        assert (run.recording.status, run.recording.message) == ("finished", "")
    assert sent == [name]


def test_damaged_on_the_way_is_no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    name, good = "own-0123456789ab", hashlib.sha256(b"whole").hexdigest()

    def send(piece: bytes) -> None:
        arriving.take_piece(name, f"{name}.npz", piece, good, True)

    with pytest.raises(DatasetError, match="came damaged"):
        arriving.load(name, lambda: send(b"half"), lambda: True)
    assert not list((tmp_path / "data").glob("*"))
    with pytest.raises(DatasetError, match="is damaged"):  # whole, and no dataset
        arriving.load(name, lambda: send(b"whole"), lambda: True)
    assert (tmp_path / "data" / f"{name}.npz").read_bytes() == b"whole"
    assert not arriving.take_piece("../x", "y", b"", "", True)
