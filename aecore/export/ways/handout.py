"""A way out: one page to print, for a lesson."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.handout import export_handout

    return export_handout(subject)


WAY = Way(
    name="handout",
    title="Handout",
    icon=":material/print:",
    about="One page of A4 (PDF): its layers, six examples as it redraws them, map, curve, figures "
    "with PCA beside, and three questions.",
    wanted_by="For a lesson: to print, or to put into a worksheet.",
    make=make,
    seconds=2,
    place=15,
    several=False,
    shows_address=True,
)
