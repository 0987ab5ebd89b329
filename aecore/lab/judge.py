"""How examples that nobody drew are judged: Fréchet distance, precision and recall, confidence.

All of it is computed on features: of labelled data those of a small classifier of our own, trained
once a process, of others the first principal components. Figures on features of one judge can be
compared with each other, not with those that others publish.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aecore.datasets import Dataset, Split
from aecore.evaluation.batches import parts
from aecore.lab.control import LabControl
from aecore.lab.once import Once
from aecore.models.bases import basis_of
from aecore.models.presets import preset
from aecore.models.principal import PCABasis
from aecore.models.registry import build
from aecore.training.optimiser import Adam

FEATURES = 64
JUDGED = 10_000  # held-out examples, and made ones, between which a distance is measured
NEIGHBOURHOODS = 3_000  # of them, for precision and recall, which compare each with each
NEIGHBOURS = 3
SURE = 0.95  # a reading with more confidence counts as sure
EPOCHS, BATCH, RATE = 2, 128, 4e-3
LEAST_STEPS = 600
LOOKED_AT = 1_000  # held-out examples that are read between steps, to see how well it learns
NEAREST = 100  # examples of which the nearest training example is looked for
_PART = 500


@dataclass(frozen=True)
class Seen:
    """What a judge sees in n examples. features: (n, f) float32. classes, confidence: (n,), the
    likeliest class and its probability; None where there is no classifier."""

    features: np.ndarray
    classes: np.ndarray | None = None
    confidence: np.ndarray | None = None

    def first(self, n: int) -> Seen:
        rest = (self.classes, self.confidence)
        return Seen(self.features[:n], *(None if v is None else v[:n] for v in rest))

    @property
    def sure(self) -> float:
        """Per cent read with more confidence than SURE; NaN without a classifier."""
        return math.nan if self.confidence is None else 100 * float((self.confidence > SURE).mean())


@dataclass(frozen=True)
class Learning:
    """A classifier under way. seen: training examples so far. right: per cent of so many held-out
    examples. share: how much of the training is done."""

    seen: int
    right: float
    examples: int
    share: float


class Judge:
    """Sees examples as features, and knows what held-out and training examples look like.

    right: per cent of held-out examples whose class its classifier finds, NaN where it has none.
    held_out, known: what it sees in held-out and in training examples. learning: how its classifier
    learned. nearest: median distance of some held-out examples to the nearest training example.
    """

    def __init__(
        self, data: Dataset, look: nn.Module | PCABasis, learning: tuple[Learning, ...] = ()
    ):
        self.learning = learning
        self.nearest = float(np.median(nearest_examples(data.train, _some(data.test))[1]))
        self._look, self._shape = look, data.spec.shape
        self.held_out = self.see(data.test.first(JUDGED))
        self.known = self.see(data.train.first(JUDGED))
        labels = data.test.first(JUDGED).labels
        self.right = math.nan
        if self.held_out.classes is not None and labels is not None:
            self.right = 100 * float((self.held_out.classes == labels.numpy()).mean())

    @property
    def reads(self) -> bool:
        """Whether it has a classifier."""
        return self.held_out.classes is not None

    def see(self, examples: Split | np.ndarray) -> Seen:
        """Look at a split, or at examples (n, *shape) in the data's own scale."""
        split = examples if isinstance(examples, Split) else Split(torch.from_numpy(examples))
        if isinstance(self._look, PCABasis):
            k = min(FEATURES, len(self._look.components))
            rows = (split.batch(part).flatten(1).numpy() for part in parts(len(split), _PART))
            return Seen(np.concatenate([self._look.encode(x, k) for x in rows]))
        with torch.inference_mode():
            found = [_read(self._look, split.batch(part)) for part in parts(len(split), _PART)]
        features, chances = (torch.cat(some) for some in zip(*found, strict=True))
        confidence, classes = chances.max(1)
        return Seen(features.numpy(), classes.numpy(), confidence.numpy())

    def distance(self, seen: Seen) -> float:
        """Fréchet distance to the held-out examples."""
        return frechet_distance(seen.features, self.held_out.features)

    def nearness(self, data: Dataset, x: np.ndarray) -> float:
        """How far the first of x (n, *shape) are from the nearest training example, in median, in
        units of how far held-out ones are: well below 1, they are copies."""
        return float(np.median(nearest_examples(data.train, x[:NEAREST])[1])) / self.nearest

    def precision_recall(self, seen: Seen) -> tuple[float, float]:
        """See `precision_recall`, against held-out examples."""
        n = min(NEIGHBOURHOODS, len(seen.features), len(self.held_out.features))
        return precision_recall(self.held_out.features[:n], seen.features[:n])


_judges: Once[Judge] = Once(4)


def judge_of(data: Dataset, seed: int, control: LabControl) -> Generator[Learning, None, Judge]:
    """The judge of these data, made once a process; yields how its classifier learns.

    Raises Interrupted where it is stopped.
    """
    key = (data.name, data.fingerprint, str(seed))
    return (yield from _judges.steps(key, control, lambda: _made(data, seed, control)))


def _made(data: Dataset, seed: int, control: LabControl) -> Generator[Learning, None, Judge]:
    if data.train.labels is None or data.spec.classes < 2:
        with control.apart():
            basis = basis_of(data, FEATURES)
        return Judge(data, basis)
    looks, steps = [], _reader(data, seed, control)
    while True:
        try:
            looks.append(next(steps))
        except StopIteration as end:
            return Judge(data, end.value, tuple(looks))
        yield looks[-1]


# A classifier ----------------------------------------------------------------------------------


def _reader(data: Dataset, seed: int, control: LabControl) -> Generator[Learning, None, nn.Module]:
    """A small classifier: the encoder of an autoencoder of the kind that suits the data, with a
    line for each class behind it, trained on labels."""
    kinds = [preset(name) for name in ("fast-start", "conv-ae")]
    spec = [one for one in kinds if one.fits(data.spec)][-1].spec(data.spec, FEATURES)
    trunk = build(spec, seed).encoder_network()
    generator = torch.Generator().manual_seed(seed)
    last = nn.utils.skip_init(nn.Linear, FEATURES, data.spec.classes)
    weight, bias = last.parameters()
    nn.init.normal_(weight, std=FEATURES**-0.5, generator=generator)
    nn.init.zeros_(bias)
    reader = nn.Sequential(trunk, nn.ReLU(), last).train()
    adam, n = Adam(reader.parameters(), RATE), len(data.train)
    batch = min(BATCH, max(16, n // 32))
    each = math.ceil(n / batch)
    steps = max(EPOCHS * each, LEAST_STEPS)
    looked_at, labels = data.test.first(LOOKED_AT), data.train.labels
    assert labels is not None
    assert looked_at.labels is not None
    order, every = torch.empty(0, dtype=torch.int64), max(1, steps // 40)
    for step in range(steps):
        control.give_way()
        if step % every == 0 and step:
            right = _right(reader, looked_at)
            yield Learning(step * batch, right, len(looked_at), step / steps)
        if len(order) == 0:
            order = torch.randperm(n, generator=generator)
        rows, order = order[:batch], order[batch:]
        logits = reader(data.train.batch(rows))
        nn.functional.cross_entropy(logits, labels[rows]).backward()
        adam.param_groups[0]["lr"] = _rate(step / steps)
        adam.advance()
    return reader.eval()


def _rate(share: float) -> float:
    """Up within a tenth of the training, then down as half a cosine."""
    rising = 0.1
    if share < rising:
        return RATE * (0.1 + 0.9 * share / rising)
    return RATE * 0.5 * (1 + math.cos(math.pi * (share - rising) / (1 - rising)))


def _read(reader: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Features (b, FEATURES) and chances of the classes (b, classes)."""
    assert isinstance(reader, nn.Sequential)
    trunk, bend, last = reader
    features = bend(trunk(x))
    return features, last(features).softmax(1)


@torch.inference_mode()
def _right(reader: nn.Module, split: Split) -> float:
    """Per cent whose class is found."""
    assert split.labels is not None
    reader.eval()
    found = [_read(reader, split.batch(part))[1].argmax(1) for part in parts(len(split), _PART)]
    reader.train()
    return 100 * float((torch.cat(found) == split.labels).float().mean())


# Measures --------------------------------------------------------------------------------------


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance between the Gaussians of two sets of features, (n, f) and (m, f):
    |mean - mean|² + tr(A + B - 2 (A B)^½), in squared units of the features.

    Heusel et al. 2017, with other features than theirs. 0 at best; of few examples it is too high.
    """
    (mean_a, cov_a), (mean_b, cov_b) = map(_moments, (a, b))
    # (A B)^½ has the trace of (A^½ B A^½)^½, whose eigenvalues are real and not below 0.
    values, vectors = torch.linalg.eigh(cov_a)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    both = torch.linalg.eigvalsh(root @ cov_b @ root).clamp_min(0).sqrt().sum()
    apart = (mean_a - mean_b).square().sum()
    return max(0.0, float(apart + cov_a.trace() + cov_b.trace() - 2 * both))


def _moments(features: np.ndarray) -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(features).double()
    mean = x.mean(0)
    centred = x - mean
    return mean, centred.T @ centred / max(1, len(x) - 1)


def precision_recall(
    real: np.ndarray, made: np.ndarray, k: int = NEIGHBOURS
) -> tuple[float, float]:
    """Per cent of made features (m, f) that lie among real ones (n, f), and of real ones that lie
    among made ones. Among: no farther from one of them than its k-th nearest of its own kind.

    Kynkäänniemi et al. 2019, 'Improved precision and recall metric', equation 1.
    """
    a, b = torch.from_numpy(real), torch.from_numpy(made)
    return _share_among(b, a, k), _share_among(a, b, k)


def _share_among(some: Tensor, others: Tensor, k: int) -> float:
    k = min(k, len(others) - 1)
    reach = [
        # The nearest is the example itself.
        torch.cdist(others[part], others).kthvalue(k + 1, dim=1).values
        for part in parts(len(others), _PART)
    ]
    reaches = torch.cat(reach)
    inside = [
        (torch.cdist(some[part], others) <= reaches).any(1) for part in parts(len(some), _PART)
    ]
    return 100 * float(torch.cat(inside).float().mean())


def _some(split: Split) -> np.ndarray:
    return split.first(NEAREST).batch().numpy()


def nearest_examples(split: Split, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each of x (n, *shape) the index of the nearest of a split's examples, (n,), and the root
    of the mean squared difference between them, (n,)."""
    wanted = torch.from_numpy(np.ascontiguousarray(x, np.float32)).flatten(1)
    best = torch.full((len(wanted),), torch.inf)
    index = torch.zeros(len(wanted), dtype=torch.int64)
    squares = wanted.square().sum(1)
    for part in parts(len(split), _PART):
        rows = split.batch(part).flatten(1)
        distances = squares - 2 * rows @ wanted.T + rows.square().sum(1)[:, None]
        least, at = distances.min(0)
        index = torch.where(least < best, at + part.start, index)
        best = torch.minimum(best, least)
    return index.numpy(), (best.clamp_min(0) / wanted.shape[1]).sqrt().numpy()
