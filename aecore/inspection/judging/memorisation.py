"""Whether a model knows some training examples better than it knows others.

What a foreign model was trained on is not known. Three traces are looked for in the training
split: a lower mean error than held out, a first part (100, 200, ... examples) much better than the
rest, and more very low errors than held-out examples have. A one is easier to draw than an eight,
so errors are compared with what is usual for an example as hard: a regression, fitted on held-out
examples, of the logarithm of the error on that of PCA's and of the example's distance to the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.datasets import Split
from aecore.evaluation.metrics import shown
from aecore.evaluation.thresholds import BY_HEART, KNOWS_BETTER
from aecore.inspection.judging.findings import Finding
from aecore.models.families.pca import PCABasis

HEADS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000)
RANKS = (1, 3, 10, 30, 100, 300, 1000)  # of the held-out errors, lowest first
MANY = 0.01  # share of the training examples from which knowing them by heart is a fault
EXCESS, LOWER = 2.0, 2.5  # times as many very low errors as chance gives; times as low as usual


@dataclass(frozen=True)
class Memory:
    """gap: held-out error over training error; noise: the standard error of their difference.

    head: the first part that stands out most, 0 if none; head_gap: how many times lower its error
    is than the others', for examples as hard. low, low_expected: training examples with an error
    below the `rank` lowest held-out ones, as hard, and how many chance gives; 0 where none stand
    out. low_gap: how many times lower theirs is.
    """

    gap: float
    train_mse: float
    test_mse: float
    looked_at: int
    of: int
    held_out: int
    noise: float
    head: int = 0
    head_mse: float = 0.0
    head_gap: float = 1.0
    low: int = 0
    low_expected: float = 0.0
    rank: int = 0
    low_gap: float = 1.0


def memory(
    train_mse: np.ndarray,
    train_index: np.ndarray,
    train_size: int,
    test_mse: np.ndarray,
    train_features: np.ndarray,
    test_features: np.ndarray,
) -> Memory:
    """Compare errors per example, (n,) of the training split at train_index and (m,) held out.

    features (n, f) and (m, f): how hard each example is, see `hardness`.
    """
    train_usual, test_usual = _usual(test_mse, test_features, train_features)
    head, head_mse, head_gap = _head(train_mse, train_index, train_usual)
    low = _low(train_mse / train_usual, test_mse / test_usual)
    return Memory(
        float(test_mse.mean() / max(train_mse.mean(), 1e-12)),
        float(train_mse.mean()),
        float(test_mse.mean()),
        len(train_mse),
        train_size,
        len(test_mse),
        float(
            np.hypot(test_mse.std() / len(test_mse) ** 0.5, train_mse.std() / len(train_mse) ** 0.5)
        ),
        head,
        head_mse,
        head_gap,
        *low,
    )


@torch.inference_mode()
def hardness(split: Split, index: np.ndarray, basis: PCABasis, k: int, classes: int) -> np.ndarray:
    """Features (n, f) of the examples at an index (n,), by which their usual error is foretold.

    Logarithms of PCA's error with k (at most 32) numbers and of the squared distance to the mean,
    their squares and product, and a column for each class where there are labels.
    """
    mean = torch.from_numpy(basis.mean)
    components = torch.from_numpy(basis.components[: min(k, 32)].copy()).T
    parts = []
    for start in range(0, len(index), 2000):
        rows = torch.from_numpy(index[start : start + 2000])
        x = split.batch(rows).flatten(1) - mean
        whole = torch.linalg.vecdot(x, x)
        scores = x @ components
        left = (whole - torch.linalg.vecdot(scores, scores)).clamp(min=1e-6)
        parts.append(torch.stack([left.log(), whole.clamp(min=1e-6).log()], 1).double())
    a, b = torch.cat(parts).numpy().T
    columns = [np.ones_like(a), a, b, a * a, b * b, a * b]
    if split.labels is not None and classes:
        labels = split.labels.numpy()[index]
        columns += [(labels == c).astype(float) for c in range(1, min(classes, 50))]
    return np.stack(columns, 1)


def _usual(test_mse, test_features, train_features) -> tuple[np.ndarray, np.ndarray]:
    """The error that is usual for an example as hard, (n,) and (m,), by least squares in logs."""
    logs = np.log(test_mse.clip(1e-12))
    weights = np.linalg.lstsq(test_features, logs, rcond=1e-8)[0]
    low, high = logs.min() - 1, logs.max() + 1
    return tuple(np.exp((f @ weights).clip(low, high)) for f in (train_features, test_features))


def _head(train_mse, train_index, usual) -> tuple[int, float, float]:
    """The first part of the training split whose error falls most below what is usual."""
    best, ratio = (0, 0.0, 1.0), np.log(train_mse.clip(1e-12) / usual)
    for size in HEADS:
        here = train_index < size
        n = int(here.sum())
        if n < 30 or n == len(train_mse):
            continue
        # Against the rest of the same split, then a harder held-out split is not the reason.
        apart = ratio[~here].mean() - ratio[here].mean()
        noise = np.sqrt(ratio[here].var() / n + ratio[~here].var() / (len(ratio) - n))
        gap = float(np.exp(apart))
        # A larger part with nearly the same gap says more about what it has seen.
        if apart > 8 * noise and gap > max(KNOWS_BETTER, best[2] * (0.8 if best[0] else 1)):
            best = (size, float(train_mse[here].mean()), gap)
    return best


def _low(train_ratio, test_ratio) -> tuple[int, float, int, float]:
    """An excess of low ratios of error to usual error: how many, by chance, rank, and the gap."""
    from scipy import stats

    n, m = len(train_ratio), len(test_ratio)
    ordered, strongest, most = np.sort(test_ratio), (0, 0.0, 0, 1.0), 0.0
    for rank in RANKS:
        if rank > m // 10:
            break
        below = train_ratio < ordered[rank - 1]
        count, expected = int(below.sum()), n * rank / m
        # The quantile is itself uncertain: three deviations more than its best estimate.
        chance = min(1.0, (rank + 3 * np.sqrt(rank) + 3) / m)
        rare = stats.binom.sf(count - 1, n, chance) < 1e-6
        clear = (count - expected) / np.sqrt(expected)
        if rare and count > EXCESS * expected and clear > most:
            gap = float(np.median(test_ratio) / max(np.median(train_ratio[below]), 1e-12))
            if gap > LOWER:
                most, strongest = clear, (count, expected, rank, gap)
    return strongest


def memory_findings(m: Memory) -> list[Finding]:
    """memorised, or the plain gap in words."""
    seen = "all" if m.looked_at == m.of else f"{m.looked_at:,} of"
    split = f"{seen} {m.of:,} training examples"
    if m.head_gap >= KNOWS_BETTER:
        level = "broken" if m.head_gap >= BY_HEART else "worrying"
        return [
            Finding(
                level,
                "memorised",
                f"It memorised about {m.head:,} training examples",
                f"MSE per value {shown(m.head_mse)} on the first {m.head:,} examples of the "
                f"training split: {m.head_gap:.1f} times lower than on the other training "
                f"examples, for examples as hard; {shown(m.test_mse)} on {m.held_out:,} "
                "held-out ones.",
            )
        ]
    if m.gap >= KNOWS_BETTER and m.test_mse - m.train_mse > 3 * m.noise:
        level = "broken" if m.gap >= BY_HEART else "worrying"
        return [
            Finding(
                level,
                "memorised",
                "It knows its training examples, not others",
                f"MSE per value {shown(m.train_mse)} on {split}, {shown(m.test_mse)} on "
                f"{m.held_out:,} held-out ones: {m.gap:.1f} times as much.",
            )
        ]
    if m.low:
        about = round((m.low - m.low_expected) * m.of / m.looked_at)
        many = about >= MANY * m.of
        return [
            Finding(
                "broken" if many else "note",
                "memorised",
                f"It memorised about {about:,} training examples"
                if many
                else f"About {about:,} of {m.of:,} training examples come back unusually well",
                f"{m.low:,} of {m.looked_at:,} training examples looked at have a lower error, "
                f"for examples as hard, than the {m.rank} best of {m.held_out:,} held-out "
                f"ones, where chance gives about {m.low_expected:.0f}; it is "
                f"{m.low_gap:.1f} times lower than is usual held out.",
            )
        ]
    return [
        Finding(
            "good",
            "generalises",
            "It does as well on examples that it has not seen",
            f"MSE per value {shown(m.test_mse)} on {m.held_out:,} held-out examples, "
            f"{shown(m.train_mse)} on {split} ({m.gap:.2f} times); no part of the training "
            "split stands out.",
        )
    ]
