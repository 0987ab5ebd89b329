"""What each heading of the report shows, for its templates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from aecore.evaluation import metrics
from aecore.figures import palette
from aecore.inspection.judging import html_shapes as shapes
from aecore.inspection.judging.findings import Figure, Finding, amount
from aecore.inspection.judging.headline import key_figures, parts, proof, sentence
from aecore.inspection.judging.report import NOTHING, Report

__all__ = ["key_figures", "parts", "proof", "sentence"]
_WORDS = {
    "broken": "Broken",
    "not understood": "Not understood",
    "worrying": "Worrying",
    "good": "Good",
    "note": "Also seen",
}


@dataclass(frozen=True)
class Line:
    """A line of the verdict. level: as a class of the style. nothing: what is said where there are
    no findings of the level."""

    level: str
    word: str
    findings: tuple[Finding, ...]
    nothing: str


def verdict(report: Report) -> list[Line]:
    """Three lines, broken, worrying and good, and what else was seen; where the network is not
    understood that, and what is certain all the same."""
    wanted = NOTHING if report.understood else {"not understood": "", "broken": ""}
    lines = [
        Line(level.replace(" ", "-"), _WORDS[level], report.of(level), none)
        for level, none in (wanted | {"note": ""}).items()
    ]
    return [line for line in lines if line.findings or line.nothing]


def _pca(report: Report) -> str:
    return f"PCA, {report.about['pca_k']} numbers"


def _rows(report: Report, which: str) -> list[tuple[str, np.ndarray]]:
    a = report.arrays
    return [
        ("original", a[f"{which}_x"]),
        ("this model", a[f"{which}_x_hat"]),
        (_pca(report), a[f"{which}_pca"]),
    ]


def shown(report: Report, which: str = "shown") -> shapes.Examples:
    """Examples beside PCA. which: 'shown', or 'worst' for those with the largest error."""
    most = 6 if report.frame.kind == "bars" else 10  # a table's example is as tall as it is wide
    rows = [(name, x[:most]) for name, x in _rows(report, which)]
    errors = [metrics.shown(float(e)) for e in report.arrays[f"{which}_mse"][:most]]
    return shapes.examples(report.frame, rows, errors)


def shown_few(report: Report) -> shapes.Examples:
    """A few examples beside PCA, for the head of a page."""
    most = 3 if report.frame.kind == "bars" else 6
    rows = [(name, x[:most]) for name, x in _rows(report, "shown")]
    if report.frame.kind == "image":
        return shapes.strips(rows)
    errors = [metrics.shown(float(e)) for e in report.arrays["shown_mse"][:most]]
    return shapes.examples(report.frame, rows, errors)


def shown_small(report: Report) -> shapes.Examples:
    """The same where there is half as much room: images without their errors."""
    if report.frame.kind == "image":
        return shapes.strips(_rows(report, "shown"))
    return shown(report)


def average_errors(report: Report) -> list[shapes.Bar]:
    """The model's errors beside PCA's and the mean's."""
    of = report.figure
    return shapes.level_bars(
        [
            ("this model, held out", of("test_mse"), palette.MODEL),
            ("this model, training", of("train_mse"), palette.TRAIN),
            (_pca(report), of("pca_mse"), palette.PCA),
            ("the mean for everything", of("mean_mse"), palette.FLOOR),
        ]
    )


def error_curves(report: Report) -> shapes.Curves:
    """How errors spread over examples."""
    a = report.arrays
    series = [
        ("held out", a["errors_held_out"], palette.MODEL),
        ("training", a["errors_training"], palette.TRAIN),
    ]
    return shapes.curves(a["error_edges"], series, "MSE per value")


def code_map(report: Report) -> shapes.Map:
    """Held-out codes on a plane."""
    a = report.arrays
    return shapes.scatter(a["map"], a.get("map_labels"), report.class_names)


def axes(report: Report) -> str:
    """What the map's two axes are."""
    k = report.about["latent_dim"]
    return "its two numbers" if k == 2 else "the two main directions" if k > 2 else "its one number"


def carried(report: Report) -> shapes.Columns:
    """What each dimension carries."""
    vae = report.about["variational"]
    values = [row["kl"] if vae else row["std"] ** 2 for row in report.dimensions]
    unit = "nats of KL, mean over held-out examples" if vae else "variance over held-out examples"
    names = [f"z{row['dimension']}" for row in report.dimensions]
    return shapes.columns(values, names, unit, palette.MODEL)


def spreads(report: Report) -> list[shapes.Spread]:
    """All codes together beside the prior; empty for a model without one."""
    if not report.about["variational"]:
        return []
    return shapes.spread([(f"z{r['dimension']}", r["mean"], r["std"]) for r in report.dimensions])


def traversals(report: Report) -> shapes.Examples:
    """One dimension at a time, those that carry most first."""
    a = report.arrays
    by = {row["dimension"]: row for row in report.dimensions}
    names = []
    for d, (low, high) in zip(a["traversal_dimensions"], a["traversal_ends"], strict=True):
        row = by[int(d)]
        carries = f", {amount(row['kl'])} nats" if row["kl"] is not None else ""
        names.append(f"z{d}{carries}, {low:.2g} to {high:.2g}")
    return shapes.walks(report.frame, a["traversals"], names)


def label_said(report: Report) -> str:
    """The class that a conditional model was told, empty for any other model."""
    label, names = report.about["label_said"], report.class_names
    if label is None:
        return ""
    return names[label] if label < len(names) else str(label)


def samples(report: Report) -> shapes.Examples:
    """Decoded samples."""
    return shapes.collection(report.frame, report.arrays["samples"], "samples")


def sample_distance(report: Report) -> str:
    """How far samples lie from data, in a sentence; empty where it was not measured."""
    far, vary = report.figure("sample_distance"), report.figure("variety")
    if far is None or vary is None:
        return ""
    return (
        f"They lie {far:.2f} times as far from the nearest training examples as held-out ones do, "
        f"and vary {vary:.2f} times as much as reconstructions."
    )


def layers(report: Report) -> list[tuple[str, ...]]:
    """A row of texts for every layer."""
    rows = []
    for layer in report.layers:
        dead = layer.get("dead")
        rows.append(
            (
                f"{layer['part']} {layer['number']}",
                layer["line"],
                shown_value(layer.get("weights")),
                shown_value(layer.get("scale")),
                "" if dead is None else f"{dead:,} of {layer['units']:,}",
                shown_value(layer.get("rms")),
                layer.get("fresh", ""),
            )
        )
    return rows


def groups(report: Report) -> list[tuple[str, list[Figure]]]:
    """Every number under its heading."""
    return [(name, list(found)) for name, found in groupby(report.figures, lambda f: f.group)]


def shown_value(value: float | int | None, unit: str = "") -> str:
    """A number as text; empty for none. Errors look as on every page."""
    if value is None:
        return ""
    if unit.startswith("MSE"):
        return metrics.shown(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if 100 <= abs(value) < 1000 else amount(value)
