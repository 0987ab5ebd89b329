"""What the second of a VAE's two heads is: reconstruction from mu does not tell.

Three witnesses, which hold wherever the training of a VAE ended, whatever the weight of its KL:

- Scaling a latent number up and the decoder's first weights down changes only the KL, so there
  E[mu^2] + E[sigma^2] = 1 for each number.
- The KL pulls each sigma up and the reconstruction pulls it down: with c the squared derivative of
  what is drawn by a latent number, 1 / sigma^2 - 1 is in proportion to c. Under a wrong reading it
  is a power of c instead, or falls.
- With a summed squared error and a whole KL, 1 / sigma^2 - 1 is 2 c, and with cross-entropy it is c
  with each pixel weighed by 1 / (p (1 - p)).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import SECONDS
from aecore.inspection.understanding.names import head_hint, words
from aecore.inspection.understanding.trials import Trials, work_of
from aecore.models.posterior import kl_to_prior

#: What the second head's values say of sigma^2.
VARIANCES: dict[str, Callable[[Tensor], Tensor]] = {
    "log-variance": torch.exp,
    "log-deviation": lambda raw: torch.exp(2 * raw),
    "deviation": torch.square,
    "softplus deviation": lambda raw: F.softplus(raw).square(),
}
_WORK = 6e9  # for the derivatives of all numbers
_EXAMPLES, _NUMBERS = (12, 100), 40
# How large a difference of each witness is: of the logarithm of the power (where sigma goes exactly
# with c), of the level, and of the root mean square of log(E[mu^2] + E[sigma^2]).
_POWER, _LEVEL, _FILL = 0.12, 0.5, 0.15
_MOST = 9.0  # what one witness may count at most
_CORRELATED = 0.4  # below this the power is not looked at
_USUAL, _NAMED = 1.5, 2.0  # what the usual one, and the one that its name says, are ahead
_DECIDED = 3.0  # how far ahead the best has to be
_EMPTY = 1.2  # a fill that no VAE with a KL has
SAME_KL = 0.05  # nats: readings that differ by less are no two


@dataclass(frozen=True)
class Heads:
    """What is known of the second head. second: one of SECONDS. doubts: sentences."""

    second: str = SECONDS[0]
    decided: bool = True
    doubts: tuple[str, ...] = ()


def second_head(best: Candidate, trials: Trials) -> Heads:
    """What the second head of a candidate most likely is. trials: on some hundred examples."""
    draft = best.draft
    if "second" not in draft.gaps():
        return Heads()
    raw = trials.encoded(draft, best.choice)
    if raw is None or not bool(torch.isfinite(raw).all()):
        return Heads(decided=False, doubts=(_doubt(SECONDS[0], {}),))
    mu, second = raw[:, : draft.k], raw[:, draft.k : 2 * draft.k]
    named = named_second(draft.head_names)
    variances = {name: of(second).clamp(1e-12, 1e12) for name, of in VARIANCES.items()}
    kls = {n: float(kl_to_prior(mu, v.log()).sum(1).mean()) for n, v in variances.items()}
    fills = {n: _fill(mu, v) for n, v in variances.items()}
    slopes = _Slopes(best, trials, mu)
    costs = {}
    for name, variance in variances.items():
        cost = min((fills[name] - min(fills.values())) / _FILL, 3.0) ** 2
        cost += slopes.cost(variance)
        cost -= _USUAL * (name == SECONDS[0]) + _NAMED * (name in named)
        costs[name] = cost
    ranked = sorted(costs, key=lambda name: costs[name])
    first = ranked[0]
    rivals = [n for n in ranked[1:] if abs(kls[n] - kls[first]) > SAME_KL * max(1, kls[first])]
    ahead = costs[rivals[0]] - costs[first] if rivals else float("inf")
    if ahead >= _DECIDED and min(fills.values()) < _EMPTY:
        return Heads(first)
    return Heads(first, False, (_doubt(first, kls),))


def _doubt(first: str, kls: dict[str, float]) -> str:
    others = "; ".join(f"{kl:,.1f} as {name}" for name, kl in kls.items() if name != first)
    told = f" (KL {kls[first]:,.1f} nats; {others})" if kls else ""
    return (
        f"What the second head gives is not decided: it is read as {first}{told}. KL and NELBO "
        "rest on it."
    )


def named_second(names: tuple[str, ...]) -> tuple[str, ...]:
    """What the second head may be by its name, one or both of the file's names; () for nothing."""
    for name in names[-1:] if len(names) == 2 and head_hint(names[0]) == "mu" else names:
        own = "".join(words(".".join(name.rsplit(".", 2)[-2:])))
        if re.search(r"(log|ln)_?(var|v$)|lv$", own):
            return ("log-variance",)
        if re.search(r"(log|ln|l)(std|sigma|sd|scale|dev)|logsig", own):
            return ("log-deviation", "log-variance")  # many call the one by the other's name
        if re.search(r"std|sigma|dev|scale|stddev", own):
            return ("deviation", "softplus deviation", "log-deviation")
        if "var" in own:
            return ("log-variance",)
    return ()


def _fill(mu: Tensor, variance: Tensor) -> float:
    """How far E[mu^2] + E[sigma^2] is from 1: root mean square of its logarithm, by numbers."""
    filled = (mu.square().mean(0) + variance.mean(0)).log()
    return float(filled.square().mean().sqrt())


class _Slopes:
    """The derivatives of what is drawn by each latent number, and how sigma goes with them."""

    def __init__(self, best: Candidate, trials: Trials, mu: Tensor):
        draft, choice = best.draft, best.choice
        labels = None if trials.labels is None else trials.labels[:1]
        each, _ = work_of(draft, choice, trials.x[:1], trials.ranges, labels)
        numbers = min(draft.k, _NUMBERS)
        low, high = _EXAMPLES
        n = int(min(max(_WORK / max(each * numbers, 1), low), high, len(mu)))
        self.dims = torch.linspace(0, draft.k - 1, numbers).long()
        factor, _ = trials.ranges[choice.target]
        few = Trials(
            trials.x[:n], trials.ranges, None if trials.labels is None else trials.labels[:n]
        )
        step = 0.05 * float(mu.square().mean(0).max().sqrt()) or 0.05
        drawn = few.decoded(draft, choice, mu[:n])
        self.found: list[Tensor] = []  # of each loss, (n, numbers)
        if drawn is None:
            return
        weights = 1 / (drawn * (1 - drawn)).clamp(min=0.01)
        square, entropy = [], []
        for j in self.dims.tolist():
            z = mu[:n].clone()
            z[:, j] += step
            moved = few.decoded(draft, choice, z)
            assert moved is not None
            slope = ((moved - drawn) / step).square()
            square.append(2 * factor**2 * slope.flatten(1).sum(1))
            entropy.append((weights * slope).flatten(1).sum(1))
        self.found.append(torch.stack(square, 1))
        if choice.output == "sigmoid" and choice.target == "[0, 1]":
            self.found.append(torch.stack(entropy, 1))

    def cost(self, variance: Tensor) -> float:
        """How badly a reading's sigma^2 (n, k) goes with the derivatives."""
        found = (_misfit(c, variance[: len(c), self.dims]) for c in self.found)
        return min(found, default=0.0)


def _misfit(c: Tensor, variance: Tensor) -> float:
    used = (c > 1e-3 * c.max()) & (variance < 0.95) & (variance > 1e-9)
    if int(used.sum()) < 10:
        return 0.0  # nothing is drawn by any number: the fill has to tell
    x, y = c[used].log(), (1 / variance[used] - 1).log()
    dx, dy = x - x.mean(), y - y.mean()
    together = float((dx * dy).mean())
    power = together / max(float(dx.square().mean()), 1e-12)
    correlation = together / max(float((dx.square().mean() * dy.square().mean()).sqrt()), 1e-12)
    level = min(abs(float((y - x).mean())) / _LEVEL, math.sqrt(3))
    cost = level**2
    if correlation < -_CORRELATED:
        return cost + _MOST
    if correlation > _CORRELATED:
        # What the encoder misses of c makes the power smaller, and less certain.
        missed = 1 - correlation
        away = math.log(max(power, 1e-3)) - math.log1p(-missed / 2)
        cost += min((away / (_POWER + missed / 2)) ** 2, _MOST)
    return cost


def with_second(candidate: Candidate, second: str) -> Candidate:
    """The candidate with another second head, where it has one."""
    choice = candidate.draft.relevant(replace(candidate.choice, second=second))
    return replace(candidate, choice=choice)
