"""The beginning of the Check-up page: bring a file, and have it read and understood."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from aecore import datasets
from aecore.errors import AecoreError
from aecore.inspection import apart
from aecore.inspection.apart import NotUnderstoodError, Source
from aecore.inspection.files.limits import MAX_FILE_BYTES
from pages.check import check_by_hand, check_keeping
from pages.components.in_turn import in_turn
from pages.components.own_data import mine
from pages.shell import session
from pages.shell.plain_text import plain

TYPES = ["pt", "pth", "ckpt", "bin", "safetensors", "pt2", "onnx"]
AUTOMATIC = "automatic"
_SEEN, _FAILED = "check_seen", "check_failed"


@dataclass(frozen=True)
class Failure:
    """Why a file could not be understood; source: its tensors, where it could be read."""

    sentence: str
    source: Source | None
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
        apart.warm()
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
    """Have the files read and understood, and take what they hold in hand."""
    try:
        data = None if dataset is None else datasets.load(dataset)
        found = in_turn(
            lambda tell, place: apart.open_files(
                files, data, who=session.owner(), tell=tell, place=place
            ),
            "Reading the file in a confined process …",
        )
    except AecoreError as error:
        source = error.source if isinstance(error, NotUnderstoodError) else None
        st.session_state[_FAILED] = Failure(str(error), source, dataset)
        return
    check_keeping.take(found)
    st.rerun()


def _show(failure: Failure) -> None:
    st.error(plain(failure.sentence), icon=":material/report:")
    if failure.source is None:
        return
    with st.expander("Describe it by hand", icon=":material/edit_note:", expanded=True):
        st.markdown(
            "The tensors are there; only how they join is not clear. Write one layer a line; each "
            "takes the next tensors of the file that have its shapes."
        )
        dataset = failure.dataset or "mnist"
        found = check_by_hand.form(failure.source, dataset)
    if found is not None:
        check_keeping.take(found)
        st.session_state.pop(_FAILED, None)
        st.rerun()
