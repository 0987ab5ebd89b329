"""The plain, frozen records that every layer shares: what data, a model and a training are.

They import nothing of ours but errors and options, hold no tensors of a framework, and go to JSON
and back.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from aecore.errors import ConfigError
from aecore.options import check_options, in_short, whole_number

KINDS = ("image", "signal", "table")
DEVICES = ("auto", "cpu", "cuda", "mps")
SCHEDULES = ("constant", "one-cycle", "cosine")


@dataclass(frozen=True)
class DataSpec:
    """Shape of one example, without the batch, and what kind of thing it is.

    An image is (channels, height, width). Values are float32 once a batch is made: in [0, 1],
    but for a table, whose columns are standardised. classes: how many labels there are, 0 for
    none.
    """

    shape: tuple[int, ...]
    kind: str = "image"
    classes: int = 0

    @property
    def size(self) -> int:
        """Numbers in one example."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether all values lie in [0, 1]."""
        return self.kind != "table"

    def check(self) -> DataSpec:
        """Return self, or raise ConfigError for a shape or kind that cannot be."""
        if self.kind not in KINDS:
            raise ConfigError(f"The kind of data must be one of {KINDS}, not {self.kind!r}.")
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in self.shape)
        few = 1 <= len(self.shape) <= 4
        if not few or not whole or min(self.shape) < 1 or self.size > 1 << 20:
            raise ConfigError(
                "A data shape needs one to four whole numbers from 1 up, at most "
                f"{1 << 20:,} values in all; it was {in_short(self.shape)}."
            )
        whole_number("classes", self.classes, 0, 10_000)
        return self

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "kind": self.kind, "classes": self.classes}

    @classmethod
    def from_json(cls, value: Any) -> DataSpec:
        value = _mapping(value, "a data specification", {"shape", "kind", "classes"})
        shape = value.get("shape")
        if not isinstance(shape, list):
            raise ConfigError(f"A data shape must be a list of whole numbers, not {shape!r}.")
        kind, classes = str(value.get("kind", "image")), value.get("classes", 0)
        return cls(tuple(shape), kind, classes).check()


@dataclass(frozen=True)
class ModelSpec:
    """What a model is: family, the data it takes, how many latent numbers, and its options.

    `options` holds the plain values of the family's Options dataclass.
    """

    family: str
    data: DataSpec
    latent_dim: int
    options: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()}
        return {
            "family": self.family,
            "data": self.data.to_json(),
            "latent_dim": self.latent_dim,
            "options": options,
        }

    @classmethod
    def from_json(cls, value: Any) -> ModelSpec:
        value = _mapping(
            value, "a model specification", {"family", "data", "latent_dim", "options"}
        )
        options = _mapping(value.get("options", {}), "model options", None)
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        latent_dim = value.get("latent_dim")
        whole_number("latent_dim", latent_dim, 1, 4096)
        return cls(
            str(value.get("family")), DataSpec.from_json(value.get("data")), latent_dim, options
        )


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Units: learning_rate per Adam step, free_bits in nats per latent dimension.

    `limit` is the number of training examples used, 0 for all. Each field's metadata is what a
    form needs: a label, a range and a sentence of help.
    """

    epochs: int = field(
        default=5,
        metadata={
            "label": "Epochs",
            "range": (1, 1000),
            "help": "One epoch shows every training example once.",
        },
    )
    batch_size: int = field(
        default=128,
        metadata={
            "label": "Batch size",
            "range": (1, 8192),
            "help": "Examples per step. Small batches take more, noisier steps.",
        },
    )
    learning_rate: float = field(
        default=1e-3,
        metadata={
            "label": "Learning rate",
            "range": (1e-6, 1.0),
            "format": "%.5f",
            "help": "How far Adam moves the weights at each step. Too large diverges.",
        },
    )
    beta: float = field(
        default=1.0,
        metadata={
            "label": "Beta",
            "range": (0.0, 1000.0),
            "variational": True,
            "help": "Weight of the KL term. 1 is the VAE; more asks for a simpler code.",
        },
    )
    kl_warmup_epochs: float = field(
        default=0.0,
        metadata={
            "label": "KL warm-up (epochs)",
            "range": (0.0, 1000.0),
            "variational": True,
            "help": "The KL weight grows from 0 to beta over this many epochs.",
        },
    )
    free_bits: float = field(
        default=0.0,
        metadata={
            "label": "Free bits (nats a dimension)",
            "range": (0.0, 20.0),
            "variational": True,
            "help": "KL below this, per latent dimension, costs nothing: it guards against "
            "dimensions that die early.",
        },
    )
    capacity: float = field(
        default=0.0,
        metadata={
            "label": "Capacity (nats)",
            "range": (0.0, 1000.0),
            "variational": True,
            "help": "The KL is pulled to this figure, which grows from 0 over the warm-up, instead "
            "of to 0. 0 turns it off.",
        },
    )
    schedule: str = field(
        default="constant",
        metadata={
            "label": "Learning rate over time",
            "choices": SCHEDULES,
            "help": "one-cycle: rises, then falls to almost nothing by the last epoch, which "
            "settles the weights. cosine: falls from the start.",
        },
    )
    limit: int = field(
        default=0,
        metadata={
            "label": "Training examples (0 = all)",
            "range": (0, 10_000_000),
            "help": "Fewer examples train faster and over-train sooner.",
        },
    )
    seed: int = field(
        default=0,
        metadata={
            "label": "Seed",
            "range": (0, 2**31 - 1),
            "help": "The same seed gives the same numbers.",
        },
    )
    device: str = field(
        default="auto",
        metadata={
            "label": "Device",
            "choices": DEVICES,
            "help": "auto takes a graphics processor when there is one.",
        },
    )

    def check(self) -> TrainConfig:
        """Return self, or raise ConfigError naming the first value out of its range."""
        check_options(self)
        return self

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> TrainConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**_mapping(value, "a training configuration", known)).check()


def _mapping(value: Any, what: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ConfigError(f"Expected {what} as a JSON object, not {in_short(value)}.")
    unknown = set(value) - known if known is not None else set()
    if unknown:
        raise ConfigError(f"There is an unknown entry in {what}: {in_short(sorted(unknown)[0])}.")
    return dict(value)
