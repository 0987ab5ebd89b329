"""A report, or two side by side, as one HTML file that needs no network and no script."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from aecore.inspection.judging import html_views as sections
from aecore.inspection.judging.comparison import differences
from aecore.inspection.judging.html_views import shown_value
from aecore.inspection.judging.report import Report


def to_html(report: Report, *, title: str, about: str = "") -> str:
    """The whole report as one HTML document. title, about: plain text, escaped here."""
    head = _head("Check-up", title, about or described(report))
    return _page(f"Check-up: {title}", head + body(report))


def body(report: Report) -> str:
    """The report without a page around it, for a page that brings `style` and the colours."""
    found = [sections.verdict(report), sections.tiles(report)]
    if report.arrays:
        found += [
            sections.reconstructions(report),
            sections.errors(report),
            sections.code(report),
            sections.generated(report),
        ]
    return "".join([*found, sections.layers(report), sections.figures(report), _foot(report)])


def compare_html(a: Report, b: Report, *, titles: tuple[str, str]) -> str:
    """Two reports side by side as one HTML document. titles: plain text, escaped here."""
    name = f"{titles[0]} and {titles[1]}"
    head = _head("Check-up", name, "Two models, looked at in the same way.")
    return _page(f"Check-up: {name}", head + compare_body(a, b, titles=titles))


def compare_body(a: Report, b: Report, *, titles: tuple[str, str]) -> str:
    """Two reports side by side without a page around them. titles: plain text, escaped here."""
    both = list(zip(titles, (a, b), strict=True))
    fair = a.about["dataset"] == b.about["dataset"]
    told = (
        f"Both on {a.about['dataset']}, held-out examples."
        if fair
        else f"On different data, {a.about['dataset']} and {b.about['dataset']}: errors are not "
        "to be compared."
    )
    verdicts = "".join(
        f"<div><h3>{escape(t)}</h3>{sections.verdict(r, brief=True)}</div>" for t, r in both
    )
    rows = []
    for group, found in groupby(differences(a, b), key=lambda d: d.group):
        rows.append(f"<tr class=group><td colspan=4>{escape(group)}</td></tr>")
        for d in found:
            cells = "".join(
                f"<td class='n{' wins' if d.wins == side else ''}'>{shown_value(value)}</td>"
                for side, value in (("a", d.a), ("b", d.b))
            )
            rows.append(f"<tr><td>{escape(d.name)}</td>{cells}<td>{escape(d.unit)}</td></tr>")
    head = "".join(f"<th class=n>{escape(t)}</th>" for t in titles)
    found = [
        f"<p class=dim>{escape(told)}</p><div class=two>{verdicts}</div>",
        "<h2>Where they differ</h2><p class=dim>The better one is bold, where one is and the "
        "difference is above a hundredth.</p>"
        f"<div class=scroll><table><thead><tr><th></th>{head}<th>unit</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    ]
    for heading, draw in (
        ("Reconstructions", sections.shown_small),
        ("Latent map", sections.code_map),
        ("Samples", sections.samples),
    ):
        drawn = [(t, r) for t, r in both if r.arrays]
        cells = "".join(f"<div><h3>{escape(t)}</h3>{draw(r)}</div>" for t, r in drawn)
        if drawn:
            found.append(f"<h2>{heading}</h2><div class=two>{cells}</div>")
    return "".join([*found, _foot(a)])


def described(report: Report) -> str:
    """What was looked at, in a sentence."""
    told = report.about
    shape = " × ".join(map(str, told["shape"]))
    return (
        f"{told['title']}, {shape} to {told['latent_dim']} latent numbers and back; looked at with "
        f"{told['dataset']}: {told.get('held_out_looked_at', told['held_out_examples']):,} of "
        f"{told['held_out_examples']:,} held-out and "
        f"{told.get('training_looked_at', told['training_examples']):,} of "
        f"{told['training_examples']:,} training examples."
    )


def _page(title: str, inside: str) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none';img-src data:;"
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_text('html_page.css')}{style()}</style></head>"
        f"<body><main>{inside}</main></body></html>"
    )


def style() -> str:
    """The CSS of `body` and `compare_body` inside a <main>; it needs the colours of html_page.css:
    --bg, --card, --ink, --dim, --line, --accent, and a level's own and its background's."""
    return _text("html_style.css")


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


def _head(kicker: str, title: str, about: str) -> str:
    return (
        f"<header><p class=kicker>{kicker}</p><h1>{escape(title)}</h1>"
        f"<p class=dim>{escape(about)}</p></header>"
    )


def _foot(report: Report) -> str:
    return (
        "<footer>Made by the check-up of Autoencoders, live (python -m aecore inspect). Draws with "
        f"seed {report.about['seed']}; times are of the machine that made this file.</footer>"
    )
