"""Runs on disk: a folder each, so that they outlive the page, the session and the server."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import secrets
import shutil
import threading
from pathlib import Path

from aecore.errors import CheckpointError, JobError
from aecore.evaluation.trouble import best_of
from aecore.runs import checkpoints
from aecore.runs.found import FACTS_FORMAT, epoch_files, read_run
from aecore.runs.run import (
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
UNSAVED = "It is in this server's memory alone, and goes with its next restart: download it."


class RunStore:
    """The folder of runs. With an unwritable folder everything stays in memory, and says so.

    troubles: a sentence for each run found damaged when the store was opened.
    """

    def __init__(self, root: Path):
        self.root = root
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
        run = self.runs.get(run_id)
        if run is None:
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
        mine = [r for r in self.all() if r.owner == owner]
        return sorted(mine, key=lambda r: -r.created)

    def all(self) -> list[Run]:
        """Every run, as they are now."""
        with self._lock:
            return list(self.runs.values())

    def watched(self, token: str) -> Run | None:
        """The run that this token lets one look at; None for a withdrawn or unknown one."""
        if not isinstance(token, str) or not WATCH_PATTERN.fullmatch(token):
            return None
        shared = [r for r in self.all() if r.watch]
        return next((r for r in shared if secrets.compare_digest(r.watch, token)), None)

    def folder(self, run_id: str) -> Path:
        return self.root / run_id

    def write_facts(self, run: Run) -> None:
        """Write what is known of a run beside its model; a refusing disk becomes its notice."""
        facts = {
            "owner": run.owner,  # first: it is read even from half a file
            "format": FACTS_FORMAT,
            "name": run.name,
            "kind": run.kind,
            "dataset": run.dataset,
            "created": run.created,
            "watch": run.watch,
            "status": run.recording.status,
            "message": run.recording.message,
            "spec": run.spec.to_json(),
            "config": run.config.to_json(),
        }
        with run.lock:
            if run.run_id not in self.runs or run.kind == "damaged":
                return  # deleted meanwhile: nothing of it may come back; or nothing to say of it
            try:
                content = json.dumps(facts).encode()
                write_or_say(self._made(run) / FACTS_FILE, content, 0o600)
            except CheckpointError as error:
                run.notice = str(error)
            run.size = None

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
        with run.lock:
            if run.run_id not in self.runs:
                return  # deleted meanwhile
            if digest == run.digest and run.content is None:
                return
            try:
                folder = self._made(run)
                write_or_say(folder / MODEL_FILE, content)
                run.content, run.file, run.notice = None, None, ""
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
            if not folder.is_dir():
                continue
            with contextlib.suppress(OSError):  # another account's: reading it says more
                os.chmod(folder, 0o700)
            run, trouble = read_run(folder)
            if trouble:
                self.troubles.append(trouble)
                log.warning("%s", trouble)
            if run is None:
                continue
            self.runs[run.run_id] = run
            if is_cookie(run.owner):
                run.owner = owner_key(run.owner)
                self.write_facts(run)


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
