"""What happens in a training, as plain data: jobs forward it, recordings keep it, pages draw it.

Arrays are small NumPy arrays; times are seconds of training (pauses left out). Nothing here imports
torch, so that whoever only passes events on need not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Probe:
    """A look at the model on a fixed sample of held-out examples.

    heldout_mse and pca_mse: mean squared error per value on the same sample, unclipped.
    latent_map: (n, 2) float32, the codes, or their two main directions when there are more.
    reconstructions: (m, values) uint8 over Started's low to high, x_hat of the fixed examples
    shown in the run's view.
    """

    heldout_mse: float
    pca_mse: float
    latent_map: np.ndarray
    reconstructions: np.ndarray


@dataclass(frozen=True)
class Started:
    """Training begins. `sample` and PCA's answer, (m, values) uint8, and `map_labels` are fixed.

    low, high: the values that bytes 0 and 255 stand for.
    """

    kind: ClassVar[str] = "started"
    parameters: int
    epochs: int
    steps_per_epoch: int
    device: str
    pca_test_mse: float
    mean_test_mse: float
    sample: np.ndarray
    pca_sample: np.ndarray
    map_labels: np.ndarray
    first_epoch: int = 0
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class StepDone:
    """A number of steps are done. loss: mean objective since the last StepDone, per example."""

    kind: ClassVar[str] = "step"
    step: int
    epoch: int
    images_seen: int
    seconds: float
    images_per_second: float
    loss: float
    probe: Probe | None = None


@dataclass(frozen=True)
class EpochDone:
    """An epoch is done; metrics are of the whole held-out split, in evaluation mode.

    train_mse is measured in evaluation mode too, on a fixed sample of the training images, so that
    it can be compared with test_mse.
    """

    kind: ClassVar[str] = "epoch"
    epoch: int
    step: int
    images_seen: int
    seconds: float
    images_per_second: float
    metrics: dict[str, float]
    train_mse: float
    pca_test_mse: float
    seconds_to_beat_pca: float | None
    probe: Probe


@dataclass(frozen=True)
class Paused:
    """Training waits. `step` is the number of steps done."""

    kind: ClassVar[str] = "paused"
    step: int
    seconds: float


@dataclass(frozen=True)
class Finished:
    """All epochs are done."""

    kind: ClassVar[str] = "finished"
    summary: dict[str, Any]


@dataclass(frozen=True)
class Stopped:
    """A person stopped the run; the weights are those of the last step.

    within: the figures of these weights where that was within an epoch; their `epoch` is the last
    whole one.
    """

    kind: ClassVar[str] = "stopped"
    summary: dict[str, Any]
    within: EpochDone | None = None


@dataclass(frozen=True)
class Failed:
    """The run ended by itself. `message` says what happened and what to try."""

    kind: ClassVar[str] = "failed"
    message: str
    summary: dict[str, Any]


TrainEvent = Started | StepDone | EpochDone | Paused | Finished | Stopped | Failed
