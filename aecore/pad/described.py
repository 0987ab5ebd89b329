"""A model's stages as the browser has them: where each lies among its operations, and its words.

What a stage is says aecore/models/stages.py. A network's operations in the browser are other again
(normalisation is folded away): here the two are tied, by the operation that writes the values which
leave the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from torch import nn

from aecore.models.layers.entry import Shape
from aecore.models.layers.operation import Description
from aecore.models.layers.tracing import Traced, trace
from aecore.models.stages import CURVES, Stage, stages_in

if TYPE_CHECKING:
    from aecore.models.base import LatentModel

#: Operations whose values are sums of weight times input.
SUMS = ("linear", "conv2d", "conv_transpose2d")
_NAMES = {
    "linear": "Dense",
    "conv2d": "Convolution",
    "conv_transpose2d": "Transposed convolution",
    "pool2d": "Pooling",
    "interpolate": "Resizing",
    "affine": "Normalisation",
    "layer_norm": "Normalisation",
    "group_norm": "Normalisation",
    "softmax": "Softmax",
    "join_constant": "Label joined",
    "pixel_shuffle": "Pixels regrouped",
    "pixel_unshuffle": "Pixels regrouped",
    "pick": "Border or order",
    "second_head": "Mean and spread",
}
_CURVE_NAMES = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "celu": "CELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "top_k": "only the largest",
    "prelu": "PReLU",
    "clip": "clipped",
}


@dataclass(frozen=True)
class Described:
    """One stage in the browser.

    first, end: its operations among those of its half, `first` to `end` - 1. sum: the operation
        whose values are the sums before the curve; None where it has no such. sum_leaf: the leaf
        that gives the same, behind what is folded into it.
    operations: those of the stage, described.
    shape: of its values; (channels, height, width) for feature maps, also where they are
        flattened.
    """

    stage: Stage
    first: int
    end: int
    sum: int | None
    sum_leaf: int | None
    operations: tuple[Description, ...]
    shape: Shape
    kind: str
    title: str
    curve: str

    @property
    def units(self) -> int:
        """What it has of units: feature maps, or single values."""
        return self.shape[0] if len(self.shape) == 3 else prod(self.shape)

    @property
    def meta(self) -> dict[str, Any]:
        """As the browser reads it."""
        return {
            "part": self.stage.part,
            "first": self.first,
            "end": self.end,
            "sum": self.sum,
            "shape": list(self.shape),
            "kind": self.kind,
            "title": self.title,
            "curve": self.curve,
        }


def described(model: LatentModel) -> list[Described]:
    """The encoder's stages and then the decoder's.

    Raises ExportError where a layer has no counterpart in the browser.
    """
    data, k = model.spec.data, model.spec.latent_dim
    halves = (
        ("encoder", model.encoder_network(), tuple(data.shape)),
        ("decoder", model.decoder_network(), (k,)),
    )
    return [
        one
        for part, network, shape in halves
        for one in described_half(part, network, trace(network, shape, part))
    ]


def described_half(part: str, network: nn.Module, traced: Traced) -> list[Described]:
    """The stages of one half of a model, of which `traced` has the operations. A stage that leaves
    its values as they are (a border of no width) has none, and is left out."""
    found: list[Described] = []
    first = 0
    for stage in stages_in(part, network):
        end = traced.ends[stage.leaf][1]
        if end > first:
            found.append(_described(stage, first, end, traced))
        first = end
    return found


def _shape(stage: Stage, first: int, traced: Traced) -> Shape:
    """Of a stage's values: as maps where they are maps before they are flattened, or become maps
    before anything else is computed."""
    count, own = traced.ends[stage.leaf][1:]
    shapes = [after for _, end, after in traced.ends if first < end <= count]
    maps = [shape for shape in shapes if len(shape) == 3 and prod(shape) == prod(own)]
    return own if len(own) == 3 or not maps else maps[0]


def _behind(count: int, stage: Stage, traced: Traced) -> int:
    """The last leaf of a stage behind which there are so many operations."""
    ends = traced.ends[: stage.leaf + 1]
    return max(leaf for leaf, (_, end, _) in enumerate(ends) if end == count)


def _described(stage: Stage, first: int, end: int, traced: Traced) -> Described:
    descriptions = [op.description for op in traced.operations[first:end]]
    held = [d["op"] for d in descriptions]
    plain = not any(kind in ("keep", "exchange", "add", "join") for kind in held)
    at = next((i for i, kind in enumerate(held) if kind in SUMS), None) if plain else None
    curves = [str(d.get("kind") or d["op"]) for d in descriptions if d["op"] in CURVES]
    names = [_CURVE_NAMES.get(c, c.replace("_", " ")) for c in curves] if plain else []
    kind = held[at] if at is not None else held[0] if plain else "block"
    return Described(
        stage=stage,
        first=first,
        end=end,
        sum=None if at is None else first + at,
        sum_leaf=None if at is None else _behind(first + at + 1, stage, traced),
        operations=tuple(descriptions),
        shape=_shape(stage, first, traced),
        kind=kind,
        title=_NAMES.get(kind, "Curve" if kind in CURVES else "Block of layers"),
        curve=", then ".join(names),
    )
