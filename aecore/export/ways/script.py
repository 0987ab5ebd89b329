"""A way out: the model and its training as a Python file of its own."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.script import export_script

    return export_script(subject)


WAY = Way(
    name="script",
    title="Script and weights",
    icon=":material/code:",
    about="A Python file of its own, in plain PyTorch: the network, loading, reconstructing, "
    "sampling, and its training loop; the weights beside it as .pt.",
    wanted_by="For reading how it works, changing it, using it in a project of your own.",
    make=make,
    seconds=3,
    place=20,
)
