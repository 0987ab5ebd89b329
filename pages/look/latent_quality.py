"""How well a code keeps what matters: three figures, each beside PCA's."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.metrics import CodeQuality
from aecore.figures.examples import frame_of
from aecore.jobs import views
from pages.components.beside_pca import title_of_pca
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.plain_text import own
from pages.shell.session import Hand


@kept()
def _quality(held: Hand) -> tuple[CodeQuality, CodeQuality]:
    return in_time(views.quality, held.in_hand)


def quality(held: Hand) -> None:
    """Three figures of the codes, each beside PCA's; measured once per model."""
    st.markdown("**How well the codes keep what matters**")
    with st.spinner("Measuring neighbours …"):
        ours, pca = _quality(held)
    row = st.container(gap="small")
    figures = (
        ("kNN accuracy", ours.knn_accuracy, pca.knn_accuracy, "{:.1%}"),
        ("Trustworthiness", ours.trustworthiness, pca.trustworthiness, "{:.3f}"),
        ("Silhouette", ours.silhouette, pca.silhouette, "{:.3f}"),
    )
    for name, mine, theirs, form in figures:
        if mine is None:
            row.metric(own(name), "–", "needs class labels", delta_color="off", delta_arrow="off")
        else:
            row.metric(
                own(name),
                own(form.format(mine)),
                f"{own(title_of_pca(held))}: {own(form.format(theirs))}",
                delta_color="off",
                delta_arrow="off",
            )
    st.caption(
        f"Held-out {frame_of(held.data).thing}s; trustworthiness and silhouette on the first "
        f"{ours.sample:,} of them."
    )
