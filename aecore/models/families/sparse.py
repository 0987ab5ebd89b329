"""Sparse autoencoders: many code units, few of them on at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from aecore.models import blocks, fields
from aecore.models.base import LatentModel
from aecore.models.declared import Constant, Figure, LossSource
from aecore.models.layers.kinds.top_k import TopK
from aecore.models.losses import LossTerms
from aecore.models.network import NetworkModel
from aecore.models.presets import Preset
from aecore.types import TrainConfig

GENEROUS_EPOCHS = 3  # of k-sparse training: 8, 4, 2 times as many active units, then as asked
L1, KL, TOP_K = "l1", "kl", "k-sparse"
FIRES = {L1: 1e-3, TOP_K: 1e-3, KL: 0.1}  # a unit fires when its activation is above this


@dataclass(frozen=True)
class SparseOptions(fields.NetworkOptions):
    """Choices of a sparse autoencoder; latent numbers are its code units."""

    penalty: str = fields.choice(
        TOP_K,
        (TOP_K, L1, KL),
        "How it is kept sparse",
        "k-sparse: only the strongest units stay on. l1: each activation costs. kl: each unit's "
        "mean activation is pulled to a target (its units are sigmoids).",
    )
    active: int = fields.number(
        25, (1, 4096), "Active units", "k-sparse: how many units stay on for an example."
    )
    strength: float = fields.number(
        0.03,
        (0.0, 1000.0),
        "Penalty strength",
        "l1 and kl: weight of the penalty beside the squared error of an example.",
        format="%.3f",
    )
    target: float = fields.number(
        0.05, (0.001, 0.999), "Target activation", "kl: the mean activation wanted of each unit."
    )
    hidden: tuple[int, ...] = fields.widths(
        (),
        "Hidden widths of the encoder",
        "Layers before the code, for example 512. The decoder is always one layer, so that each "
        "unit stands for one drawing.",
    )
    activation: str = fields.activation()
    output: str = fields.output()
    init: str = fields.init()


class SparseAE(NetworkModel):
    """An overcomplete code of which few units fire.

    k-sparse: Makhzani and Frey 2014. kl: Ng 2011, 'Sparse autoencoder' (CS294A lecture notes).
    """

    family: ClassVar[str] = "sparse-ae"
    title: ClassVar[str] = "Sparse autoencoder"
    Options: ClassVar[type] = SparseOptions
    wide_code: ClassVar[bool] = True
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("units_firing", "**{:.1f}** units fire for an example.", "code units per example"),
    )
    inside: ClassVar[tuple[str, ...]] = ("units",)

    def layers(self) -> tuple[nn.Sequential, nn.Sequential]:
        options, spec = self.options, self.spec
        down = (spec.data.size, *options.hidden)
        curve = nn.Sigmoid() if options.penalty == KL else nn.ReLU()
        keep = [TopK(min(options.active, spec.latent_dim))] if options.penalty == TOP_K else []
        encoder = nn.Sequential(
            nn.Flatten(),
            *blocks.dense_stack(down, options.activation, "none"),
            nn.Linear(down[-1], spec.latent_dim),
            curve,
            *keep,
        )
        decoder = nn.Sequential(
            nn.Linear(spec.latent_dim, spec.data.size), nn.Unflatten(1, spec.data.shape)
        )
        return encoder, decoder

    def begin_epoch(self, epoch: int) -> None:
        # From many to few (Makhzani and Frey, section 2.2.1): with few from the start, most units
        # never win, so they never learn.
        for layer in self.encoder:
            if isinstance(layer, TopK):
                layer.generosity = 2 ** max(0, GENEROUS_EPOCHS - epoch)

    def loss_terms(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
    ) -> LossTerms:
        code = self.encode(x).mu
        reconstruction = self.compare(self.decoder(code), x)
        return LossTerms(reconstruction, penalty=self._penalty(code))

    def _penalty(self, code: Tensor) -> Tensor | None:
        if self.options.penalty == L1:
            return self.options.strength * code.abs().sum(1)
        if self.options.penalty == KL:
            return (self.options.strength * kl_to_target(code, self.options.target)).expand(
                len(code)
            )
        return None

    def loss_source(self) -> LossSource | None:
        chosen = self.options
        strength = Constant("STRENGTH", chosen.strength, "weight of the sparsity penalty")
        if chosen.penalty == L1:
            return LossSource((strength,), penalty="STRENGTH * z.abs().sum(1).mean()")
        if chosen.penalty == KL:
            target = Constant("TARGET", chosen.target, "mean activation wanted of each unit")
            return LossSource(
                (strength, target), (kl_to_target,), penalty="STRENGTH * kl_to_target(z, TARGET)"
            )
        return LossSource(
            (Constant("GENEROUS_EPOCHS", GENEROUS_EPOCHS, "8, 4, 2 times as many active units"),),
            each_epoch=(
                "# From many units to few: with few from the start, most never learn.",
                f"model.encoder[{len(self.encoder) - 1}].generosity = "
                "2 ** max(0, GENEROUS_EPOCHS - epoch)",
            ),
        )

    def extra_metrics(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """units_firing: how many code units are on for an image."""
        return {"units_firing": self.firing(self.encode(x).mu).sum(1).float()}

    def firing(self, code: Tensor) -> Tensor:
        """Which units are on: (B, k) -> (B, k) bool."""
        return code > FIRES[self.options.penalty]


def kl_to_target(code: Tensor, target: float) -> Tensor:
    """KL of a coin of chance `target` to one of each unit's mean activation, summed, in nats.

    code: (B, k) in [0, 1].
    """
    mean = code.mean(0).clamp(1e-6, 1 - 1e-6)
    wanted = torch.full_like(mean, target)
    return (wanted * (wanted / mean).log() + (1 - wanted) * ((1 - wanted) / (1 - mean)).log()).sum()


@torch.inference_mode()
def atoms(model: LatentModel, codes: Tensor) -> Tensor:
    """What each unit adds to a drawing, (k, *shape): with the unit at its usual strength, minus
    with no unit on. codes: (n, k) of held-out images; 'usual' is the mean where it fires."""
    on = model.firing(codes)
    strength = (codes * on).sum(0) / on.sum(0).clamp(min=1)
    none = torch.zeros(1, codes.shape[1], device=codes.device)
    return model.decode(torch.diag(strength)) - model.decode(none)


PRESETS = (
    Preset(
        "k-sparse",
        "Sparse: 25 of 256 units",
        "256 code units of which only the 25 strongest stay on for an example.",
        "sparse-ae",
        256,
        {"penalty": "k-sparse", "active": 25, "hidden": (512,)},
        TrainConfig(epochs=8, learning_rate=3e-3, schedule="one-cycle"),
        place=150,
        teaches="A wide code of which few units speak at a time.",
    ),
    Preset(
        "sparse-l1",
        "Sparse: every activation costs",
        "256 code units and a price on each activation (L1): few fire, and strokes appear.",
        "sparse-ae",
        256,
        {"penalty": "l1", "strength": 0.1},
        TrainConfig(epochs=5, learning_rate=1e-3),
        place=160,
        teaches="A price on every activation: strokes appear.",
    ),
    Preset(
        "sparse-kl",
        "Sparse: a target activation",
        "256 sigmoid units, each pulled to fire for one example in twenty (KL).",
        "sparse-ae",
        256,
        {"penalty": "kl", "strength": 1.0, "target": 0.05},
        TrainConfig(epochs=5, learning_rate=1e-3),
        place=170,
        teaches="Units that are each pulled to fire rarely.",
    ),
)
