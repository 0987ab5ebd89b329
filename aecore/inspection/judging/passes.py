"""One look at many examples of a split: codes, errors, and how the outputs spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for
from aecore.inspection.judging.own_terms import Caught, output_sigmoid, own_terms
from aecore.models import LatentModel
from aecore.models.blocks import each_layer
from aecore.models.layers import entry_of
from aecore.models.losses import bernoulli_nats, squared_error_per_value
from aecore.models.sizes import sizes_of

#: Multiply-adds of dense layers spent on a split. Not a clock, so a report is the same anywhere.
HELD_OUT_BUDGET, TRAINING_BUDGET = 50e9, 90e9
ASIDE = 15e9  # on each of the smaller looks beside them
#: Values that all examples of a pass may have: above it, fewer are looked at.
VALUES = 50_000_000
UNKNOWN_MACS = 10_000_000  # assumed of a model that cannot be traced
A_VALUE = 40  # multiply-adds that take as long as writing a value between two layers
LEAST, HEAD = 400, 5000
EDGE = 1e-3  # an output of a sigmoid this near to 0 or 1 is at its end


@dataclass
class Look:
    """What a model made of n examples of a split.

    index (n,): which. mse (n,): per value, of decode(mean), unclipped. mu, logvar: (n, k).
    reconstruction (n,), in nats, of one z sample; None where it has no meaning. outputs: how the
    reconstructions spread. own_mse (n,), own_shape: of a network that takes another size than the
    data have, its error there; the reconstruction's nats then are of that size too.
    """

    index: np.ndarray
    mse: np.ndarray
    mu: np.ndarray
    logvar: np.ndarray | None
    reconstruction: np.ndarray | None
    outputs: Outputs
    own_mse: np.ndarray | None = None
    own_shape: tuple[int, ...] = ()


@dataclass
class Outputs:
    """Sums over all reconstructed values; x_hat is decode(z), z sampled for a VAE."""

    n: int = 0
    total: Tensor = field(default_factory=lambda: torch.zeros(()))
    squares: Tensor = field(default_factory=lambda: torch.zeros(()))
    x_total: Tensor = field(default_factory=lambda: torch.zeros(()))
    x_squares: Tensor = field(default_factory=lambda: torch.zeros(()))
    low: float = float("inf")
    high: float = float("-inf")
    far_outside: int = 0
    error: float = 0.0
    error_at_ends: float = 0.0
    at_ends: int = 0
    not_numbers: int = 0
    values: int = 0

    def add(self, x: Tensor, x_hat: Tensor, z_hat: Tensor, bounded: bool) -> None:
        """Count a batch: x, decode(mean) and decode(sample), each (b, *shape)."""
        flat, out, mean = x.flatten(1), z_hat.flatten(1), x_hat.flatten(1)
        self.n += len(x)
        self.values += mean.numel()
        self.not_numbers += int((~torch.isfinite(mean)).sum())
        # Batches in single precision, their sum in double: variances are small differences.
        self.total = self.total + out.sum(0).double()
        self.squares = self.squares + out.square().sum(0).double()
        self.x_total = self.x_total + flat.sum(0).double()
        self.x_squares = self.x_squares + flat.square().sum(0).double()
        self.low = min(self.low, float(mean.min()))
        self.high = max(self.high, float(mean.max()))
        if bounded:
            self.far_outside += int(((mean < -0.25) | (mean > 1.25)).sum())
            ends = (mean - 0.5).abs() > 0.5 - EDGE
            error = (mean - flat).square()
            self.error += float(error.sum())
            self.error_at_ends += float(error[ends].sum())
            self.at_ends += int(ends.sum())

    def variance(self) -> float:
        """How much the outputs vary from example to example, mean over values."""
        return _variance(self.total, self.squares, self.n)

    def data_variance(self) -> float:
        """The same of the examples: the error of drawing their mean for everything."""
        return _variance(self.x_total, self.x_squares, self.n)


def _variance(total: Tensor, squares: Tensor, n: int) -> float:
    return float((squares / n - (total / n).square()).clamp(min=0).mean())


def work(model: LatentModel, macs: tuple[int, int] | None) -> float:
    """Multiply-adds of one example, as many of a dense layer as take the same time."""
    networks = (model.encoder_network(), model.decoder_network())
    entries = [entry_of(layer) for network in networks for layer in each_layer(network)]
    pace = max((entry.pace for entry in entries if entry is not None), default=1.0)
    between = A_VALUE * sizes_of(model).nbytes / 4
    return (sum(macs) if macs else UNKNOWN_MACS) * pace + between


def most_within(n: int, each: float, budget: float, least: int = 60) -> int:
    """How many of n examples a smaller look goes through, each of so much `work`."""
    return int(min(n, max(least, budget / max(each, 1))))


def chosen(n: int, size: int, macs: float, budget: float) -> np.ndarray:
    """Which of n examples of `size` values are looked at, in order: all where that is quick.

    Else the first 5,000, where a person's own training set may have been, and of the rest an even
    choice.
    """
    most = int(min(n, max(LEAST, min(budget / macs, VALUES / size))))
    if most >= n:
        return np.arange(n)
    head = min(HEAD, most // 2)
    rest = np.linspace(head, n - 1, most - head).round().astype(np.int64)
    return np.concatenate([np.arange(head), rest])


@torch.inference_mode()
def look(
    model: LatentModel,
    split: Split,
    index: np.ndarray,
    seed: int,
    tell: Callable[[float], None] = lambda share: None,
    closely: bool = True,
) -> Look:
    """Encode and decode the examples of an index (n,); tell(share) is called as it goes.

    closely: also draw z samples and follow the outputs; otherwise errors and codes alone.
    """
    device, batch = next(model.parameters()).device, batch_for(model, 1000)
    generator = torch.Generator(device).manual_seed(seed)
    bounded = model.spec.data.bounded
    outputs = Outputs()
    mse, mu, logvar, nats, own_mse = [], [], [], [], []
    likelihood = closely and bounded and model.variational
    own = own_terms(model) if closely else None
    own_shape: tuple[int, ...] = ()
    curve = output_sigmoid(model) if likelihood else None
    with Caught(curve=curve, own=None if own is None else own.back) as caught:
        for start in range(0, len(index), batch):
            rows = torch.from_numpy(index[start : start + batch])
            x, labels = split.batch(rows).to(device), labels_for(model, split, rows)
            posterior = model.encode(x, labels)
            x_hat = z_hat = model.decode(posterior.mu, labels)
            seen = x if own is None else own.examples(x)
            if own is not None and caught.values["own"].numel() == seen.numel():
                answer = caught.values["own"].reshape(seen.shape)
                own_mse.append(squared_error_per_value(answer, seen))
                own_shape = tuple(seen.shape[1:])
            if posterior.logvar is not None and closely:
                z_hat = model.decode(posterior.sample(generator), labels)
                logvar.append(posterior.logvar)
                if curve is not None and caught.values["curve"].numel() == seen.numel():
                    nats.append(bernoulli_nats(caught.values["curve"].flatten(1), seen.flatten(1)))
            mse.append(squared_error_per_value(x_hat, x))
            mu.append(posterior.mu)
            if closely:
                outputs.add(x, x_hat, z_hat, bounded)
            tell(min(1.0, (start + batch) / len(index)))
    return Look(
        index,
        _array(mse),
        _array(mu),
        _array(logvar) if logvar else None,
        _array(nats) if nats else None,
        outputs,
        _array(own_mse) if own_mse else None,
        own_shape,
    )


@torch.inference_mode()
def reconstruct(model: LatentModel, split: Split, index: np.ndarray) -> np.ndarray:
    """decode(mean) of a few examples, (n, *shape)."""
    rows = torch.from_numpy(np.asarray(index, np.int64))
    x = split.batch(rows).to(next(model.parameters()).device)
    return model.reconstruct(x, labels_for(model, split, rows)).cpu().numpy()


def _array(parts: list[Tensor]) -> np.ndarray:
    return torch.cat(parts).float().cpu().numpy()
