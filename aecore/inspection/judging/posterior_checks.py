"""What a code carries: the KL and its dimensions, collapse, and the aggregate posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from aecore.evaluation.latent import mean_kl
from aecore.evaluation.metrics import active_units
from aecore.evaluation.thresholds import ACTIVE_VARIANCE, CARRIES_NATS, FEW_IN_USE
from aecore.inspection.judging.findings import Figure, Finding, amount
from aecore.inspection.judging.passes import Look

FEWEST_IN_USE = 3  # dimensions of a VAE below which those in use are few
COLLAPSED_NATS = 0.5  # mean KL of all of up to 20 dimensions below which q is the prior


@dataclass(frozen=True)
class Code:
    """A code in figures. order: dimensions, those that carry most first.

    kl (k,): mean nats, None for a plain autoencoder. mean, std (k,): of the aggregate posterior,
    the posterior's own width included. widest: the largest correlation between two dimensions that
    carry something. kl_to_prior: of the Gaussian with the aggregate's moments to N(0, I), nats.
    """

    order: np.ndarray
    carries: np.ndarray
    kl: np.ndarray | None
    mean: np.ndarray
    std: np.ndarray
    own_std: np.ndarray | None
    active: int
    used: int
    largest_correlation: float
    pair: tuple[int, int]
    kl_to_prior: float | None


def code_of(look: Look) -> Code:
    """The figures of the codes mu (n, k) and logvar of a look at held-out examples."""
    mu = look.mu.astype(np.float64)
    k = mu.shape[1]
    kl = own = None
    own_variance = np.zeros(k)
    if look.logvar is not None:
        logvar = look.logvar.astype(np.float64).clip(-80, 80)
        kl = mean_kl(mu, logvar)
        own_variance = np.exp(logvar).mean(0)
        own = np.exp(0.5 * logvar).mean(0)
    mean = mu.mean(0)
    covariance = np.atleast_2d(np.cov(mu, rowvar=False, bias=True)) + np.diag(own_variance)
    carries = mu.var(0) if kl is None else kl
    used = carries > (CARRIES_NATS if kl is not None else 1e-4 * max(float(mu.var(0).max()), 1e-12))
    largest, pair = _largest_correlation(covariance, np.flatnonzero(used))
    gaussian = None
    if kl is not None:
        sign, logdet = np.linalg.slogdet(covariance)
        if sign > 0:
            gaussian = 0.5 * float(np.trace(covariance) + mean @ mean - k - logdet)
    return Code(
        np.argsort(-carries, kind="stable"),
        carries,
        kl,
        mean,
        np.sqrt(np.diag(covariance)),
        own,
        active_units(torch.from_numpy(look.mu)),
        int(used.sum()),
        largest,
        pair,
        gaussian,
    )


def _largest_correlation(covariance: np.ndarray, among: np.ndarray):
    if len(among) < 2:
        return 0.0, (0, 0)
    part = covariance[np.ix_(among, among)]
    scale = np.sqrt(np.diag(part)).clip(1e-12)
    correlation = np.abs(part / np.outer(scale, scale))
    np.fill_diagonal(correlation, 0)
    a, b = np.unravel_index(int(correlation.argmax()), correlation.shape)
    return float(correlation[a, b]), (int(among[a]), int(among[b]))


def code_figures(code: Code, look: Look, floor: float | None) -> list[Figure]:
    """The code's figures; floor: nats that a perfect reconstruction would cost."""
    on = f"{len(look.mu):,} held-out examples"
    figures = []
    if code.kl is not None:
        total = float(code.kl.sum())
        if look.reconstruction is not None:
            nats = float(look.reconstruction.mean())
            if look.own_shape:
                on += f" in the network's own size, {' × '.join(map(str, look.own_shape))}"
            figures = [
                Figure(
                    "nelbo",
                    "Likelihood",
                    "Negative ELBO",
                    nats + total,
                    "nats per example",
                    "lower",
                    f"{on}, one z sample each",
                ),
                Figure(
                    "reconstruction",
                    "Likelihood",
                    "of it reconstruction",
                    nats,
                    "nats per example",
                    "lower",
                    f"{on}"
                    + (
                        "" if floor is None else f"; a perfect one of grey values costs {floor:.1f}"
                    ),
                ),
            ]
        figures += [
            Figure(
                "kl",
                "Likelihood",
                "of it KL" if figures else "KL",
                total,
                "nats per example",
                "",
                on,
            ),
            Figure(
                "active_units",
                "Code",
                "Active units (Burda et al. 2016)",
                code.active,
                f"of {len(code.mean)}",
                "",
                f"variance of the mean above {ACTIVE_VARIANCE:g}, {on}",
            ),
            Figure(
                "dimensions_used",
                "Code",
                f"Dimensions above {CARRIES_NATS:g} nats",
                code.used,
                f"of {len(code.mean)}",
                "",
                on,
            ),
        ]
        if code.kl_to_prior is not None:
            figures.append(
                Figure(
                    "kl_to_prior",
                    "Code",
                    "Aggregate posterior to N(0, I)",
                    code.kl_to_prior,
                    "nats",
                    "lower",
                    f"KL of the Gaussian with its mean and covariance, {on}",
                )
            )
    else:
        figures.append(
            Figure(
                "dimensions_used",
                "Code",
                "Dimensions that vary",
                code.used,
                f"of {len(code.mean)}",
                "",
                f"variance above 1e-4 of the largest, {on}",
            )
        )
    if len(code.mean) > 1:
        a, b = code.pair
        figures.append(
            Figure(
                "correlation",
                "Code",
                "Largest correlation of two dimensions",
                code.largest_correlation,
                "",
                "lower",
                f"|r| of z{a + 1} and z{b + 1}, {on}",
            )
        )
    return figures


def code_findings(code: Code, look: Look) -> list[Finding]:
    """Collapse, idle dimensions, a constant code, and an aggregate posterior off the prior."""
    n, k = look.mu.shape
    if code.kl is None:
        if float(look.mu.var(0).max()) < 1e-10:
            return [
                Finding(
                    "broken",
                    "constant-code",
                    "The code is the same for everything",
                    f"The largest variance of a latent number over {n:,} held-out examples is "
                    f"{float(look.mu.var(0).max()):.1g}: the encoder tells nothing apart.",
                )
            ]
        if code.used < k:
            return [
                Finding(
                    "worrying" if code.used < FEW_IN_USE * k else "note",
                    "idle-dimensions",
                    f"{k - code.used} of {k} latent numbers never change",
                    f"Their variance over {n:,} held-out examples is below 1e-4 of the largest.",
                )
            ]
        return []
    total = float(code.kl.sum())
    if total < COLLAPSED_NATS * max(1, k / 20):
        return [
            Finding(
                "broken",
                "posterior-collapse",
                "The posterior has collapsed",
                f"The KL is {amount(total)} nats per example and {code.active} of {k} "
                f"dimensions are active over {n:,} held-out examples: q(z|x) is the prior, and "
                "the code says nothing about the example.",
            )
        ]
    if code.active == 0:
        # Away from the prior all the same: the KL then is no information about the example.
        return [
            Finding(
                "note",
                "small-code",
                "The code hardly moves",
                f"The means of {k} dimensions each vary by less than {ACTIVE_VARIANCE:g} over "
                f"{n:,} held-out examples, and the KL is {amount(total)} nats per example: q(z|x) "
                "lies away from N(0, I), and nearly in the same place for every example.",
            ),
            *_aggregate(code, n, k),
        ]
    return [*_idle(code, total, n, k), *_aggregate(code, n, k)]


def _idle(code: Code, total: float, n: int, k: int) -> list[Finding]:
    if code.used == k:
        return [
            Finding(
                "good",
                "all-dimensions-live",
                f"All {k} latent dimensions carry something",
                f"Each has more than {CARRIES_NATS:g} nats of KL on {n:,} held-out examples; "
                f"in all {amount(total)} nats.",
            )
        ]
    # One dimension of many in use is a collapse; a VAE of a wide code needs no more than some.
    few = code.used < FEW_IN_USE * k and code.used < FEWEST_IN_USE
    return [
        Finding(
            "worrying" if few else "note",
            "idle-dimensions",
            f"{k - code.used} of {k} latent dimensions carry next to nothing",
            f"{code.used} have more than {CARRIES_NATS:g} nats of KL on {n:,} held-out examples, "
            f"{code.active} are active (variance of the mean above {ACTIVE_VARIANCE:g}). "
            + (
                "Most of the code has collapsed to the prior; beta below 1 or free bits would "
                "keep more."
                if few
                else "A VAE switches off what it does not need."
            ),
        )
    ]


def _aggregate(code: Code, n: int, k: int) -> list[Finding]:
    gaussian = code.kl_to_prior
    if gaussian is None:
        return []
    far = int(np.argmax(np.abs(np.log(code.std.clip(1e-12)))))
    apart = (
        f"The Gaussian with the mean and covariance of all codes of {n:,} held-out examples is "
        f"{amount(gaussian)} nats from N(0, I), {amount(gaussian / k)} a dimension; the deviation "
        f"furthest from 1 is {amount(float(code.std[far]))} (z{far + 1}), the largest correlation "
        f"{code.largest_correlation:.2f}."
    )
    if gaussian / k > 0.5:
        return [
            Finding(
                "worrying",
                "off-prior",
                "The codes do not fill the prior",
                f"{apart} What is drawn from the prior meets places that the decoder never "
                "learned.",
            )
        ]
    if gaussian / k < 0.1:
        return [Finding("good", "fills-prior", "The codes fill the prior", apart)]
    return [Finding("note", "fills-prior", "The codes fill the prior roughly", apart)]
