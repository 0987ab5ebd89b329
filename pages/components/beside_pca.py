"""The model in hand beside PCA: measured once for all pages, and always in the same way."""

from __future__ import annotations

from aecore.evaluation.beside import PCABeside, pca_beside, pca_title
from aecore.evaluation.metrics import Scores
from aecore.jobs import views
from pages.components import pad_data
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.session import Hand


@kept()
def beside(held: Hand) -> PCABeside:
    """The PCA that a model is compared with, by the codes of all held-out examples."""
    return pca_beside(held.model, pad_data.codes_of(held).mu)


def title_of_pca(held: Hand) -> str:
    """'PCA, k = 32': what stands beside the model, on every page."""
    return pca_title(beside(held).k)


@kept(spinner="Measuring on all held-out examples …")
def scores(held: Hand) -> Scores:
    """Each held-out example's scores, the model's and PCA's."""
    return in_time(views.scores, held.in_hand)
