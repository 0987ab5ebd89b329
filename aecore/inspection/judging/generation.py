"""What a model generates, and how far that lies from data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Dataset
from aecore.evaluation.batches import batch_for, parts
from aecore.inspection.judging.findings import Figure, Finding, amount
from aecore.inspection.judging.passes import Look
from aecore.models import LatentModel

DRAWN, NEIGHBOURS = 500, 5000  # samples judged; training examples among which neighbours are sought
MOST_VALUES = 20_000_000  # of samples, and of the examples that they are compared with
FAR, ALIKE = 1.25, 0.35
STEPS, MOST_DIMENSIONS = 9, 10


@dataclass(frozen=True)
class Generated:
    """Samples and traversals of a model.

    samples (n, *shape); sample_labels (n,) or None. source: where z came from, in words. ratio:
    median distance from a sample to its nearest training example, over that of held-out examples.
    variety: variance of the samples over that of held-out reconstructions.
    traversals (dimensions, steps, *shape); ends (dimensions, 2): from where to where; change
    (dimensions,): mean squared change per value from one end to the other; label: which was said.
    """

    samples: np.ndarray
    sample_labels: np.ndarray | None
    source: str
    ratio: float
    held_out_distance: float
    sample_distance: float
    neighbours: int
    variety: float
    traversals: np.ndarray
    dimensions: np.ndarray
    ends: np.ndarray
    change: np.ndarray
    label: int | None


@torch.inference_mode()
def generate(
    model: LatentModel,
    data: Dataset,
    look: Look,
    order: np.ndarray,
    seed: int,
    most: int = DRAWN,
) -> Generated:
    """Draw, decode and compare. order: latent dimensions, those that carry most first. most: how
    many samples."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    # No more values than a few hundred megabytes.
    n = min(most, len(look.mu), max(40, MOST_VALUES // data.spec.size))
    if model.variational:
        z, source = model.sample_prior(n, generator), "N(0, I), the prior"
    else:
        z, source = _fitted(look.mu, n, generator), "a Gaussian fitted to the held-out codes"
    labels = None
    if model.conditional:
        labels = torch.arange(n, device=device) % max(model.spec.data.classes, 1)
    samples = _decoded(model, z, labels)
    rows = torch.from_numpy(look.index[:n])
    held_out = data.test.batch(rows).to(device)
    few = min(NEIGHBOURS, len(data.train))
    places = torch.linspace(0, len(data.train) - 1, few).round().long()
    places = places[: max(100, MOST_VALUES // data.spec.size)]
    train = data.train.batch(places).to(device).flatten(1)
    near_samples, near_held_out = (
        _nearest(samples.flatten(1), train),
        _nearest(held_out.flatten(1), train),
    )
    variety = float(samples.var(0).mean()) / max(look.outputs.variance(), 1e-12)
    dimensions = order[:MOST_DIMENSIONS]
    label = None
    if model.conditional and data.test.labels is not None:
        label = int(data.test.labels[rows[0]])
    traversals, ends, change = _traverse(model, look, dimensions, label)
    return Generated(
        samples.cpu().numpy(),
        None if labels is None else labels.cpu().numpy(),
        source,
        float(near_samples.median() / near_held_out.median().clamp(min=1e-9)),
        float(near_held_out.median()),
        float(near_samples.median()),
        len(train),
        variety,
        traversals,
        dimensions,
        ends,
        change,
        label,
    )


def _decoded(model: LatentModel, z: Tensor, labels: Tensor | None) -> Tensor:
    """x_hat (n, *shape) of codes (n, k), as many at once as the model allows."""
    pieces = parts(len(z), batch_for(model))
    return torch.cat([model.decode(z[p], None if labels is None else labels[p]) for p in pieces])


def _fitted(mu: np.ndarray, n: int, generator: torch.Generator) -> Tensor:
    """Draws from the Gaussian with the codes' mean and covariance, (n, k)."""
    codes = torch.from_numpy(mu).double()
    centred = codes - codes.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(codes))
    noise = torch.randn(n, mu.shape[1], generator=generator, device=generator.device)
    spread = vectors * values.clamp(min=0).sqrt()
    return (codes.mean(0) + noise.cpu().double() @ spread.T).float().to(generator.device)


def _nearest(x: Tensor, among: Tensor) -> Tensor:
    """Root mean squared difference per value to the nearest row: (n, D), (m, D) -> (n,)."""
    return torch.cdist(x, among).amin(1) / x.shape[1] ** 0.5


def _traverse(model, look: Look, dimensions: np.ndarray, label: int | None):
    """One dimension after the other from its 1st to its 99th percentile, the others at the mean."""
    middle = look.mu.mean(0)
    ends = np.quantile(look.mu[:, dimensions], [0.01, 0.99], axis=0).T
    flat = ends[:, 1] - ends[:, 0] < 1e-3
    ends[flat] += [-1, 1]  # a dead dimension is shown over what a prior would give it
    z = np.repeat(middle[None, None], len(dimensions), 0).repeat(STEPS, 1).astype(np.float32)
    for i, d in enumerate(dimensions):
        z[i, :, d] = np.linspace(ends[i, 0], ends[i, 1], STEPS)
    device = next(model.parameters()).device
    codes = torch.from_numpy(z).flatten(0, 1).to(device)
    labels = None if label is None else torch.full((len(codes),), label, device=device)
    x_hat = _decoded(model, codes, labels).cpu().numpy()
    out = x_hat.reshape(len(dimensions), STEPS, *x_hat.shape[1:])
    change = np.square(out[:, -1] - out[:, 0]).reshape(len(dimensions), -1).mean(1)
    return out, ends, change


def generation_figures(g: Generated) -> list[Figure]:
    """How far samples lie from data, and how much they vary."""
    on = f"{len(g.samples):,} samples, z from {g.source}"
    return [
        Figure(
            "sample_distance",
            "Generation",
            "Samples' distance to data",
            g.ratio,
            "times that of held-out examples",
            "",
            f"median root mean squared difference per value to the nearest of {g.neighbours:,} "
            f"training examples; {on}; well below 1 means blurred, above 1 means strange",
        ),
        Figure(
            "variety",
            "Generation",
            "Variety of the samples",
            g.variety,
            "times that of reconstructions",
            "",
            f"variance per value; {on}",
        ),
    ]


def generation_findings(g: Generated, variational: bool) -> list[Finding]:
    """samples-far, samples-alike or samples-near; a plain autoencoder is no generator."""
    told = (
        f"The nearest of {g.neighbours:,} training examples is {amount(g.sample_distance)} per "
        f"value away from {len(g.samples)} samples (median; z from {g.source}) and "
        f"{amount(g.held_out_distance)} from held-out examples: {g.ratio:.2f} times; the samples "
        f"vary {g.variety:.2f} times as much as reconstructions do."
    )
    level = "worrying" if variational else "note"
    if g.variety < ALIKE:
        return [Finding(level, "samples-alike", "The samples are all alike", told)]
    if g.ratio > FAR:
        return [Finding(level, "samples-far", "Samples lie far from data", told)]
    return [
        Finding(
            "good" if variational else "note", "samples-near", "Samples lie where data lie", told
        )
    ]
