"""Readings that can be run: a draft with every gap filled, scored on held-out examples."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from aecore.inspection.understanding.choice import (
    RANGES,
    Choice,
    Draft,
    entry,
    exit_lines,
)
from aecore.models.layers import entry_of, parse_layer

#: How seldom a curve is met, in steps of PRIOR.
SELDOM = {
    "ReLU": 0.0,
    "LeakyReLU 0.01": 0.5,
    "LeakyReLU 0.2": 1.0,
    "tanh": 1.0,
    "sigmoid": 1.5,
    "ELU": 2.0,
    "GELU": 2.0,
    "SiLU": 2.5,
    "SELU": 3.0,
    "LeakyReLU 0.1": 3.0,
    "none": 5.0,
    "Mish": 6.0,
    "softplus": 12.0,
}
#: Two readings whose errors differ by less than this share are told apart by what is usual.
PRIOR = 8e-4
HELD = 64 << 20  # bytes of codes and of what decoders give that are kept for the next candidates


@dataclass(frozen=True)
class Candidate:
    """A draft with every gap filled, and its squared error per value on the examples tried, (n,).

    surprise: how far what enters each BatchNorm is from the statistics that the file keeps of it,
    0 for no difference and for networks without one. It tells apart what the error does not: the
    statistics were taken under the true reading, however little the network was trained. pull: how
    far the weights are from rest under this reading, see stillness.py; None where not measured.
    """

    draft: Draft
    choice: Choice
    errors: Tensor
    surprise: float = 0.0
    pull: float | None = None

    @property
    def error(self) -> float:
        """Mean squared error per value."""
        return float(self.errors.mean())

    @property
    def rarity(self) -> float:
        """How unusual the reading is: decides only between equals."""
        c, ranges, gaps = self.choice, list(RANGES), self.draft.gaps()
        cost = SELDOM[c.encoder] + SELDOM[c.decoder]
        if c.encoder != c.decoder and {"encoder", "decoder"} <= gaps:
            cost += 1 if (c.encoder, c.decoder) == ("LeakyReLU 0.2", "ReLU") else 6
        if "code" in gaps:
            same = c.code == c.encoder and "encoder" in gaps
            alone = "encoder" not in gaps
            bare = c.code in ("none", "tanh", "sigmoid")
            cost += (
                1 if same else SELDOM[c.code] if alone else 2 * (c.code != "none") if bare else 10
            )
        cost += (c.reshape != "same") + c.norm_after
        return cost + (ranges.index(c.given) if c.given in ranges else 1)

    @property
    def weighed(self) -> float:
        """The error, larger by PRIOR for each step away from the usual: what readings rank by."""
        likely = self.draft.prior * (1 + PRIOR * self.rarity)
        # Small differences of the statistics are chance; of the pull only the ratio counts.
        likely *= 1 + 2 * max(self.surprise - 0.05, 0.0)
        if self.pull is not None:
            likely *= 1 + 0.01 * math.log(max(self.pull, 0.1))
        return self.error * likely


class Trials:
    """Scores candidates on examples x (n, *shape) in the data's own range.

    ranges: name to (factor, shift) of how values may have been prepared.
    """

    def __init__(self, x: Tensor, shape: tuple[int, ...], ranges: dict[str, tuple[float, float]]):
        self.x, self.shape, self.ranges = x, shape, ranges
        self._codes: dict[tuple, tuple[Tensor | None, list[float]]] = {}
        self._ends: dict[tuple, tuple[Tensor | None, list[float]]] = {}
        self._done: dict[tuple, Candidate] = {}
        self._held = 0  # bytes of codes and ends
        self.largest = 1  # values between two layers of what `multiply_adds` went through

    @torch.inference_mode()
    def score(self, draft: Draft, choice: Choice) -> Candidate:
        """The candidate with its errors; infinite where it cannot run."""
        choice = draft.relevant(choice)
        key = (id(draft), choice)
        if key not in self._done:
            x_hat = self.reconstruct(draft, choice)
            surprise = 0.0
            if x_hat is None:
                errors = torch.full((len(self.x),), float("inf"))
            else:
                errors = (x_hat - self.x).square().flatten(1).mean(1)
                errors = torch.nan_to_num(errors, nan=float("inf"))
                found = self._before_output(draft, choice)[1]
                surprise = sum(found) / len(found) if found else 0.0
            self._done[key] = Candidate(draft, choice, errors, surprise)
        return self._done[key]

    @torch.inference_mode()
    def reconstruct(self, draft: Draft, choice: Choice) -> Tensor | None:
        """x_hat, (n, *shape), in the data's range; None where it cannot run."""
        last, _ = self._before_output(draft, choice)
        if last is None:
            return None
        x_hat = self._run(exit_lines(draft, choice, self.shape, self.ranges), last)
        return None if x_hat is None else x_hat.reshape(self.x.shape)

    def _before_output(self, draft: Draft, choice: Choice) -> tuple[Tensor | None, list[float]]:
        """What the decoder's last layer gives, and how surprising each BatchNorm's input was."""
        inner = replace(choice, output="none", target="[0, 1]")
        key = (id(draft), inner)
        if key not in self._ends:
            code, before = self._code(draft, inner)
            out, after = (None, []) if code is None else _apply(draft.decoder, inner, code)
            self._hold(out)
            self._ends[key] = out, before + after
        return self._ends[key]

    def _hold(self, made: Tensor | None) -> None:
        """Count what is kept for the next candidates; beyond HELD bytes begin anew."""
        self._held += 0 if made is None else made.nbytes
        if self._held > HELD:
            self._codes.clear()
            self._ends.clear()
            self._held = 0 if made is None else made.nbytes

    def _code(self, draft: Draft, inner: Choice) -> tuple[Tensor | None, list[float]]:
        # The decoder's own gaps do not matter to the encoder.
        plain = replace(inner, decoder="ReLU", reshape="same", enlarge="nearest", swapped=False)
        key = (id(draft), plain)
        if key not in self._codes:
            x = self._run(entry(draft, plain, self.shape, self.ranges), self.x)
            code = (None, []) if x is None else _apply(draft.encoder, plain, x)
            self._hold(code[0])
            self._codes[key] = code
        out, found = self._codes[key]
        if out is None or not draft.variational:
            return out, found
        # Swapped heads are the same numbers in another order.
        return out[:, draft.k :] if inner.swapped else out[:, : draft.k], found

    @torch.inference_mode()
    def multiply_adds(self, draft: Draft, choice: Choice) -> float:
        """Multiply-adds of one example, both ways; 0 where it cannot run."""
        total, x = 0.0, self._run(entry(draft, choice, self.shape, self.ranges), self.x[:1])
        if x is None:
            return 0.0
        for half in (draft.encoder, draft.decoder):
            if half is draft.decoder and draft.variational:
                x = x[:, : draft.k]
            for spot in half:
                layer = spot.module(choice)
                if layer is None:
                    continue
                before = tuple(x.shape[1:])
                try:
                    x = layer(x)
                except (RuntimeError, ValueError):
                    return total
                self.largest = max(self.largest, x[0].numel())
                known = entry_of(layer)
                if known is not None and known.weighted:
                    total += known.multiply_adds(layer, before, tuple(x.shape[1:]))
        return total

    def _run(self, lines: list[str], x: Tensor) -> Tensor | None:
        layers = nn.Sequential(*(parse_layer(line) for line in lines))
        try:
            return layers(x)
        except RuntimeError:
            return None


def _apply(places: list, choice: Choice, x: Tensor) -> tuple[Tensor | None, list[float]]:
    found: list[float] = []
    try:
        for spot in places:
            layer = spot.module(choice)
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                found.append(_surprise(layer, x))
            if layer is not None:
                x = layer(x)
    except (RuntimeError, ValueError):
        return None, []
    return x, found


def _surprise(layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> float:
    """How far x (B, C, ...) is from a BatchNorm's own statistics: 0 for the same."""
    if layer.running_mean is None or layer.running_var is None:
        return 0.0  # it normalises by the batch, which is like itself
    rows = x.transpose(0, 1).flatten(1)
    var, mean = torch.var_mean(rows, 1)
    kept = layer.running_var + layer.eps
    apart = (mean - layer.running_mean).square() / kept
    ratio = torch.log((var + layer.eps) / kept).square() / 4
    return float((apart + ratio).clamp(max=4).nan_to_num(4.0).mean())


def describe(candidate: Candidate) -> dict[str, str]:
    """What a candidate says in each dimension that matters for it, in words."""
    draft, c = candidate.draft, candidate.choice
    gaps = draft.gaps()
    words = {
        "encoder": f"{c.encoder}" if "encoder" in gaps else "",
        "decoder": f"{c.decoder}" if gaps & {"decoder", "reshape"} else "",
        "code": c.code if "code" in gaps else "",
        "after reshape": c.reshape if "reshape" in gaps else "",
        "output": "linear" if c.output == "none" else c.output,
        "input": c.given,
        "output range": c.target if c.target != c.given else "",
        "norm": ("after" if c.norm_after else "before") if "norm_after" in gaps else "",
        "pooling": c.pool if "pool" in gaps else "",
        "enlarging": c.enlarge if "enlarge" in gaps else "",
        "groups": str(c.groups) if "groups" in gaps else "",
        "mu": ("second" if c.swapped else "first") if "swapped" in gaps else "",
    }
    return {k: v for k, v in words.items() if v}
