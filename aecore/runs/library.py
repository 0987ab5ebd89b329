"""The models of the store: taken in, renamed, read, taken home; whether or not anything trains."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict

from aecore.errors import JobError
from aecore.models import LatentModel
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.checkpoints import SUFFIX, Checkpoint
from aecore.runs.naming import told_from
from aecore.runs.quota import Quota
from aecore.runs.store import Run, RunStore, new_run_id, restore

MAX_CACHED = 192 << 20  # bytes of checkpoints kept ready to look at


class Library:
    """What people do with kept models. Safe from any thread, as the store is."""

    def __init__(self, store: RunStore):
        self.store = store
        self.quota = Quota(store)
        self._ready: OrderedDict[str, tuple[int, Checkpoint, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # what people bring is read one at a time

    # Reading -------------------------------------------------------------------------------

    def checkpoint(self, run_id: str) -> Checkpoint:
        """A run's newest checkpoint, parsed anew. Raises JobError or CheckpointError."""
        return checkpoints.from_bytes(self.store.content(self.store.get(run_id)))

    def current(self, run_id: str) -> tuple[int, Checkpoint]:
        """A run's newest checkpoint to look at, and its number, which belong together.

        It is kept ready, without Adam's memory, until there is a newer one or the run is deleted:
        shared by all who look, and never changed. Raises JobError or CheckpointError.
        """
        run = self.store.get(run_id)
        with self._lock:
            ready = self._ready.get(run_id)
            if ready is not None and ready[0] == run.saved:
                self._ready.move_to_end(run_id)
                return ready[0], ready[1]
        version, content = self.store.current(run)
        found = dataclasses.replace(checkpoints.from_bytes(content), optimizer=None)
        with self._lock:
            if run_id in self.store.runs:
                size = sum(t.nbytes for t in found.model.state_dict().values())
                self._ready[run_id] = (version, found, size)
                self._ready.move_to_end(run_id)
                while len(self._ready) > 1 and sum(r[2] for r in self._ready.values()) > MAX_CACHED:
                    self._ready.popitem(last=False)
        return version, found

    def forget(self, run_id: str) -> None:
        """Keep nothing ready of a run that was deleted."""
        with self._lock:
            self._ready.pop(run_id, None)

    def epochs(self, run_id: str) -> list[int]:
        """The past epochs whose weights are kept, in order. Raises JobError."""
        return sorted(self.store.epochs(self.store.get(run_id)))

    def at_epoch(self, run_id: str, epoch: int) -> Checkpoint:
        """A run as it was after an epoch, parsed anew. Raises JobError or CheckpointError."""
        run = self.store.get(run_id)
        path = self.store.epochs(run).get(epoch)
        if path is None:
            raise JobError(f"The run {run.name!r} keeps no weights of epoch {epoch}.")
        return checkpoints.load(path)

    def download(self, run_id: str) -> bytes:
        """A run's newest checkpoint as a file under its present name, without Adam's memory."""
        run = self.store.get(run_id)
        content = self.store.content(run)
        # The card has the name that the run had when it started.
        card = dataclasses.replace(checkpoints.read_header(content)[0], name=run.name)
        return checkpoints.with_card(content, card.for_others(), memory=False)

    # Changing ------------------------------------------------------------------------------

    def upload(self, owner: str, name: str, content: bytes) -> Run:
        """Take in a checkpoint file that somebody brought. Raises CheckpointError or JobError."""
        self.quota.check_new(owner, len(content))  # before the work
        with self._reading:
            card = checkpoints.from_bytes(content).card
        return self._take_in(owner, card.name or name.removesuffix(SUFFIX), card, content)

    def keep(self, owner: str, model: LatentModel, card: Card) -> Run:
        """Take in a model that is in memory already. Raises JobError for a name without letters."""
        return self._take_in(owner, card.name, card, checkpoints.to_bytes(model, card))

    def _take_in(self, owner: str, name: str, card: Card, content: bytes) -> Run:
        self.quota.check_new(owner, len(content))
        title = told_from(name, self._names(owner))
        run = Run(new_run_id(), owner, title, card.spec, card.config, card.dataset, kind="upload")
        run.end_seen = True
        run.recording.status = "finished"
        restore(run, card)
        self.store.add(run)
        self.store.take_in(run, content, done=card.epochs_done)
        return run

    def reread(self, owner: str, run_id: str, content: bytes) -> Run:
        """Put another reading of an uploaded file in its run's place. Raises AecoreError."""
        run = self.store.owned(owner, run_id)
        if run.kind != "upload":
            raise JobError(f"The run {run.name!r} was trained here; only a file can be read anew.")
        if run.recording.live:
            raise JobError(f"The run {run.name!r} is training; read its file anew when it is over.")
        card = checkpoints.from_bytes(content).card
        self.quota.check_room(owner, len(content))
        run.spec, run.config, run.dataset = card.spec, card.config, card.dataset
        restore(run, card)
        self.store.take_in(run, content, done=card.epochs_done)
        self.store.write_facts(run)
        return run

    def rename(self, owner: str, run_id: str, name: str) -> None:
        """Give a run another name, which its file says too once it is over. Raises AecoreError."""
        run = self.store.owned(owner, run_id)
        run.name = told_from(name, self._names(owner, but=run))
        if run.has_model and not run.recording.live:
            content = self.store.content(run)
            card = dataclasses.replace(checkpoints.read_header(content)[0], name=run.name)
            # A past epoch's file, which stands in for a damaged newest one, has no curve in it.
            card = dataclasses.replace(card, history=card.history or run.recording.history)
            self.store.take_in(run, checkpoints.with_card(content, card))
        self.store.write_facts(run)

    def _names(self, owner: str, but: Run | None = None) -> list[str]:
        """What an owner's runs are called."""
        return [run.name for run in self.store.owned_by(owner) if run is not but]
