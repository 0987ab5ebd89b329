"""Parts that families are built from; each takes plain arguments."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import nn

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
_WITHOUT_DRAW = nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm | nn.PReLU
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
    for layer in module.modules():
        if isinstance(layer, _WITHOUT_DRAW):
            layer.reset_parameters()
        elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            _initialise_layer(layer, init, generator)


def _initialise_layer(
    layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, init: str, generator: torch.Generator
) -> None:
    weight, bias = layer.weight, layer.bias
    if init == "default":
        # nn.Linear.reset_parameters, but from our own generator.
        fan_in, _ = nn.init._calculate_fan_in_and_fan_out(weight)
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


def leaves(network: nn.Module) -> Iterator[nn.Module]:
    """A network's layers in the order in which they run, nested lists taken apart."""
    if isinstance(network, nn.Sequential):
        for child in network:
            yield from leaves(child)
    else:
        yield network
