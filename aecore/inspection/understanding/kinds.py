"""What kind of network a file holds, as far as names and shapes tell: never an accusation."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.kind import Kind as Kind
from aecore.inspection.understanding.one_way import one_way
from aecore.inspection.understanding.parts import Part, parts_of
from aecore.inspection.understanding.special import special
from aecore.inspection.understanding.whole import autoencoder, drawn

_HALVES = ("encoder", "", "decoder")
MAX_PARTS = 60  # layers of a network that is looked at more closely


def kind_of(contents: Contents) -> Kind:
    """What the network of a file is, from its tensors' names and shapes alone."""
    known = special(contents)
    if known is not None:
        return known
    parts, odd = parts_of(_in_order(contents), contents.ordered)
    mains = [p for p in parts if p.main]
    if {p.half for p in mains} >= {"encoder", "decoder"}:  # in whatever order they stand
        mains.sort(key=lambda p: _HALVES.index(p.half))
    if not mains:
        return Kind("other", None, None, None, "There are no layers with weights in this file.")
    if len(mains) > MAX_PARTS:
        return Kind(
            "other", None, None, None, f"This network has {len(mains)} layers with weights."
        )
    tables = [p for p in parts if p.kind == "embedding"]
    if tables and parts[0] is tables[0] and tables[0].weight.shape[1] == _taken(mains[0]):
        rows = int(tables[0].weight.shape[0])
        return Kind(
            "other",
            (None,),
            None,
            None,
            f"What enters this network is one of {rows} symbols, each with a vector of its own "
            f"({tables[0].name!r}), and not an example's values.",
        )
    whole = autoencoder(mains, tables, odd, contents)
    found = whole or one_way(mains)
    if found.name == "decoder" and len(found.gives or ()) == 3:
        size = drawn(mains)
        if size is not None:
            channels, side = size
            return replace(found, gives=(channels, side, side))
    return found


def _taken(part: Part) -> int:
    return int((part.inner[0] if part.inner else part).weight.shape[1])


def _in_order(contents: Contents) -> dict[str, Tensor]:
    """The tensors in the order in which they are used, where the file says it."""
    used = [n for op in contents.operations or () for n in op.weights.values()]
    names = [n for n in dict.fromkeys([*used, *contents.tensors]) if n in contents.tensors]
    return {n: contents.tensors[n] for n in names}
