"""What ONNX calls the operations that move values, leave some out, or put them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from aecore.inspection.files.layer_steps import border, crop, in_parts, pick
from aecore.inspection.files.onnx_node import Node
from aecore.inspection.files.onnx_sizes import known, whole
from aecore.inspection.files.steps import Graph


def reshape(g: Graph, n: Node) -> None:
    shape = g.shape(n.out)
    if n.said == "Flatten":
        axis = n.attributes.get("axis", 1)
        if axis != 1 and axis + (g.rank(n.x) or 0) != 1:
            raise ValueError("flattened with the batch")
        g.step("Flatten", [n.x], n.out, n.said)
        return
    given = whole(g, n.input(1)) if n.input(1) else None  # and so no tensor any more
    if n.said == "Reshape" and (shape is None or None in list(shape)[1:]):
        before = g.shape(n.x)
        if given is not None:
            shape = [before[i] if s == 0 and before else s for i, s in enumerate(given)]
    if shape is None and n.said == "Squeeze" and g.shape(n.x) and given:
        rank = len(g.sizes_of(n.x))
        gone = {axis % rank for axis in given if axis is not None}
        shape = [s for i, s in enumerate(g.sizes_of(n.x)) if i not in gone]
    if shape is None or len(shape) < 2:
        raise ValueError("sizes that the file does not tell")
    if not g.shape(n.out):
        g.shapes[n.out] = list(shape)
    g.reshape(n.x, n.out, n.said, list(shape)[1:])


def transpose(g: Graph, n: Node) -> None:
    if g.is_weight(n.x):
        if n.attributes.get("perm", [1, 0]) != [1, 0]:
            raise ValueError("a transposed weight of more than two dimensions")
        g.turn(n.out, n.x)
        return
    order = n.attributes.get("perm")
    if not order or order[0] != 0:
        raise ValueError("the batch changes its place")
    if order in ([0, 3, 1, 2], [0, 2, 3, 1]):  # images whose channels come last
        before = g.shape(n.x)
        if before:
            g.shapes[n.out] = [before[i] for i in order]
        g.step("ChannelsFirst" if order[1] == 3 else "ChannelsLast", [n.x], n.out, n.said)
        return
    pick(g, n.x, [n.out], n.said, lambda v: [v.permute(order)])


def split(g: Graph, n: Node) -> None:
    rank = len(g.sizes_of(n.x))
    axis = n.attributes.get("axis", 0) % rank
    sizes = n.attributes.get("split") or whole(g, n.input(1))
    if axis == 0:
        raise ValueError("parts of the batch")
    if sizes is None:
        size, parts = g.size(n.x, axis), len(n.outputs)
        each = -(-size // parts)
        sizes = [min(each, size - i * each) for i in range(parts)]
    known_parts = [size for size in sizes if size is not None]
    if len(known_parts) < len(sizes):
        raise ValueError("an open size")
    in_parts(g, n.x, n.outputs, n.said, known_parts, axis)


def slice_(g: Graph, n: Node) -> None:
    a = n.attributes
    shape = list(g.sizes_of(n.x))
    starts, ends = (a.get(k) or known(g, n.input(i)) for i, k in ((1, "starts"), (2, "ends")))
    axes = a.get("axes") or (known(g, n.input(3)) if n.input(3) else list(range(len(starts))))
    steps = whole(g, n.input(4)) or [1] * len(starts)
    begins: dict[int, int] = {}
    stops: dict[int, int] = {}
    strides: dict[int, int] = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        axis %= len(shape)
        size = shape[axis]
        if start == 0 and step == 1 and (end >= (size if size is not None else 1 << 31)):
            continue
        if size is None or step is None or step < 1 or axis == 0:
            raise ValueError("a slice of an open size or of the batch")
        begins[axis] = max(start + size, 0) if start < 0 else min(start, size)
        stops[axis] = max(end + size, 0) if end < 0 else min(end, size)
        strides[axis] = step
    sliced(g, n.x, n.out, n.said, begins, stops, strides)


def sliced(
    g: Graph,
    x: str,
    output: str,
    said: str,
    begins: dict[int, int],
    stops: dict[int, int],
    strides: dict[int, int],
) -> None:
    """A part of a value by dimension (with the batch): those that are not whole."""
    plain = all(step == 1 for step in strides.values())
    rank = len(g.sizes_of(x))
    if not begins:
        g.same(output, x)
    elif plain and set(begins) == {1}:
        g.part(x, output, said, begins[1], stops[1])
    elif plain and rank == 4 and set(begins) <= {2, 3}:
        crop(g, x, output, said, begins, stops)
    else:

        def take(value: Tensor) -> Sequence[Tensor]:
            cut = [slice(None)] * rank
            for axis, start in begins.items():
                cut[axis] = slice(start, stops[axis], strides[axis])
            return [value[tuple(cut)]]

        pick(g, x, [output], said, take)


def gather(g: Graph, n: Node) -> None:
    index = g.constant(n.needed(1))
    sizes = g.sizes.get(n.needed(1))
    if index is None and sizes is not None:
        index = torch.from_numpy(sizes).long()
    if g.is_weight(n.x) or index is None:
        raise ValueError("rows that an input chooses")
    axis = n.attributes.get("axis", 0) % len(g.sizes_of(n.x))
    if axis == 0 or index.dim() > 1 or index.is_floating_point():
        raise ValueError("values of another example")
    g.numbers(n.needed(1))
    size = g.size(n.x, axis)
    chosen = index.reshape(-1) % size

    def take(value: Tensor) -> Sequence[Tensor]:
        found = value.index_select(axis, chosen)
        return [found.squeeze(axis) if index.dim() == 0 else found]

    pick(g, n.x, [n.out], n.said, take)


def concat(g: Graph, n: Node) -> None:
    g.joined([x for x in n.inputs if x], n.out, n.said, n.attributes.get("axis", 1))


def pad(g: Graph, n: Node) -> None:
    pads = n.attributes.get("pads") or known(g, n.input(1))
    value = n.attributes.get("value", 0.0)
    if n.input(2) is not None:
        value = g.number(n.needed(2)) or 0.0
    rank = len(pads) // 2
    if n.input(3) is not None:
        axes = known(g, n.input(3))
        rank, given = len(g.sizes_of(n.x)), pads
        pads = [0] * (2 * rank)
        for i, axis in enumerate(axes):
            pads[axis % rank], pads[rank + axis % rank] = given[i], given[len(axes) + i]
    if rank not in (3, 4) or any((*pads[:2], *pads[rank : rank + 2])):
        raise ValueError("a border of something else than images and signals")
    mode = n.attributes.get("mode", "constant")
    border(g, n.x, n.out, n.said, mode, pads[2:rank], pads[rank + 2 :], value)


def depth_to_space(g: Graph, n: Node) -> None:
    size = n.attributes["blocksize"]
    if n.attributes.get("mode", "DCR") != "CRD" and g.size(n.x) != size * size:
        raise ValueError("pixels out of channels in an order that PyTorch does not have (DCR)")
    g.step("PixelShuffle", [n.x], n.out, n.said, {"upscale_factor": size})


def expand(g: Graph, n: Node) -> None:
    before, after = g.sizes_of(n.x), g.sizes_of(n.out)
    if list(before[1:]) != list(after[1:]) or None in list(after)[1:]:
        raise ValueError("values repeated")
    g.same(n.out, n.x)


MOVES: dict[str, Callable[[Graph, Node], None]] = {
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape),
    "Transpose": transpose,
    "Split": split,
    "Slice": slice_,
    "Gather": gather,
    "Concat": concat,
    "Pad": pad,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
}
