"""Diabetes patients, of Efron, Hastie, Johnstone and Tibshirani, 'Least angle regression' (2004).

Ships with scikit-learn. What it is to predict is a measured progress, so there are no classes.
"""

from __future__ import annotations

from aecore.datasets.tables import shipped_table


def _bunch():
    from sklearn.datasets import load_diabetes

    return load_diabetes(scaled=False)


SOURCE = shipped_table(
    "diabetes",
    "Diabetes (table)",
    about="442 diabetes patients: age, sex, body mass index, blood pressure and six blood values.",
    columns=10,
    classes=0,
    licence="from Efron et al. 2004, ships with scikit-learn",
    bunch=_bunch,
)
