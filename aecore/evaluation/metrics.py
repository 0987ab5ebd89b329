"""Figures of merit. Each says its unit; errors are of unclipped reconstructions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for, large_batch_for, parts
from aecore.evaluation.beside import PCABeside, beside_of, pca_errors, pca_reconstruction
from aecore.evaluation.thresholds import ACTIVE_VARIANCE, CARRIES_NATS
from aecore.machine import one_blas_thread
from aecore.models import LatentModel, family
from aecore.models.declared import Figure
from aecore.models.losses import bernoulli_floor, squared_error_per_value
from aecore.types import ModelSpec

if TYPE_CHECKING:
    from aecore.models.families.pca import PCABasis

HELD_OUT_MSE = "Held-out MSE"  # what pages call it
DRAWN_BATCH = 2000  # where noise is drawn: pieces of another size would draw other noise


def shown(error: float, sign: str = "") -> str:
    """An error as people read it: four decimals, or two digits where those would hide them.

    sign: "+" for a difference: with its sign, which is a true minus below 0.
    """
    close = 1e-9 < abs(error) < 1e-3
    text = f"{error:{sign}.2g}" if close else f"{error:{sign}.4f}"
    return text.replace("-", "−") if sign else text


def said(figure: Figure, value: float) -> str:
    """A family's figure in its own sentence; an error in it looks as everywhere."""
    error = figure.unit == "squared error per value"
    return figure.sentence.format(shown(value) if error else value)


def psnr(mse: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of a peak value of 1, from mean squared errors."""
    return -10 * torch.log10(mse.clamp(min=1e-12))


def ssim(x_hat: Tensor, x: Tensor, window: int = 7) -> Tensor:
    """Structural similarity of each image for values in [0, 1]: (B, C, H, W) twice -> (B,).

    Wang et al. 2004 with a uniform window and sample covariance, averaged over the positions
    where the window fits and over channels (scikit-image's default). The window shrinks to the
    largest odd size that fits smaller images.
    """
    window = min(window, *x.shape[-2:])
    window -= 1 - window % 2
    n = window * window

    # In double: variances are differences of nearly equal numbers in flat regions.
    def mean(v: Tensor) -> Tensor:
        return F.avg_pool2d(v, window, stride=1)

    x, x_hat = x.double(), x_hat.double()
    mu_x, mu_y = mean(x), mean(x_hat)
    sample = n / (n - 1) if n > 1 else 1.0
    var_x = sample * (mean(x * x) - mu_x * mu_x)
    var_y = sample * (mean(x_hat * x_hat) - mu_y * mu_y)
    cov = sample * (mean(x * x_hat) - mu_x * mu_y)
    c1, c2 = 0.01**2, 0.03**2
    score = ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / (
        (mu_x * mu_x + mu_y * mu_y + c1) * (var_x + var_y + c2)
    )
    return score.flatten(1).mean(1).float()


def active_units(mu: Tensor, threshold: float = ACTIVE_VARIANCE) -> int:
    """Latent dimensions whose mean varies over the data by more than threshold.

    Burda et al. 2016, 'Importance weighted autoencoders', section 4.2. mu: (n, latent_dim).
    """
    return int((mu.var(0) > threshold).sum()) if len(mu) > 1 else 0


@torch.inference_mode()
def evaluate(
    model: LatentModel, split: Split, seed: int = 0, basis: PCABasis | None = None
) -> dict[str, float]:
    """Held-out figures of a model in evaluation mode.

    Returns mse (per value, of decode(mean), unclipped) and, for a variational model, nelbo,
    reconstruction and kl (per example, one z sample each; nats if the loss is cross-entropy,
    else reconstruction is summed squared error and there is no nelbo), kl_per_dimension's count
    above CARRIES_NATS (dimensions_used) and active_units. A family's own figures follow, see
    LatentModel.extra_metrics.
    basis: of the training data, for pca_k and pca_mse, the components and the error of the PCA that
    the model is compared with (see evaluation.beside); of a denoising model also pca_denoised_mse,
    from the same damaged examples as its own denoised_mse.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    error = reconstruction = 0.0
    kls, mus = [], []
    extra: dict[str, float] = {}
    used, draws = 0.0, []
    drawing = model.variational or model.denoises or model.figures
    size = batch_for(model, DRAWN_BATCH) if drawing else large_batch_for(model)
    for part in parts(len(split), size):
        x, labels = split.batch(part).to(device), labels_for(model, split, part)
        posterior = model.encode(x, labels)
        error += float(squared_error_per_value(model.decode(posterior.mu, labels), x).sum())
        used += float(model.firing(posterior.mu).sum())
        draws.append(generator.get_state())
        for name, values in model.extra_metrics(x, generator).items():
            extra[name] = extra.get(name, 0.0) + float(values.sum())
        if model.variational:
            terms = model.loss_terms(x, generator, labels)
            reconstruction += float(terms.reconstruction.sum())
            if terms.kl is not None:
                kls.append(terms.kl.sum(0))
            mus.append(posterior.mu)
    n = len(split)
    figures = {"mse": error / n}
    if model.variational:
        kl = torch.stack(kls).sum(0) / n
        figures["reconstruction"] = reconstruction / n
        figures["kl"] = float(kl.sum())
        if model.reconstruction_unit == "nats":
            figures["nelbo"] = figures["reconstruction"] + figures["kl"]
        figures["dimensions_used"] = int((kl > CARRIES_NATS).sum())
        figures["active_units"] = active_units(torch.cat(mus))
    figures |= {name: total / n for name, total in extra.items()}
    if basis is None:
        return figures
    k = beside_of(model, used / n).k
    figures |= {"pca_k": k, "pca_mse": basis.mse(k)}
    if model.denoises:
        figures["pca_denoised_mse"] = _pca_denoised(model, split, basis, k, draws)
    return figures


def _pca_denoised(
    model: LatentModel, split: Split, basis: PCABasis, k: int, draws: list[Tensor]
) -> float:
    """PCA's error from damaged examples; draws: the generator's states before each part's."""
    device = next(model.parameters()).device
    generator, error = torch.Generator(device), 0.0
    for part, drawn in zip(parts(len(split), DRAWN_BATCH), draws, strict=True):
        generator.set_state(drawn)
        x = split.batch(part).to(device)
        error += float(pca_errors(basis, model.damage(x, generator), k, x).sum())
    return error / len(split)


@torch.inference_mode()
def example_errors(model: LatentModel, split: Split, seed: int | None = None) -> Tensor:
    """Mean squared error per value of decode(mean) of each example, unclipped: (n,).

    seed: of a model that denoises, from examples damaged with it, against the clean ones.
    """
    device = next(model.parameters()).device
    generator = None if seed is None else torch.Generator(device).manual_seed(seed)
    found = []
    for part in parts(len(split), large_batch_for(model)):
        x, labels = split.batch(part).to(device), labels_for(model, split, part)
        seen = x if generator is None else model.damage(x, generator)
        found.append(squared_error_per_value(model.reconstruct(seen, labels), x))
    return torch.cat(found).cpu()


@dataclass(frozen=True)
class Scores:
    """Per example, (n,): squared error per value and SSIM, of the model and of the PCA beside it;
    SSIM is None for what is no image. denoised, pca_denoised: of a denoising model only, squared
    error per value from the same damaged examples against the clean ones."""

    mse: np.ndarray
    pca_mse: np.ndarray
    beside: PCABeside
    ssim: np.ndarray | None = None
    pca_ssim: np.ndarray | None = None
    denoised: np.ndarray | None = None
    pca_denoised: np.ndarray | None = None


@torch.inference_mode()
def scores_beside_pca(
    model: LatentModel, basis: PCABasis, split: Split, image: bool, seed: int = 0
) -> Scores:
    """Each example's scores; the model is on the processor. seed: of the damage."""
    ours: list[list[Tensor]] = []
    used = 0.0
    for part in parts(len(split), batch_for(model)):
        x, labels = split.batch(part), labels_for(model, split, part)
        mu = model.encode(x, labels).mu
        used += float(model.firing(mu).sum())
        ours.append(_scores_of(model.decode(mu, labels), x, image))
    beside, pca = beside_of(model, used / len(split)), []
    for part in parts(len(split), batch_for(model)):
        x = split.batch(part)
        pca.append(_scores_of(pca_reconstruction(basis, x, beside.k), x, image))
    mse, similar = _joined(ours)
    pca_mse, pca_similar = _joined(pca)
    found = Scores(mse, pca_mse, beside, similar, pca_similar)
    if not model.denoises:
        return found
    denoised, pca_denoised = denoised_errors(model, basis, split, beside.k, seed)
    return dataclasses.replace(found, denoised=denoised, pca_denoised=pca_denoised)


def damaged(model: LatentModel, split: Split, seed: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Examples and what a denoising model gets to see of them, some at a time: (n, *shape) twice.

    The same damage as evaluate's with this seed. On the processor.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in parts(len(split), batch_for(model, DRAWN_BATCH)):
        x = split.batch(part)
        yield x, model.damage(x, generator)


@torch.inference_mode()
def denoised_errors(
    model: LatentModel, basis: PCABasis, split: Split, k: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Squared error per value of each example, (n,), from the same damaged ones against the clean:
    the model's, and that of PCA with k components. The means are evaluate's with the same seed."""
    found = []
    for x, seen in damaged(model, split, seed):
        x_hat = torch.cat([model.reconstruct(seen[some]) for some in parts(len(seen))])
        found.append((squared_error_per_value(x_hat, x), pca_errors(basis, seen, k, x)))
    ours, pca = (torch.cat(column).numpy() for column in zip(*found, strict=True))
    return ours, pca


def _scores_of(x_hat: Tensor, x: Tensor, image: bool) -> list[Tensor]:
    return [squared_error_per_value(x_hat, x), *([ssim(x_hat, x)] if image else [])]


def _joined(rows: list[list[Tensor]]) -> tuple[np.ndarray, np.ndarray | None]:
    """Two columns of figures, the second None where there is none."""
    columns = [torch.cat(column).numpy() for column in zip(*rows, strict=True)]
    return columns[0], columns[1] if len(columns) > 1 else None


@torch.inference_mode()
def entropy_floor(split: Split) -> float:
    """Nats per example that even a perfect reconstruction of grey targets costs in BCE."""
    total = 0.0
    for part in parts(len(split)):
        total += float(bernoulli_floor(split.batch(part)).sum())
    return total / len(split)


@dataclass(frozen=True)
class CodeQuality:
    """How well codes keep what matters, on a sample of held-out examples.

    knn_accuracy: share of examples whose 5 nearest neighbours' majority has their class.
    trustworthiness (Venna and Kaski 2001) in [0, 1]: do neighbours in the code stay neighbours
    in the data. silhouette in [-1, 1]: how apart the classes lie. None without labels.
    """

    knn_accuracy: float | None
    trustworthiness: float
    silhouette: float | None
    sample: int


def code_quality(
    codes: np.ndarray, x: np.ndarray, labels: np.ndarray | None, sample: int = 2000
) -> CodeQuality:
    """Judge codes (n, k) of examples x (at least the first `sample` of them, D) with scikit-learn.

    kNN accuracy uses all rows, one half drawn by lot votes on the other (rows may be sorted by
    class); the others the first `sample`.
    """
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import KNeighborsClassifier

    part = slice(0, min(sample, len(codes)))
    neighbours = min(5, (len(codes[part]) - 1) // 2)
    with one_blas_thread():
        trust = float(trustworthiness(x[part], codes[part], n_neighbors=neighbours))
        knn = silhouette = None
        if labels is not None:
            voters, others = np.array_split(np.random.default_rng(0).permutation(len(codes)), 2)
            voter = KNeighborsClassifier(neighbours).fit(codes[voters], labels[voters])
            knn = float(voter.score(codes[others], labels[others]))
            if len(set(labels[part].tolist())) > 1:
                silhouette = float(silhouette_score(codes[part], labels[part]))
    return CodeQuality(knn, trust, silhouette, len(codes[part]))


def expected_band(dataset: str, spec: ModelSpec, metric: str) -> tuple[float, float] | None:
    """The expected band of a held-out figure on all of MNIST after 5 to 15 epochs, if known.

    Its family says it, where it was measured; None for anything else.
    """
    return family(spec.family).expected_band(dataset, spec, metric)
