"""A way out: the checkpoint, for opening the model here again."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Outputs, Subject, TakenOut, compare, file_stem, verdict
from aecore.runs import checkpoints


def export_checkpoint(subject: Subject) -> TakenOut:
    """The .safetensors file with its card, read back. Raises ExportError if it differs."""
    content = checkpoints.to_bytes(subject.model, subject.card)
    again = Subject(checkpoints.from_bytes(content).model, subject.card, subject.data)
    found: Outputs = again.outputs
    difference = compare(found, subject.outputs, "The checkpoint")
    return TakenOut(
        file_stem(subject.card),
        {f"model{checkpoints.SUFFIX}": content},
        verdict(subject, difference),
        difference,
    )


WAY = Way(
    name="checkpoint",
    title="Checkpoint",
    icon=":material/save:",
    about="One .safetensors file: the weights, and a card that says how they came to be.",
    wanted_by="For opening it here again, on this or another computer.",
    make=export_checkpoint,
    seconds=0.2,
    place=10,
    several=False,
)
