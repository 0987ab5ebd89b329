"""The beginning of the Check-up page: bring a file, and have it read and understood."""

from __future__ import annotations

import hashlib

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore import datasets
from aecore.datasets.own.store import is_own
from aecore.errors import AecoreError
from aecore.inspection import apart
from aecore.inspection.files.limits import MAX_FILE_BYTES
from pages.check import check_keeping, check_refused
from pages.check.check_refused import Failure
from pages.components.in_turn import in_turn
from pages.components.own_data import mine
from pages.shell import session

AUTOMATIC = "automatic"
_SEEN, _FAILED, _SAID = "check_seen", "check_failed", "check_said"


def bring(told: DeltaGenerator) -> Failure | None:
    """The place where files are dropped. Returns why what lies there is not in hand.

    told: where it is told how the reading goes.
    """
    files = st.file_uploader(
        "A checkpoint, or an encoder and a decoder in two files",
        accept_multiple_files=True,
        max_upload_size=MAX_FILE_BYTES >> 20,
        key="check_files",
        help="Read: .pt, .pth, .ckpt, .safetensors, .pt2 and .onnx. Of files of other programs "
        "(Keras, TFLite, scikit-learn …) it says how their weights come over.",
    )
    names = [AUTOMATIC, *(s.name for s in datasets.all_sources().values() if s.ready()), *mine()]
    dataset = st.selectbox(
        "Trained on",
        names,
        key="check_data",
        format_func=_title,
        help="Which data it is tried on. Automatic takes those whose size fits, and tries.",
    )
    if not files:
        apart.warm()
        for key in (_SEEN, _FAILED, _SAID):
            st.session_state.pop(key, None)
        return None
    ids = tuple(f.file_id for f in files)
    if st.session_state.get(_SAID, {}).get("of") != ids:
        st.session_state[_SAID] = {"of": ids, "rows": list(range(len(files))), "together": False}
    said = st.session_state[_SAID]
    seen = (ids, dataset, tuple(said["rows"]), said["together"])
    if st.session_state.get(_SEEN) != seen:
        st.session_state[_SEEN] = seen
        st.session_state.pop(_FAILED, None)
        meant = [(files[i].getvalue(), files[i].name) for i in said["rows"]]
        with told:
            _open(meant, None if dataset == AUTOMATIC else dataset, said["together"])
    return st.session_state.get(_FAILED)


def _title(name: str) -> str:
    return "find out" if name == AUTOMATIC else datasets.source(name).title


def _open(files: list[tuple[bytes, str]], dataset: str | None, together: bool) -> None:
    """Have the files read and understood, and take what they hold in hand."""
    try:
        data = None if dataset is None else datasets.load(dataset)
        digests = tuple(hashlib.sha256(content).digest() for content, _ in files)
        names = tuple(name for _, name in files)
        who = session.owner()
        whose = who if data is not None and is_own(data.name) else ""
        found = in_turn(
            lambda tell, place: apart.open_files(
                files, data, together=together, who=who, tell=tell, place=place
            ),
            "Reading the file in a confined process …",
            # Names too: they say something about the network, and one's own is nobody else's.
            ("opened", digests, names, None if data is None else data.fingerprint, together, whose),
        )
    except AecoreError as error:
        st.session_state[_FAILED] = Failure.of(error, dataset)
        return
    check_keeping.take(found)
    st.rerun()


def refused(failure: Failure) -> None:
    """Why the files are not in hand, or the question which of them is meant."""
    if failure.which:
        names = [f.name for f in st.session_state["check_files"]]
        chosen = check_refused.ask(failure.sentence, names)
        if chosen is not None:
            rows, together = chosen
            st.session_state[_SAID] |= {"rows": rows, "together": together}
            st.rerun()
        return
    check_refused.said(failure)


def ways_on(failure: Failure) -> None:
    """A network that is described by hand instead."""
    found = check_refused.ways_on(failure)
    if found is not None:
        check_keeping.take(found)
        st.session_state.pop(_FAILED, None)
        st.rerun()
