"""Turn a trained network into a list of plain operations that a browser can run.

A network leaves torch as `BrowserNetwork`: a JSON-able description of its operations and one
flat float32 array of weights. The engine in `assets` runs it; both sides know exactly the
operations that the layers' entries name. All arrays are row-major; a batch dimension never appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from aecore.errors import ExportError
from aecore.models.layers.entry import Shape
from aecore.models.layers.operation import Description, Op
from aecore.models.layers.tracing import trace
from aecore.pad.described import described_half

if TYPE_CHECKING:
    from aecore.models.base import LatentModel

#: Multiply-adds of one decode up to which the browser keeps 55 frames a second
#: (benchmarks/pad.py: about 2 ms per million in a convolution).  Above it, the server decodes.
DECODE_BUDGET_MACS = 3_500_000


@dataclass(frozen=True)
class BrowserNetwork:
    """An encoder and a decoder as data.

    meta: `shape` of x, `latent_dim`, `variational`, `encoder` and `decoder` (lists of
        operations whose `w` and `b` are offsets into the weights), `encoder_macs` and
        `decoder_macs` (multiply-adds for one example), `weights` (their count), `stages` (what a
        person sees as a layer, the encoder's and then the decoder's: described.py).
    weights: float32, 1-D.
    """

    meta: dict[str, Any]
    weights: np.ndarray

    @property
    def within_budget(self) -> bool:
        """Whether the browser can decode fast enough to follow the pointer."""
        return self.meta["decoder_macs"] <= DECODE_BUDGET_MACS


def export_network(model: LatentModel) -> BrowserNetwork:
    """Export a model's encoder and decoder.

    model: any `LatentModel`; its evaluation behaviour is exported, whatever mode it is in.
    Returns the network with batch normalisation folded where a layer precedes it.
    Raises ExportError where a layer has no counterpart in the browser.
    """
    return export_pair(
        model.encoder_network(),
        model.decoder_network(),
        shape=tuple(model.spec.data.shape),
        latent_dim=model.spec.latent_dim,
        variational=model.variational,
    )


def export_pair(
    encoder: nn.Module,
    decoder: nn.Module,
    *,
    shape: Shape,
    latent_dim: int,
    variational: bool = False,
) -> BrowserNetwork:
    """Export an encoder x (*shape) -> (k,) or (2k,) and a decoder z (k,) -> x_hat (*shape).

    Raises ExportError for an unknown layer, or when the pieces do not fit together.
    """
    k = latent_dim
    inner, outer = trace(encoder, shape, "encoder"), trace(decoder, (k,), "decoder")
    expected = 2 * k if variational else k
    if prod(inner.shape) != expected:
        raise ExportError(
            f"The encoder returns {prod(inner.shape)} numbers, expected {expected} "
            f"({'mu and logvar of ' if variational else ''}{k} latent dimensions)."
        )
    if prod(outer.shape) != prod(shape):
        raise ExportError(f"The decoder returns shape {outer.shape}, expected {shape}.")
    packed, weights = pack([inner.operations, outer.operations])
    meta = {
        "shape": list(shape),
        "latent_dim": k,
        "variational": bool(variational),
        "encoder": packed[0],
        "decoder": packed[1],
        "encoder_macs": inner.multiply_adds,
        "decoder_macs": outer.multiply_adds,
        "weights": int(weights.size),
        "stages": [
            stage.meta
            for part, network, traced in (("encoder", encoder, inner), ("decoder", decoder, outer))
            for stage in described_half(part, network, traced)
        ],
    }
    return BrowserNetwork(meta, weights)


def pack(networks: Sequence[Sequence[Op]]) -> tuple[list[list[Description]], np.ndarray]:
    """Each network's operations described, with their arrays' offsets, and all arrays in a row,
    float32 (n,)."""
    pieces: list[np.ndarray] = []
    offset, described = 0, []
    for ops in networks:
        entries = []
        for op in ops:
            entry = dict(op.description)
            for name, array in op.arrays.items():
                entry[name] = offset
                pieces.append(np.ascontiguousarray(array, dtype=np.float32).ravel())
                offset += array.size
            entries.append(entry)
        described.append(entries)
    return described, np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
