"""Networks from outside that are told a label: any list of layers, with Told(...) among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.models.base import LatentModel
from aecore.models.declared import LossSource
from aecore.models.families.described import DescribedModel, DescribedOptions
from aecore.models.given import GivenLabel, GivenLabelVAE
from aecore.models.layers.kinds.told import Told, joined
from aecore.models.losses import LossTerms
from aecore.models.posterior import Posterior


@dataclass(frozen=True)
class DescribedConditionalOptions(DescribedOptions):
    """As DescribedOptions; either half may hold Told(...)."""


@dataclass(frozen=True)
class DescribedConditionalVAEOptions(DescribedOptions):
    """As DescribedConditionalOptions; the encoder gives mu, then logvar."""


class DescribedConditional(DescribedModel):
    """Two lists of layers, told a label where Told stands in them.

    Without a label, the mean of all labels' numbers is told.
    """

    conditional: ClassVar[bool] = True

    def check_told(self, classes: list[int]) -> None:
        known = self.spec.data.classes
        if known < 2:
            raise ConfigError(
                "A conditional model is told each example's label, and these data have none: "
                "choose data with labels."
            )
        if not classes:
            raise ConfigError(
                f"A conditional model is told a label: put Told({known}) where it enters."
            )
        if len(set(classes)) > 1 or classes[0] < known:
            raise ConfigError(
                f"The layers are told one of {' and of '.join(map(str, sorted(set(classes))))} "
                f"classes, but the data have {known}: choose the data that it was trained on."
            )

    def first_lines(self, n_in: int, n_out: int) -> tuple[str, ...]:
        classes = self.spec.data.classes
        return f"Told({max(2, classes)})", f"Linear({n_in + max(2, classes)}, {n_out})"

    def encoder_network(self, label: int | None = None) -> nn.Sequential:
        """x -> z for one label, whose share is in a bias where a linear layer follows it."""
        return nn.Sequential(*_said(list(self.encoder), label))

    def decoder_network(self, label: int | None = None) -> nn.Sequential:
        """z -> x_hat for one label, as `encoder_network`."""
        return nn.Sequential(*_said([*self.decoder, *self.output], label))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Posterior:
        """q(z|x, y) of (B, *shape); labels (B,) int64, None for no label said."""
        if labels is None:
            return super().encode(x)
        return self._posterior(x, labels)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """x_hat (B, *shape); labels (B,) int64, None for no label said."""
        if labels is None:
            return self.decoder_network()(z)
        return self.output(_run(self.decoder, z, labels))

    def given(self, label: int) -> LatentModel:
        """This model with one label said for good: a model of z alone."""
        return (GivenLabelVAE if self.variational else GivenLabel)(self, self, label)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        posterior = self._posterior(x, labels)
        before = _run(self.decoder, posterior.sample(generator), labels)
        kl = posterior.kl() if self.variational else None
        return LossTerms(self.compare(before, x), kl)

    def loss_source(self) -> LossSource | None:
        return LossSource()

    def _posterior(self, x: Tensor, labels: Tensor | None) -> Posterior:
        out = _run(self.encoder, x, labels)
        return Posterior(*out.chunk(2, dim=1)) if self.variational else Posterior(out)


def _run(layers: nn.Sequential, x: Tensor, labels: Tensor | None) -> Tensor:
    for layer in layers:
        x = layer(x, labels) if isinstance(layer, Told) else layer(x)
    return x


def _said(layers: list[nn.Module], label: int | None) -> list[nn.Module]:
    """The layers with a label said: none of them has to be told one any more."""
    found: list[nn.Module] = []
    for layer in layers:
        told = found[-1] if found else None
        if isinstance(layer, nn.Linear) and isinstance(told, Told):
            found[-1] = _folded(told, layer)
        elif isinstance(layer, Told):
            found.append(_with_label(layer, label))
        else:
            found.append(layer)
    return found


def _with_label(layer: Told, label: int | None) -> Told:
    """The same layer, of the same weights, that has been told a label."""
    said = Told(layer.classes, 0, layer.first, layer.said if label is None else label)
    said.width = layer.width
    if layer.width:
        said.weight = layer.weight
    return said.train(layer.training)


def _folded(told: Told, layer: nn.Linear) -> nn.Linear:
    """A linear layer behind a label: what the label gives is always the same, so it is a bias."""
    m = joined(told)
    rest = layer.weight.detach()[:, m:] if told.first else layer.weight.detach()[:, :-m]
    columns = layer.weight.detach()[:, :m] if told.first else layer.weight.detach()[:, -m:]
    share = columns @ told.numbers(rest[:1], None)[0].detach()
    folded = nn.Linear(layer.in_features - m, layer.out_features, device="meta")
    folded.weight = nn.Parameter(rest, requires_grad=False)
    bias = share if layer.bias is None else layer.bias.detach() + share
    folded.bias = nn.Parameter(bias, requires_grad=False)
    return folded


class LabelledAE(DescribedConditional):
    """An autoencoder from outside that is told a label."""

    family: ClassVar[str] = "described-conditional-ae"
    title: ClassVar[str] = "Conditional autoencoder from a file"
    Options: ClassVar[type] = DescribedConditionalOptions


class LabelledVAE(DescribedConditional):
    """A VAE from outside that is told a label."""

    family: ClassVar[str] = "described-conditional-vae"
    title: ClassVar[str] = "Conditional VAE from a file"
    Options: ClassVar[type] = DescribedConditionalVAEOptions
    variational: ClassVar[bool] = True
