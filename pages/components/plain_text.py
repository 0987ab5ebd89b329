"""A person's words on a page: shown as they are, whatever Markdown would make of them."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()#|~$<>!:])")


def plain(text: str) -> str:
    """A person's text, file or column names among it, with nothing that Markdown would read."""
    return _MARKS.sub(r"\\\1", text)
