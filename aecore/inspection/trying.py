"""What shapes cannot tell is found by trying: candidates are scored by reconstruction."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from aecore.inspection.drafts import CURVES, RANGES, STANDARDISED, Choice, Draft, entry, exit_lines
from aecore.models.layers import parse_layer

Progress = Callable[[float, str], None]

#: (output curve, range of what comes out) that go with what enters; see `_targets`.
_TARGETS = {
    "[0, 1]": [("sigmoid", "[0, 1]"), ("none", "[0, 1]"), ("tanh", "[0, 1]"),
               ("sigmoid", "inverted")],
    "[-1, 1]": [("tanh", "[-1, 1]"), ("none", "[-1, 1]"), ("sigmoid", "[0, 1]"),
                ("sigmoid", "[-1, 1]"), ("none", "[0, 1]")],
    STANDARDISED: [("none", STANDARDISED), ("sigmoid", "[0, 1]"), ("none", "[0, 1]"),
                   ("tanh", STANDARDISED), ("tanh", "[-1, 1]"), ("sigmoid", STANDARDISED)],
    "inverted": [("sigmoid", "inverted"), ("none", "inverted"), ("sigmoid", "[0, 1]"),
                 ("tanh", "inverted")],
    "[0, 255]": [("none", "[0, 255]"), ("sigmoid", "[0, 1]"), ("none", "[0, 1]")],
    "[0, 1/255]": [("none", "[0, 1/255]"), ("sigmoid", "[0, 1/255]"), ("sigmoid", "[0, 1]"),
                   ("none", "[0, 1]")],
}  # fmt: skip
#: How seldom a curve is met, in steps of PRIOR.
_SELDOM = {
    "ReLU": 0.0, "LeakyReLU 0.01": 0.5, "LeakyReLU 0.2": 1.0, "tanh": 1.0, "sigmoid": 1.5,
    "ELU": 2.0, "GELU": 2.0, "SiLU": 2.5, "SELU": 3.0, "LeakyReLU 0.1": 3.0, "none": 5.0,
    "Mish": 6.0, "softplus": 12.0,
}  # fmt: skip
_FIRST_CURVES = ("ReLU", "LeakyReLU 0.2", "tanh", "ELU", "sigmoid", "GELU")
_KEPT = 4
#: Multiply-adds that a step of the search may cost, which decides on how many examples it looks:
#: at the start, to compare the best, and at the end. The least and the most examples follow.
_WORK = ((8e7, 12, 96), (2.5e8, 40, 400), (2.5e9, 200, 1000))
_HEAVY = 1e6  # multiply-adds above which curves that nobody uses are left out
KEPT_DRAFTS = 10
RIVALS, MOST_MOVES = 12, 4
#: Two readings whose errors differ by less than this share are told apart by what is usual.
PRIOR = 8e-4


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
        cost = _SELDOM[c.encoder] + _SELDOM[c.decoder]
        if c.encoder != c.decoder and {"encoder", "decoder"} <= gaps:
            cost += 1 if (c.encoder, c.decoder) == ("LeakyReLU 0.2", "ReLU") else 6
        if "code" in gaps:
            same = c.code == c.encoder and "encoder" in gaps
            alone = "encoder" not in gaps
            bare = c.code in ("none", "tanh", "sigmoid")
            cost += (
                1 if same else _SELDOM[c.code] if alone else 2 * (c.code != "none") if bare else 10
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
            self._ends[key] = out, before + after
        return self._ends[key]

    def _code(self, draft: Draft, inner: Choice) -> tuple[Tensor | None, list[float]]:
        # The decoder's own gaps do not matter to the encoder.
        plain = replace(inner, decoder="ReLU", reshape="same", enlarge="nearest", swapped=False)
        key = (id(draft), plain)
        if key not in self._codes:
            x = self._run(entry(draft, plain, self.shape, self.ranges), self.x)
            self._codes[key] = (None, []) if x is None else _apply(draft.encoder, plain, x)
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
                before = x
                try:
                    x = layer(x)
                except (RuntimeError, ValueError):
                    return total
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    total += x.numel() * layer.weight[0].numel()
                elif isinstance(layer, nn.ConvTranspose2d):
                    total += before.numel() * layer.weight[0].numel()
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
    rows = x.transpose(0, 1).flatten(1)
    var, mean = torch.var_mean(rows, 1)
    kept = layer.running_var + layer.eps
    apart = (mean - layer.running_mean).square() / kept
    ratio = torch.log((var + layer.eps) / kept).square() / 4
    return float((apart + ratio).clamp(max=4).nan_to_num(4.0).mean())


def options(draft: Draft, ranges: dict, bounded: bool, heavy: bool) -> dict[str, list]:
    """The values to try in each dimension that matters for this draft."""
    gaps, curves = draft.gaps(), [c for c in CURVES if not heavy or _SELDOM[c] <= 2.5]
    found: dict[str, list] = {}
    for gap in ("encoder", "decoder"):
        if gap in gaps or (gap == "decoder" and "reshape" in gaps):
            found[gap] = curves
    if "code" in gaps:
        found["code"] = ["none", *[c for c in curves if c != "none"]]
    if "reshape" in gaps:
        found["reshape"] = ["same", "none", "ReLU"]
    for gap, values in (
        ("swapped", [False, True]),
        ("norm_after", [False, True]),
        ("pool", ["max", "average"]),
        ("enlarge", ["nearest", "bilinear"]),
    ):
        if gap in gaps:
            found[gap] = values
    if "groups" in gaps:
        found["groups"] = draft.possible_groups()
    if bounded:
        found["given"] = list(ranges)
    if draft.resized:
        found["fit"] = ["pad", "resize"]
    return found


def _targets(choice: Choice, bounded: bool) -> list[tuple[str, str]]:
    return _TARGETS[choice.given] if bounded else [("none", "[0, 1]"), ("tanh", "[0, 1]")]


def best_end(trials: Trials, draft: Draft, choice: Choice, bounded: bool) -> Candidate:
    """The candidate with the output that fits best: output curves cost next to nothing to try."""
    ends = _targets(choice, bounded)
    if draft.outputs is not None:
        ends = [end for end in ends if end[0] in draft.outputs] or ends
    scored = (trials.score(draft, replace(choice, output=o, target=t)) for o, t in ends)
    return min(scored, key=lambda c: c.weighed)


def _neighbours(trials: Trials, start: Candidate, bounded: bool) -> Iterator[Candidate]:
    """Every candidate that differs in one dimension, each with its best output."""
    ranges = trials.ranges
    heavy = trials.multiply_adds(start.draft, start.choice) > _HEAVY
    for name, values in options(start.draft, ranges, bounded, heavy).items():
        for value in values:
            if value != getattr(start.choice, name):
                changed = replace(start.choice, **{name: value})
                yield best_end(trials, start.draft, changed, bounded)
    for curve in (c for c in CURVES if not heavy or _SELDOM[c] <= 2.5):
        # Both halves at once: one alone may be worse than none.
        yield best_end(
            trials, start.draft, replace(start.choice, encoder=curve, decoder=curve), bounded
        )


def _climb(trials: Trials, start: Candidate, bounded: bool, until: float) -> Candidate:
    """The best candidate that single changes reach from here."""
    best = start
    while time.monotonic() < until:
        found = min(_neighbours(trials, best, bounded), key=lambda c: c.weighed, default=best)
        if not found.weighed < best.weighed:
            break
        best = found
    return best


def search(
    drafts: list[Draft],
    x: Tensor,
    ranges: dict[str, tuple[float, float]],
    bounded: bool = True,
    seconds: float = 20.0,
    progress: Progress | None = None,
) -> list[Candidate]:
    """Candidates scored on x (n, *shape), or fewer where they are costly, the best first.

    Starts on few examples with every draft and usual curves; the best are climbed from and scored
    on more. seconds: after this the search only finishes what it has begun.
    """
    begin = time.monotonic()
    until = begin + seconds
    shape = tuple(x.shape[1:])
    report = progress or (lambda share, what: None)
    report(0.05, f"trying {len(drafts)} ways to join the layers")
    drafts = _promising(drafts, x[:8], ranges, bounded, begin + 0.25 * seconds)
    first = Trials(x[:1], shape, ranges)
    work = max(first.multiply_adds(d, d.relevant(Choice())) for d in drafts)
    few, some, full = (int(min(max(w / max(work, 1), low), high)) for w, low, high in _WORK)
    trials = Trials(x[:few], shape, ranges)
    seeds: list[Candidate] = []
    first_ranges = [r for r in ranges if r in ("[0, 1]", "[-1, 1]", STANDARDISED)]
    for i, draft in enumerate(drafts):
        report(0.4 * i / len(drafts), f"trying reading {i + 1} of {len(drafts)}")
        if time.monotonic() > begin + 0.4 * seconds and seeds:
            break
        for curve in _FIRST_CURVES:
            for given in first_ranges if bounded else ["[0, 1]"]:
                base = Choice(encoder=curve, decoder=curve, given=given)
                seeds.append(best_end(trials, draft, base, bounded))
                if "swapped" in draft.gaps():
                    seeds.append(best_end(trials, draft, replace(base, swapped=True), bounded))
    seeds = [s for s in seeds if s.error < float("inf")]
    if not seeds:
        return []
    seeds.sort(key=lambda c: c.weighed)
    # Several drafts stay in the race: their curves may just not have been met yet.
    chosen = _spread(seeds, _KEPT)
    climbed = []
    for i, seed in enumerate(chosen):
        report(0.4 + 0.3 * i / len(chosen), "trying activations and input ranges")
        climbed.append(_climb(trials, seed, bounded, begin + 0.7 * seconds))
    report(0.7, "comparing the best on more examples")
    more = Trials(x[:some], shape, ranges)
    again = [more.score(c.draft, c.choice) for c in _distinct(climbed)]
    best = min(again, key=lambda c: c.weighed)
    best = _climb(more, best, bounded, begin + 0.85 * seconds)
    others = [best_end(more, d, best.choice, bounded) for d in drafts if d is not best.draft]
    report(0.85, "scoring the best readings")
    last = Trials(x[:full], shape, ranges)
    scored: dict[tuple, Candidate] = {}
    around, pool = best, [*again, *others]
    # More examples may prefer another reading than the one whose neighbours were looked at: then
    # its own are looked at as well.
    for _ in range(MOST_MOVES):
        pool += [around, *_neighbours(more, around, bounded)]
        rivals = sorted(_distinct(pool), key=lambda c: c.weighed)[:RIVALS]
        for c in rivals:
            scored[id(c.draft), c.choice] = last.score(c.draft, c.choice)
        first = min(scored.values(), key=lambda c: c.weighed)
        same = first.draft is around.draft and first.choice == around.choice
        if same or time.monotonic() > until:
            break
        around = more.score(first.draft, first.choice)
    found = [c for c in scored.values() if c.error < float("inf")]
    return sorted(found, key=lambda c: (c.weighed, c.rarity))


def _promising(
    drafts: list[Draft], x: Tensor, ranges: dict, bounded: bool, until: float
) -> list[Draft]:
    """The drafts that come nearest on a handful of examples, KEPT_DRAFTS of them at most."""
    if len(drafts) <= KEPT_DRAFTS:
        return drafts
    trials, scored = Trials(x, tuple(x.shape[1:]), ranges), []
    for draft in drafts:
        if time.monotonic() > until and scored:
            break
        tries = [
            best_end(trials, draft, Choice(encoder=curve, decoder=curve, given=given), bounded)
            for curve in _FIRST_CURVES[:2]
            for given in (("[0, 1]", "[-1, 1]") if bounded else ("[0, 1]",))
        ]
        if "swapped" in draft.gaps():
            more = [replace(c.choice, swapped=True) for c in tries]
            tries += [best_end(trials, draft, c, bounded) for c in more]
        scored.append((min(c.weighed for c in tries), draft.cost, draft))
    scored.sort(key=lambda s: s[:2])
    return [draft for *_, draft in scored[:KEPT_DRAFTS]]


def _spread(seeds: list[Candidate], n: int) -> list[Candidate]:
    """The best of each draft first, then the best of all, n in all, none twice."""
    firsts: dict[int, Candidate] = {}
    for seed in seeds:
        firsts.setdefault(id(seed.draft), seed)
    best = sorted(firsts.values(), key=lambda c: c.weighed)[: n // 2]
    return _distinct([*best, *seeds])[:n]


def _distinct(found: list[Candidate]) -> list[Candidate]:
    seen: dict[tuple, Candidate] = {}
    for c in found:
        seen.setdefault((id(c.draft), c.choice), c)
    return list(seen.values())


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
