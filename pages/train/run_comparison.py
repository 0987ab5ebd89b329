"""Two models side by side: the same examples through both, figures, every difference, curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from aecore.evaluation.beside import judged
from aecore.evaluation.metrics import shown
from aecore.export.csv_tables import harmless, history_columns
from aecore.figures import charts, palette
from aecore.figures.examples import INK, Version, frame_of, gallery, legend, panel, panel_width
from aecore.figures.preview import in_address, map_picture, pictures_of, rows_of
from aecore.jobs import views
from aecore.models import family
from aecore.models.registry import options_of
from aecore.options import options_in
from aecore.runs.card import Card
from aecore.training.events import Changed
from pages.components.drawing import drawing
from pages.components.figure_data import csv_button
from pages.components.options_form import in_words
from pages.shell import session
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.layout import figure_against
from pages.shell.plain_text import plain
from pages.shell.session import Hand

SHOWN = {"image": 10, "lines": 4, "bars": 3}  # examples, by kind of drawing
MAP_POINTS, MAP_SIDE = 1500, 320
CHANGED = {"learning_rate": "Learning rate", "beta": "Beta"}


def comparison(refs: Sequence[str]) -> None:
    """The stage of a comparison of two models that both have weights."""
    ours, theirs = held = [session.hand_of(ref) for ref in refs]
    alike = ours.card.fingerprint == theirs.card.fingerprint
    places = st.container(key="compared").columns(2, gap="large")
    for i, place in enumerate(places):
        with place:
            _figures(held[i], held[1 - i] if alike else None, i)
    if alike:
        _same_examples(held)
    else:
        st.info(
            "They were trained on different data, so their errors cannot be held against each "
            "other, and neither has seen the other's examples.",
            icon=":material/info:",
        )


def details(refs: Sequence[str]) -> None:
    """What comes after the stage: differences in their making, maps, curves."""
    held = [session.hand_of(ref) for ref in refs]
    names = [one.card.name for one in held]
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Where they differ", anchor=False)
        different = differences(*(one.card for one in held))
        if different:
            titles = ("Setting", *map(harmless, names))
            columns = dict(zip(titles, zip(*different, strict=True), strict=True))
            st.dataframe(columns, hide_index=True)
        else:
            st.caption("In nothing that is known of them: not even the seed.")
    with right:
        st.subheader("Their codes, by class", anchor=False)
        for place, one, name in zip(st.columns(2), held, names, strict=True):
            picture = in_address(_map(one))
            place.image(picture, width="stretch", caption=plain(name), alt="Map of its codes")
    st.subheader("Their errors, epoch by epoch", anchor=False)
    st.caption(
        "Held-out error solid, on training examples dotted; PCA's at each one's number of latent "
        "numbers dashed. A dotted line that falls away from its solid one over-trains."
    )
    named = [(one.card.name, one.card.history) for one in held]
    st.plotly_chart(charts.histories(named), key="histories", config={"displaylogo": False})
    rows = [{"model": name, **row} for name, history in named for row in history]
    csv_button(lambda: history_columns(rows), "-".join(h.stem for h in held), "histories")


def _figures(held: Hand, other: Hand | None, i: int) -> None:
    """One model's name, in the colour that it has in every drawing below, and its figures beside
    the other's; None where they cannot be held against each other."""
    drawing(
        f'<div style="border-left:4px solid {palette.class_color(i)};padding-left:10px;'
        f'font-size:1.25rem;font-weight:600">{_escaped(held.card.name)}</div>'
        "<style>.drawing{min-height:0!important}</style>",
        key=f"compared_{i}",
    )
    st.caption(
        plain(f"{family(held.card.spec.family).title} · {session.data_title(held.card.dataset)}")
    )
    (mse, pca), theirs = judged(held.card.newest), None
    if other is not None:
        theirs = judged(other.card.newest)[0]
    row = st.container(horizontal=True)
    if mse is not None:
        what = "Held-out MSE"
        if theirs is None:
            row.metric(what, shown(mse))
        elif shown(mse) == shown(theirs):
            row.metric(what, shown(mse), "the same", delta_color="off", delta_arrow="off")
        else:
            away = shown(mse - theirs, "+")
            figure_against(row, what, shown(mse), away, "against the other", less=True)
    if pca is not None:
        row.metric("PCA's MSE", shown(pca), help="On the same examples, of the same size")
    nelbo = held.card.metrics.get("test_nelbo")
    if nelbo is not None:
        row.metric("Neg. ELBO", f"{nelbo:.1f} nats")
    row.metric("Latent numbers", f"{held.card.spec.latent_dim:,}")


def _same_examples(held: Sequence[Hand]) -> None:
    """The same held-out examples, as they are and as each of the two redraws them."""
    data = held[0].data
    frame = frame_of(data)
    rows = rows_of(data, SHOWN[frame.kind])
    x = data.test.batch(_index(rows)).numpy()
    redrawn = [_redrawn(one, tuple(rows.tolist())) for one in held]
    errors = [np.square(x_hat - x).reshape(len(x), -1).mean(1) for x_hat in redrawn]
    names = [one.card.name for one in held]
    if frame.kind == "image":
        drawing(_strip(frame, x, redrawn, errors, names), key="same_examples")
        st.caption(
            "The same held-out examples; beneath each redrawn one its squared error per value, the "
            "smaller of the two bold."
        )
        return
    colours = [palette.class_color(i) for i in range(2)]
    panels = []
    for n, row in enumerate(rows):
        versions = [Version("original", x[n], INK)]
        versions += [
            Version(name, values[n], colour)
            for name, values, colour in zip(names, redrawn, colours, strict=True)
        ]
        note = " and ".join(shown(error[n]) for error in errors)
        panels.append(panel(frame, versions, f"No. {row}", f"errors {note}"))
    about = legend([("original", INK), *zip(names, colours, strict=True)])
    drawing(about + gallery(panels, panel_width(frame)), key="same_examples")
    st.caption("The same held-out examples; errors are squared, per value.")


def _strip(frame, x, redrawn, errors, names) -> str:
    """Three rows of pictures: as they are, and as each model redraws them, with the errors."""
    cells = ['<span class="n">As they are</span>', *_pictures(frame, x)]
    for i, (name, x_hat) in enumerate(zip(names, redrawn, strict=True)):
        colour = palette.class_color(i)
        cells.append(f'<span class="n" style="border-color:{colour}">{_escaped(name)}</span>')
        for n, picture in enumerate(_pictures(frame, x_hat)):
            strong = "b" if errors[i][n] < errors[1 - i][n] else "span"
            cells.append(f"<span>{picture}<{strong}>{shown(errors[i][n])}</{strong}></span>")
    return _STRIP.replace("COUNT", str(len(x))) + f'<div class="s">{"".join(cells)}</div>'


_STRIP = (
    "<style>.s{display:grid;grid-template-columns:8.5rem repeat(COUNT,minmax(0,64px));gap:6px;"
    "align-items:center;font-size:13px;font-variant-numeric:tabular-nums}"
    ".s img{width:100%;display:block;image-rendering:pixelated;border-radius:2px}"
    ".s b,.s span>span{display:block;text-align:center;font-size:12px}"
    ".s .n{border-left:4px solid transparent;padding-left:8px;overflow-wrap:anywhere}"
    "@media(max-width:640px){.s{grid-template-columns:repeat(5,minmax(0,1fr))}"
    ".s .n{grid-column:1/-1;font-weight:600}}</style>"
)


def _pictures(frame, x: np.ndarray) -> list[str]:
    return [f'<img alt="" src="{in_address(picture)}">' for picture in pictures_of(frame, x)]


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


def _index(rows: np.ndarray):
    import torch

    return torch.from_numpy(rows)


@kept()
def _redrawn(held: Hand, rows: tuple[int, ...]) -> np.ndarray:
    return in_time(views.redrawn, held.in_hand, rows)


@kept()
def _map(held: Hand) -> bytes:
    points, labels = in_time(views.plane, held.in_hand, MAP_POINTS)
    return map_picture(points, labels, MAP_SIDE)


# Differences -----------------------------------------------------------------------------------


def differences(a: Card, b: Card) -> list[tuple[str, str, str]]:
    """What is not the same in the making of two models: (what, a's, b's), "–" where one has no
    such thing. What was changed while one trained counts as much as what was chosen before."""
    ours, theirs = _facts(a), _facts(b)
    rows = [(name, ours.get(name, "–"), theirs.get(name, "–")) for name in {**ours, **theirs}]
    return [row for row in rows if row[1] != row[2]]


def _facts(card: Card) -> dict[str, str]:
    facts: dict[str, Any] = {
        "Model": family(card.spec.family).title,
        "Data": session.data_title(card.dataset),
        "Latent numbers": card.spec.latent_dim,
    }
    for made_by in (options_of(card.spec), card.config):
        for option in options_in(type(made_by)):
            facts[option.label] = getattr(made_by, option.name)
    facts |= {"Epochs done": card.epochs_done, "Training seconds": round(card.seconds, 1)}
    found = {name: in_words(value) for name, value in facts.items()}
    for name in dict.fromkeys(change.name for change in card.changes):
        said = changes_in_words([change for change in card.changes if change.name == name])
        found[f"{CHANGED.get(name, name)}, changed while it trained"] = said
    return found


def changes_in_words(changes: Sequence[Changed]) -> str:
    """'0.001 to 0.01 in epoch 3, to 0.005 in epoch 7'; what a resumed run asked for again is no
    change."""
    said, now = [], None
    for change in changes:
        if change.after == now:
            continue
        start = f"{change.before:g} " if now is None else ""
        said.append(f"{start}to {change.after:g} in epoch {change.epoch + 1}")
        now = change.after
    return ", ".join(said)
