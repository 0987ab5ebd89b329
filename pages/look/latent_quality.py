"""How well a code keeps what matters: three figures, each beside PCA's."""

from __future__ import annotations

import streamlit as st

from aecore.evaluation.metrics import CodeQuality, code_quality
from aecore.figures.examples import frame_of
from pages.components.beside_pca import title_of_pca
from pages.look.latent_pool import shared_pool
from pages.shell.kept import kept
from pages.shell.plain_text import own
from pages.shell.session import Hand


@kept()
def _quality(held: Hand) -> tuple[CodeQuality, CodeQuality]:
    pool = shared_pool(held, False)
    x = held.data.test.batch(slice(0, 2000)).flatten(1).numpy()
    return code_quality(pool.codes, x, pool.labels), code_quality(pool.scores, x, pool.labels)


def quality(held: Hand) -> None:
    """Three figures of the codes, each beside PCA's; measured once per model."""
    st.subheader("How well the codes keep what matters", anchor=False)
    with st.spinner("Measuring neighbours …"):
        ours, pca = _quality(held)
    row = st.container(horizontal=True)
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
