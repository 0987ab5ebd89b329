"""Runs on disk: a folder each, so that they outlive the page, the session and the server."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import os
import secrets
import shutil
import threading
import time
from pathlib import Path

from aecore.errors import CheckpointError, JobError
from aecore.evaluation.trouble import best_of
from aecore.runs import checkpoints, facts
from aecore.runs.found import epoch_files, read_run
from aecore.runs.replica import Replica
from aecore.runs.run import (
    EARLY_FILE,
    EPOCHS_FOLDER,
    FACTS_FILE,
    ID_PATTERN,
    MODEL_FILE,
    WATCH_PATTERN,
    Run,
    is_cookie,
    new_run_id,
    owner_key,
    restore,
)
from aecore.writing import remove_left_overs, write_or_say

__all__ = ["ID_PATTERN", "Run", "RunStore", "least_missed", "new_run_id", "owner_key", "restore"]

log = logging.getLogger(__name__)
MAX_EPOCH_FILES = 60  # snapshots kept for looking back; more are thinned
MAX_EPOCH_BYTES = 256 << 20  # of them together, of one run
MAX_UNSAVED = 512 << 20  # bytes of models that wait in memory for a disk that takes them
LOOK = 1.0  # seconds between two looks whether another process changed a run, or has new ones
UNSAVED = "It is in this server's memory alone, and goes with its next restart: download it."


class RunStore:
    """The folder of runs. With an unwritable folder everything stays in memory, and says so.

    Several processes may have it at once; what is written there is what they know in common.

    outlived: whether runs may go on although the process that led them is gone; else such runs are
    marked as interrupted. troubles: a sentence for each run found damaged when the store was
    opened.
    """

    def __init__(self, root: Path, outlived: bool = False):
        self.root, self.outlived = root, outlived
        self.replica = Replica(root)
        self._scanned = 0.0
        self._unreadable: dict[str, tuple[int, ...] | None] = {}  # folders, as they were then
        self._lock = threading.RLock()
        self.runs: dict[str, Run] = {}
        self.troubles: list[str] = []
        self._read_all()

    def add(self, run: Run) -> None:
        with self._lock:
            self.runs[run.run_id] = run
        self.write_facts(run)

    def get(self, run_id: str) -> Run:
        """Return the run, or raise JobError."""
        if run_id not in self.runs and ID_PATTERN.fullmatch(run_id):
            self._read(self.folder(run_id))
        run = self.runs.get(run_id)
        if run is None or not self.look(run):
            raise JobError(
                f"There is no run {run_id[:20]!r} here: it was deleted, or the link is incomplete. "
                "Choose a run on the Runs page."
            )
        return run

    def owned(self, owner: str, run_id: str) -> Run:
        """Return a run that its owner wants to change, or raise JobError."""
        run = self.get(run_id)
        if run.owner != owner:
            raise JobError(
                f"The run {run.name!r} belongs to another browser: you can watch it, not change it."
            )
        return run

    def owned_by(self, owner: str) -> list[Run]:
        """An owner's runs, newest first."""
        self.scan()
        mine = [r for r in self.all() if r.owner == owner and self.look(r)]
        return sorted(mine, key=lambda r: -r.created)

    def all(self) -> list[Run]:
        """Every run, as they are now."""
        with self._lock:
            return list(self.runs.values())

    def watched(self, token: str) -> Run | None:
        """The run that this token lets one look at; None for a withdrawn or unknown one."""
        if not isinstance(token, str) or not WATCH_PATTERN.fullmatch(token):
            return None
        run = self._shared_by(token)
        if run is None and self.scan():  # or another process gave it away just now
            for known in self.all():
                self.look(known)
            run = self._shared_by(token)
        return run if run is not None and self.look(run) and run.watch == token else None

    def _shared_by(self, token: str) -> Run | None:
        shared = [r for r in self.all() if r.watch]
        return next((r for r in shared if secrets.compare_digest(r.watch, token)), None)

    def folder(self, run_id: str) -> Path:
        return self.root / run_id

    def look(self, run: Run, now: bool = False) -> bool:
        """Take in what other processes changed of a run since it was looked last, LOOK seconds ago
        at most, or `now`; whether it is still there."""
        if not now and time.monotonic() - run.looked < LOOK:
            return True
        with run.lock:
            run.looked = time.monotonic()
            if not facts.meet(run, self.folder(run.run_id), self.replica.me):
                self._drop(run)
                return False
            if run.leader != self.replica.me:
                self._meet_model(run)
        return True

    def _meet_model(self, run: Run) -> None:
        """Take in that another process wrote a run's newest checkpoint."""
        path = self.folder(run.run_id) / MODEL_FILE
        found = facts.signature(path)
        if found is None or found == run.seen_model or run.content is not None:
            return
        run.seen_model = found
        try:
            card = checkpoints.read_card(path)
        except CheckpointError as error:
            log.warning("%s", error)
            return
        run.saved, run.saved_epoch, run.size = run.saved + 1, card.epochs_done, None
        run.file, run.digest = None, b""
        reached = [row.get("epoch", 0) for row in run.recording.history]
        if not run.recording.live or max(reached, default=0) < card.epochs_done:
            restore(run, card)
            run.recording.version += 1

    def scan(self) -> bool:
        """Find runs that other processes added or deleted; whether it was looked, which is done
        every LOOK seconds at most."""
        with self._lock:
            if time.monotonic() - self._scanned < LOOK:
                return False
            self._scanned = time.monotonic()
        try:
            there = {name for name in os.listdir(self.root) if ID_PATTERN.fullmatch(name)}
        except OSError:
            return True  # no folder yet, or none that can be read: writing says so
        for run_id in there - self.runs.keys():
            self._read(self.root / run_id)
        for run in self.all():
            if run.run_id not in there and run.synced and run.leader != self.replica.me:
                self._drop(run)
        return True

    def _drop(self, run: Run) -> None:
        with self._lock:
            if self.runs.get(run.run_id) is run:
                del self.runs[run.run_id]

    def write_facts(self, run: Run) -> None:
        """Write what is known of a run beside its model; a refusing disk becomes its notice."""
        with run.lock, self.replica.alone(run.run_id):
            if run.run_id not in self.runs or run.kind == "damaged":
                return  # deleted meanwhile: nothing of it may come back; or nothing to say of it
            folder = self.folder(run.run_id)
            if not facts.meet(run, folder, self.replica.me):
                self._drop(run)
                return
            try:
                write_or_say(self._made(run) / FACTS_FILE, facts.content(run), 0o600)
                run.seen, run.synced = facts.signature(folder / FACTS_FILE), facts.said(run)
            except CheckpointError as error:
                run.notice = str(error)
            run.size = None

    def lead(self, run: Run, token: str, of: str = "") -> bool:
        """Be the one process that follows a run's order `token`, and have all others know; whether
        it is. of: who must have led it until now, "" for nobody."""
        self.replica.begin()
        with run.lock, self.replica.alone(run.run_id):
            if not self.look(run, now=True) or run.leader != of:
                return False
            run.leader, run.token = self.replica.me, token
            self.write_facts(run)
            return run.run_id in self.runs

    def take_in(
        self, run: Run, content: bytes, epoch: int | None = None, done: int | None = None
    ) -> None:
        """Store a run's newest checkpoint.

        content: written as it came. epoch: which whole epoch it is the end of; it is then kept for
        looking back too, as its weights alone. done: the whole epochs behind the weights, where
        they are of none's end. The last epoch's comes twice, from the run under way and as its
        outcome: the second changes nothing.
        """
        digest = hashlib.sha256(content).digest()
        with run.lock, self.replica.alone(run.run_id):
            if run.run_id not in self.runs or not self.look(run, now=True):
                return  # deleted meanwhile
            if run.leader not in ("", self.replica.me):
                return  # another process leads it now: what comes from its new order counts
            if digest == run.digest and run.content is None:
                return
            try:
                folder = self._made(run)
                write_or_say(folder / MODEL_FILE, content)
                run.content, run.file, run.notice = None, None, ""
                run.seen_model = facts.signature(folder / MODEL_FILE)
                if epoch is not None:
                    best = best_of(run.recording.history)
                    stays = epoch if best is None else int(best["epoch"])
                    self._keep_epoch(folder / EPOCHS_FOLDER, epoch, content, stays)
            except CheckpointError as error:
                if not self._keep_in_memory(run, content, str(error)):
                    return
            run.digest, run.size = digest, None
            run.saved += 1
            reached = epoch if epoch is not None else done
            run.saved_epoch = run.saved_epoch if reached is None else reached
            self.forget_early(run)

    def take_early(self, run: Run, content: bytes) -> None:
        """Store weights from inside an epoch, from which alone a run can be gone on with.

        Against the end of a process, not of the power: nothing waits for the disk. A disk that
        refuses them costs seconds of training if something ends; nobody needs to hear of it.
        """
        card = checkpoints.read_header(content)[0]
        with run.lock, self.replica.alone(run.run_id):
            if run.run_id not in self.runs or run.leader not in ("", self.replica.me):
                return
            if card.epochs_done != run.saved_epoch or not self.look(run, now=True):
                return  # its epoch's end came first
            try:
                write_or_say(self._made(run) / EARLY_FILE, content, synced=False)
            except CheckpointError as error:
                log.warning("%s", error)
                return
            run.early, run.size = card.images_seen, None

    def forget_early(self, run: Run) -> None:
        """Delete the weights from inside an epoch: later ones are there, or earlier ones wanted."""
        run.early = 0
        with contextlib.suppress(OSError):
            (self.folder(run.run_id) / EARLY_FILE).unlink(missing_ok=True)

    def early(self, run: Run) -> bytes | None:
        """Weights from inside the epoch after the newest whole one; None where there are none."""
        path = self.folder(run.run_id) / EARLY_FILE
        if not run.early or run.content is not None:
            return None
        try:
            content = path.read_bytes()
            found = checkpoints.from_bytes(content)
        except (OSError, CheckpointError) as error:
            log.warning("%s cannot be gone on from: %s", path, error)
            return None
        stands = found.within is not None and found.card.epochs_done == run.saved_epoch
        return content if stands else None

    def _keep_in_memory(self, run: Run, content: bytes, why: str) -> bool:
        """Keep a model that the disk refused, unless memory is full of such; whether it is."""
        others = sum(len(r.content) for r in self.all() if r.content is not None and r is not run)
        if others + len(content) > MAX_UNSAVED:
            what = f"as of epoch {run.saved_epoch}" if run.has_model else "without a model"
            run.notice = f"{why} Memory for unsaved models is used up too: this run stays {what}."
            return False
        run.content, run.notice = content, f"{why} {UNSAVED}"
        return True

    def content(self, run: Run) -> bytes:
        """The bytes of a run's newest checkpoint. Raises JobError or CheckpointError."""
        return self.current(run)[1]

    def current(self, run: Run) -> tuple[int, bytes]:
        """A run's newest checkpoint and its number, which belong together. Raises as `content`."""
        with run.lock:
            if run.content is not None:
                return run.saved, run.content
            path = self.newest_file(run)
            try:
                return run.saved, path.read_bytes()
            except OSError as error:
                raise CheckpointError(f"The file {path} could not be read ({error}).") from error

    def newest_file(self, run: Run) -> Path:
        """Where a run's newest checkpoint lies. Raises JobError where it has none, or has it in
        memory alone."""
        path = run.file or self.folder(run.run_id) / MODEL_FILE
        if not run.has_model or run.content is not None:
            raise JobError(f"The run {run.name!r} has no model yet; wait for its first epoch.")
        return path

    def epochs(self, run: Run) -> dict[int, Path]:
        """The files of past epochs, by epoch."""
        return epoch_files(self.folder(run.run_id))

    def forget_later(self, run: Run) -> None:
        """Delete the files of epochs that a run which is resumed has not reached again yet."""
        for epoch, path in self.epochs(run).items():
            if epoch > run.saved_epoch:
                with contextlib.suppress(OSError):  # the run writes there next, and says it
                    path.unlink()

    def size(self, run: Run) -> int:
        """Bytes that a run takes, on the disk and of memory."""
        with run.lock:
            if run.size is None:
                run.size = _bytes_in(self.folder(run.run_id))
            return run.size + len(run.content or b"")

    def delete(self, run: Run) -> None:
        """Delete a run and its files. Raises JobError where the disk keeps them."""
        with run.lock:
            with self._lock:
                self.runs.pop(run.run_id, None)
            folder = self.folder(run.run_id)
            try:
                with self.replica.alone(run.run_id):
                    if folder.exists():
                        shutil.rmtree(folder)
            except OSError as error:
                with self._lock:
                    self.runs[run.run_id] = run  # it would be back after a restart
                raise JobError(
                    f"The files of {run.name!r} could not be deleted ({error.strerror or error})."
                ) from error

    def remove_left_overs(self) -> int:
        """Delete what killed processes left half written; how many files."""
        folders = [self.folder(run.run_id) for run in self.all()]
        return remove_left_overs(f for run in folders for f in (run, run / EPOCHS_FOLDER))

    def _made(self, run: Run) -> Path:
        """A run's folder, which nobody else on the machine may look into."""
        folder = self.folder(run.run_id)
        with contextlib.suppress(OSError):  # who writes into it says why it cannot be
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _keep_epoch(self, folder: Path, epoch: int, content: bytes, best: int) -> None:
        """Write an epoch's file, and give up others if there are too many; the best one stays."""
        card = dataclasses.replace(checkpoints.read_header(content)[0], history=[])
        slim = checkpoints.with_card(content, card, memory=False)
        # The newest has waited for the disk; where power fails now, an older one stands in.
        write_or_say(folder / f"{epoch:06d}.safetensors", slim, synced=False)
        files = epoch_files(folder.parent)
        most = min(MAX_EPOCH_FILES, max(2, MAX_EPOCH_BYTES // len(slim)))
        while len(files) > most:
            files.pop(least_missed(list(files), best)).unlink(missing_ok=True)

    def _read_all(self) -> None:
        try:
            folders = sorted(p for p in self.root.iterdir() if ID_PATTERN.fullmatch(p.name))
        except OSError:
            return  # no folder yet, or none that can be read: writing says so
        for folder in folders:
            self._read(folder)

    def _read(self, folder: Path) -> None:
        """Take in a run that lies in the folder; one that is being made or deleted comes later."""
        if not folder.is_dir():
            return
        with contextlib.suppress(OSError):  # another account's: reading it says more
            os.chmod(folder, 0o700)
        seen = facts.signature(folder / FACTS_FILE)
        making = seen is None and time.time() - _changed(folder) < LOOK and self._scanned
        if making or self._unreadable.get(folder.name, ()) == seen:
            return
        run, trouble = read_run(folder)
        if trouble:
            self.troubles.append(trouble)
            log.warning("%s", trouble)
        if run is None:
            self._unreadable[folder.name] = seen
            return
        run.seen, run.synced = seen, facts.said(run)
        run.seen_model = facts.signature(folder / MODEL_FILE)
        run.looked = time.monotonic()
        with self._lock:
            if run.run_id in self.runs:
                return
            self.runs[run.run_id] = run
        if is_cookie(run.owner):
            run.owner = owner_key(run.owner)
            self.write_facts(run)
        if run.recording.live and not self.outlived and not self.replica.lives(run.leader):
            run.interrupted()
            self.write_facts(run)


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()


def _bytes_in(folder: Path) -> int:
    """Bytes of a run's files; of what vanishes meanwhile, nothing."""
    total = 0
    for place in (folder, folder / EPOCHS_FOLDER):
        with contextlib.suppress(OSError):
            for entry in os.scandir(place):
                if entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def least_missed(epochs: list[int], best: int) -> int:
    """Which of ascending epochs, three or more, to give up so that those left stay evenly spread:
    the one whose neighbours are nearest each other, the oldest of several. The first, the last and
    the best stay; of three the first goes where the best is between."""
    around = zip(epochs[:-2], epochs[1:-1], epochs[2:], strict=True)
    gaps = [(after - before, epoch) for before, epoch, after in around if epoch != best]
    return min(gaps)[1] if gaps else epochs[0]
