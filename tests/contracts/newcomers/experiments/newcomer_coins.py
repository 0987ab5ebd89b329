"""A tenth experiment by one file: how often coins fall on one side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

from aecore.figures.chart import Axis, Chart, Line, Table
from aecore.lab.experiment import Experiment, Look, Task
from aecore.lab.outcome import Figure, Outcome
from aecore.lab.predicting import Prediction


@dataclass(frozen=True)
class CoinOptions:
    coins: tuple[int, ...] = dataclasses.field(default=(2, 8, 32), metadata={"range": (1, 100)})
    seed: int = 0
    slow: int = dataclasses.field(default=1, metadata={"range": (1, 1000)})


class Coins(Experiment):
    """One task a number of coins; `slow` has each give way so many times, a moment apart."""

    name = "newcomer-coins"
    title = "Coins"
    question = "How many of some coins fall on one side?"
    claim = "Half of them, about."
    surprise = "Never quite half."
    place = 10
    uses = "nothing"
    Options = CoinOptions

    def seconds(self, options):
        return 0.1

    def tasks(self, options, about):
        return [Task(str(n), {"n": n}, options.seed, n) for n in options.coins]

    def work(self, task, options, subject, control):
        generator = torch.Generator().manual_seed(task.seed + task.values["n"])
        for i in range(options.slow):
            control.give_way()
            if options.slow > 1:
                torch.manual_seed(0)  # no experiment may lean on the global generator
                with control.apart():
                    _pause()
                yield Look({"share": 0.0}, i / options.slow)
        thrown = torch.rand(task.values["n"], generator=generator) < 0.5
        yield Look({"share": float(thrown.float().mean()), "thrown": thrown.numpy()})

    def tell(self, options, about, done):
        known = [n for n in options.coins if str(n) in done]
        shares = [float(done[str(n)]["share"]) for n in known]
        line = Line("heads", tuple(map(float, known)), tuple(shares))
        axes = Axis("coins", "thrown at once"), Axis("heads", "share of the coins")
        return Outcome(
            tuple(
                Figure(f"heads_{n}", f"{n} coins", s, "share", "one throw")
                for n, s in zip(known, shares, strict=True)
            ),
            (Chart("heads", "Heads", *axes, (line,), summary="Shares of heads."),),
            (),
            (Table("throws", "Throws", {"coins": known, "heads (share)": shares}),),
        )

    def bands(self, options, about):
        return {f"heads_{n}": (0.0, 1.0) for n in options.coins}

    def asks(self, options, about):
        return Prediction(
            "number", "What share of 32?", "heads_32", Axis("heads", "share", span=(0.0, 1.0))
        )

    def quick(self):
        return CoinOptions(coins=(2, 32))

    def sketch(self):
        return Chart("sketch", "Coins", Axis(""), Axis(""), (Line("", (0.0, 1.0), (0.0, 1.0)),))


def _pause():
    import time

    time.sleep(0.02)
