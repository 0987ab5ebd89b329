"""Sparse features: a layer of the model in hand, taken apart into many features of which few are
active at a time (Gao et al. 2024, on a layer instead of a language model)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from aecore.datasets import Split
from aecore.figures.chart import Axis, Chart, Line
from aecore.figures.examples import kind_of
from aecore.lab import features
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.features_told import (
    CARD_SIDE,
    FEATURES,
    LINE,
    PCA,
    WITHOUT,
    Asked,
    FeaturesTold,
)
from aecore.lab.layer_activity import Activity, activity_of, mark_of
from aecore.lab.outcome import Band, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.sparse_coder import (
    CoderTraining,
    SparseCoder,
    codes_of,
    ever_active,
    explained,
    pca_explained,
)

CARDS = 12  # shown with their examples on the general page


@dataclass(frozen=True)
class SparseFeaturesOptions:
    """Which layer, into how many features, how few of them at a time."""

    layer: int = dataclasses.field(
        default=1,
        metadata={
            "label": "Layer",
            "range": (1, 60),
            "help": "Counted from the input: the encoder's, the code, the decoder's, the output.",
        },
    )
    width: int = dataclasses.field(
        default=256,
        metadata={"label": "Features", "range": (16, 1024), "help": "How many there are in all."},
    )
    active: int = dataclasses.field(
        default=8,
        metadata={
            "label": "Active features",
            "range": (1, 64),
            "help": "At most so many of them describe one example.",
        },
    )
    also: tuple[int, ...] = dataclasses.field(
        default=(2, 4, 16, 32),
        metadata={
            "label": "Also tried",
            "range": (1, 64),
            "most": 8,
            "item": "number",
            "help": "Other numbers of active features, for the curve.",
        },
    )
    epochs: int = dataclasses.field(
        default=4,
        metadata={
            "label": "Epochs",
            "range": (1, 60),
            "help": "How long each is trained; of few examples in proportion more.",
        },
    )
    seed: int = seed_option()


class SparseFeatures(Experiment):
    """Variance explained by active features, dead features, and a card for each."""

    name: ClassVar[str] = "sparse-features"
    title: ClassVar[str] = "Sparse features of a layer"
    question: ClassVar[str] = "What does a layer know, said with eight features at a time?"
    claim: ClassVar[str] = (
        "A few of many features say more about a layer than as many principal components, and "
        "what excites one is more often of one class than what excites a single unit. Features "
        "that are never active can be revived while one trains."
    )
    surprise: ClassVar[str] = (
        "The examples that excite a feature most are purer than a unit's, and yet no feature tells "
        "a class from the others as well as the best unit does."
    )
    icon: ClassVar[str] = ":material/grain:"
    place: ClassVar[float] = 8.5
    uses: ClassVar[Any] = "model"
    Options: ClassVar[type] = SparseFeaturesOptions
    page: ClassVar[str] = "sparse-features"

    def why_not(self, about: About) -> str:
        return about.too_small

    def seconds(self, options: SparseFeaturesOptions) -> float:
        each = 0.0035 * options.width * options.epochs
        return 3 + each * (2 + len(_others(options)))

    def tasks(self, options: SparseFeaturesOptions, about: About) -> list[Task]:
        active, seed = _active(options), options.seed
        tasks = [
            Task(PCA, {}, seed, 0.3),
            Task(FEATURES, {"active": active, "revive": True}, seed, 1.4),
            Task(WITHOUT, {"active": active, "revive": False}, seed),
        ]
        others = [Task(f"also-{k}", {"active": k, "revive": True}, seed) for k in _others(options)]
        return [*tasks, *others]

    def work(
        self,
        task: Task,
        options: SparseFeaturesOptions,
        subject: LabSubject,
        control: LabControl,
    ) -> Iterator[Look]:
        assert subject.model is not None
        assert subject.data is not None
        control.give_way()
        here = activity_of(subject.model, subject.data, options.layer)
        about = {"layer": here.layer.name, "train": len(here.train), "test": len(here.test)}
        if task.name == PCA:
            ks = _ks(options)
            yield Look({**about, "explained": pca_explained(here.train, here.test, ks)})
            return
        generator = torch.Generator().manual_seed(task.seed)
        active, revive = task.values["active"], task.values["revive"]
        training = CoderTraining(
            here.train, options.width, active, options.epochs, revive, generator
        )
        course: dict[str, Any] = {**about, "epochs": [], "dead": [], "explained": math.nan}
        codes = torch.empty(0)
        for done in training.run(control.give_way):
            coder = training.coder()
            codes = codes_of(coder, here.test, control.give_way)
            course["epochs"].append(done)
            course["dead"].append(100 * float((codes.amax(0) <= 0).float().mean()))
            course["explained"] = explained(here.test, coder.decode(codes))
            if done < options.epochs:
                yield Look(
                    {k: list(v) if isinstance(v, list) else v for k, v in course.items()},
                    0.9 * done / options.epochs,
                )
        coder = training.coder()
        alive = ever_active(coder, here.train, control.give_way)
        course["dead_train"] = 100 * float(1 - alive.mean())
        course["at_once"] = float((codes > 0).sum(1).float().mean())
        if task.name == FEATURES:
            course |= _cards(here, coder, codes, subject, control)
        yield Look(course)

    def tell(
        self, options: SparseFeaturesOptions, about: About, done: Mapping[str, Values]
    ) -> Outcome:
        asked = Asked(
            options.layer, options.width, _active(options), tuple(_ks(options)), options.epochs
        )
        return FeaturesTold(asked, about, done).outcome()

    def bands(self, options: SparseFeaturesOptions, about: About) -> dict[str, Band]:
        if (about.dataset, about.model) != ("mnist", _MEASURED_ON):
            return {}
        usual = SparseFeaturesOptions(also=options.also, seed=options.seed)
        return dict(_MEASURED) if options == usual else {}

    def asks(self, options: SparseFeaturesOptions, about: About) -> Prediction | None:
        ks = tuple(map(float, _ks(options)))
        if len(ks) < 2:
            return None
        return Prediction(
            "curve",
            f"How much of what a layer does can so few of {options.width} features say? Draw the "
            "curve.",
            "explained",
            Axis("variance explained", "%", span=(0.0, 100.0)),
            LINE,
            ks,
            Axis("active features", log=True, ticks=ks),
        )

    def quick(self) -> SparseFeaturesOptions:
        return SparseFeaturesOptions(width=32, active=4, also=(2,), epochs=1)

    def sketch(self) -> Chart:
        bars = tuple(float(v) for v in range(12))
        high = (0.05, 0.05, 0.8, 0.05, 0.05, 0.05, 0.45, 0.05, 0.05, 1.0, 0.05, 0.05)
        axis = Axis("", span=(0.0, 1.0))
        lines = (Line("", bars, high),)
        return Chart("sketch", self.title, Axis(""), axis, lines, "bars", ("",) * len(bars))


_MEASURED_ON = "The first autoencoder"  # as its card says
# Per cent, over 10,000 held-out MNIST images.
_MEASURED: dict[str, Band] = {
    "explained_8": (86.0, 92.0),
    "pca_8": (67.0, 69.0),
    "dead_train": (0.0, 10.0),
    "dead_test": (0.0, 10.0),
    "pure": (38.0, 52.0),
    "pure_units": (19.0, 23.0),
}


def _active(options: SparseFeaturesOptions) -> int:
    return min(options.active, options.width)


def _others(options: SparseFeaturesOptions) -> list[int]:
    return sorted({k for k in options.also if k <= options.width} - {_active(options)})


def _ks(options: SparseFeaturesOptions) -> list[int]:
    """All numbers of active features that are tried, ascending."""
    return sorted({_active(options), *_others(options)})


# The cards -----------------------------------------------------------------------------------


def _cards(
    here: Activity,
    coder: SparseCoder,
    codes: torch.Tensor,
    subject: LabSubject,
    control: LabControl,
) -> dict[str, Any]:
    """All that pages need of the features: the coder, what each is like, what it draws."""
    assert subject.data is not None
    assert subject.model is not None
    test = subject.data.test
    labels = None if test.labels is None else test.labels[here.rows].numpy()
    facts = features.facts_of(codes, labels)
    drawn = features.drawings(here.layer, coder, codes, here.test, facts["top"], control.give_way)
    found: dict[str, Any] = {**coder.arrays(), "drawn": features.in_bytes(drawn)}
    reads = features.readings(here.layer, coder)
    if reads is not None:
        found["reads"] = features.in_bytes(reads)
    _, found["unit_purity"] = features.purity_of(here.test, labels)
    control.give_way()
    if labels is not None:
        for name, values in (("detects", codes), ("unit_detects", here.test)):
            found[name] = features.best_detectors(values, labels)
            control.give_way()
    best = features.order_of(facts)[:CARDS]
    rows = here.rows.numpy()
    # By their number among all that are held out, as whoever shows them finds them.
    facts["top"] = np.where(facts["top"] >= 0, rows[facts["top"]], -1).astype(np.int32)
    if kind_of(subject.data.spec) == "image":
        found["shown"] = _pictures_of(test, facts["top"][best])
    return {**found, **facts, "best": best, "mark": mark_of(subject.model)}


def _pictures_of(split: Split, rows: np.ndarray) -> np.ndarray:
    """Examples (n, TOP) as uint8 (n, TOP, *shape), thinned where they are large; blank for -1."""
    flat = torch.from_numpy(rows.clip(0).ravel()).long()
    x = split.batch(flat)
    thin = math.ceil(max(x.shape[-2:]) / CARD_SIDE)
    x = (x[..., ::thin, ::thin].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    x[rows.ravel() < 0] = 0
    return x.reshape(*rows.shape, *x.shape[1:])
