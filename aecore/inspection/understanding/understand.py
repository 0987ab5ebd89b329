"""From a file's tensors to a model: the architecture inferred, the rest found by trying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aecore.datasets import Dataset, Split
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.architecture import drafts_of
from aecore.inspection.understanding.building import model_of
from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import (
    RANGES,
    STANDARDISED,
    Choice,
    Draft,
    names_contradict,
)
from aecore.inspection.understanding.computed import draft_of
from aecore.inspection.understanding.graph_check import compared
from aecore.inspection.understanding.heads import Heads, second_head, with_second
from aecore.inspection.understanding.stillness import at_rest
from aecore.inspection.understanding.sureness import LOOKED, open_points, worth_of
from aecore.inspection.understanding.trials import Trials
from aecore.inspection.understanding.trying import LIMIT, Progress, search
from aecore.models import LatentModel

LARGEST_PULL = 1e300
PIECE = 500  # examples that are looked at together where it is only about their values
TRIED = 1000  # held-out examples that candidates are ranked on
KEPT = 12  # candidates that a reading keeps


@dataclass(frozen=True)
class Reading:
    """A file read: a model of the data's shape, and how sure that is.

    candidates: ranked, the best first; the model is that of `chosen`. margin: by what share the
    nearest rival's error is larger. sure: understood, no rival comes near, and nothing is open.
    doubts: sentences about what could be otherwise. unused: names of tensors that stand nowhere in
    the model. swapped: the heads act the other way round than their names say. blank: the error of
    drawing the mean example for everything, on the examples tried. understood: the model draws the
    data clearly better than that, or is one that draws only the mean example (collapsed). tried:
    readings that were run. open: of what is not understood, sentences about what is open and what
    would settle it. head_decided: what the second of two heads is, is known. left: sentences about
    what was not looked at.
    """

    model: LatentModel
    candidates: tuple[Candidate, ...]
    chosen: int
    margin: float
    sure: bool
    doubts: tuple[str, ...]
    unused: tuple[str, ...]
    tensors: int
    swapped: bool = False
    blank: float = 1.0
    understood: bool = True
    collapsed: bool = False
    tried: int = 0
    open: tuple[str, ...] = ()
    head_decided: bool = True
    left: tuple[str, ...] = ()

    @property
    def candidate(self) -> Candidate:
        return self.candidates[self.chosen]


def ranges_of(data: Dataset) -> dict[str, tuple[float, float]]:
    """How values of these data may have been prepared: name to (factor, shift)."""
    if not data.spec.bounded:
        return {"[0, 1]": (1.0, 0.0)}
    # To four digits, as people write them: 0.1307 and 0.3081 for MNIST.
    mean, std = (round(value, 4) for value in moments(data.train))
    ordered = list(RANGES.items())
    standardised = (STANDARDISED, (1 / max(std, 1e-6), -mean / max(std, 1e-6)))
    return dict([*ordered[:2], standardised, *ordered[2:]])


def moments(split: Split) -> tuple[float, float]:
    """Mean and deviation of all values of a split, which is never in memory as float32 at once."""
    count = total = squares = 0.0
    for start in range(0, len(split), PIECE):
        x = split.batch(slice(start, start + PIECE)).double()
        count, total, squares = (
            count + x.numel(),
            total + float(x.sum()),
            squares + float((x * x).sum()),
        )
    mean = total / count
    return mean, max(squares / count - mean * mean, 0.0) ** 0.5


def understand(
    contents: Contents,
    data: Dataset,
    *,
    choice: int | None = None,
    progress: Progress | None = None,
    limit: float = LIMIT,
) -> Reading:
    """Read a file's tensors as an autoencoder of these data: the same on every machine.

    choice: overrules which of the ranked candidates is taken. limit: the work of the search, see
    there. Raises InspectionError with one sentence when no reading is possible.
    """
    report = progress or (lambda share, what: None)
    report(0.02, "putting the layers in order")
    drafts, ranges = _drafts(contents, data), ranges_of(data)
    trials = _trials(data, ranges, TRIED)
    found = search(drafts, trials.x, ranges, data.spec.bounded, trials.labels, report, limit)
    if not found.candidates:
        raise InspectionError(
            "The layers join, but no way to run them was found: describe the network by hand."
        )
    report(0.92, "looking which reading the weights rest in")
    ranked, measured = at_rest(found.candidates, data, ranges)
    left = [] if found.whole else [_CUT.format(tried=found.tried)]
    left += [] if measured else [_UNMEASURED]
    report(0.96, "telling the heads apart")
    heads = second_head(ranked[0], _trials(data, ranges, LOOKED))
    ranked = [with_second(c, heads.second) for c in ranked]
    return settle(ranked, contents, data, choice or 0, found.tried, tuple(left), heads)


_ALONE = (
    "There is no encoder, so its activations and its range are guessed by how near what it draws "
    "comes to the data."
)
_CUT = (
    "The network is large: {tried} readings were run, and others that the layers allow were left "
    "out."
)
_UNMEASURED = (
    "Which of the nearest readings the weights rest in was not measured: the network is too large "
    "for it, or is told the class."
)


def _drafts(contents: Contents, data: Dataset) -> list[Draft]:
    """Every way to join a file's layers, numbered; the same for the same file and data."""
    if contents.operations is None:
        drafts = drafts_of(contents, data)
    else:
        drafts = [draft_of(contents, data.spec.shape)]
    for number, draft in enumerate(drafts):
        draft.number = number
    return drafts


def recipes_of(reading: Reading) -> list[dict[str, Any]]:
    """The ranked candidates as plain values, out of which `again` makes them anew."""
    return [
        {
            "draft": c.draft.number,
            "choice": asdict(c.choice),
            # JSON has no word for infinity, which a weight that nothing holds gives.
            "pull": None if c.pull is None else min(c.pull, LARGEST_PULL),
            "tried": len(c.errors),
            "readings": reading.tried,
            "left": list(reading.left),
        }
        for c in reading.candidates
    ]


def again(
    contents: Contents, data: Dataset, recipes: Sequence[dict[str, Any]], chosen: int
) -> Reading:
    """The reading that takes another of the candidates that were ranked, without a new search.

    recipes: of `recipes_of`, from the same file and data.
    """
    drafts, ranges = _drafts(contents, data), ranges_of(data)
    found = []
    for recipe in recipes:
        trials = _trials(data, ranges, recipe["tried"])
        candidate = trials.score(drafts[recipe["draft"]], Choice(**recipe["choice"]))
        found.append(replace(candidate, pull=recipe["pull"]))
    tried, left = recipes[0]["readings"], tuple(recipes[0]["left"])
    heads = second_head(found[0], _trials(data, ranges, LOOKED))
    return settle(found, contents, data, chosen, tried, left, heads)


def settle(
    found: Sequence[Candidate],
    contents: Contents,
    data: Dataset,
    chosen: int,
    tried: int,
    left: tuple[str, ...],
    heads: Heads,
) -> Reading:
    """The reading that takes one of the ranked candidates.

    tried: readings that were run. left: sentences about what was not looked at. heads: what is
    known of the best one's.
    """
    kept, ranges = tuple(found[:KEPT]), ranges_of(data)
    chosen = min(chosen, len(kept) - 1)
    candidate = kept[chosen]
    model = model_of(candidate, data, ranges)
    worth = worth_of(kept, _trials(data, ranges, LOOKED), data)
    used = candidate.draft.used
    unused = tuple(n for n in contents.tensors if n not in used)
    doubts = (*worth.doubts, *heads.doubts, *candidate.draft.doubts, *left)
    if candidate.draft.alone:
        doubts = (_ALONE, *doubts)
    doubts = (*_against_graph(model, contents, data), *doubts)
    swapped = names_contradict(candidate.draft, candidate.choice)
    settled = not doubts and not unused and not swapped
    return Reading(
        model,
        kept,
        chosen,
        worth.margin,
        worth.understood and settled and chosen == 0,
        doubts,
        unused,
        len(contents.tensors),
        swapped,
        worth.blank,
        worth.understood,
        worth.collapsed,
        tried,
        () if worth.understood else open_points(kept[0], worth, tried, contents, data),
        heads.decided,
        left,
    )


def _against_graph(model: LatentModel, contents: Contents, data: Dataset) -> tuple[str, ...]:
    """Sentences where the model is not the graph that its file holds, or it could not be run."""
    if contents.operations is None:
        return ()
    found = compared(model, contents, data)
    if found is None:
        return (
            "The file says what it computes, but it could not be run beside this reading to "
            "compare the two.",
        )
    if found.same:
        return ()
    where = f", first at {found.where}" if found.where else ""
    return (
        f"Run as it stands, the file's own graph gives something else{where}: the largest "
        f"difference is {found.largest:.2g}.",
    )


def _trials(data: Dataset, ranges: dict[str, tuple[float, float]], n: int) -> Trials:
    x = data.test.batch(slice(0, n))
    labels = data.test.labels
    return Trials(x, ranges, None if labels is None else labels[:n])
