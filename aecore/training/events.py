"""What happens in a training, as plain data: jobs forward it, recordings keep it, pages draw it.

Arrays are small NumPy arrays; times are seconds of training (pauses left out). Nothing here imports
torch, so that whoever only passes events on need not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class LayerLook:
    """One layer at a look: what a fixed held-out example makes its units do.

    part: "input", "encoder" or "decoder". shape: of what is shown, (units,) or (maps, height,
    width); of: units or maps that there are. values: uint8, flat, from low to high, which have 0
    between them. change: the norm of the change of its weights since the look before, over the norm
    of what they were; None where there was none. Of a single step also moved: uint8, how far each
    shown unit's weights went, the furthest 255; share_moved: of its weights that went at all.
    """

    part: str
    shape: tuple[int, ...]
    of: int
    values: np.ndarray
    low: float
    high: float
    change: float | None = None
    moved: np.ndarray | None = None
    share_moved: float | None = None


@dataclass(frozen=True)
class Probe:
    """A look at the model on a fixed sample of held-out examples.

    heldout_mse and pca_mse: mean squared error per value on the same sample, unclipped; of a
    denoising model both from the same damaged examples. pca_k: components of that PCA.
    latent_map: (n, 2) float32, the codes, or their two main directions when there are more.
    reconstructions: (m, values) uint8 over Started's low to high, x_hat of the fixed examples
    shown in the run's view. pca_reconstructions: PCA's of them, if they are others than before.
    layers: every layer on example `pictured` of those shown.
    """

    heldout_mse: float
    pca_mse: float
    latent_map: np.ndarray
    reconstructions: np.ndarray
    pca_k: int = 0
    pca_reconstructions: np.ndarray | None = None
    layers: tuple[LayerLook, ...] = ()


@dataclass(frozen=True)
class Preparing:
    """Something has to be made ready before training can start; `what` says it in a few words."""

    kind: ClassVar[str] = "preparing"
    what: str


@dataclass(frozen=True)
class Changed:
    """A person changed the learning rate or beta: what was asked for before and from now on."""

    kind: ClassVar[str] = "changed"
    name: str
    before: float
    after: float
    epoch: int
    images_seen: int


@dataclass(frozen=True)
class Started:
    """Training begins. `sample`, (m, values) uint8, and `map_labels` are fixed.

    low, high: the values that bytes 0 and 255 stand for. examples: of an epoch. probed, held_out:
    examples that a look during an epoch is of, and all there are. pca_test_mse: of the whole
    held-out split, with pca_k components: of a sparse code, as many as are on at the start.
    pca_sample: (m, values) uint8, PCA's answer to the sample. pictured: of the sample, the example
    that is followed through the layers; entering: as it enters.
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
    examples: int = 0
    probed: int = 0
    held_out: int = 0
    pca_k: int = 0
    pictured: int = 0
    entering: LayerLook | None = None


@dataclass(frozen=True)
class StepDone:
    """A number of steps are done. loss: mean objective since the last StepDone, per example.

    after: of a single step that somebody asked for, the loss on the same batch, with the same
    noise, after it; `loss` is then the one before.
    """

    kind: ClassVar[str] = "step"
    step: int
    epoch: int
    images_seen: int
    seconds: float
    images_per_second: float
    loss: float
    probe: Probe | None = None
    after: float | None = None


@dataclass(frozen=True)
class EpochDone:
    """An epoch is done; metrics are of the whole held-out split, in evaluation mode.

    train_mse is measured in evaluation mode too, on a fixed sample of the training images, so that
    it can be compared with test_mse. pca_k: components of the PCA beside it. Of a denoising model
    train_denoised_mse and pca_denoised_mse: from damaged examples, as metrics' denoised_mse is.
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
    pca_k: int = 0
    train_denoised_mse: float | None = None
    pca_denoised_mse: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """All figures by the names that histories and cards know them by, what is none left out."""
        found = {
            "train_mse": self.train_mse,
            "train_denoised_mse": self.train_denoised_mse,
            "pca_mse": self.pca_test_mse,
            "pca_k": self.pca_k or None,
            "pca_denoised_mse": self.pca_denoised_mse,
            **{f"test_{name}": value for name, value in self.metrics.items()},
        }
        return {name: value for name, value in found.items() if value is not None}


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
    """The run ended by itself. `message` says what happened, what is kept and what to try.

    kept: the figures of the weights that are kept, those of the best epoch of this training; None
    where they are what it went on from.
    """

    kind: ClassVar[str] = "failed"
    message: str
    summary: dict[str, Any]
    kept: EpochDone | None = None


TrainEvent = (
    Preparing | Started | StepDone | EpochDone | Changed | Paused | Finished | Stopped | Failed
)
