"""What went wrong in a run, or could be better: findings in words, each with its evidence."""

from __future__ import annotations

import dataclasses

from aecore.evaluation.metrics import shown
from aecore.evaluation.thresholds import (
    ALIKE,
    FEW_IN_USE,
    KNOWS_BETTER,
    NO_BETTER_THAN_MEAN,
    PAST_ITS_BEST,
)
from aecore.models import family
from aecore.models.registry import options_of
from aecore.types import ModelSpec

Row = dict[str, float]


def diagnose(spec: ModelSpec, history: list[Row], mean_mse: float) -> list[str]:
    """Findings about a run from its figures, worst first; empty when nothing stands out.

    history: one row per epoch with test_mse, train_mse and pca_mse. mean_mse: the held-out error
    of drawing the mean example for everything.
    """
    if not history:
        return []
    last = history[-1]
    return [*_mistakes(spec, last, mean_mse), *_capacity(spec, history, last)]


def _mistakes(spec: ModelSpec, last: Row, mean_mse: float) -> list[str]:
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
            "or none, and they never become different: the model can at best draw one image. "
            "Choose another initialisation."
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
    if not found and mse > NO_BETTER_THAN_MEAN * mean_mse:
        found.append(
            "**It learned nothing that depends on the example**: its error, "
            f"{shown(mse)}, is that of drawing the mean for everything ({shown(mean_mse)}). Try "
            "another learning rate, activation or initialisation, or fewer layers."
        )
    return found


def _capacity(spec: ModelSpec, history: list[Row], last: Row) -> list[str]:
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
    cls = family(spec.family)
    fair = not cls.linear and not cls.denoises  # PCA gets the clean examples
    if (
        not found
        and fair
        and last["test_mse"] > (1 + ALIKE) * last["pca_mse"]
        and k < spec.data.size
    ):
        found.append(
            f"**PCA still does better** at k = {k}: {shown(last['pca_mse'])} against "
            f"{shown(last['test_mse'])}. Train longer, with a larger learning rate, or on more "
            "examples."
        )
    return found
