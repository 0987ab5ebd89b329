"""What the units inside do on held-out examples: which never answer, which are stuck at an end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for, parts
from aecore.inspection.judging.findings import Finding, percent, some
from aecore.inspection.judging.own_terms import output_sigmoid
from aecore.models import LatentModel
from aecore.models.blocks import each_layer
from aecore.models.layers import all_layers, entry_of
from aecore.models.layers.entry import Curve

STUCK = 0.01  # a sigmoid or tanh this near to one end for all examples says nothing
MANY = 0.5  # share of dead units in a layer from which it worries


@dataclass(frozen=True)
class Units:
    """One layer of units on n held-out examples. A unit of a feature map is a channel.

    dead: never above 0 (ReLU, top k), or never away from one end (sigmoid, tanh). rms: root mean
    square of its activations.
    """

    part: str
    number: int
    curve: str
    units: int
    dead: int
    rms: float
    examples: int

    @property
    def share(self) -> float:
        return self.dead / self.units

    @property
    def name(self) -> str:
        return f"{self.part} {self.number} ({self.curve}, {self.units} units)"


class _Watch:
    """Follows one layer's output over batches: lowest and highest value of every unit."""

    def __init__(self, part: str, number: int, layer: nn.Module):
        self.part, self.number, self.layer = part, number, layer
        self.low: Tensor | None = None
        self.high: Tensor | None = None
        self.squares, self.values = 0.0, 0
        self.hook = layer.register_forward_hook(self.see)

    def see(self, layer: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
        rows = out.flatten(2) if out.ndim > 2 else out.unsqueeze(2)
        low, high = rows.amin((0, 2)), rows.amax((0, 2))
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)
        self.squares += float(out.double().square().sum())
        self.values += out.numel()

    def result(self, examples: int) -> Units | None:
        if self.low is None or self.high is None:
            return None
        curve = _curve(self.layer) or Curve()
        if curve.ends is not None:
            low, high = curve.ends
            dead = (self.high < low + STUCK) | (self.low > high - STUCK)
        elif curve.dies:
            dead = self.high <= 0
        else:
            dead = self.high == self.low
        rms = float(np.sqrt(self.squares / max(self.values, 1)))
        return Units(
            self.part,
            self.number,
            type(self.layer).__name__,
            len(self.low),
            int(dead.sum()),
            rms,
            examples,
        )


def _curve(layer: nn.Module) -> Curve | None:
    entry = entry_of(layer)
    return entry.curve if entry is not None else None


@torch.inference_mode()
def watch_units(model: LatentModel, split: Split, index: np.ndarray) -> list[Units]:
    """Every layer of units inside, on the examples of an index (n,), in order."""
    device = next(model.parameters()).device
    last = output_sigmoid(model)
    watches = [
        _Watch(part, i + 1, layer)
        for part, network in (
            ("encoder", model.encoder_network()),
            ("decoder", model.decoder_network()),
        )
        for i, layer in enumerate(each_layer(network))
        if _curve(layer) is not None and layer is not last
    ]
    try:
        for part in parts(len(index), batch_for(model)):
            rows = torch.from_numpy(index[part])
            model.reconstruct(split.batch(rows).to(device), labels_for(model, split, rows))
    finally:
        for watch in watches:
            watch.hook.remove()
    return [units for watch in watches if (units := watch.result(len(index))) is not None]


def unit_findings(layers: list[Units]) -> list[Finding]:
    """Dead ReLUs, stuck sigmoids, and activations out of proportion, with the layers."""
    found = []
    curves_of = {name: e.curve for name, e in all_layers().items() if e.curve is not None}
    dying = [name for name, curve in curves_of.items() if curve.dies]
    ended = [name for name, curve in curves_of.items() if curve.ends is not None]
    for name, title, curves, word in (
        ("dead-relu", "Dead ReLUs", dying, "never above 0"),
        ("saturated-units", "Saturated units", ended, "always at one end"),
    ):
        of = [u for u in layers if u.curve in curves]
        dead = [u for u in of if u.dead]
        if not dead:
            continue
        worst = max(dead, key=lambda u: u.share)
        each = some([f"{u.dead} of {u.units} in {u.part} {u.number}" for u in dead], 5)
        whole = worst.share == 1
        level = "broken" if whole else "worrying" if worst.share >= MANY else "note"
        if level == "note":
            title = f"Some {title[0].lower()}{title[1:]}"
        found.append(
            Finding(
                level,
                name,
                title,
                f"{each} are {word} on {worst.examples:,} held-out examples "
                f"({percent(worst.share)} of the worst layer); "
                + (
                    "a dead layer passes nothing on."
                    if whole
                    else "they take part in nothing and get no gradient."
                ),
            )
        )
    loud = [u for u in layers if u.rms > 1e3]
    if loud:
        found.append(
            Finding(
                "worrying",
                "exploding-activations",
                "Activations out of proportion",
                f"{some([f'{u.name}: {u.rms:,.0f}' for u in loud])} (root mean square over "
                f"{loud[0].examples:,} held-out examples), where 0.1 to 10 is usual.",
            )
        )
    return found
