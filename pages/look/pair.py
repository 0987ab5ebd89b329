"""One held-out image large, under a wipe, and how many numbers PCA needs to match the model."""

from __future__ import annotations

import numpy as np

from aecore.evaluation.beside import numbers_to_match
from aecore.evaluation.metrics import shown
from aecore.figures.examples import frame_of
from aecore.pad import pad_meta
from pages.components.beside_pca import beside, scores
from pages.components.wipe import Dial, wipe
from pages.look.comparison import Drawn, class_name
from pages.shell.plain_text import plain
from pages.shell.session import Hand

STOPS_BYTES = 600_000  # of PCA's versions that travel
FEWEST_STOPS = 8


def said_of_match(held: Hand) -> str:
    """How many numbers PCA needs to be as good as the model on the held-out examples, in words."""
    mse, basis = float(scores(held).mse.mean()), held.basis
    n, thing, k = len(held.data.test), frame_of(held.data).thing, held.card.spec.latent_dim
    match = numbers_to_match(basis, mse)
    of = f"by the mean error of all {n:,} held-out {thing}s"
    if match is None:
        most = len(basis.components)
        return f"PCA does not match the model with {most} numbers either, {of}."
    ours = f"{k} number" + ("s" if k > 1 else "")
    if match == 0:
        return f"The mean {thing} alone, without any number, is as good as the model, {of}."
    theirs = f"{match} number" + ("s" if match > 1 else "")
    return f"PCA needs {theirs} to match this model's {ours}, {of}."


def pair(held: Hand, rows: np.ndarray, drawn: Drawn) -> None:
    """The chosen images (of the held-out ones, by rows), one of them large."""
    x, data = drawn.x, held.data
    versions = [("Original", x), ("This model", drawn.x_hat)]
    if drawn.damaged is not None and drawn.repaired is not None:
        versions += [("Damaged", drawn.damaged), ("Repaired", drawn.repaired)]
    captions = []
    for row in rows:
        name = class_name(held, int(row))
        captions.append(
            f"Held-out {frame_of(data).thing} no. {row}" + (f" · {name}" if name else "")
        )
    wipe(
        versions,
        _dial(held, x),
        captions=[plain(caption) for caption in captions],
        errors=_errors(drawn.x_hat, x),
        held_out=shown(float(scores(held).mse.mean())),
        layout=pad_meta.layout(data.spec.shape, data.spec.kind, data.value_range, []),
        key="wipe",
    )


def _dial(held: Hand, x: np.ndarray) -> Dial:
    """PCA of x (n, *shape) with as many numbers as the dial has stops."""
    basis, own = held.basis, beside(held).k
    match = numbers_to_match(basis, float(scores(held).mse.mean()))
    stops = _stops(len(basis.components), {own, *filter(None, [match])}, x.size)
    own = min(own, stops[-1])
    flat = x.reshape(len(x), -1)
    x_hat = np.stack([basis.reconstruct(flat, k).reshape(x.shape) for k in stops])
    return Dial(
        stops,
        x_hat,
        np.stack([_errors(version, x) for version in x_hat]),
        [shown(basis.mse(k)) for k in stops],
        stops.index(own),
        stops.index(match) if match else None,
        said_of_match(held),
    )


def _stops(most: int, wanted: set[int], values: int) -> list[int]:
    """Numbers of components from 1 to most, closer where there are few, with those wanted; as many
    as may travel, each with so many values of one byte."""
    count = max(FEWEST_STOPS, STOPS_BYTES // max(values, 1))
    first = range(1, min(most, max(1, count // 2)) + 1)
    rest = np.geomspace(len(first), most, max(2, count - len(first) - len(wanted)))
    return sorted({*first, *np.rint(rest).astype(int).tolist(), *(k for k in wanted if k <= most)})


def _errors(x_hat: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.square(x_hat - x).reshape(len(x), -1).mean(1)
