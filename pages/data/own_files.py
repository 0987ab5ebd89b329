"""A person's own data: choose a file, see what becomes of it, keep it, delete it again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from aecore import datasets
from aecore.datasets.limits import MAX_UPLOAD
from aecore.datasets.own.apart import Preview, columns_of, look_at, read
from aecore.datasets.own.images import SIZES
from aecore.datasets.own.kept_file import size_of
from aecore.datasets.own.store import MOST_OWN, MOST_OWN_BYTES, delete, keep_for, own_folder
from aecore.errors import AecoreError, DatasetError
from pages.components.in_turn import in_turn
from pages.components.own_data import PERMISSION, mine
from pages.data.gallery import badges, counts, examples, notes, train_on
from pages.shell import session
from pages.shell.plain_text import plain

TYPES = ["zip", "npz", "csv", "tsv", "txt"]
GUESS = "automatic"
MISSING = {"auto": GUESS, "drop": "leave the row out", "mean": "fill in the mean"}
READING = "Reading your data …"
# What was found in files, of all sessions; whole data are never among it.
KEPT_BYTES = 64 << 20
KEPT = 256
_lock = threading.Lock()
_found: OrderedDict[tuple, Any] = OrderedDict()  # the latest used last


def uploader() -> None:
    """A file, its preview, and the button that keeps it."""
    file = st.file_uploader(
        "A zip of images, an .npz of arrays, or a table as .csv, .tsv or .txt",
        TYPES,
        max_upload_size=MAX_UPLOAD >> 20,
        key="own_file",
    )
    if file is None:
        st.caption(
            "Folders in the zip are taken as classes; arrays are called x, and y for labels; a "
            f"table has one example a row. {PERMISSION}"
        )
        return
    content = file.getvalue()
    try:
        _preview(file.name, content, _digest(file.file_id, content))
    except AecoreError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        st.error(f"The file could not be read ({plain(error.strerror)}); choose it again.")


def _preview(name: str, content: bytes, digest: str) -> None:
    left, right = st.columns([3, 2], gap="large")
    suffix = Path(name).suffix.lower()
    with right:
        st.subheader(plain(name[:60]), anchor=False)
        choices = _choices(suffix, content, digest)
    who = session.owner()
    with left:
        found = _remembered(
            (digest, name, *choices.values()),
            lambda tell, place: look_at(name, content, choices, who=who, tell=tell, place=place),
        )
    data = found.own.dataset
    with right:
        with st.container(horizontal=True, gap="small"):
            badges(data.spec)
        counts(data, found.train, found.test)
        if st.button(
            "Keep it and train",
            icon=":material/model_training:",
            type="primary",
            width="stretch",
            key="keep_own",
        ):
            own = in_turn(
                lambda tell, place: read(name, content, choices, who=who, tell=tell, place=place),
                READING,
            )
            train_on(keep_for(own_folder(), own, who))
        st.caption(f"Nothing is kept before you press this. {PERMISSION}")
    with left:
        examples(data, found.train, "preview")
        notes(found.own.notes)
        if data.class_names:
            names = ", ".join(data.class_names[:20])
            more = " …" if len(data.class_names) > 20 else ""
            st.caption(f"Classes: {plain(names)}{more}")


def _choices(suffix: str, content: bytes, digest: str) -> dict[str, Any]:
    """What matters for this kind of file, as arguments of `read_upload`."""
    key = digest[:12]
    if suffix == ".zip":
        size = st.pills(
            "Size in pixels",
            [GUESS, *SIZES],
            default=GUESS,
            required=True,
            key=f"size_{key}",
            help="Every image is made a square of this side; found from the images otherwise.",
        )
        return {"size": None if size in (GUESS, None) else size}
    if suffix == ".npz":
        kind = st.segmented_control(
            "Each example is",
            [GUESS, "image", "signal", "table"],
            default=GUESS,
            required=True,
            key=f"kind_{key}",
            help="Rows of numbers can be a signal or the columns of a table.",
        )
        return {"kind": None if kind in (GUESS, None) else kind}
    if suffix not in (".csv", ".tsv", ".txt"):
        return {}
    who = session.owner()
    columns = _remembered(
        (digest, "columns"),
        lambda tell, place: columns_of(content, who=who, place=place),
    )
    places = st.columns(2)
    label = places[0].selectbox(
        "Column of the classes",
        [None, "", *dict.fromkeys(columns)],
        key=f"label_{key}",
        format_func=lambda c: GUESS if c is None else "no column" if c == "" else c,
        help="The class is not trained on; it colours the points of the latent map.",
    )
    missing = places[1].selectbox(
        "Missing values",
        list(MISSING),
        key=f"missing_{key}",
        format_func=MISSING.__getitem__,
        help="Automatic: up to a fifth of the rows is left out; beyond that, means are filled in.",
    )
    return {"label": label, "missing": missing}


def _digest(file_id: str, content: bytes) -> str:
    """The content's SHA-256, taken once a file."""
    known = st.session_state.get("own_digest")
    if known is None or known[0] != file_id:
        known = st.session_state["own_digest"] = file_id, hashlib.sha256(content).hexdigest()
    return known[1]


def _remembered(key: tuple, work: Callable) -> Any:
    """What was found before, by content and choices, or now; refusals are kept as well."""
    with _lock:
        found = _found.get(key)
        if found is not None:
            _found.move_to_end(key)
    if found is None:
        try:
            found = in_turn(work, READING, ("own", key))
        except DatasetError as error:
            found = str(error)
        with _lock:
            _found[key] = found
            while len(_found) > KEPT or (
                len(_found) > 1 and sum(map(_bytes, _found.values())) > KEPT_BYTES
            ):
                _found.popitem(last=False)
    if isinstance(found, str):
        raise DatasetError(found)
    return found


def _bytes(found: Any) -> int:
    if isinstance(found, Preview):
        return size_of(found.own.dataset)
    return sum(map(len, found))


def kept() -> None:
    """The data that this browser keeps; each can be trained on or deleted."""
    names = mine()
    st.subheader("Kept by this browser", anchor=False)
    if not names:
        st.caption(
            f"Nothing yet; up to {MOST_OWN} datasets and {MOST_OWN_BYTES >> 20:,} MB are kept for "
            "each browser."
        )
    for name in names:
        with st.container(
            horizontal=True, border=True, vertical_alignment="center", horizontal_alignment="left"
        ):
            _row(name)


def _row(name: str) -> None:
    try:
        found = datasets.source(name)
        st.markdown(f"**{plain(found.title)}** · {plain(found.about)}", width="stretch")
        if st.button("Train on it", icon=":material/model_training:", key=f"train_kept_{name}"):
            train_on(name)
    except DatasetError as error:
        st.markdown(plain(str(error)), width="stretch")
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Runs trained on these data stay, but can no longer be looked at beside them.")
        if st.button("Delete for good", type="primary", key=f"delete_{name}"):
            delete(own_folder(), name, session.owner())
            if st.query_params.get("dataset") == name:
                st.query_params.pop("dataset")
            st.rerun()
