"""A compressed file on its page: opened or one's own newest, its examples and their errors."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
import streamlit as st

from aecore.errors import AecoreError
from aecore.evaluation.metrics import shown as shown_error
from aecore.figures.chart import Pictures
from aecore.figures.examples import kind_of, thing_of
from aecore.jobs import file_views
from aecore.jobs.file_views import ReadBack
from aecore.lab.code_file import MOST_BYTES
from aecore.lab.experiment import Experiment
from aecore.lab.outcome import File
from aecore.lab.record import try_outcome
from aecore.lab.registry import experiment
from aecore.lab.taking_out import picture
from pages.components.chart_view import sketch_view
from pages.components.drawing import drawing
from pages.lab import choosing
from pages.lab.choosing import LAB, Shown
from pages.shell.computing import apart
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain, say
from pages.shell.session import Hand

EXPERIMENT = "compress"
_STYLE = (
    "<style>.drawing{min-height:0!important}.rb{display:grid;gap:10px;"
    "grid-template-columns:repeat(8,minmax(0,84px))}.rb figure{margin:0}"
    "@media(max-width:820px){.rb{grid-template-columns:repeat(4,minmax(0,84px))}}"
    ".rb img{width:100%;display:block;image-rendering:pixelated}"
    ".rb figcaption{font-size:13px;line-height:1.4;font-variant-numeric:tabular-nums}</style>"
)


def show(held: Hand) -> None:
    """The file on the left, what comes back on the right."""
    left, right = st.columns([2, 5], gap="large")
    with left:
        content, whose = _chosen()
    with right:
        if content is None:
            _nothing_yet(experiment(EXPERIMENT))
            return
        try:
            found = apart(file_views.read_back, held.in_hand, content)
        except AecoreError as error:
            say(error)
            return
        _examples(found)
    with left:
        _said(found, whose)


def _chosen() -> tuple[bytes | None, str]:
    """The bytes of a file that was opened, else of the result in view; and which it is."""
    opened = st.file_uploader(
        "A compressed file", max_upload_size=MOST_BYTES >> 20, key="read_back_file"
    )
    if opened is not None:
        if opened.size > MOST_BYTES:
            st.error(own(f"Such a file has at most {MOST_BYTES / 1e6:.0f} MB."))
            return None, ""
        return opened.getvalue(), "The file that you opened"
    file = _written()
    return (None, "") if file is None else (file.content, "The file of this result")


def _written() -> File | None:
    """What the result in view wrote, else one's own newest."""
    one = experiment(EXPERIMENT)
    shown = choosing.in_view(one) or choosing.latest(one)
    if shown is None:
        return None
    outcome, wrong = try_outcome(shown.record)
    return None if wrong else next(iter(outcome.files), None)


def _nothing_yet(one: Experiment) -> None:
    picture_place, words = st.columns([1, 3], vertical_alignment="center", gap="large")
    with picture_place:
        sketch_view(one.sketch(), "read_back_sketch")
    words.markdown(
        "**No file yet.** Compress writes one: run it, and it is read back here; or open one that "
        "you took from there."
    )


def _examples(found: ReadBack) -> None:
    """The first ones, above the originals where these are here, with what each errs."""
    thing = thing_of(found.spec)
    if kind_of(found.spec) != "image" or not found.spec.bounded:
        st.info(own(f"Each {thing} came back; they are no pictures, so their error says it all."))
        return
    figures = []
    for i, x_hat in enumerate(found.x_hat):
        rows = [x_hat] if found.x is None else [x_hat, found.x[i]]
        images = np.stack(rows)[:, None].clip(0, 1)
        content = base64.b64encode(picture(Pictures("one", "", images))).decode()
        said = "" if found.errors is None else f"{found.errors[i]:.4f}"
        name = escape(f"Held-out {thing} {i}, from the file, error {said}", quote=True)
        figures.append(
            f'<figure><img alt="{name}" src="data:image/png;base64,{content}">'
            f"<figcaption>{said}</figcaption></figure>"
        )
    drawing(f'{_STYLE}<div class="rb">{"".join(figures)}</div>', "read_back_pictures")
    beneath = "" if found.x is None else f", above; beneath it the held-out {thing}"
    unit = "" if found.errors is None else ", and the squared error per value"
    st.caption(own(f"What comes back{beneath}{unit}."))


def _said(found: ReadBack, whose: str) -> None:
    """How large it is, what it errs, by whom it was decoded."""
    thing = thing_of(found.spec)
    sizes = st.container(horizontal=True)
    sizes.metric("Bytes", own(f"{found.size:,}"), width="content")
    sizes.metric(own(f"An {thing}"), own(f"{found.size / found.n:.1f} bytes"), width="content")
    if found.errors is not None:
        error = shown_error(float(found.errors.mean()))
        sizes.metric(own(f"Error, {found.n:,} held out"), own(error), width="content")
    else:
        st.caption("The originals are not here, so nobody can say what it errs.")
    tables = found.size - found.codes
    st.caption(
        own(
            f"{whose}: {found.n:,} {thing}s in {found.codes:,} bytes of codes and {tables:,} of "
            f"tables, decoded by **{plain(found.model)}**."
        )
    )


def take(shown: Shown, files: tuple[File, ...]) -> None:
    """Beneath a result of one's own: each file that it wrote, and the way to read it back."""
    if not shown.mine:
        return
    for file in files:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.download_button(
            own(file.title),
            file.content,
            file_name=file.name,
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            key=f"lab_file_{file.name.partition('.')[0]}",
        )
        row.caption(own(file.says))


def link() -> None:
    """The way to the experiment that writes such files."""
    st.page_link(
        file_of("experiment"),
        label="Bits against error, beside picture formats: Compress",
        icon=":material/compress:",
        query_params={LAB: EXPERIMENT},
    )


EXPLAINED = (
    "**The file** holds the codes of held-out examples, each number rounded, through a range coder "
    "that spends fewest bits on what is likeliest, and the tables that tell what is likely and "
    "what each value stands for. It is no program and holds none; what does not fit is refused.\n\n"
    "**The decoder is not in it.** It is the model's own, its weights rounded to eight bits as "
    "Compress counts them, and only the model that wrote the codes can read them: the file says "
    "which by a hash of its weights. It is looked for in the model in hand and among those that "
    "ship. On the command line: "
    "`aecore read-back compressed.safetensors --model model.safetensors`.\n\n"
    "**The error** is the mean squared difference to the held-out originals, per value, where the "
    "data that it was written from are here."
)
