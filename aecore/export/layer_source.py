"""A model's layers as lines of plain PyTorch, and its weights under the names those lines give.

Our own few layers bring their definition along: the very text of their class here.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aecore.errors import ExportError
from aecore.models import LatentModel, blocks
from aecore.models.blocks import leaves
from aecore.models.families.linear import TransposedLinear
from aecore.models.families.sparse import TopK
from aecore.models.layers import KNOWN, Pad, Resize, Scale
from aecore.models.transposed import ConvTranspose2d

OWN = (Scale, Pad, Resize, TransposedLinear, TopK)
_MORE = {nn.Unflatten, nn.GroupNorm, ConvTranspose2d}  # the last writes itself as PyTorch's
_PLAIN = {*KNOWN.values(), *blocks.ACTIVATIONS.values(), *_MORE} - {*OWN}
_WIDEST = 100  # characters of a line


@dataclass(frozen=True)
class PlainLayers:
    """A model as two lists of layers. sigmoid_apart: the decoder's last curve is not among them,
    because the loss is computed from what comes before it."""

    encoder: list[nn.Module]
    decoder: list[nn.Module]
    sigmoid_apart: bool

    def own(self) -> list[type[nn.Module]]:
        """The layers that PyTorch does not have."""
        return [cls for cls in OWN if any(isinstance(m, cls) for m in self.encoder + self.decoder)]

    def place(self, cls: type[nn.Module]) -> int | None:
        """Where in the encoder the first layer of a kind is."""
        return next((i for i, m in enumerate(self.encoder) if isinstance(m, cls)), None)


def plain_layers(model: LatentModel) -> PlainLayers:
    """The layers of both halves in order, without those that do nothing."""
    if model.conditional:  # the label's share is apart, so these are without it
        halves = [model.encoder, nn.Sequential(model.decoder, model.output)]
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
    if model.conditional:
        parts |= {"label_to_encoder": model.content_seen, "label_to_decoder": model.content}
    return {
        f"{part}.{name}": value.detach().cpu().contiguous().clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def sequential(layers: Sequence[nn.Module], encoder: Sequence[nn.Module], indent: int) -> str:
    """nn.Sequential(...) of layers, one a line. encoder: what a tied layer may refer to."""
    pad = " " * (indent + 4)
    lines = [_line(expression(layer, encoder), pad) for layer in layers]
    return "nn.Sequential(\n" + "\n".join(lines) + "\n" + " " * indent + ")"


def _line(text: str, pad: str) -> str:
    if len(pad) + len(text) < _WIDEST:
        return f"{pad}{text},"
    head, _, arguments = text[:-1].partition("(")
    call = ast.parse(text, mode="eval").body
    pieces = [ast.get_source_segment(text, a) for a in call.args]
    pieces += [f"{k.arg}={ast.get_source_segment(text, k.value)}" for k in call.keywords]
    inner = "".join(f"{pad}    {piece},\n" for piece in pieces) if arguments else ""
    return f"{pad}{head}(\n{inner}{pad}),"


def expression(layer: nn.Module, encoder: Sequence[nn.Module] = ()) -> str:
    """The call that makes a layer: 'nn.Linear(784, 128)'. Raises ExportError for an unknown one."""
    if isinstance(layer, TransposedLinear):
        places = [i for i, m in enumerate(encoder) if m is layer._of[0]]
        if places:
            return f"TransposedLinear(self.encoder[{places[0]}])"
    elif isinstance(layer, Resize):
        return f"Resize({layer.size[0]}, {layer.size[1]})"
    elif isinstance(layer, nn.Unflatten):
        return f"nn.Unflatten({layer.dim}, {tuple(layer.unflattened_size)})"
    elif isinstance(layer, OWN):
        return f"{type(layer).__name__}({_arguments(layer)})"
    elif type(layer) in _PLAIN:
        return f"nn.{type(layer).__name__}({_arguments(layer)})"
    raise ExportError(
        f"This model has a {type(layer).__name__} layer, which cannot be written as a line of "
        "plain PyTorch; take out the .safetensors file instead."
    )


def _arguments(layer: nn.Module) -> str:
    """The arguments of a layer's __init__ as they now are, those at their default left out."""
    written = []
    for name, parameter in list(inspect.signature(type(layer).__init__).parameters.items())[1:]:
        if name in ("device", "dtype", "inplace") or not hasattr(layer, name):
            continue
        value = getattr(layer, name)
        if name == "bias" or isinstance(value, Tensor):
            value = value is not None
        value = _one(value)
        text = json.dumps(value) if isinstance(value, str) else repr(value)
        if parameter.default is inspect.Parameter.empty:
            written.append(text)
        elif value != _one(parameter.default) and not _implied(layer, name, value):
            written.append(f"{name}={text}")
    return ", ".join(written)


def _one(value: Any) -> Any:
    """(2, 2) as 2, which every layer that takes sizes understands."""
    same = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if same else value


def _implied(layer: nn.Module, name: str, value: Any) -> bool:
    """Pools keep their stride even where it is the kernel's size, which is the default."""
    pool = isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)
    return pool and name == "stride" and value == _one(layer.kernel_size)


def definition(cls: type[nn.Module]) -> str:
    """The text of one of our own layers, without what only its printing needs."""
    text = inspect.getsource(cls)
    for node in ast.parse(text).body[0].body:
        if isinstance(node, ast.FunctionDef) and node.name == "extra_repr":
            lines = text.splitlines()
            text = "\n".join(lines[: node.lineno - 1] + lines[node.end_lineno :])
    # A layer of ours gets its values later; a script's has none to wait for.
    return text.rstrip().replace("torch.empty(", "torch.zeros(")


def as_pt(weights: dict[str, Tensor]) -> bytes:
    """A state dict as the bytes of a .pt file, which torch.load(weights_only=True) reads."""
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()
