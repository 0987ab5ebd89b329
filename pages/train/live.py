"""The Train page during and after a run: controls, figures, the canvas, keeping the model."""

from __future__ import annotations

import time

import streamlit as st

from aecore.evaluation.diagnosis import diagnose
from aecore.evaluation.metrics import expected_band, shown
from aecore.figures.examples import thing_of
from aecore.figures.network import short
from aecore.models import family
from aecore.models.registry import shape_only
from aecore.runs.recording import Recording
from aecore.runs.store import Run
from pages.components import pad_travel
from pages.components.run_view import run_canvas
from pages.shell import session
from pages.shell.layout import band_text, figure, guarded

EVERY = 0.3  # seconds between two looks at a live run
PAD_EVERY = 1.5
FIGURE, EPOCHS = 144, 165  # pixels of a figure: five beside one another, two on a phone
RATES = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
BETAS = [0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
STATUS = {
    "waiting": "Waiting",
    "training": "Training",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
}


def live_view(run: Run) -> None:
    """Everything about one run; redraws itself while the run lives."""
    st.markdown(
        f"**{run.name}** · {session.data_title(run.dataset)} · {short(shape_only(run.spec))}"
    )
    if not session.owns(run):
        st.info(
            "This run belongs to another browser: you can watch it, not steer it.",
            icon=":material/visibility:",
        )
    live = run.recording.live
    if not live and not run.end_seen and run.has_model and session.owns(run):
        # What was trained ten seconds ago is what one wants to look at next.
        run.end_seen = True
        session.take_in_hand(run.run_id)
        st.rerun()
    st.fragment(guarded(_watch), run_every=EVERY if live else None)(run.run_id, live)
    # It has its place from the start: else the pad below would be made anew when the run ends, and
    # what a hand had chosen on it be lost.
    afterwards = st.container()
    if not live:
        with afterwards:
            _afterwards(run)
    st.fragment(guarded(_pad), run_every=PAD_EVERY if live else None)(run.run_id)


def _pad(run_id: str) -> None:
    """The live decoder on the newest weights, with the run's epochs to travel through."""
    run = session.jobs().get(run_id)
    if not run.has_model:
        st.caption("After the first epoch its latent space can be explored here, under your hand.")
        return
    st.markdown("**Its latent space under your hand**, which follows the newest epoch")
    held = session.hand_of(run_id)
    pad_travel.travelling_pad(held, run, key="pad_train", mode="train", live=True, scope="fragment")


def _watch(run_id: str, was_live: bool) -> None:
    run = session.jobs().get(run_id)
    end = time.monotonic() + EVERY
    while run.recording.live and run.recording.last_step is None and time.monotonic() < end:
        time.sleep(0.02)  # the first point is shown when it comes, not at the next look
    _controls(run)
    _figures(run)
    run_canvas(run)
    if run.notice:
        st.warning(run.notice, icon=":material/warning:")
    if was_live and not run.recording.live:
        st.rerun()


def _controls(run: Run) -> None:
    status, mine = run.recording.status, session.owns(run)
    live, waiting = run.recording.live and mine, run.recording.status == "waiting"
    paused = status == "paused"
    steer = live and not waiting
    row = st.container(horizontal=True, vertical_alignment="bottom")

    def button(label: str, icon: str, command: str, on: bool, about: str) -> None:
        row.button(
            label,
            icon=icon,
            disabled=not on,
            help=about,
            width="stretch",
            key=f"{command}_button" if command not in ("pause", "resume") else "pause_button",
            on_click=_send,
            args=(run.run_id, command),
        )

    if paused:
        button("Resume", ":material/play_arrow:", "resume", steer, "Go on")
    else:
        button("Pause", ":material/pause:", "pause", steer, "Wait where it is")
    button("Step", ":material/skip_next:", "step", steer, "One step, then wait")
    button("Epoch", ":material/last_page:", "epoch", steer, "To the end of the epoch, then wait")
    button("Stop", ":material/stop:", "stop", live, "End here and keep what it learned")
    _slider(row, run, "learning_rate", "Learning rate", RATES, steer)
    if family(run.spec.family).variational:
        _slider(row, run, "beta", "Beta", BETAS, steer)


def _slider(place, run: Run, name: str, label: str, choices: list[float], on: bool) -> None:
    key = f"{name}_{run.run_id}"
    start = getattr(run.config, name)
    options = sorted({*choices, start})
    place.select_slider(
        label,
        options,
        start,
        format_func=lambda v: f"{v:g}",
        disabled=not on,
        key=key,
        on_change=lambda: _send(run.run_id, "change", **{name: st.session_state[key]}),
    )


@guarded
def _send(run_id: str, command: str, **values: float) -> None:
    session.jobs().command(session.owner(), run_id, command, **values)


def _figures(run: Run) -> None:
    recording = run.recording
    started, step, epoch = recording.started, recording.last_step, recording.epoch
    # Of one width each, so that none moves when a figure grows.
    row = st.container(horizontal=True)
    last, pca = _newest_error(recording)
    note = None
    if recording.status == "waiting":
        ahead = session.jobs().ahead_of(run)
        note = f"{ahead} before it" if ahead else "for a worker"
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
    row.metric("Epoch", f"{done:.{0 if whole else 1}f} of {total}", width=EPOCHS)
    no_measure = run.spec.latent_dim >= run.spec.data.size  # then PCA keeps everything
    delta = (
        None
        if last is None or pca is None or no_measure
        else f"{shown(last - pca, '+')} against PCA"
    )
    row.metric(
        "Held-out MSE",
        figure(last),
        delta,
        delta_color="inverse",
        width=FIGURE,
        help="Mean squared error per value on examples that training never sees, not clipped.",
    )
    pace = step.images_per_second if step else recording.summary.get("images_per_second")
    row.metric(f"{thing_of(run.spec.data).capitalize()}s a second", figure(pace, 0), width=FIGURE)
    if recording.live and step is not None and started is not None:
        left = step.seconds * (total / max(done, 1e-6) - 1)
        row.metric("Time left", f"{left:,.0f} s", width=FIGURE)
    else:
        seconds = recording.newest.get("seconds")
        row.metric("Training time", figure(seconds, 1, "s"), width=FIGURE)


def _newest_error(recording: Recording) -> tuple[float | None, float | None]:
    """The newest held-out error and PCA's on the same images: a sample, at an epoch's end all."""
    epoch, step = recording.epoch, recording.last_step
    whole = epoch is not None and (step is None or epoch.step >= step.step)
    if recording.probe is None or whole:
        return recording.newest.get("test_mse"), recording.newest.get("pca_mse")
    return recording.probe.heldout_mse, recording.probe.pca_mse


def _afterwards(run: Run) -> None:
    if run.recording.message:
        st.error(run.recording.message, icon=":material/error:")
    _summary(run)
    mine = session.owns(run)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input("Name", run.name, max_chars=60, disabled=not mine, width=320)
    if row.button("Keep name", disabled=not mine or name == run.name, width="stretch"):
        session.jobs().library.rename(session.owner(), run.run_id, name)
        st.rerun()
    if run.has_model:
        row.download_button(
            "Download",
            lambda: session.jobs().library.download(run.run_id),
            icon=":material/download:",
            file_name=f"{run.name}.safetensors",
            width="stretch",
            help="One file: the weights, and a card with everything about the run.",
        )
    if mine and row.button(
        "Train further",
        icon=":material/forward:",
        width="stretch",
        help="Go on with these weights, for as many epochs again as were left or planned.",
    ):
        done = len(run.recording.history)
        more = 0 if done < run.config.epochs else min(run.config.epochs, 1000 - run.config.epochs)
        session.jobs().resume(session.owner(), run.run_id, more)
        st.rerun()
    if row.button("New run", icon=":material/add:", type="primary", width="stretch"):
        session.view_run(None)
        st.rerun()
    if run.has_model:
        links = st.columns(3)
        where = ":material/arrow_forward:"
        links[0].page_link("pages/look/decode.py", label="Drag through its codes", icon=where)
        links[1].page_link(
            "pages/look/reconstructions.py", label="Look at its reconstructions", icon=where
        )
        links[2].page_link("pages/look/latent_space.py", label="See its latent space", icon=where)


def _summary(run: Run) -> None:
    if not run.recording.newest:
        return
    row, k = run.recording.newest, run.spec.latent_dim
    thing = thing_of(run.spec.data)
    parts = [
        f"Held-out MSE **{shown(row['test_mse'])}** beside PCA's "
        f"**{shown(row['pca_mse'])}** at k = {k}"
        + (f" (as many as {thing}s have values: it keeps everything)" * (k >= run.spec.data.size))
        + f"; on training {thing}s {shown(row['train_mse'])}."
    ]
    if "test_nelbo" in row:
        parts.append(
            f"Negative ELBO **{row['test_nelbo']:.1f}** nats an {thing}: reconstruction "
            f"{row['test_reconstruction']:.1f} + KL {row['test_kl']:.1f}; "
            f"{row['test_active_units']:.0f} of {k} dimensions active."
        )
    figures = [(f.sentence, f"test_{f.name}") for f in family(run.spec.family).figures]
    parts += [sentence.format(row[name]) for sentence, name in figures if name in row]
    full = run.config.limit == 0 and 5 <= row["epoch"] <= 15
    for metric, digits in (("nelbo", 0), ("mse", 4)):
        band = expected_band(run.dataset, run.spec, metric) if full else None
        if band is not None:
            parts.append(f"{metric.upper()}: {band_text(band, digits)} for this model.")
    st.markdown(" ".join(parts))
    started = run.recording.started
    mean_mse = started.mean_test_mse if started else float("inf")
    for finding in diagnose(run.spec, run.recording.history, mean_mse):
        st.info(finding, icon=":material/lightbulb:")
