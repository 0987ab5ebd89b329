"""A past epoch of a run on its way to a pad that shows the newest: small enough to follow a slider.

The pad holds the points' images, the newest weights and all else. What it lacks are the codes of
the same points and the weights of that epoch. Those of a large network travel as whole steps away
from the newest ones, a step for each row of a layer, deflated; small layers and biases, and all of
a small network, travel as they are. `assets/epoch_frame.js` unpacks it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from aecore.errors import ExportError
from aecore.pad import pad_meta
from aecore.pad.bundle import PadBundle
from aecore.pad.network import BrowserNetwork

#: Bytes of a frame, but for a very large network's. Of the dense VAE 784-400-2 that leaves a step
#: of a fifth of a row's difference: the drawing is off by 0.1 to 0.4 % of the range on average.
BUDGET = 240_000
#: Layers with fewer weights travel as they are: they cost little, and errors in them spread.
_SMALL = 5000
#: Steps in a row's root mean square difference, of the decoder; the encoder has a quarter of them,
#: for it only places what is drawn by hand.
_FINENESS = (64.0, 32.0, 16.0, 12.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.5)
_ENCODER_SHARE = 0.25
_BLOCK = 256


@dataclass(frozen=True)
class EpochFrame:
    """The model as it was after an epoch: codes (n, k) of the bundle's points, and its network.

    network: exported from the same kind of model as the bundle's, or None for the map alone.
    """

    epoch: int
    codes: np.ndarray
    network: BrowserNetwork | None = None


@dataclass(frozen=True)
class PackedFrame:
    """An epoch as it travels: `meta` is JSON-able, `arrays` are 1-D and named.

    arrays: `frame_codes` float32 (n * k) · `frame_exact` float32: weights as they are ·
    `frame_steps` float32: of each block · `frame_counts` uint8: deflated int8, steps of a weight.
    """

    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(frozen=True)
class _Run:
    """Weights next to one another that travel as steps, `block` of them with one step."""

    at: int
    length: int
    block: int
    share: float  # of the fineness


def pack_frame(bundle: PadBundle, frame: EpochFrame) -> PackedFrame:
    """Pack an epoch for a pad that shows `bundle`.

    Raises ExportError when the frame is of other points or of another kind of network.
    """
    expected = (bundle.meta["points"], bundle.meta["latent_dim"])
    if frame.codes.shape != expected:
        raise ExportError(
            f"Epoch {frame.epoch} has codes of shape {frame.codes.shape}, expected {expected}."
        )
    codes = np.asarray(frame.codes, np.float32)
    arrays, packed = {"frame_codes": codes.ravel()}, None
    if frame.network is not None and bundle.meta["network"] is not None:
        newest, weights = bundle.arrays["w"], frame.network.weights
        if len(weights) != len(newest):
            raise ExportError(
                f"Epoch {frame.epoch} has {len(weights)} weights, expected {len(newest)}."
            )
        runs, found = _packed(newest, weights, bundle.meta["network"], BUDGET - codes.nbytes)
        packed = [{"at": run.at, "length": run.length, "block": run.block} for run in runs]
        arrays |= found
    meta = {
        "epoch": int(frame.epoch),
        "base": bundle.meta["id"],
        "spans": pad_meta.spans(codes),
        "packed": packed,
    }
    return PackedFrame(meta, arrays)


def unpacked_weights(newest: np.ndarray, frame: PackedFrame) -> np.ndarray | None:
    """The weights that the pad makes of a frame, as epoch_frame.js does; None where none came."""
    if frame.meta["packed"] is None:
        return None
    weights, exact = newest.copy(), frame.arrays["frame_exact"]
    runs = [_Run(**run, share=1.0) for run in frame.meta["packed"]]
    if runs:
        counts = np.frombuffer(zlib.decompress(frame.arrays["frame_counts"].tobytes()), np.int8)
        steps, counted = iter(frame.arrays["frame_steps"]), 0
        for run in runs:
            for start in range(run.at, run.at + run.length, run.block):
                end = min(start + run.block, run.at + run.length)
                moved = counts[counted : counted + end - start] * next(steps)
                weights[start:end] += moved
                counted += end - start
    weights[_rest(len(weights), runs)] = exact
    return weights


def _packed(
    newest: np.ndarray, weights: np.ndarray, network: dict[str, Any], budget: int
) -> tuple[list[_Run], dict[str, np.ndarray]]:
    """The runs that travel as steps, and the arrays."""
    difference = weights - newest
    if weights.nbytes <= budget or not np.isfinite(difference).all():
        return [], {"frame_exact": weights}
    runs = list(_large_layers(network))
    exact = weights[_rest(len(weights), runs)]
    arrays: dict[str, np.ndarray] = {}
    for fineness in _FINENESS:
        steps, counts = [], []
        for run in runs:
            found = _in_steps(difference[run.at :][: run.length], run, fineness)
            steps.append(found[0])
            counts.append(found[1])
        all_counts = np.concatenate(counts) if counts else np.zeros(0, np.int8)
        arrays = {"frame_exact": exact, "frame_steps": np.concatenate([*steps, np.zeros(0, "f4")])}
        known = sum(array.nbytes for array in arrays.values())
        if known + _entropy(all_counts) > budget:
            continue  # deflating takes far longer than this
        deflated = zlib.compress(all_counts.tobytes(), 6)
        arrays["frame_counts"] = np.frombuffer(deflated, np.uint8)
        if known + len(deflated) <= budget:
            return runs, arrays
    if "frame_counts" not in arrays:  # the coarsest is too large as well: it travels all the same
        arrays["frame_counts"] = np.frombuffer(zlib.compress(all_counts.tobytes(), 6), np.uint8)
    return runs, arrays


def _large_layers(network: dict[str, Any]) -> Iterator[_Run]:
    """The weights of large layers, in their order, a block for each row of a dense one."""
    found = [
        (op[name], name, op, share)
        for part, share in (("encoder", _ENCODER_SHARE), ("decoder", 1.0))
        for op in network[part]
        for name in ("w", "b")
        if name in op
    ]
    found.sort(key=lambda entry: entry[0])
    ends = [entry[0] for entry in found[1:]] + [network["weights"]]
    for (at, name, op, share), end in zip(found, ends, strict=True):
        if name == "w" and end - at >= _SMALL:
            block = op["in"] if isinstance(op["in"], int) else _BLOCK
            yield _Run(at, end - at, block, share)


def _rest(size: int, runs: list[_Run]) -> np.ndarray:
    """Which of `size` weights lie in none of the runs, as a mask."""
    mask = np.ones(size, bool)
    for run in runs:
        mask[run.at : run.at + run.length] = False
    return mask


def _in_steps(difference: np.ndarray, run: _Run, fineness: float) -> tuple[np.ndarray, np.ndarray]:
    """The step of each block, float32, and of each weight how many steps it is away, int8."""
    edges = [*range(0, run.length, run.block), run.length]
    sizes = np.array([end - start for start, end in pairwise(edges)])
    squares = np.add.reduceat(difference.astype(np.float64) ** 2, edges[:-1])
    steps = (np.sqrt(squares / sizes) / (fineness * run.share)).astype(np.float32)
    per_weight = np.repeat(steps, sizes)
    shares = np.divide(difference, per_weight, out=np.zeros_like(difference), where=per_weight > 0)
    return steps, np.clip(np.rint(shares), -127, 127).astype(np.int8)


def _entropy(counts: np.ndarray) -> float:
    """About as many bytes as they take deflated, at least."""
    found = np.bincount(counts.view(np.uint8), minlength=256)
    shares = found[found > 0] / max(1, len(counts))
    return float(-(shares * np.log2(shares)).sum() * len(counts) / 8)
