"""Bits against error, measured alike: a model's codes, PCA's scores, picture formats."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from aecore.datasets import Dataset, Split
from aecore.evaluation.latent import decode_array, encode_split
from aecore.lab import code_file
from aecore.lab.coding import Coder, Turn, in_eight_bits, turn_of
from aecore.lab.control import LabControl, waited
from aecore.lab.experiment import Look
from aecore.lab.layer_activity import mark_of
from aecore.lab.picture_formats import (
    SINGLES,
    Format,
    as_bytes,
    jpeg_scan,
    raw_lzma,
    read_back,
    tiled,
    untiled,
    written,
)
from aecore.lab.rate_training import scaled, trained_for_rate
from aecore.models import LatentModel, build
from aecore.models.bases import basis_of
from aecore.models.presets import preset

COMPONENTS = 128  # of PCA, at most; those that round to nothing cost nothing
STEPS = np.geomspace(2.5, 0.03, 12)  # of rounding, in deviations of the liveliest number
NEARER = 3  # times that the step is bettered until the error is the one asked for
SPARE = 1.02  # a model that errs so little less than asked for can still be rounded
ABOVE = 1.25  # where it cannot: so many times what it errs without rounding
DRAWN = 8  # examples that are shown
PRESET, NUMBERS = "fast-start", 64  # what is trained for rate
WIDE = 4.0  # steps of rounding in a deviation of its codes, before it is trained


@dataclass(frozen=True)
class Part:
    """What every task needs: the examples that are compressed, x (n, size); training examples for
    the counts; at: the error at which all are compared."""

    train: Split
    test: Split
    x: np.ndarray
    shape: tuple[int, ...]
    at: float
    fingerprint: str

    @classmethod
    def of(cls, data: Dataset, model: LatentModel, learned: int, n: int, at: float) -> Part:
        """learned: training examples, n: held-out ones; at: the error, which is taken higher where
        the model does not reach it."""
        # No way is told a label: it would have to be sent too.
        train, test = (
            dataclasses.replace(some, labels=None)
            for some in (data.train.first(learned), data.test.first(n))
        )
        x = test.batch(slice(None)).flatten(1).numpy()
        small, _ = in_eight_bits(model)
        floor = error_of(decode_array(small, encode_split(model, test).mu), x)
        at = at if SPARE * floor < at else ABOVE * floor
        return cls(train, test, x, tuple(data.spec.shape), at, data.fingerprint)


@dataclass(frozen=True)
class Point:
    """What rounding by one step gives."""

    coder: Coder
    symbols: np.ndarray
    bits: float
    error: float


@dataclass(frozen=True)
class Side:
    """Codes y (n, k) to be rounded, of training examples and of those that are compressed, and
    their way back to examples (n, size)."""

    train: np.ndarray
    test: np.ndarray
    decode: Callable[[np.ndarray], np.ndarray]

    def at(self, step: float, x: np.ndarray) -> Point:
        coder = Coder.fit(self.train, step)
        symbols = coder.symbols(self.test)
        error = error_of(self.decode(coder.values(symbols)), x)
        return Point(coder, symbols, float(coder.bits(symbols).mean()), error)

    def sweep(self, x: np.ndarray) -> Iterator[Point]:
        """From coarse to fine."""
        for step in STEPS * max(float(self.train.std(0).max()), 1e-6):
            yield self.at(float(step), x)

    def nearest(self, points: list[Point], at: float, x: np.ndarray) -> Point | None:
        """The point whose error is `at`, as nearly as a few tries bring it; None if none is."""
        found = sorted(points, key=lambda p: p.coder.step)
        if not any(p.error <= at for p in found):
            return None
        for _ in range(NEARER):
            above = [i for i, p in enumerate(found) if p.error > at]
            if not above or above[0] == 0:
                break
            low, high = found[above[0] - 1], found[above[0]]
            share = math.log(at / low.error) / math.log(high.error / low.error)
            ends = math.log(low.coder.step), math.log(high.coder.step)
            step = math.exp(ends[0] + min(max(share, 0.02), 0.98) * (ends[1] - ends[0]))
            found.insert(above[0], self.at(step, x))
        return min(found, key=lambda p: abs(math.log(max(p.error, 1e-12) / at)))


def error_of(x_hat: np.ndarray, x: np.ndarray) -> float:
    return float(np.square(x_hat.reshape(len(x), -1) - x, dtype=np.float64).mean())


def coded(part: Part, model: LatentModel) -> Iterator[Look]:
    """The codes of a model as bits: as they are, and on axes that suit its decoder; then a file
    that is written and read back."""
    small, weights = in_eight_bits(model)
    train, test = (encode_split(model, some).mu for some in (part.train, part.test))
    found: dict[str, Any] = {
        "at": part.at,
        "floor": error_of(decode_array(small, test), part.x),
        "whole_floor": error_of(decode_array(model, test), part.x),
        "weights": weights,
        "original": _drawn(part.x, part),
        "parameters": sum(p.numel() for p in small.decoder_network().parameters()),
    }
    yield Look(found, 0.1)
    best: tuple[Point, Turn] | None = None
    for kind in ("turned", "plain"):
        turn = turn_of(small, train) if kind == "turned" else Turn(train.mean(0))
        side = Side(turn.to(train), turn.to(test), _way_back(small, turn))
        points: list[Point] = []
        for point in side.sweep(part.x):
            points.append(point)
            found |= _curve(kind, points)
            half = len(points) / len(STEPS)
            yield Look(dict(found), 0.1 + 0.4 * half + (0.4 if kind == "plain" else 0.0))
        point = side.nearest(points, part.at, part.x)
        if point is not None:
            points.append(point)
            found |= _curve(kind, points)
            if best is None or point.bits < best[0].bits:
                best = point, turn
    if best is not None:
        found |= _as_file(*best, part, model)
    yield Look(found)


def _way_back(small: LatentModel, turn: Turn) -> Callable[[np.ndarray], np.ndarray]:
    return lambda y: decode_array(small, turn.back(y))


def _curve(kind: str, points: list[Point]) -> dict[str, list[float]]:
    return {f"{kind}_bits": [p.bits for p in points], f"{kind}_errors": [p.error for p in points]}


def _as_file(point: Point, turn: Turn, part: Part, model: LatentModel) -> dict[str, Any]:
    """The codes written, read back and decoded, and each example in a file of its own; of a code
    so large that its axes fill a file, what it needs beforehand alone."""
    coder = point.coder
    made = code_file.CodeMade(coder, turn, point.symbols)
    whole = code_file.to_bytes(mark_of(model), part.fingerprint, part.shape, made)
    if len(whole) > code_file.MOST_BYTES:
        return {"beforehand": coder.bytes + turn.bytes}
    file = code_file.from_bytes(whole)
    content, x_hat = file.codes, code_file.read(file, model)
    singly = [len(coder.write(row[None])) - coder.head_bytes for row in point.symbols[:SINGLES]]
    return {
        "file": np.frombuffer(whole, np.uint8),
        "codes": len(content),
        "file_bits": 8 * (len(content) - coder.head_bytes) / file.n,
        "file_error": error_of(x_hat, part.x),
        "file_ideal": point.bits,
        "singly_bits": 8 * float(np.mean(singly)),
        "beforehand": coder.bytes + turn.bytes,
        "drawn": _drawn(x_hat, part),
    }


def _drawn(x_hat: np.ndarray, part: Part) -> np.ndarray:
    return x_hat[:DRAWN].reshape(-1, *part.shape).astype(np.float32)


def of_pca(part: Part, data: Dataset, control: LabControl) -> Iterator[Look]:
    """The same coder on PCA's scores, whose axes suit already."""
    k = min(COMPONENTS, data.spec.size)
    with control.apart():
        basis = basis_of(data, k)
    k = min(k, basis.at(k))
    train = part.train.batch(slice(None)).flatten(1).numpy()
    side = Side(basis.encode(train, k), basis.encode(part.x, k), basis.decode)
    points: list[Point] = []
    found: dict[str, Any] = {"at": part.at, "floor": error_of(basis.reconstruct(part.x, k), part.x)}
    for point in side.sweep(part.x):
        control.give_way()
        points.append(point)
        found |= _curve("turned", points)
        yield Look(dict(found), len(points) / (len(STEPS) + 1))
    point = side.nearest(points, part.at, part.x)
    if point is not None:
        points.append(point)
        used = sum(len(c) > 1 for c in point.coder.counts)
        found |= _curve("turned", points)
        # A byte a value, as for a decoder's weights, and two scales.
        found["weights"] = (used + 1) * data.spec.size + 8
        found["beforehand"] = point.coder.bytes
        found["components"] = used
        found["drawn"] = _drawn(side.decode(point.coder.values(point.symbols)), part)
    yield Look(found)


def for_rate(
    part: Part, data: Dataset, price: float, steps: int, seed: int, control: LabControl
) -> Iterator[Look]:
    """The codes of a new model that is trained for them to take few bits: dense, of more numbers
    than it will use. price: squared error per value that one bit is worth."""
    numbers = max(1, min(NUMBERS, data.spec.size // 2))
    model = build(preset(PRESET).spec(data.spec, numbers), seed)
    turn = scaled(encode_split(model, part.train).mu, WIDE)
    train = dataclasses.replace(data.train, labels=None)
    for share in trained_for_rate(model, train, turn, 1.0, price, steps, seed, control):
        yield Look({"at": part.at}, 0.8 * share)
    for look in coded(part, model):
        yield Look(look.values, 0.8 + 0.2 * look.share)


def of_format(form: Format, name: str, part: Part, control: LabControl) -> Iterator[Look]:
    """A picture format at each of its levels, singly and as one tiled picture."""
    pixels = as_bytes(part.x.reshape(-1, *part.shape))
    n, h, w, channels = pixels.shape
    few = min(n, SINGLES) if form.slow else n
    found: dict[str, Any] = {"at": part.at, "singles": few}
    if not form.levels[1:]:
        found["lzma_bits"] = raw_lzma(pixels)
    lists: dict[str, list[float]] = {
        key: [] for key in ("bits", "errors", "scan_bits", "tiled_bits", "tiled_errors")
    }
    picture, nearest = tiled(pixels), math.inf
    for level in form.levels:
        control.give_way()
        content = waited(partial(written, picture, form, level), control)
        decoded = untiled(waited(partial(read_back, content, channels), control), n, h, w)
        lists["tiled_bits"].append(8 * len(content) / n)
        lists["tiled_errors"].append(error := _pixel_error(decoded, part.x))
        off = abs(math.log(max(error, 1e-9) / part.at))
        if off < nearest:
            nearest = off
            found["drawn"] = _drawn(_as_values(decoded), part)
        _singly(form, level, pixels[:few], part.x, lists, name == "jpeg", control)
        yield Look(found | lists, len(lists["bits"]) / (len(form.levels) + 1))
    yield Look(found | lists)


def _singly(
    form: Format,
    level: int,
    pixels: np.ndarray,
    x: np.ndarray,
    lists: dict[str, list[float]],
    scans: bool,
    control: LabControl,
) -> None:
    """Each image in a file of its own; what it takes is added to the lists."""
    sizes, scan, decoded = [], [], []
    for one in pixels:
        control.give_way()
        content = written(one, form, level)
        sizes.append(8 * len(content))
        if scans:
            scan.append(8 * jpeg_scan(content))
        decoded.append(read_back(content, pixels.shape[3]))
    lists["bits"].append(float(np.mean(sizes)))
    lists["errors"].append(_pixel_error(np.stack(decoded), x[: len(pixels)]))
    if scans:
        lists["scan_bits"].append(float(np.mean(scan)))


def _as_values(pixels: np.ndarray) -> np.ndarray:
    """(n, h, w, c) uint8 -> (n, c * h * w) in [0, 1]."""
    return pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1) / 255


def _pixel_error(pixels: np.ndarray, x: np.ndarray) -> float:
    # What bytes cannot hold of values between two of them is no error of the format; compared as
    # bytes, what loses nothing errs 0 to the last bit, and has no place on a logarithmic axis.
    whole = np.rint(255 * np.clip(x, 0, 1)).astype(np.int32)
    return error_of(pixels.transpose(0, 3, 1, 2).astype(np.int32), whole) / 255**2
