"""The fragment that draws a run's events while they come, on a canvas of our own.

Plotly is built anew at each update and flickers; the canvas is kept and only repainted.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.components.v2 import component

from aecore.datasets import source
from aecore.evaluation.beside import judged, pca_title
from aecore.evaluation.trouble import NAMES
from aecore.figures import palette
from aecore.figures.examples import kind_of
from aecore.models import family
from aecore.pad.browser_code import joined
from aecore.runs.recording import Recording
from aecore.runs.store import Run
from aecore.training.events import Changed

_HERE = Path(__file__).parent
_component = component(
    "run_view",
    html='<div class="rv"></div>',
    css=(_HERE / "run_view.css").read_text("utf-8"),
    js=joined(_HERE / "run_view.js"),
)
MAX_POINTS = 400


def run_canvas(run: Run, first: str | None = None, key: str = "run_canvas") -> None:
    """Loss curves, reconstructions and the latent map of a run, as far as it is.

    first: the address at which the browser can wait for a run's first frame.
    """
    _component(key=key, data={**frame_of_run(run), "first": first})


def frame_of_run(run: Run) -> dict[str, Any]:
    """Everything the canvas shows, as plain JSON (arrays as base64: nested bytes would be lost)."""
    recording = run.recording
    started, probe = recording.started, recording.probe
    spec, denoises = source(run.dataset).spec, family(run.spec.family).denoises
    pca, k = pca_of(run)
    data: dict[str, Any] = {
        "kind": kind_of(spec),
        "shape": list(spec.shape),
        "run": f"{run.run_id}/{recording.launches}",
        "version": recording.version,
        "live": recording.live,
        "status": recording.status,
        "heldout": _thin([[x, y] for x, _, y in recording.probes]),
        "whole": [[row["images_seen"], judged(row)[0]] for row in recording.history],
        "train": [
            [row["images_seen"], row["train_denoised_mse" if denoises else "train_mse"]]
            for row in recording.history
            if not denoises or "train_denoised_mse" in row
        ],
        "changes": [[c.images_seen, _change_in_words(c)] for c in recording.changes],
        "damaged": denoises,
        "probed": None,
        "held_out": None,
        "pca": pca,
        "pca_name": pca_title(k),
        "colors": list(palette.CLASSES),
        "passed": _passed(recording),
        "total": None,
        "first": None,
    }
    if started is not None:
        data |= {
            "mean": started.mean_test_mse,
            "total": started.epochs * started.examples,
            "probed": started.probed,
            "held_out": started.held_out,
            "range": [started.low, started.high],
            "sample": _b64(started.sample),
            "pca_sample": _b64(
                started.pca_sample if recording.pca_sample is None else recording.pca_sample
            ),
            "count": len(started.sample),
            "labels": _b64(started.map_labels.astype(np.uint8)),
        }
    if probe is not None:
        data |= {
            "x_hat": _b64(probe.reconstructions),
            "map": _b64(np.ascontiguousarray(probe.latent_map, dtype="<f4")),
        }
    return data


def pca_of(run: Run) -> tuple[float | None, int]:
    """The error of the PCA that a run is held against, as it is now, and its components."""
    recording = run.recording
    row, started, probe = recording.newest, recording.started, recording.probe
    found = judged(row)[1]
    if found is not None:
        return found, int(row.get("pca_k", run.spec.latent_dim))
    if probe is not None and family(run.spec.family).denoises:
        return probe.pca_mse, probe.pca_k  # from damaged examples; those of the sample so far
    return (None, run.spec.latent_dim) if started is None else (started.pca_test_mse, started.pca_k)


def _change_in_words(change: Changed) -> str:
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


def _b64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
