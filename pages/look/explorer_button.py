"""The live decoder as one file to keep, from the Decode page."""

from __future__ import annotations

import streamlit as st

from aecore.errors import AecoreError
from aecore.pad import PadBundle
from pages.components.pad import explorer_html
from pages.shell import access, session
from pages.shell.plain_text import plain
from pages.shell.session import Hand


def explorer_button(held: Hand, bundle: PadBundle) -> None:
    """The explorer as one file to keep."""
    if access.taking_refused(session.hand_ref()) is not None:
        return
    try:
        st.download_button(
            "Export explorer",
            lambda: explorer_html(bundle, title=held.card.name),
            file_name=f"{held.card.name}.html",
            mime="text/html",
            icon=":material/ios_share:",
            help="One HTML file with this map, the sliders and, for grey images, the drawing "
            "canvas: it works without a network, on a phone too.",
            key="explorer",
        )
    except AecoreError as error:
        st.caption(plain(error))
