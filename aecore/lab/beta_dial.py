"""The dial of beta: a VAE on a plane at five prices of information, trained before and shipped.

Of each model the file keeps what is shown of it: its plane decoded, and where held-out codes lie.
Made by scripts/dials.py with aecore's own training. beta weights the KL term (Higgins et al. 2017).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from aecore.errors import CheckpointError

FILE = Path(__file__).parent / "assets" / "beta_dial.safetensors"
BETAS = (0.0, 0.1, 0.5, 1.0, 4.0)
PRESET, DATASET = "vae-plane", "mnist"
SEED = 10
GRID = 15  # pictures along each side of the plane
CODES = 1_000  # held-out digits whose codes are kept
_KEY = "aecore_dial"


@dataclass(frozen=True)
class BetaStop:
    """One beta of the dial. mse: squared error per value, kl: nats a digit, both over all held-out
    digits. empty: per cent of the cells of the box around training codes in which none lies. low,
    high: two opposite corners of that box, which is what is decoded."""

    beta: float
    mse: float
    kl: float
    empty: float
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class BetaDial:
    """What the file holds. labels: (n,) classes of the held-out digits whose codes, (s, n, 2), are
    kept. planes: (s, GRID * h, GRID * w) uint8, all pictures of a plane as one."""

    dataset: str
    epochs: int
    seed: int
    held_out: int
    stops: tuple[BetaStop, ...]
    labels: np.ndarray
    codes: np.ndarray
    planes: np.ndarray


def as_one(pictures: np.ndarray) -> np.ndarray:
    """Pictures (side * side, h, w), rows from the top down, put together: (side * h, side * w)."""
    side = round(len(pictures) ** 0.5)
    h, w = pictures.shape[1:]
    rows = pictures.reshape(side, side, h, w).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(rows.reshape(side * h, side * w))


def write(path: Path, dial: BetaDial) -> None:
    """Write the dial's file; codes are rounded to float16, what is decoded is one byte a pixel."""
    path.parent.mkdir(exist_ok=True)
    said = {name: getattr(dial, name) for name in ("dataset", "epochs", "seed", "held_out")}
    said["stops"] = [vars(stop) for stop in dial.stops]
    arrays = {
        "labels": dial.labels.astype(np.uint8),
        "codes": dial.codes.astype(np.float16),
        "planes": dial.planes,
    }
    path.write_bytes(save(arrays, {_KEY: json.dumps(said)}))


@functools.cache
def beta_dial() -> BetaDial:
    """What ships, read once a process; nobody may change it. Raises CheckpointError where the file
    is missing or damaged."""
    try:
        with safe_open(FILE, "np") as file:
            said: dict[str, Any] = json.loads(file.metadata()[_KEY])
            labels, codes, planes = (file.get_tensor(n) for n in ("labels", "codes", "planes"))
        stops = [
            BetaStop(**s | {"low": tuple(s["low"]), "high": tuple(s["high"])})
            for s in said.pop("stops")
        ]
        return BetaDial(
            **said, stops=tuple(stops), labels=labels, codes=codes.astype(np.float32), planes=planes
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The planes of the dial could not be read ({error}); get the file again from a fresh "
            "copy of the project."
        ) from error


def says(dial: BetaDial) -> str:
    """What a higher price does, in one sentence, from what was measured."""
    first, last = dial.stops[0], dial.stops[-1]
    wide = [max(h - low for h, low in zip(s.high, s.low, strict=True)) for s in (first, last)]
    return (
        f"Without a price a code costs {first.kl:.0f} nats and the plane is {wide[0]:.0f} wide; at "
        f"beta {last.beta:g} it costs {last.kl:.1f} nats, the codes lie within {wide[1]:.0f} as "
        f"N(0, I) has them, and the error is {100 * (last.mse / first.mse - 1):+.0f} %."
    )
