"""A way out: tables and pictures, for writing about the model."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.figure_files import export_figures

    return export_figures(subject)


WAY = Way(
    name="figures",
    title="Figures",
    icon=":material/table_chart:",
    about="A zip of tables (CSV) and pictures (PNG): errors, codes, what each latent number "
    "carries, PCA beside it, reconstructions, traversals, samples.",
    wanted_by="For writing about it: the numbers behind every figure.",
    make=make,
    seconds=4,
    place=60,
)
