"""Children that work on strangers' files: limits hold, deaths are sentences, results checked."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aecore.errors import AecoreError, ConfigError, DatasetError, InspectionError, UnknownNameError
from aecore.workshop import Made, Task, Workshop, helper, landlock, passing, seccomp
from aecore.workshop.probe import Walls
from aecore.workshop.workshop import _pieces

ROOT = Path(__file__).resolve().parents[2]
OBEY = "tests.workshop.hostile:obey"
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks only on Linux")


def task(**given) -> Task:
    return Task(OBEY, **{"seconds": 1, "memory": 300 << 20, "error": DatasetError, **given})


@pytest.fixture(scope="module")
def shop():
    shop = Workshop(at_once=2)
    yield shop
    shop.close()


def run(shop: Workshop, *order, files=(), **given) -> Made:
    calls = {k: given.pop(k) for k in ("who", "tell", "place") if k in given}
    return shop.run(task(**given), files, {"order": order}, **calls)


def test_what_a_child_made_comes_back(shop):
    made = run(shop, "", prepare="tests.workshop.hostile:prepare")
    assert made.about["pid"] not in (os.getpid(), os.getppid())
    assert made.about["prepared"] == [shop.helper_pid]
    assert made.arrays["f"][0] == 1
    assert str(made.arrays["f"][1]) == "nan"
    assert made.arrays["b"].tolist() == [True]
    assert made.arrays["n"].sum() == 15
    assert shop.costs[-1].end == "made"


def test_files_and_arguments_arrive(shop, tmp_path):
    (tmp_path / "one").write_text("one")
    about = run(shop, "texts", files=[tmp_path / "one", b"two"]).about
    assert about["texts"] == ["one", "two"]
    assert about["order"] == ["texts"]
    with pytest.raises(DatasetError, match="No such file"):
        run(shop, "texts", files=[tmp_path / "none"])


def test_errors_arrive_as_what_they_were(shop):
    with pytest.raises(ConfigError, match=r"^too wide$"):
        run(shop, "raise", "config")
    with pytest.raises(InspectionError) as caught:
        run(shop, "raise", "finding")
    assert caught.value.finding == "other-data"
    with pytest.raises(UnknownNameError, match=r"fruit called 'pear'; choose one of: apple"):
        run(shop, "raise", "name")
    with pytest.raises(DatasetError, match="damaged or of a kind"):
        run(shop, "raise", "bug")
    assert shop.costs[-1].end == "stumbled"


def test_progress_is_told_and_ends_the_work_where_it_raises(shop):
    told: list[tuple[float, str]] = []
    run(shop, "tell", tell=lambda share, what: told.append((share, what)))
    assert {(0.4, "part 2"), (0.8, "part 4")} <= set(told)

    def gone(share, what):
        if what != "reading the file":
            raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(shop, "tell", tell=gone)
    with pytest.raises(KeyboardInterrupt):  # also where the child says nothing
        run(shop, "sleep", 30, seconds=30, tell=lambda share, what: gone(share, ""))
    assert time.monotonic() - begun < 10
    assert not children(shop.helper_pid)


@linux
@pytest.mark.parametrize("order", [("sleep", 60), ("spin",)])
def test_what_takes_too_long_is_stopped(shop, order):
    begun = time.monotonic()
    with pytest.raises(DatasetError, match=r"Reading the file took longer than 1 seconds"):
        run(shop, *order)
    assert time.monotonic() - begun < 12
    assert shop.costs[-1].end == "late"


@linux
@linux
@pytest.mark.parametrize(("waited", "late"), [(100.0, False), (0.0, True)])
def test_waiting_for_a_core_is_no_fault_of_the_files(monkeypatch, waited, late):
    monkeypatch.setattr(helper, "active", lambda pid: (0.0, waited))
    (report, out), now = os.pipe(), time.monotonic()
    process = subprocess.Popen(["sleep", "1"])
    children = {process.pid: helper._Child(1, now, now + 50, out)}
    until = now + 60
    while children and time.monotonic() < until:
        helper._reap(children)
        time.sleep(0.01)
    assert json.loads(os.read(report, 1000))["late"] is late


@linux
def test_who_waits_while_all_is_prepared_on_a_full_machine_is_not_late():
    (reads, writes), began = os.pipe(), time.monotonic()
    pieces = _pieces(reads, 0.1, 60.0, lambda: time.monotonic() - began)
    assert next(pieces) == b""  # five times as long as it has
    os.write(writes, b"first")
    assert next(pieces) == b"first"


def test_memory_is_limited_and_measured_and_large_results_come_back(shop):
    with pytest.raises(DatasetError, match="more than 300 MB of memory"):
        run(shop, "hoard")
    assert 150 < shop.costs[-1].megabytes < 320
    made = run(shop, "big", 40_000_000, seconds=20)
    assert made.arrays["w"].sum() == 40_000_000
    run(shop, "leak", 200_000_000, seconds=20)  # no earlier peak hides it, or looks like one
    assert 150 < shop.costs[-1].megabytes < 300
    run(shop, "")
    assert shop.costs[-1].megabytes < 50


@linux
@pytest.mark.parametrize("order", ["abort", "kill"])
def test_a_death_is_one_sentence(shop, order):
    with pytest.raises(DatasetError, match="broke the process that did it"):
        run(shop, order)
    assert run(shop, "").about["pid"]


@linux
def test_a_child_cannot_end_its_helper(shop):
    run(shop, "")
    helper = shop.helper_pid
    with pytest.raises(AecoreError):
        run(shop, "kill helper")
    assert shop.helper_pid == helper


@linux
def test_a_dead_helper_is_replaced_and_its_work_begins_again(shop):
    run(shop, "")
    first = shop.helper_pid
    os.kill(first, signal.SIGKILL)
    assert run(shop, "").about["pid"]
    second = shop.helper_pid
    assert second != first

    def kill_once(share, what):
        if what == "part 1" and shop.helper_pid == second:
            os.kill(second, signal.SIGKILL)

    assert run(shop, "tell", tell=kill_once).about["pid"]
    assert shop.helper_pid != second


@linux
@pytest.mark.parametrize(
    "said",
    ["x", "r" + "\x02" + "\0" * 7 + "{}", "p\x02" + "\0" * 7 + "[]", "r" + "\xff" * 8, ""],
)
def test_nonsense_is_not_believed(shop, said):
    with pytest.raises(DatasetError, match=r"nonsense|broke"):
        run(shop, "nonsense", said)
    assert shop.costs[-1].end in ("doubtful", "broken")


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b'{"__metadata__": {"about": 1}}',
        b'{"__metadata__": {}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"__metadata__": {}, "a": {"dtype": "O", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"__metadata__": {}, "a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}',
        b"[" * 200_000,
        b'{"__metadata__": {}}trailing',
    ],
)
def test_a_result_that_lies_is_refused(header):
    with pytest.raises(passing.Nonsense):
        passing.receive(bytearray(len(header).to_bytes(8, "little") + header))


@pytest.mark.parametrize("text", ["[]", '{"a": NaN}', '{"a": 1e999}', '{"a": ' + "[" * 100])
def test_texts_are_objects_of_finite_numbers(text):
    with pytest.raises(passing.Nonsense):
        passing.parse(text)


# -- walls -----------------------------------------------------------------------------------------


@linux
def test_the_kernel_holds_the_limits(shop):
    found = run(shop, "limits").about
    assert found["seconds"] == 1
    assert found["written"] == 0
    assert 0 < found["memory"] <= 300 << 20
    assert found["threads"] == 1
    assert found["handles"] < 12
    assert found["nice"] >= 2


@pytest.mark.parametrize("order", ["write", "system"])
def test_python_writes_and_runs_nothing(shop, order, tmp_path):
    with pytest.raises(DatasetError, match="damaged or of a kind"):
        run(shop, order, str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


DEEDS = ["read", "list", "make", "remove", "connect", "fork", "run", "signal", "trace", "limits"]
KERNEL = {
    "landlock": (landlock.version() >= 6, ["read", "list", "make", "remove", "connect", "signal"]),
    "seccomp": (seccomp.possible(), [d for d in DEEDS if d not in ("read", "list")]),
}


@linux
@pytest.mark.parametrize("wall", KERNEL)
def test_each_wall_of_the_kernel_holds_alone(wall, tmp_path):
    """Machine code that goes round Python, behind this wall and no other."""
    possible, refused = KERNEL[wall]
    if not possible:
        pytest.skip(f"no {wall} of this version here")
    (tmp_path / "secret").write_text("of somebody else")
    (tmp_path / "removed").write_text("")
    code = (
        "import json, sys; from tests.workshop import hostile\n"
        "wall, told = sys.argv[1], json.loads(sys.argv[2])\n"
        "before = hostile.alone([], told, None).about['refused']\n"
        "open(told['removed'], 'w').close()\n"
        "assert hostile.WALLS[wall]()\n"
        "print(json.dumps([before, hostile.alone([], told, None).about['refused']]))"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener, victim() as pid:
        told = {n: str(tmp_path / n) for n in ("secret", "removed", "target")}
        told |= {"port": listener.getsockname()[1], "pid": pid}
        shown = subprocess.run(
            [sys.executable, "-c", code, wall, json.dumps(told)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert shown.returncode == 0, shown.stderr
    before, after = json.loads(shown.stdout)
    assert not {"read", "make", "remove", "connect", "fork", "run"} & set(before)
    assert set(refused) <= set(after)


@contextlib.contextmanager
def victim():
    process = subprocess.Popen(["sleep", "100"])
    yield process.pid
    process.kill()
    process.wait()


@linux
def test_the_walls_that_are_promised_were_tried(shop):
    walls = shop.walls()
    assert walls.known
    assert walls.writing  # by the limit alone, on every Linux
    assert walls.files == bool(landlock.version())
    assert walls.programs == seccomp.possible()
    assert ("open files" in walls.in_words()) == walls.files
    assert Walls().in_words() == "has limits of memory and time"


# -- turns -----------------------------------------------------------------------------------------


def test_a_few_at_once_and_the_others_are_told_their_place(shop):
    run(shop, "")
    places: dict[str, list[int]] = {}
    order: list[str] = []

    def one(name: str, who: str):
        def place(ahead):
            if not places.setdefault(name, []) or places[name][-1] != ahead:
                places[name].append(ahead)

        run(shop, "sleep", 0.8, who=who, place=place)
        order.append(name)

    threads = []
    for name in ("a1", "a2", "a3", "b1"):
        threads.append(threading.Thread(target=one, args=(name, name[0])))
        threads[-1].start()
        deadline = time.monotonic() + 5
        while name not in places and time.monotonic() < deadline:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert places["a1"] == places["a2"] == [0]
    assert places["b1"][0] == 2
    assert places["a3"][:2] == [2, 3]
    assert all(p[-1] == 0 for p in places.values())


def test_the_sum_of_memory_is_limited():
    shop = Workshop(at_once=4, together=300 << 20)
    try:
        run(shop, "", memory=200 << 20)
        places: list[int] = []
        thread = threading.Thread(target=run, args=(shop, "sleep", 1), kwargs={"memory": 200 << 20})
        thread.start()
        time.sleep(0.3)
        run(shop, "", memory=200 << 20, place=places.append)
        thread.join()
        assert places[0] == 1
        with pytest.raises(ValueError, match="more than all children"):
            run(shop, "", memory=400 << 20)
    finally:
        shop.close()


def test_who_goes_away_while_waiting_leaves_the_line(shop):
    run(shop, "")
    threads = [
        threading.Thread(target=run, args=(shop, "sleep", 1.0), kwargs={"who": w}) for w in "ab"
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.3)

    def gone(ahead):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shop, "", who="c", place=gone)
    for thread in threads:
        thread.join()
    assert run(shop, "", who="d").about["pid"]


# -- processes -------------------------------------------------------------------------------------


def test_a_fresh_process_for_each_task_where_nothing_forks(shop, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "elsewhere")
    told: list[tuple[float, str]] = []
    assert run(shop, "tell", tell=lambda *t: told.append(t)).arrays["n"].sum() == 15
    assert any("part" in what for _, what in told)
    (tmp_path / "one").write_text("one")
    assert run(shop, "texts", files=[tmp_path / "one", b"2"]).about["texts"] == ["one", "2"]
    with pytest.raises(DatasetError, match="broke the process"):
        run(shop, "abort")


@linux
def test_no_process_outlives_the_app():
    code = (
        "import threading, time; from tests.workshop import test_workshop as t\n"
        "shop = t.Workshop(); t.run(shop, '')\n"
        "go = lambda: t.run(shop, 'sleep', 60, seconds=60)\n"
        "threading.Thread(target=go, daemon=True).start()\n"
        "while not t.children(shop.helper_pid): time.sleep(.05)\n"
        "print(shop.helper_pid, *t.children(shop.helper_pid), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as app:
        assert app.stdout is not None
        pids = [int(pid) for pid in app.stdout.readline().split()]
        app.kill()
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process outlived the app"
        time.sleep(0.05)


@linux
def test_a_child_ends_with_its_helper(shop):
    run(shop, "")
    helper = shop.helper_pid
    seen: list[int] = []

    def kill_all(share, what):
        found = children(shop.helper_pid)
        if found and shop.helper_pid == helper:
            seen.extend(found)
            os.kill(helper, signal.SIGKILL)

    run(shop, "sleep", 1, seconds=20, tell=kill_all)
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in seen):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert seen


@linux
def test_the_helper_inherits_no_sockets_and_little_environment(shop, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_APP", "hidden")
    shop.close()
    run(shop, "")
    pid = shop.helper_pid
    assert b"SECRET_OF_THE_APP" not in Path(f"/proc/{pid}/environ").read_bytes()
    with socket.socket() as planted:
        assert os.readlink(f"/proc/self/fd/{planted.fileno()}") in open_handles(os.getpid())
    assert sum(link.startswith("socket:") for link in open_handles(pid)) == 1


def open_handles(pid: int) -> list[str]:
    """What a process holds open; a handle that is closed while we look is left out."""
    found = []
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(handle))
    return found


def children(pid: int | None) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
