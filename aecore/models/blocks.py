"""Parts that families are built from; each takes plain arguments."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from aecore.models.layers.registry import entry_of, layers_within

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
NORMALISATIONS = ("none", "batch", "layer")
INITS = ("default", "xavier", "kaiming", "orthogonal", "small_normal", "zeros")


def dense_stack(widths: Sequence[int], activation: str, normalisation: str) -> list[nn.Module]:
    """Linear, normalisation, activation for each pair of neighbouring widths."""
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers.append(nn.Linear(n_in, n_out))
        if normalisation == "batch":
            layers.append(nn.BatchNorm1d(n_out))
        elif normalisation == "layer":
            layers.append(nn.LayerNorm(n_out))
        layers.append(ACTIVATIONS[activation]())
    return layers


def initialise(module: nn.Module, init: str, generator: torch.Generator) -> None:
    """Set all weights of a module's layers, drawing from generator only.

    default: uniform in +-1/sqrt(fan_in), as PyTorch does. xavier: Glorot and Bengio 2010.
    kaiming: He et al. 2015, for ReLU. orthogonal: Saxe et al. 2014. small_normal: std 0.02.
    zeros: a classic mistake, here to be seen. Biases are zero except with default.
    """

    def draw(weight: Tensor, bias: Tensor | None) -> None:
        _draw(weight, bias, init, generator)

    for layer in module.modules():
        entry = entry_of(layer)
        if entry is not None and entry.first_weights is not None:
            entry.first_weights(layer, draw)


def _draw(weight: Tensor, bias: Tensor | None, init: str, generator: torch.Generator) -> None:
    if init == "default":
        # nn.Linear.reset_parameters, but from our own generator.
        fan_in, _ = fans(weight)
        bound = 1 / math.sqrt(fan_in)
        nn.init.uniform_(weight, -bound, bound, generator=generator)
        if bias is not None:
            nn.init.uniform_(bias, -bound, bound, generator=generator)
        return
    if init == "xavier":
        nn.init.xavier_uniform_(weight, generator=generator)
    elif init == "kaiming":
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
    elif init == "orthogonal":
        nn.init.orthogonal_(weight, generator=generator)
    elif init == "small_normal":
        nn.init.normal_(weight, std=0.02, generator=generator)
    else:
        nn.init.zeros_(weight)
    if bias is not None:
        nn.init.zeros_(bias)


def fans(weight: Tensor) -> tuple[int, int]:
    """Values that enter each output, and that each input enters, of a weight (out, in, ...).

    As PyTorch counts them for its initialisations, also for a transposed convolution's weights
    (in, out, ...), of which the first number is then the fan-out (Glorot and Bengio 2010).
    """
    taps = math.prod(weight.shape[2:])
    return weight.shape[1] * taps, weight.shape[0] * taps


def each_layer(network: nn.Module) -> Iterator[nn.Module]:
    """As `leaves`, and what a layer holds before it: for who looks at layers one by one."""
    for layer in leaves(network):
        yield from layers_within(layer)


def leaves(network: nn.Module) -> Iterator[nn.Module]:
    """A network's layers in the order in which they run, nested lists taken apart.

    Each takes what the one before gives; a Residual or Skip is one of them, with all that it holds.
    """
    if isinstance(network, nn.Sequential):
        for child in network:
            yield from leaves(child)
    else:
        yield network
