"""The conditional VAE: the label is the content, z is left for the style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError
from aecore.models import fields
from aecore.models.declared import Constant, LossSource
from aecore.models.families.dense import DenseModel, DenseOptions
from aecore.models.given import GivenLabelVAE
from aecore.models.losses import LossTerms
from aecore.models.posterior import Posterior
from aecore.models.presets import Preset
from aecore.types import ModelSpec, TrainConfig

UNSAID = 0.05  # share of training examples whose label the decoder is not told


@dataclass(frozen=True)
class ConditionalOptions(DenseOptions):
    """Choices of a conditional VAE."""

    loss: str = fields.loss("bce")
    hidden: tuple[int, ...] = fields.hidden((400, 400))


class ConditionalVAE(DenseModel):
    """q(z|x, y) and p(x|z, y): Sohn et al. 2015, 'Learning structured output representation'.

    The label enters as a bias on the first layer of both halves. One training example in twenty
    keeps its label to itself (as in classifier-free guidance, Ho and Salimans 2022), so that
    decoding without a label means something too: all labels at once, a little each.
    """

    family: ClassVar[str] = "conditional-vae"
    title: ClassVar[str] = "Conditional variational autoencoder"
    Options: ClassVar[type] = ConditionalOptions
    variational: ClassVar[bool] = True
    conditional: ClassVar[bool] = True

    def __init__(self, spec: ModelSpec, options: ConditionalOptions):
        if spec.data.classes < 2:
            raise ConfigError(
                "A conditional model is told each example's label, and these data have none: "
                "choose data with labels, or a VAE without conditions."
            )
        super().__init__(spec, options)
        classes = spec.data.classes
        seen, decoded = _linear(self.encoder[1]), _linear(self.decoder[0])
        self.content_seen = nn.Linear(classes, seen.out_features, bias=False)
        self.content = nn.Linear(classes, decoded.out_features, bias=False)

    def encoder_network(self, label: int | None = None) -> nn.Sequential:
        """x -> mu and logvar for one label; its weights are the encoder's, a bias has the label."""
        flatten, first, *rest = self.encoder
        return nn.Sequential(flatten, _told(_linear(first), self.content_seen, label), *rest)

    def decoder_network(self, label: int | None = None) -> nn.Sequential:
        """z -> x_hat for one label: its weights are the decoder's, a bias holds the label."""
        first = _told(_linear(self.decoder[0]), self.content, label)
        return nn.Sequential(first, *self.decoder[1:], self.output)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Posterior:
        """q(z|x, y) of (B, *shape); labels (B,) int64, None for no label said."""
        if labels is None:
            return super().encode(x)
        return self._posterior(x, self._one_hot(labels))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """x_hat (B, *shape); labels (B,) int64, None for no label said."""
        if labels is None:
            return self.decoder_network()(z)
        return self.output(self._before_output(z, self._one_hot(labels)))

    def given(self, label: int) -> GivenLabelVAE:
        """This model with one label said for good: a model of z alone."""
        return GivenLabelVAE(self, self, label)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        classes = self.spec.data.classes
        if labels is None:
            told = x.new_full((len(x), classes), 1 / classes)
        else:
            told = self._one_hot(labels)
            if self.training:
                drawn = torch.rand(len(x), 1, generator=generator, device=x.device)
                told = torch.where(drawn < UNSAID, 1 / classes, told)
        posterior = self._posterior(x, told)
        before = self._before_output(posterior.sample(generator), told)
        return LossTerms(self.compare(before, x), posterior.kl())

    def loss_source(self) -> LossSource | None:
        return LossSource(
            constants=(Constant("UNSAID", UNSAID, "share of examples whose label is kept back"),),
            prepared=(
                "if labels is not None and model.training:",
                "    # Some labels are kept back, so that decoding without one means something.",
                "    drawn = torch.rand(len(x), 1, generator=generator, device=x.device)",
                "    told = torch.where(drawn < UNSAID, 1 / CLASSES, told)",
            ),
        )

    def _one_hot(self, labels: Tensor) -> Tensor:
        # F.one_hot looks at the values in Python: its steps could not be replayed.
        return torch.eye(self.spec.data.classes, device=labels.device).index_select(0, labels)

    def _posterior(self, x: Tensor, told: Tensor) -> Posterior:
        flatten, first, *rest = self.encoder
        h = first(flatten(x)) + self.content_seen(told)
        for layer in rest:
            h = layer(h)
        return Posterior(*h.chunk(2, dim=1))

    def _before_output(self, z: Tensor, told: Tensor) -> Tensor:
        return self.decoder[1:](self.decoder[0](z) + self.content(told))


def _linear(layer: nn.Module) -> nn.Linear:
    """The first layer of either half, where the label enters, known for what it is."""
    assert isinstance(layer, nn.Linear)
    return layer


def _told(layer: nn.Linear, content: nn.Linear, label: int | None) -> nn.Linear:
    """The layer with a label's share, or the mean of all labels' shares, in its bias."""
    share = content.weight.mean(1) if label is None else content.weight[:, label]
    told = nn.Linear(layer.in_features, layer.out_features, device="meta")
    told.weight = layer.weight
    told.bias = nn.Parameter(layer.bias.detach() + share.detach())
    return told


PRESETS = (
    Preset(
        "conditional-vae",
        "Conditional VAE",
        "The decoder is told the digit; two latent numbers are left for the style, the same "
        "for all ten.",
        "conditional-vae",
        2,
        {"hidden": (400, 400), "loss": "bce"},
        TrainConfig(epochs=10, learning_rate=2e-3, schedule="one-cycle"),
        place=210,
        teaches="The label told apart from the handwriting's style.",
    ),
)
