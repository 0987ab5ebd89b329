"""A network that takes another size than the data have: what it does in its own terms.

Its likelihood is one of the examples that it was shown, enlarged or padded, and so is its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aecore.models import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers import entry_of

#: Layers that bring examples to another size, and change no value otherwise.
FITS = ("Pad", "Resize", "Crop", "ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d")


@dataclass(frozen=True)
class OwnTerms:
    """How examples come to the network's own size, and the layer that brings its answer back."""

    enter: nn.Sequential
    back: nn.Module

    def examples(self, x: Tensor) -> Tensor:
        """The examples x (b, *shape) as the network sees them."""
        return self.enter(x)


def own_terms(model: LatentModel) -> OwnTerms | None:
    """None for a network of the data's own size, or one that answers in another range."""
    first, last = [], None
    for layer in leaves(model.encoder_network()):
        if type(layer).__name__ not in FITS:
            break
        first.append(layer)
    for layer in reversed(list(leaves(model.decoder_network()))):
        if type(layer).__name__ in FITS:
            last = layer
        elif not _idle(layer):
            break
    return OwnTerms(nn.Sequential(*first), last) if first and last is not None else None


def output_sigmoid(model: LatentModel) -> nn.Sigmoid | None:
    """The sigmoid that the decoder ends in, if it does; another size may follow."""
    for layer in reversed(list(leaves(model.decoder_network()))):
        if isinstance(layer, nn.Sigmoid):
            return layer
        if not _idle(layer) and type(layer).__name__ not in FITS:
            return None
    return None


def _idle(layer: nn.Module) -> bool:
    entry = entry_of(layer)
    return entry is not None and entry.idle


class Caught:
    """Catches what enters layers while a model runs, by a name for each."""

    def __init__(self, **layers: nn.Module | None):
        self.layers = {name: layer for name, layer in layers.items() if layer is not None}
        self.values: dict[str, Tensor] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> Caught:
        for name, layer in self.layers.items():
            self._hooks.append(layer.register_forward_hook(self._catch(name)))
        return self

    def __exit__(self, *_) -> None:
        for hook in self._hooks:
            hook.remove()

    def _catch(self, name: str):
        def catch(layer: nn.Module, given: tuple[Tensor, ...], _: Tensor) -> None:
            self.values[name] = given[0]

        return catch
