"""What is kept of a run: its events as plain series, and the card that they make."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from aecore.datasets import Dataset
from aecore.runs.card import MAX_CHANGES, Card
from aecore.training.events import (
    Changed,
    EpochDone,
    Failed,
    Finished,
    Paused,
    Preparing,
    Probe,
    Started,
    StepDone,
    Stopped,
    TrainEvent,
)
from aecore.types import ModelSpec, TrainConfig

RECENT = 20.0  # seconds of the clock whose progress is remembered
_APART = 0.5  # seconds between two remembered moments
LIVE, ENDED = ("waiting", "preparing", "training", "paused"), ("finished", "stopped", "failed")


@dataclass
class Recording:
    """Everything that a view of a run needs; fed one event at a time by `add`.

    probes: rows (images_seen, seconds, heldout_mse), on the fixed held-out sample. history: one row
    of figures of the whole held-out split per epoch.
    newest: such a row for the weights as they are, which a stop may have left within an epoch, and
    which are those of the best epoch after a failure. recent: rows (clock, images_seen) of the last
    RECENT seconds of training, by this process's own clock.
    """

    status: str = "waiting"  # waiting, preparing, training, paused, finished, stopped, failed
    message: str = ""
    preparing: str = ""  # what is made ready before training starts
    changes: list[Changed] = field(default_factory=list)
    pca_sample: np.ndarray | None = None  # PCA's answer to started.sample, as it is now
    started: Started | None = None
    probes: list[tuple[int, float, float]] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    newest: dict[str, float] = field(default_factory=dict)
    probe: Probe | None = None
    epoch: EpochDone | None = None
    last_step: StepDone | None = None
    summary: dict = field(default_factory=dict)
    recent: list[tuple[float, int]] = field(default_factory=list)
    version: int = 0
    launches: int = 0  # times that it was handed to the workers

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def add(self, event: TrainEvent) -> None:
        """Take in one event."""
        if isinstance(event, Preparing):
            self.status, self.message, self.preparing = "preparing", "", event.what
        elif isinstance(event, Started):
            self.started, self.status, self.message = event, "training", ""
            self.recent = []
            self.pca_sample = event.pca_sample
        elif isinstance(event, Changed):
            self.changes.append(event)
        elif isinstance(event, StepDone):
            self.last_step, self.status = event, "training"
            self._remember(event.images_seen)
            if event.probe is not None:
                self._look(event.images_seen, event.seconds, event.probe)
        elif isinstance(event, EpochDone):
            # With epochs shorter than the gap between two reports, no step says that it goes on.
            self.status = "training"
            self._measured(event)
            self.history.append(self.newest)
        elif isinstance(event, Paused):
            self.status, self.recent = "paused", []
        elif isinstance(event, Finished | Stopped | Failed):
            self.status, self.summary = event.kind, event.summary
            self.message = event.message if isinstance(event, Failed) else ""
            if isinstance(event, Stopped) and event.within is not None:
                self._measured(event.within)
            if isinstance(event, Failed) and event.kept is not None:
                # No look of its own: the curve shows what happened, the figures what is kept.
                self._figures_of(event.kept)
        self.version += 1

    def fail(self, message: str) -> None:
        """The run ended from outside: its worker died, or could not start it."""
        self.status, self.message = "failed", message
        self.version += 1

    def wait(self) -> None:
        """The run waits for a worker, for the first time or again."""
        self.status, self.message, self.preparing, self.recent = "waiting", "", "", []
        self.launches += 1
        self.version += 1

    def go_back(self, card: Card | None) -> None:
        """Forget what came after the weights that a resumed run goes on from.

        card: of those weights; None where it starts from the very beginning.
        """
        self.history = [] if card is None else card.reached
        self.newest = {} if card is None else card.newest
        images = 0 if card is None else card.images_seen
        self.probes = [row for row in self.probes if row[0] <= images]
        known = self.changes or ([] if card is None else card.changes)
        self.changes = [change for change in known if change.images_seen < images]
        self.probe = self.epoch = self.last_step = None
        self.summary = {}
        self.version += 1

    def __getstate__(self) -> dict:
        return self.__dict__ | {"recent": []}  # another process's clock says other times

    def _remember(self, images: int) -> None:
        now = time.monotonic()
        if not self.recent or now - self.recent[-1][0] >= _APART:
            self.recent = [row for row in self.recent if now - row[0] < RECENT] + [(now, images)]

    def _measured(self, event: EpochDone) -> None:
        self._figures_of(event)
        self._look(event.images_seen, event.seconds, event.probe)

    def _figures_of(self, event: EpochDone) -> None:
        self.epoch = event
        reached = {
            "epoch": event.epoch,
            "images_seen": event.images_seen,
            "seconds": event.seconds,
        }
        self.newest = {k: v for k, v in (reached | event.figures).items() if np.isfinite(v)}

    def _look(self, images: int, seconds: float, probe: Probe) -> None:
        self.probe = probe
        if probe.pca_reconstructions is not None:
            self.pca_sample = probe.pca_reconstructions
        self.probes.append((images, seconds, probe.heldout_mse))

    def card(self, name: str, spec: ModelSpec, config: TrainConfig, data: Dataset) -> Card:
        """The card of what has been reached so far."""
        epoch = self.epoch
        return Card(
            name=name,
            spec=spec,
            config=config,
            dataset=data.name,
            fingerprint=data.fingerprint,
            epochs_done=0 if epoch is None else epoch.epoch,
            images_seen=0 if epoch is None else epoch.images_seen,
            seconds=0.0 if epoch is None else epoch.seconds,
            seconds_to_beat_pca=None if epoch is None else epoch.seconds_to_beat_pca,
            metrics={} if epoch is None else _metrics(epoch),
            # Of the weights in the file: not of a future that was lost.
            history=[row for row in self.history if epoch is None or row["epoch"] <= epoch.epoch],
            changes=self.changes[-MAX_CHANGES:],
        )


def _metrics(epoch: EpochDone) -> dict[str, float]:
    """An epoch's figures by the names that cards know them by."""
    return {"pca_test_mse" if k == "pca_mse" else k: v for k, v in epoch.figures.items()}
