"""What was made and how it was judged, as figures, charts, pictures, a table and a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About
from aecore.lab.experiment import Values
from aecore.lab.judge import FEATURES, JUDGED, NEAREST, NEIGHBOURHOODS, SURE
from aecore.lab.new_ones import COURSE, SWEPT
from aecore.lab.outcome import Figure, Outcome

#: Where codes come from, by the names of what is found of them, and as bars are called.
MADE = {
    "again": "drawn again",
    "prior": "N(0, I)",
    "gaussian": "Gaussian",
    "mixture": "mixture",
    "flow": "flow",
}
BESIDE = {"plain": "no class", "pixels": "on pixels", "known": "real ones"}
TITLES = {
    "again": "held-out ones drawn again",
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
AE_LINE, VAE_LINE = "autoencoder", "VAE"
DISTANCE = "squared distance of features"
_VAE_ROLE: Role = 2


class Told:
    """What the tasks found so far."""

    def __init__(
        self, about: About, made: int, euler: int, components: int, done: Mapping[str, Values]
    ):
        assert about.spec is not None
        self.about, self.spec = about, about.spec
        self.made, self.euler, self.components = made, euler, components
        self.found: dict[str, Any] = {}
        for values in done.values():
            self.found |= values
        self.thing = thing_of(about.spec)
        self.judged = f"{min(JUDGED, about.test):,} held-out {self.thing}s"
        self.against = f"{made:,} made against {self.judged}"
        self.reads = about.labelled and about.spec.classes > 1

    def outcome(self) -> Outcome:
        if not self.found:
            return Outcome()
        distance = Axis("Fréchet distance", self.unit, log=True)
        charts = (
            self._bars("frechet", "Fréchet distance", distance),
            self._map(),
            *self._planes(),
            *self._measures(),
            self._by_steps(),
            self._by_guidance(),
            self._course(),
            self._between(),
            self._learning(),
        )
        return Outcome(
            tuple(self._figures()),
            tuple(chart for chart in charts if chart is not None),
            tuple(self._pictures()),
            (self._table(),),
            self._says(),
        )

    @property
    def unit(self) -> str:
        return f"{self._features} of {self.judged}"

    @property
    def _features(self) -> str:
        return f"{FEATURES} features" if self.reads else "principal components"

    def value(self, key: str, what: str) -> float:
        return float(self.found.get(f"{key}_{what}", math.nan))

    # Charts

    def _bars(self, what: str, title: str, y: Axis) -> Chart:
        """A measure by where codes come from."""
        lines = [
            self._line(AE_LINE, what, list(MADE), "", "model"),
            self._line(VAE_LINE, what, list(MADE)[:-1], "vae_", _VAE_ROLE),
            self._line("beside them", what, list(BESIDE), "", "floor"),
        ]
        known = {key: self.value(key, what) for key in MADE if math.isfinite(self.value(key, what))}
        found = ", ".join(f"{MADE[key]} {value:.3g}" for key, value in known.items())
        return Chart(
            what,
            f"{title}, {self.about.title}",
            Axis("codes from"),
            y,
            tuple(line for line in lines if line.role == "model" or _there(line)),
            "bars",
            tuple((MADE | BESIDE).values()),
            f"{title} by where the codes come from{found and f', autoencoder: {found}'}.",
        )

    def _line(self, name: str, what: str, keys: Sequence[str], before: str, role: Role) -> Line:
        places = list(MADE | BESIDE)
        x = tuple(float(places.index(key)) for key in keys)
        return Line(name, x, tuple(self.value(before + key, what) for key in keys), role)

    def _measures(self) -> Iterator[Chart]:
        made = f"% of {self.made:,} made"
        if self.reads:
            axis = Axis(f"read with > {100 * SURE:.0f} % confidence", made, span=(0.0, 100.0))
            yield self._bars(SURE_CHART, "Confidence", axis)
        n = f"{min(NEIGHBOURHOODS, self.made):,}"
        among = Axis("precision", f"% of {n} made that lie among real ones", span=(0.0, 100.0))
        yield self._bars("precision", "Precision", among)
        covered = Axis("recall", "% of held-out ones that lie among made ones", span=(0.0, 100.0))
        yield self._bars("recall", "Recall", covered)

    def _map(self) -> Chart | None:
        """The ways of some samples among held-out codes."""
        if "paths" not in self.found:
            return None
        paths = np.asarray(self.found["paths"], float)
        labels = self.found.get("path_labels", range(len(paths)))
        lines = self._cloud()
        for way, label in zip(paths, labels, strict=True):
            role = int(label)
            lines.append(Line("", _plain(way[:, 0]), _plain(way[:, 1]), role, marked=False))
            lines.append(Line("", (float(way[-1, 0]),), (float(way[-1, 1]),), role, joined=False))
        return Chart(
            "paths",
            f"Paths of the flow, {self.about.title}",
            Axis("first principal component", "of codes"),
            Axis("second", "principal component of codes"),
            tuple(lines),
            summary=f"{len(paths)} samples on their way from noise to a code in {self.euler} "
            "steps, among held-out codes.",
        )

    def _cloud(self) -> list[Line]:
        """Held-out codes, each class in its colour."""
        cloud = self.found.get("cloud")
        if cloud is None:
            return []
        cloud = np.asarray(cloud, float)
        labels = np.asarray(self.found.get("cloud_labels", np.full(len(cloud), -1)))
        return [
            Line("", *map(_plain, cloud[labels == c].T), "floor" if c < 0 else int(c), joined=False)
            for c in np.unique(labels)
        ]

    def _planes(self) -> Iterator[Chart]:
        """Where each way of making codes puts them, beside held-out codes."""
        cloud = self._cloud()
        if not cloud:
            return
        every = np.asarray(self.found["cloud"], float)
        reach = float(np.abs(every).max()) * 1.15
        axis = Axis("", span=(-reach, reach))
        yield self._plane("held_out", "Held-out codes", cloud, axis)
        grey = [Line("", *map(_plain, every.T), "floor", joined=False)]
        for key in (*list(MADE)[1:], "plain"):
            drawn = self.found.get(f"{key}_map")
            if drawn is not None:
                inside = np.asarray(drawn, float)
                inside = inside[np.abs(inside).max(1) < reach]
                made = Line("", *map(_plain, inside.T), "model", joined=False)
                title = TITLES[key][:1].upper() + TITLES[key][1:]
                yield self._plane(key, title, [*grey, made], axis)

    def _plane(self, name: str, title: str, lines: Sequence[Line], axis: Axis) -> Chart:
        summary = f"{title}, on the first two principal components of training codes."
        return Chart(f"map_{name}", title, axis, axis, tuple(lines), "plane", summary=summary)

    def _by_steps(self) -> Chart | None:
        rows = self.found.get("by_steps")
        if rows is None:
            return None
        x, y = map(_plain, np.asarray(rows, float).T)
        return Chart(
            "by_steps",
            f"Steps from noise to a code, {self.about.title}",
            Axis("steps", log=True, ticks=tuple(map(float, STEPS_TRIED))),
            Axis("Fréchet distance", f"{self._features}, {SWEPT:,} made at most", log=True),
            (Line("flow", x, y),),
            summary="Fréchet distance of the flow's samples by the steps that it takes.",
        )

    def _by_guidance(self) -> Chart | None:
        rows = self.found.get("by_guidance")
        if rows is None:
            return None
        x, _, *shares = map(_plain, np.asarray(rows, float).T)
        named: dict[str, Role] = {
            "read as the class asked for": "model",
            "read with confidence": 2,
            "precision": "train",
            "recall": "pca",
        }
        return Chart(
            "by_guidance",
            f"Guidance, {self.about.title}",
            Axis("guidance", "0: no class, 1: the class alone"),
            Axis("share", f"% of {SWEPT:,} made at most", span=(0.0, 100.0)),
            tuple(Line(n, x, y, r) for (n, r), y in zip(named.items(), shares, strict=True)),
            summary="Guidance brings samples to their class, and costs variety.",
        )

    def _course(self) -> Chart | None:
        """How good samples are by what the training cost, on codes and on pixels."""
        named: dict[str, tuple[str, Role]] = {
            "flow": ("on codes", "model"),
            "plain": ("on codes, no class", _VAE_ROLE),
            "pixels": ("on pixels", "floor"),
        }
        lines = []
        for key, (name, role) in named.items():
            rows = self.found.get(f"{key}_course")
            if rows is not None:
                lines.append(Line(name, *map(_plain, np.asarray(rows, float).T), role))
        if not lines:
            return None
        return Chart(
            "course",
            f"What training costs, {self.about.title}",
            Axis("multiplications in training", "10¹²"),
            Axis("Fréchet distance", f"{self._features}, {SWEPT:,} made", log=True),
            tuple(lines),
            summary="Fréchet distance of samples while a flow learns, on codes and on pixels.",
        )

    def _between(self) -> Chart | None:
        y = tuple(self.value(f"between_{key}", "frechet") for key in HALVES)
        if not any(map(math.isfinite, y)):
            return None
        x = tuple(map(float, range(len(y))))
        return Chart(
            "between",
            f"Halfway between two, {self.about.title}",
            Axis("the way"),
            Axis("Fréchet distance", self.unit, log=True),
            (Line("halfway", x, y),),
            "bars",
            tuple(HALVES.values()),
            "Fréchet distance of what lies halfway between two held-out examples, by the way.",
        )

    def _learning(self) -> Chart | None:
        rows = self.found.get("learning")
        if rows is None:
            return None
        x, y = map(_plain, np.asarray(rows, float).T)
        return Chart(
            "learning",
            f"The judge learns, {self.about.title}",
            Axis("training examples seen"),
            Axis("classes found", f"% of {self.found['learning_of']:,} held-out {self.thing}s"),
            (Line("classifier", x, y),),
            summary="How well the classifier that judges tells classes, while it learns.",
        )

    # Figures

    def _figures(self) -> Iterator[Figure]:
        yield from self._judge_figures()
        for key, title in self._ways():
            yield from self._figures_of(key, title)
        if "obeyed" in self.found:
            split = f"{self.made:,} made, as our classifier reads them"
            yield Figure(
                "obeyed", "Read as the class asked for", self.found["obeyed"], "% of made", split
            )
        for row in np.asarray(self.found.get("by_steps", ())):
            n = f"{row[0]:.0f}"
            yield Figure(
                f"steps_{n}",
                f"Flow in {n} step{'s' * (n != '1')}: Fréchet distance",
                float(row[1]),
                DISTANCE,
                f"{min(SWEPT, self.made):,} made against {self.judged}, {self._features}",
            )
        yield from self._guidance_figures()
        for key in ("flow", "plain"):
            if f"{key}_training_ms" in self.found:
                yield Figure(
                    f"{key}_training_ms",
                    f"{_start(TITLES[key])}: its training, with {len(COURSE)} looks at "
                    "what it makes",
                    self.found[f"{key}_training_ms"],
                    "ms",
                    f"{self.about.train:,} training {self.thing}s",
                )

    def _judge_figures(self) -> Iterator[Figure]:
        rows = self.found.get("learning")
        title, unit = "Our classifier", "% of classes found"
        if "judge_right" in self.found:
            yield Figure("judge_right", title, self.found["judge_right"], unit, self.judged)
        elif rows is not None:
            split = f"{self.found['learning_of']:,} held-out {self.thing}s, while it learns"
            yield Figure("judge_right", title, float(np.asarray(rows)[-1, 1]), unit, split)

    def _ways(self) -> Iterator[tuple[str, str]]:
        """All that was judged, with titles."""
        yield "known", TITLES["known"]
        for key in MADE:
            yield key, TITLES[key]
        for key in ("plain", "pixels"):
            yield key, TITLES[key]
        for key in MADE:
            yield f"vae_{key}", f"VAE, {TITLES[key]}"
        for key, name in HALVES.items():
            yield f"between_{key}", f"halfway, {name}"

    def _figures_of(self, key: str, title: str) -> Iterator[Figure]:
        kinds = (
            ("frechet", "Fréchet distance", DISTANCE, f"{self.against}, {self._features}"),
            ("precision", "precision", "% of made that lie among real ones", self._each("made")),
            ("recall", "recall", "% of real ones that lie among made", self._each("made")),
            (
                "sure",
                f"read with > {100 * SURE:.0f} % confidence",
                "% of made",
                f"{self.made:,} made",
            ),
            (
                "near",
                "distance to the nearest training example",
                "of a held-out one's, median",
                f"{NEAREST} made beside {NEAREST} held-out {self.thing}s",
            ),
        )
        for what, name, unit, split in kinds:
            value = self.value(key, what)
            if math.isfinite(value):
                if key == "known":
                    split = split.replace("made", f"training {self.thing}s")
                yield Figure(f"{key}_{what}", f"{_start(title)}: {name}", value, unit, split)

    def _each(self, what: str) -> str:
        n = f"{min(NEIGHBOURHOODS, self.made):,}"
        return f"{n} {what} and {n} held-out {self.thing}s at most, {self._features}"

    def _guidance_figures(self) -> Iterator[Figure]:
        split = f"{min(SWEPT, self.made):,} made"
        for row in np.asarray(self.found.get("by_guidance", ()), float):
            name, title = f"guidance_{row[0]:g}".replace(".", "_"), f"Guidance {row[0]:g}"
            yield Figure(
                f"{name}_frechet",
                f"{title}: Fréchet distance",
                row[1],
                DISTANCE,
                f"{split} against {self.judged}, {self._features}",
            )
            yield Figure(
                f"{name}_obeyed", f"{title}: read as the class asked for", row[2], "%", split
            )
            yield Figure(f"{name}_recall", f"{title}: recall", row[5], "%", self._each("made"))

    def _table(self) -> Table:
        heads = {
            "frechet": f"Fréchet distance ({self.against})",
            "precision": "precision (%)",
            "recall": "recall (%)",
            "sure": f"read with > {100 * SURE:.0f} % confidence (%)",
            "near": "distance to the nearest training example (1: as held-out ones)",
        }
        there = [
            (key, title) for key, title in self._ways() if math.isfinite(self.value(key, "frechet"))
        ]
        columns: dict[str, Sequence[Any]] = {"made from": [title for _, title in there]}
        for what, head in heads.items():
            columns[head] = [self.value(key, what) for key, _ in there]
        return Table("by_way", "By where they come from", columns)

    # Pictures

    def _pictures(self) -> Iterator[Pictures]:
        if kind_of(self.spec) != "image":
            return
        keys = (*list(MADE)[1:], "plain", "pixels", "vae_prior", "vae_gaussian", "vae_mixture")
        rows = {key: self.found[f"{key}_shown"] for key in keys if f"{key}_shown" in self.found}
        if rows:
            yield Pictures(
                "made",
                "Made",
                _unit(list(rows.values())),
                tuple(self._row_name(key) for key in rows),
                summary=f"{self._shown(len(next(iter(rows.values()))))} from each.",
            )
        if "steps_shown" in self.found:
            yield Pictures(
                "steps",
                "Every step from noise to a code, decoded",
                _unit(self.found["steps_shown"]),
                summary=f"A sample each row, from noise on the left in {self.euler} steps.",
            )
        yield from self._nearest()
        yield from self._bold()
        if "between_shown" in self.found:
            yield Pictures(
                "between_shown",
                "From one held-out example to another",
                _unit(self.found["between_shown"]),
                tuple(HALVES.values()),
                summary="Straight, on the arc about 0, on the arc about the codes' mean, in "
                "pixels.",
            )

    def _shown(self, n: int) -> str:
        return f"{n} {self.thing}s"

    def _row_name(self, key: str) -> str:
        base = key.removeprefix("vae_")
        name = (MADE | BESIDE)[base]
        return f"VAE, {name}" if base != key else {"plain": "flow, no class"}.get(key, name)

    def _nearest(self) -> Iterator[Pictures]:
        for key in ("flow", "mixture", "pixels"):
            if f"{key}_nearest" not in self.found:
                continue
            both = [self.found[f"{key}_shown"], self.found[f"{key}_nearest"]]
            near = self.value(key, "near")
            yield Pictures(
                f"nearest_{key}",
                f"Copies? {_start(TITLES[key])}",
                _unit(both),
                ("made", "nearest known"),
                summary=f"Beneath each the nearest training {self.thing}: {near:.2f} times as far "
                f"as from a held-out one, in median of {NEAREST}. Copies would be far below 1.",
            )

    def _bold(self) -> Iterator[Pictures]:
        for key in ("prior", "gaussian"):
            if f"{key}_bold" in self.found:
                least = self.found[f"{key}_boldness"]
                yield Pictures(
                    f"bold_{key}",
                    f"Sure, and right? {_start(TITLES[key])}",
                    _unit(self.found[f"{key}_bold"]),
                    ("made", "nearest known"),
                    summary=f"Of {self.made:,} made those that our classifier is most sure of, "
                    f"{least:.1f} % and more; beneath, the nearest training {self.thing}.",
                )

    # In a sentence

    def _says(self) -> str:
        values = {
            key: self.value(key, "frechet") for key in (*MADE, "known", "pixels", "vae_prior")
        }
        if not math.isfinite(values["flow"]):
            return self._so_far(values)
        said = f"Fréchet distance of what a flow on the codes makes: {values['flow']:.1f}"
        if math.isfinite(values["mixture"]):
            said += f"; from a mixture {values['mixture']:.1f}"
        if math.isfinite(values["prior"]):
            said += f", from N(0, I) {values['prior']:.0f}"
        said += f". Between training and held-out {self.thing}s it is {values['known']:.1f}."
        if math.isfinite(values["pixels"]):
            said += f" A flow on pixels with as much computing comes to {values['pixels']:.0f}."
        if math.isfinite(values["vae_prior"]):
            said += f" The VAE from N(0, I): {values['vae_prior']:.0f}."
        return said

    def _so_far(self, values: dict[str, float]) -> str:
        """While the flow is not judged yet."""
        known = {key: values[key] for key in MADE if math.isfinite(values[key])}
        if not known:
            return ""
        told = ", ".join(f"{TITLES[key]} {value:.1f}" for key, value in known.items())
        return f"Fréchet distance so far: {told}."


def _there(line: Line) -> bool:
    return any(map(math.isfinite, line.y))


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _unit(images: Any) -> np.ndarray:
    """Bytes as values in [0, 1]; rows (n, *shape) of one length."""
    return np.asarray(images, np.float32) / 255


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]
