"""Readings that are run: what a draft with every gap filled makes of examples, in counted work."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.inspection.understanding.around import entry, exit_lines
from aecore.inspection.understanding.candidates import CUTTING, Candidate
from aecore.inspection.understanding.choice import Choice, Draft, Layer
from aecore.inspection.understanding.dimensions import End
from aecore.models.layers import entry_of, parse_layer
from aecore.models.posterior import kl_to_prior
from aecore.workshop.child import out_of_memory

ROOM = 1 << 22  # values that all examples together may be between two layers
HELD = 48 << 20  # bytes of values between layers that are kept for the next candidates
#: What running a layer costs beside its multiply-adds, in multiply-adds of a dense layer.
OVERHEAD, A_VALUE = 4e5, 8
COMPARED = 256  # examples that drawings of a decoder alone are held against


@dataclass
class Work:
    """What was computed, in multiply-adds of a dense layer: a budget that is alike everywhere.

    limit: how many may be spent. cut: whether something was left out for want of them.
    """

    limit: float = float("inf")
    spent: float = 0.0
    cut: bool = False

    def left(self, share: float = 1.0) -> bool:
        """Whether less than this share of the limit is spent; it is noted where not."""
        enough = self.spent < share * self.limit
        self.cut |= not enough
        return enough


@dataclass(frozen=True)
class _Passed:
    """What left a place, None where it cannot run; each BatchNorm's surprise so far; the KL."""

    x: Tensor | None
    surprises: tuple[float, ...] = ()
    kl: float | None = None


class Trials:
    """Scores candidates on examples x (n, *shape) in the data's own range.

    ranges: name to (factor, shift) of how values may have been prepared. labels: (n,) int64, for
    networks that are told the class. What candidates have in common is computed once.
    """

    def __init__(
        self,
        x: Tensor,
        ranges: dict[str, tuple[float, float]],
        labels: Tensor | None = None,
        work: Work | None = None,
    ):
        self.x, self.ranges, self.labels = x, ranges, labels
        self.shape = tuple(x.shape[1:])
        self.work = work or Work()
        self.arithmetic = 0.0  # of the work, what grows with the number of examples
        self.largest = 1  # values between two layers, of one example
        self._nodes: dict[tuple, int] = {}
        self._kept: OrderedDict[int, _Passed] = OrderedDict()
        self._held = 0
        self._costs: dict[tuple, float] = {}
        self._exact: dict[tuple, Candidate] = {}

    def score(self, draft: Draft, choice: Choice) -> Candidate:
        """The candidate with its errors; infinite where it cannot run."""
        return self.best_end(draft, choice, [(choice.output, choice.target)])

    @torch.inference_mode()
    def best_end(self, draft: Draft, choice: Choice, ends: Sequence[End]) -> Candidate:
        """The candidate with the output that fits best: outputs cost next to nothing to try."""
        choice = draft.relevant(choice)
        passed = self._before_output(draft, choice)
        curves: dict[str, list[float]] = {}
        least, best = float("inf"), ends[0]
        for end in ends if len(ends) > 1 else ():
            error = self._error(draft, replace(choice, output=end[0]), passed, end, curves)
            if error < least:
                least, best = error, end
        return self._candidate(draft, replace(choice, output=best[0], target=best[1]), passed)

    @torch.inference_mode()
    def reconstruct(self, draft: Draft, choice: Choice) -> Tensor | None:
        """x_hat, (n, *shape), in the data's range; None where it cannot run."""
        choice = draft.relevant(choice)
        return self._after_output(draft, choice, self._before_output(draft, choice))

    @torch.inference_mode()
    def encoded(self, draft: Draft, choice: Choice) -> Tensor | None:
        """What the encoder gives, (n, k), of a VAE both heads, (n, 2k); None if it cannot run."""
        return self._encoder(draft, draft.relevant(choice))[1].x

    @torch.inference_mode()
    def decoded(self, draft: Draft, choice: Choice, z: Tensor) -> Tensor | None:
        """x_hat, (n, *shape), of codes z (n, k), with the labels of the examples."""
        choice = draft.relevant(choice)
        try:
            for spot in draft.decoder:
                z = self._layer(spot, choice, z)
        except (RuntimeError, ValueError) as error:
            raise_if_short_of_memory(error)
            return None
        return self._after_output(draft, choice, _Passed(z))

    def _candidate(self, draft: Draft, choice: Choice, passed: _Passed) -> Candidate:
        key = (id(draft), choice)
        if key not in self._exact:
            x_hat = self._after_output(draft, choice, passed)
            if x_hat is None:
                errors = torch.full((len(self.x),), float("inf"))
            elif draft.alone:
                errors = self.unlike(x_hat)
            else:
                errors = (x_hat - self.x).square().flatten(1).mean(1)
            errors = torch.nan_to_num(errors, nan=float("inf"))
            found = passed.surprises
            surprise = sum(found) / len(found) if found else 0.0
            self._exact[key] = Candidate(draft, choice, errors, surprise, kl=passed.kl)
        return self._exact[key]

    def unlike(self, x_hat: Tensor) -> Tensor:
        """Each drawing's share in how unlike the data all of them are, (n,): energy distance.

        Székely and Rizzo 2013, 'Energy statistics'. Its mean is 0 for drawings of the same kind,
        and more for what lies beside them as well as for what always lies in their middle.
        """
        data, drawn = self.x[:COMPARED].flatten(1), x_hat.flatten(1)
        within = torch.cdist(data, data).mean()
        spread = torch.cdist(drawn, drawn[:COMPARED]).mean(1)
        self.work.spent += (
            2.0 * len(drawn) * min(len(data) + len(drawn), 2 * COMPARED) * data.shape[1]
        )
        apart = 2 * torch.cdist(drawn, data).mean(1) - spread - within
        return apart / data.shape[1] ** 0.5

    def _error(
        self, draft: Draft, choice: Choice, passed: _Passed, end: End, curves: dict
    ) -> float:
        """Mean squared error with an end, by moments: ranges are linear and need no new pass."""
        if draft.alone:
            return self._candidate(draft, replace(choice, target=end[1]), passed).weighed
        if end[0] not in curves:
            plain = replace(choice, target="[0, 1]")
            y = self._after_output(draft, plain, passed)
            if y is None:
                return float("inf")
            y, x = y.flatten(1), self._flat
            dots = (torch.linalg.vecdot(y, y), torch.linalg.vecdot(y, x), y.sum(1))
            curves[end[0]] = [float(m.double().mean()) / x.shape[1] for m in dots]
        yy, xy, y = curves[end[0]]
        xx, x = self._moments
        factor, shift = self.ranges[end[1]]
        a, b = 1 / factor, -shift / factor
        error = a * a * yy + 2 * a * b * y + b * b - 2 * a * xy - 2 * b * x + xx
        error *= 1.0 if draft.outputs else CUTTING.get(end[0], 1.0)
        return error if error == error else float("inf")

    @cached_property
    def _flat(self) -> Tensor:
        return self.x.flatten(1)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        x = self._flat.double()
        return float(x.square().mean()), float(x.mean())

    # Values between layers -------------------------------------------------------------------

    def _before_output(self, draft: Draft, choice: Choice) -> _Passed:
        """What the decoder's last layer gives."""
        node, code = self._encoder(draft, choice)
        if draft.variational and not draft.alone and code.x is not None:
            node = self._node(node, "mu")
            mu, second = code.x[:, : draft.k], code.x[:, draft.k : 2 * draft.k]
            kl = float(kl_to_prior(mu, second.clamp(-20, 20)).sum(1).mean())
            code = _Passed(mu, code.surprises, kl)
        return self._through(node, code, draft.decoder, choice)[1]

    def _encoder(self, draft: Draft, choice: Choice) -> tuple[int, _Passed]:
        if draft.alone:
            drawn = torch.Generator().manual_seed(0)
            z = torch.randn(len(self.x), draft.k, generator=drawn)
            return self._node(0, f"drawn {draft.k}"), _Passed(z)
        before = tuple(entry(draft, choice, self.shape, self.ranges))
        node = self._node(0, before)
        if node not in self._kept:
            self._keep(node, _Passed(_run(before, self.x)))
        return self._through(node, self._kept[node], draft.encoder, choice)

    def _after_output(self, draft: Draft, choice: Choice, passed: _Passed) -> Tensor | None:
        if passed.x is None:
            return None
        self.work.spent += OVERHEAD + 4 * A_VALUE * self.x.numel()
        x_hat = _run(tuple(exit_lines(draft, choice, self.shape, self.ranges)), passed.x)
        if x_hat is None or x_hat[0].numel() != prod(self.shape):
            return None  # of another size than the data
        return x_hat.reshape(len(x_hat), *self.shape)

    def _through(
        self, node: int, passed: _Passed, places: Iterable[Layer], choice: Choice
    ) -> tuple[int, _Passed]:
        """Where a way through places ends, from the farthest point that is known of it."""
        spots, path = [], [node]
        for spot in places:
            if line := spot.lines(choice):
                spots.append(spot)
                path.append(self._node(path[-1], (line, spot.stamp(choice))))
        begin = max((i for i, n in enumerate(path) if n in self._kept and i), default=0)
        if begin:
            passed = self._kept[path[begin]]
            self._kept.move_to_end(path[begin])
        for i in range(begin, len(spots)):
            if passed.x is None:
                break
            passed = self._step(spots[i], choice, passed)
            # Kept where ways part, and at the end.
            if i + 1 == len(spots) or spots[i + 1].open or passed.x is None:
                self._keep(path[i + 1], passed)
        return path[-1], passed

    def _step(self, spot: Layer, choice: Choice, passed: _Passed) -> _Passed:
        x, surprises = passed.x, passed.surprises
        assert x is not None
        try:
            layer = spot.module(choice)
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                surprises = (*surprises, _surprise(layer, x))
            return _Passed(self._layer(spot, choice, x), surprises, passed.kl)
        except (RuntimeError, ValueError, ConfigError) as error:
            raise_if_short_of_memory(error)
            return _Passed(None)

    def _layer(self, spot: Layer, choice: Choice, x: Tensor) -> Tensor:
        """What leaves one place, its work counted."""
        layer = spot.module(choice)
        if layer is None:
            return x
        y = layer(x, self.labels) if spot.gap == "told" else layer(x)
        key = (spot.lines(choice), tuple(x.shape[1:]))
        if key not in self._costs:
            self._costs[key] = _cost(layer, x, y)
        self.arithmetic += len(x) * self._costs[key]
        self.work.spent += OVERHEAD + len(x) * self._costs[key]
        self.largest = max(self.largest, y[0].numel())
        return y

    def _node(self, before: int, step: object) -> int:
        return self._nodes.setdefault((before, step), len(self._nodes) + 1)

    def _keep(self, node: int, passed: _Passed) -> None:
        """Keep values for the next candidates, those least recently used least."""
        self._kept[node] = passed
        self._held += _bytes(passed)
        while self._held > HELD and len(self._kept) > 1:
            self._held -= _bytes(self._kept.popitem(last=False)[1])


def work_of(
    draft: Draft, choice: Choice, x: Tensor, ranges: dict, labels: Tensor | None = None
) -> tuple[float, int]:
    """Work for one example without what any run costs, and the most values between two layers.

    x (1, *shape), labels (1,).
    """
    trials = Trials(x, ranges, labels)
    trials.reconstruct(draft, choice)
    return trials.arithmetic, trials.largest


def _cost(layer: nn.Module, x: Tensor, y: Tensor) -> float:
    known, total = entry_of(layer), float(A_VALUE * prod(y.shape[1:]))
    if known is not None and known.weighted:
        total += known.pace * known.multiply_adds(layer, tuple(x.shape[1:]), tuple(y.shape[1:]))
    return total


def _bytes(passed: _Passed) -> int:
    return 0 if passed.x is None else passed.x.nbytes


@lru_cache(maxsize=512)
def _made(lines: tuple[str, ...]) -> nn.Sequential:
    return nn.Sequential(*(parse_layer(line) for line in lines)).eval()


def _run(lines: tuple[str, ...], x: Tensor) -> Tensor | None:
    try:
        return _made(lines)(x)
    except (RuntimeError, ValueError, ConfigError) as error:
        raise_if_short_of_memory(error)
        return None


def raise_if_short_of_memory(error: Exception) -> None:
    """A reading that does not fit this machine's memory is not one that cannot run: which readings
    are tried must not depend on the machine. Raises MemoryError."""
    if out_of_memory(error):
        raise MemoryError from error


def _surprise(layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> float:
    """How far x (B, C, ...) is from a BatchNorm's own statistics: 0 for the same."""
    if layer.running_mean is None or layer.running_var is None:
        return 0.0  # it normalises by the batch, which is like itself
    rows = x.transpose(0, 1).flatten(1)
    if rows.shape[1] < 2:
        return 0.0  # of one value nothing can be told
    var, mean = torch.var_mean(rows, 1)
    kept = layer.running_var + layer.eps
    apart = (mean - layer.running_mean).square() / kept
    ratio = torch.log((var + layer.eps) / kept).square() / 4
    return float((apart + ratio).clamp(max=4).nan_to_num(4.0).mean())
