"""The plain, frozen records that every layer shares: what data, a model and a training are.

They import nothing of ours but the errors, hold no tensors of a framework, and go to JSON and back.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aecore.errors import ConfigError

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
                f"{1 << 20:,} values in all; it was {_short(self.shape)}."
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
            "help": "One epoch shows every training image once.",
        },
    )
    batch_size: int = field(
        default=128,
        metadata={
            "label": "Batch size",
            "range": (1, 8192),
            "help": "Images per step. Small batches take more, noisier steps.",
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
            "label": "Training images (0 = all)",
            "range": (0, 10_000_000),
            "help": "Fewer images train faster and over-train sooner.",
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


# Checks shared by everything that takes values from people or files.


def whole_number(name: str, value: Any, low: float, high: float) -> int:
    """Return value if it is a whole number in [low, high]; else raise ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{name} must be a whole number from {low:,} to {high:,}; it was {_short(value)}."
        )
    return value


# What a person may choose: the fields of a frozen dataclass. Forms, flags of the command line and
# checks all read `options_in`, so that none of them looks at an annotation by itself.

#: A field's type, resolved, and what is asked for. A Literal, and any field with `choices` in its
#: metadata, is a "choice".
OPTION_KINDS: dict[Any, str] = {
    bool: "flag",
    int: "whole",
    float: "number",
    str: "text",
    tuple[int, ...]: "widths",
    tuple[str, ...]: "lines",
}
MOST_WIDTHS = 12
LARGEST = 10**9  # of a number whose field gives no range


@dataclass(frozen=True)
class Option:
    """One field that a person may choose, its annotation resolved.

    kind: of OPTION_KINDS, or "choice" (one of `choices`). span: lowest and highest number, of each
    width too. metadata: the field's own: label, help, choices, range, format, step, digits,
    variational (it means something to variational models only); all of it may be missing.
    """

    name: str
    kind: str
    default: Any
    choices: tuple[Any, ...]
    span: tuple[float, float]
    metadata: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What a form calls it."""
        return self.metadata.get("label") or self.name.replace("_", " ").capitalize()

    @property
    def help(self) -> str | None:
        """A sentence about it."""
        return self.metadata.get("help")

    @property
    def variational(self) -> bool:
        """Whether only variational models know what to do with it."""
        return self.metadata.get("variational", False)

    def check(self, value: Any) -> None:
        """Raise ConfigError, naming the field, for a value that it cannot have."""
        if self.kind == "choice":
            if value not in self.choices:
                raise self._refused(f"one of {', '.join(map(str, self.choices))}", value)
        elif self.kind == "widths":
            if not isinstance(value, tuple) or len(value) > MOST_WIDTHS:
                raise self._refused(f"a list of at most {MOST_WIDTHS} layer widths", value)
            for width in value:
                whole_number(f"Each width in {self.name}", width, *self.span)
        elif self.kind == "lines":
            if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
                raise self._refused("a list of lines of text", value)
        elif self.kind == "whole":
            whole_number(self.name, value, *self.span)
        elif self.kind == "number":
            low, high = self.span
            number = isinstance(value, int | float) and not isinstance(value, bool)
            # Comparing comes first: NaN fails it, and a whole number may be too large for a float.
            if not number or not low <= value <= high:
                raise self._refused(f"a number from {low:g} to {high:g}", value)
        elif self.kind == "flag":
            if not isinstance(value, bool):
                raise self._refused("true or false", value)
        elif not isinstance(value, str):
            raise self._refused("a text", value)

    def read(self, text: str) -> Any:
        """The value that a text of a form or of the command line stands for, not yet checked.

        Raises ConfigError where it stands for none.
        """
        if self.kind == "choice":
            return next((c for c in self.choices if str(c) == text), text)
        if self.kind == "widths":
            return read_widths(text)
        if self.kind == "lines":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        if self.kind in ("whole", "number"):
            try:
                return int(text) if self.kind == "whole" else float(text)
            except ValueError:
                self.check(text)
        return text

    def _refused(self, wanted: str, value: Any) -> ConfigError:
        return ConfigError(f"{self.name} must be {wanted}; it was {_short(value)}.")


@functools.cache
def options_in(cls: type) -> tuple[Option, ...]:
    """The fields of a dataclass of plain values, in order; annotations may be text or types.

    Raises TypeError, for whoever wrote the class, where a field has no default or a type of which
    no form can be made.
    """
    hints = get_type_hints(cls)
    return tuple(_option(cls, f, hints[f.name]) for f in dataclasses.fields(cls))


def _option(cls: type, f: dataclasses.Field, hint: Any) -> Option:
    where = f"{cls.__name__}.{f.name}"
    choices = f.metadata.get("choices", get_args(hint) if get_origin(hint) is Literal else ())
    if not choices and hint not in OPTION_KINDS:
        raise TypeError(
            f"{where} is a {hint}; an option is a bool, int, float, str, tuple[int, ...] or "
            "tuple[str, ...], or has choices."
        )
    if f.default is dataclasses.MISSING:
        raise TypeError(f"{where} needs a default: the form starts there.")
    kind = "choice" if choices else OPTION_KINDS[hint]
    span = f.metadata.get("range", (1 if kind == "widths" else -LARGEST, LARGEST))
    return Option(f.name, kind, f.default, tuple(choices), span, f.metadata)


def check_options(options: Any) -> None:
    """Raise ConfigError naming the first field of a dataclass whose value it cannot have."""
    for option in options_in(type(options)):
        option.check(getattr(options, option.name))


def read_widths(text: str) -> tuple[int, ...]:
    """The whole numbers of a text: '256, 128' or, as the lessons write layers, '256-128'."""
    parts = [p for p in re.split(r"[,;\s]+|(?<=\d)-(?=\d)", text) if p]
    if not all(p.isdecimal() for p in parts):
        raise ConfigError(
            f"Hidden widths must be whole numbers with commas between, like 256, 128; "
            f"the text was {text[:40]!r}."
        )
    return tuple(int(p) for p in parts)


def _mapping(value: Any, what: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ConfigError(f"Expected {what} as a JSON object, not {_short(value)}.")
    unknown = set(value) - known if known is not None else set()
    if unknown:
        raise ConfigError(f"There is an unknown entry in {what}: {_short(sorted(unknown)[0])}.")
    return dict(value)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= 60 else text[:57] + "..."
