"""A check-up's report inside the page: our own HTML and SVG, in the colours of the page's theme."""

from __future__ import annotations

from pathlib import Path

from streamlit.components.v2 import component

from aecore.inspection.judging.html import style
from aecore.pad.browser_code import joined

# The report's colours by those of the theme; levels are told apart on light and on dark.
_CSS = """
main { --bg: var(--st-background-color); --card: var(--st-secondary-background-color);
  --ink: var(--st-text-color); --accent: var(--st-primary-color);
  --dim: color-mix(in srgb, var(--ink) 68%, var(--bg));
  --line: color-mix(in srgb, var(--ink) 16%, var(--bg));
  --broken: #b3261e; --worrying: #9a5b00; --good: #157347; --open: #5b4bb4; --note: var(--dim);
  --broken-bg: color-mix(in srgb, var(--broken) 7%, var(--bg));
  --worrying-bg: color-mix(in srgb, var(--worrying) 8%, var(--bg));
  --open-bg: color-mix(in srgb, var(--open) 7%, var(--bg));
  --good-bg: color-mix(in srgb, var(--good) 7%, var(--bg)); --note-bg: var(--card);
  font-family: var(--st-font); min-height: 60vh; }
h2 { scroll-margin-top: 1rem; }
main.short { min-height: 0; }
main.short .strips { max-width: var(--pictures-most, none); }
main.dark { --broken: #ff8f85; --worrying: #f0b357; --good: #6fd09a; --open: #b3a6ff; }
"""
_component = component(
    "check_up_report",
    html="<main></main>",
    css=_CSS + style(),
    js=joined(Path(__file__).with_name("check_view.js")),
)


def show(html: str, name: str, short: bool = False, key: str = "check_report") -> None:
    """Show a report, or its head, made by aecore.inspection.judging.html; name changes when it
    does. Its links lead to the parts of whichever of them has these parts.

    short: it is a verdict alone, and what follows stands right below it.
    """
    _component(key=key, data={"html": html, "id": name, "short": short})
