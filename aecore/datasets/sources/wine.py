"""UCI 'Wine' (Forina et al.), CC BY 4.0; ships with scikit-learn."""

from __future__ import annotations

from aecore.datasets.tables import shipped_table


def _bunch():
    from sklearn.datasets import load_wine

    return load_wine()


SOURCE = shipped_table(
    "wine",
    "Wine (table)",
    about="Chemical analyses of 178 Italian wines of three growers: 13 measurements each.",
    columns=13,
    classes=3,
    licence="CC BY 4.0",
    bunch=_bunch,
)
