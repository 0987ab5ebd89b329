"""Layers that were never trained: their weights are still fresh draws of an initialisation.

Training leaves three traces: weights beyond the bounds that they were drawn within, another
distribution, and a few directions much stronger than chance. A layer counts as untouched only
where none of the three is seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aecore.inspection.judging.findings import Finding, some
from aecore.models import LatentModel
from aecore.models.blocks import each_layer, fans
from aecore.models.layers import entry_of, write_layer

FEWEST, MANY = 100, 1000  # weights below which bounds, or a shape alone, say nothing
CHANCE = 1e-3  # p-value of the Kolmogorov-Smirnov test below which the draw is another
SLACK = 1e-3  # half precision rounds by this share


@dataclass(frozen=True)
class LayerState:
    """One layer with weights. scale: root mean square of its weights times sqrt(fan-in), about 0.6
    as PyTorch draws them. fresh: what its weights are still like, or empty."""

    part: str
    number: int
    line: str
    weights: int
    scale: float
    fresh: str

    @property
    def name(self) -> str:
        return f"{self.part} {self.number}, {self.line}"


def layer_states(model: LatentModel) -> list[LayerState]:
    """Every layer with a matrix of weights, in order, encoder first."""
    found = []
    for part, network in (
        ("encoder", model.encoder_network()),
        ("decoder", model.decoder_network()),
    ):
        for i, layer in enumerate(each_layer(network)):
            entry, weight = entry_of(layer), getattr(layer, "weight", None)
            mixes = entry is None or entry.weighted  # a label's own numbers do not
            if mixes and isinstance(weight, Tensor) and weight.ndim >= 2:
                fan_in, _ = fans(weight)
                scale = float(weight.detach().double().square().mean().sqrt()) * math.sqrt(fan_in)
                fresh = initialisation_of(weight, getattr(layer, "bias", None))
                line = (entry.told if entry is not None else "") or write_layer(layer)
                found.append(LayerState(part, i + 1, line, weight.numel(), scale, fresh))
    return found


def initialisation_of(weight: Tensor, bias: Tensor | None) -> str:
    """What a weight (out, in, ...) looks freshly drawn from, in words; empty if from nothing known.

    Tried: the uniform draws of PyTorch's default (He et al. 2015 with a = sqrt 5), Glorot and
    Bengio 2010 and He et al. 2015, their normal ones, deviations .02 and .01, any other uniform
    draw, orthogonal rows (Saxe et al. 2014), and all values the same.
    """
    w = weight.detach().float().cpu().flatten(1)
    values = w.flatten().double().numpy()
    if values.max() == values.min():
        return f"all weights are {values[0]:.3g}"
    # PCA's components are orthogonal too, but not like normal draws.
    if _orthogonal(w) and _drawn_from("norm", values / values.std()):
        return "orthogonal rows of one length"
    fan_in, fan_out = fans(weight)
    if len(values) < FEWEST or not _fresh_bias(bias, fan_in) or _structured(w):
        return ""
    bounds = {
        "PyTorch's default": 1 / math.sqrt(fan_in),
        "Xavier's uniform": math.sqrt(6 / (fan_in + fan_out)),
        "Kaiming's uniform": math.sqrt(6 / fan_in),
        "Kaiming's uniform by fan-out": math.sqrt(6 / fan_out),
    }
    reach = float(np.abs(values).max())
    for name, bound in bounds.items():
        # The largest of n uniform draws lies within a few n-ths of the bound.
        if bound * (1 - 20 / len(values)) <= reach <= bound * (1 + SLACK) and _uniform(
            values, bound
        ):
            return f"{name}, uniform within ±{bound:.3g}"
    if len(values) >= MANY and _uniform(values, reach):
        return f"uniform within ±{reach:.3g}"
    deviations = {
        "Kaiming's normal": math.sqrt(2 / fan_in),
        "Kaiming's normal by fan-out": math.sqrt(2 / fan_out),
        "Xavier's normal": math.sqrt(2 / (fan_in + fan_out)),
        "a normal draw": 1 / math.sqrt(fan_in),
        "a normal draw of deviation .02": 0.02,
        "a normal draw of deviation .01": 0.01,
        "a standard normal draw": 1.0,
    }
    deviation = float(np.sqrt(np.square(values).mean()))
    for name, expected in deviations.items():
        near = abs(deviation / expected - 1) < 4 / math.sqrt(2 * len(values)) + SLACK
        if len(values) >= MANY and near and _drawn_from("norm", values / expected):
            return f"{name} (deviation {expected:.3g})"
    return ""


def _uniform(values: np.ndarray, bound: float) -> bool:
    return _drawn_from("uniform", values, (-bound, 2 * bound))


def _drawn_from(name: str, values: np.ndarray, parameters: tuple[float, ...] = ()) -> bool:
    """Whether a Kolmogorov-Smirnov test leaves it possible that values come from it."""
    from scipy import stats

    return stats.kstest(values, name, parameters).pvalue > CHANCE


def _structured(w: Tensor) -> bool:
    """Whether a direction is stronger than in a random matrix of this size (Davidson and Szarek
    2001, theorem 2.13: beyond the edge by t deviations with a chance below exp(-t^2/2))."""
    rows, columns = w.shape
    edge = float(w.square().mean().sqrt()) * (math.sqrt(rows) + math.sqrt(columns) + 3)
    return float(torch.linalg.matrix_norm(w, 2)) > edge


def _fresh_bias(bias: Tensor | None, fan_in: int) -> bool:
    """Whether the bias could be fresh: zeros, one constant, or within PyTorch's default bound."""
    if bias is None:
        return True
    b = bias.detach().float()
    constant = float(b.max()) == float(b.min())
    return constant or float(b.abs().max()) <= (1 + SLACK) / math.sqrt(fan_in)


def _orthogonal(w: Tensor) -> bool:
    w = w.T if w.shape[0] > w.shape[1] else w
    if len(w) < 2:
        return False
    gram = w @ w.T
    scale = float(gram.diagonal().mean())
    return float((gram - scale * torch.eye(len(w))).abs().max()) < 1e-3 * scale


def untouched(states: list[LayerState], model: LatentModel) -> list[Finding]:
    """Findings about layers that look as on the first day, and statistics never gathered."""
    found = _batch_norms(model)
    parts = {"encoder": [], "decoder": []}
    for state in states:
        parts[state.part].append(state)
    fresh = {part: [s for s in of if s.fresh] for part, of in parts.items()}
    # Layers too small to judge do not make a half trained.
    judged = {p: [s for s in of if s.weights >= FEWEST or s.fresh] for p, of in parts.items()}
    whole = [p for p in parts if fresh[p] and len(fresh[p]) == len(judged[p])]
    compared = (
        "Compared: bounds, distribution (Kolmogorov-Smirnov) and strongest direction of each "
        "weight with fresh draws."
    )
    if len(whole) == 2:
        told = f"The weights of all {len(fresh['encoder']) + len(fresh['decoder'])} layers"
        found.append(
            Finding(
                "broken",
                "model-untouched",
                "Never trained",
                f"{told} look freshly drawn ({fresh['decoder'][0].fresh}). {compared}",
            )
        )
        return found
    for part in whole:
        n = len(fresh[part])
        told = f"The weights of the {part}'s {'only layer' if n == 1 else f'{n} layers'}"
        found.append(
            Finding(
                "broken",
                f"{part}-untouched",
                f"The {part} is still at initialisation",
                f"{told} look freshly drawn ({fresh[part][0].fresh}), those of the other half "
                f"do not: was it left out of the optimiser, or of the loss? {compared}",
            )
        )
    single = [s for p in parts if p not in whole for s in fresh[p]]
    if single:
        names = some([s.name for s in single])
        found.append(
            Finding(
                "worrying",
                "layer-untouched",
                f"{len(single)} layer{'s' if len(single) > 1 else ''} still at initialisation",
                f"{names}: {single[0].fresh}. Training left no trace that shows in "
                f"{'them' if len(single) > 1 else 'it'}. {compared}",
            )
        )
    return found


def _batch_norms(model: LatentModel) -> list[Finding]:
    names = [
        write_layer(layer)
        for network in (model.encoder_network(), model.decoder_network())
        for layer in each_layer(network)
        if (entry := entry_of(layer)) is not None
        and (kept := entry.statistics(layer)) is not None
        and not bool(kept[0].any())
        and bool((kept[1] == 1).all())
    ]
    if not names:
        return []
    return [
        Finding(
            "worrying",
            "batchnorm-untouched",
            "Batch normalisation without its statistics",
            f"{some(names)}: the running means are all 0 and the variances all 1, as before "
            "the first batch. In use, these layers normalise by nothing.",
        )
    ]


def oversized(states: list[LayerState]) -> list[Finding]:
    """Layers whose weights are orders of magnitude above those of their peers."""
    if len(states) < 2:
        return []
    found = []
    for state in states:
        peers = float(np.median([s.scale for s in states if s is not state]))
        if state.scale > 30 * max(peers, 0.1):
            found.append((state, state.scale / max(peers, 0.1)))
    if not found:
        return []
    state, times = max(found, key=lambda pair: pair[1])
    return [
        Finding(
            "worrying",
            "exploding-layer",
            "A layer's weights are out of proportion",
            f"{state.name}: root mean square {times:,.0f} times that of the other layers' "
            "(median), each times sqrt(fan-in). "
            + (f"{len(found)} layers are so." if len(found) > 1 else "The other layers agree."),
        )
    ]


def not_numbers(model: LatentModel) -> list[Finding]:
    """Weights and statistics that are NaN or infinite, by name."""
    bad = {
        name: int((~torch.isfinite(value)).sum())
        for name, value in model.state_dict().items()
        if value.is_floating_point() and not bool(torch.isfinite(value).all())
    }
    if not bad:
        return []
    total = sum(v.numel() for v in model.state_dict().values())
    each = some([f"{name} ({count:,})" for name, count in bad.items()], 6)
    return [
        Finding(
            "broken",
            "not-a-number",
            "Weights that are not numbers",
            f"{sum(bad.values()):,} of {total:,} weights are NaN or infinite: {each}. The "
            "training diverged; nothing that this model computes means anything.",
        )
    ]
