"""Everything that the latent pad shows, gathered from plain arrays into one bundle.

The bundle holds a JSON-able `meta` and flat arrays by name, because a Streamlit component takes
exactly that: a dictionary whose first level holds JSON values or arrays (bytes or arrays deeper
down silently become their str()).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from aecore.errors import ExportError
from aecore.evaluation.latent import mean_kl
from aecore.figures.palette import CLASSES
from aecore.pad import pad_meta
from aecore.pad.network import DECODE_BUDGET_MACS, BrowserNetwork


@dataclass(frozen=True)
class PadBundle:
    """What the pad needs: `meta` is JSON-able, `arrays` are 1-D and named.

    arrays: `w` float32 weights · `codes` float32 (n * k) · `labels` int16 (n), -1 unknown ·
    `images` uint8 (m * values) of the first m points, over `meta.range` ·
    `pca` float32: components (D * k), mean (D), and the linear fit from codes to PCA scores,
    matrix (k * k) and offset (k).
    """

    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def payload(self) -> dict[str, Any]:
        """The `data` argument of the component."""
        return {"meta": self.meta, **self.arrays}


def build_bundle(
    network: BrowserNetwork | None,
    *,
    model_id: str,
    model_name: str,
    codes: np.ndarray,
    shape: Sequence[int] | None = None,
    kind: str = "image",
    images: np.ndarray | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    columns: Sequence[tuple[str, float, float]] = (),
    labels: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    class_colors: Sequence[str] = CLASSES,
    logvar: np.ndarray | None = None,
    kl: np.ndarray | None = None,
    held_out_errors: np.ndarray | None = None,
    pca: tuple[np.ndarray, np.ndarray] | None = None,
    epoch: int | None = None,
    variational: bool | None = None,
    why_no_network: str = "",
    centred: bool = True,
    served: dict[str, Any] | None = None,
) -> PadBundle:
    """Gather what the pad shows.

    network: None when the browser cannot run the model; then `shape` and `variational` are
        needed, and the server decodes. `why_no_network` says why, in one sentence. A network over
        the budget is left out too.
    model_id: changes exactly when another model is meant; a later epoch of a run keeps it. Models
        that share it up to a slash share the meaning of z: one model, told different labels.
    codes: (n, k), mu for a VAE, of held-out examples; about 5,000 keep the map quick.
    images: (m, *shape), m <= n, the examples of the first m codes: float, or uint8 for [0, 1].
    value_range: the scale of drawings, and what bytes 0 and 255 stand for.
    columns: of a table, (name, mean, std) each, which take its values back to their units.
    labels: (n,) whole numbers into class_names. class_colors: CSS colours, used in turn.
    logvar: (n, k) of q(z|x). kl: (k,) mean KL a dimension in nats; computed when logvar is given.
    held_out_errors: (any,) squared error per value of each held-out example.
    pca: components (k, D) and mean (D,) of PCA at the same k, in the units of x.
    centred: whether a drawing is centred and scaled as MNIST's were, unless a person says else.
    served: what the browser is told of a network over the budget, whose drawing the server answers
    (served.py); it is left out where the browser has the network.
    Raises ExportError when the arrays do not fit together.
    """
    codes = np.asarray(codes, np.float32)
    if codes.ndim != 2 or not len(codes):
        raise ExportError(f"codes should be (n, latent_dim), but had shape {codes.shape}.")
    n, k = codes.shape
    if network is not None:
        shape, variational = network.meta["shape"], network.meta["variational"]
        if not network.within_budget:
            why_no_network = (
                f"The decoder takes {network.meta['decoder_macs'] / 1e6:.1f} million "
                f"multiply-adds, more than the {DECODE_BUDGET_MACS / 1e6:.1f} million that a "
                "browser does between two frames."
            )
        if network.meta["latent_dim"] != k:
            raise ExportError(
                f"The codes have {k} dimensions, the network {network.meta['latent_dim']}."
            )
        network = network if network.within_budget else None
    if shape is None or variational is None:
        raise ExportError("Without a network, the bundle needs the data's shape and variational.")
    size = prod(shape)
    arrays: dict[str, np.ndarray] = {"codes": codes.ravel()}
    if network is not None:
        arrays["w"] = network.weights
    if labels is not None:
        arrays["labels"] = _checked("labels", np.asarray(labels).ravel(), n).astype(np.int16)
    if images is not None:
        arrays["images"] = _as_bytes(images, n, size, value_range)
    if logvar is not None:
        arrays["logvar"] = _checked("logvar", np.asarray(logvar, np.float32).ravel(), n * k)
        if kl is None:
            kl = mean_kl(codes, np.asarray(logvar, np.float32))
    if pca is not None:
        arrays["pca"] = _pca_array(pca, codes, arrays.get("images"), size, value_range)
    if columns and len(columns) != size:
        raise ExportError(f"There are {len(columns)} columns for {size} values.")
    told = [
        {"name": str(name), "mean": float(mean), "std": float(std)} for name, mean, std in columns
    ]
    layout = pad_meta.layout(shape, kind, value_range, told)
    if network is None:
        note = why_no_network or "This model does not run in the browser."
    elif layout["graph"] and kind == "image":
        note = f"Data of shape {tuple(shape)} is no picture: it is drawn as a curve."
    else:
        note = ""
    drawable = network is not None and not layout["graph"] and layout["C"] == 1
    meta = {
        "model": {
            "id": str(model_id),
            "lineage": f"{str(model_id).split('/')[0]} {k}",
            "name": str(model_name),
            "epoch": epoch,
        },
        "centred": centred,
        "range": [float(v) for v in value_range],
        "latent_dim": k,
        "size": size,
        "variational": bool(variational),
        "network": network.meta if network is not None else None,
        "served": served if network is None else None,
        "note": note,
        "thing": "image" if kind == "image" else "example",
        "layout": layout,
        "panels": ["sliders", *(["draw"] if drawable else []), "journey"],
        "points": n,
        "images": len(arrays["images"]) // size if "images" in arrays else 0,
        "classes": [
            {"name": str(name), "color": class_colors[i % len(class_colors)]}
            for i, name in enumerate(class_names or [])
        ],
        "dimensions": pad_meta.dimensions(codes, bool(variational), kl),
        "names": [pad_meta.subscripted(d) for d in range(k)],
        "mean": [pad_meta.finite(v) for v in codes.mean(0)],
        "spans": pad_meta.spans(codes),
        "errors": pad_meta.quantiles(held_out_errors),
        "pca": "pca" in arrays,
    }
    return _with_id(PadBundle(meta, arrays))


def with_epochs(
    bundle: PadBundle, available: Sequence[int], test_mse: Sequence[float | None] = ()
) -> PadBundle:
    """Add time travel: the epochs that can be had, for which the pad asks one by one.

    available: all epochs of the run, ascending. A single one leaves nowhere to travel. test_mse:
    held-out squared error per value at each of `available`.
    """
    time = {
        "available": [int(e) for e in available],
        "test_mse": [None if m is None else float(m) for m in test_mse],
    }
    panels = bundle.meta["panels"] + (["time"] if len(available) > 1 else [])
    return _with_id(replace(bundle, meta={**bundle.meta, "time": time, "panels": panels}))


def _with_id(bundle: PadBundle) -> PadBundle:
    """Name the content, so that the browser knows at once whether anything changed."""
    digest = hashlib.blake2b(digest_size=12)
    meta = {key: value for key, value in bundle.meta.items() if key != "id"}
    digest.update(json.dumps(meta, sort_keys=True).encode())
    for name in sorted(bundle.arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(bundle.arrays[name]).data)
    return replace(bundle, meta={**meta, "id": digest.hexdigest()})


def _checked(name: str, array: np.ndarray, size: int) -> np.ndarray:
    if array.size != size:
        raise ExportError(f"{name} holds {array.size} numbers, expected {size}.")
    return array


def _as_bytes(
    images: np.ndarray, n: int, size: int, value_range: tuple[float, float]
) -> np.ndarray:
    images = np.asarray(images)
    if len(images) > n or images.size != len(images) * size:
        raise ExportError(
            f"images has shape {images.shape}, expected at most {n} examples of {size} values."
        )
    if images.dtype != np.uint8:
        low, high = value_range
        shares = (images - low) / (high - low)
        images = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    return images.ravel()


def _pca_array(
    pca: tuple[np.ndarray, np.ndarray],
    codes: np.ndarray,
    images: np.ndarray | None,
    size: int,
    value_range: tuple[float, float],
) -> np.ndarray:
    """Components, mean, and the least-squares fit from codes to the PCA scores of the images."""
    components, mean = (np.asarray(a, np.float32) for a in pca)
    k = len(components)
    if components.shape != (k, size) or mean.size != size or k != codes.shape[1]:
        raise ExportError(
            f"PCA has components of shape {components.shape} and a mean of {mean.size} values, "
            f"expected {(codes.shape[1], size)} and {size}."
        )
    if images is None:
        raise ExportError("PCA of a comparable point needs images, to fit its scores to the codes.")
    low, high = value_range
    x = low + images.reshape(-1, size).astype(np.float32) / 255 * (high - low)
    scores = (x - mean.ravel()) @ components.T
    design = np.column_stack([codes[: len(x)], np.ones(len(x), np.float32)])
    fit = np.linalg.lstsq(design, scores, rcond=None)[0]  # scores = z @ fit[:k] + fit[k]
    pieces = (components.T, mean, fit[:-1].T, fit[-1])
    return np.concatenate([np.ravel(piece) for piece in pieces]).astype(np.float32)
