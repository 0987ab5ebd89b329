"""How good the reconstructions are, beside PCA, the mean and what is expected."""

from __future__ import annotations

import re

import numpy as np

from aecore.datasets import Dataset
from aecore.datasets.titles import title_of
from aecore.evaluation.metrics import expected_band, shown
from aecore.evaluation.thresholds import ALIKE, NO_BETTER_THAN_MEAN, WORSE_THAN_MEAN
from aecore.inspection.judging.findings import Figure, Finding, amount, percent
from aecore.inspection.judging.passes import EDGE, Look
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis
from aecore.types import ModelSpec

AS_TRAINED = "damaged as in training"  # what was done to the examples a denoiser is judged by
PCA_ON = "fitted on the training split, not clipped"
IGNORES = 0.01  # share of the data's variance below which outputs hardly vary


def quality_figures(look: Look, train: Look, basis: PCABasis, k: int, size: int) -> list[Figure]:
    """Errors of the model, of PCA with k numbers, of the mean, and on the training split.

    k: as many as evaluation.beside compares with.
    """
    on = f"{len(look.mse):,} held-out examples, decode(mean), not clipped"
    mean = look.outputs.data_variance()
    mse = float(look.mse.mean())
    own = []
    if look.own_mse is not None:
        size_there = " × ".join(map(str, look.own_shape))
        there = f"{len(look.own_mse):,} held-out examples as the network sees them, {size_there}"
        error = float(look.own_mse.mean())
        own = [
            Figure(
                "own_mse", "Reconstruction", "In its own size", error, "MSE per value", "", there
            )
        ]
    return [
        Figure("test_mse", "Reconstruction", "Held-out error", mse, "MSE per value", "lower", on),
        *own,
        Figure(
            "pca_mse",
            "Reconstruction",
            f"PCA with {k} numbers",
            basis.mse(k),
            "MSE per value",
            "",
            f"all held-out examples; {PCA_ON} ({size:,} values an example)",
        ),
        Figure(
            "mean_mse",
            "Reconstruction",
            "The mean example for everything",
            mean,
            "MSE per value",
            "",
            f"{len(look.mse):,} held-out examples",
        ),
        Figure(
            "explained",
            "Reconstruction",
            "Variance explained",
            1 - mse / max(mean, 1e-12),
            "share",
            "higher",
            on,
        ),
        Figure(
            "worst_mse",
            "Reconstruction",
            "Error of the worst hundredth",
            float(np.quantile(look.mse, 0.99)),
            "MSE per value",
            "lower",
            on,
        ),
        Figure(
            "train_mse",
            "Reconstruction",
            "Training error",
            float(train.mse.mean()),
            "MSE per value",
            "lower",
            f"{len(train.mse):,} training examples, decode(mean)",
        ),
        Figure(
            "gap",
            "Reconstruction",
            "Held-out over training error",
            mse / max(float(train.mse.mean()), 1e-12),
            "times",
            "lower",
            "1 is no gap",
        ),
    ]


def denoising_figures(
    ours: np.ndarray, pca: np.ndarray, k: int, how: str = AS_TRAINED
) -> list[Figure]:
    """Errors from damaged examples, the model's and PCA's, (n,) each, see denoised_errors."""
    on = f"{len(ours):,} held-out examples, {how}, against the clean ones"
    unit = "MSE per value"
    return [
        Figure(
            "denoised_mse", "Reconstruction", "From damaged", float(ours.mean()), unit, "lower", on
        ),
        Figure(
            "pca_denoised_mse",
            "Reconstruction",
            f"PCA with {k} numbers, from damaged",
            float(pca.mean()),
            unit,
            "",
            f"the same damaged examples; {PCA_ON}",
        ),
    ]


def quality_findings(
    model: LatentModel,
    look: Look,
    basis: PCABasis,
    k: int,
    linear: bool,
    denoised: tuple[np.ndarray, np.ndarray] | None = None,
    how: str = AS_TRAINED,
    used: int | None = None,
) -> list[Finding]:
    """Beats the mean? beats PCA? do the outputs follow the code, and stay where data lie?

    linear: there is no curve in the model, so that PCA is the best it can be. denoised: of a model
    that denoises, errors from damaged examples, its own and PCA's: by them it is judged. how: what
    was done to the examples. used: dimensions that a VAE's code carries something in.
    """
    mse, mean = float(look.mse.mean()), look.outputs.data_variance()
    n = f"{len(look.mse):,} held-out examples"
    found = [*_outputs(look, n)]
    if denoised is None and mse > NO_BETTER_THAN_MEAN * mean:
        worse = "worse than" if mse > WORSE_THAN_MEAN * mean else "that of"
        found.append(
            Finding(
                "broken",
                "no-better-than-mean",
                "No better than drawing the mean",
                f"Its error on {n}, {shown(mse)} per value, is {worse} drawing the mean "
                f"example for everything ({shown(mean)}).",
            )
        )
        return found
    found.append(_against_pca(model, look, basis, k, linear, n, denoised, how, used))
    return found


def _against_pca(model, look, basis, k, linear, n, denoised, how, used) -> Finding:
    mse, pca, latent = float(look.mse.mean()), basis.mse(k), look.mu.shape[1]
    size = (
        f"with the same {k} numbers"
        if k == latent
        else (f"with {k} numbers, as many as are on in this code of {latent}")
    )
    told = f"MSE per value {shown(mse)} on {n}; PCA {size} has {shown(pca)}"
    if denoised is not None:
        clean = f"{shown(mse)} and {shown(pca)}"
        mse, pca = (float(errors.mean()) for errors in denoised)
        told = (
            f"MSE per value {shown(mse)} on {n} {how}, against the clean "
            f"ones; PCA {size} has {shown(pca)} from the same (from clean ones {clean})"
        )
    if k >= model.spec.data.size:
        return Finding(
            "note",
            "overcomplete",
            "The code is as large as the data",
            f"{told}: with {k} numbers for {model.spec.data.size} values, copying would do.",
        )
    if abs(mse / max(pca, 1e-12) - 1) < ALIKE:
        why = ", the least that a linear autoencoder can reach."
        return Finding(
            "good" if linear else "note",
            "as-pca",
            "As good as PCA",
            f"{told}{why if linear else ': its curves gain nothing.'}",
        )
    if mse < pca:
        return Finding(
            "good",
            "beats-pca",
            f"Beats PCA with {k} numbers",
            f"{told}: {percent(1 - mse / pca)} less.",
        )
    if denoised is None and used is not None and 0 < used < k and mse < basis.mse(used):
        # A VAE pays for each number, and is no worse for the ones that it leaves out.
        return Finding(
            "good",
            "beats-pca",
            f"Beats PCA with {used} numbers, as many as it uses",
            f"{told}; it uses {used} of its {latent}, and PCA with {used} has "
            f"{shown(basis.mse(used))}.",
        )
    return Finding(
        "worrying",
        "loses-to-pca",
        f"PCA with {k} numbers does better",
        f"{told}: {mse / max(pca, 1e-12):.2f} times as much.",
    )


def _outputs(look: Look, n: str) -> list[Finding]:
    out, found = look.outputs, []
    varies, data = out.variance(), out.data_variance()
    codes_vary = look.logvar is not None or float(look.mu.var(0).max()) > 1e-10
    if codes_vary and varies < IGNORES * data:
        found.append(
            Finding(
                "broken",
                "ignores-z",
                "The decoder ignores the code",
                f"Its outputs vary by {amount(varies)} per value over the codes of {n}, where "
                f"the examples vary by {amount(data)}: whatever z says, it draws the same.",
            )
        )
    share = out.error_at_ends / out.error if out.error else 0.0
    if share > 0.5 and look.mse.mean() > 0.2 * data:
        found.append(
            Finding(
                "broken",
                "saturated-outputs",
                "The outputs are stuck at 0 and 1",
                f"{percent(share)} of the squared error on {n} comes from outputs within "
                f"{EDGE:g} of 0 or 1 ({percent(out.at_ends / out.values)} of all outputs are "
                "there), where a sigmoid has no slope to learn by.",
            )
        )
    outside = out.far_outside / max(out.values, 1)
    if outside > 0.01:
        found.append(
            Finding(
                "worrying",
                "outside-range",
                "Outputs where no data are",
                f"{percent(outside)} of the values drawn for {n} lie below -0.25 or above "
                f"1.25 (from {amount(out.low)} to {amount(out.high)}); data lie from 0 to 1. "
                "Are these logits, or was the model trained on another scale?",
            )
        )
    return found


def stand_in(model: LatentModel) -> ModelSpec:
    """The spec by which bands are known: for described layers that of the family they amount to."""
    spec = model.spec
    if not model.from_outside:
        return spec
    encoder, decoder = spec.options.get("encoder", ()), spec.options.get("decoder", ())
    linear = re.compile(r"Linear\((\d+), (\d+)\)")
    widths = [tuple(map(int, m.groups())) for line in encoder if (m := linear.match(line))]
    back = [tuple(map(int, m.groups())) for line in decoder if (m := linear.match(line))]
    others = [line for line in (*encoder, *decoder) if not linear.match(line)]
    usual = all(
        line.split("(")[0] in ("ReLU", "Flatten", "Unflatten", "Sigmoid") for line in others
    )
    mirrored = [pair[0] for pair in reversed(widths)] == [pair[1] for pair in back]
    if not usual or not mirrored or not any(line.startswith("Sigmoid") for line in decoder[-2:]):
        return spec
    hidden = tuple(b for _, b in widths[:-1])
    family = "dense-vae" if model.variational else "dense-ae"
    # The loss is not in a file; its usual one is meant by a band that says so.
    return ModelSpec(family, spec.data, spec.latent_dim, {"hidden": hidden, "output": "sigmoid"})


def band_findings(model: LatentModel, data: Dataset, figures: dict[str, float]) -> list[Finding]:
    """Where an expected band is known: inside, better or worse. figures: by the metric's name."""
    spec, found = stand_in(model), []
    for metric, value in figures.items():
        band = expected_band(data.name, spec, metric)
        if band is None:
            continue
        low, high = band
        unit = "nats per example" if metric == "nelbo" else "MSE per value"
        said = shown if metric == "mse" else amount
        told = (
            f"{said(value)} {unit} held out; {amount(low)} to {amount(high)} is usual for one "
            f"hidden layer and k = {spec.latent_dim} on all of "
            f"{title_of(data.name)} after 5 to 15 epochs."
        )
        if value > high:
            found.append(Finding("worrying", "above-band", "Less than such a model can do", told))
        else:
            where = "Within" if value >= low else "Better than"
            found.append(Finding("good", "in-band", f"{where} the expected band", told))
    return found
