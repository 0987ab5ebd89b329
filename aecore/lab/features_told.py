"""What sparse features of a layer say: figures, charts, cards and a sentence, of what is there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab import features
from aecore.lab.about import About
from aecore.lab.experiment import Values
from aecore.lab.outcome import Figure, Outcome

FEATURES, WITHOUT, PCA = "features", "without", "pca"  # tasks; the others are "also-k"
LINE = "sparse features"  # whose curve it is
CARD_SIDE = 56  # pixels of an example's longer side on a card


@dataclass(frozen=True)
class Asked:
    """What a run was asked. active: features at a time; ks: those and all others that were tried,
    ascending."""

    layer: int
    width: int
    active: int
    ks: tuple[int, ...]
    epochs: int


class FeaturesTold:
    """What the tasks found, as figures, charts, pictures and a table."""

    def __init__(self, asked: Asked, about: About, done: Mapping[str, Values]):
        assert about.spec is not None
        self.asked, self.about, self.done = asked, about, done
        self.active, self.ks = asked.active, asked.ks
        self.thing, self.image = thing_of(about.spec), kind_of(about.spec) == "image"
        known: Values = next(iter(done.values()), {})
        self.layer = str(known.get("layer", f"layer {asked.layer}"))
        self.trained = f"{known.get('train', about.train):,} training {self.thing}s"
        self.held_out = f"{known.get('test', about.test):,} held-out {self.thing}s"
        self.main: Values = done.get(FEATURES, {})

    def outcome(self) -> Outcome:
        charts = (self._explained_chart(), self._dead_chart(), self._purity_chart())
        return Outcome(
            tuple(self._figures()),
            tuple(chart for chart in charts if chart is not None),
            tuple(self._pictures()),
            tuple(self._tables()),
            self._says(),
        )

    def _explained(self, k: int) -> float:
        name = FEATURES if k == self.active else f"also-{k}"
        return float(self.done.get(name, {}).get("explained", math.nan))

    def _pca(self, k: int) -> float:
        found = self.done.get(PCA, {}).get("explained")
        return math.nan if found is None else float(found[self.ks.index(k)])

    # Charts

    def _explained_chart(self) -> Chart | None:
        x = tuple(map(float, self.ks))
        lines = [
            Line(LINE, x, tuple(map(self._explained, self.ks)), "model"),
            Line("PCA, as many components", x, tuple(map(self._pca, self.ks)), "pca"),
        ]
        there = tuple(line for line in lines if any(map(math.isfinite, line.y)))
        if not there:
            return None
        return Chart(
            "explained",
            f"Variance explained, {self.layer}",
            Axis("active features", log=True, ticks=x),
            Axis("variance explained", f"% of {self.held_out}"),
            there,
            summary="How much of the layer's variance sparse features and PCA explain, by how many "
            "are active at a time.",
        )

    def _dead_chart(self) -> Chart | None:
        kinds: tuple[tuple[str, str, Role], ...] = (
            (FEATURES, "with the loss that revives", "model"),
            (WITHOUT, "without it", "floor"),
        )
        lines = tuple(
            Line(name, tuple(some["epochs"]), tuple(some["dead"]), role)
            for task, name, role in kinds
            if (some := self.done.get(task, {})).get("epochs")
        )
        if not lines:
            return None
        # From nothing to something, also while none is dead.
        most = max(5.0, 1.1 * max(v for line in lines for v in line.y))
        return Chart(
            "dead",
            f"Dead features, {self.active} of {self.asked.width} active",
            Axis("epochs", span=(0.0, float(self.asked.epochs))),
            Axis("never active", f"% of features, {self.held_out}", span=(0.0, most)),
            lines,
            summary="The share of features that are active for no held-out example, while training "
            "with and without the loss that revives them.",
        )

    def _purity_chart(self) -> Chart | None:
        kinds: tuple[tuple[str, str, Role], ...] = (
            ("purity", "sparse features", "model"),
            ("unit_purity", "the layer's own units", "floor"),
        )
        lines = []
        for key, name, role in kinds:
            values = np.sort(_finite(self.main.get(key)))[::-1]
            if len(values):
                x = 100 * np.arange(1, len(values) + 1) / len(values)
                pairs = tuple(map(float, x)), tuple(map(float, values))
                lines.append(Line(name, *pairs, role, marked=False))
        if not lines:
            return None
        return Chart(
            "purity",
            f"How pure the strongest {features.JUDGED} are, {self.layer}",
            Axis("purest first", "% of features or units"),
            Axis("of one class", f"% of the strongest {features.JUDGED} {self.thing}s, held out"),
            tuple(lines),
            summary="For each feature and each unit, the share of its strongest held-out examples "
            "that are of one class, the purest first.",
        )

    # Figures

    def _figures(self) -> Iterator[Figure]:
        of = f"{self.layer}, {self.held_out}"
        for k in self.ks:
            kinds = (
                (f"explained_{k}", f"Variance explained, {k} active", self._explained(k)),
                (f"pca_{k}", f"PCA's, {k} components", self._pca(k)),
            )
            for name, title, value in kinds:
                if math.isfinite(value):
                    yield Figure(name, title, value, "% of variance", of)
        unit = f"% of {self.asked.width} features"
        for task, name, title in (
            (FEATURES, "dead", "Dead"),
            (WITHOUT, "dead_without", "Dead, without the loss that revives"),
        ):
            some = self.done.get(task, {})
            if "dead_train" in some:
                split = f"never active on {self.trained}"
                yield Figure(f"{name}_train", f"{title}, training", some["dead_train"], unit, split)
            if some.get("dead"):
                split = f"never active on {self.held_out}"
                yield Figure(f"{name}_test", f"{title}, held out", some["dead"][-1], unit, split)
        if "at_once" in self.main:
            yield Figure("at_once", "Active at once", self.main["at_once"], "features, mean", of)
        yield from self._judged()

    def _judged(self) -> Iterator[Figure]:
        """How features and units do as detectors of classes."""
        strongest = f"the strongest {features.JUDGED} of {self.held_out}"
        for key, name, what in (
            ("purity", "pure", "features"),
            ("unit_purity", "pure_units", "units"),
        ):
            values = _finite(self.main.get(key))
            if len(values):
                share = 100 * float((values >= features.PURE).mean())
                title = f"{what.capitalize()} that are {features.PURE:.0f} % of one class"
                yield Figure(name, title, share, f"% of {len(values)} {what}", strongest)
        for key, name, what in (
            ("detects", "detects", "feature"),
            ("unit_detects", "detects_units", "unit"),
        ):
            values = _finite(self.main.get(key))
            if len(values):
                title = f"Best single {what} for a class"
                unit = "% of the area under the curve, mean of classes"
                yield Figure(name, title, float(values.mean()), unit, self.held_out)

    # Cards

    def _pictures(self) -> Iterator[Pictures]:
        if not self.image or "shown" not in self.main:
            return
        best, shown = np.asarray(self.main["best"]), np.asarray(self.main["shown"])
        thin = math.ceil(max(self.main["drawn"].shape[-2:]) / CARD_SIDE)
        signed = [self.main[key] for key in ("drawn", "reads") if key in self.main]
        some = [0.5 + np.asarray(one)[best][..., ::thin, ::thin] / 254 for one in signed]
        images = np.concatenate([np.stack(some, 1), shown / 255], 1)
        names = ["draws", "reads"][: len(some)]
        purity = np.asarray(self.main["purity"])
        yield Pictures(
            "cards",
            f"The {len(best)} purest features",
            images,
            tuple(f"feature {f + 1}" for f in best),
            (*names, *(f"{i + 1}." for i in range(features.TOP))),
            summary=f"A row each: what it {' and '.join(names)} (grey is nothing, bright adds), "
            f"then the held-out {self.thing}s on which it is strongest."
            + _said_of_purity(purity[best]),
        )

    def _tables(self) -> Iterator[Table]:
        if "density" not in self.main:
            return
        some = {key: np.asarray(self.main[key]) for key in ("density", "purity", "kind", "high")}
        classes = self.about.classes
        kinds = [str(classes[k]) if 0 <= k < len(classes) else "" for k in some["kind"]]
        yield Table(
            "features",
            "The features",
            {
                "feature": list(range(1, len(kinds) + 1)),
                f"active (% of {self.held_out})": (100 * some["density"]).tolist(),
                f"commonest class of its strongest {features.JUDGED}": kinds,
                f"of that class (% of {features.JUDGED})": some["purity"].tolist(),
                "largest strength (usual lengths of the layer)": some["high"].tolist(),
            },
        )

    def _says(self) -> str:
        if "dead_train" not in self.main:
            return ""
        mine, pca = self._explained(self.active), self._pca(self.active)
        said = (
            f"{self.active} of {self.asked.width} features explain {mine:.1f} % of the "
            f"variance of the layer ({self.layer}) on held-out {self.thing}s"
        )
        said += f", {self.active} principal components {pca:.1f} %." if pca == pca else "."
        without = self.done.get(WITHOUT, {}).get("dead_train")
        if without is not None:
            said += (
                f" {self.main['dead_train']:.0f} % of the features are dead; without the loss that "
                f"revives them, {without:.0f} %."
            )
        return said


def _finite(values: Any) -> np.ndarray:
    found = np.asarray([] if values is None else values, float)
    return found[np.isfinite(found)]


def _said_of_purity(purity: np.ndarray) -> str:
    there = _finite(purity)
    if not len(there):
        return ""
    share = "All" if there.min() == 100 else f"At least {there.min():.0f} %"
    return f" {share} of each one's strongest {features.JUDGED} are of one class."
