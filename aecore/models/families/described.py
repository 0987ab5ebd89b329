"""Networks from outside: any list of layers, an encoder's and a decoder's, kept as text."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from torch import nn

from aecore.errors import ConfigError
from aecore.models import fields
from aecore.models.layers import parse_layers, shape_after
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
        cut = len(self.decoder)
        while cut and not list(self.decoder[cut - 1].parameters()):
            cut -= 1
        self.output = self.decoder[cut:]
        self.decoder = self.decoder[:cut]
        curves = [m for m in self.output if isinstance(m, nn.Sigmoid)]
        values = [m for m in self.output if not isinstance(m, nn.Unflatten | nn.Flatten)]
        if self.cross_entropy and (len(curves) != 1 or len(values) != 1):
            raise ConfigError(
                "Cross-entropy needs a decoder that ends in Sigmoid(); choose the squared error."
            )
        self.last = nn.Sequential(*(m for m in self.output if m is not next(iter(curves), None)))

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        spec, options = self.spec, self.options
        shape, k, code = spec.data.shape, spec.latent_dim, self.code_size
        size = spec.data.size
        ends = f"Unflatten({', '.join(map(str, shape))})"
        lines = options.encoder or ("Flatten()", f"Linear({size}, {code})")
        back = options.decoder or (f"Linear({k}, {size})", ends)
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

    def compare(self, before_output, x):
        if self.cross_entropy:
            before_output = self.last(before_output)  # a mere change of shape
        return super().compare(before_output, x)


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
