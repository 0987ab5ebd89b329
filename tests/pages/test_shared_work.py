"""Files that several people bring are worked on once, and a tab that reloads keeps its place."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aecore.inspection import apart
from aecore.workshop import workshop
from aecore.workshop.turns import Turns
from pages.shell import shared_work
from tests.jobs.conftest import until


class Leaves(Exception):
    """As Streamlit's own, raised by whatever is drawn when somebody has left."""


def leave(*said) -> None:
    raise Leaves


def nothing(*said) -> None:
    """For who stays."""


def test_one_file_of_many_people_is_read_once_and_who_reloads_finds_it_under_way():
    go_on, made = threading.Event(), []

    def work(tell, place):
        made.append(1)
        while not go_on.wait(0.05):
            tell(0.5, "reading")
        return made

    with ThreadPoolExecutor(4) as pool:
        with pytest.raises(Leaves):
            shared_work.join("file", work, leave, leave)
        asked = [pool.submit(shared_work.join, "file", work, nothing, nothing) for _ in range(3)]
        until(lambda: shared_work._under_way["file"].waiting == 3)
        go_on.set()
        assert [a.result(60) for a in asked] == [[1]] * 3
    assert "file" not in shared_work._under_way  # who asked has it


def test_what_nobody_waits_for_any_more_ends(monkeypatch):
    monkeypatch.setattr(shared_work, "AWAY", 0.0)
    ended = threading.Event()

    def work(tell, place):
        try:
            while True:
                tell(0.5, "reading")
        finally:
            ended.set()

    with pytest.raises(Leaves):
        shared_work.join("gone", work, leave, leave)
    assert ended.wait(60)


def test_a_refusal_is_everybodys_and_the_next_is_tried_anew():
    tries = []

    def work(tell, place):
        tries.append(1)
        raise ValueError("no model")

    for _ in range(2):
        with pytest.raises(ValueError, match="no model"):
            shared_work.join("bad", work, nothing, nothing)
    assert len(tries) == 2


def test_ten_people_with_files_wait_in_line_and_none_is_refused(monkeypatch, state_files):
    """In memory for one at a time; each of the others sees how many are before."""
    monkeypatch.setattr(workshop(), "_turns", Turns(2, 900 << 20))
    seen: list[int] = []
    with ThreadPoolExecutor(10) as pool:
        asked = [
            pool.submit(
                shared_work.join,
                name,
                lambda tell, place, name=name, content=content: apart.check_own(
                    content, name, who=name, tell=tell, place=place
                ),
                nothing,
                seen.append,
            )
            for name, content in state_files
        ]
        assert [a.result(240) for a in asked] == [None] * 10
    assert max(seen) > 2


@pytest.fixture
def state_files(tiny_ae) -> list[tuple[str, bytes]]:
    """Ten small files of this app, all different."""
    from aecore.models import build
    from aecore.runs import checkpoints
    from aecore.runs.card import Card
    from aecore.types import TrainConfig

    return [
        (
            f"{i}.safetensors",
            checkpoints.to_bytes(
                build(tiny_ae, seed=i), Card(f"no. {i}", tiny_ae, TrainConfig(), "digits", "")
            ),
        )
        for i in range(10)
    ]
