"""Inside, for tables: what is kept of each column, and which latent numbers move with it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aecore.export.csv_tables import harmless
from aecore.figures import charts, palette
from aecore.jobs import views
from aecore.jobs.views import Columns
from pages.components.beside_pca import beside
from pages.components.figure_data import CAMERA, csv_button
from pages.shell import session
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.plain_text import own
from pages.shell.session import Hand

MOST_COLUMNS, MOST_NUMBERS = 30, 12


def fits(held: Hand) -> bool:
    """Whether the model in hand is of a table."""
    return held.data.spec.kind == "table" and len(held.data.test) > 1


@kept()
def _figures(held: Hand) -> Columns:
    return in_time(views.of_columns, held.in_hand)


def show(held: Hand) -> None:
    """A map of correlations beside a table of what comes back."""
    st.subheader("What is kept of each column", anchor=False)
    k, names = held.card.spec.latent_dim, [c.name for c in held.data.columns]
    found = _figures(held)
    rows = np.argsort(found.kept)[:MOST_COLUMNS]
    numbers = session.codes(held).order()[:MOST_NUMBERS]
    left, right = st.columns([3, 2])
    fig = charts.heat_map(
        found.moves[np.ix_(rows, numbers)],
        [f"z{d + 1}" for d in numbers],
        [names[i] for i in rows],
        "r",
        (-1, 1),
        height=120 + 26 * len(rows),
        colors=palette.signed_scale(),
    )
    left.plotly_chart(fig, config=CAMERA, key="columns")
    left.caption(
        "How a column and a latent number move together over the held-out rows (Pearson's "
        "correlation r): orange up together, blue one up and the other down."
        + _part(len(rows), len(names), "columns, those kept worst")
        + _part(len(numbers), k, "latent numbers, those that vary most")
    )
    with right:
        _table(names, rows, found, beside(held).k)
        csv_button(
            lambda: (
                {"column": names, "kept (R2)": found.kept, "kept by PCA (R2)": found.pca}
                | {f"correlation with z{d + 1}": found.moves[:, d] for d in range(k)}
            ),
            f"{held.stem}-columns",
            "columns",
        )


def _part(shown: int, whole: int, what: str) -> str:
    return f" {shown} of {whole} {own(what)}." if shown < whole else ""


def _table(names: list[str], rows: np.ndarray, found: Columns, k: int) -> None:
    theirs = f"by PCA, k = {k}"
    share = st.column_config.NumberColumn(
        format="%.0f %%",
        help="R² on held-out rows: 100 % brings the column back, 0 % is what its mean alone gives, "
        "below 0 is worse than that.",
    )
    st.dataframe(
        {
            "column": [harmless(names[i]) for i in rows],
            "kept": 100 * found.kept[rows],
            theirs: 100 * found.pca[rows],
        },
        column_config={"kept": share, theirs: share},
        hide_index=True,
        height="content",
    )
