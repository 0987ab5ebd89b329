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
from aecore.figures import palette
from aecore.figures.examples import kind_of
from aecore.pad.browser_code import joined
from aecore.runs.recording import Recording
from aecore.runs.store import Run

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
    spec = source(run.dataset).spec
    data: dict[str, Any] = {
        "kind": kind_of(spec),
        "shape": list(spec.shape),
        "run": run.run_id,
        "version": recording.version,
        "live": recording.live,
        "status": recording.status,
        "heldout": _thin([[x, y] for x, _, y in recording.probes]),
        "whole": [[row["images_seen"], row["test_mse"]] for row in recording.history],
        "train": [[row["images_seen"], row["train_mse"]] for row in recording.history],
        "colors": list(palette.CLASSES),
        "passed": _passed(recording),
        "total": None,
        "first": None,
    }
    if started is not None:
        data |= {
            "pca": started.pca_test_mse,
            "mean": started.mean_test_mse,
            "total": started.epochs * started.steps_per_epoch * run.config.batch_size,
            "range": [started.low, started.high],
            "sample": _b64(started.sample),
            "pca_sample": _b64(started.pca_sample),
            "count": len(started.sample),
            "labels": _b64(started.map_labels.astype(np.uint8)),
        }
    if probe is not None:
        data |= {
            "x_hat": _b64(probe.reconstructions),
            "map": _b64(np.ascontiguousarray(probe.latent_map, dtype="<f4")),
            "k": run.spec.latent_dim,
        }
    return data


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
