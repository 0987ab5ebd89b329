"""How well a code keeps what matters: three figures, each beside PCA's."""

from __future__ import annotations

from html import escape

import streamlit as st

from aecore.evaluation.metrics import CodeQuality
from aecore.figures.examples import frame_of
from aecore.jobs import views
from pages.components.beside_pca import title_of_pca
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.session import Hand

_STYLE = (
    "<style>.kq{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}"
    ".kq th,.kq td{padding:3px 0;text-align:right;font-weight:400;font-size:13px;border:0}"
    ".kq tbody th{text-align:left;font-size:14px}.kq td b{font-size:20px;font-weight:600}</style>"
)


@kept()
def _quality(held: Hand) -> tuple[CodeQuality, CodeQuality]:
    return in_time(views.quality, held.in_hand)


def quality(held: Hand) -> None:
    """Three figures of the codes, each beside PCA's; measured once per model."""
    st.markdown("**How well the codes keep what matters**")
    with st.spinner("Measuring neighbours …"):
        ours, pca = _quality(held)
    figures = (
        ("kNN accuracy", ours.knn_accuracy, pca.knn_accuracy, "{:.1%}"),
        ("Trustworthiness", ours.trustworthiness, pca.trustworthiness, "{:.3f}"),
        ("Silhouette", ours.silhouette, pca.silhouette, "{:.3f}"),
    )
    rows = []
    for name, mine, theirs, form in figures:
        cells = ("–", "–") if mine is None else (form.format(mine), form.format(theirs))
        note = "needs class labels" if mine is None else ""
        rows.append(
            f'<tr><th scope="row">{name}{note and f"<br><small>{note}</small>"}</th>'
            f"<td><b>{cells[0]}</b></td><td>{cells[1]}</td></tr>"
        )
    st.html(
        f"{_STYLE}<table class=kq><thead><tr><td></td><th scope=col>Model</th>"
        f"<th scope=col>{escape(title_of_pca(held))}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    st.caption(
        f"Held-out {frame_of(held.data).thing}s; trustworthiness and silhouette on the first "
        f"{ours.sample:,} of them."
    )
