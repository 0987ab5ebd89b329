"""What lies where no code is: figures, charts, planes, pictures, a table and a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About
from aecore.lab.experiment import Values
from aecore.lab.judge import SURE
from aecore.lab.outcome import Figure, Outcome
from aecore.wording import capitalised

HOLES_CHART = "empty"
HOLE_LINE = "empty"
HOLE_COLOR = np.array([0.96, 0.62, 0.2], np.float32)  # of what is drawn in a hole, on light, dark
_TURN = np.linspace(0, 2 * math.pi, 61)


class Told:
    """What is known of each model, in the order of their prices."""

    def __init__(self, about: About, betas: Sequence[int], done: Mapping[str, Values]):
        assert about.spec is not None
        self.about, self.spec, self.done = about, about.spec, done
        self.models = ["ae", *(f"beta-{b}" for b in betas)]
        self.names = ["no price (AE)", *(f"beta {b / 100:g}" for b in betas)]
        self.thing = thing_of(about.spec)
        self.reads = about.labelled and about.spec.classes > 1
        self.held_out = f"{about.test:,} held-out {self.thing}s"
        self.known = f"{about.train:,} training {self.thing}s"

    def outcome(self) -> Outcome:
        if not self.done:
            return Outcome()
        return Outcome(
            tuple(self._figures()),
            (*(chart for chart in self._charts() if chart is not None), *self._planes()),
            tuple(self._pictures()),
            (self._table(),),
            self._says(),
        )

    def value(self, model: str, key: str) -> float:
        return float(self.done.get(model, {}).get(key, math.nan))

    def name(self, model: str) -> str:
        return self.names[self.models.index(model)]

    # Charts

    def _charts(self) -> Iterator[Chart | None]:
        box = "% of the box around training codes"
        yield self._bars(
            HOLES_CHART,
            "Where no code is",
            Axis("empty", box, span=(0.0, 100.0)),
            (("empty", HOLE_LINE, "model"), ("prior_in_holes", "N(0, I) falls there", "pca")),
            "How much of the box around the codes is empty, and how often N(0, I) falls there or "
            "outside.",
        )
        if self.reads:
            yield self._bars(
                "sure",
                "Confidence in holes",
                Axis(
                    f"read with > {100 * SURE:.0f} % confidence",
                    "% of what is decoded",
                    span=(0, 100),
                ),
                (
                    ("holes_sure", "from holes", "pca"),
                    ("cells_sure", "from elsewhere in the box", "train"),
                    ("codes_sure", "from held-out codes", "model"),
                ),
                "How much of what is decoded a classifier reads with confidence, in holes and "
                "among codes.",
            )
        yield self._bars(
            "cycle",
            "Do codes come back?",
            Axis("cycle error", "deviations of the codes, median"),
            (
                ("holes_cycle", "from holes", "pca"),
                ("cells_cycle", "from elsewhere in the box", "train"),
                ("codes_cycle", "held-out codes", "model"),
            ),
            "How far points of the plane are from themselves after they were decoded and encoded "
            "again.",
        )
        yield self._bars(
            "kl",
            "All codes and the prior",
            Axis("KL to N(0, I)", f"nats, {self.known}"),
            (
                ("kl_gaussian", "of the Gaussian fitted to them", "model"),
                ("kl_mixture", "of the mixture of posteriors", "pca"),
            ),
            "How far the aggregate posterior is from the prior: of the Gaussian that fits it, and "
            "of itself.",
        )
        # Not before a plane is looked at: what stands there first stays chosen.
        if any("empty" in values for values in self.done.values()):
            yield self._bars(
                "error",
                "What it costs",
                Axis("error", f"squared error per value, {self.held_out}"),
                (("mse", "error", "model"),),
                "Held-out error of each model.",
            )
        yield from self._wide()

    def _bars(
        self,
        name: str,
        title: str,
        y: Axis,
        shown: Sequence[tuple[str, str, Role]],
        summary: str,
    ) -> Chart | None:
        """A measure by model; None while there is none."""
        x = tuple(map(float, range(len(self.models))))
        lines = [
            Line(words, x, tuple(self.value(m, key) for m in self.models), role)
            for key, words, role in shown
        ]
        if all(_nan(v) for line in lines for v in line.y):
            return None
        first = lines[0]
        told = [f"{n} {v:.3g}" for n, v in zip(self.names, first.y, strict=True) if not _nan(v)]
        if told:
            summary += f" {first.name}: {', '.join(told)}."
        return Chart(
            name,
            f"{title}, {self.about.title}",
            Axis("model"),
            y,
            tuple(lines),
            "bars",
            tuple(self.names),
            summary,
        )

    def _wide(self) -> Iterator[Chart]:
        ks = [self.value("wide", f"wide_{name}_k") for name in ("ae", "vae")]
        if any(map(_nan, ks)):
            return
        names = tuple(f"{n}, {k:.0f} numbers" for n, k in zip(("AE", "VAE"), ks, strict=True))
        places: tuple[tuple[str, str, Role], ...] = (
            ("box", "from the box", "pca"),
            ("codes", "held-out codes", "model"),
        )
        lines = tuple(
            Line(
                words,
                (0.0, 1.0),
                tuple(self.value("wide", f"wide_{n}_cycle_{place}") for n in ("ae", "vae")),
                role,
            )
            for place, words, role in places
        )
        yield Chart(
            "wide",
            f"With more numbers, {self.about.title}",
            Axis("model"),
            Axis("cycle error", "deviations of the codes, median"),
            lines,
            "bars",
            names,
            "With more numbers codes come back and points of the box do not: that shows holes.",
        )

    def _planes(self) -> Iterator[Chart]:
        """Held-out codes of each model; circles: N(0, I) has 39 % within the first, 86 within the
        second."""
        for model, name in zip(self.models, self.names, strict=True):
            values = self.done.get(model, {})
            points = values.get("codes", values.get("moving"))
            if points is None:
                continue
            points = np.asarray(points, float)
            labels = np.asarray(values.get("labels", np.full(len(points), -1)))
            lines = [
                Line(
                    "",
                    *_points(points[labels == c]),
                    "floor" if c < 0 else int(c),
                    joined=False,
                )
                for c in np.unique(labels)
            ]
            for radius in (1, 2):
                circle = radius * np.stack([np.cos(_TURN), np.sin(_TURN)], 1)
                lines.append(Line("", *_points(circle), "expected", marked=False))
            reach = max(2.2, float(np.abs(points).max()) * 1.05)
            axis = Axis("", span=(-reach, reach))
            empty = values.get("empty", math.nan)
            said = f"{name}" + ("" if _nan(empty) else f": {empty:.0f} % empty")
            yield Chart(
                f"plane_{model}",
                said,
                axis,
                axis,
                tuple(lines),
                "plane",
                summary=f"{said}. Held-out codes; the circles are one and two deviations of "
                "N(0, I).",
            )

    # Figures

    def _figures(self) -> Iterator[Figure]:
        for values in self.done.values():
            if "judge_right" in values:
                unit = "% of classes found"
                yield Figure(
                    "judge_right",
                    "Our classifier",
                    values["judge_right"],
                    unit,
                    f"{min(10_000, self.about.test):,} held-out {self.thing}s",
                )
                break
        for model in self.models:
            yield from self._figures_of(model)
        yield from self._wide_figures()

    def _figures_of(self, model: str) -> Iterator[Figure]:
        box = f"cells of the box around {self.known}' codes"
        drawn = "2,000 points at most"
        kinds = (
            ("empty", "empty", "% of the box", box),
            ("prior_in_holes", "N(0, I) falls in holes", "% of draws", drawn),
            ("holes_sure", "sure in holes", f"% read with > {100 * SURE:.0f} % confidence", drawn),
            ("cells_sure", "sure elsewhere", f"% read with > {100 * SURE:.0f} % confidence", drawn),
            (
                "codes_sure",
                "sure of held-out codes",
                f"% read with > {100 * SURE:.0f} % confidence",
                f"{min(2000, self.about.test):,} held-out {self.thing}s",
            ),
            ("holes_cycle", "points in holes come back", "deviations off, median", drawn),
            ("cells_cycle", "points elsewhere come back", "deviations off, median", drawn),
            (
                "codes_cycle",
                "held-out codes come back",
                "deviations off, median",
                f"{min(2000, self.about.test):,} held-out {self.thing}s",
            ),
            ("kl_gaussian", "KL of the fitted Gaussian to N(0, I)", "nats", self.known),
            ("kl_mixture", "KL of all posteriors' mixture to N(0, I)", "nats", self.known),
            ("mse", "error", "squared error per value", self.held_out),
            ("looked_mse", "error so far", "squared error per value", f"some of {self.held_out}"),
            ("rate", "KL of each to N(0, I)", "nats, mean", self.held_out),
        )
        name = self.name(model)
        for key, title, unit, split in kinds:
            value = self.value(model, key)
            if not _nan(value) and not (key == "rate" and model == "ae"):
                yield Figure(
                    f"{model.replace('-', '_')}_{key}",
                    f"{capitalised(name)}: {title}",
                    value,
                    unit,
                    split,
                )

    def _wide_figures(self) -> Iterator[Figure]:
        drawn = {"codes": f"{min(2000, self.about.test):,} held-out {self.thing}s"}
        drawn["box"] = "2,000 points of the box around the codes"
        for name, title in (("ae", "AE"), ("vae", "VAE")):
            k = self.value("wide", f"wide_{name}_k")
            for place, split in drawn.items():
                where = "held-out codes" if place == "codes" else "points of the box"
                found = (
                    ("cycle", f"{where} come back", "deviations off, median"),
                    ("sure", f"sure of {where}", f"% read with > {100 * SURE:.0f} % confidence"),
                )
                for what, words, unit in found:
                    key = f"wide_{name}_{what}_{place}"
                    value = self.value("wide", key)
                    if not _nan(value):
                        yield Figure(key, f"{title}, {k:.0f} numbers: {words}", value, unit, split)

    def _table(self) -> Table:
        columns = {
            "empty": "empty (% of the box)",
            "prior_in_holes": "N(0, I) falls in holes (%)",
            "holes_sure": "sure in holes (%)",
            "codes_sure": "sure of held-out codes (%)",
            "holes_cycle": "from holes come back (deviations off)",
            "codes_cycle": "held-out codes come back (deviations off)",
            "kl_gaussian": "KL of the fitted Gaussian (nats)",
            "kl_mixture": "KL of the mixture (nats)",
            "mse": "error (squared error per value, held out)",
        }
        there = [m for m in self.models if m in self.done]
        rows: dict[str, Sequence[Any]] = {"model": [self.name(m) for m in there]}
        for key, head in columns.items():
            rows[head] = [self.value(m, key) for m in there]
        return Table("by_model", "By model", rows)

    # Pictures

    def _pictures(self) -> Iterator[Pictures]:
        if kind_of(self.spec) != "image":
            return
        for model, name in zip(self.models, self.names, strict=True):
            values = self.done.get(model, {})
            if "drawn" not in values:
                continue
            images = np.asarray(values["drawn"], np.float32) / 255
            holes = np.asarray(values["holes"], bool)
            yield Pictures(
                f"drawn_{model}",
                f"The whole box decoded, {name}",
                _tinted(images, holes),
                summary=self._said_of_box(name, values.get("empty"), images.shape[2] == 1),
            )

    def _said_of_box(self, name: str, empty: float | None, grey: bool) -> str:
        said = f"{capitalised(name)}: what the decoder draws over the box around the codes"
        if empty is None:
            return f"{said}, while it learns."
        how = "Orange" if grey else "Dim"
        return f"{said}, {empty:.0f} % of which is empty. {how}: no code lies there."

    # In a sentence

    def _says(self) -> str:
        vae = "beta-100" if "beta-100" in self.models else self.models[-1]
        empty = {m: self.value(m, "empty") for m in ("ae", vae)}
        if any(map(_nan, empty.values())):
            return ""
        falls = {m: self.value(m, "prior_in_holes") for m in empty}
        said = (
            f"Of the box around the autoencoder's codes {empty['ae']:.0f} % are empty, of that of "
            f"the VAE with {self.name(vae)} {empty[vae]:.0f} %; N(0, I) falls into holes or "
            f"outside {falls['ae']:.0f} and {falls[vae]:.0f} % of the time."
        )
        sure = [self.value(vae, f"{place}_sure") for place in ("holes", "codes")]
        if not any(map(_nan, sure)):
            said += (
                f" Of what the VAE decodes from holes a classifier reads {sure[0]:.0f} % with "
                f"confidence, of what it decodes from held-out codes {sure[1]:.0f} %."
            )
        return said


def _tinted(images: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Drawings (rows, columns, c, h, w), those in holes (rows, columns) in another colour, or, of
    images that have colours, dim."""
    if images.shape[2] != 1:
        return np.where(holes[:, :, None, None, None], 0.4 * images, images)
    colour = np.where(holes[..., None], HOLE_COLOR, 1.0).astype(np.float32)
    return images * colour[:, :, :, None, None]


def _points(rows: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rows (n, 2) as their x and their y."""
    return tuple(map(float, rows[:, 0])), tuple(map(float, rows[:, 1]))


def _nan(value: float) -> bool:
    return not math.isfinite(value)
