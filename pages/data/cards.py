"""The datasets as cards, each with a mosaic of its examples; and what PCA keeps of one."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from aecore import datasets
from aecore.byte_cache import ByteCache
from aecore.datasets import Source
from aecore.errors import AecoreError
from aecore.figures.examples import thing_of
from aecore.figures.mosaic import TwoNumbers
from aecore.figures.preview import in_address
from aecore.jobs import views
from aecore.pad.browser_code import joined
from aecore.types import DataSpec
from pages.components.drawing import drawing
from pages.components.parts import picture
from pages.components.previews import at_hand
from pages.shell.again import run_again
from pages.shell.computing import when_prepared
from pages.shell.kept import size_of
from pages.shell.plain_text import own, plain

AT_ONCE = 1  # mosaics that are made at a time: another worker is left for what is looked at
SOON = 1.0  # seconds between two looks for what is to come
KEY, DATASET = "data_cards", "dataset"  # the second one is the query parameter

_mosaics: ByteCache[str, bytes] = ByteCache(8 << 20, size_of)
_kept: ByteCache[str, TwoNumbers] = ByteCache(8 << 20, size_of)
_HERE = Path(__file__).parent
_cards = component(
    KEY,
    html='<div class="dc-place" role="radiogroup" aria-label="Dataset"></div>',
    css=(_HERE / "data_cards.css").read_text("utf-8"),
    js=joined(_HERE / "data_cards.js"),
)


def choose(names: list[str], chosen: str) -> None:
    """The cards; a click on one puts its name into the address and runs the page again."""
    missing = _to_come([chosen, *(name for name in names if name != chosen)])
    data = {"cards": _all_cards(names), "chosen": chosen}
    _cards(key=KEY, data=data, on_pick_change=_picked)
    if missing:
        st.fragment(_look, run_every=SOON)(missing, len(missing))


def _picked() -> None:
    name = st.session_state[KEY].pick
    if isinstance(name, str):
        st.query_params[DATASET] = name


def _look(names: list[str], missing: int) -> None:
    """For a fragment: run the page again when another picture is there."""
    if len(_to_come(names)) < missing:
        run_again()


def _to_come(names: list[str]) -> list[str]:
    """Whose mosaics are not made yet. The next is begun: what stands in for others comes last."""
    missing = [name for name in names if _mosaic_of(name, begin=False) is None]
    missing.sort(key=lambda name: datasets.source(name).stands_in)
    begun = missing[:AT_ONCE]
    return [name for name in missing if name not in begun or _mosaic_of(name, begin=True) is None]


def _all_cards(names: list[str]) -> list[dict[str, Any]]:
    cards = []
    for name in names:
        try:
            source = datasets.source(name)
        except AecoreError:  # own data whose file is damaged
            cards.append(_card(name, "Damaged data", "cannot be read", "", False))
            continue
        mosaic = _mosaic_of(name, begin=False)
        where = picture(mosaic) if mosaic else ""
        cards.append(_card(name, source.title, in_short(source.spec), where, source.ready()))
    return cards


def _card(name: str, title: str, about: str, mosaic: str, ready: bool) -> dict[str, Any]:
    return {"name": name, "title": title, "about": about, "mosaic": mosaic, "ready": ready}


def in_short(spec: DataSpec) -> str:
    """What an example is, in two words: '28 × 28 pixels', '13 columns', '128 samples'."""
    if spec.kind == "image":
        return f"{spec.shape[-1]} × {spec.shape[-2]} pixels"
    return f"{spec.size:,} columns" if spec.kind == "table" else f"{spec.shape[-1]:,} samples"


def _mosaic_of(name: str, begin: bool) -> bytes | None:
    """A dataset's mosaic, empty where there will be none, None while it is made."""
    try:
        source = datasets.source(name)
        if not source.ready():
            return b""
        if begin or _mosaics.get(name) is not None:
            return at_hand(_mosaics, name, views.data_mosaic, name)
    except AecoreError:
        return b""
    return None


def two_numbers(source: Source) -> None:
    """What two numbers of PCA keep of a dataset, in pictures; its place stays while they are
    made."""
    thing = thing_of(source.spec)
    with st.container(height=126, border=False, gap="small"):
        try:
            found = at_hand(_kept, source.name, views.two_numbers, source.name)
        except AecoreError as error:
            st.caption(plain(error))
            return
        if found is None:
            st.caption(":material/hourglass_top: PCA of these data is being computed …")
            when_prepared(SOON, views.two_numbers, source.name)
            return
        cells = "".join(
            f'<span class="n">{escape(title)}</span>'
            + "".join(f'<img alt="" src="{in_address(p)}">' for p in pictures)
            for title, pictures in (("As they are", found.originals), ("Kept", found.redrawn))
        )
        drawing(f'{_STYLE}<div class="t">{cells}</div>', key=f"two_numbers_{source.name}")
        st.caption(
            own(
                f"**{found.kept:.0%} of the variance** of {found.count:,} held-out {thing}s: all "
                f"that {found.k} numbers of PCA keep of {source.spec.size:,} values."
            )
        )


_STYLE = (
    "<style>.drawing{min-height:0!important}"
    ".t{display:grid;grid-template-columns:5.2rem repeat(5,44px);gap:4px;align-items:center;"
    "font-size:13px}.t img{width:44px;height:44px;object-fit:contain;image-rendering:pixelated;"
    "border-radius:2px}@media(max-width:640px){.t{grid-template-columns:4.5rem repeat(5,40px)}"
    ".t img{width:40px;height:40px}}</style>"
)
