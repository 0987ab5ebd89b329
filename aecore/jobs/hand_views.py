"""What the page of damage done by hand asks of the workers."""

from __future__ import annotations

from aecore.jobs.in_hand import InHand
from aecore.lab import by_hand
from aecore.lab.about import LabSubject
from aecore.lab.by_hand import ByHand


def offered(held: InHand, title: str) -> ByHand:
    """Examples to scribble on and who mends them. title: what people call the data in hand."""
    return by_hand.offered(LabSubject(held.data, held.model, held.card), title)
