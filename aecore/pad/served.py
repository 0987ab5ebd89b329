"""The network at work for a browser that is too slow for it: what one choice gives in each layer,
computed here with torch, and no more of it than the drawing shows.

What a browser computes by itself stands in assets/flow_*.js; this gives it the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.operation import Description
from aecore.pad.described import Described
from aecore.pad.served_links import strongest_links
from aecore.training.layer_looks import evenly

MOST_UNITS, MOST_MAPS, MAP_SIDE = 4096, 128, 32  # that are drawn of a layer
MOST_VALUES = MAP_SIDE * MAP_SIDE * 32  # of a layer's maps together
TERMS = 5
#: Operations, and kinds of curves, of straight pieces: as flow_gradient.js knows them.
_STRAIGHT = frozenset(
    {
        *("linear", "conv2d", "conv_transpose2d", "affine", "prelu", "top_k", "pool2d"),
        *("interpolate", "join_constant", "pick", "keep", "exchange", "add", "join"),
        *("pixel_shuffle", "pixel_unshuffle"),
    }
)
_STRAIGHT_CURVES = frozenset(
    ("relu", "leaky_relu", "clip", "hard_sigmoid", "hard_shrink", "soft_shrink", "threshold")
)


@dataclass(frozen=True)
class Chosen:
    """What a person chose in the drawing.

    by: "mean", "sample" or "hand", where the code comes from; z: of a hand, (k,). eps: the noise of
    a sample, (k,). silent: (stage, unit) that give 0. held: (latent number, value). open: the unit
    that is looked at, (stage, unit), a unit of -1 for the one that is most active. links: how many
    are drawn into each layer, at most.
    """

    by: str = "mean"
    z: tuple[float, ...] = ()
    eps: tuple[float, ...] = ()
    silent: frozenset[tuple[int, int]] = frozenset()
    held: tuple[tuple[int, float], ...] = ()
    open: tuple[int, int] | None = None
    links: int = 30


Answer = tuple[dict[str, Any], dict[str, np.ndarray]]


def drawn_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """How much of a layer's values is drawn: of maps the first ones, thinned; of single values the
    first ones."""
    if len(shape) != 3:
        return (min(prod(shape), MOST_UNITS),)
    maps = min(shape[0], MOST_MAPS)
    side = min(MAP_SIDE, isqrt(MOST_VALUES // maps))
    return maps, min(shape[1], side), min(shape[2], side)


def served_meta(model: LatentModel, layers: Sequence[Described], x: Tensor) -> dict[str, Any]:
    """What the browser is told of a model that it does not run; x (n, *shape): over some examples
    the largest activation of each layer is found, by which cells are coloured."""
    code = code_of(layers)
    with torch.inference_mode():
        ran = run(model, layers, x, Chosen())
    return {
        "shape": list(model.spec.data.shape),
        "latent_dim": model.spec.latent_dim,
        "variational": bool(model.variational),
        "stages": [
            {
                **one.meta,
                "drawn": list(one.shape if i == code else drawn_shape(one.shape)),
                "reach": max(float(ran.values[i].nan_to_num().abs().max()), 1e-6),
                "curves": _curves(one),
            }
            for i, one in enumerate(layers)
        ],
    }


def _curves(one: Described) -> list[Description] | None:
    """The curves behind a stage's sums; None where something else stands behind them too."""
    if one.sum is None:
        return None
    behind = list(one.operations[one.sum - one.first + 1 :])
    return behind if behind and all(d["op"] == "activation" for d in behind) else None


def answer(
    model: LatentModel,
    layers: Sequence[Described],
    x: Tensor,
    chosen: Chosen,
    mean: Sequence[float],
) -> Answer:
    """What the drawing shows of one choice.

    model: in evaluation mode. layers: of the model, described. x: (1, *shape). mean: (k,) of the
    codes, at which a latent number is silenced.

    The first: `plain` and `error` (squared error per value, with nothing and with what is
    silenced), `scales` (of each stage what 127 stands for), `drawn_scale` (what 32767 stands for),
    `links` (of each stage: [from, to, by], and whether from map to map), `open` (None, or the unit
    that is looked at: its sum's largest terms and the rest, what it looks for and adds).
    The second: values int8, of each stage but the code what `drawn_shape` says; code float32, mu
    and logvar; z float32 (k,), as it is decoded; x_hat int16; and of an open unit looks and adds,
    int8 by scales of their own.
    """
    looking = chosen.open is not None
    with torch.set_grad_enabled(looking):
        ran = run(model, layers, x, chosen)
    code = code_of(layers)
    cells, scales = [], []
    for i, one in enumerate(layers):
        if i == code:
            scales.append(1.0)
            continue
        found, scale = quantised(_thinned(ran.values[i].detach()[0], one.shape), np.int8)
        cells.append(found)
        scales.append(scale)
    x_hat, drawn_scale = quantised(ran.x_hat.detach(), np.int16)
    meta = {
        "plain": _plain(model, layers, x, chosen, ran),
        "error": error_of(ran.x_hat.detach(), x),
        "scales": scales,
        "drawn_scale": drawn_scale,
        "links": [_links(model, layers, i, ran, chosen) for i in range(len(layers))],
        "open": None,
    }
    arrays = {
        "values": np.concatenate(cells) if cells else np.zeros(0, np.int8),
        "code": ran.values[code].detach().flatten().numpy(),
        "z": ran.z.detach().flatten().numpy(),
        "x_hat": x_hat,
    }
    if chosen.open is not None:
        meta["open"], more = _opened(model, layers, x, chosen, ran, mean)
        arrays |= more
    return meta, arrays


# The run -------------------------------------------------------------------------------------


@dataclass
class Ran:
    """By stage, for the n examples that entered: what entered it, its sums, what left it. z, x_hat:
    what was decoded, and how it came out. x: what entered the encoder."""

    entering: dict[int, Tensor]
    sums: dict[int, Tensor]
    values: dict[int, Tensor]
    x: Tensor
    z: Tensor
    x_hat: Tensor


def run(model: LatentModel, layers: Sequence[Described], x: Tensor, chosen: Chosen) -> Ran:
    """Both halves, with what is silenced and held."""
    x = x.detach().clone().requires_grad_(torch.is_grad_enabled())
    ran, k = Ran({}, {}, {}, x, x, x), model.spec.latent_dim
    given = _half(model.encoder_network(), "encoder", layers, x, chosen, ran).flatten(1)
    z = given[:, :k]
    if chosen.by == "hand":
        z = torch.tensor(chosen.z).view(1, k)
    elif chosen.by == "sample" and model.variational:
        z = z + (given[:, k : 2 * k] / 2).exp() * torch.tensor(chosen.eps)
    z = z.detach().clone()
    for d, value in chosen.held:
        z[:, d] = value
    ran.z = z.requires_grad_(torch.is_grad_enabled())
    ran.x_hat = _half(model.decoder_network(), "decoder", layers, ran.z, chosen, ran)
    return ran


def _half(
    network: nn.Module,
    part: str,
    layers: Sequence[Described],
    x: Tensor,
    chosen: Chosen,
    ran: Ran,
) -> Tensor:
    own = [(i, one) for i, one in enumerate(layers) if one.stage.part == part]
    begins = {one.stage.leaf - len(one.stage.layers) + 1: i for i, one in own}
    sums = {one.sum_leaf: i for i, one in own}
    ends = {one.stage.leaf: i for i, one in own}
    for leaf, layer in enumerate(leaves(network)):
        if leaf in begins:
            ran.entering[begins[leaf]] = x
        x = layer(x)
        if leaf in sums:
            ran.sums[sums[leaf]] = x
        if leaf in ends:
            x = _quietened(x, ends[leaf], layers[ends[leaf]].units, chosen)
            ran.values[ends[leaf]] = x
    return x


def _quietened(x: Tensor, stage: int, units: int, chosen: Chosen) -> Tensor:
    silent = [unit for at, unit in chosen.silent if at == stage]
    if not silent:
        return x
    quiet = torch.zeros(units, 1, dtype=torch.bool)
    quiet[silent] = True
    return x.reshape(len(x), units, -1).masked_fill(quiet, 0).reshape(x.shape)


def code_of(layers: Sequence[Described]) -> int:
    return max(i for i, one in enumerate(layers) if one.stage.part == "encoder")


def error_of(x_hat: Tensor, x: Tensor) -> float:
    return float((x_hat.flatten(1) - x.flatten(1)).square().mean())


def _plain(
    model: LatentModel, layers: Sequence[Described], x: Tensor, chosen: Chosen, ran: Ran
) -> float:
    """The error with nothing silenced."""
    if chosen.silent or chosen.held:
        with torch.inference_mode():
            ran = run(model, layers, x, replace(chosen, silent=frozenset(), held=()))
    return error_of(ran.x_hat.detach(), x)


# What is sent --------------------------------------------------------------------------------


def quantised(values: Tensor | np.ndarray, kind: type[np.integer]) -> tuple[np.ndarray, float]:
    """As whole numbers of a kind, 0 as 0, and what the largest of the kind stands for."""
    flat = np.nan_to_num(np.asarray(values, np.float32).ravel())
    scale = max(float(np.abs(flat).max(initial=0)), 1e-30)
    return np.rint(flat / scale * np.iinfo(kind).max).astype(kind), scale


def _thinned(values: Tensor, shape: Sequence[int]) -> Tensor:
    drawn = drawn_shape(shape)
    if len(drawn) == 1:
        return values.flatten()[: drawn[0]]
    high, wide = (evenly(n, most) for n, most in zip(shape[1:], drawn[1:], strict=True))
    return values.reshape(*shape)[: drawn[0]][:, high][:, :, wide]


@torch.no_grad()
def _links(
    model: LatentModel, layers: Sequence[Described], i: int, ran: Ran, chosen: Chosen
) -> tuple[list[tuple[int, int, float]], bool]:
    one = layers[i]
    network = model.encoder_network() if one.stage.part == "encoder" else model.decoder_network()
    values = ran.values[i].detach()
    of_code = i == code_of(layers)  # of a variational one the means are drawn
    outputs = model.spec.latent_dim if of_code else values.numel()
    return strongest_links(network, one, ran.entering[i].detach(), values, chosen.links, outputs)


# An open unit --------------------------------------------------------------------------------


def _opened(
    model: LatentModel,
    layers: Sequence[Described],
    x: Tensor,
    chosen: Chosen,
    ran: Ran,
    mean: Sequence[float],
) -> Answer:
    """What one unit adds up, what it looks for, and what it adds to the output."""
    assert chosen.open is not None
    stage, unit = chosen.open
    one, code = layers[stage], code_of(layers)
    values = ran.values[stage].detach().flatten()
    each = 1 if stage == code else len(values) // one.units
    if unit < 0:
        reached = values[: model.spec.latent_dim] if stage == code else values
        unit = int(reached.argmax()) // each
    value = unit * each + int(values[unit * each : (unit + 1) * each].abs().argmax())
    gives = float(ran.z.detach()[0, unit]) if stage == code else float(values[value])
    meta: dict[str, Any] = {"stage": stage, "unit": unit, "gives": gives, "sum": None}
    arrays: dict[str, np.ndarray] = {}
    if one.sum is not None:
        total = ran.sums[stage].flatten()[value]
        start = ran.x if one.stage.part == "encoder" else ran.z
        weights, slopes = torch.autograd.grad(
            total, (ran.entering[stage], start), allow_unused=True
        )
        meta["sum"] = _terms(weights, ran.entering[stage], float(total.detach()))
        if slopes is not None:
            exact = all(_is_straight(d) for d in _before(layers, stage))
            looks, scale = quantised(slopes, np.int8)
            meta |= {"exact": exact, "looks_scale": scale}
            arrays["looks"] = looks
    adds, meta["adds_scale"] = quantised(
        _added(model, layers, x, chosen, (stage, unit), ran, mean), np.int8
    )
    arrays["adds"] = adds
    return meta, arrays


def _terms(weights: Tensor, entering: Tensor, total: float) -> dict[str, Any]:
    """The largest terms of a sum as [from, weight, x, weight times x], and the rest of it."""
    w, x = weights.detach().flatten().double(), entering.detach().flatten().double()
    by = w * x
    read = int((w != 0).sum())
    largest = by.abs().masked_fill(w == 0, -1).topk(min(TERMS, read)).indices.tolist()
    terms = [[i, float(w[i]), float(x[i]), float(by[i])] for i in largest]
    rest = float(by.sum()) - sum(term[3] for term in terms)
    return {
        "terms": terms,
        "rest": rest,
        "count": read,
        "bias": total - float(by.sum()),
        "total": total,
    }


def _before(layers: Sequence[Described], stage: int) -> Iterator[Description]:
    """The operations of its half up to a stage's sum."""
    one = layers[stage]
    for other in layers[:stage]:
        if other.stage.part == one.stage.part:
            yield from other.operations
    assert one.sum is not None
    yield from one.operations[: one.sum - one.first + 1]


def _is_straight(description: Description) -> bool:
    if description["op"] == "activation":
        return description["kind"] in _STRAIGHT_CURVES
    return description["op"] in _STRAIGHT


@torch.inference_mode()
def _added(
    model: LatentModel,
    layers: Sequence[Described],
    x: Tensor,
    chosen: Chosen,
    place: tuple[int, int],
    ran: Ran,
    mean: Sequence[float],
) -> Tensor:
    """The output with a unit less the output without it."""
    stage, unit = place
    held = dict(chosen.held)
    if stage == code_of(layers):
        silenced = unit in held
        if silenced:
            del held[unit]
        else:
            held[unit] = silent_value(layers, mean, unit)
        other = replace(chosen, held=tuple(held.items()))
    else:
        silenced = place in chosen.silent
        other = replace(chosen, silent=chosen.silent ^ {place})
    changed = run(model, layers, x, other).x_hat
    return (changed - ran.x_hat.detach()) * (1 if silenced else -1)


def silent_value(layers: Sequence[Described], mean: Sequence[float], d: int) -> float:
    """What a latent number is held at when it is silenced: one behind a curve, as of a sparse code,
    at 0, others at their mean."""
    return 0.0 if layers[code_of(layers)].curve else float(mean[d])
