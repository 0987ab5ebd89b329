"""What was made and how it was judged: figures, a table, pictures and a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from aecore.figures.chart import Pictures, Table
from aecore.figures.examples import kind_of
from aecore.lab.judge import NEAREST, NEIGHBOURHOODS, SURE
from aecore.lab.new_ones import COURSE, SHOWN, SWEPT
from aecore.lab.new_ones_charts import charts
from aecore.lab.new_ones_seen import MADE, Seen
from aecore.lab.outcome import Figure, Outcome
from aecore.wording import capitalised

DISTANCE = "squared distance of features"


def told(seen: Seen) -> Outcome:
    """All that can be said yet."""
    if not seen.values:
        return Outcome()
    return Outcome(
        tuple(_figures(seen)),
        tuple(charts(seen)),
        tuple(_pictures(seen)),
        (_table(seen),),
        _says(seen),
    )


# Figures ---------------------------------------------------------------------------------------


def _figures(seen: Seen) -> Iterator[Figure]:
    yield from _judge_figures(seen)
    for key, title in seen.ways():
        yield from _figures_of(seen, key, title)
    if "obeyed" in seen.values:
        split = f"{seen.made:,} made, as our classifier reads them"
        yield Figure(
            "obeyed", "Read as the class asked for", seen.values["obeyed"], "% of made", split
        )
    for row in np.asarray(seen.values.get("by_steps", ())):
        n = f"{row[0]:.0f}"
        yield Figure(
            f"steps_{n}",
            f"Flow in {n} step{'s' * (n != '1')}: Fréchet distance",
            float(row[1]),
            DISTANCE,
            f"{min(SWEPT, seen.made):,} made against {seen.judged}, {seen.features}",
        )
    yield from _guidance_figures(seen)
    for key in ("flow", "plain"):
        if f"{key}_training_ms" in seen.values:
            name = capitalised(seen.titles[key])
            yield Figure(
                f"{key}_training_ms",
                f"{name}: its training, with {len(COURSE)} looks at what it makes",
                seen.values[f"{key}_training_ms"],
                "ms",
                f"{seen.about.train:,} training {seen.thing}s",
            )


def _judge_figures(seen: Seen) -> Iterator[Figure]:
    rows = seen.values.get("learning")
    title, unit = "Our classifier", "% of classes found"
    if "judge_right" in seen.values:
        yield Figure("judge_right", title, seen.values["judge_right"], unit, seen.judged)
    elif rows is not None:
        split = f"{seen.values['learning_of']:,} held-out {seen.thing}s, while it learns"
        yield Figure("judge_right", title, float(np.asarray(rows)[-1, 1]), unit, split)


def _figures_of(seen: Seen, key: str, title: str) -> Iterator[Figure]:
    kinds = (
        ("frechet", "Fréchet distance", DISTANCE, f"{seen.against}, {seen.features}"),
        ("precision", "precision", "% of made that lie among real ones", _each(seen, seen.made)),
        ("recall", "recall", "% of real ones that lie among made", _each(seen, seen.made)),
        (
            "sure",
            f"read with > {100 * SURE:.0f} % confidence",
            "% of made",
            f"{seen.made:,} made",
        ),
        (
            "near",
            "distance to the nearest training example",
            "of a held-out one's, median",
            f"{NEAREST} made beside {NEAREST} held-out {seen.thing}s",
        ),
    )
    for what, name, unit, split in kinds:
        value = seen.value(key, what)
        if math.isfinite(value):
            if key == "known":
                split = split.replace("made", f"training {seen.thing}s")
            yield Figure(f"{key}_{what}", f"{capitalised(title)}: {name}", value, unit, split)


def _each(seen: Seen, made: int) -> str:
    n = f"{min(NEIGHBOURHOODS, made, seen.about.test):,}"
    return f"{n} made and {n} held-out {seen.thing}s, {seen.features}"


def _guidance_figures(seen: Seen) -> Iterator[Figure]:
    split = f"{min(SWEPT, seen.made):,} made"
    for row in np.asarray(seen.values.get("by_guidance", ()), float):
        name, title = f"guidance_{row[0]:g}".replace(".", "_"), f"Guidance {row[0]:g}"
        yield Figure(
            f"{name}_frechet",
            f"{title}: Fréchet distance",
            row[1],
            DISTANCE,
            f"{split} against {seen.judged}, {seen.features}",
        )
        yield Figure(f"{name}_obeyed", f"{title}: read as the class asked for", row[2], "%", split)
        yield Figure(f"{name}_recall", f"{title}: recall", row[5], "%", _each(seen, seen.made))


def _table(seen: Seen) -> Table:
    heads = {
        "frechet": f"Fréchet distance ({seen.against})",
        "precision": "precision (%)",
        "recall": "recall (%)",
        "sure": f"read with > {100 * SURE:.0f} % confidence (%)",
        "near": "distance to the nearest training example (1: as held-out ones)",
    }
    there = [
        (key, title) for key, title in seen.ways() if math.isfinite(seen.value(key, "frechet"))
    ]
    columns: dict[str, Sequence[Any]] = {"made from": [title for _, title in there]}
    for what, head in heads.items():
        columns[head] = [seen.value(key, what) for key, _ in there]
    return Table("by_way", "By where they come from", columns)


# Pictures --------------------------------------------------------------------------------------


def _pictures(seen: Seen) -> Iterator[Pictures]:
    if kind_of(seen.spec) != "image":
        return
    keys = (*list(MADE)[1:], "plain", "pixels", "vae_prior", "vae_gaussian", "vae_mixture")
    rows = {key: seen.values[f"{key}_shown"] for key in keys if f"{key}_shown" in seen.values}
    if rows:
        yield Pictures(
            "made",
            "Made",
            _unit(list(rows.values())),
            tuple(_row_name(seen, key) for key in rows),
            summary=f"{SHOWN} {seen.thing}s from each, as they come.",
        )
    if "steps_shown" in seen.values:
        yield Pictures(
            "steps",
            "Every step from noise to a code, decoded",
            _unit(seen.values["steps_shown"]),
            summary=f"A sample each row, from noise on the left in {seen.euler} steps.",
        )
    yield from _nearest(seen)
    yield from _bold(seen)
    if "between_shown" in seen.values:
        yield Pictures(
            "between_shown",
            "From one held-out example to another",
            _unit(seen.values["between_shown"]),
            tuple(seen.halves.values()),
            summary="Straight, on the arc about 0, on that about the codes' mean, in the pixels.",
        )


def _row_name(seen: Seen, key: str) -> str:
    base = key.removeprefix("vae_")
    name = (MADE | seen.beside)[base]
    return f"VAE, {name}" if base != key else {"plain": "flow, no class"}.get(key, name)


def _nearest(seen: Seen) -> Iterator[Pictures]:
    for key in ("flow", "mixture", "pixels"):
        if f"{key}_nearest" not in seen.values:
            continue
        both = [seen.values[f"{key}_shown"], seen.values[f"{key}_nearest"]]
        near = seen.value(key, "near")
        yield Pictures(
            f"nearest_{key}",
            f"Copies? {capitalised(seen.titles[key])}",
            _unit(both),
            ("made", "nearest known"),
            summary=f"Beneath each the nearest training {seen.thing}: {near:.2f} times as far "
            f"as from a held-out one, in median of {NEAREST}. Copies would be far below 1.",
        )


def _bold(seen: Seen) -> Iterator[Pictures]:
    for key in ("prior", "gaussian"):
        if f"{key}_bold" in seen.values:
            least = seen.values[f"{key}_boldness"]
            yield Pictures(
                f"bold_{key}",
                f"Sure, and right? {capitalised(seen.titles[key])}",
                _unit(seen.values[f"{key}_bold"]),
                ("made", "nearest known"),
                summary=f"Of {seen.made:,} made those that our classifier is most sure of, "
                f"{least:.1f} % and more; beneath, the nearest training {seen.thing}.",
            )


# In a sentence ---------------------------------------------------------------------------------


def _says(seen: Seen) -> str:
    values = {key: seen.value(key, "frechet") for key in (*MADE, "known", "pixels", "vae_prior")}
    if not math.isfinite(values["flow"]):
        return _so_far(seen, values)
    said = f"Fréchet distance of what a flow on the codes makes: {values['flow']:.3g}"
    if math.isfinite(values["mixture"]):
        said += f"; from a mixture {values['mixture']:.3g}"
    if math.isfinite(values["prior"]):
        said += f", from N(0, I) {values['prior']:.3g}"
    said += f". Between training and held-out {seen.thing}s it is {values['known']:.3g}."
    if math.isfinite(values["pixels"]):
        said += f" A flow on {seen.of} with as much computing comes to {values['pixels']:.3g}."
    if math.isfinite(values["vae_prior"]):
        said += f" The VAE from N(0, I): {values['vae_prior']:.3g}."
    return said


def _so_far(seen: Seen, values: dict[str, float]) -> str:
    """While the flow is not judged yet."""
    known = {key: values[key] for key in MADE if math.isfinite(values[key])}
    rows = seen.values.get("learning")
    if not known and rows is not None:
        right, of = float(np.asarray(rows)[-1, 1]), seen.values["learning_of"]
        return (
            f"The classifier that will judge finds {right:.0f} % of the classes of {of:,} held-out "
            f"{seen.thing}s so far."
        )
    if not known:
        return ""
    told = ", ".join(f"{seen.titles[key]} {value:.3g}" for key, value in known.items())
    return f"Fréchet distance so far: {told}."


def _unit(images: Any) -> np.ndarray:
    """Bytes as values in [0, 1]; rows (n, *shape) of one length."""
    return np.asarray(images, np.float32) / 255
