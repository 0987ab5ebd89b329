"""The first half of the Check-up page: bring a file, see how it was read, read it otherwise."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import streamlit as st

from aecore import datasets
from aecore.errors import AecoreError, InspectionError
from aecore.inspection import checkup
from aecore.inspection.checkup import Opened
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.limits import MAX_FILE_BYTES
from aecore.inspection.files.reading import warm
from aecore.runs.checkpoints import Card
from pages.components.own_data import mine
from pages.components.plain_text import plain
from pages.shell import session
from pages.shell.session import Hand

TYPES = ["pt", "pth", "ckpt", "bin", "safetensors", "pt2", "onnx"]
AUTOMATIC = "automatic"
_KEPT = 24
# Understanding a file takes seconds of both cores: one at a time leaves the pages of others quick.
_turn = threading.BoundedSemaphore(1)
_WAIT = 90
_lock = threading.Lock()
_opened: OrderedDict[str, Opened] = OrderedDict()  # by run, for reading them otherwise
_SEEN, _FAILED = "check_seen", "check_failed"


def bring() -> str | None:
    """The place where files are dropped. Returns the sentence why they could not be understood."""
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
    failed = st.session_state.get(_FAILED)
    if failed is not None:
        _show_failure(*failed)
        return failed[0]
    return None


def _title(name: str) -> str:
    return "find out" if name == AUTOMATIC else datasets.source(name).title


def in_turn(work: Callable[[Any], Any], first: str) -> Any:
    """Do something long with a progress bar, one session at a time. work takes progress(share,
    what)."""
    bar = st.progress(0.0, text=first)
    if not _turn.acquire(timeout=_WAIT):
        bar.empty()
        raise InspectionError("The server checks other people's files now; try again in a minute.")
    try:
        return work(
            lambda share, what: bar.progress(min(share, 1.0), text=f"{what[0].upper()}{what[1:]} …")
        )
    finally:
        _turn.release()
        bar.empty()


def _open(files: list[tuple[bytes, str]], dataset: str | None) -> None:
    """Read the files, keep what they hold as a run of this browser, and take it in hand."""
    name = " and ".join(name for _, name in files)[:80]
    contents: Contents | None = None
    try:
        with st.spinner("Reading the file in a confined process …"):
            contents = checkup.open_contents(files)
        if contents.card is not None:
            found = checkup.own(files[0][0])
        else:
            found = in_turn(
                lambda tell: checkup.open_as(contents, dataset, name, tell), "Understanding it …"
            )
        _keep(found)
    except AecoreError as error:
        st.session_state[_FAILED] = (str(error), contents, name, dataset)
        return
    st.rerun()


def _keep(found: Opened) -> None:
    run = session.jobs().library.upload(session.owner(), found.card.name, found.to_bytes())
    _remember(run.run_id, found)
    session.take_in_hand(run.run_id)


def _remember(run_id: str, found: Opened) -> None:
    with _lock:
        _opened[run_id] = found
        _opened.move_to_end(run_id)
        while len(_opened) > _KEPT:
            _opened.popitem(last=False)


def _show_failure(sentence: str, contents: Contents | None, name: str, dataset: str | None) -> None:
    st.error(plain(sentence), icon=":material/report:")
    if contents is None:
        return
    with st.expander("Describe it by hand", icon=":material/edit_note:", expanded=True):
        st.markdown(
            "The tensors are there; only how they join is not clear. Write one layer a line; each "
            "takes the next tensors of the file that have its shapes."
        )
        left, right = st.columns([2, 1], gap="large")
        with left:
            _hand_form(contents, name, dataset or "mnist", None, (), (), 16, False)
        with right:
            _tensors(contents.tensors)


def _tensors(tensors: dict) -> None:
    rows = {
        "tensor": list(tensors),
        "shape": [" × ".join(map(str, t.shape)) for t in tensors.values()],
    }
    st.dataframe(rows, hide_index=True, height=330)


def _hand_form(
    contents: Contents,
    name: str,
    dataset: str,
    run_id: str | None,
    encoder: tuple[str, ...],
    decoder: tuple[str, ...],
    latent_dim: int,
    variational: bool,
) -> None:
    key = hashlib.sha256(f"{run_id}{name}".encode()).hexdigest()[:10]
    with st.form(f"hand_{key}", border=False):
        cells = st.columns(2)
        lines = [
            cell.text_area(
                title,
                "\n".join(given),
                height=230,
                key=f"hand_{title}_{key}",
                placeholder="Flatten()\nLinear(784, 128)\nReLU()\nLinear(128, 16)"
                if title == "Encoder"
                else "Linear(16, 128)\nReLU()\nLinear(128, 784)\nSigmoid()",
            ).splitlines()
            for cell, title, given in zip(
                cells, ("Encoder", "Decoder"), (encoder, decoder), strict=True
            )
        ]
        cells = st.columns([1, 1, 1], vertical_alignment="bottom")
        k = cells[0].number_input("Latent numbers", 1, 4096, latent_dim, key=f"hand_k_{key}")
        vae = cells[1].toggle("Gives mu, then logvar", variational, key=f"hand_vae_{key}")
        if not cells[2].form_submit_button("Read it so", type="primary", width="stretch"):
            return
    found = checkup.by_hand(contents, dataset, name, *lines, int(k), vae)
    if run_id is None:
        _keep(found)
        st.session_state.pop(_FAILED, None)
    else:
        _replace(run_id, found)
    st.rerun()


def _replace(run_id: str, found: Opened) -> None:
    session.jobs().library.reread(session.owner(), run_id, found.to_bytes())
    _remember(run_id, found)


# How the model in hand was read ----------------------------------------------------------------


def how_it_was_read(held: Hand) -> None:
    """For a model from somebody's file: its reading, the rivals, and ways to overrule."""
    origin = held.card.origin
    if not origin:
        return
    sure = bool(origin.get("sure")) or bool(origin.get("by_hand"))
    icon = ":material/check_circle:" if sure else ":material/help_center:"
    title = "How the file was read" + ("" if sure else ": part of it is a guess")
    with st.expander(title, icon=icon):
        st.markdown(_about(origin))
        left, right = st.columns(2, gap="large")
        options = held.card.spec.options
        for cell, half in ((left, "encoder"), (right, "decoder")):
            cell.markdown(f"**{half.capitalize()}**")
            cell.code("\n".join(options.get(half, ())), language=None)
        _ranking(held, origin)
        _by_hand_again(held)


def _about(origin: dict[str, Any]) -> str:
    tensors = len(origin.get("tensors", []))
    unused = origin.get("unused", [])
    parts = [
        f"**{plain(str(origin.get('file', 'a file')))}** · {plain(str(origin.get('form', '')))} · "
        f"{tensors} tensors, "
        + ("all used" if not unused else f"{len(unused)} not used: {plain(', '.join(unused[:6]))}")
    ]
    parts += [plain(str(n)) for n in origin.get("notes", [])]
    if origin.get("by_hand"):
        parts.append("Described by hand.")
    parts += [f":material/help: {plain(str(d))}" for d in origin.get("doubts", [])]
    facts = origin.get("facts") or {}
    if facts:
        said = ", ".join(f"{k}: {v}" for k, v in list(facts.items())[:8])
        parts.append(f"The file says: {plain(said)}")
    return "  \n".join(parts)


def _ranking(held: Hand, origin: dict[str, Any]) -> None:
    ranked = origin.get("ranking") or []
    if not ranked:
        return
    names = list(dict.fromkeys(k for row in ranked for k in row["words"]))
    rows = [
        {
            "": "taken" if i == origin.get("chosen") else str(i + 1),
            "error": row["error"],
            **{n: row["words"].get(n, "") for n in names},
        }
        for i, row in enumerate(ranked)
    ]
    st.markdown("**Readings that were tried**, the likeliest first")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"error": st.column_config.NumberColumn("held-out MSE", format="%.5f")},
    )
    found = _opened.get(held.ref)
    if found is None or found.reading is None or not session.owns(session.jobs().get(held.ref)):
        st.caption("To read it otherwise, drop in the file again.")
        return
    cells = st.columns([3, 1], vertical_alignment="bottom")
    most = min(len(ranked), len(found.reading.candidates))
    chosen = cells[0].selectbox(
        "Take another reading",
        range(most),
        index=int(origin.get("chosen", 0)),
        format_func=lambda i: (
            f"{i + 1}: " + "; ".join(f"{k} {v}" for k, v in ranked[i]["words"].items())
        ),
        key=f"overrule_{held.ref}_{held.version}",
    )
    if cells[1].button(
        "Read it so",
        width="stretch",
        disabled=chosen == origin.get("chosen"),
        key=f"overrule_go_{held.ref}",
    ):
        _replace(held.ref, checkup.overrule(found, chosen))
        st.rerun()


def _by_hand_again(held: Hand) -> None:
    found = _opened.get(held.ref)
    if found is None or found.contents is None or found.contents.operations is not None:
        return
    if not session.owns(session.jobs().get(held.ref)):
        return
    if not st.toggle("Describe it by hand", key=f"by_hand_{held.ref}"):
        return
    card: Card = held.card
    options = card.spec.options
    left, right = st.columns([2, 1], gap="large")
    with left:
        _hand_form(
            found.contents,
            card.origin.get("file", card.name),
            card.dataset,
            held.ref,
            options.get("encoder", ()),
            options.get("decoder", ()),
            card.spec.latent_dim,
            held.model.variational,
        )
    with right:
        _tensors(found.contents.tensors)
