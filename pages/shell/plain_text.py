"""Words that somebody else chose, on a page: shown as they are, whatever Streamlit makes of them.

Names come from addresses, cards and files; errors quote them. Everything that Streamlit shows, be
it a sentence, a label or a tooltip, is Markdown to it: an image in a name would be fetched, from
any port of this host with the owner's cookie, and a link would wait for a click. So whatever a page
shows goes through here: `plain` for what is not known when the page is written, `own` for text of
this project that comes as a value and may hold Markdown. tests/pages/test_plain_text.py holds the
pages to it.
"""

from __future__ import annotations

import re
from typing import TypeVar

import streamlit as st

Text = TypeVar("Text", bound=str | None)

# A space of no width that nothing may be broken at; no pattern of Streamlit's matches across it.
JOINER = "\N{WORD JOINER}"

_SPACE = re.compile(r"[ \t\r\n\f\v\u2028\u2029]+")
_MARKS = re.compile(r"[\\`*_\[\]|~$<>]|&(?=[#A-Za-z])")
_START = re.compile(r"^([-+=#]|\d+(?=[.)]))")
# What Streamlit looks for in the text after the Markdown, where no backslash helps: names between
# colons (emoji, icons, colours), addresses, mail, and arrows made of signs.
_JOINED = re.compile(
    r"(?:(?<=:)(?=[\w+/-])|(?<=https:)|(?<=http:)|(?<=www)(?=\.|$)|(?<=@)(?=[\w-]))", re.IGNORECASE
)
_SIGNS = re.compile(r"(?<!\S)([<>~-])(?=(?:->|[->=])(?!\S))")
# Controls, and signs that hide or turn the writing around; those that join letters stay.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def plain(text: object) -> str:
    """A text of any origin for a Markdown place: it looks there as it is, on one line.

    What cannot be seen, such as signs that turn the writing around, is left out.
    """
    shown = _SPACE.sub(" ", str(text)).strip()
    shown = _JOINED.sub(JOINER, _HIDDEN.sub("", shown))
    shown = _SIGNS.sub(lambda found: found[1] + JOINER, shown)
    shown = _MARKS.sub(lambda found: f"\\{found[0]}", shown)
    return _START.sub(lambda found: _escaped(found[1]), shown)


def _escaped(start: str) -> str:
    """The beginning of a line, so that it begins no list, heading or rule."""
    return start + JOINER if start[0].isdigit() else f"\\{start}"


def own(text: Text) -> Text:
    """Text of this project's own that comes as a value, shown as the Markdown that it is."""
    return text


def say(error: Exception, more: str = "", icon: str = ":material/error:") -> None:
    """Show an error's sentence in its place, and one of the page's own behind it."""
    st.error(f"{plain(error)} {plain(more)}".strip(), icon=icon)
