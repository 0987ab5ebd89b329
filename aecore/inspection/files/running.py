"""A file's graph run as it stands, without what the reading makes of it: what a reading is held to.

Random operations give the same value everywhere (zeros by default), so that a graph answers twice
alike; two values of it tell how far the noise of a code reaches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from aecore.errors import InspectionError

MAX_RUN_VALUES = 1 << 26  # that all values of a run may have together


@dataclass(frozen=True)
class Entry:
    """One input of a graph. shape: with the batch, None where the file leaves a size open.

    whole: it takes whole numbers.
    """

    name: str
    shape: tuple[int | None, ...]
    whole: bool = False

    @property
    def values(self) -> int:
        """Values of an example, open sizes counted as one."""
        return prod(size or 1 for size in self.shape[1:])

    @property
    def batch(self) -> int | None:
        """The number of examples that it takes, None for any. One without a batch takes one."""
        return self.shape[0] if self.shape else None


class GraphCheck(ABC):
    """The graph of a file that says what it computes.

    entries: its inputs in the file's order. names: what contents call an output (or another
    value), to what the file does. lone: the inputs have no batch at all, one example each time.
    """

    def __init__(self, entries: Sequence[Entry], names: dict[str, str], lone: bool = False):
        self.entries, self.names, self.lone = tuple(entries), names, lone

    @torch.inference_mode()
    def compute(
        self,
        x: Tensor,
        told: Tensor | None = None,
        *,
        noise: float = 0.0,
        still: Collection[str] = (),
        also: Collection[str] = (),
        only: bool = False,
    ) -> dict[str, Tensor]:
        """The outputs, (B, ...) each, by the names that contents have for them.

        x: (B, ...), of the shape of the first input that is not a label or with as many values.
        told: for the other input. noise: what random operations give. still: names of weights that
        are held to this value too (noise that was frozen into the file). also: further values of
        the graph that are wanted, only: and nothing else. Raises InspectionError with one sentence
        where the graph cannot be run.
        """
        given = [x] if told is None else [x, told]
        if len(given) != len(self.entries):
            raise InspectionError(
                f"The file's graph takes {len(self.entries)} inputs, and {len(given)} were given."
            )
        if told is not None and self.label_first:
            given.reverse()
        wanted = {**({} if only else self.names), **{n: self.names.get(n, n) for n in also}}
        entries = zip(given, self.entries, strict=True)
        shaped = [_shaped(value, entry, self.lone) for value, entry in entries]
        count = len(x)
        size = 1 if self.lone else next((e.batch for e in self.entries if e.batch), None) or count
        parts: list[dict[str, Tensor]] = []
        for start in range(0, count, size):
            part = [value[start : start + size] for value in shaped]
            full = [_filled(value, size) for value in part]
            if self.lone:
                full = [value[0] for value in full]
            found = self._run(full, set(wanted.values()), noise, frozenset(still))
            if self.lone:
                found = {name: value[None] for name, value in found.items()}
            kept = len(part[0])
            parts.append({name: v[:kept] for name, v in found.items() if v.dim()})
        joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return {ours: joined[theirs] for ours, theirs in wanted.items() if theirs in joined}

    @property
    def label_first(self) -> bool:
        """Whether of two inputs the first is the label: whole numbers, or the fewer values."""
        if len(self.entries) != 2:
            return False
        first, second = self.entries
        if first.whole != second.whole:
            return first.whole
        return first.values < second.values

    @abstractmethod
    def _run(
        self, given: Sequence[Tensor], wanted: set[str], noise: float, still: frozenset[str]
    ) -> dict[str, Tensor]:
        """The wanted values by the file's names. Raises InspectionError."""


class PairCheck(GraphCheck):
    """An encoder's graph and a decoder's, one behind the other; names as read_pair gives them."""

    def __init__(self, encoder: GraphCheck, decoder: GraphCheck, code: str, outputs: Sequence[str]):
        """code: the encoder's output that enters the decoder. outputs: all names in contents."""
        super().__init__(encoder.entries, {name: name for name in outputs}, encoder.lone)
        self.encoder, self.decoder, self.code = encoder, decoder, code

    def compute(
        self,
        x: Tensor,
        told: Tensor | None = None,
        *,
        noise: float = 0.0,
        still: Collection[str] = (),
        also: Collection[str] = (),
        only: bool = False,
    ) -> dict[str, Tensor]:
        wanted = {*({} if only else self.names), *also}
        first = [n.removeprefix("encoder.") for n in wanted if n.startswith("encoder.")]
        held = [n.removeprefix("encoder.") for n in still]
        given = self.encoder.compute(x, noise=noise, still=held, also=[*first, self.code])
        second = [n.removeprefix("decoder.") for n in wanted if n.startswith("decoder.")]
        found = self.decoder.compute(given[self.code], told, noise=noise, also=second)
        joined = {f"encoder.{name}": value for name, value in given.items()}
        joined |= {f"decoder.{name}": value for name, value in found.items()}
        return {name: value for name, value in joined.items() if name in wanted}

    def _run(
        self, given: Sequence[Tensor], wanted: set[str], noise: float, still: frozenset[str]
    ) -> dict[str, Tensor]:
        raise NotImplementedError  # each half runs its own


def _shaped(value: Tensor, entry: Entry, lone: bool) -> Tensor:
    value = value.to(torch.int64 if entry.whole else torch.float32)
    sizes = entry.shape if lone else entry.shape[1:]
    known = [-1 if size is None else size for size in sizes]
    if known.count(-1) > 1:
        return value
    try:
        return value.reshape(len(value), *known)
    except RuntimeError as error:
        raise InspectionError(
            f"The file's graph takes inputs of shape {tuple(sizes)}, and "
            f"{tuple(value.shape[1:])} was given."
        ) from error


def _filled(value: Tensor, size: int) -> Tensor:
    """As many examples as the graph takes, the last one repeated."""
    missing = size - len(value)
    if missing <= 0:
        return value
    return torch.cat([value, value[-1:].expand(missing, *value.shape[1:])])
