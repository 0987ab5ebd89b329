"""A way out: encoder and decoder in ONNX."""

from __future__ import annotations

from aecore.export.registry import Way
from aecore.export.subject import Subject, TakenOut


def make(subject: Subject) -> TakenOut:
    """Make it: what that takes is imported only now."""
    from aecore.export.onnx_pair import export_onnx

    return export_onnx(subject)


WAY = Way(
    name="onnx",
    title="ONNX",
    icon=":material/conversion_path:",
    about="Encoder and decoder as two files in ONNX, a format that many programs and languages "
    "run without PyTorch; any number of examples at once.",
    wanted_by="For an app, a phone or a service.",
    make=make,
    seconds=3,
    place=40,
)
