"""Presenting: full screen, larger type, and keys that turn pages; all in the browser."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from aecore.pad.browser_code import joined

_HTML = """
<button type="button" aria-keyshortcuts="f" title="Full screen and larger type; key f">
Present</button>
<p>Key <kbd>f</kbd>; then Page&nbsp;Up and Page&nbsp;Down turn pages.</p>
"""
_CSS = """
button { min-height: 2rem; padding: 0 .75rem; font: 600 .875rem var(--st-font); cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
button:hover { border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid #2b7fc6; outline-offset: 2px; }
p { margin: .375rem 0 0; font: .8125rem/1.4 var(--st-font); color: var(--st-text-color);
  opacity: .8; }
kbd { font: inherit; font-weight: 600; }
@media (max-width: 640px) { button, p { display: none; } }
"""
_presenter = component(
    "presenter", html=_HTML, css=_CSS, js=joined(Path(__file__).with_name("presenter.js"))
)


def presenter() -> None:
    """The button in the sidebar, with its keys; on a phone there is none."""
    with st.sidebar:
        _presenter(key="presenter")
