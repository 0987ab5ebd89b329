"""The beginning of the Check-up page: bring a file, and have it read and understood."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from aecore import datasets
from aecore.errors import AecoreError
from aecore.inspection import checkup
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.limits import MAX_FILE_BYTES
from aecore.inspection.files.reading import warm
from pages.check import check_by_hand, check_keeping
from pages.check.check_turn import in_turn
from pages.components.own_data import mine
from pages.components.plain_text import plain

TYPES = ["pt", "pth", "ckpt", "bin", "safetensors", "pt2", "onnx"]
AUTOMATIC = "automatic"
_SEEN, _FAILED = "check_seen", "check_failed"


@dataclass(frozen=True)
class Failure:
    """Why a file could not be understood; contents: its tensors, where it could be read."""

    sentence: str
    contents: Contents | None
    name: str
    dataset: str | None


def bring() -> Failure | None:
    """The place where files are dropped. Returns why the one that lies there is not in hand."""
    left, right = st.columns([3, 1], gap="medium")
    files = left.file_uploader(
        "A checkpoint, or an encoder and a decoder in two files",
        TYPES,
        accept_multiple_files=True,
        max_upload_size=MAX_FILE_BYTES >> 20,
        key="check_files",
    )
    names = [AUTOMATIC, *(s.name for s in datasets.all_sources().values() if s.ready()), *mine()]
    dataset = right.selectbox(
        "Trained on",
        names,
        key="check_data",
        format_func=_title,
        help="Which data it is tried on. Automatic takes those whose size fits, and tries.",
    )
    if not files:
        warm()
        st.session_state.pop(_SEEN, None)
        st.session_state.pop(_FAILED, None)
        return None
    seen = (tuple(f.file_id for f in files), dataset)
    if st.session_state.get(_SEEN) != seen:
        st.session_state[_SEEN] = seen
        st.session_state.pop(_FAILED, None)
        _open([(f.getvalue(), f.name) for f in files], None if dataset == AUTOMATIC else dataset)
    failure: Failure | None = st.session_state.get(_FAILED)
    if failure is not None:
        _show(failure)
    return failure


def _title(name: str) -> str:
    return "find out" if name == AUTOMATIC else datasets.source(name).title


def _open(files: list[tuple[bytes, str]], dataset: str | None) -> None:
    """Read the files, understand what they hold, and take it in hand."""
    name = " and ".join(name for _, name in files)[:80]
    contents: Contents | None = None
    try:
        with st.spinner("Reading the file in a confined process …"):
            contents = read = checkup.open_contents(files)
        if read.card is not None:
            found = checkup.own(files[0][0])
        else:
            data = None if dataset is None else datasets.load(dataset)
            found = in_turn(
                lambda tell: checkup.open_as(read, data, name, tell), "Understanding it …"
            )
    except AecoreError as error:
        st.session_state[_FAILED] = Failure(str(error), contents, name, dataset)
        return
    check_keeping.take(found)
    st.rerun()


def _show(failure: Failure) -> None:
    st.error(plain(failure.sentence), icon=":material/report:")
    if failure.contents is None:
        return
    with st.expander("Describe it by hand", icon=":material/edit_note:", expanded=True):
        st.markdown(
            "The tensors are there; only how they join is not clear. Write one layer a line; each "
            "takes the next tensors of the file that have its shapes."
        )
        dataset = failure.dataset or "mnist"
        found = check_by_hand.form(failure.contents, failure.name, dataset)
    if found is not None:
        check_keeping.take(found)
        st.session_state.pop(_FAILED, None)
        st.rerun()
