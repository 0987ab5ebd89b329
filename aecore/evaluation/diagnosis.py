"""What went wrong in a run, or could be better: findings in words, each with its evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.evaluation.thresholds import (
    ALIKE,
    FEW_IN_USE,
    GOES_WRONG,
    KNOWS_BETTER,
    NO_BETTER_THAN_MEAN,
    PAST_ITS_BEST,
    SLOW_RATE,
    STILL_LEARNS,
    WORSE_THAN_MEAN,
)
from aecore.evaluation.trouble import Change, beside_the_mean, cause, in_words
from aecore.models import family
from aecore.models.registry import options_of
from aecore.types import ModelSpec

Row = dict[str, float]


def diagnose(
    spec: ModelSpec,
    history: list[Row],
    mean_mse: float,
    *,
    newest: Row | None = None,
    rate: float | None = None,
    changes: Sequence[Change] = (),
) -> list[str]:
    """Findings about a run from its figures, worst first; empty when nothing stands out.

    history: one row per epoch with test_mse, train_mse and pca_mse. mean_mse: the held-out error
    of drawing the mean example for everything. newest: such a row of the weights that there are,
    by default the last epoch's. rate: the learning rate that the run was started with, None where
    that is not known; changes: of it or of beta, made while it trained.
    """
    last = newest or (history[-1] if history else None)
    if not last:
        return []
    if not history or history[-1] != last:
        history = [*(row for row in history if row["epoch"] <= last["epoch"]), last]
    lost = last["test_mse"] > GOES_WRONG * min(row["test_mse"] for row in history)
    found = _mistakes(spec, last, mean_mse, lost)
    found += _capacity(spec, history, last, mean_mse, changes)
    if not found:
        found += _beside_pca(spec, history, last, rate, changes)
    return found


def _mistakes(spec: ModelSpec, last: Row, mean_mse: float, lost: bool) -> list[str]:
    """lost: what it knew before it does not know now; then nothing is said to be impossible."""
    found, mse, chosen = [], last["test_mse"], options_of(spec)
    # Of these three words every family that lets people choose them means the same.
    options = dataclasses.asdict(chosen)
    loss, output = options.get("loss"), options.get("output")
    if loss == "bce" and output == "linear":
        found.append(
            "**A linear output with cross-entropy.** The loss takes what the decoder gives for "
            "logits and turns them into probabilities by itself, so it trains; but the drawing is "
            f"made of the logits, and its error is {mse:.3g} where pixels lie between 0 and 1. "
            "Choose the sigmoid output, or the squared error."
        )
    found += family(spec.family).mistakes(chosen)
    if options.get("init") == "zeros":
        found.append(
            "**All weights started at zero.** Every unit of a layer then gets the same gradient, "
            "or none, and they never become different: the model can at best draw the same "
            "thing every time. Choose another initialisation."
        )
    if not spec.data.bounded and output == "sigmoid":
        found.append(
            "**A sigmoid output for standardised columns.** It cannot give values below 0 or above "
            "1, and half of these are. Choose the linear output."
        )
    if not spec.data.bounded and loss == "bce":
        found.append(
            "**Cross-entropy for standardised columns.** It is meant for values between 0 and 1; "
            "outside, it has no lower end. Choose the squared error."
        )
    if not found and not lost and mse > NO_BETTER_THAN_MEAN * mean_mse:
        found.append(
            "**It learned nothing that depends on the example**: its error, "
            f"{shown(mse)}, is {beside_the_mean(mse, mean_mse)} drawing the mean for everything "
            f"({shown(mean_mse)}). Try "
            + (
                "a smaller learning rate, or another initialisation."
                if mse > WORSE_THAN_MEAN * mean_mse
                else "another learning rate, activation or initialisation, or fewer layers."
            )
        )
    return found


def _capacity(
    spec: ModelSpec, history: list[Row], last: Row, mean_mse: float, changes: Sequence[Change]
) -> list[str]:
    found, k = [], spec.latent_dim
    best = min(history, key=lambda row: row["test_mse"])
    if (
        last["test_mse"] > PAST_ITS_BEST * best["test_mse"]
        and last["train_mse"] < best["train_mse"]
    ):
        found.append(
            "**It remembers instead of learning.** The held-out error was lowest after epoch "
            f"{best['epoch']:.0f} ({shown(best['test_mse'])}) and is "
            f"{shown(last['test_mse'])} now, while the training error went on falling to "
            f"{shown(last['train_mse'])}. Use more examples, a smaller network, or stop earlier."
        )
    elif last["test_mse"] > GOES_WRONG * best["test_mse"]:
        changed = cause(changes, best.get("images_seen", 0))
        found.append(
            "**It was better before.** The held-out error was lowest after epoch "
            f"{best['epoch']:.0f} ({shown(best['test_mse'])}) and is {shown(last['test_mse'])} "
            f"now, {beside_the_mean(last['test_mse'], mean_mse)} drawing the mean for everything "
            f"({shown(mean_mse)}); the training error went from {shown(best['train_mse'])} to "
            f"{shown(last['train_mse'])}"
            + ("" if changed is None else f", after {in_words(changed)}")
            + f". Go back to epoch {best['epoch']:.0f} and on from there."
        )
    elif last["test_mse"] > KNOWS_BETTER * last["train_mse"]:
        found.append(
            f"**It knows its training examples better than others**: {shown(last['train_mse'])} on "
            f"them, {shown(last['test_mse'])} held out. Use more examples or a smaller network."
        )
    active = last.get("test_active_units")
    if active is not None and active < k:
        dead = k - int(active)
        found.append(
            f"**{dead} of {k} latent numbers carry nothing.** The KL holds them at the prior, and "
            "the decoder does without them."
            + (
                " With beta below 1 or some free bits more would stay."
                if active < FEW_IN_USE * k
                else ""
            )
        )
    return found


def _beside_pca(
    spec: ModelSpec,
    history: list[Row],
    last: Row,
    rate: float | None,
    changes: Sequence[Change],
) -> list[str]:
    ours, pca = judged(last)
    k = int(last.get("pca_k", spec.latent_dim))
    if ours is None or pca is None or family(spec.family).linear or k >= spec.data.size:
        return []
    if ours <= (1 + ALIKE) * pca:
        return []
    from_damaged = ours is not last["test_mse"]
    given = ", both from the same damaged examples" * from_damaged
    return [
        f"**PCA still does better** at k = {k}: {shown(pca)} against {shown(ours)}{given}. "
        + _what_to_do(history, last, rate, changes)
    ]


def _what_to_do(
    history: list[Row], last: Row, rate: float | None, changes: Sequence[Change]
) -> str:
    """Advice from the figures: whether it learns still, and how fast it was told to."""
    fell = [1 - b["train_mse"] / max(a["train_mse"], 1e-12) for a, b in pairwise(history)]
    if fell and fell[-1] < 0:
        return "The training error rose in the last epoch: train on with a smaller learning rate."
    if not fell:
        return "One epoch says little: train longer."
    if fell[-1] > STILL_LEARNS:
        told = "It is learning still: train longer."
        if rate is not None and rate < SLOW_RATE and not changes:
            told += f" A learning rate of {rate:g} is small: a larger one learns faster."
        return told
    return (
        f"The training error fell by {fell[-1]:.1%} in the last epoch: it has learned what it can. "
        "Use a larger network, or more examples."
    )
