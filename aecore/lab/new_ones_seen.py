"""What the tasks that make new examples found so far, and what it is called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aecore.figures.examples import thing_of, values_of
from aecore.lab.about import About
from aecore.lab.experiment import Values
from aecore.lab.judge import FEATURES, JUDGED

#: Where codes come from, by the names of what is found of them, and as bars are called.
MADE = {
    "again": "decoded again",
    "prior": "N(0, I)",
    "gaussian": "Gaussian",
    "mixture": "mixture",
    "flow": "flow",
}
BESIDE = {"plain": "no class", "pixels": "on pixels", "known": "real ones"}
TITLES = {
    "again": "held-out ones decoded again",
    "prior": "codes from N(0, I)",
    "gaussian": "codes from one Gaussian",
    "mixture": "codes from a mixture",
    "flow": "codes from a flow",
    "plain": "codes from a flow without class",
    "pixels": "a flow on pixels",
    "known": "training examples",
}
HALVES = {
    "straight": "straight",
    "spherical": "spherical",
    "about_mean": "about the mean",
    "pixels": "in pixels",
}
SURE_CHART = "sure"
STEPS_TRIED = (1, 2, 5, 10, 20, 50)
GUIDANCE = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
MOST_VALUES = 4096  # of an example, for a flow on them


class Seen:
    """What the tasks found so far. made: examples by each sampler. euler: steps of a flow."""

    def __init__(self, about: About, made: int, euler: int, done: Mapping[str, Values]):
        assert about.spec is not None
        self.about, self.spec, self.made, self.euler = about, about.spec, made, euler
        self.values: dict[str, Any] = {}
        for values in done.values():
            self.values |= values
        self.thing, self.of = thing_of(about.spec), values_of(about.spec)
        self.titles = TITLES | {"pixels": f"a flow on {self.of}"}
        self.beside = BESIDE | {"pixels": f"on {self.of}"}
        self.halves = HALVES | {"pixels": f"in {self.of}"}
        self.judged = f"{min(JUDGED, about.test):,} held-out {self.thing}s"
        self.against = f"{made:,} made against {self.judged}"
        self.reads = about.labelled and about.spec.classes > 1

    @property
    def features(self) -> str:
        return f"{FEATURES} features" if self.reads else "principal components"

    @property
    def unit(self) -> str:
        return f"{self.features} of {self.judged}"

    def value(self, key: str, what: str) -> float:
        """A measure of a way of making; NaN while there is none."""
        return float(self.values.get(f"{key}_{what}", math.nan))

    def ways(self) -> list[tuple[str, str]]:
        """All that is judged, with titles."""
        kinds = ("known", *MADE, "plain", "pixels")
        found = [(key, self.titles[key]) for key in kinds]
        found += [(f"vae_{key}", f"VAE, {TITLES[key]}") for key in MADE]
        return found + [(f"between_{key}", f"halfway, {name}") for key, name in self.halves.items()]
