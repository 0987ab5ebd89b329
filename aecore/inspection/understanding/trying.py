"""What shapes cannot tell is found by trying: candidates are scored by reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import STANDARDISED, Choice, Draft
from aecore.inspection.understanding.dimensions import curves, ends, options, starts
from aecore.inspection.understanding.trials import ROOM, Trials, Work, work_of

Reading = tuple[Draft, Choice]
Progress = Callable[[float, str], None]

_FIRST_CURVES = ("ReLU", "LeakyReLU 0.2", "tanh", "ELU", "sigmoid", "GELU")
#: Work that running one reading may take, which decides on how many examples it is looked at, from
#: the first glance to the last comparison. The least and the most examples follow.
_LEVELS = ((3e7, 8, 24), (1.2e8, 24, 100), (4e8, 40, 400), (4e9, 200, 1000))
LIMIT = 3.5e10  # the work of a whole search
_HEAVY = 4e6  # work for an example above which curves that nobody uses are left out
KEPT_DRAFTS, FIRST_DRAFTS = 10, 3
_CLIMBED = 4  # readings that are climbed from
_OTHERS = 1.5  # how much worse another order of layers may be to be climbed from as well
RIVALS, MOST_MOVES = 12, 4
#: A reading stays in the race while its error is less than this many times the best one's, or
#: larger by fewer than so many standard errors, on the same examples.
_CLOSE, _SIGMAS = 1.05, 3.5


@dataclass(frozen=True)
class Found:
    """What a search came to: candidates, the best first, scored on the same examples.

    tried: readings that were run. whole: nothing was left out for want of work.
    """

    candidates: list[Candidate]
    tried: int
    whole: bool


def _neighbours(start: Candidate, search: Search) -> Iterator[Reading]:
    """Every reading that differs in one dimension, or in the curves of both halves."""
    draft, choice = start.draft, start.choice
    for name, values in options(draft, search.ranges, search.bounded, search.heavy).items():
        for value in values:
            if value != getattr(choice, name):
                yield draft, replace(choice, **{name: value})
    if {"encoder", "decoder"} <= draft.gaps() or {"encoder", "reshape"} <= draft.gaps():
        for curve in curves(search.heavy):
            # Both halves at once: one alone may be worse than none.
            yield draft, replace(choice, encoder=curve, decoder=curve)
    if {"swapped", "interleaved"} <= draft.gaps():
        yield (
            draft,
            replace(choice, swapped=not choice.swapped, interleaved=not choice.interleaved),
        )


class Search:
    """Readings in a race on more and more examples. levels: each with those of the one before."""

    def __init__(self, levels: list[Trials], bounded: bool, heavy: bool):
        self.levels, self.bounded, self.heavy = levels, bounded, heavy
        self.ranges, self.work = levels[0].ranges, levels[0].work
        self.tried: set[tuple] = set()

    def race(self, readings: Iterable[Reading], level: int, least: int = 1) -> list[Candidate]:
        """Those that stay near the best up to a level, scored there, the best first.

        least: how many stay in any case.
        """
        found: list[Candidate] = []
        plain = {"output": "none", "target": "[0, 1]"}  # all outputs are tried
        distinct = {(d.number, d.relevant(replace(c, **plain))): d for d, c in readings}
        for (_, choice), draft in distinct.items():
            found.append(self._scored(0, draft, choice))
            self.tried.add((draft.number, choice))
        found = _near(found, least)
        for i in range(1, level + 1):
            found = [self._scored(i, c.draft, c.choice) for c in found]
            found = _near(found, least)
        return found

    def _scored(self, level: int, draft: Draft, choice: Choice) -> Candidate:
        """The candidate with the output that fits best."""
        return self.levels[level].best_end(draft, choice, ends(draft, choice, self.bounded))

    def climb(self, start: Candidate, level: int, share: float) -> Candidate:
        """The best candidate that single changes reach, while less than a share is spent."""
        best = start
        while self.work.left(share):
            found = self.race([(best.draft, best.choice), *_neighbours(best, self)], level)
            if not found or (found[0].draft is best.draft and found[0].choice == best.choice):
                break
            best = found[0]
        return best


def _near(found: list[Candidate], least: int) -> list[Candidate]:
    found = sorted((c for c in found if c.error < float("inf")), key=_rank)
    if len(found) <= least:
        return found
    best, kept = found[0], found[:least]
    for c in found[least:]:
        scale = c.weighed / max(c.error, 1e-30)
        apart = c.errors * scale - best.errors * (best.weighed / max(best.error, 1e-30))
        doubt = _SIGMAS * float(apart.std()) / len(apart) ** 0.5
        if c.weighed < _CLOSE * best.weighed or float(apart.mean()) < doubt:
            kept.append(c)
    return kept


def _rank(c: Candidate) -> tuple[float, float, int]:
    return c.weighed, c.rarity, c.draft.number


def search(
    drafts: list[Draft],
    x: Tensor,
    ranges: dict[str, tuple[float, float]],
    bounded: bool = True,
    labels: Tensor | None = None,
    progress: Progress | None = None,
    limit: float = LIMIT,
) -> Found:
    """Candidates scored on x (n, *shape), or fewer where they are costly, the best first.

    Starts on few examples with every draft and usual curves; the best are climbed from and scored
    on more. labels: (n,) int64, for networks that are told the class. limit: work that the search
    may take, after which it only finishes what it has begun; the same on every machine.
    """
    report = progress or (lambda share, what: None)
    report(0.05, f"trying {len(drafts)} ways to join the layers")
    one = labels[:1] if labels is not None else None
    sizes = [work_of(d, Choice(), x[:1], ranges, one) for d in drafts]
    each, largest = max(w for w, _ in sizes), max(n for _, n in sizes)
    room, work = max(1, ROOM // largest), Work(limit)
    levels = []
    for budget, low, high in _LEVELS:
        n = int(min(max(budget / max(each, 1), low), high, room, len(x)))
        levels.append(Trials(x[:n], ranges, labels[:n] if labels is not None else None, work))
    run = Search(levels, bounded, each > _HEAVY)

    drafts = _promising(run, drafts)
    firsts: list[Candidate] = []
    first_ranges = [r for r in ranges if r in ("[0, 1]", "[-1, 1]", STANDARDISED)]
    for i, draft in enumerate(drafts):
        report(0.4 * i / len(drafts), f"trying reading {i + 1} of {len(drafts)}")
        if firsts and not work.left(0.45):
            break
        bases = [
            Choice(encoder=curve, decoder=curve, given=given)
            for curve in _FIRST_CURVES
            for given in (first_ranges if bounded else ["[0, 1]"])
        ]
        firsts += run.race(((draft, c) for b in bases for c in starts(draft, b)), 1, 2)
    if not firsts:
        return Found([], len(run.tried), not work.cut)

    # Several drafts stay in the race: their curves may just not have been met yet.
    seeds = _spread(sorted(firsts, key=_rank), _CLIMBED)
    climbed = []
    for i, seed in enumerate(seeds):
        report(0.4 + 0.3 * i / len(seeds), "trying activations and input ranges")
        climbed.append(run.climb(seed, 1, 0.7))
    report(0.7, "comparing the best on more examples")
    best = run.race([(c.draft, c.choice) for c in climbed], 2)[0]
    best = run.climb(best, 2, 0.8)
    # Another order of layers gets the best one's curves, its own, and those that are near them.
    others = []
    for draft in drafts:
        if draft is not best.draft:
            own = [(c.draft, c.choice) for c in (*firsts, *climbed) if c.draft is draft]
            found = run.race([(draft, best.choice), *own], 1)
            if found and found[0].weighed < _OTHERS * best.weighed:
                others.append(run.climb(found[0], 1, 0.85))
    report(0.85, "scoring the best readings")
    return Found(_last(run, best, [*climbed, *others]), len(run.tried), not work.cut)


def _last(run: Search, best: Candidate, pool: list[Candidate]) -> list[Candidate]:
    """The rivals of the best, and its neighbours, scored on most examples."""
    last, scored, around = run.levels[-1], {}, best
    # More examples may prefer another reading than the one whose neighbours were looked at: then
    # its own are looked at as well.
    for _ in range(MOST_MOVES):
        readings = [(c.draft, c.choice) for c in (around, *pool)]
        for c in run.race([*readings, *_neighbours(around, run)], 2, RIVALS)[: 2 * RIVALS]:
            scored[c.draft.number, c.choice] = last.score(c.draft, c.choice)
        found = sorted((c for c in scored.values() if c.error < float("inf")), key=_rank)
        if not found:
            return []
        same = found[0].draft is around.draft and found[0].choice == around.choice
        if same or not run.work.left():
            break
        around = found[0]
    return found


def _promising(run: Search, drafts: list[Draft]) -> list[Draft]:
    """The drafts that come nearest on a handful of examples, and the most natural ones."""
    if len(drafts) <= KEPT_DRAFTS:
        return drafts
    scored = []
    for draft in drafts:
        if scored and not run.work.left(0.25):
            break
        bases = [
            Choice(encoder=curve, decoder=curve, given=given)
            for curve in _FIRST_CURVES[:2]
            for given in (("[0, 1]", "[-1, 1]") if run.bounded else ("[0, 1]",))
        ]
        found = run.race(((draft, c) for b in bases for c in starts(draft, b)), 0)
        if found:
            scored.append((found[0].weighed, draft.cost, draft.number, draft))
    scored.sort(key=lambda s: s[:3])
    ranked = [s[-1] for s in scored]
    natural = sorted(ranked, key=lambda d: (d.cost, d.number))[:FIRST_DRAFTS]
    return list({d.number: d for d in (*natural, *ranked)}.values())[:KEPT_DRAFTS]


def _spread(seeds: list[Candidate], n: int) -> list[Candidate]:
    """The best of each draft first, then the best of all, n in all, none twice."""
    firsts: dict[int, Candidate] = {}
    for seed in seeds:
        firsts.setdefault(seed.draft.number, seed)
    best = sorted(firsts.values(), key=_rank)[: n // 2]
    kept = {(c.draft.number, c.choice): c for c in (*best, *seeds)}
    return list(kept.values())[:n]
