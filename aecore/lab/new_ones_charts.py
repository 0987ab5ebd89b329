"""What was made, drawn as charts: bars by where codes come from, maps, sweeps, courses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Role
from aecore.lab.judge import NEIGHBOURHOODS, SURE
from aecore.lab.new_ones import SWEPT
from aecore.lab.new_ones_seen import (
    BESIDE,
    HALVES,
    MADE,
    STEPS_TRIED,
    SURE_CHART,
    Seen,
)
from aecore.wording import capitalised

AE_LINE, VAE_LINE = "autoencoder", "VAE"
_VAE_ROLE: Role = 2


def charts(seen: Seen) -> list[Chart]:
    """All that can be drawn yet; while nothing is judged, how the judge learns."""
    distance = Axis("Fréchet distance", seen.unit, log=True)
    found = (
        _bars(seen, "frechet", "Fréchet distance", distance),
        _map(seen),
        *_planes(seen),
        _sure(seen),
        _spread(seen),
        _by_steps(seen),
        _by_guidance(seen),
        _course(seen),
        _between(seen),
        _learning(seen),
    )
    return [chart for chart in found if chart is not None]


def _bars(seen: Seen, what: str, title: str, y: Axis) -> Chart | None:
    """A measure by where codes come from; None while nothing is judged."""
    lines = [
        _line(seen, AE_LINE, what, list(MADE), "", "model"),
        _line(seen, VAE_LINE, what, list(MADE)[:-1], "vae_", _VAE_ROLE),
        _line(seen, "beside them", what, list(BESIDE), "", "floor"),
    ]
    if not any(map(_there, lines)):
        return None
    known = {key: seen.value(key, what) for key in MADE if math.isfinite(seen.value(key, what))}
    found = ", ".join(f"{MADE[key]} {value:.3g}" for key, value in known.items())
    return Chart(
        what,
        f"{title}, {seen.about.title}",
        Axis("codes from"),
        _seen_whole(y, lines) if y.log else y,
        tuple(line for line in lines if line.role == "model" or _there(line)),
        "bars",
        tuple((MADE | seen.beside).values()),
        f"{title} by where the codes come from{found and f', autoencoder: {found}'}.",
    )


def _line(seen: Seen, name: str, what: str, keys: Sequence[str], before: str, role: Role) -> Line:
    places = list(MADE | BESIDE)
    x = tuple(float(places.index(key)) for key in keys)
    return Line(name, x, tuple(seen.value(before + key, what) for key in keys), role)


def _sure(seen: Seen) -> Chart | None:
    """How many a classifier reads with confidence, where there is one."""
    if not seen.reads:
        return None
    read = f"read with > {100 * SURE:.0f} % confidence"
    axis = Axis(read, f"% of {seen.made:,} made", span=(0.0, 100.0))
    return _bars(seen, SURE_CHART, "Confidence", axis)


def _spread(seen: Seen) -> Chart | None:
    """Precision and recall of what is made from an autoencoder's codes, and of what is beside."""
    keys = [*MADE, *BESIDE]
    roles: dict[str, Role] = {"precision": "model", "recall": "pca"}
    lines = tuple(_line(seen, name, name, keys, "", role) for name, role in roles.items())
    if not _there(lines[0]):
        return None
    n = f"{min(NEIGHBOURHOODS, seen.made, seen.about.test):,}"
    return Chart(
        "precision_recall",
        f"Precision and recall, {seen.about.title}",
        Axis("codes from"),
        Axis("share", f"% of {n} made, and of {n} held out", span=(0.0, 100.0)),
        lines,
        "bars",
        tuple((MADE | seen.beside).values()),
        "Precision: what is made lies among real ones. Recall: real ones lie among what is made. "
        "The same one again and again is precise and recalls nothing.",
    )


def _map(seen: Seen) -> Chart | None:
    """The ways of some samples among held-out codes."""
    if "paths" not in seen.values:
        return None
    paths = np.asarray(seen.values["paths"], float)
    labels = seen.values.get("path_labels", range(len(paths)))
    lines = _cloud(seen)
    for way, label in zip(paths, labels, strict=True):
        role = int(label)
        lines.append(Line("", _plain(way[:, 0]), _plain(way[:, 1]), role, marked=False))
        lines.append(Line("", (float(way[-1, 0]),), (float(way[-1, 1]),), role, joined=False))
    return Chart(
        "paths",
        f"Paths of the flow, {seen.about.title}",
        Axis("first principal component", "of codes"),
        Axis("second", "principal component of codes"),
        tuple(lines),
        summary=f"{len(paths)} samples on their way from noise to a code in {seen.euler} "
        "steps, among held-out codes.",
    )


def _cloud(seen: Seen) -> list[Line]:
    """Held-out codes, each class in its colour."""
    cloud = seen.values.get("cloud")
    if cloud is None:
        return []
    cloud = np.asarray(cloud, float)
    labels = np.asarray(seen.values.get("cloud_labels", np.full(len(cloud), -1)))
    return [
        Line("", *_points(cloud[labels == c]), "floor" if c < 0 else int(c), joined=False)
        for c in np.unique(labels)
    ]


def _planes(seen: Seen) -> Iterator[Chart]:
    """Where each way of making codes puts them, beside held-out codes."""
    cloud = _cloud(seen)
    if not cloud:
        return
    every = np.asarray(seen.values["cloud"], float)
    reach = float(np.abs(every).max()) * 1.15
    axis = Axis("", span=(-reach, reach))
    yield _plane(seen, "held_out", "Held-out codes", cloud, axis)
    grey = [Line("", *_points(every), "floor", joined=False)]
    for key in (*list(MADE)[1:], "plain"):
        drawn = seen.values.get(f"{key}_map")
        if drawn is not None:
            inside = np.asarray(drawn, float)
            inside = inside[np.abs(inside).max(1) < reach]
            made = Line("", *_points(inside), "model", joined=False)
            title = capitalised(seen.titles[key])
            yield _plane(seen, key, title, [*grey, made], axis)


def _plane(seen: Seen, name: str, title: str, lines: Sequence[Line], axis: Axis) -> Chart:
    summary = f"{title}, on the first two principal components of training codes."
    return Chart(f"map_{name}", title, axis, axis, tuple(lines), "plane", summary=summary)


def _by_steps(seen: Seen) -> Chart | None:
    rows = seen.values.get("by_steps")
    if rows is None:
        return None
    x, y = map(_plain, np.asarray(rows, float).T)
    return Chart(
        "by_steps",
        f"Steps, {seen.about.title}",
        Axis("steps", log=True, ticks=tuple(map(float, STEPS_TRIED))),
        Axis("Fréchet distance", f"{seen.features}, {SWEPT:,} made at most", log=True),
        (Line("flow", x, y),),
        summary="Fréchet distance of the flow's samples by the steps that it takes.",
    )


def _by_guidance(seen: Seen) -> Chart | None:
    rows = seen.values.get("by_guidance")
    if rows is None:
        return None
    x, _, *shares = map(_plain, np.asarray(rows, float).T)
    named: dict[str, Role] = {
        "read as the class asked for": "model",
        "read with confidence": 8,
        "precision": "train",
        "recall": "pca",
    }
    return Chart(
        "by_guidance",
        f"Guidance, {seen.about.title}",
        Axis("guidance", "0: no class, 1: the class alone"),
        Axis("share", f"% of {SWEPT:,} made at most", span=(0.0, 100.0)),
        tuple(Line(n, x, y, r) for (n, r), y in zip(named.items(), shares, strict=True)),
        summary="Guidance brings samples to their class, and costs variety.",
    )


def _course(seen: Seen) -> Chart | None:
    """How good samples are by what the training cost, on codes and on {seen.of}."""
    named: dict[str, tuple[str, Role]] = {
        "flow": ("on codes", "model"),
        "plain": ("on codes, no class", _VAE_ROLE),
        "pixels": (f"on {seen.of}", "floor"),
    }
    lines = []
    for key, (name, role) in named.items():
        rows = seen.values.get(f"{key}_course")
        if rows is not None:
            lines.append(Line(name, *_points(np.asarray(rows, float)), role))
    if not lines:
        return None
    return Chart(
        "course",
        f"Training, {seen.about.title}",
        Axis("multiplications in training", "10¹²"),
        Axis("Fréchet distance", f"{seen.features}, {SWEPT:,} made", log=True),
        tuple(lines),
        summary=f"Fréchet distance of samples while a flow learns, on codes and on {seen.of}.",
    )


def _between(seen: Seen) -> Chart | None:
    y = tuple(seen.value(f"between_{key}", "frechet") for key in HALVES)
    if not any(map(math.isfinite, y)):
        return None
    halfway = Line("halfway", tuple(map(float, range(len(y)))), y)
    return Chart(
        "between",
        f"Halfway, {seen.about.title}",
        Axis("the way"),
        _seen_whole(Axis("Fréchet distance", seen.unit, log=True), [halfway]),
        (halfway,),
        "bars",
        tuple(seen.halves.values()),
        "Fréchet distance of what lies halfway between two held-out examples, by the way.",
    )


def _learning(seen: Seen) -> Chart | None:
    rows = seen.values.get("learning")
    if rows is None or "judge_right" in seen.values:
        return None
    x, y = map(_plain, np.asarray(rows, float).T)
    return Chart(
        "learning",
        f"The judge learns, {seen.about.title}",
        Axis("training examples seen"),
        Axis("classes found", f"% of {seen.values['learning_of']:,} held-out {seen.thing}s"),
        (Line("classifier", x, y),),
        summary="How well the classifier that judges tells classes, while it learns.",
    )


def _seen_whole(axis: Axis, lines: Sequence[Line]) -> Axis:
    """A logarithmic axis on which the lowest bar has a height too."""
    known = [v for line in lines for v in line.y if math.isfinite(v) and v > 0]
    return dataclasses.replace(axis, span=(min(known) / 2, max(known) * 1.3)) if known else axis


def _there(line: Line) -> bool:
    return any(map(math.isfinite, line.y))


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _points(rows: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rows (n, 2) as their x and their y."""
    return _plain(rows[:, 0]), _plain(rows[:, 1])
