"""Named models with the training that suits them; layers adapt to the dataset's shape.

A family's file brings its presets along, a tuple called PRESETS; here they are collected.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aecore.errors import UnknownNameError
from aecore.models.registry import all_families, collected, family
from aecore.options import options_in
from aecore.types import DataSpec, ModelSpec, TrainConfig

LEAST_STEPS, MOST_EPOCHS, SMALL_BATCH = 1500, 50, 16
LAST = 1000
BARE_LATENT_DIM = 32


@dataclass(frozen=True)
class Preset:
    """A family, its options, a latent size and a training configuration, with a sentence.

    beside: another preset that is worth training at the same time, to compare. place: where it
    stands in lists, low ones first. teaches: what one can see on it, in a few words for its card.
    """

    name: str
    title: str
    about: str
    family: str
    latent_dim: int
    options: dict[str, Any] = field(default_factory=dict)
    config: TrainConfig = field(default_factory=TrainConfig)
    beside: str = ""
    place: int = LAST
    teaches: str = ""

    def fits(self, data: DataSpec) -> bool:
        """Whether these data can be given to this model at all."""
        return family(self.family).fits(data)

    def spec(self, data: DataSpec, latent_dim: int | None = None) -> ModelSpec:
        """The preset's model for this data, with another latent size if given.

        Layers adapt: fewer convolutions for small images, a linear output and squared error for
        values that are not in [0, 1], and at most half as many latent numbers as an example has
        values, else nothing would be a bottleneck, but where the code is meant to be larger.
        """
        cls, options = family(self.family), dict(self.options)
        known = {option.name: option for option in options_in(cls.Options)}
        if "channels" in known:
            halvings = max(1, math.ceil(math.log2(min(data.shape[-2:]))) - 2)
            channels = options.get("channels", known["channels"].default)
            if "channels" in options or len(channels) > halvings:
                options["channels"] = channels[:halvings]
        if not data.bounded:
            options |= {k: v for k, v in (("output", "linear"), ("loss", "mse")) if k in known}
        half = max(1, data.size // 2)
        k = self.latent_dim if cls.wide_code else min(self.latent_dim, half)
        return ModelSpec(self.family, data, latent_dim or k, options)

    def training(self, examples: int) -> TrainConfig:
        """The preset's training for so many examples.

        Few of them make few steps an epoch, and a network learns by steps: then the batches are
        smaller and the epochs more, until there are LEAST_STEPS; but no more than MOST_EPOCHS,
        after which very few examples are remembered rather than learnt from.
        """
        if family(self.family).closed_form:
            return self.config
        several = 2 ** int(math.log2(max(1, examples / 32)))  # at least 32 batches an epoch
        batch_size = min(self.config.batch_size, max(SMALL_BATCH, several))
        epochs = math.ceil(LEAST_STEPS / math.ceil(max(1, examples) / batch_size))
        return dataclasses.replace(
            self.config,
            batch_size=batch_size,
            epochs=max(self.config.epochs, min(epochs, MOST_EPOCHS)),
        )


class _Collected(Mapping[str, Preset]):
    """Every family's presets by name, in the order of their places."""

    def _all(self) -> dict[str, Preset]:
        found = sorted(collected("PRESETS"), key=lambda p: p.place)
        return {p.name: p for p in found}

    def __getitem__(self, name: str) -> Preset:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


PRESETS: Mapping[str, Preset] = _Collected()


def preset(name: str) -> Preset:
    """Return the preset called `name`, or raise UnknownNameError."""
    if name not in PRESETS:
        raise UnknownNameError("preset", name, list(PRESETS))
    return PRESETS[name]


def bare(name: str) -> Preset:
    """A family as it is, its options at their defaults. Raises UnknownNameError."""
    cls = family(name)
    about = (cls.__doc__ or cls.title).strip().splitlines()[0]
    return Preset(name, cls.title, about, name, BARE_LATENT_DIM)


def without_presets() -> list[str]:
    """The families that a person can train and that no preset names."""
    named = {p.family for p in PRESETS.values()}
    found = all_families()
    return [name for name, cls in found.items() if name not in named and not cls.from_outside]
