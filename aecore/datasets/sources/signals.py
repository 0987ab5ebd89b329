"""Generated waveforms as of a sensor, of known frequency, phase and amplitude; a few are faulty."""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets.dataset import Dataset, Factors, Split
from aecore.datasets.registry import Source
from aecore.types import DataSpec

LENGTH = 128
NAMES = ("normal", "spike", "dropout", "drift")
SPEC = DataSpec((LENGTH,), "signal", classes=len(NAMES))
TRAIN, TEST = 10_000, 2_000
TRAIN_FAULTS, TEST_FAULTS = 0.02, 0.10
NOISE = 0.01
ABOUT = (
    "Generated: sine waves of 128 samples with a little noise, as of a sensor, whose frequency, "
    "phase and amplitude are known; 10,000 to train on (2 % of them faulty: a spike, a dropout or "
    "a drift), 2,000 held out (10 % faulty)."
)

# frequency: periods in the window; phase: radians at the middle of the window, where it does not
# depend on the frequency; amplitude: half of the swing, of the full scale of 1.
RANGES = {"frequency": (2.0, 6.0), "phase": (0.0, 2 * np.pi), "amplitude": (0.15, 0.42)}


def load_signals() -> Dataset:
    """Make the waveforms, always the same: float32 (n, 128) in [0, 1], labels, factors (n, 3)."""
    rng = np.random.default_rng(20_240_602)
    train, train_factors = _make(rng, TRAIN, TRAIN_FAULTS)
    test, test_factors = _make(rng, TEST, TEST_FAULTS)
    known = Factors(tuple(RANGES), train_factors, test_factors, (0.0, 2 * np.pi, 0.0))
    return Dataset(
        "signals",
        SPEC,
        train,
        test,
        NAMES,
        ABOUT,
        factors=known,
        generated=True,
    )


def _make(rng: np.random.Generator, n: int, faults: float) -> tuple[Split, np.ndarray]:
    low, high = np.array(list(RANGES.values())).T
    factors = rng.uniform(low, high, (n, len(RANGES)))
    frequency, phase, amplitude = factors.T[:, :, None]
    time = (np.arange(LENGTH) + 0.5) / LENGTH - 0.5
    x = 0.5 + amplitude * np.sin(2 * np.pi * frequency * time + phase)
    x += rng.normal(0, NOISE, x.shape)
    labels = np.zeros(n, np.int64)
    faulty = rng.permutation(n)[: round(n * faults)]
    # One kind after the other: each is there as often as the others.
    labels[faulty] = 1 + np.arange(len(faulty)) % (len(NAMES) - 1)
    for row in faulty:
        _FAULTS[NAMES[labels[row]]](x[row], rng)
    x = torch.from_numpy(np.clip(x, 0, 1).astype(np.float32))
    return Split(x, torch.from_numpy(labels)), factors.astype(np.float32)


def _spike(row: np.ndarray, rng: np.random.Generator) -> None:
    """One to three samples in a row jump by 0.4 to 0.6 of the scale, towards the middle."""
    start, width = rng.integers(0, LENGTH - 3), rng.integers(1, 4)
    jump = rng.uniform(0.4, 0.6) * (-1 if row[start] > 0.5 else 1)
    row[start : start + width] += jump


def _dropout(row: np.ndarray, rng: np.random.Generator) -> None:
    """The sensor reads nothing for 12 to 31 samples."""
    start, width = rng.integers(0, LENGTH - 32), rng.integers(12, 32)
    row[start : start + width] = 0


def _drift(row: np.ndarray, rng: np.random.Generator) -> None:
    """The level wanders off steadily, by 0.3 to 0.5 at the end."""
    row += np.linspace(0, rng.choice((-1, 1)) * rng.uniform(0.3, 0.5), LENGTH)


_FAULTS = {"spike": _spike, "dropout": _dropout, "drift": _drift}

SOURCE = Source("signals", "Signals (generated)", ABOUT, SPEC, load_signals, "MIT", generated=True)
