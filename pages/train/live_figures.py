"""What a run has reached, in sentences, when it has ended."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.metrics import HELD_OUT_MSE, expected_band, said, shown
from aecore.figures.examples import thing_of
from aecore.models import family
from aecore.runs.store import Run
from pages.components.run_figures import pca_of
from pages.shell.layout import band_text
from pages.shell.plain_text import own


def summary(run: Run) -> None:
    """What the run has reached, beside PCA and what is expected, and what to do about it."""
    if not run.recording.newest:
        return
    row, pca_k = run.recording.newest, pca_of(run)[1]
    k, thing = run.spec.latent_dim, thing_of(run.spec.data)
    everything = f" (as many as {thing}s have values: it keeps everything)"
    parts = [
        f"{HELD_OUT_MSE} **{shown(row['test_mse'])}** beside PCA's **{shown(row['pca_mse'])}** at "
        f"k = {pca_k}"
        + (f", as many as are on of its {k}" * (pca_k < k))
        + everything * (pca_k >= run.spec.data.size)
        + f"; on training {thing}s {shown(row['train_mse'])}."
    ]
    if "test_nelbo" in row:
        parts.append(
            f"Negative ELBO **{row['test_nelbo']:.1f}** nats an {thing}: reconstruction "
            f"{row['test_reconstruction']:.1f} + KL {row['test_kl']:.1f}; "
            f"{row['test_active_units']:.0f} of {k} dimensions active."
        )
    measured = [(f, f"test_{f.name}") for f in family(run.spec.family).figures]
    parts += [said(f, row[name]) for f, name in measured if name in row]
    if "pca_denoised_mse" in row:
        parts.append(
            f"PCA from the same damaged {thing}s: **{shown(row['pca_denoised_mse'])}**; by these "
            "two it is judged."
        )
    full = run.config.limit == 0 and 5 <= row["epoch"] <= 15
    for metric, digits in (("nelbo", 0), ("mse", 4)):
        band = expected_band(run.dataset, run.spec, metric) if full else None
        if band is not None:
            parts.append(f"{metric.upper()}: {band_text(band, digits)} for this model.")
    st.markdown(own(" ".join(parts)))
    started, config = run.recording.started, run.config
    for finding in diagnose(
        run.spec,
        run.recording.history,
        started.mean_test_mse if started else float("inf"),
        newest=row,
        rate=config.learning_rate,
        changes=run.recording.changes,
    ):
        st.info(own(finding), icon=":material/lightbulb:")
