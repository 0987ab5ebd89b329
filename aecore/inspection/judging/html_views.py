"""The parts of a report as HTML, one function a heading."""

from __future__ import annotations

from html import escape
from itertools import groupby

import numpy as np

from aecore.figures import palette
from aecore.inspection.judging import html_shapes as parts
from aecore.inspection.judging.findings import Finding, amount
from aecore.inspection.judging.report import NOTHING, Report

_SHAPES = {
    "broken": "M8 1 15 15H1ZM8 6v4M8 12.4v.2",
    "worrying": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 4.5v4M8 11v.2",
    "good": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M4.8 8.2l2.2 2.3 4.2-4.8",
    "note": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 7.5v4M8 5v.2",
}
_WORDS = {"broken": "Broken", "worrying": "Worrying", "good": "Good", "note": "Also seen"}
_MODEL, _PCA, _TRAIN = palette.MODEL, palette.PCA, palette.TRAIN


def verdict(report: Report, brief: bool = False) -> str:
    """Three lines, broken, worrying and good, and what else was seen."""
    lines = []
    for level in (*NOTHING, "note"):
        found = report.of(level)
        if found:
            lines.append(_line(level, found, brief))
        elif level in NOTHING:
            lines.append(
                f"<section class='line none {level}'><strong>{_WORDS[level]}</strong>"
                f"<span class=dim>{NOTHING[level]}</span></section>"
            )
    return f"<div class=lines>{''.join(lines)}</div>"


def _line(level: str, found: tuple[Finding, ...], brief: bool) -> str:
    items = "".join(
        f"<div><dt>{escape(f.title)}</dt>{'' if brief else f'<dd>{escape(f.evidence)}</dd>'}</div>"
        for f in found
    )
    icon = (
        "<svg viewBox='0 0 16 16' fill=none stroke=currentColor stroke-width=1.7 "
        f"stroke-linecap=round stroke-linejoin=round aria-hidden=true><path d='{_SHAPES[level]}'/>"
        "</svg>"
    )
    return (
        f"<section class='line {level}'><strong>{icon}{_WORDS[level]}</strong>"
        f"<dl>{items}</dl></section>"
    )


def tiles(report: Report) -> str:
    """The few figures that one asks for first."""
    wanted = {"test_mse", "nelbo", "kl", "active_units", "parameters", "ms_1"}
    if not report.figure("nelbo"):
        wanted ^= {"nelbo", "explained"}
    if report.figure("kl") is None:
        wanted |= {"gap", "macs"}
    tiles = [
        f"<div><b>{shown_value(f.value)}</b><span>{escape(f.name)}"
        f"{f', {escape(f.unit)}' if f.unit else ''}</span></div>"
        for f in report.figures
        if f.key in wanted and f.value is not None
    ]
    return f"<div class=tiles>{''.join(tiles)}</div>"


def _rows(report: Report, which: str) -> list[tuple[str, np.ndarray]]:
    a = report.arrays
    pca = f"PCA, {report.about['pca_k']} numbers"
    return [
        ("original", a[f"{which}_x"]),
        ("this model", a[f"{which}_x_hat"]),
        (pca, a[f"{which}_pca"]),
    ]


def _shown(report: Report, which: str = "shown") -> str:
    most = 6 if report.frame.kind == "bars" else 10  # a table's example is as tall as it is wide
    rows = [(name, x[:most]) for name, x in _rows(report, which)]
    errors = [amount(float(e)).lstrip("0") for e in report.arrays[f"{which}_mse"][:most]]
    return parts.examples(report.frame, rows, errors)


def shown_small(report: Report) -> str:
    """The same where there is half as much room: images without their errors."""
    if report.frame.kind == "image":
        return parts.strips(_rows(report, "shown"))
    return _shown(report)


def reconstructions(report: Report) -> str:
    """Examples beside PCA, and the worst ones."""
    return (
        "<h2>Reconstructions</h2><p class=dim>Held-out examples, what this model makes of them, "
        "and what PCA does with as many numbers. Below them the model's squared error per value."
        f"</p>{_shown(report)}<h2>The worst ones</h2><p class=dim>The held-out examples with the "
        f"largest error, of those looked at.</p>{_shown(report, 'worst')}"
    )


def errors(report: Report) -> str:
    """Errors on average and how they spread."""
    a, of = report.arrays, report.figure
    bars = [
        ("this model, held out", of("test_mse"), _MODEL),
        ("this model, training", of("train_mse"), _TRAIN),
        (f"PCA, {report.about['pca_k']} numbers", of("pca_mse"), _PCA),
        ("the mean for everything", of("mean_mse"), palette.FLOOR),
    ]
    series = [
        ("held out", a["errors_held_out"], _MODEL),
        ("training", a["errors_training"], _TRAIN),
    ]
    curve = parts.curves(a["error_edges"], series, "MSE per value")
    return (
        "<h2>Errors</h2><div class=two><div><h3>On average</h3>"
        f"{parts.level_bars(bars, 'MSE per value, decode(mean), not clipped')}</div>"
        f"<div><h3>How they spread over examples</h3>{curve}</div></div>"
    )


def code_map(report: Report) -> str:
    """Held-out codes on a plane."""
    a = report.arrays
    return parts.scatter(a["map"], a.get("map_labels"), report.class_names)


def code(report: Report) -> str:
    """The map, and what each dimension carries."""
    rows, k = report.dimensions, report.about["latent_dim"]
    vae = report.about["variational"]
    values = [row["kl"] if vae else row["std"] ** 2 for row in rows]
    names = [f"z{row['dimension']}" for row in rows]
    unit = "nats of KL, mean over held-out examples" if vae else "variance over held-out examples"
    axes = "its two numbers" if k == 2 else "the two main directions" if k > 2 else "its one number"
    spreads = parts.spread([(f"z{r['dimension']}", r["mean"], r["std"]) for r in rows])
    prior = (
        "<h3>All codes together, beside N(0, I)</h3><p class=dim>Mean and deviation of each "
        f"dimension, from -3 to 3; the grey band is the prior's.</p>{spreads}"
        if vae
        else ""
    )
    return (
        f"<h2>The code</h2><div class=two><div><h3>Held-out codes by {axes}</h3>{code_map(report)}"
        "</div><div><h3>What each dimension carries</h3>"
        f"{parts.columns(values, names, unit, _MODEL)}{prior}</div></div>"
    )


def samples(report: Report) -> str:
    """Decoded samples."""
    return parts.collection(report.frame, report.arrays["samples"], "samples")


def generated(report: Report) -> str:
    """Traversals and samples."""
    a, about = report.arrays, report.about
    by = {row["dimension"]: row for row in report.dimensions}
    names = []
    for d, (low, high) in zip(a["traversal_dimensions"], a["traversal_ends"], strict=True):
        row = by[int(d)]
        carries = f", {amount(row['kl'])} nats" if row["kl"] is not None else ""
        names.append(f"z{d}{carries}, {low:.2g} to {high:.2g}")
    label = about["label_said"]
    said = "" if label is None else f" The label said is {_class(report, label)}."
    far, vary = report.figure("sample_distance"), report.figure("variety")
    distance = (
        f" They lie {far:.2f} times as far from the nearest training examples as held-out ones do, "
        f"and vary {vary:.2f} times as much as reconstructions."
        if far is not None and vary is not None
        else ""
    )
    return (
        "<h2>One dimension at a time</h2><p class=dim>From the 1st to the 99th percentile of the "
        "held-out codes, all other dimensions at their mean; those that carry most come first."
        f"{escape(said)}</p>{parts.walks(report.frame, a['traversals'], names)}"
        f"<h2>Samples</h2><p class=dim>Decoded from z out of {escape(about['samples_from'])}."
        f"{distance}</p>{samples(report)}"
    )


def _class(report: Report, label: int) -> str:
    names = report.class_names
    return names[label] if label < len(names) else str(label)


def layers(report: Report) -> str:
    """A line for every layer."""
    if not report.layers:
        return ""
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
    head = ("layer", "", "weights", "size", "units that never answer", "activation", "untouched")
    return (
        "<h2>Layers</h2><p class=dim>Size: root mean square of the weights times sqrt(fan-in), "
        "0.58 as PyTorch draws them. Activation: root mean square over held-out examples. A unit "
        "never answers if it stays at 0, or at one end, for all of them.</p>"
        f"{parts.table(head, rows, (2, 3, 4, 5))}"
    )


def figures(report: Report) -> str:
    """Every number with its unit and what it was measured on."""
    rows = []
    for group, found in groupby(report.figures, key=lambda f: f.group):
        rows.append(f"<tr class=group><td colspan=4>{escape(group)}</td></tr>")
        rows += [
            f"<tr><td>{escape(f.name)}</td><td class=n>{shown_value(f.value)}</td>"
            f"<td>{escape(f.unit)}</td><td>{escape(f.about)}</td></tr>"
            for f in found
        ]
    return (
        "<h2>All figures</h2><div class=scroll><table class=figures><thead><tr><th></th>"
        "<th class=n>value</th><th>unit</th><th>measured on</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def shown_value(value: float | int | None) -> str:
    """A number as text; empty for none."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if 100 <= abs(value) < 1000 else amount(value)
