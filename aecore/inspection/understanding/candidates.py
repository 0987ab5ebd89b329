"""Readings that were run: a draft with every gap filled, and what it made of held-out examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from aecore.inspection.understanding.choice import RANGES, Choice, Draft, names_contradict

#: How seldom a curve is met, in steps of PRIOR.
SELDOM = {
    "ReLU": 0.0,
    "LeakyReLU 0.01": 4.0,  # next to ReLU, which is met far more often: a hair decides nothing
    "LeakyReLU 0.2": 1.0,
    "tanh": 1.0,
    "sigmoid": 1.5,
    "ELU": 2.0,
    "GELU": 2.0,
    "SiLU": 2.5,
    "SELU": 3.0,
    "LeakyReLU 0.1": 3.0,
    "none": 5.0,
    "Mish": 6.0,
    "softplus": 12.0,
}
AGAINST_NAMES = 1.05  # how much better a reading has to be whose heads are not as they are named
#: By what share an error has to be smaller for a KL that is larger by a factor of e.
KL_SHARE = 0.05
#: What only cuts off makes any error smaller: how many times the error of another output has to be.
CUTTING = {"ReLU": 1.5, "clamp": 1.6}
#: By what share drawings of a decoder alone have to be nearer for each step from the usual; twice
#: as near where the output is no sigmoid: what is drawn sharper is nearer in any case.
DRAWN = 0.3
#: Hardly anybody has one in one half and the other in the other; after training with dropout such a
#: reading has an error that is smaller by some per cent than that of what was trained.
MIXED = {"ReLU", "LeakyReLU 0.01"}
#: Two readings whose errors differ by less than this share are told apart by what is usual.
PRIOR = 8e-4


@dataclass(frozen=True)
class Candidate:
    """A draft with every gap filled, and its squared error per value on the examples tried, (n,).

    surprise: how far what enters each BatchNorm is from the statistics that the file keeps of it,
    0 for no difference and for networks without one. It tells apart what the error does not: the
    statistics were taken under the true reading, however little the network was trained. pull: how
    far the weights are from rest under this reading, see stillness.py; None where not measured.
    kl: of a VAE in nats, its second head taken for log-variance: what the training kept small.
    """

    draft: Draft
    choice: Choice
    errors: Tensor
    surprise: float = 0.0
    pull: float | None = None
    kl: float | None = None

    @property
    def error(self) -> float:
        """Mean squared error per value."""
        return float(self.errors.mean())

    @property
    def rarity(self) -> float:
        """How unusual the reading is: decides only between equals."""
        c, ranges, gaps = self.choice, list(RANGES), self.draft.gaps()
        cost = SELDOM[c.encoder] + SELDOM[c.decoder]
        if c.encoder != c.decoder and {"encoder", "decoder"} <= gaps:
            halves = c.encoder, c.decoder
            cost += 1 if halves == ("LeakyReLU 0.2", "ReLU") else 60 if set(halves) == MIXED else 6
        if "code" in gaps:
            same = c.code == c.encoder and "encoder" in gaps
            alone = "encoder" not in gaps
            bare = c.code in ("none", "tanh", "sigmoid")
            seldom = SELDOM[c.code] if c.code != "none" else 0  # a linear code is as usual as any
            cost += 1 if same else seldom if alone else 2 * (c.code != "none") if bare else 10
        cost += (c.reshape != "same") + c.norm_after + (c.last_hidden != "same")
        # Names and the order of the file come first.
        cost += 4 * c.swapped + 2 * c.interleaved + c.told_first
        return cost + (ranges.index(c.given) if c.given in ranges else 1)

    @property
    def weighed(self) -> float:
        """The error, larger by PRIOR for each step away from the usual: what readings rank by."""
        likely = self.draft.prior * (1 + PRIOR * self.rarity)
        if self.draft.alone:  # how near drawings come says little
            likely *= (1 + DRAWN * self.rarity) * (1 + (self.choice.output != "sigmoid"))
        likely *= 1.0 if self.draft.outputs else CUTTING.get(self.choice.output, 1.0)
        if names_contradict(self.draft, self.choice):  # where nothing depends on the code, say
            likely *= AGAINST_NAMES
        # Small differences of the statistics are chance; of the pull only the ratio counts.
        likely *= 1 + 2 * max(self.surprise - 0.05, 0.0)
        if self.kl is not None and math.isfinite(self.kl):
            likely *= 1 + KL_SHARE * min(max(math.log(max(self.kl, 1e-3) / 10), -3.0), 3.0)
        if self.pull is not None:
            likely *= 1 + 0.01 * math.log(max(self.pull, 0.1))
        return self.error * likely


def describe(candidate: Candidate) -> dict[str, str]:
    """What a candidate says in each dimension that matters for it, in words."""
    draft, c = candidate.draft, candidate.choice
    gaps = draft.gaps()
    words = {
        "encoder": f"{c.encoder}" if "encoder" in gaps else "",
        "decoder": f"{c.decoder}" if gaps & {"decoder", "reshape"} else "",
        "code": c.code if "code" in gaps else "",
        "after reshape": c.reshape if "reshape" in gaps else "",
        "output": "linear" if c.output == "none" else c.output,
        "input": c.given,
        "output range": c.target if c.target != c.given else "",
        "norm": ("after" if c.norm_after else "before") if "norm_after" in gaps else "",
        "pooling": c.pool if "pool" in gaps else "",
        "enlarging": c.enlarge if "enlarge" in gaps else "",
        "groups": (str(c.groups) if c.groups else "one a channel") if "groups" in gaps else "",
        "mu": _place_of_mu(c) if gaps & {"swapped", "interleaved"} else "",
        "second head": c.second if "second" in gaps else "",
        "label": ("first" if c.told_first else "last") if "told_first" in gaps else "",
        "to its size": c.fit if draft.resized or draft.side_out else "",
        "before the heads": "no curve" if c.last_hidden == "none" else "",
    }
    return {k: v for k, v in words.items() if v}


def _place_of_mu(choice: Choice) -> str:
    if choice.interleaved:
        return "every second number" + (", from the second on" if choice.swapped else "")
    return "second" if choice.swapped else "first"
