"""The process that reads: its limits hold, it comes back after a fall, and it ends with the app."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aecore.errors import CheckpointError
from aecore.inspection.files import confined
from aecore.inspection.files.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks only on Linux")


@pytest.fixture(scope="module")
def box():
    box = Sandbox("tests.inspection.hostile_readers:obey", seconds=1.5)
    yield box
    box.close()


def test_contents_come_back_from_another_process(box):
    contents = box.run(b"nothing", "x")
    assert contents.facts["pid"] not in (os.getpid(), os.getppid())
    assert contents.tensors["w"][0] == 1
    assert contents.tensors["w"][1].isnan()
    assert box.costs[-1].seconds < 1


def test_a_path_is_read_as_well(box, tmp_path):
    (tmp_path / "order").write_bytes(b"nothing")
    assert "w" in box.run(tmp_path / "order", "x").tensors


@linux
@pytest.mark.parametrize("order", [b"sleep 30", b"spin"])
def test_what_takes_too_long_is_stopped(box, order):
    begun = time.monotonic()
    with pytest.raises(CheckpointError, match=r"took longer than 1\.5 seconds"):
        box.run(order, "x")
    assert time.monotonic() - begun < 4


@linux
def test_memory_is_limited_and_measured_and_large_results_come_back():
    box = Sandbox("tests.inspection.hostile_readers:obey")
    with pytest.raises(CheckpointError, match="memory"):
        box.run(b"hoard", "x")
    assert 400 < box.costs[-1].megabytes < 1000
    contents = box.run(b"big 50000000", "x")
    assert contents.tensors["w"].sum() == 50_000_000
    assert 180 < box.costs[-1].megabytes < 260
    box.close()


@linux
def test_a_planted_leak_shows_in_the_cost_of_its_own_file_alone(box):
    """Memory is that of one file's own process: no earlier peak hides a leak, or looks like one."""
    box.run(b"leak 400000000", "x")
    assert 350 < box.costs[-1].megabytes < 500
    box.run(b"nothing", "x")
    assert box.costs[-1].megabytes < 50
    box.run(b"leak 200000000", "x")
    assert 150 < box.costs[-1].megabytes < 300


@linux
@pytest.mark.parametrize("order", [b"crash", b"kill-parent"])
def test_a_crash_is_one_sentence(box, order):
    with pytest.raises(CheckpointError, match="broke its reader"):
        box.run(order, "x")
    assert "w" in box.run(b"nothing", "x").tensors


@pytest.mark.parametrize("order", ["write", "append", "system"])
def test_nothing_is_written_or_run(box, order, tmp_path):
    target = tmp_path / "target"
    if order == "append":
        target.write_text("")
    with pytest.raises(CheckpointError, match="cannot be read"):
        box.run(f"{order} {target}".encode(), "x")
    assert not target.exists() or target.read_text() == ""


@linux
def test_a_dead_helper_is_replaced(box):
    box.run(b"nothing", "x")
    box._helper.kill()
    box._helper.wait()
    assert "w" in box.run(b"nothing", "x").tensors


@linux
def test_two_at_once_and_the_others_wait(box):
    box.run(b"nothing", "x")
    done: list[float] = []
    begun = time.monotonic()

    def one():
        box.run(b"sleep 0.4", "x")
        done.append(time.monotonic() - begun)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert sorted(done)[1] < 0.75 < sorted(done)[2]


def test_a_fresh_process_for_each_file_where_nothing_forks(box, monkeypatch):
    monkeypatch.setattr("sys.platform", "elsewhere")
    assert "w" in box.run(b"nothing", "x").tensors
    with pytest.raises(CheckpointError, match="broke its reader"):
        box.run(b"crash", "x")


@linux
def test_the_helper_ends_with_its_parent():
    code = (
        "import sys; from aecore.inspection.files.sandbox import Sandbox\n"
        "box = Sandbox('tests.inspection.hostile_readers:obey'); box.run(b'nothing', 'x')\n"
        "print(box._helper.pid, flush=True); import os; os._exit(0)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    pid = int(shown.stdout)
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the helper outlived its parent")


@linux
def test_the_helper_inherits_no_sockets_and_little_environment(box, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_APP", "hidden")
    box.close()
    box.run(b"nothing", "x")
    pid = box._helper.pid
    assert b"SECRET_OF_THE_APP" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert sum(link.startswith("socket:") for link in open_handles(pid)) == 1


@linux
def test_a_planted_socket_is_seen():
    with socket.socket() as planted:
        assert os.readlink(f"/proc/self/fd/{planted.fileno()}") in open_handles(os.getpid())


def open_handles(pid: int) -> list[str]:
    """What a process holds open; a handle that is closed while we look is left out."""
    found = []
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(handle))
    return found


@linux
def test_the_kernel_holds_the_limits(box):
    found = box.run(b"limits", "x").facts
    assert found["seconds"] == confined.SECONDS <= 10
    assert found["written"] == 0
    assert 0 < found["memory"] <= confined.MEMORY <= 1 << 30
    assert found["threads"] == 1
