"""What shapes cannot tell is found by trying: candidates are scored by reconstruction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from torch import Tensor

from aecore.inspection.understanding.candidates import SELDOM, Candidate, Trials
from aecore.inspection.understanding.choice import (
    CURVES,
    STANDARDISED,
    Choice,
    Draft,
)

Progress = Callable[[float, str], None]

#: (output curve, range of what comes out) that go with what enters; see `_targets`.
_TARGETS = {
    "[0, 1]": [
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
        ("tanh", "[0, 1]"),
        ("sigmoid", "inverted"),
    ],
    "[-1, 1]": [
        ("tanh", "[-1, 1]"),
        ("none", "[-1, 1]"),
        ("sigmoid", "[0, 1]"),
        ("sigmoid", "[-1, 1]"),
        ("none", "[0, 1]"),
    ],
    STANDARDISED: [
        ("none", STANDARDISED),
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
        ("tanh", STANDARDISED),
        ("tanh", "[-1, 1]"),
        ("sigmoid", STANDARDISED),
    ],
    "inverted": [
        ("sigmoid", "inverted"),
        ("none", "inverted"),
        ("sigmoid", "[0, 1]"),
        ("tanh", "inverted"),
    ],
    "[0, 255]": [("none", "[0, 255]"), ("sigmoid", "[0, 1]"), ("none", "[0, 1]")],
    "[0, 1/255]": [
        ("none", "[0, 1/255]"),
        ("sigmoid", "[0, 1/255]"),
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
    ],
}
_FIRST_CURVES = ("ReLU", "LeakyReLU 0.2", "tanh", "ELU", "sigmoid", "GELU")
_KEPT = 4
#: Multiply-adds that a step of the search may cost, which decides on how many examples it looks:
#: at the start, to compare the best, and at the end. The least and the most examples follow.
_WORK = ((8e7, 12, 96), (2.5e8, 40, 400), (2.5e9, 200, 1000))
ROOM = 1 << 24  # values that all examples together may be between two layers
_HEAVY = 1e6  # multiply-adds above which curves that nobody uses are left out
KEPT_DRAFTS = 10
RIVALS, MOST_MOVES = 12, 4


def options(draft: Draft, ranges: dict, bounded: bool, heavy: bool) -> dict[str, list]:
    """The values to try in each dimension that matters for this draft."""
    gaps, curves = draft.gaps(), [c for c in CURVES if not heavy or SELDOM[c] <= 2.5]
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
    for curve in (c for c in CURVES if not heavy or SELDOM[c] <= 2.5):
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
    room = max(1, ROOM // first.largest)
    few, some, full = (int(min(max(w / max(work, 1), low), high, room)) for w, low, high in _WORK)
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
