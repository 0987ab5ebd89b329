"""The pieces of the Take out page: a card or a row for each way out."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.errors import AecoreError
from aecore.export.registry import Way, all_ways
from aecore.export.subject import TakenOut
from aecore.jobs import views
from aecore.runs import checkpoints
from aecore.runs.run import ID_PATTERN
from pages.check.take_out_pictures import THUMBNAILS
from pages.components import pad_data
from pages.components.drawing import drawing
from pages.components.previews import EMPTY, preview_of
from pages.shell import access, session
from pages.shell.computing import apart
from pages.shell.kept import kept
from pages.shell.layout import guarded
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

EXPORTS = 64 << 20  # bytes of exports that are kept for all sessions
AT_ONCE = 1.0  # s; what takes less is made without asking


def cards(held: Hand) -> None:
    """The ways out that one sees something of, side by side, each with a picture of what one
    gets."""
    glance, begun = preview_of(held.ref)
    ways = [way for way in all_ways().values() if way.name in THUMBNAILS]
    for place, way in zip(st.columns(len(ways)), ways, strict=True):
        with place.container(border=True, height="stretch"):
            picture = THUMBNAILS[way.name](glance or EMPTY)
            drawing(picture, key=f"thumbnail_{way.name}")
            _way(held, way, True)
    if glance is None and begun:
        st.fragment(_again, run_every=1.0)(held.ref)


def _again(ref: str) -> None:
    """For a fragment: run the page again when the pictures are there."""
    if preview_of(ref)[0] is not None:
        st.rerun()


def rows(held: Hand) -> None:
    """The other ways, for those who go on by themselves."""
    for way in all_ways().values():
        if way.name not in THUMBNAILS:
            with st.container(border=True):
                _way(held, way, False)


@st.fragment
@guarded
def _way(held: Hand, way: Way, as_card: bool) -> None:
    if as_card:
        text = action = st.container()
    else:
        text, action = st.columns([3.2, 1], vertical_alignment="center", gap="medium")
    text.markdown(own(f"**{way.icon} {way.title}**  \n{way.about} {way.wanted_by}"))
    status = text.empty()
    label = _choose_label(held, way, action)
    asked = f"take_out_{way.name}_{held.key}_{label}"
    if way.seconds > AT_ONCE and not st.session_state.get(asked):
        place, single = action.empty(), action.empty()
        _single_files(single, way, None)
        if not _prepare(place, way, "prepare"):
            status.caption(
                f"Made and opened again when you ask, in about {way.seconds:g}\N{NO-BREAK SPACE}s."
            )
            return
        _prepare(place, way, "preparing", disabled=True)
        with status, st.spinner("Being made and opened again …", show_time=True):
            made = _made(held, _name_of(held), way.name, label, _address(held, way))
        st.session_state[asked] = True
    else:
        place, single = action.empty(), action.empty()
        made = _made(held, _name_of(held), way.name, label, _address(held, way))
    if isinstance(made, str):
        status.caption(f":material/block: {plain(made)}")
        place.button("Not offered", disabled=True, width="stretch", key=f"refused_{way.name}")
        return
    took = f", in {made.seconds:.1f} s" if made.seconds >= 1 else ""
    # A figure such as 1e-7 is not to be broken at its hyphen.
    checked = made.checked[0].upper() + made.checked[1:].replace("e-", "e\N{NON-BREAKING HYPHEN}")
    status.caption(f":material/verified: {plain(checked)}{took}.")
    size = sum(map(len, made.parts.values())) / 1e6
    place.download_button(
        "Download",
        lambda: made.content,
        file_name=made.file_name,
        icon=":material/download:",
        type="primary",
        width="stretch",
        on_click="ignore",
        key=f"download_{way.name}",
        help=f"{plain(made.file_name)}, {size:.1f} MB" + " unpacked" * way.several,
    )
    _single_files(single, way, made)


def _prepare(place: DeltaGenerator, way: Way, key: str, disabled: bool = False) -> bool:
    return place.button(
        "Prepare", icon=way.icon, width="stretch", key=f"{key}_{way.name}", disabled=disabled
    )


def _single_files(place: DeltaGenerator, way: Way, made: TakenOut | None) -> None:
    """The files of an export one by one; its place is kept while there are none."""
    if not way.several:
        return
    with place.popover("Single files", disabled=made is None, width="stretch", type="tertiary"):
        for name, content in (made.parts if made else {}).items():
            st.download_button(
                plain(name),
                content,
                file_name=name,
                type="tertiary",
                on_click="ignore",
                icon=":material/draft:",
                key=f"part_{way.name}_{name}",
            )


def _choose_label(held: Hand, way: Way, place: DeltaGenerator) -> int | None:
    """What a conditional model is told, where a file can only hold it told."""
    if not (way.per_label and held.model.conditional):
        return None
    names = held.data.class_names
    return place.selectbox(
        "Told",
        range(len(names)),
        format_func=lambda i: names[i],
        key=f"take_label_{held.ref}",
        help="The file holds the model as it is when it is told this label.",
    )


def _name_of(held: Hand) -> str:
    """The name it has now; a card keeps the one that a run began with."""
    return session.title_of(held.ref)


def _address(held: Hand, way: Way) -> str:
    """Where whoever holds the printed page finds the model, or at least the app; "" for nowhere
    that another computer could reach."""
    if not way.shows_address:
        return ""
    parts = urlsplit(st.context.url or "")
    if parts.hostname in (None, "localhost", "127.0.0.1", "::1"):
        return ""
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rpartition("/")[0], "", ""))
    if not ID_PATTERN.fullmatch(held.ref):
        return (
            f"{base}/decode?{session.MODEL}={held.ref}"
            if held.ref in checkpoints.shipped()
            else base
        )
    token = access.run_of(held.ref).watch
    return f"{base}/decode?{access.WATCH}={token}" if token else base


@kept(most_bytes=EXPORTS)
def _made(held: Hand, name: str, way: str, label: int | None, address: str) -> TakenOut | str:
    """An export, or the sentence that it is refused with."""
    told = held if label is None else pad_data.told(held, label)
    try:
        return apart(views.taken_out, told.in_hand, name, way, address)
    except AecoreError as error:
        return str(error)
