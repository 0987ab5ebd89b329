"""A model's layers as lines of plain PyTorch, and its weights under the names those lines give.

Our own few layers bring their definition along: the very text of their class here.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aecore.errors import ExportError
from aecore.models import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers import entry_of
from aecore.models.layers.kinds.told import Told
from aecore.models.layers.registry import layers_within

_WIDEST = 100  # characters of a line


@dataclass(frozen=True)
class PlainLayers:
    """A model as two lists of layers. sigmoid_apart: the decoder's last curve is not among them,
    because the loss is computed from what comes before it."""

    encoder: list[nn.Module]
    decoder: list[nn.Module]
    sigmoid_apart: bool

    def own(self) -> list[type[nn.Module]]:
        """The layers that PyTorch does not have, in the order in which they are first used."""
        every = [m for layer in self.encoder + self.decoder for m in layers_within(layer)]
        entries = [entry_of(layer) for layer in every]
        return list(dict.fromkeys(e.layer for e in entries if e is not None and e.own))

    @property
    def tells(self) -> bool:
        """Whether a label enters where some of these layers stand."""
        return any(isinstance(m, Told) for m in self.encoder + self.decoder)

    def place(self, cls: type[nn.Module]) -> int | None:
        """Where in the encoder the first layer of a kind is."""
        return next((i for i, m in enumerate(self.encoder) if isinstance(m, cls)), None)


def plain_layers(model: LatentModel) -> PlainLayers:
    """The layers of both halves in order, without those that do nothing."""
    if model.conditional:  # these are as they are before a label is said
        inner, outer, end = (model.get_submodule(n) for n in ("encoder", "decoder", "output"))
        halves = [inner, nn.Sequential(outer, end)]
    else:
        halves = [model.encoder_network(), model.decoder_network()]
    encoder, decoder = ([m for m in leaves(h) if type(m) is not nn.Identity] for h in halves)
    if model.reconstruction_unit != "nats":
        return PlainLayers(encoder, decoder, False)
    # Cross-entropy is computed on what stands before the sigmoid.
    weights = [i for i, m in enumerate(decoder) if list(m.parameters())]
    last = max(weights, default=-1) + 1
    curves = [i for i, m in enumerate(decoder) if i >= last and isinstance(m, nn.Sigmoid)]
    rest = [m for i, m in enumerate(decoder) if i not in curves]
    return PlainLayers(encoder, rest, bool(curves))


def plain_weights(model: LatentModel, layers: PlainLayers) -> dict[str, Tensor]:
    """The state dict that the script's class has: encoder.N..., decoder.N..., and the labels'."""
    parts: dict[str, nn.Module] = {
        "encoder": nn.Sequential(*layers.encoder),
        "decoder": nn.Sequential(*layers.decoder),
    }
    if model.conditional and not layers.tells:
        parts["label_to_encoder"] = model.get_submodule("content_seen")
        parts["label_to_decoder"] = model.get_submodule("content")
    return {
        f"{part}.{name}": value.detach().cpu().contiguous().clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def sequential(
    layers: Sequence[nn.Module], encoder: Sequence[nn.Module], indent: int, last: str = ""
) -> str:
    """nn.Sequential(...) of layers, one a line.

    encoder: what a tied layer may refer to. indent: spaces before the line that it stands on.
    last: a comment behind the last layer.
    """
    lines = [line for layer in layers for line in call_of(layer, encoder).lines(indent + 4)]
    if last:
        lines[-1] += f"  # {last}"
    return "\n".join(["nn.Sequential(", *lines, " " * indent + ")"])


@dataclass(frozen=True)
class Call:
    """A call with its arguments as texts: 'nn.Linear', ('784', '128')."""

    name: str
    arguments: tuple[str, ...]

    def lines(self, indent: int) -> list[str]:
        """The call and a comma, its arguments one a line where they do not fit."""
        space = " " * indent
        whole = f"{space}{self.name}({', '.join(self.arguments)}),"
        if len(whole) <= _WIDEST:
            return [whole]
        arguments = [f"{space}    {argument}," for argument in self.arguments]
        return [f"{space}{self.name}(", *arguments, f"{space}),"]


def call_of(layer: nn.Module, encoder: Sequence[nn.Module] = ()) -> Call:
    """The call that makes a layer. Raises ExportError for one that no call of its kind makes."""
    entry = entry_of(layer)
    if entry is not None and entry.is_exactly(layer):
        arguments = entry.script(layer, encoder)
        if arguments is not None:
            return Call(entry.name if entry.own else f"nn.{entry.name}", tuple(arguments))
    raise ExportError(
        f"This model has a {type(layer).__name__} layer, which cannot be written as a line of "
        "plain PyTorch; take out the .safetensors file instead."
    )


def definition(cls: type[nn.Module]) -> str:
    """The text of one of our own layers."""
    return inspect.getsource(cls).rstrip()


def as_pt(weights: dict[str, Tensor]) -> bytes:
    """A state dict as the bytes of a .pt file, which torch.load(weights_only=True) reads."""
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()
