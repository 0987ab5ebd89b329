"""The strongest links into a layer, as the browser finds them (assets/flow_links.js), with torch:
weight times the activation that it carries."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.models.blocks import leaves
from aecore.models.layers.entry import Shape
from aecore.models.layers.operation import Description
from aecore.models.layers.tracing import trace
from aecore.pad.described import SUMS, Described

#: From (an index among the values that enter, of a convolution a channel), to (a unit), by.
Link = tuple[int, int, float]
NO_LINKS: tuple[list[Link], bool] = [], False


def strongest_links(
    network: nn.Module, one: Described, entering: Tensor, values: Tensor, most: int, outputs: int
) -> tuple[list[Link], bool]:
    """At most so many links into a stage, the strongest first, and whether they are from map to
    map. None where the stage is no sum over what entered.

    network: the half that it is of. entering, values: (1, ...), what enters and leaves it. outputs:
    how many of its values are drawn, the first ones.
    """
    if one.sum is None or one.sum != one.first or one.sum_leaf is None:
        return NO_LINKS
    begins = one.stage.leaf - len(one.stage.layers) + 1
    layers = list(leaves(network))[begins : one.sum_leaf + 1]
    op, weights = _sum_of(layers, tuple(entering.shape[1:]))
    given, x = values.flatten() != 0, entering.flatten()
    if op["op"] != "linear":
        by = _between_maps(op, weights, x)
        return _strongest(by * given.view(len(by), -1).any(1)[:, None], most), True
    if op["rows"] != 1:
        return NO_LINKS
    by = weights[:outputs] * x * given[:outputs, None]
    each = prod(one.shape[1:]) if len(one.shape) == 3 and outputs > one.shape[0] else 1
    return [(i, o // each, v) for i, o, v in _strongest(by, most)], False


def _sum_of(layers: list[nn.Module], shape: Shape) -> tuple[Description, Tensor]:
    """The operation that sums, and its weights, with what is folded into it."""
    if len(shape) == 1 and len(layers) == 1 and type(layers[0]) is nn.Linear:
        # As it is: folding copies all of them, which takes longer than the rest of the answer.
        return {"op": "linear", "rows": 1}, layers[0].weight.float()
    op = trace(nn.Sequential(*layers), shape, "network").operations[0]
    return op.description, torch.from_numpy(op.arrays["w"]).float()


def _strongest(by: Tensor, most: int) -> list[Link]:
    """The largest of (to, from), none of them 0."""
    # They are in the rows of the largest numbers, at most one row each: of millions, few are left.
    rows = by.abs().amax(1).topk(min(most, len(by))).indices
    flat = by[rows].flatten()
    places = flat.abs().topk(min(most, len(flat))).indices
    wide = by.shape[1]
    found = [(int(at) % wide, int(rows[int(at) // wide]), float(flat[at])) for at in places]
    return [link for link in found if link[2] != 0]


def _between_maps(op: Description, w: Tensor, x: Tensor) -> Tensor:
    """What each channel adds to each map, summed over the map: (maps, channels)."""
    assert op["op"] in SUMS
    inputs, outputs, groups = op["in"][0], op["out"][0], op["groups"]
    taps = prod(op["kernel"])
    window = {name: op[name] for name in ("dilation", "padding", "stride")}
    if op["op"] == "conv2d":
        seen = F.unfold(x.view(1, *op["in"]), op["kernel"], **window)
        sums = seen.view(inputs, taps, -1).sum(2)
        kernels = w.reshape(groups, outputs // groups, inputs // groups, taps)
    else:
        inside = F.unfold(torch.ones(1, 1, *op["out"][1:]), op["kernel"], **window)[0]
        sums = x.view(inputs, -1) @ inside.T
        kernels = w.reshape(groups, outputs // groups, taps, inputs // groups).transpose(2, 3)
    by = torch.einsum("goct,gct->goc", kernels, sums.view(groups, -1, taps))
    whole = torch.zeros(groups, outputs // groups, groups, inputs // groups)
    for group in range(groups):
        whole[group, :, group] = by[group]
    return whole.view(outputs, inputs)
