"""Networks from outside: any list of layers, an encoder's and a decoder's, kept as text."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from torch import nn

from aecore.errors import ConfigError
from aecore.models import fields
from aecore.models.layers import entry_of, parse_layers, shape_after
from aecore.models.layers.kinds.borders import Crop
from aecore.models.layers.kinds.told import Told
from aecore.models.network import NetworkModel
from aecore.types import ModelSpec


@dataclass(frozen=True)
class DescribedOptions(fields.NetworkOptions):
    """The layers of both halves; empty lists stand for one linear layer each way."""

    encoder: tuple[str, ...] = fields.layer_lines(
        "Encoder", "One layer a line, from the data to the code, like Linear(784, 128)."
    )
    decoder: tuple[str, ...] = fields.layer_lines(
        "Decoder", "One layer a line, from the code to the data, the output curve included."
    )
    loss: str = fields.loss()
    init: str = fields.init()


@dataclass(frozen=True)
class DescribedVAEOptions(DescribedOptions):
    """As DescribedOptions; the encoder gives mu, then logvar: twice the code's size."""


class DescribedModel(NetworkModel):
    """Two lists of layers. What follows the decoder's last layer with weights is its output."""

    from_outside: ClassVar[bool] = True

    def __init__(self, spec: ModelSpec, options: Any):
        super().__init__(spec, options)
        told = [m for m in (*self.encoder, *self.decoder) if isinstance(m, Told)]
        self.check_told([m.classes for m in told])
        cut = len(self.decoder)
        while cut and not _counts(self.decoder[cut - 1]):
            cut -= 1
        curves = [i for i, m in enumerate(self.decoder) if i >= cut and isinstance(m, nn.Sigmoid)]
        cut = curves[0] if curves else cut  # what stands before it changes the logits
        self.output = self.decoder[cut:]
        self.decoder = self.decoder[:cut]
        self.last = self.output[1:] if curves else self.output
        if self.cross_entropy and not (curves and all(map(_only_moves, self.last))):
            raise ConfigError(
                "Cross-entropy needs a decoder that ends in Sigmoid(); choose the squared error."
            )

    def check_told(self, classes: list[int]) -> None:
        """Raise ConfigError unless the labels that the layers are told are the model's to tell.

        classes: of each Told layer, in order.
        """
        if classes:
            raise ConfigError(
                "Told(...) stands in these layers, but this model is told no label: it is a "
                "conditional one."
            )

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        spec, options = self.spec, self.options
        shape, k, code = spec.data.shape, spec.latent_dim, self.code_size
        size = spec.data.size
        ends = f"Unflatten({', '.join(map(str, shape))})"
        lines = options.encoder or ("Flatten()", *self.first_lines(size, code))
        back = options.decoder or (*self.first_lines(k, size), ends)
        encoder, decoder = parse_layers(lines), parse_layers(back)
        found = shape_after(encoder, shape, "encoder")
        if prod(found) != code:
            what = f"{k} latent numbers" + (", mu and logvar of each" if code != k else "")
            raise ConfigError(
                f"The encoder ends in {prod(found)} numbers, but {code} are expected ({what})."
            )
        if len(found) > 1:
            encoder.append(nn.Flatten())
        found = shape_after(decoder, (k,), "decoder")
        if found != shape:
            if prod(found) != size:
                raise ConfigError(
                    f"The decoder ends in shape {found}, but the data have shape {shape}."
                )
            if len(found) > 1:
                decoder.append(nn.Flatten())
            decoder.append(nn.Unflatten(1, shape))
        return encoder, decoder

    def first_lines(self, n_in: int, n_out: int) -> tuple[str, ...]:
        """One linear layer, where no lines are given."""
        return (f"Linear({n_in}, {n_out})",)

    def compare(self, before_output, x):
        if self.cross_entropy:
            before_output = self.last(before_output)  # a mere change of shape
        return super().compare(before_output, x)


def _counts(layer: nn.Module) -> bool:
    """Whether a layer has weights, or is told something: it belongs to the decoder proper."""
    return isinstance(layer, Told) or any(True for _ in layer.parameters())


def _only_moves(layer: nn.Module) -> bool:
    """Whether a layer leaves values as they are, some of them perhaps out: as well before a curve
    as behind it."""
    entry = entry_of(layer)
    return isinstance(layer, Crop | nn.PixelShuffle) or (entry is not None and entry.idle)


class DescribedAE(DescribedModel):
    """An autoencoder from outside."""

    family: ClassVar[str] = "described-ae"
    title: ClassVar[str] = "Autoencoder from a file"
    Options: ClassVar[type] = DescribedOptions


class DescribedVAE(DescribedModel):
    """A VAE from outside."""

    family: ClassVar[str] = "described-vae"
    title: ClassVar[str] = "Variational autoencoder from a file"
    Options: ClassVar[type] = DescribedVAEOptions
    variational: ClassVar[bool] = True
