"""Runs on disk: a folder each, so that they outlive the page, the session and the server."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from aecore.errors import AecoreError, CheckpointError, JobError
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.recording import Recording
from aecore.types import ModelSpec, TrainConfig
from aecore.writing import write_or_say

log = logging.getLogger(__name__)
ID_PATTERN = re.compile(r"r[0-9a-f]{12}")
MODEL_FILE, FACTS_FILE, EPOCHS_FOLDER = "model.safetensors", "run.json", "epochs"
MAX_EPOCH_FILES = 60  # snapshots kept for looking back; more are thinned


def new_run_id() -> str:
    """An id that nobody guesses: knowing it is how a view is shared."""
    return "r" + secrets.token_hex(6)


def owner_key(cookie: str) -> str:
    """What a browser's cookie is known by everywhere but in the browser: 64 hex digits."""
    return hashlib.sha256(b"aecore-owner:" + cookie.encode()).hexdigest()


@dataclass
class Run:
    """A run of one owner. `kind` is 'training', or 'upload' for a file somebody brought."""

    run_id: str
    owner: str
    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    kind: str = "training"
    created: float = field(default_factory=time.time)
    attempt: int = 0
    recording: Recording = field(default_factory=Recording)
    worker: str | None = None
    content: bytes | None = None  # the newest checkpoint, kept here only if the disk refused it
    notice: str = ""
    received: int = 0
    end_seen: bool = False  # its owner has been shown that it ended
    saved_epoch: int = 0  # the whole epochs that the newest checkpoint holds
    saved: int = 0  # counts checkpoints taken in: a new number means new weights
    digest: bytes = b""  # of the newest checkpoint
    watch: str = ""

    @property
    def has_model(self) -> bool:
        return self.saved > 0


class RunStore:
    """The folder of runs. With an unwritable folder everything stays in memory, and says so."""

    def __init__(self, root: Path):
        self.root = root
        self._lock = threading.RLock()
        self._files = threading.RLock()  # held while a run's files are written or deleted
        self.runs: dict[str, Run] = {}
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
        with self._lock:
            mine = [r for r in self.runs.values() if r.owner == owner]
        return sorted(mine, key=lambda r: -r.created)

    def folder(self, run_id: str) -> Path:
        return self.root / run_id

    def write_facts(self, run: Run) -> None:
        """Write what is known of a run beside its model; a refusing disk becomes its notice."""
        facts = {
            "owner": run.owner,
            "name": run.name,
            "kind": run.kind,
            "dataset": run.dataset,
            "created": run.created,
            "status": run.recording.status,
            "message": run.recording.message,
            "spec": run.spec.to_json(),
            "config": run.config.to_json(),
        }
        with self._files:
            if run.run_id not in self.runs:
                return  # deleted meanwhile: nothing of it may come back
            try:
                content = json.dumps(facts).encode()
                write_or_say(self.folder(run.run_id) / FACTS_FILE, content)
            except CheckpointError as error:
                run.notice = str(error)

    def take_in(self, run: Run, content: bytes, epoch: int | None = None) -> None:
        """Store a run's newest checkpoint, and the epoch's own file for looking back.

        content: written as it came; of the epoch's file, the weights' bytes are. The last epoch's
        comes twice, from the run under way and as its outcome: the second changes nothing.
        """
        folder, digest = self.folder(run.run_id), hashlib.sha256(content).digest()
        with self._files:
            if run.run_id not in self.runs:
                return  # deleted meanwhile
            if digest == run.digest and run.content is None:
                return
            run.digest = digest
            try:
                write_or_say(folder / MODEL_FILE, content)
                run.content, run.notice = None, ""
                if epoch is not None:
                    self._keep_epoch(folder / EPOCHS_FOLDER, epoch, content)
            except CheckpointError as error:
                run.content, run.notice = content, str(error)
        run.saved += 1
        run.saved_epoch = run.saved_epoch if epoch is None else epoch

    def content(self, run: Run) -> bytes:
        """The bytes of a run's newest checkpoint. Raises JobError or CheckpointError."""
        if run.content is not None:
            return run.content
        path = self.folder(run.run_id) / MODEL_FILE
        if not path.exists():
            raise JobError(f"The run {run.name!r} has no model yet; wait for its first epoch.")
        try:
            return path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"The file {path} could not be read ({error}).") from error

    def epochs(self, run: Run) -> dict[int, Path]:
        """The files of past epochs, by epoch."""
        folder = self.folder(run.run_id) / EPOCHS_FOLDER
        return {int(p.stem): p for p in sorted(folder.glob("[0-9]*.safetensors"))}

    def delete(self, run: Run) -> None:
        with self._files:
            with self._lock:
                self.runs.pop(run.run_id, None)
            shutil.rmtree(self.folder(run.run_id), ignore_errors=True)

    def _keep_epoch(self, folder: Path, epoch: int, content: bytes) -> None:
        card = dataclasses.replace(checkpoints.read_header(content)[0], history=[])
        slim = checkpoints.with_card(content, card, memory=False)
        write_or_say(folder / f"{epoch:06d}.safetensors", slim)
        files = sorted(folder.glob("[0-9]*.safetensors"))
        if len(files) > MAX_EPOCH_FILES:
            files[least_missed([int(path.stem) for path in files])].unlink(missing_ok=True)

    def _read_all(self) -> None:
        for path in sorted(self.root.glob(f"r*/{FACTS_FILE}")):
            if ID_PATTERN.fullmatch(path.parent.name):
                try:
                    run = self._read(path)
                except (AecoreError, OSError, ValueError, KeyError, TypeError) as error:
                    log.warning("left out the run in %s: %s", path.parent, error)
                else:
                    self.runs[run.run_id] = run

    def _read(self, path: Path) -> Run:
        facts = json.loads(path.read_text())
        run = Run(
            run_id=path.parent.name,
            owner=str(facts["owner"]),
            name=str(facts["name"]),
            spec=ModelSpec.from_json(facts["spec"]),
            config=TrainConfig.from_json(facts["config"]),
            dataset=str(facts["dataset"]),
            kind=str(facts["kind"]),
            created=float(facts["created"]),
        )
        run.end_seen = True
        run.recording.status, run.recording.message = facts["status"], facts["message"]
        if run.recording.live:
            run.recording.fail("The server was restarted during this run.")
        model = path.with_name(MODEL_FILE)
        if model.exists():
            card = checkpoints.read_card(model)
            restore(run, card)
            run.saved, run.saved_epoch = 1, card.epochs_done
        return run


def least_missed(epochs: list[int]) -> int:
    """Which of ascending epochs, three or more, to give up so that those left stay evenly spread:
    the position of the one whose neighbours are nearest each other, the oldest of several. The
    first and the last stay."""
    gaps = [after - before for before, after in zip(epochs[:-2], epochs[2:], strict=True)]
    return 1 + gaps.index(min(gaps))


def restore(run: Run, card: Card) -> None:
    """Refill a run's curves from its card: one point an epoch is what a card holds."""
    run.recording.history = list(card.history)
    run.recording.newest = card.newest
    run.recording.probes = [
        (int(row.get("images_seen", 0)), row.get("seconds", 0.0), row["test_mse"])
        for row in card.history
        if "test_mse" in row
    ]
