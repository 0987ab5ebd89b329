"""Few labels: what pixels, PCA and codes know of a class from 10 to 1,000 labels, and which to
label."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from aecore.datasets import Dataset, Split
from aecore.evaluation.batches import parts
from aecore.evaluation.latent import encode_split
from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.at_hand import shipped_model, trained_model
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values
from aecore.lab.medoids import medoids
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.reading import StraightLines, level, nearest_class
from aecore.models import LatentModel, build
from aecore.models.families.pca import basis_of
from aecore.models.presets import PRESETS, Preset, preset
from aecore.models.registry import family
from aecore.runs import checkpoints
from aecore.training.optimiser import Adam
from aecore.types import DataSpec

POOL, JUDGED = 10_000, 10_000  # training examples that may be labelled, held-out ones to judge by
PIXELS, PCA = "pixels", "pca"
COMPONENTS = 32
#: Codes that are tried unless all are asked for; the last that fits the data is the one shown in
#: detail, and whose encoder a network starts from.
USUAL = ("fast-start", "vae-textbook", "conv-ae")
#: How examples to label are chosen: by chance; by chance but of each class as many, which somebody
#: who has no labels cannot do; in the middle of the groups that k-means finds.
CHANCE, EQUAL, MIDDLE = "chance", "equal", "middle"
CHOSEN = (CHANCE, EQUAL, MIDDLE)
LINES, NEAREST = "lines", "nearest"  # how a class is read: see lab/reading.py
MOST_MIDDLES = 300  # groups; with more of them chance does nearly as well, and they take long
STEPS, BATCH, RATE = 300, 32, 2e-3  # of a network that is trained on labels
SHOWN = 10  # examples in the picture
SCRATCH, ENCODER = "scratch", "encoder"
_ROLES: tuple[Role, ...] = (2, 8, 1, 4, 3, 6, 7, 9, 5)


@dataclass(frozen=True)
class FewLabelsOptions:
    """How many labels, drawn how often, read from what."""

    labels: tuple[int, ...] = dataclasses.field(
        default=(10, 30, 100, 300, 1000),
        metadata={
            "label": "Labels",
            "range": (2, 5000),
            "most": 10,
            "item": "number",
            "help": "How many training examples have one.",
        },
    )
    draws: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Draws",
            "range": (1, 10),
            "help": "How often the labelled examples are drawn; their spread is shown.",
        },
    )
    codes: Literal["three", "every kind"] = dataclasses.field(
        default="three",
        metadata={
            "label": "Codes",
            "help": "Of three kinds of autoencoder, or of every kind that learns without labels.",
        },
    )
    network: bool = dataclasses.field(
        default=True,
        metadata={
            "label": "A network too",
            "help": "Train one on the labels alone, and one that starts from the encoder.",
        },
    )
    epochs: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Epochs",
            "range": (1, 50),
            "help": "How long an autoencoder is trained on the examples without labels. One that "
            "comes trained on these data is taken as it is.",
        },
    )
    seed: int = dataclasses.field(
        default=0,
        metadata={
            "label": "Seed",
            "range": (0, 2**31 - 20),
            "help": "The same seed gives the same numbers.",
        },
    )


class FewLabels(Experiment):
    """Accuracy by the number of labels, by what is read, and by which examples are labelled."""

    name: ClassVar[str] = "few-labels"
    title: ClassVar[str] = "Few labels"
    question: ClassVar[str] = "With a hundred labels, what helps most to tell the classes apart?"
    claim: ClassVar[str] = (
        "Codes of a dense autoencoder help no more than the pixels themselves; those of a "
        "convolutional one do, for it knows that neighbouring pixels belong together. Choosing "
        "which examples to label helps as much again, and needs no label."
    )
    surprise: ClassVar[str] = (
        "Which hundred examples are labelled matters as much as what is read from them."
    )
    icon: ClassVar[str] = ":material/label:"
    place: ClassVar[float] = 7
    Options: ClassVar[type] = FewLabelsOptions

    def why_not(self, about: About) -> str:
        assert about.spec is not None
        if not about.labelled or about.spec.classes < 2:
            return f"{about.title} has no classes: there are no labels to have few of."
        if about.spec.size < 4:
            return f"An example of {about.title} has {about.spec.size} values: nothing to compress."
        return ""

    def seconds(self, options: FewLabelsOptions) -> float:
        # Measured on MNIST, on one core.
        kinds = 5 if options.codes == "three" else 12
        each = _READING * options.draws * len(set(options.labels))
        networks = _NETWORKS * options.draws * len(set(options.labels)) * options.network
        return 8 + kinds * each + networks

    def tasks(self, options: FewLabelsOptions, about: About) -> list[Task]:
        assert about.spec is not None
        ns = _numbers(options, about)
        if not ns:
            return []
        # What the surprise is about comes first, then its peers.
        kinds = _codes(options, about.spec)
        order = (kinds[-1], PIXELS, PCA, *kinds[:-1])
        tasks = [Task(f"read-{kind}", {"of": kind}, options.seed, 4.0) for kind in order]
        if options.network:
            for n in ns:
                for draw in range(options.draws):
                    values = {"labels": n, "draw": draw}
                    tasks.append(Task(_network_name(n, draw), values, options.seed, 1.5))
        return tasks

    def work(
        self, task: Task, options: FewLabelsOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        data = subject.data
        assert data is not None
        some = _Some(data, options.seed)
        if "of" in task.values:
            yield from _read(task.values["of"], some, options, control)
            return
        n, draw = task.values["labels"], task.values["draw"]
        model = _model(_codes(options, data.spec)[-1], data, options, control)
        rows = some.chosen(EQUAL, n, draw)
        found: dict[str, Any] = {}
        for i, (name, start) in enumerate(
            ((SCRATCH, build(model.spec, task.seed + draw)), (ENCODER, model))
        ):
            found[name] = _network(start, some, rows, task.seed + draw, control)
            yield Look(dict(found), (i + 1) / 2)

    def tell(self, options: FewLabelsOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        return _Telling(options, about, done).outcome()

    def bands(self, options: FewLabelsOptions, about: About) -> dict[str, Band]:
        if about.dataset != "mnist":
            return {}
        found = {}
        for name, by in _MEASURED.items():
            for n, (value, within) in by.items():
                found[f"{name}_{n}"] = (value - within, value + within)
        return found

    def asks(self, options: FewLabelsOptions, about: About) -> Prediction | None:
        assert about.spec is not None
        ns = _numbers(options, about)
        if len(ns) < 2:
            return None
        x = tuple(map(float, ns))
        main = _title(_codes(options, about.spec)[-1], about.spec)
        return Prediction(
            "curve",
            f"How many of the held-out {thing_of(about.spec)}s does a straight line through the "
            "codes tell right, by the number of labels? Draw the curve.",
            "read",
            Axis("Classes found", "%", span=(0.0, 100.0)),
            main,
            x,
            Axis("labelled examples", log=True, ticks=x),
        )

    def quick(self) -> FewLabelsOptions:
        return FewLabelsOptions(labels=(10, 40), draws=2, epochs=1)

    def sketch(self) -> Chart:
        x = tuple(float(v) for v in range(1, 7))
        slow = tuple(1 - 0.8 / math.sqrt(v) for v in x)
        return Chart(
            "sketch",
            self.title,
            Axis(""),
            Axis("", span=(0.0, 1.0)),
            (Line("", x, slow, low=tuple(v - 0.12 for v in slow), high=tuple(v + 0.12 for v in slow)),),
        )


_READING, _NETWORKS = 0.25, 1.4  # seconds for each number of labels and draw
# Per cent of 10,000 held-out MNIST images, three draws: the mean, and by how much it may differ.
_MEASURED: dict[str, dict[int, tuple[float, float]]] = {
    PIXELS: {10: (43, 6), 30: (59, 5), 100: (76, 3), 300: (83, 2), 1000: (88, 1.5)},
    "conv-ae": {10: (53, 7), 30: (68, 5), 100: (83, 2.5), 300: (88, 2), 1000: (91, 1.5)},
}


def _numbers(options: FewLabelsOptions, about: About) -> list[int]:
    """The numbers of labels that these data can have."""
    return sorted({n for n in options.labels if n <= min(about.train, POOL)})


def _network_name(n: int, draw: int) -> str:
    return f"network-{n}-{draw}"


# What is read --------------------------------------------------------------------------------


def _codes(options: FewLabelsOptions, spec: DataSpec) -> list[str]:
    """The presets whose codes are tried, the one to look at in detail last."""
    usual = [name for name in USUAL if preset(name).fits(spec)]
    if options.codes == "three":
        return usual
    shipped = checkpoints.shipped()
    best: dict[str, Preset] = {}
    for one in PRESETS.values():
        cls = family(one.family)
        # One that is told labels has all of them; one that is fitted is PCA.
        if cls.conditional or cls.closed_form or not cls.encodes or not one.fits(spec):
            continue
        known = best.get(one.family)
        if known is None or _worth(one, shipped) > _worth(known, shipped):
            best[one.family] = one
    kinds = {preset(name).family for name in usual}
    others = [one.name for kind, one in best.items() if kind not in kinds]
    return [*usual[:-1], *others, usual[-1]]


def _worth(one: Preset, shipped: Mapping[str, Any]) -> tuple[bool, int]:
    """What speaks for one preset of several of a family: it ships, its code is large."""
    return one.name in shipped, one.latent_dim


def _title(kind: str, spec: DataSpec) -> str:
    """What people call it."""
    if kind == PIXELS:
        return "pixels" if spec.kind == "image" else "values"
    if kind == PCA:
        return f"PCA, {_components(spec)} numbers"
    one = preset(kind)
    title = family(one.family).title
    return f"{title[0].lower() if title[1:2].islower() else title[0]}{title[1:]}, {_size(one, spec)} numbers"


def _size(one: Preset, spec: DataSpec) -> int:
    return one.spec(spec).latent_dim


def _components(spec: DataSpec) -> int:
    return min(COMPONENTS, max(1, spec.size // 2))


class _Some:
    """The training examples that may be labelled, and those that judge."""

    def __init__(self, data: Dataset, seed: int):
        self.data, self.seed = data, seed
        self.pool, self.judged = _drawn(data.train, POOL, seed), _drawn(data.test, JUDGED, seed)
        assert self.pool.labels is not None
        assert self.judged.labels is not None
        self.labels, self.wanted = self.pool.labels.numpy(), self.judged.labels.numpy()

    def chosen(self, how: str, n: int, draw: int) -> np.ndarray:
        """The rows of the pool that are labelled in a draw, by chance or as many of each class. The
        same whatever is read; of fewer they are the first."""
        order = np.random.default_rng([self.seed, draw]).permutation(len(self.labels))
        if how == EQUAL:
            before, turn = np.zeros(self.labels.max() + 1, int), np.empty(len(order), int)
            for i, label in enumerate(self.labels[order]):
                turn[i] = before[label]
                before[label] += 1
            order = order[np.argsort(turn, kind="stable")]
        return order[:n]

    def right(self, read: np.ndarray) -> float:
        """Per cent of the judging examples whose class was read right."""
        return 100 * float((read == self.wanted).mean())


def _drawn(split: Split, most: int, seed: int) -> Split:
    """At most so many examples, drawn, since files may be sorted by class."""
    if len(split) <= most:
        return split
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(split), generator=generator)[:most]
    return Split(split.x[rows], None if split.labels is None else split.labels[rows])


def _model(
    kind: str, data: Dataset, options: FewLabelsOptions, control: LabControl
) -> LatentModel:
    """The model of a preset, trained on the data without labels."""
    found = shipped_model(preset(kind), data)
    if found is not None:
        return found
    usual, config = preset(kind).config, preset(kind).training(len(data.train))
    # Of few examples it takes more epochs to the same number of steps.
    epochs = options.epochs if config.epochs == usual.epochs else config.epochs
    config = dataclasses.replace(config, epochs=epochs, seed=options.seed, device="cpu")
    return trained_model(preset(kind).spec(data.spec), config, data, control)


def _numbers_of(
    kind: str, some: _Some, options: FewLabelsOptions, control: LabControl
) -> list[np.ndarray]:
    """What is read of the pool and of the judging examples, (n, k) each, on one scale."""
    splits = (some.pool, some.judged)
    if kind in (PIXELS, PCA):
        found = [split.batch(slice(None)).flatten(1).numpy() for split in splits]
        if kind == PCA:
            k = _components(some.data.spec)
            with control.apart():
                basis = basis_of(some.data, k)
            found = [basis.encode(x, k) for x in found]
    else:
        model = _model(kind, some.data, options, control)
        found = [encode_split(model, split).mu for split in splits]
    return [level(x, found[0]) for x in found]


def _read(
    kind: str, some: _Some, options: FewLabelsOptions, control: LabControl
) -> Iterator[Look]:
    """How well the classes are read, by the numbers of labels, draws and ways to choose them.

    accuracies: (ways to read, ways to choose, draws, numbers), NaN where there is none (yet).
    """
    ns = [n for n in sorted(set(options.labels)) if n <= len(some.pool)]
    x, judged = _numbers_of(kind, some, options, control)
    right = np.full((2, len(CHOSEN), options.draws, len(ns)), np.nan, np.float32)
    there = np.full(right.shape[1:], np.nan, np.float32)
    found: dict[str, Any] = {"right": right, "there": there}
    shown = min(ns[0], SHOWN)
    for draw in range(options.draws):
        for i, n in enumerate(ns):
            for h, how in enumerate(CHOSEN):
                if how == MIDDLE and n > MOST_MIDDLES:
                    continue
                if how == MIDDLE:
                    generator = np.random.default_rng([some.seed, draw, n])
                    rows = medoids(x, n, generator, control.give_way)
                else:
                    rows = some.chosen(how, n, draw)
                right[:, h, draw, i] = _accuracies(x[rows], judged, some, rows, control)
                there[h, draw, i] = len(np.unique(some.labels[rows]))
                if draw == 0 and i == 0 and how != EQUAL:
                    found[f"shown_{how}"] = some.pool.batch(torch.from_numpy(rows[:shown])).numpy()
            share = (draw * len(ns) + i + 1) / (options.draws * len(ns))
            yield Look(found | {"right": right.copy(), "there": there.copy()}, share)


def _accuracies(
    x: np.ndarray, judged: np.ndarray, some: _Some, rows: np.ndarray, control: LabControl
) -> list[float]:
    """Per cent read right from labelled x by straight lines and by the nearest."""
    labels, between = some.labels[rows], control.give_way
    lines = StraightLines(x, labels, some.data.spec.classes, between)
    return [some.right(lines.read(judged)), some.right(nearest_class(x, labels, judged, between))]


def _network(
    start: LatentModel, some: _Some, rows: np.ndarray, seed: int, control: LabControl
) -> float:
    """Per cent read right by an encoder with a straight line behind it, all of it trained on the
    labelled rows; start: a model whose encoder it starts from, which stays as it is."""
    model = copy.deepcopy(start)
    generator = torch.Generator().manual_seed(seed)
    line = torch.nn.Linear(start.spec.latent_dim, some.data.spec.classes)
    torch.nn.init.zeros_(line.weight)
    torch.nn.init.zeros_(line.bias)
    # Codes have any scale; a line behind them is learnt at one rate only if they have the same.
    x, y = some.pool.batch(torch.from_numpy(rows)), torch.from_numpy(some.labels[rows])
    with torch.inference_mode():
        spread = float(model.encode(x).mu.std().clamp_min(1e-6))

    def logits(x: Tensor) -> Tensor:
        return line(model.encode(x).mu / spread)

    encoder = model.encoder_network()
    trained = [p for p in (*encoder.parameters(), *line.parameters()) if p.requires_grad]
    adam = Adam(trained, RATE)
    model.train()
    for step in range(STEPS):
        control.give_way()
        batch = torch.randint(len(x), (min(BATCH, len(x)),), generator=generator)
        torch.nn.functional.cross_entropy(logits(x[batch]), y[batch]).backward()
        adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        adam.advance()
    model.eval()
    return some.right(_classes_of(logits, some.judged))


@torch.inference_mode()
def _classes_of(logits: Callable[[Tensor], Tensor], split: Split) -> np.ndarray:
    found = [logits(split.batch(part)).argmax(1) for part in parts(len(split))]
    return torch.cat(found).numpy()


# What it says --------------------------------------------------------------------------------
