"""A run as the app keeps it in memory, and what its folder holds."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aecore.runs.card import Card
from aecore.runs.recording import Recording
from aecore.types import DataSpec, ModelSpec, TrainConfig

ID_PATTERN = re.compile(r"r[0-9a-f]{12}")
WATCH_PATTERN = re.compile(r"[0-9a-f]{24}")
MODEL_FILE, FACTS_FILE, EPOCHS_FOLDER = "model.safetensors", "run.json", "epochs"
EARLY_FILE = "within.safetensors"  # weights from inside an epoch: to go on from, not to look at
KINDS = ("training", "upload", "damaged")
NO_SPEC = ModelSpec("unknown", DataSpec((1,)), 1)  # of a run whose files say nothing readable
_COOKIE = re.compile(r"[0-9a-f]{32}")
_PASSING = "0" * 16  # how owners without a cookie begin: no hash of one does, but by 2 ** -64


def new_run_id() -> str:
    """An id that nobody guesses."""
    return "r" + secrets.token_hex(6)


def owner_key(cookie: str) -> str:
    """What stands for the owner of a cookie, 64 hex digits: it opens nothing by itself."""
    return hashlib.sha256(b"aecore-owner:" + cookie.encode()).hexdigest()


def passing_owner(session: str) -> str:
    """What stands for somebody without a cookie, for as long as a session of theirs lasts."""
    return _PASSING + owner_key(session)[len(_PASSING) :]


def has_cookie(owner: str) -> bool:
    """Whether an owner has a cookie, by which they are found again."""
    return not owner.startswith(_PASSING)


def is_cookie(owner: str) -> bool:
    """Whether an owner is written as runs of earlier versions had it: by the cookie itself."""
    return _COOKIE.fullmatch(owner) is not None


@dataclass
class Run:
    """A run of one owner. `kind` is 'training', 'upload' for a file somebody brought, or 'damaged'
    for one of which no model can be read; `notice` then says why.

    watch: whoever shows this token may look at the run; "" for nobody but its owner.
    leader: the process of the app that takes in what its worker sends and writes it; "" once it is
    over. token: the order under way. remark: what happened to it on the way and is mended.
    lock: held while its files or what is said of them here change.
    """

    run_id: str
    owner: str
    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    kind: str = "training"
    created: float = field(default_factory=time.time)
    watch: str = ""
    recording: Recording = field(default_factory=Recording)
    worker: str | None = None
    placed: str | None = None  # the worker that it was meant for, before that says a word
    content: bytes | None = None  # the newest checkpoint, kept here only if the disk refused it
    file: Path | None = None  # where the newest checkpoint lies; None for its usual place
    notice: str = ""
    remark: str = ""
    leader: str = ""
    token: str = ""
    received: int = 0  # messages of this order's that were taken in
    end_seen: bool = False  # its owner has been shown that it ended
    saved_epoch: int = 0  # the whole epochs that the newest checkpoint holds
    early: int = 0  # examples behind the weights from inside the next epoch; 0 for none
    saved: int = 0  # counts checkpoints taken in: a new number means new weights
    digest: bytes = b""  # of the newest checkpoint
    size: int | None = None  # bytes of its files; None until they are counted
    seen: tuple[int, ...] | None = None  # run.json and the newest checkpoint, as they were when
    seen_model: tuple[int, ...] | None = None  # this process had to do with them last
    synced: dict[str, Any] = field(default_factory=dict, repr=False)  # what run.json said then
    looked: float = 0.0  # when it was looked whether others had changed them, by our own clock
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def has_model(self) -> bool:
        return self.saved > 0

    def way_on(self) -> str:
        """From where a run that ended early can be resumed, in a sentence."""
        if self.early:
            return f"It can be resumed from within epoch {self.saved_epoch + 1}."
        if self.saved_epoch:
            return f"It can be resumed from epoch {self.saved_epoch}."
        return "It had finished no epoch yet; resuming starts it again."

    def interrupted(self) -> None:
        """Mark a live run as ended with the server."""
        self.recording.fail(f"The server was restarted during this run. {self.way_on()}")
        self.leader = self.token = ""


def restore(run: Run, card: Card) -> None:
    """Refill a run's curves from its card: one point an epoch is what a card holds."""
    run.recording.history = list(card.history)
    run.recording.newest = card.newest
    run.recording.changes = list(card.changes)
    run.recording.probes = [
        (int(row.get("images_seen", 0)), row.get("seconds", 0.0), row["test_mse"])
        for row in card.history
        if "test_mse" in row
    ]
