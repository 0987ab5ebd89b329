"""Codes as bits: a turn of the axes, one step for all, counts of training codes, a range coder.

What both sides need to know beforehand, the decoder with its weights in eight bits, the turn and
the counts, is counted in bytes as well.
"""

from __future__ import annotations

import copy
import struct
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
import torch

from aecore.errors import ConfigError
from aecore.evaluation.batches import parts
from aecore.evaluation.latent import decode_array
from aecore.models import LatentModel

# It is compiled and carries no types that a checker could read.
_STREAM: Any = vars(constriction)["stream"]

MAGIC = b"AEC1"
_HEAD = struct.Struct("<4sIIf")  # magic, examples, numbers, step
MOST_SYMBOLS = 1 << 16  # of one number
MOST_EXAMPLES = 10_000  # in a file
_DAMAGED = "This is no file of compressed codes, or it is damaged."
UNSEEN = 0.5  # added to each count: no symbol between the ends is impossible
MOVED = 0.3  # of a number's deviation, by which it is moved to see how much the decoder feels it


@dataclass(frozen=True)
class Turn:
    """New axes for codes (n, k), on which rounding by one step is felt alike: y = (z - middle) a,
    z = middle + y b. middle (k,); a and b (k, k), None for the axes as they are."""

    middle: np.ndarray
    a: np.ndarray | None = None
    b: np.ndarray | None = None

    def to(self, z: np.ndarray) -> np.ndarray:
        y = z - self.middle
        return y if self.a is None else y @ self.a

    def back(self, y: np.ndarray) -> np.ndarray:
        z = y if self.b is None else y @ self.b
        return (z + self.middle).astype(np.float32)

    @property
    def bytes(self) -> int:
        """Of what the decoding side needs, in float32."""
        return 4 * (self.middle.size + (0 if self.b is None else self.b.size))


@dataclass(frozen=True)
class Coder:
    """Rounding of codes (n, k) to multiples of a step, and how likely each symbol is.

    low (k,): the multiple that symbol 0 stands for. counts, means: of each number, by symbol, how
    many training codes it had and what they were on average, which is what is decoded.
    """

    step: float
    low: np.ndarray
    counts: tuple[np.ndarray, ...]
    means: tuple[np.ndarray, ...]

    @classmethod
    def fit(cls, y: np.ndarray, step: float) -> Coder:
        """From training codes (n, k). Raises ConfigError where a step is too small for them."""
        rounded = np.rint(y / step)
        low, high = rounded.min(0), rounded.max(0)
        if not float((high - low).max()) < MOST_SYMBOLS:
            raise ConfigError(
                f"A step of {step:g} is too small: a number would have more than "
                f"{MOST_SYMBOLS:,} values."
            )
        counts, means = [], []
        for j in range(y.shape[1]):
            symbols = (rounded[:, j] - low[j]).astype(np.int64)
            n = int(high[j] - low[j]) + 1
            found = np.bincount(symbols, minlength=n)
            sums = np.bincount(symbols, y[:, j], n)
            middles = (low[j] + np.arange(n)) * step
            counts.append(found)
            means.append(np.where(found > 0, sums / np.maximum(found, 1), middles))
        return cls(float(step), low.astype(np.int64), tuple(counts), tuple(means))

    def symbols(self, y: np.ndarray) -> np.ndarray:
        """(n, k) int32 from 0; a code beyond all training codes is taken to the nearest."""
        most = np.array([len(c) - 1 for c in self.counts])
        return np.clip(np.rint(y / self.step) - self.low, 0, most).astype(np.int32)

    def values(self, symbols: np.ndarray) -> np.ndarray:
        """What symbols (n, k) stand for, (n, k)."""
        return np.stack([m[s] for m, s in zip(self.means, symbols.T, strict=True)], 1)

    def chances(self, j: int) -> np.ndarray:
        """How likely each symbol of number j is, by the training codes; they sum to 1."""
        raised = self.counts[j] + UNSEEN
        return raised / raised.sum()

    def bits(self, symbols: np.ndarray) -> np.ndarray:
        """What an ideal coder takes for each example, (n,): -log2 of its chance."""
        total = np.zeros(len(symbols))
        for j in self._carrying:
            total -= np.log2(self.chances(j))[symbols[:, j]]
        return total

    def write(self, symbols: np.ndarray) -> bytes:
        """Symbols (n, k) through a range coder, after a head of 16 bytes."""
        encoder = _STREAM.queue.RangeEncoder()
        for j in self._carrying:
            encoder.encode(np.ascontiguousarray(symbols[:, j]), self._model(j))
        head = _HEAD.pack(MAGIC, *symbols.shape, self.step)
        return head + encoder.get_compressed().astype("<u4").tobytes()

    def examples_in(self, content: bytes) -> int:
        """How many examples a file says that it holds. Raises ConfigError for a file of another
        kind."""
        if len(content) < _HEAD.size or (len(content) - _HEAD.size) % 4:
            raise ConfigError(_DAMAGED)
        magic, n, k, step = _HEAD.unpack(content[: _HEAD.size])
        if magic != MAGIC or k != len(self.low) or step != np.float32(self.step):
            raise ConfigError("This file of codes is not of this model at this step.")
        if not 0 < n <= MOST_EXAMPLES:
            raise ConfigError(f"This file of codes says that it holds {n:,} examples.")
        return n

    def read(self, content: bytes) -> np.ndarray:
        """The symbols that `write` was given. Raises ConfigError for a file of another kind."""
        n = self.examples_in(content)
        words = np.frombuffer(content[_HEAD.size :], "<u4").astype(np.uint32)
        decoder = _STREAM.queue.RangeDecoder(words)
        symbols = np.zeros((n, len(self.low)), np.int32)
        try:
            for j in self._carrying:
                symbols[:, j] = decoder.decode(self._model(j), n)
        except AssertionError as error:  # so the coder says that no symbols give such a stream
            raise ConfigError(_DAMAGED) from error
        if not decoder.maybe_exhausted():
            raise ConfigError(_DAMAGED)
        return symbols

    @property
    def head_bytes(self) -> int:
        return _HEAD.size

    @property
    def bytes(self) -> int:
        """Of the counts and means, as the decoding side needs them: 2 for a count, 2 for a mean,
        and 4 for where a number begins and ends."""
        return sum(4 + 4 * len(c) for c in self.counts if len(c) > 1)

    @property
    def _carrying(self) -> list[int]:
        """The numbers that are not always the same symbol."""
        return [j for j, c in enumerate(self.counts) if len(c) > 1]

    def _model(self, j: int):
        return _STREAM.model.Categorical(self.chances(j), perfect=False)


def turn_of(model: LatentModel, codes: np.ndarray, look: int = 100) -> Turn:
    """The axes on which rounding costs least for this decoder, from training codes (n, k).

    The decoder's mean slopes at `look` of them say how much an error in each number is felt; codes
    are scaled to that, so that errors are alike in all directions, and turned to their principal
    axes there (the Karhunen-Loève transform of transform coding, Goyal 2001).
    """
    middle, deviations = codes.mean(0), codes.std(0)
    k = len(middle)
    some = codes[np.linspace(0, len(codes) - 1, min(look, len(codes))).astype(int)]
    moves = MOVED * np.maximum(deviations, 1e-6 + 1e-3 * deviations.max())
    slopes = np.empty((len(some), k, model.spec.data.size), np.float32)
    for part in parts(k, 1):
        for j in range(k)[part]:
            ends = np.concatenate([some, some])
            ends[: len(some), j] += moves[j]
            ends[len(some) :, j] -= moves[j]
            up, down = np.split(decode_array(model, ends).reshape(2 * len(some), -1), 2)
            slopes[:, j] = (up - down) / (2 * moves[j])
    felt = np.einsum("ijd,ild->jl", slopes, slopes, optimize=True).astype(np.float64)
    felt /= len(some) * model.spec.data.size
    # A number that is not felt at all may be rounded to nothing, but must come back finite.
    felt += np.eye(k) * max(1e-7 * np.trace(felt) / k, 1e-12)
    lower = np.linalg.cholesky(felt)
    _, axes = np.linalg.eigh(np.cov((codes - middle) @ lower, rowvar=False).reshape(k, k))
    axes = axes[:, ::-1]
    return Turn(middle, lower @ axes, np.linalg.solve(lower.T, axes).T)


@torch.no_grad()
def in_eight_bits(model: LatentModel) -> tuple[LatentModel, int]:
    """A copy whose decoder's weights are rounded to eight bits, with one scale for each of its
    arrays, and the bytes that this decoder takes."""
    small, total = copy.deepcopy(model).eval(), 0
    for weight in small.decoder_network().parameters():
        scale = weight.abs().max().clamp_min(1e-12) / 127
        weight.copy_((weight / scale).round() * scale)
        total += weight.numel() + 4
    return small, total + sum(4 * b.numel() for b in small.decoder_network().buffers())
