"""A way out: the script as a Jupyter notebook."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.notebook import export_notebook

    return export_notebook(subject)


WAY = Way(
    name="notebook",
    title="Notebook",
    icon=":material/menu_book:",
    about="A Jupyter notebook in plain PyTorch: the network, its training and what came of it, "
    "with pictures and a word on each step.",
    wanted_by="For teaching and trying out, cell by cell.",
    make=make,
    seconds=3,
    place=8,
)
