"""What a person sees as one layer of a network: its sum and its curve, with a place in the browser.

A network's leaves are finer than that (a linear layer, its normalisation, its curve), and its
operations in the browser are other again (normalisation is folded away). A stage ties them: the
leaf whose output is the units' activation, and the operation that writes the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from torch import nn

from aecore.models.layers.entry import Shape
from aecore.models.layers.registry import entry_of
from aecore.models.layers.tracing import Traced, trace

if TYPE_CHECKING:
    from aecore.models.base import LatentModel

#: Operations of one value in, one value out, which may follow a sum within a stage.
CURVES = ("activation", "prelu", "top_k")
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
class Stage:
    """One layer as a person sees it.

    part: "encoder" or "decoder". leaf: the index, among the network's leaves, of the last layer in
        it, whose output is the activation. first, end: its operations, `first` to `end` - 1. sum:
        the operation whose values are the sums before the curve; None where it has no such.
    shape: of its values; (channels, height, width) for feature maps, also where they are flattened
        behind it.
    """

    part: str
    leaf: int
    first: int
    end: int
    sum: int | None
    shape: Shape
    kind: str
    title: str
    curve: str

    @property
    def units(self) -> int:
        """What it has of units: feature maps, or single values."""
        return self.shape[0] if len(self.shape) == 3 else prod(self.shape)

    @property
    def described(self) -> dict[str, Any]:
        """As the browser reads it."""
        return {
            "part": self.part,
            "first": self.first,
            "end": self.end,
            "sum": self.sum,
            "shape": list(self.shape),
            "kind": self.kind,
            "title": self.title,
            "curve": self.curve,
        }


def stages_of(model: LatentModel) -> list[Stage]:
    """The encoder's stages and then the decoder's.

    Raises ExportError where a layer has no counterpart in the browser.
    """
    data, k = model.spec.data, model.spec.latent_dim
    return [
        *stages_in("encoder", trace(model.encoder_network(), tuple(data.shape), "encoder")),
        *stages_in("decoder", trace(model.decoder_network(), (k,), "decoder")),
    ]


def stages_in(part: str, traced: Traced) -> list[Stage]:
    """The stages of one half of a model, in their order."""
    found: list[Stage] = []
    begun, leaf, shape = 0, -1, ()
    held: list[str] = []  # the operations of the stage that is being gathered
    kinds = [op.description["op"] for op in traced.operations]

    def close() -> None:
        if held:
            found.append(_stage(part, leaf, begun, held, shape, traced))

    for i, (layer, end, after) in enumerate(traced.ends):
        new = kinds[begun + len(held) : end]
        if new and held and not _goes_on(layer, new, held):
            close()
            begun, held, shape = begun + len(held), [], ()
        held.extend(new)
        if held:
            leaf = i
            # What is flattened behind feature maps is still looked at as maps.
            flattened = len(shape) == 3 and prod(shape) == prod(after) and len(after) != 3
            shape = shape if flattened else after
    close()
    return found


def _goes_on(layer: nn.Module, new: list[str], held: list[str]) -> bool:
    """Whether a layer belongs to the stage before it: a curve, or a normalisation before one."""
    entry = entry_of(layer)
    curved = any(kind in CURVES for kind in held)
    if all(kind in CURVES for kind in new):
        return not curved or "top_k" in new
    if entry is not None and entry.curve is not None:
        return not curved  # SELU: a curve and a factor
    return held[-1] in SUMS and all(kind in ("layer_norm", "group_norm", "affine") for kind in new)


def _stage(
    part: str, leaf: int, first: int, held: list[str], shape: Shape, traced: Traced
) -> Stage:
    descriptions = [op.description for op in traced.operations[first : first + len(held)]]
    plain = not any(kind in ("keep", "exchange", "add", "join") for kind in held)
    at = next((i for i, kind in enumerate(held) if kind in SUMS), None) if plain else None
    curves = [d.get("kind") or d["op"] for d in descriptions if d["op"] in CURVES]
    names = [_CURVE_NAMES.get(c, c.replace("_", " ")) for c in curves] if plain else []
    kind = held[at] if at is not None else held[0] if plain else "block"
    return Stage(
        part=part,
        leaf=leaf,
        first=first,
        end=first + len(held),
        sum=None if at is None else first + at,
        shape=shape,
        kind=kind,
        title=_NAMES.get(kind, "Curve" if kind in CURVES else "Block of layers"),
        curve=", then ".join(names),
    )
