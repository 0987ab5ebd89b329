"""UCI 'Breast Cancer Wisconsin (Diagnostic)', CC BY 4.0; ships with scikit-learn."""

from __future__ import annotations

from aecore.datasets.tables import shipped_table


def _bunch():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer()


SOURCE = shipped_table(
    "breast-cancer",
    "Breast cancer (table)",
    about="Cell nuclei in 569 biopsies, malignant or benign: 30 measurements each.",
    columns=30,
    classes=2,
    licence="CC BY 4.0",
    bunch=_bunch,
)
