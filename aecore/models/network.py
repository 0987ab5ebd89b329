"""What all trained families share: two stacks of layers, an output, and the usual losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models import blocks
from aecore.models.base import LatentModel
from aecore.models.declared import Constant, LossSource
from aecore.models.fields import NetworkOptions
from aecore.models.losses import LossTerms, bernoulli_nats, squared_error, total_correlation
from aecore.types import ModelSpec


class NetworkModel(LatentModel):
    """An encoder and a decoder made by `layers`, trained by gradient steps.

    The family's Options are NetworkOptions: output, loss and init mean the same in all of them.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "Options" in vars(cls) and not issubclass(cls.Options, NetworkOptions):
            raise TypeError(f"{cls.__name__}.Options must be a subclass of fields.NetworkOptions.")

    def __init__(self, spec: ModelSpec, options: NetworkOptions):
        super().__init__(spec, options)
        self.encoder, self.decoder = self.layers()
        self.output = nn.Sigmoid() if options.output == "sigmoid" else nn.Identity()
        self.cross_entropy = options.loss == "bce"

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        """The encoder, ending in `code_size` numbers, and the decoder up to its output curve."""
        raise NotImplementedError

    @property
    def code_size(self) -> int:
        """Numbers that leave the encoder: mu, and logvar if there is one."""
        return self.spec.latent_dim * (2 if self.variational else 1)

    def encoder_network(self) -> nn.Sequential:
        return self.encoder

    def decoder_network(self) -> nn.Sequential:
        return nn.Sequential(self.decoder, self.output)

    @property
    def reconstruction_unit(self) -> str:
        return "nats" if self.cross_entropy else "squared error"

    @property
    def outputs_data(self) -> bool:
        # Cross-entropy is computed on what stands before the sigmoid. Without the sigmoid that is
        # also what comes out: logits, where pixels are expected.
        return not (self.cross_entropy and isinstance(self.output, nn.Identity))

    def initialise(self, generator: torch.Generator) -> None:
        blocks.initialise(self, self.options.init, generator)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.output(self.decoder(z))

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        posterior = self.encode(x)
        if posterior.logvar is None:
            return LossTerms(self.compare(self.decoder(posterior.mu), x))
        z = posterior.sample(generator)
        weight, penalty = self.options.independence, None
        # It steers training and is in no figure: who only measures need not pay B * B * k for it.
        if weight and torch.is_grad_enabled():
            penalty = weight * total_correlation(z, posterior.mu, posterior.logvar)
        return LossTerms(self.compare(self.decoder(z), x), posterior.kl(), penalty)

    def loss_source(self) -> LossSource | None:
        if not self.variational or not self.options.independence:
            return LossSource()
        return LossSource(
            constants=(
                Constant("INDEPENDENCE", self.options.independence, "weight of total correlation"),
            ),
            functions=(total_correlation,),
            penalty="INDEPENDENCE * total_correlation(z, mu, logvar).mean()",
        )

    def compare(self, before_output: Tensor, x: Tensor) -> Tensor:
        """Loss of each example, (B,), from what the decoder gives before its output curve."""
        # BCE on logits is stable where log(sigmoid) is not.
        if self.cross_entropy:
            return bernoulli_nats(before_output, x)
        return squared_error(self.output(before_output), x)
