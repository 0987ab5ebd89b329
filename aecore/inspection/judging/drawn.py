"""What of a check-up is drawn or listed: examples, map, histograms, rows of tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.evaluation.latent import plane_of
from aecore.inspection.judging.generation import Generated
from aecore.inspection.judging.passes import Look, reconstruct
from aecore.inspection.judging.posterior_checks import Code
from aecore.inspection.judging.units import Units
from aecore.inspection.judging.untouched import LayerState
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis

SHOWN, WORST, MAP, SAMPLES, HISTOGRAM = 10, 10, 2000, 40, 60


def dimension_rows(code: Code, change: np.ndarray) -> tuple[dict[str, Any], ...]:
    """One entry a latent dimension, those that carry most first."""
    rows = []
    for place, d in enumerate(code.order):
        rows.append(
            {
                "dimension": int(d) + 1,
                "kl": None if code.kl is None else float(code.kl[d]),
                "mean": float(code.mean[d]),
                "std": float(code.std[d]),
                "own_std": None if code.own_std is None else float(code.own_std[d]),
                "change": float(change[place]) if place < len(change) else None,
            }
        )
    return tuple(rows)


def layer_rows(states: list[LayerState], units: list[Units]) -> tuple[dict[str, Any], ...]:
    """Layers with weights and layers of units, in the order of the network."""
    rows = [
        {
            "part": s.part,
            "number": s.number,
            "line": s.line,
            "weights": s.weights,
            "scale": s.scale,
            "fresh": s.fresh,
        }
        for s in states
    ] + [
        {
            "part": u.part,
            "number": u.number,
            "line": u.curve,
            "units": u.units,
            "dead": u.dead,
            "rms": u.rms,
        }
        for u in units
    ]
    return tuple(sorted(rows, key=lambda r: (r["part"] != "encoder", r["number"])))


def drawn_arrays(
    model: LatentModel,
    data: Dataset,
    test: Look,
    train: Look,
    basis: PCABasis,
    k: int,
    generated: Generated,
) -> dict[str, np.ndarray]:
    """What is drawn. x, x_hat, pca: (n, *shape), of `shown` and of the `worst` held-out ones."""
    order = np.argsort(-test.mse, kind="stable")
    labels = None if data.test.labels is None else data.test.labels.numpy()[test.index]
    shown = np.arange(min(SHOWN, len(test.mse)))
    if labels is not None and 1 < data.spec.classes <= SHOWN:
        firsts = [np.flatnonzero(labels == c)[:2] for c in range(data.spec.classes)]
        # One of each class, then a second of the first ones.
        rounds = [f[i] for i in (0, 1) for f in firsts if len(f) > i]
        shown = np.array(rounds[:SHOWN], np.int64)
    out: dict[str, np.ndarray] = {}
    for name, rows in (("shown", shown), ("worst", order[:WORST])):
        index = test.index[rows]
        x = data.test.batch(torch.from_numpy(index)).numpy()
        out[f"{name}_index"], out[f"{name}_x"] = index, x
        out[f"{name}_x_hat"] = reconstruct(model, data.test, index)
        out[f"{name}_pca"] = basis.reconstruct(x.reshape(len(x), -1), k).reshape(x.shape)
        out[f"{name}_mse"] = test.mse[rows]
    out["map"] = plane_of(test.mu[:MAP])
    if labels is not None:
        out["map_labels"] = labels[:MAP]
    top = float(np.quantile(np.concatenate([test.mse, train.mse]), 0.995))
    edges = np.linspace(0, max(top, 1e-9), HISTOGRAM + 1)
    out["error_edges"] = edges
    for name, mse in (("held_out", test.mse), ("training", train.mse)):
        out[f"errors_{name}"] = np.histogram(mse.clip(0, top), edges)[0] / len(mse)
    out |= {
        "samples": generated.samples[:SAMPLES],
        "traversals": generated.traversals,
        "traversal_dimensions": generated.dimensions + 1,
        "traversal_ends": generated.ends,
    }
    return out
