"""Why a file is not understood as an autoencoder of some data, in one sentence."""

from __future__ import annotations

from math import prod

from aecore.datasets import Dataset
from aecore.datasets.titles import title_of
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.kind import Kind
from aecore.inspection.understanding.kinds import kind_of
from aecore.inspection.understanding.links import sizes
from aecore.inspection.understanding.parts import Part

HAND = "Choose the data that it was trained on, or describe it by hand."


def weight_without(odd: list[str], contents: Contents) -> str | None:
    """The name of a weight that the file lacks though its bias, one of the odd names, is there."""
    for name in odd:
        prefix, _, role = name.rpartition(".")
        if role == "bias" and f"{prefix}.weight" not in contents.tensors:
            return f"{prefix}.weight"
    return None


def why_not(
    contents: Contents, parts: list[Part], inputs: frozenset[int], data: Dataset
) -> tuple[str, str]:
    """One or two sentences about where the sizes do not meet, and the fault's name.

    inputs: numbers that an example of these data may have.
    """
    kind = kind_of(contents)
    shape = data.spec.shape
    size = prod(shape)
    shown = "×".join(map(str, shape))
    if kind.name in ("classifier", "regressor", "encoder"):
        return f"{kind.sentence} {_missing(kind)}", "not-an-autoencoder"
    if kind.name == "decoder":
        return f"{kind.sentence} {_other_size(kind, inputs, shown, data)}", "decoder-alone"
    if kind.name == "autoencoder":
        return _told(kind, data) or (
            f"{kind.sentence} An example of {title_of(data.name)} is {shown}. {HAND}",
            "other-data",
        )
    damaged = _gap(parts, inputs)
    if damaged is not None:
        return damaged
    starts = [p for p in parts if p.kind == "linear" and p.weight.shape[1] in inputs]
    if not starts and not any(p.axes for p in parts):
        first = parts[0]
        return (
            f"No layer takes an example of {title_of(data.name)} ({size:,} values): the first one, "
            f"{first.name!r}, takes {sizes(first)[-1]:,} numbers. {kind.sentence} {HAND}",
            "other-data",
        )
    return (
        f"{kind.sentence} {HAND}" if kind.name == "other" else f"{_NO_WAY} {HAND}",
        "not-understood",
    )


_NO_WAY = (
    "The layers of this file do not join to a way from the data through a code and back: one is "
    "missing, or they are joined in a way that shapes alone do not tell."
)


def _missing(kind: Kind) -> str:
    if kind.name == "encoder":
        return "Bring the file of its decoder together with it to have the whole autoencoder read."
    return "A check-up takes autoencoders, which lead back to what they take."


def _other_size(kind: Kind, inputs: frozenset[int], shown: str, data: Dataset) -> str:
    if kind.gives is not None and len(kind.gives) == 1 and kind.gives[0] not in inputs:
        return f"An example of {title_of(data.name)} is {shown}, which is another size. {HAND}"
    return "Bring the file of its encoder together with it to have the whole autoencoder read."


def _told(kind: Kind, data: Dataset) -> tuple[str, str] | None:
    """What is said of a network that is told something that these data do not say."""
    if "conditional" not in kind.sentence:
        return None
    labels = f"{data.spec.classes} classes" if data.spec.classes else "no classes"
    return (
        f"{kind.sentence} {title_of(data.name)} has {labels}, so what it is told is something "
        f"else. {HAND}",
        "not-understood",
    )


def _gap(parts: list[Part], inputs: frozenset[int]) -> tuple[str, str] | None:
    """Where a dense network misses a layer."""
    if any(p.axes for p in parts):
        return None
    ends = {sizes(p)[0] for p in parts if p.kind == "linear"}
    starts = {sizes(p)[1] for p in parts if p.kind == "linear"}
    if starts & inputs and not ends & inputs:
        return (
            f"No layer gives an example back ({min(starts & inputs):,} values): the decoder's last "
            f"layer is missing from the file, or this is no autoencoder. {HAND}",
            "missing-tensor",
        )
    for p in parts:
        takes = sizes(p)[1]
        if p.kind == "linear" and takes not in ends | inputs and 2 * takes not in ends:
            if not starts & inputs:
                return None
            return (
                f"The layer {p.name!r} takes {takes:,} numbers, which no other layer gives: the "
                f"layer before it is missing from the file. {HAND}",
                "missing-tensor",
            )
    if starts & inputs and ends & inputs:
        return f"{_NO_WAY} {HAND}", "missing-tensor"
    return None
