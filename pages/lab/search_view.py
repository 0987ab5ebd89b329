"""The answers to a search, beside each other: who each way finds, and who of them is right."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from aecore.datasets.sentences import sentences
from aecore.figures.examples import frame_of
from aecore.figures.preview import in_address, pictures_of
from aecore.lab.collection import SENTENCES
from aecore.lab.search_answers import WHOLE, Answer, answers, codes_of, titles
from aecore.lab.searching import NEAREST
from pages.components.drawing import drawing
from pages.lab.search_choice import Asked, examples
from pages.shell.plain_text import plain

# Columns where there is room, else a strip that is pushed; pictures in rows everywhere.
_STYLE = """<style>
.drawing{min-height:0!important}
.se{container-type:inline-size;font-size:13px;line-height:1.25}
.se h2{font-size:14px;font-weight:600;margin:0;line-height:1.35}
.se .sub{font-variant-numeric:tabular-nums;opacity:.85}
.se .ways{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:0 18px}
.se ol{list-style:none;margin:6px 0 0;padding:0}
.se li{display:grid;grid-template-columns:16px minmax(0,1fr);height:33px;margin-bottom:4px}
.se li span{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.se li.no,.se section.no{opacity:.75}
.se .mark{font-weight:700}
.se .sum{display:none;width:100%;max-width:328px}
.se .rows{display:grid;grid-template-columns:150px minmax(0,1fr);gap:8px 12px;align-items:center}
.se .row{display:grid;grid-template-columns:repeat(10,minmax(0,1fr));gap:4px;max-width:640px}
.se figure{margin:0;text-align:center}
.se img{width:100%;display:block;image-rendering:pixelated;border-radius:3px;
border:2px solid transparent;box-sizing:border-box}
.se .yes img{border-color:#2b7fc6}
.se .asked{max-width:140px}
@media(max-width:640px){.se .asked{max-width:72px}}
@container(max-width:640px){
.se .sum{display:block}
.se .ways{grid-template-columns:repeat(4,78%);gap:0 14px;overflow-x:auto;margin-top:8px}
.se .rows{grid-template-columns:minmax(0,1fr);gap:4px}}
</style>"""
_RIGHT, _WRONG = "✓", "–"


def show(asked: Asked) -> None:
    """Each way's ten, nearest first."""
    name = "" if asked.data is None else asked.data.name
    database, queries = examples(asked.of, name, asked.seed)
    n = len(database)
    example = database.x[asked.at].numpy() if asked.at < n else queries[asked.at - n]
    found = answers(database, example, asked.at, codes_of(asked.done, asked.of, asked.k))
    if asked.of == SENTENCES:
        _said_of_sentence(asked.at, n)
        drawing(_sentences(found, _missing(found, asked.k)), "search_answers")
        return
    left, right = st.columns([1, 5])
    assert asked.data is not None
    frame, shape = frame_of(asked.data), asked.data.spec.shape
    with left:
        picture = in_address(pictures_of(frame, example.reshape(1, *shape))[0])
        said = f"The held-out {frame.thing} that is searched for"
        drawing(
            f'{_STYLE}<div class="se"><h2>Searched for</h2><img alt="{said}" src="{picture}" '
            'class="asked"></div>',
            "search_example_shown",
        )
    with right:
        pictures = [
            pictures_of(frame, database.x[a.rows].numpy().reshape(-1, *shape)) for a in found
        ]
        missing = _missing(found, asked.k)
        drawing(_pictures(found, pictures, frame.thing, missing), "search_answers")


def _said_of_sentence(at: int, n: int) -> None:
    known = sentences()
    row = int(known.order()[at])
    held = "Held out: no code was fitted to it" if at >= n else "The codes were fitted to it too"
    st.caption(f"**{plain(known.texts[row])}** ({plain(known.places[row])}) {held}.")


def _missing(found: Sequence[Answer], k: int) -> list[str]:
    """The ways whose codes are not made yet."""
    there = {one.title for one in found}
    return [title for title in titles(k) if title not in there]


def _headings(missing: Sequence[str]) -> str:
    return "".join(
        f'<section class="no"><h2>{escape(title)}</h2><div class="sub">no codes yet</div></section>'
        for title in missing
    )


def _sentences(found: Sequence[Answer], missing: Sequence[str]) -> str:
    known = sentences()
    order = known.order()
    columns = []
    for one in found:
        lines = []
        for row, right in zip(order[one.rows], one.right, strict=True):
            text, place = (escape(some[row], quote=True) for some in (known.texts, known.places))
            lines.append(
                f'<li class="{"yes" if right else "no"}" title="{text} ({place})">'
                f"{_mark(bool(right))}<span>{text}</span></li>"
            )
        columns.append(f"<section>{_heading(one)}<ol>{''.join(lines)}</ol></section>")
    ways = "".join(columns) + _headings(missing)
    return (
        f'{_STYLE}<div class="se">{_summary(found, missing)}<div class="ways" tabindex="0" '
        f'role="region" aria-label="What each way finds">{ways}</div></div>'
    )


def _pictures(
    found: Sequence[Answer], pictures: Sequence[Sequence[bytes]], thing: str, missing: Sequence[str]
) -> str:
    rows = []
    for one, some in zip(found, pictures, strict=True):
        cells = "".join(
            f'<figure class="{"yes" if right else "no"}"><img src="{in_address(picture)}" '
            f'alt="{thing} no. {i + 1}, {"right" if right else "not among the nearest"}">'
            f"{_mark(bool(right))}</figure>"
            for i, (picture, right) in enumerate(zip(some, one.right, strict=True))
        )
        rows.append(f'<div>{_heading(one)}</div><div class="row">{cells}</div>')
    return (
        f'{_STYLE}<div class="se"><div class="rows">{"".join(rows)}{_headings(missing)}</div></div>'
    )


def _mark(right: bool) -> str:
    return f'<b class="mark" aria-hidden="true">{_RIGHT if right else _WRONG}</b>'


def _heading(one: Answer) -> str:
    return f'<h2>{escape(one.title)}</h2><div class="sub">{_said(one)}</div>'


def _said(one: Answer) -> str:
    whole = one.right.all() and one.bytes % 4 == 0 and one.title == WHOLE
    tail = "what is right" if whole else f"{int(one.right.sum())} of {len(one.right)} right"
    return f"{one.bytes:,} bytes · {tail}"


def _summary(found: Sequence[Answer], missing: Sequence[str]) -> str:
    """How many each way finds as filled dots: for a phone, whose lists do not fit beside."""
    step, parts = 20, []
    rows = [(one.title, one.right.tolist()) for one in found]
    rows += [(title, [False] * NEAREST) for title in missing]
    for i, (title, rights) in enumerate(rows):
        y = i * step + 14
        parts.append(f'<text x="0" y="{y}" font-size="12">{escape(title)}</text>')
        for j, right in enumerate(sorted(rights, reverse=True)):
            fill = "#2b7fc6" if right else "none"
            parts.append(
                f'<circle cx="{178 + j * 15}" cy="{y - 4}" r="5" fill="{fill}" stroke="#2b7fc6"/>'
            )
    said = "; ".join(f"{a.title}: {int(a.right.sum())} of {len(a.right)} right" for a in found)
    height = len(rows) * step + 2
    return (
        f'<svg class="sum" role="img" aria-label="{escape(said, quote=True)}" '
        f'viewBox="0 0 328 {height}" fill="currentColor">{"".join(parts)}</svg>'
    )
