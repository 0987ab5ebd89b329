"""The router: sections of pages in the sidebar, the model in hand, and one place for errors."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from aecore.errors import AecoreError
from pages.shell import launcher, layout, session

ICON = Path(__file__).with_name("icon.png")
SECTIONS = {
    "": [("pages/home.py", "Home", "home", ":material/home:")],
    "Build": [
        ("pages/train/train.py", "Train", "train", ":material/model_training:"),
        ("pages/data/data.py", "Data", "data", ":material/database:"),
        ("pages/train/runs.py", "Runs", "runs", ":material/list_alt:"),
    ],
    "Look": [
        (
            "pages/look/reconstructions.py",
            "Reconstructions",
            "reconstructions",
            ":material/compare:",
        ),
        ("pages/look/latent_space.py", "Latent space", "latent-space", ":material/scatter_plot:"),
        ("pages/look/decode.py", "Decode", "decode", ":material/tune:"),
        ("pages/look/inside.py", "Inside", "inside", ":material/troubleshoot:"),
    ],
    "Check": [
        ("pages/check/check_up.py", "Check-up", "check-up", ":material/stethoscope:"),
        ("pages/check/take_out.py", "Take out", "take-out", ":material/output:"),
    ],
}


def route() -> None:
    """Run the page that the URL names."""
    st.set_page_config(page_title="Autoencoders, live", page_icon=str(ICON), layout="wide")
    pages = {
        section: [
            st.Page(path, title=title, url_path=url, icon=icon, default=url == "home")
            for path, title, url, icon in entries
        ]
        for section, entries in SECTIONS.items()
    }
    layout.tighten()
    page = st.navigation(pages)
    try:
        session.begin()
        session.show_hand()
        page.run()
    except AecoreError as error:
        st.error(str(error), icon=":material/error:")
    launcher.first_page.set()
