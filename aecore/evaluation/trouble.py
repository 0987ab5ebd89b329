"""A training that goes wrong, in words that are all computed from its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.evaluation.thresholds import GOES_WRONG, NO_BETTER_THAN_MEAN, WORSE_THAN_MEAN

Row = dict[str, float]
NAMES = {"learning_rate": "learning rate", "beta": "beta"}


class Change(Protocol):
    """A choice that was changed while it trained, such as events.Changed."""

    @property
    def name(self) -> str: ...
    @property
    def before(self) -> float: ...
    @property
    def after(self) -> float: ...
    @property
    def epoch(self) -> int: ...
    @property
    def images_seen(self) -> int: ...


def beside_the_mean(mse: float, mean_mse: float) -> str:
    """How an error stands to that of drawing the mean example for everything: 'below', 'that of',
    or 'worse than', with how many times it is where that says something."""
    if mse <= NO_BETTER_THAN_MEAN * mean_mse:
        return "below that of"
    if mse <= WORSE_THAN_MEAN * mean_mse:
        return "that of"
    times = mse / max(mean_mse, 1e-12)
    return f"{times:,.1f} times that of" if times < 10 else f"{times:,.0f} times that of"


def in_words(change: Change) -> str:
    """'the learning rate was changed from 0.003 to 0.1 in epoch 4'."""
    return (
        f"the {NAMES.get(change.name, change.name)} was changed from {change.before:g} to "
        f"{change.after:g} in epoch {change.epoch + 1}"
    )


def best_of(history: Iterable[Row]) -> Row | None:
    """The row of the epoch with the lowest held-out error by which the model is judged."""
    rows = [row for row in history if judged(row)[0] is not None]
    return min(rows, key=lambda row: judged(row)[0] or 0.0, default=None)


def cause(changes: Iterable[Change], since: float) -> Change | None:
    """The change that a rise is put down to: the last one after so many images seen."""
    return next((c for c in reversed([*changes]) if c.images_seen >= since), None)


@dataclass(frozen=True)
class Trouble:
    """words: what goes wrong. best: the row of the epoch to go back to, None before the first."""

    words: str
    best: Row | None


def trouble(
    looks: Sequence[tuple[int, float, float]],
    history: Sequence[Row],
    mean_mse: float,
    changes: Sequence[Change] = (),
    thing: str = "example",
) -> Trouble | None:
    """What goes wrong in a training, at its newest look; None while nothing does.

    looks: (images seen, seconds, held-out error), all of one sample. mean_mse: of drawing the mean
    for everything. changes: of the learning rate or beta, in their order.
    """
    if len(looks) < 2:
        return None
    at, now = looks[-1][0], looks[-1][2]
    best_at, _, lowest = min(looks, key=lambda look: look[2])
    if not now > GOES_WRONG * lowest or at == best_at:
        return None
    words = (
        f"**The held-out error rises**: it was {shown(lowest)} after {best_at:,} {thing}s and is "
        f"{shown(now)} now, {beside_the_mean(now, mean_mse)} drawing the mean for everything "
        f"({shown(mean_mse)})."
    )
    changed = cause(changes, best_at)
    if changed is not None:
        words += f" Before it rose, {in_words(changed)}."
    return Trouble(words, best_of(history))


def rate_to_go_on_with(planned: float, changes: Sequence[Change], images: float) -> float:
    """The learning rate to go on with from weights that had seen so many images, where what came
    after went wrong: the one in force then, or a tenth of it if it was not raised since.

    planned: the rate that the training was started with.
    """
    then, now = rate_at(planned, changes, images), rate_at(planned, changes)
    return then if then < now else then / 10


def rate_at(planned: float, changes: Sequence[Change], images: float = float("inf")) -> float:
    """The learning rate asked for when so many images had been seen, by default in the end."""
    asked = [c for c in changes if c.name == "learning_rate" and c.images_seen < images]
    return asked[-1].after if asked else planned


def failure_in_words(
    figure: float,
    of: str,
    *,
    step: int,
    planned: float,
    changes: Sequence[Change],
    kept: str,
    kept_images: float,
    mean_mse: float,
    linear_output: bool,
) -> str:
    """What happened to a training that ended by itself, what is kept, and what to try.

    figure, of: what gave it away, "loss" or "held-out error", with its value. planned: the learning
    rate that it was started with. kept: what the weights are, in words; kept_images: what they had
    seen. linear_output: of data in [0, 1], where a sigmoid would hold the outputs.
    """
    if figure != figure or abs(figure) == float("inf"):
        what = "became infinite or not a number"
    elif of == "loss":
        what = f"exploded to {figure:.3g}"
    else:
        what = f"rose to {figure:.3g}, {beside_the_mean(figure, mean_mse)} drawing the mean for "
        what += f"everything ({shown(mean_mse)}),"
    last = next((c for c in reversed(changes) if c.name == "learning_rate"), None)
    raised = last is not None and last.after > last.before
    rate = rate_at(planned, changes)
    why = f"after {in_words(last)}" if last and raised else f"with a learning rate of {rate:g}"
    sigmoid = ", or a sigmoid output" if linear_output else ""
    return (
        f"The {of} {what} at step {step:,}, {why}. {kept} Try a learning rate of "
        f"{rate_to_go_on_with(planned, changes, kept_images):g}{sigmoid}."
    )
