"""Make new ones: from N(0, I), Gaussians, a mixture, and a flow on one's own codes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.examples import thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.new_ones import SHOWN, Bench, first_sight, pair_of, with_judge
from aecore.lab.new_ones_charts import AE_LINE
from aecore.lab.new_ones_run import (
    BETWEEN,
    FLOW,
    MIXTURE,
    PIXELS,
    PLAIN,
    SIMPLE,
    VAE,
    Run,
    Sizes,
)
from aecore.lab.new_ones_seen import MADE, MOST_VALUES, SURE_CHART, Seen
from aecore.lab.new_ones_told import told
from aecore.lab.outcome import Band, Outcome
from aecore.lab.predicting import Prediction


@dataclass(frozen=True)
class MakeNewOnesOptions:
    """How long the flow learns, and what it is compared with."""

    steps: int = dataclasses.field(
        default=1500,
        metadata={
            "label": "Steps of the flow's training",
            "range": (50, 50_000),
            "help": "1,024 codes each; a hundred take a second or two.",
        },
    )
    euler: int = dataclasses.field(
        default=20,
        metadata={
            "label": "Steps from noise to a code",
            "range": (1, 100),
            "help": "Of Euler's method along the velocity that the flow has learnt.",
        },
    )
    components: int = dataclasses.field(
        default=10,
        metadata={
            "label": "Gaussians in the mixture",
            "range": (1, 100),
            "help": "Fitted to the codes by expectation and maximisation.",
        },
    )
    made: int = dataclasses.field(
        default=10_000,
        metadata={
            "label": "Made by each",
            "range": (200, 10_000),
            "help": "Examples that are judged; with fewer of them distances are too large.",
        },
    )
    pixels: bool = dataclasses.field(
        default=True,
        metadata={
            "label": "A flow on pixels too",
            "help": "Trained with as many multiplications, to see why codes.",
        },
    )
    epochs: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Epochs",
            "range": (1, 50),
            "help": "How long autoencoders are trained; of few examples in proportion more. One "
            "that comes trained on these data is taken as it is.",
        },
    )
    seed: int = seed_option(1)


class MakeNewOnes(Experiment):
    """Samplers on codes, judged by one classifier."""

    name: ClassVar[str] = "make-new-ones"
    title: ClassVar[str] = "Make new ones"
    question: ClassVar[str] = "Where must a code come from, so that its decoder draws a new digit?"
    claim: ClassVar[str] = (
        "A decoder draws well what lies among the codes that it was trained on. N(0, I) hardly "
        "ever falls there for a plain autoencoder, a mixture fitted to its codes does, and a flow "
        "that learns in half a minute to carry noise to codes does best: latent diffusion in "
        "small. On pixels the same flow, with as much computing, is far behind."
    )
    surprise: ClassVar[str] = (
        "With a mixture fitted to its codes a plain autoencoder makes better images than a VAE "
        "from the prior that it was trained for: what was missing was a sampler, not a better "
        "decoder."
    )
    icon: ClassVar[str] = ":material/auto_awesome:"
    place: ClassVar[float] = 5
    Options: ClassVar[type] = MakeNewOnesOptions

    def why_not(self, about: About) -> str:
        if about.train < SHOWN or about.test < SHOWN:
            return f"{about.title} has too few examples to say what a new one should look like."
        return about.too_small

    def seconds(self, options: MakeNewOnesOptions) -> float:
        flows = 2 + options.pixels
        return 45 + 0.011 * flows * options.steps + 30e-4 * options.made

    def tasks(self, options: MakeNewOnesOptions, about: About) -> list[Task]:
        assert about.spec is not None
        each = options.steps / 100
        weights = {
            SIMPLE: 20.0,
            FLOW: 25 + each,
            MIXTURE: 10.0,
            VAE: 20.0,
            BETWEEN: 15.0,
            PIXELS: 10 + each,
            PLAIN: 10 + each,
        }
        left_out = set() if _by_class(about) else {PLAIN}
        if not options.pixels or about.spec.size > MOST_VALUES:
            left_out.add(PIXELS)
        return [
            Task(name, {}, options.seed, weight)
            for name, weight in weights.items()
            if name not in left_out
        ]

    def work(
        self,
        task: Task,
        options: MakeNewOnesOptions,
        subject: LabSubject,
        control: LabControl,
    ) -> Iterator[Look]:
        data = subject.data
        assert data is not None
        found: dict[str, Any] = {}
        if task.name == SIMPLE:
            found |= first_sight(data, pair_of(data.spec)[0], task.seed)
            if found:
                yield Look(dict(found), 0.01)
        judge = yield from with_judge(found, data, task.seed, control)
        one = pair_of(data.spec)[task.name == VAE]
        bench = Bench(data, one, options.epochs, task.seed, control)
        sizes = Sizes(options.steps, options.euler, options.components, options.made)
        yield from Run(bench, judge, sizes, control, found).parts[task.name]()

    def tell(
        self, options: MakeNewOnesOptions, about: About, done: Mapping[str, Values]
    ) -> Outcome:
        return told(Seen(about, options.made, options.euler, done))

    def bands(self, options: MakeNewOnesOptions, about: About) -> dict[str, Band]:
        usual = dataclasses.replace(MakeNewOnesOptions(), seed=options.seed)
        return dict(_BANDS) if about.dataset == "mnist" and options == usual else {}

    def asks(self, options: MakeNewOnesOptions, about: About) -> Prediction | None:
        assert about.spec is not None
        if not _by_class(about):
            return None
        things = thing_of(about.spec) + "s"
        return Prediction(
            "bars",
            f"How many of the {things} that are made does a classifier read with more than 95 % "
            "confidence, by where the codes come from?",
            SURE_CHART,
            Axis("read with confidence", "%", span=(0.0, 100.0)),
            AE_LINE,
            tuple(map(float, range(len(MADE)))),
            Axis("codes from"),
            tuple(MADE.values()),
        )

    def quick(self) -> MakeNewOnesOptions:
        return MakeNewOnesOptions(steps=80, euler=5, components=4, made=300, epochs=1)

    def sketch(self) -> Chart:
        t = np.linspace(0, 1, 12)
        ends = [(-1.0, 0.9), (0.1, 1.0), (1.0, 0.5), (0.9, -0.8), (-0.8, -0.9)]
        ways = []
        for i, (x, y) in enumerate(ends):
            bent = 0.35 * np.sin(np.pi * t)
            way = (0.12 * x * (1 - t) + x * t - bent * y * 0.6, y * t + bent * x * 0.6)
            ways.append(Line("", tuple(way[0]), tuple(way[1]), i, marked=False))
            ways.append(Line("", (x,), (y,), i, joined=False))
        axis = Axis("", span=(-1.3, 1.3))
        return Chart("sketch", self.title, axis, axis, tuple(ways), "plane")


# Measured on MNIST at the usual options. Distances are in units of features that each seed's
# classifier has learnt, so they are wide.
_BANDS: dict[str, Band] = {
    "judge_right": (98.0, 99.2),
    "known_frechet": (0.7, 1.8),
    "flow_frechet": (1.6, 4.5),
    "mixture_frechet": (3.5, 9.0),
    "gaussian_frechet": (18.0, 45.0),
    "prior_frechet": (200.0, 500.0),
    "vae_prior_frechet": (35.0, 90.0),
    "prior_sure": (0.0, 5.0),
    "gaussian_sure": (28.0, 45.0),
    "mixture_sure": (68.0, 82.0),
    "flow_sure": (82.0, 95.0),
    "flow_recall": (70.0, 86.0),
    "flow_near": (0.85, 1.1),
    "obeyed": (90.0, 100.0),
}


def _by_class(about: About) -> bool:
    return about.labelled and about.spec is not None and about.spec.classes > 1
