"""A training that ends by itself: what can be gone back to, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.evaluation.trouble import failure_in_words
from aecore.training.events import Changed, EpochDone
from aecore.training.state import TrainState

HOPELESS = 30  # times the error of drawing the mean example: of another order


@dataclass(frozen=True)
class Good:
    """Weights that can be gone back to. done: their figures, None where nobody measured them."""

    weights: dict[str, torch.Tensor]
    epochs_done: int
    images_seen: int
    done: EpochDone | None = None

    @classmethod
    def of(cls, state: TrainState, done: EpochDone | None = None) -> Good:
        """The weights as they are."""
        weights = {k: v.detach().clone() for k, v in state.model.state_dict().items()}
        return cls(weights, state.epochs_done, state.images_seen, done)

    def put_back(self, state: TrainState) -> None:
        """Make them the weights again. Adam's memory holds what went wrong: going on with it would
        fail at the first step."""
        state.model.load_state_dict(self.weights)
        state.epochs_done, state.images_seen = self.epochs_done, self.images_seen
        state.optimizer = None


def better(best: Good | None, done: EpochDone) -> bool:
    """Whether an epoch is the best so far, by the error by which its model is judged."""
    if best is None or best.done is None:
        return True
    ours, theirs = judged(done.figures)[0], judged(best.done.figures)[0]
    return ours is not None and theirs is not None and ours < theirs


def hopeless(mse: float, mean_mse: float) -> bool:
    """Whether a held-out error is of another order than drawing the mean for everything."""
    return not mse < HOPELESS * max(mean_mse, 1e-3)


def sentence(
    figure: float,
    of: str,
    good: Good,
    done: EpochDone | None,
    state: TrainState,
    step: int,
    planned: float,
    changes: Sequence[Changed],
    mean_mse: float,
) -> str:
    """What happened, what is kept (good, with the figures `done`), and what to try."""
    spec = state.model.spec
    return failure_in_words(
        figure,
        of,
        step=step,
        planned=planned,
        changes=changes,
        kept=_kept_in_words(good, done),
        kept_images=good.images_seen,
        mean_mse=mean_mse,
        # Where data lie in [0, 1] a sigmoid would hold the outputs.
        linear_output=spec.data.bounded and spec.options.get("output") == "linear",
    )


def _kept_in_words(good: Good, done: EpochDone | None) -> str:
    if done is None:
        return f"The weights kept are those that it went on from, after epoch {good.epochs_done}."
    error = f"held-out MSE {shown(done.metrics['mse'])}"
    if good.epochs_done:
        return (
            f"The weights kept are those after epoch {good.epochs_done}, the best so far: {error}."
        )
    return (
        "No epoch was done: the weights kept are the last good ones, after "
        f"{good.images_seen:,} examples: {error}."
    )
