"""What a run's canvas shows, as JSON: all of it, or only what is new since somebody last looked.

How far somebody has seen is told by a cursor of counts, not kept here: a browser that comes back,
to this process or to another that follows the same run, goes on where it was.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.evaluation.beside import judged, pca_title
from aecore.evaluation.trouble import NAMES
from aecore.figures import palette
from aecore.figures.examples import kind_of
from aecore.models import family
from aecore.runs.recording import Recording
from aecore.runs.store import Run
from aecore.training.events import Changed, LayerLook, Probe, Started
from pages.components.run_figures import pca_of

MAX_POINTS = 400  # of a curve that comes as a whole
_STEPS = 32767  # from the middle of the map to its edge


@dataclass(frozen=True)
class Cursor:
    """How much of a run was seen: its launch, whether it had started, how many looks, epochs and
    changes, and sums of what is sent again only when it is other than before."""

    launch: int
    started: int
    looks: int
    epochs: int
    changes: int
    pca: int
    told: int

    def __str__(self) -> str:
        return ".".join(f"{value:x}" for value in dataclasses.astuple(self))

    @classmethod
    def of(cls, text: str) -> Cursor | None:
        """A cursor as it was given out, None for anything else."""
        try:
            return cls(*(int(part, 16) for part in text.split(".")))
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True)
class Line:
    """A line of JSON, the cursor after it, and whether none comes after it."""

    text: bytes
    after: Cursor
    last: bool


def line_of(run: Run, told: dict[str, Any], seen: Cursor | None) -> Line | None:
    """What came after a cursor, None for all; None where nothing did. told: by run_figures."""
    found, cursor = news(run, told, seen)
    last = "end" in found
    if cursor == seen and not last:
        return None
    text = json.dumps(found, separators=(",", ":"), allow_nan=False)
    return Line(text.encode() + b"\n", cursor, last)


def news(run: Run, told: dict[str, Any], seen: Cursor | None) -> tuple[dict[str, Any], Cursor]:
    """What came after a cursor, as plain JSON (arrays as base64), and the cursor after it.

    Everything, with "reset", where there is none or it is of another launch of the run.
    """
    recording = run.recording
    # Counted before anything else is read: what comes meanwhile is sent once more, never left out.
    looks, epochs, changes = recording.probes[:], recording.history[:], recording.changes[:]
    started, probe = recording.started, recording.probe
    pca_sample = started and started.pca_sample
    if recording.pca_sample is not None:
        pca_sample = recording.pca_sample
    cursor = Cursor(
        recording.launches,
        int(started is not None),
        len(looks),
        len(epochs),
        len(changes),
        0 if pca_sample is None else zlib.crc32(pca_sample.tobytes()),
        zlib.crc32(json.dumps(told).encode()),
    )
    from_start = seen is None or not _goes_on(seen, cursor)
    since = Cursor(recording.launches, 0, 0, 0, 0, 0, 0) if from_start or seen is None else seen
    found: dict[str, Any] = {"after": str(cursor)}
    if from_start:
        found |= _fixed(run) | {"reset": True}
    found |= _series(run, looks[since.looks :], epochs[since.epochs :], changes[since.changes :])
    if started is not None and not since.started:
        found |= _start(started)
    if pca_sample is not None and cursor.pca != since.pca:
        found["pca_sample"] = _b64(pca_sample)
    if probe is not None and (cursor.looks != since.looks or from_start):
        found |= _pictures(probe)
    if cursor.told != since.told or cursor.looks != since.looks:
        pca, k = pca_of(run)
        levels = {"pca": _finite(pca), "pca_name": pca_title(k), "passed": _passed(recording)}
        found |= told | levels
    if not told["live"]:
        found["end"] = True
    return found, cursor


def _goes_on(seen: Cursor, now: Cursor) -> bool:
    """Whether what was seen is the beginning of what there is."""
    counts = ((seen.started, now.started), (seen.looks, now.looks))
    counts += ((seen.epochs, now.epochs), (seen.changes, now.changes))
    return seen.launch == now.launch and all(0 <= before <= after for before, after in counts)


def _fixed(run: Run) -> dict[str, Any]:
    return {
        "kind": kind_of(run.spec.data),
        "shape": list(run.spec.data.shape),
        "run": key_of(run),
        "damaged": family(run.spec.family).denoises,
        "colors": list(palette.CLASSES),
    }


def key_of(run: Run) -> str:
    """A launch of a run, by which the browser tells it from another."""
    return f"{run.run_id}/{run.recording.launches}"


def _series(
    run: Run, looks: list, epochs: list[dict[str, float]], changes: list[Changed]
) -> dict[str, Any]:
    name = "train_denoised_mse" if family(run.spec.family).denoises else "train_mse"
    series = {
        "heldout": _thin([[images, _finite(mse)] for images, _, mse in looks]),
        "whole": [[row["images_seen"], _finite(judged(row)[0])] for row in epochs],
        "train": [[row["images_seen"], _finite(row[name])] for row in epochs if name in row],
        "changes": [[change.images_seen, _in_words(change)] for change in changes],
    }
    return {name: points for name, points in series.items() if points}


def _start(started: Started) -> dict[str, Any]:
    return {
        "mean": _finite(started.mean_test_mse),
        "total": started.epochs * started.examples,
        "probed": started.probed,
        "held_out": started.held_out,
        "range": [started.low, started.high],
        "sample": _b64(started.sample),
        "count": len(started.sample),
        "labels": _b64(started.map_labels.astype(np.uint8)),
        "pictured": started.pictured,
        "entering": None if started.entering is None else _layer(started.entering),
    }


def _pictures(probe: Probe) -> dict[str, Any]:
    """Reconstructions as bytes, and the map as whole steps from its middle: it is a picture, and a
    screen shows no more than this. What is computed with never travels this way."""
    places = np.nan_to_num(np.asarray(probe.latent_map, np.float64))
    low, high = places.min(0), places.max(0)
    middle, reach = (low + high) / 2, max(float((high - low).max()) / 2, 1e-12)
    steps = np.rint((places - middle) / reach * _STEPS).astype("<i2")
    return {
        "x_hat": _b64(probe.reconstructions),
        "map": _b64(steps),
        "map_middle": [float(value) for value in middle],
        "map_scale": reach / _STEPS,
        "layers": [_layer(look) for look in probe.layers],
    }


def _layer(look: LayerLook) -> dict[str, Any]:
    """A layer at a look; what only a single step has is left out of others."""
    found = {
        "part": look.part,
        "shape": list(look.shape),
        "of": look.of,
        "values": _b64(look.values),
        "low": round(look.low, 5),
        "high": round(look.high, 5),
        "change": None if look.change is None else float(f"{look.change:.3g}"),
    }
    if look.moved is not None:
        found["moved"] = _b64(look.moved)
    if look.share_moved is not None:
        found["share_moved"] = round(look.share_moved, 4)
    return found


def _in_words(change: Changed) -> str:
    return f"{NAMES.get(change.name, change.name)} {change.before:g} \u2192 {change.after:g}"


def _passed(recording: Recording) -> list[float] | None:
    """Where the held-out error first lay below PCA's: [images seen, seconds], if it did."""
    if recording.started is None or recording.probe is None:
        return None
    seconds = recording.epoch and recording.epoch.seconds_to_beat_pca
    for images, at, mse in recording.probes:
        if mse < recording.probe.pca_mse:
            return [images, seconds if seconds is not None else at]
    return None


def _thin(rows: list) -> list:
    """At most MAX_POINTS rows, evenly chosen, the last included."""
    if len(rows) <= MAX_POINTS:
        return rows
    chosen = np.linspace(0, len(rows) - 1, MAX_POINTS).astype(int)
    return [rows[i] for i in chosen]


def _finite(value: float | None) -> float | None:
    """None for what JSON cannot say; the canvas draws it at its upper edge."""
    return value if value is not None and math.isfinite(value) else None


def _b64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
