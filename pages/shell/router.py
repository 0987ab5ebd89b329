"""The router: sections of pages in the sidebar, the model in hand, and one place for errors."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from aecore.errors import AecoreError
from pages.shell import (
    again,
    hand_box,
    launcher,
    layout,
    presenter,
    run_sign,
    session,
    teacher,
    uploads,
)
from pages.shell.page import all_pages
from pages.shell.plain_text import own, say

ICON = Path(__file__).with_name("icon.png")


def route() -> None:
    """Run the page that the URL names."""
    st.set_page_config(
        page_title="Autoencoders, live",
        page_icon=str(ICON),
        layout="wide",
        initial_sidebar_state=layout.SIDEBAR,
    )
    sections: dict[str, list] = {}
    for file, page in all_pages(teacher.is_teacher()).items():
        first = not sections
        entry = st.Page(
            file,
            title=page.title,
            url_path=page.url,
            icon=page.icon,
            default=first,
            visibility="visible" if page.listed else "hidden",
        )
        sections.setdefault(page.section, []).append(entry)
    opened = st.navigation(sections)
    refused = uploads.refusal()
    if refused is not None:
        st.error(own(refused), icon=":material/upload_file:")
    try:
        again.repeat()
        session.begin()
        run_sign.run_sign(opened.url_path == "train")
        hand_box.show_hand()
        presenter.presenter()
        opened.run()
    except AecoreError as error:
        say(error)
    launcher.first_page.set()
