"""A way out: the live decoder as one HTML file."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.explorer_file import export_explorer_file

    return export_explorer_file(subject)


WAY = Way(
    name="explorer",
    title="Explorer",
    icon=":material/explore:",
    about="One HTML file with the map, the sliders and, for grey images, the drawing canvas; "
    "it needs no network and no server.",
    wanted_by="For somebody who has a browser and nothing else.",
    make=make,
    seconds=1.5,
    place=5,
    per_label=True,
    several=False,
)
