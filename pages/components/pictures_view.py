"""Pictures of aecore.figures on a page: rows with their names beside, unsmoothed."""

from __future__ import annotations

import base64
import dataclasses
from html import escape

from aecore.figures.chart import Pictures
from aecore.lab.taking_out import picture
from aecore.wording import short
from pages.components.drawing import drawing

_STYLE = (
    "<style>.drawing{min-height:0!important}.pv{margin:0;max-width:840px}"
    ".pv div{display:grid;grid-template-columns:minmax(0,max-content) 1fr;gap:3px 10px;"
    "align-items:center}.pv div.bare{display:block}"
    ".pv span{font-size:13px;line-height:1.2;text-align:right;max-width:7.5em}"
    ".pv img{width:100%;display:block;image-rendering:pixelated}"
    ".pv figcaption{font-size:13px;line-height:1.4;margin-top:6px;opacity:.85}"
    "@media(max-width:480px){.pv span{max-width:4.6em;font-size:12px}}</style>"
)


def pictures_view(shown: Pictures, key: str) -> None:
    """All rows, each as wide as there is room, with what they are beneath."""
    drawing(f"{_STYLE}{pictures_html(shown)}", key)


def pictures_html(shown: Pictures) -> str:
    """The same as HTML; all words in it are escaped."""
    names = shown.row_names
    if len(names) == len(shown.images):
        rows = [
            dataclasses.replace(shown, images=shown.images[i : i + 1]) for i in range(len(names))
        ]
        inside = "".join(
            f"<span>{escape(name)}</span>{_image(row, name)}"
            for name, row in zip(names, rows, strict=True)
        )
        grid = f"<div>{inside}</div>"
    else:
        grid = f'<div class="bare">{_image(shown, shown.title)}</div>'
    words = " ".join(filter(None, (shown.summary, _across(shown))))
    said = f"<figcaption>{escape(words)}</figcaption>" if words else ""
    return f'<figure class="pv">{grid}{said}</figure>'


def _across(shown: Pictures) -> str:
    """The columns' names in a sentence: above them there is no room on a phone. Not where they are
    ordinals, which anybody can count."""
    names = [short(name, 30) for name in shown.column_names]
    told = names and not names[-1].endswith(".")
    return f"From the left: {', '.join(names)}." if told else ""


def _image(shown: Pictures, name: str) -> str:
    content = base64.b64encode(picture(shown)).decode()
    alt = escape(name, quote=True)
    return f'<img alt="{alt}" src="data:image/png;base64,{content}">'
