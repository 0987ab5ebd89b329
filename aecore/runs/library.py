"""The models of the store: taken in, renamed, read, taken home; whether or not anything trains."""

from __future__ import annotations

import dataclasses

from aecore.errors import JobError
from aecore.models import LatentModel
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.checkpoints import SUFFIX, Checkpoint
from aecore.runs.store import Run, RunStore, new_run_id, restore
from aecore.writing import clean_name


class Library:
    """What people do with kept models. Safe from any thread, as the store is."""

    def __init__(self, store: RunStore):
        self.store = store

    # Reading -------------------------------------------------------------------------------

    def checkpoint(self, run_id: str) -> Checkpoint:
        """A run's newest checkpoint, parsed anew. Raises JobError or CheckpointError."""
        return checkpoints.from_bytes(self.store.content(self.store.get(run_id)))

    def current(self, run_id: str) -> tuple[int, Checkpoint]:
        """Stand-in: a run's newest checkpoint and its number."""
        version = self.store.get(run_id).saved
        return version, self.checkpoint(run_id)

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
        return checkpoints.with_card(content, card, memory=False)

    # Changing ------------------------------------------------------------------------------

    def upload(self, owner: str, name: str, content: bytes) -> Run:
        """Take in a checkpoint file that somebody brought. Raises CheckpointError or JobError."""
        card = checkpoints.from_bytes(content).card
        return self._take_in(owner, card.name or name.removesuffix(SUFFIX), card, content)

    def keep(self, owner: str, model: LatentModel, card: Card) -> Run:
        """Take in a model that is in memory already. Raises JobError for a name without letters."""
        return self._take_in(owner, card.name, card, checkpoints.to_bytes(model, card))

    def _take_in(self, owner: str, name: str, card: Card, content: bytes) -> Run:
        title = run_name(name)
        run = Run(new_run_id(), owner, title, card.spec, card.config, card.dataset, kind="upload")
        run.end_seen = True
        run.recording.status = "finished"
        restore(run, card)
        self.store.add(run)
        self.store.take_in(run, content)
        return run

    def reread(self, owner: str, run_id: str, content: bytes) -> Run:
        """Put another reading of an uploaded file in its run's place. Raises AecoreError."""
        run = self.store.owned(owner, run_id)
        if run.kind != "upload":
            raise JobError(f"The run {run.name!r} was trained here; only a file can be read anew.")
        card = checkpoints.from_bytes(content).card
        run.spec, run.config, run.dataset = card.spec, card.config, card.dataset
        restore(run, card)
        self.store.take_in(run, content)
        self.store.write_facts(run)
        return run

    def rename(self, owner: str, run_id: str, name: str) -> None:
        """Give a run another name, which its file says too once it is over. Raises AecoreError."""
        run = self.store.owned(owner, run_id)
        run.name = run_name(name)
        if run.has_model and not run.recording.live:
            content = self.store.content(run)
            card = dataclasses.replace(checkpoints.read_header(content)[0], name=run.name)
            self.store.take_in(run, checkpoints.with_card(content, card))
        self.store.write_facts(run)


def run_name(name: str) -> str:
    """A name as people may give it; raises JobError if nothing of it can be shown."""
    cleaned = clean_name(name)
    if not cleaned:
        raise JobError("A run needs a name of at least one letter.")
    return cleaned
