"""Ways to remove noise that learn nothing, each with the setting that is best on training examples.

All take and give (n, *shape) float32 and treat every example, and every channel, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aecore.datasets.corruption import blur
from aecore.evaluation.batches import parts
from aecore.types import DataSpec

AT_ONCE = 10  # examples between two chances for others to have their turn
PATCH, REACH = 5, 6  # pixels: of what non-local means compare, and how far they look
WAVELET, DEEP = "haar", 2

Apply = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class Filter:
    """title: what people call it, `settings` what its numbers are called there. tried: the settings
    that are tried. slow: it takes milliseconds an example. of: the kinds of data it is for."""

    name: str
    title: str
    setting: str
    tried: tuple[float, ...]
    apply: Apply
    of: tuple[str, ...] = ("image", "signal")
    slow: bool = False

    def fits(self, spec: DataSpec) -> bool:
        """Whether neighbours of these data are what it takes them for."""
        return spec.kind in self.of


def tuned(apply: Apply, tried: Sequence[float], clean: np.ndarray, seen: np.ndarray) -> float:
    """The setting that errs least on these examples, the first of equally good ones."""
    return min(tried, key=lambda setting: float(np.square(apply(seen, setting) - clean).mean()))


def space_of(x: np.ndarray) -> tuple[int, ...]:
    """The axes along which values are neighbours, of examples (n, L), (n, C, L) or (n, C, H, W)."""
    return tuple(range(2 if x.ndim > 2 else 1, x.ndim))


def by_part(x: np.ndarray, some: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A way's answer to all examples, asked some at a time."""
    return np.concatenate([some(x[part]) for part in parts(len(x), AT_ONCE)])


def _each(x: np.ndarray, one: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`one` of each channel of each example."""
    layers = x.reshape(-1, *(x.shape[axis] for axis in space_of(x)))
    return np.stack([one(layer) for layer in layers]).reshape(x.shape).astype(np.float32)


def median(x: np.ndarray, size: float) -> np.ndarray:
    """The median of each value's neighbourhood, `size` wide."""
    from scipy.ndimage import median_filter

    window = [1] * x.ndim
    for axis in space_of(x):
        window[axis] = min(int(size), x.shape[axis])
    return by_part(x, lambda some: median_filter(some, size=tuple(window)))


def smeared(x: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur."""
    return by_part(x, lambda some: blur(torch.from_numpy(some), sigma).numpy())


def total_variation(x: np.ndarray, weight: float) -> np.ndarray:
    """Few edges, else as it was (Rudin, Osher and Fatemi 1992; Chambolle 2004)."""
    from skimage.restoration import denoise_tv_chambolle

    def one(layer: np.ndarray) -> np.ndarray:
        return denoise_tv_chambolle(layer, weight=weight)

    return by_part(x, lambda some: _each(some, one))


def wavelets(x: np.ndarray, threshold: float) -> np.ndarray:
    """Small details gone, at each shift of the wavelets (Coifman and Donoho 1995)."""
    import pywt

    axes = space_of(x)
    deep = min(DEEP, *(int(np.log2(max(2, x.shape[axis]))) for axis in axes))
    # Wavelets go round: an example's one end would meet the other.
    edge = 2**deep
    pad = [(0, 0)] * x.ndim
    for axis in axes:
        pad[axis] = (edge, edge + -x.shape[axis] % edge)
    inside = tuple(slice(a[0], a[0] + n) for a, n in zip(pad[1:], x.shape[1:], strict=True))

    def some(y: np.ndarray) -> np.ndarray:
        levels = pywt.swtn(np.pad(y, pad, mode="edge"), WAVELET, deep, axes=axes, norm=True)
        kept = [
            {
                name: v if set(name) == {"a"} else pywt.threshold(v, threshold, "hard")
                for name, v in level.items()
            }
            for level in levels
        ]
        back = pywt.iswtn(kept, WAVELET, axes=axes, norm=True)
        return back[:, *inside].clip(0, 1).astype(np.float32)

    return by_part(x, some)


def nonlocal_means(x: np.ndarray, strength: float) -> np.ndarray:
    """The mean of pixels whose surroundings look alike (Buades, Coll and Morel 2005)."""
    from skimage.restoration import denoise_nl_means

    def one(layer: np.ndarray) -> np.ndarray:
        return denoise_nl_means(layer, PATCH, REACH, h=strength, fast_mode=False)

    return by_part(x, lambda some: _each(some, one))


FILTERS = (
    Filter("median", "median", "pixels wide", (3, 5), median),
    Filter("blur", "blur", "pixels", (0.3, 0.5, 0.7, 0.9, 1.2, 1.6), smeared),
    Filter(
        "tv",
        "total variation",
        "weight",
        (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.9),
        total_variation,
    ),
    Filter(
        "wavelets",
        "wavelets",
        "threshold",
        (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.9, 1.2),
        wavelets,
    ),
    Filter(
        "nlm",
        "non-local means",
        "strength",
        (0.05, 0.1, 0.13, 0.2, 0.3, 0.45),
        nonlocal_means,
        ("image",),
        slow=True,
    ),
)


# What knows where the holes are ------------------------------------------------------------


def from_neighbours(x: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """The weighted mean of the known values around, in holes; elsewhere x. known: bool, as x."""

    def some(part: slice) -> np.ndarray:
        there = torch.from_numpy(known[part].astype(np.float32))
        y = torch.from_numpy(x[part])
        near, weight = blur(y * there, sigma), blur(there, sigma)
        # Far from all that is known weights are next to nothing: there the mean is of all of it.
        rest = ((y * there).flatten(1).sum(1) / there.flatten(1).sum(1).clamp_min(1)).view(
            -1, *[1] * (y.ndim - 1)
        )
        filled = (near + 1e-6 * rest) / (weight + 1e-6)
        return torch.where(there > 0, y, filled).numpy()

    return np.concatenate([some(part) for part in parts(len(x), AT_ONCE)])


def from_components(
    x: np.ndarray,
    known: np.ndarray,
    mean: np.ndarray,
    components: np.ndarray,
    variances: np.ndarray,
    noise: float,
) -> np.ndarray:
    """What principal components say of holes, fitted to the known values alone; elsewhere x.

    The posterior mean of their scores (Tipping and Bishop 1999). mean: (D,); components: (k, D);
    variances: theirs, (k,); noise: the variance of a value that they leave out.
    """
    c = torch.from_numpy(components)
    prior = torch.diag(noise / torch.from_numpy(variances).clamp_min(1e-9))
    middle = torch.from_numpy(mean)

    def some(part: slice) -> np.ndarray:
        there = torch.from_numpy(known[part].reshape(-1, len(mean)).astype(np.float32))
        rows = torch.from_numpy(x[part].reshape(-1, len(mean)))
        seen = c[None] * there[:, None]
        right = (seen @ (rows - middle)[:, :, None]).squeeze(2)
        scores = torch.linalg.solve(seen @ c.T + prior, right)
        filled = scores @ c + middle
        return torch.where(there > 0, rows, filled).view(-1, *x.shape[1:]).numpy()

    return np.concatenate([some(part) for part in parts(len(x), AT_ONCE)])
