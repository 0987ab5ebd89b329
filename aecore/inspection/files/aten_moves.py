"""What ATen calls the operations that move values, leave some out, or put them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from aecore.inspection.files.aten_node import Node
from aecore.inspection.files.layer_steps import in_parts, pick
from aecore.inspection.files.onnx_moves import sliced
from aecore.inspection.files.steps import Graph


def transpose(g: Graph, n: Node) -> None:
    if g.is_weight(n.x):
        if n.args.get("dims", [1, 0]) != [1, 0]:
            raise ValueError("a transposed weight of more than two dimensions")
        g.turn(n.out, n.x)
        return
    rank = len(g.sizes_of(n.x))
    if n.name == "permute":
        order = [d % rank for d in n.args["dims"]]
    else:
        order = list(range(rank))
        a, b = (0, 1) if n.name == "t" else (n.args["dim0"] % rank, n.args["dim1"] % rank)
        order[a], order[b] = order[b], order[a]
    if order[0] != 0:
        raise ValueError("the batch changes its place")
    if order in ([0, 3, 1, 2], [0, 2, 3, 1]):  # images whose channels come last
        g.step("ChannelsFirst" if order[1] == 3 else "ChannelsLast", [n.x], n.out, n.said)
        return
    pick(g, n.x, [n.out], n.said, lambda v: [v.permute(order)])


def parts(g: Graph, n: Node) -> None:
    """chunk, split, split_with_sizes, unbind: one operation for each part."""
    rank = len(g.sizes_of(n.x))
    dim = n.args.get("dim", 0) % rank
    if dim == 0:
        raise ValueError("parts of the batch")
    if n.name == "unbind":
        pick(g, n.x, n.outputs, n.said, lambda v: v.unbind(dim))
        return
    sizes = [g.size(output, dim) for output in n.outputs]
    in_parts(g, n.x, n.outputs, n.said, sizes, dim)


def slice_(g: Graph, n: Node) -> None:
    shape = g.sizes_of(n.x)
    dim = n.args.get("dim", 0) % len(shape)
    start, stop, step = n.args.get("start") or 0, n.args.get("end"), n.args.get("step", 1)
    size = shape[dim]
    if start == 0 and step == 1 and (stop is None or stop >= (size or 1 << 31)):
        g.same(n.out, n.x)
        return
    if size is None or dim == 0:
        raise ValueError("a slice of an open size or of the batch")
    start = max(start + size, 0) if start < 0 else min(start, size)
    stop = size if stop is None else max(stop + size, 0) if stop < 0 else min(stop, size)
    sliced(g, n.x, n.out, n.said, {dim: start}, {dim: stop}, {dim: step})


def narrow(g: Graph, n: Node) -> None:
    dim, start = n.args["dim"] % len(g.sizes_of(n.x)), n.args["start"]
    sliced(g, n.x, n.out, n.said, {dim: start}, {dim: start + n.args["length"]}, {dim: 1})


def select(g: Graph, n: Node) -> None:
    dim, index = n.args["dim"] % len(g.sizes_of(n.x)), n.args["index"]
    if dim == 0:
        raise ValueError("one example of the batch")
    pick(g, n.x, [n.out], n.said, lambda v: [v.select(dim, index)])


def index_select(g: Graph, n: Node) -> None:
    index = g.values(n.args["index"]).long()
    g.numbers(n.args["index"])
    dim = n.args["dim"] % len(g.sizes_of(n.x))
    pick(g, n.x, [n.out], n.said, lambda v: [v.index_select(dim, index)])


def concat(g: Graph, n: Node) -> None:
    g.joined(n.args["tensors"], n.out, n.said, n.args.get("dim", 0))


def stack(g: Graph, n: Node) -> None:
    raise ValueError("values stacked along a new dimension")


def expand(g: Graph, n: Node) -> None:
    before, after = g.sizes_of(n.x), g.sizes_of(n.out)
    if list(before[1:]) != list(after[1:]) or None in list(after)[1:]:
        raise ValueError("values repeated")
    g.same(n.out, n.x)


def movedim(g: Graph, n: Node) -> None:
    source, to = n.args["source"], n.args["destination"]

    def take(value: Tensor) -> Sequence[Tensor]:
        return [value.movedim(source, to)]

    pick(g, n.x, [n.out], n.said, take)


MOVES: dict[str, Callable[[Graph, Node], None]] = {
    **dict.fromkeys(("t", "transpose", "permute"), transpose),
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "unbind"), parts),
    "slice": slice_,
    "narrow": narrow,
    "select": select,
    "index_select": index_select,
    **dict.fromkeys(("cat", "concat"), concat),
    "stack": stack,
    **dict.fromkeys(("expand", "expand_as"), expand),
    "movedim": movedim,
}
