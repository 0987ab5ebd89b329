"""A report, or two side by side, as one HTML file that needs no network and no script."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aecore.inspection.judging import html_views as views
from aecore.inspection.judging.comparison import differences
from aecore.inspection.judging.report import Report

HERE = Path(__file__).parent


@cache
def _templates() -> Environment:
    """The templates beside this file; whatever they are given is escaped."""
    found = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["value"] = views.shown_value
    found.globals["views"] = views
    return found


def to_html(report: Report, *, title: str, about: str = "") -> str:
    """The whole report as one HTML document. title, about: plain text."""
    return _page(title, about or described(report), body(report, whole=True))


def body(report: Report, whole: bool = False) -> str:
    """The report without a page around it, for a page that brings `style` and the colours.

    whole: with its headline, which such a page shows by itself.
    """
    return _templates().get_template("report.jinja").render(report=report, whole=whole)


def headline_body(report: Report) -> str:
    """The verdict in one sentence, three figures and a few reconstructions, for such a page."""
    return _templates().get_template("headline.jinja").render(report=report)


def verdict_body(report: Report) -> str:
    """The verdict with its evidence alone, for a page that brings `style` and the colours."""
    return _templates().get_template("verdict.jinja").render(report=report)


def compare_html(a: Report, b: Report, *, titles: tuple[str, str]) -> str:
    """Two reports side by side as one HTML document. titles: plain text."""
    about = "Two models, looked at in the same way."
    return _page(f"{titles[0]} and {titles[1]}", about, compare_body(a, b, titles=titles))


def compare_body(a: Report, b: Report, *, titles: tuple[str, str]) -> str:
    """Two reports side by side without a page around them. titles: plain text."""
    groups = [
        (name, list(found)) for name, found in groupby(differences(a, b), key=lambda d: d.group)
    ]
    both = list(zip(titles, (a, b), strict=True))
    return _templates().get_template("compare.jinja").render(a=a, b=b, both=both, groups=groups)


def described(report: Report) -> str:
    """What was looked at, in a sentence."""
    told = report.about
    if "shape" not in told:
        return "A file whose network is not understood: nothing of it was run on data."
    shape = " × ".join(map(str, told["shape"]))
    if not report.understood:
        return (
            f"The best of its readings takes {shape} to {told['latent_dim']} latent numbers and "
            f"back; tried with {told['data_title']}."
        )
    return (
        f"{told['title']}, {shape} to {told['latent_dim']} latent numbers and back; looked at with "
        f"{told['data_title']}: {told.get('held_out_looked_at', told['held_out_examples']):,} of "
        f"{told['held_out_examples']:,} held-out and "
        f"{told.get('training_looked_at', told['training_examples']):,} of "
        f"{told['training_examples']:,} training examples."
    )


def _page(title: str, about: str, inside: str) -> str:
    css = Markup(_text("html_page.css") + style())
    # What is inside was rendered by a template of ours, and so escaped.
    page = _templates().get_template("page.jinja")
    return page.render(title=title, about=about, css=css, inside=Markup(inside))


def style() -> str:
    """The CSS of `body` and `compare_body` inside a <main>; it needs the colours of html_page.css:
    --bg, --card, --ink, --dim, --line, --accent, and a level's own and its background's."""
    return _text("html_style.css")


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text()
