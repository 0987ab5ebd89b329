"""Turns within a worker, room in its memory, and where a run goes: with threads, without torch."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from aecore.errors import Interrupted
from aecore.jobs import placing
from aecore.jobs.outlook import outlook
from aecore.jobs.placing import choose
from aecore.jobs.room import BESIDE, Room, needs
from aecore.jobs.slices import Place, Slices
from aecore.runs.run import NO_SPEC, Run
from aecore.training.control import TrainControl
from aecore.training.events import Paused, StepDone
from aecore.types import TrainConfig
from tests.jobs.conftest import until

STEP = 0.125  # seconds that a step takes, by a clock that only steps move


class Table:
    """Threads around one baton; what they do is written down in the order in which it happens."""

    def __init__(self):
        self.now = 0.0
        self.slices = Slices(3 * STEP, lambda: self.now)
        self.log: list[str] = []
        self.threads: list[threading.Thread] = []

    def sit(self, place: Place, steps: int, each: Callable[[int], object] = lambda step: None):
        """A thread that takes a place and does some steps; returns when it stands in line."""

        def work() -> None:
            with place:
                for step in range(steps):
                    self.log.append(place.run or place.who)
                    self.now += STEP
                    each(step)
                    place.go_on()

        before = self.slices.waiting()
        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()
        until(lambda: self.slices.waiting() > before)

    def play(self, opener: Place) -> list[str]:
        """Give up the place that held everybody back, and wait until all are done."""
        opener.__exit__(None)
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        return self.log


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def held(table) -> Place:
    """The baton, held until the test plays: all others stand in line first."""
    return table.slices.urgent("the test").__enter__()


def test_people_take_turns_and_then_their_runs(table, held):
    for who, run in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")):
        table.sit(table.slices.place(who, run), 30)
    log = table.play(held)
    assert log[:12] == ["a1"] * 3 + ["a2"] * 3 + ["a3"] * 3 + ["b1"] * 3  # newcomers, as they came
    # From then on b has half of all, until its 30 steps are done, and a's runs a third of the rest.
    share = Counter(log[: log.index("b1", len(log) - log[::-1].index("b1") - 1) + 1])
    assert share["b1"] == 30
    assert 27 <= share["a1"] + share["a2"] + share["a3"] <= 36
    assert max(share[f"a{i}"] for i in (1, 2, 3)) - min(share[f"a{i}"] for i in (1, 2, 3)) <= 3
    assert len(log) == 120


def test_a_newcomer_comes_next_and_cuts_a_slice_short(table, held):
    def greet(step: int) -> None:
        if step == 10:
            table.sit(table.slices.place("c", "c"), 9)

    table.sit(table.slices.place("a", "a"), 30, greet)
    table.sit(table.slices.place("b", "b"), 30)
    log = table.play(held)
    at = log.index("c")
    assert log[:at].count("a") == 11
    assert log[at : at + 3] == ["c"] * 3


def test_urgent_before_all_and_people_in_turn(table, held):
    def ask(step: int) -> None:
        if step == 4:
            for who in ("x", "x", "y"):
                table.sit(table.slices.urgent(who), 3)

    table.sit(table.slices.place("a", "a"), 12, ask)
    table.sit(table.slices.place("b", "b"), 12)
    log = table.play(held)
    at = log.index("x")
    assert log[:at].count("a") == 5
    assert log[at : at + 9] == ["x"] * 3 + ["y"] * 3 + ["x"] * 3


def test_the_background_works_while_nobody_else_wants_to(table, held):
    table.sit(table.slices.place("", "sweep", background=True), 9)
    table.sit(table.slices.place("a", "a"), 9)
    assert table.play(held) == ["a"] * 9 + ["sweep"] * 9


def test_who_is_apart_holds_nothing_and_saves_nothing_up(table, held):
    back = threading.Event()

    def leave(step: int) -> None:
        if step == 2:
            with places["a"].apart():
                back.wait(60)

    def call_back(step: int) -> None:
        if step == 20:
            back.set()
            until(lambda: table.slices.waiting() == 1)

    places = {who: table.slices.place(who, who) for who in "ab"}
    table.sit(places["a"], 20, leave)
    table.sit(places["b"], 60, call_back)
    log = table.play(held)
    # b had the time to itself; then a has half of it, not all that it did not use before.
    after = log[3 + 21 :]
    assert log[3:24] == ["b"] * 21
    assert 8 <= after[:20].count("b") <= 12


@pytest.mark.parametrize("end", [ValueError, SystemExit])
def test_a_thread_that_ends_by_an_error_gives_the_baton_back(table, held, end, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda about: None)

    def fail(step: int) -> None:
        raise end

    table.sit(table.slices.place("a", "a"), 5, fail)
    table.sit(table.slices.place("b", "b"), 5)
    assert table.play(held) == ["a"] + ["b"] * 5


def test_a_long_step_counts_for_what_it_took(table, held):
    def long(step: int) -> None:
        table.now += 30 * STEP

    table.sit(table.slices.place("a", "large"), 3, long)
    table.sit(table.slices.place("b", "small"), 60)
    log = table.play(held)
    second = log.index("large", log.index("large") + 1)
    assert log[:second].count("small") == pytest.approx(31, abs=4)


def test_one_computes_at_a_time_and_handing_on_costs_little():
    """With real threads and the real clock; by processor time, for the machine may be full."""
    slices, inside, most = Slices(0.0), [0], [0]

    def work(who: str) -> None:
        with slices.place(who, who) as place:
            for _ in range(100):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
                place.go_on()

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(30)]
    began = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1]
    assert (time.process_time() - began) / 3000 < 1e-3


def test_waiting_for_a_turn_is_no_time_of_training():
    class Long:
        def go_on(self) -> float:
            return 100.0

    control = TrainControl(turn=Long())  # type: ignore[arg-type]
    before = control.clock()
    assert control.may_step()
    assert control.clock() - before < -90


def test_who_is_told_something_comes_soon(table, held):
    """To pause, say: nobody waits for that until everybody else had a slice."""

    def tell(step: int) -> None:
        if step == 5:
            late.soon()

    late = table.slices.place("z", "z")
    for who in "abcd":
        table.sit(table.slices.place(who, who), 12, tell if who == "a" else lambda step: None)
    table.sit(late, 12)
    log = table.play(held)
    at = [i for i, who in enumerate(log) if who == "a"][5]
    assert log[at + 1] == "z"


def test_a_newcomers_first_turn_lasts_until_it_has_shown_something(table):
    table.slices.first = 20 * STEP
    held = table.slices.urgent("the test").__enter__()
    first = table.slices.place("a", "a")
    table.sit(first, 12, lambda step: first.shown() if step == 3 else None)
    table.sit(table.slices.place("b", "b"), 30)
    log = table.play(held)
    assert log[:24] == ["a"] * 4 + ["b"] * 20  # until it has, or at most so long


# Room -----------------------------------------------------------------------------------------


def test_a_run_waits_for_room_and_who_has_none_open_comes_first():
    room, order, gates = Room(25), [], {}

    def run(who: str, name: str, size: int = 10) -> None:
        with room.taken(who, size, lambda: True):
            order.append(name)
            gates[name].wait(60)

    def start(who: str, name: str, **given) -> None:
        gates[name] = threading.Event()
        threading.Thread(target=run, args=(who, name), kwargs=given, daemon=True).start()

    for who, name in (("a", "a1"), ("b", "b1")):
        start(who, name)
        until(lambda name=name: name in order)
    for count, (who, name) in enumerate((("a", "a2"), ("c", "c1")), 1):
        start(who, name)
        until(lambda count=count: len(room._waiting) == count)
    assert order == ["a1", "b1"]
    gates["b1"].set()
    until(lambda: len(order) == 3)
    assert order[2] == "c1"  # a has one open
    start("d", "huge", size=1000)
    for name in ("a1", "c1"):
        gates[name].set()
    until(lambda: "huge" in order or "a2" in order)
    for gate in gates.values():
        gate.set()
    until(lambda: len(order) == 5)  # what never fits runs alone
    until(lambda: not room._open)


def test_a_withdrawn_run_waits_no_longer():
    room = Room(0)
    with room.taken("a", 1, lambda: True):
        with pytest.raises(Interrupted), room.taken("b", 1, lambda: False):
            pass
        assert not room.scarce


def test_what_a_run_needs_grows_with_its_weights_and_its_batch(tiny_ae):
    small = needs(tiny_ae, TrainConfig(batch_size=32))
    assert small > BESIDE
    assert needs(tiny_ae, TrainConfig(batch_size=4096)) > small


# Where a run goes, and when it ends -----------------------------------------------------------


def run_of(owner: str, worker: str | None = None, status: str = "training") -> Run:
    run = Run(f"r{owner}", owner, owner, NO_SPEC, TrainConfig(epochs=1), "digits")
    run.worker, run.recording.status = worker, status
    return run


@pytest.mark.parametrize(
    ("there", "goes"),
    [
        ([], "A"),
        ([("x", "A", "training")], "B"),
        ([("x", "A", "paused")], "B"),  # both are idle; memory decides
        ([("x", "A", "paused"), ("y", "B", "training")], "A"),
        ([("me", "A", "training")], "B"),  # on two cores one person has both
        ([("x", "A", "finished"), ("y", "B", "training")], "A"),
        # With all taken, a second run of mine costs nobody a share where the first is.
        ([("x", "A", "training"), ("y", "B", "training"), ("me", "B", "training")], "A"),
        ([("x", "A", "training"), ("x", "A", "training"), ("y", "B", "training")], "B"),
    ],
)
def test_where_a_run_goes(there, goes):
    assert choose(run_of("me"), [run_of(*about) for about in there], ["A", "B"]) == goes


def test_runs_move_to_a_worker_that_is_new_and_stop_moving(monkeypatch):
    """As many as make it even, however many look at the same moment; and not shortly before the
    end."""
    left = [100.0]
    found = SimpleNamespace(people=0, runs=0, share=0.0)
    monkeypatch.setattr(
        placing, "outlook", lambda run, runs: SimpleNamespace(**vars(found), ends_in=left[0])
    )
    runs = [run_of(f"o{i}", "A") for i in range(12)]
    left[0] = 1.0
    assert not any(placing.place_better(run, runs, ["A", "B"]) for run in runs)
    left[0] = 100.0
    for _ in range(5):
        moved = [run for run in runs if placing.place_better(run, runs, ["A", "B"])]
    assert not moved
    assert 5 <= sum(run.placed == "B" for run in runs) <= 6


def test_the_end_is_foretold_from_the_clock_or_by_counting(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    run, others = run_of("me", "A"), [run_of(f"o{i}", "A") for i in range(3)]
    everybody = [run, *others, run_of("far", "B"), run_of("me", "B"), run_of("over", "A", "failed")]
    recording = run.recording
    assert outlook(run, everybody).ends_in is None

    class Begun:
        epochs, examples = 10, 1000

    recording.started = Begun()  # type: ignore[assignment]
    recording.add(StepDone(1, 0, 1000, 0.5, 2000.0, 0.1))
    seen = outlook(run, everybody)
    assert (seen.people, seen.runs, seen.share) == (5, 6, 1 / 4)
    assert seen.ends_in == pytest.approx(9000 / (2000 / 4))
    now[0] += 10
    recording.add(StepDone(2, 0, 2000, 1.0, 2000.0, 0.1))  # a tenth of the machine, not a quarter
    assert outlook(run, everybody).ends_in == pytest.approx(8000 / 100)
    now[0] += 30
    recording.add(StepDone(3, 0, 8000, 1.5, 2000.0, 0.1))
    assert len(recording.recent) == 1  # what is long past says nothing
    recording.add(Paused(3, 1.5))
    assert outlook(run, everybody).ends_in is None
