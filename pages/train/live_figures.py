"""A run in figures: the row above its canvas, and the sentences when it has ended."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.beside import judged
from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.metrics import HELD_OUT_MSE, expected_band, said, shown
from aecore.figures.examples import thing_of
from aecore.models import family
from aecore.runs.store import Run
from pages.components.run_view import pca_of
from pages.shell import session
from pages.shell.layout import band_text, figure
from pages.shell.plain_text import own

FIGURE, EPOCHS = 144, 165  # pixels of a figure: five beside one another, two on a phone
STATUS = {
    "waiting": "Waiting",
    "preparing": "Preparing",
    "training": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
}


def figures(run: Run) -> None:
    """Where the run is, how well it does, how fast it goes."""
    recording = run.recording
    started, step, epoch = recording.started, recording.last_step, recording.epoch
    # Of one width each, so that none moves when a figure grows.
    row = st.container(horizontal=True)
    label, last, pca = _newest_error(run)
    note = None
    if recording.status == "preparing":
        note = "PCA first"
    elif recording.status == "waiting":
        ahead = session.jobs().ahead_of(run)
        note = f"{ahead:,} before it" if ahead else "for a worker"
    elif recording.status == "paused" and step is not None:
        note = f"after step {step.step:,}"
    row.metric(
        "State", STATUS[recording.status], note, delta_color="off", delta_arrow="off", width=FIGURE
    )
    if started is None:
        total, done = run.config.epochs, len(recording.history)
    else:
        total = started.epochs
        done = 0 if step is None else min(step.step / started.steps_per_epoch, total)
    done = max(done, 0 if epoch is None else epoch.epoch)
    whole = (done == int(done) and not recording.live) or total >= 100
    row.metric("Epoch", f"{done:.{0 if whole else 1}f} of {int(total)}", width=EPOCHS)
    no_measure = pca_of(run)[1] >= run.spec.data.size  # then PCA keeps everything
    delta = (
        None if last is None or pca is None or no_measure else f"{shown(last - pca, '+')} vs PCA"
    )
    row.metric(
        own(label),
        figure(last),
        delta,
        delta_color="inverse",
        width=FIGURE,
        help="Mean squared error per value on examples never trained on, not clipped: of the "
        "first of them while it trains, of all at the end. A denoising model gets them damaged, "
        "and PCA beside it the same ones.",
    )
    pace = step.images_per_second if step else recording.summary.get("images_per_second")
    row.metric(
        f"{own(thing_of(run.spec.data).capitalize())}s a second", figure(pace, 0), width=FIGURE
    )
    if recording.live and step is not None and started is not None:
        left = step.seconds * (total / max(done, 1e-6) - 1)
        row.metric("Time left", f"{left:,.0f} s", width=FIGURE)
    else:
        seconds = recording.newest.get("seconds")
        row.metric("Training time", figure(seconds, 1, "s"), width=FIGURE)


def _newest_error(run: Run) -> tuple[str, float | None, float | None]:
    """The newest held-out error, what it is of, and PCA's on the same examples: while it trains a
    sample, always the same; then all."""
    recording, denoises = run.recording, family(run.spec.family).denoises
    probe, started = recording.probe, recording.started
    if recording.live and probe is not None and started is not None:
        label = "From damaged, MSE" if denoises else HELD_OUT_MSE
        if started.probed < started.held_out:
            label = f"MSE, {started.probed:,} {'damaged' if denoises else 'held out'}"
        return label, probe.heldout_mse, probe.pca_mse
    ours, pca = judged(recording.newest)
    damaged = denoises and ours is not None and ours != recording.newest.get("test_mse")
    return "From damaged, MSE" if damaged else HELD_OUT_MSE, ours, pca


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
