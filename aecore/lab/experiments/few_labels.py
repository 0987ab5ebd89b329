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
from aecore.figures.examples import kind_of, thing_of, values_of
from aecore.lab.about import About, LabSubject
from aecore.lab.at_hand import shipped_model, trained_model
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.medoids import medoids
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.reading import StraightLines, level, nearest_class
from aecore.lab.training import in_proportion
from aecore.models import LatentModel, build
from aecore.models.families.pca import basis_of
from aecore.models.presets import PRESETS, Preset, preset
from aecore.models.registry import family
from aecore.runs import checkpoints
from aecore.training.optimiser import Adam
from aecore.types import DataSpec

POOL, JUDGED = 20_000, 10_000  # training examples that may be labelled, held-out ones to judge by
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
_MOST_PRODUCTS = 2e9  # of all examples with all groups' middles, in one round: seconds in all
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
            "help": "How long an autoencoder is trained on the examples without labels; of few "
            "examples in proportion more. One that comes trained on these data is taken as it is.",
        },
    )
    seed: int = seed_option(20)


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
            return (
                f"{about.title} has no classes to tell apart: there are no labels to have few of."
            )
        return about.too_small

    def seconds(self, options: FewLabelsOptions) -> float:
        # A whole run measured on MNIST; most of the first for groups of pixels.
        kinds = 5 if options.codes == "three" else 12
        each = _READING * options.draws * len(set(options.labels))
        networks = _NETWORKS * options.draws * len(set(options.labels)) * options.network
        return 1.2 * (20 + kinds * each + networks)

    def tasks(self, options: FewLabelsOptions, about: About) -> list[Task]:
        assert about.spec is not None
        ns = _numbers(options, about)
        if not ns:
            return []
        # PCA is there at once; then what the surprise is about; pixels, which are many, take long.
        kinds = _codes(options, about.spec)
        order = (PCA, kinds[-1], *kinds[:-1], PIXELS)
        weights = {PIXELS: 15.0}
        tasks = [
            Task(f"read-{kind}", {"of": kind}, options.seed, weights.get(kind, 4.0))
            for kind in order
        ]
        if options.network:
            for n in ns:
                for draw in range(options.draws):
                    values = {"labels": n, "draw": draw}
                    tasks.append(Task(_network_name(n, draw), values, options.seed, 2.0))
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
        if about.dataset != "mnist" or options.epochs != FewLabelsOptions.epochs:
            return {}
        return {
            f"{name}_{n}": (value - within, value + within)
            for name, means in _MEASURED.items()
            for (n, within), value in zip(_WITHIN.items(), means, strict=False)
        }

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
        return FewLabelsOptions(labels=(10, 40), draws=1, epochs=1)

    def sketch(self) -> Chart:
        x = tuple(float(v) for v in range(1, 7))
        slow = tuple(1 - 0.8 / math.sqrt(v) for v in x)
        low, high = (tuple(v + by for v in slow) for by in (-0.12, 0.12))
        line = Line("", x, slow, low=low, high=high)
        return Chart("sketch", self.title, Axis(""), Axis("", span=(0.0, 1.0)), (line,))


_READING, _NETWORKS = 0.25, 2.0  # seconds for each number of labels and draw
# Per cent of 10,000 held-out MNIST images by the number of labels, means of three draws,
# which differ the more the fewer labels there are.
_MEASURED: dict[str, tuple[float, ...]] = {
    PIXELS: (43, 59, 76, 83, 88),
    "fast-start": (43, 57, 76, 83, 87),
    "conv-ae": (53, 68, 83, 88, 91),
    f"nearest_{PCA}": (43, 59, 74, 84, 90),
    "medoids_conv-ae": (60, 84, 90, 92),
    f"medoids_{PIXELS}": (56, 77, 85),
    f"medoids_{PCA}": (53, 73, 85, 91),
    "medoids_vae-textbook": (58, 79, 87, 91),
}
_WITHIN = {10: 8.0, 30: 7.0, 100: 4.0, 300: 2.0, 1000: 1.5}


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
        return values_of(spec)
    if kind == PCA:
        return f"PCA, {_components(spec)} numbers"
    one = preset(kind)
    return f"{family(one.family).title}, {_size(one, spec)} numbers"


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


def _model(kind: str, data: Dataset, options: FewLabelsOptions, control: LabControl) -> LatentModel:
    """The model of a preset, trained on the data without labels."""
    found = shipped_model(preset(kind), data)
    if found is not None:
        return found
    usual = FewLabelsOptions.epochs
    config = in_proportion(preset(kind), data.train, options.epochs, options.seed, usual)
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


def _read(kind: str, some: _Some, options: FewLabelsOptions, control: LabControl) -> Iterator[Look]:
    """How well the classes are read, by the numbers of labels, draws and ways to choose them.

    right: per cent, (ways to read, ways to choose, draws, numbers); there: classes among the
    labelled, without the first. NaN where there is none (yet).
    """
    ns = [n for n in sorted(set(options.labels)) if n <= len(some.pool)]
    x, judged = _numbers_of(kind, some, options, control)
    right = np.full((2, len(CHOSEN), options.draws, len(ns)), np.nan, np.float32)
    there = np.full(right.shape[1:], np.nan, np.float32)
    found: dict[str, Any] = {}
    for step, (draw, i, h) in enumerate(np.ndindex(options.draws, len(ns), len(CHOSEN))):
        rows = _rows(CHOSEN[h], ns[i], draw, x, some, control)
        if rows is not None:
            right[:, h, draw, i] = _accuracies(x[rows], judged, some, rows, control)
            there[h, draw, i] = len(np.unique(some.labels[rows]))
            if draw == i == 0:
                first = torch.from_numpy(rows[: min(ns[0], SHOWN)])
                found[f"shown_{CHOSEN[h]}"] = some.pool.batch(first).numpy()
        found |= {"right": right.copy(), "there": there.copy()}
        yield Look(dict(found), (step + 1) / there.size)


def _rows(
    how: str, n: int, draw: int, x: np.ndarray, some: _Some, control: LabControl
) -> np.ndarray | None:
    """Which rows of x are labelled; None for more groups than are looked for."""
    if how != MIDDLE:
        return some.chosen(how, n, draw)
    if n > MOST_MIDDLES or n * x.size > _MOST_PRODUCTS:
        return None
    return medoids(x, n, np.random.default_rng([some.seed, draw, n]), control.give_way)


def _accuracies(
    x: np.ndarray, judged: np.ndarray, some: _Some, rows: np.ndarray, control: LabControl
) -> list[float]:
    """Per cent read right from labelled x by straight lines and by the nearest."""
    labels, between = some.labels[rows], control.give_way
    lines = StraightLines(x, labels, between)
    return [some.right(lines.read(judged)), some.right(nearest_class(x, labels, judged, between))]


def _network(
    start: LatentModel, some: _Some, rows: np.ndarray, seed: int, control: LabControl
) -> float:
    """Per cent read right by an encoder with a straight line behind it, all of it trained on the
    labelled rows; start: a model whose encoder it starts from, which stays as it is."""
    model = copy.deepcopy(start)
    generator = torch.Generator().manual_seed(seed)
    weights = torch.zeros(some.data.spec.classes, start.spec.latent_dim, requires_grad=True)
    bias = torch.zeros(some.data.spec.classes, requires_grad=True)
    # Codes have any scale; a line behind them is learnt at one rate only if they have the same.
    x, y = some.pool.batch(torch.from_numpy(rows)), torch.from_numpy(some.labels[rows])
    with torch.inference_mode():
        spread = float(model.encode(x).mu.std().clamp_min(1e-6))

    def logits(x: Tensor) -> Tensor:
        return torch.nn.functional.linear(model.encode(x).mu / spread, weights, bias)

    encoder = model.encoder_network()
    adam = Adam([*encoder.parameters(), weights, bias], RATE)
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


class _Telling:
    """What the tasks found, as figures, charts, a table and pictures; NaN where nothing is yet."""

    def __init__(self, options: FewLabelsOptions, about: About, done: Mapping[str, Values]):
        assert about.spec is not None
        self.options, self.about, self.done, self.spec = options, about, done, about.spec
        self.ns = _numbers(options, about)
        self.codes = _codes(options, about.spec)
        self.main, self.kinds = self.codes[-1], [PIXELS, PCA, *self.codes]
        self.thing = thing_of(about.spec)
        self.judged = f"{min(JUDGED, about.test):,} held-out {self.thing}s"
        self.draws = f"{options.draws} draws" if options.draws > 1 else "one draw"

    def outcome(self) -> Outcome:
        charts = (self._read_chart(), self._which_chart(), self._network_chart())
        return Outcome(
            tuple(self._figures()),
            tuple(chart for chart in charts if chart is not None),
            tuple(self._pictures()),
            (self._table(),),
            self._says(),
        )

    # What is there

    def right(self, kind: str, how: str, n: int, by: str) -> np.ndarray:
        """Per cent read right in each draw that is there."""
        values = self.done.get(f"read-{kind}")
        if values is None:
            return np.empty(0)
        every = np.asarray(values["right"])[(LINES, NEAREST).index(by), CHOSEN.index(how)]
        draws = every[:, self.ns.index(n)]
        return draws[np.isfinite(draws)]

    def classes(self, kind: str, how: str, n: int) -> float:
        """Classes among the labelled examples, on average."""
        values = self.done.get(f"read-{kind}")
        if values is None:
            return math.nan
        return _mean(np.asarray(values["there"])[CHOSEN.index(how), :, self.ns.index(n)])

    def network(self, start: str, n: int) -> np.ndarray:
        names = (_network_name(n, draw) for draw in range(self.options.draws))
        found = [self.done.get(name, {}).get(start) for name in names]
        return np.array([v for v in found if v is not None], float)

    def line(
        self, name: str, of: Callable[[int], np.ndarray], role: Role, dashed: bool = False
    ) -> Line | None:
        every = [of(n) for n in self.ns]
        if not any(map(len, every)):
            return None
        low = tuple(float(min(v, default=math.nan)) for v in every)
        high = tuple(float(max(v, default=math.nan)) for v in every)
        y = tuple(map(_mean, every))
        x = tuple(map(float, self.ns))
        return Line(name, x, y, role, dashed, low=low, high=high)

    def read_line(
        self, kind: str, how: str, by: str, name: str, role: Role, dashed: bool = False
    ) -> Line | None:
        return self.line(name, lambda n: self.right(kind, how, n, by), role, dashed)

    # Charts

    def _read_chart(self) -> Chart | None:
        roles: dict[str, Role] = {PIXELS: "floor", PCA: "pca", self.main: "model"}
        roles |= dict(zip(self.codes[:-1], _ROLES, strict=False))
        lines = [
            self.read_line(kind, EQUAL, LINES, self.title(kind), roles.get(kind, 0))
            for kind in self.kinds
        ]
        name = f"{self.title(PCA)}, nearest label"
        lines.append(self.read_line(PCA, EQUAL, NEAREST, name, "pca", dashed=True))
        return self._chart(
            "read",
            f"Straight lines through what, {self.about.title}",
            lines,
            f"Share of classes that a straight line reads right from {self.title(PIXELS)}, PCA and "
            "codes, by the number of labels, as many of each class.",
        )

    def _which_chart(self) -> Chart | None:
        shown: dict[str, Role] = {self.main: "model", PIXELS: "floor"}
        lines = []
        for kind, role in shown.items():
            words = "codes" if kind == self.main else self.title(kind)
            for how, told, dashed in (
                (MIDDLE, "one of each group", False),
                (EQUAL, "as many of each class", True),
            ):
                name = f"{words}, {told}"
                lines.append(self.read_line(kind, how, NEAREST, name, role, dashed))
        chance = self.read_line(self.main, CHANCE, NEAREST, "codes, by chance", "train", True)
        return self._chart(
            "which",
            f"Which to label, {self.about.title}",
            [*lines, chance],
            "Share of classes read right by the nearest label, by how the examples to label were "
            "chosen: in the middle of groups, or by chance.",
        )

    def _network_chart(self) -> Chart | None:
        if not self.options.network:
            return None
        lines = [
            self.line("network from the encoder", lambda n: self.network(ENCODER, n), "model"),
            self.line("network from scratch", lambda n: self.network(SCRATCH, n), "floor"),
        ]
        if any(lines):
            name = "straight line through its codes"
            lines.append(self.read_line(self.main, EQUAL, LINES, name, "train", True))
        return self._chart(
            "network",
            f"A network on so few, {self.about.title}",
            lines,
            "Share of classes that a network reads right which starts from the encoder, and one "
            "from scratch.",
        )

    def _chart(
        self, name: str, title: str, lines: Sequence[Line | None], summary: str
    ) -> Chart | None:
        there = tuple(line for line in lines if line is not None)
        x = Axis("labelled examples", log=True, ticks=tuple(map(float, self.ns)))
        y = Axis("classes found", f"% of {self.judged}, {self.draws}")
        return Chart(name, title, x, y, there, summary=summary) if there else None

    # Figures

    def _figures(self) -> Iterator[Figure]:
        for kind in self.kinds:
            for n in self.ns:
                yield from self._figure(
                    f"{kind}_{n}",
                    f"{self.title(kind)}: {n:,} labels",
                    self.right(kind, EQUAL, n, LINES),
                    "straight lines, as many labels of each class",
                )
        for kind in self.kinds:
            for n in self.ns:
                yield from self._figure(
                    f"medoids_{kind}_{n}",
                    f"{self.title(kind)}: {n:,} labels, one of each group",
                    self.right(kind, MIDDLE, n, NEAREST),
                    "the nearest label",
                )
        for n in self.ns:
            yield from self._figure(
                f"nearest_pca_{n}",
                f"{self.title(PCA)}: {n:,} labels, the nearest",
                self.right(PCA, EQUAL, n, NEAREST),
                "the nearest label, as many of each class",
            )
            yield from self._figure(
                f"chance_{self.main}_{n}",
                f"{self.title(self.main)}: {n:,} labels by chance",
                self.right(self.main, CHANCE, n, LINES),
                "straight lines, labels drawn by chance",
            )
        for start, title in ((SCRATCH, "from scratch"), (ENCODER, "from the encoder")):
            for n in self.ns:
                yield from self._figure(
                    f"network_{start}_{n}",
                    f"Network {title}: {n:,} labels",
                    self.network(start, n),
                    "as many labels of each class",
                )

    def _figure(self, name: str, title: str, found: np.ndarray, how: str) -> Iterator[Figure]:
        if len(found):
            split = f"{self.judged}, {how}, mean of {len(found)}" if len(found) > 1 else None
            split = split or f"{self.judged}, {how}"
            yield Figure(name, title, _mean(found), "% of classes found", split)

    def _table(self) -> Table:
        rows: dict[str, list[Any]] = {
            "labels": [],
            "read from": [],
            "chosen": [],
            f"straight lines (% of {self.judged})": [],
            f"nearest label (% of {self.judged})": [],
            "classes among them": [],
        }
        told = {CHANCE: "by chance", EQUAL: "as many of each class", MIDDLE: "one of each group"}
        for n in self.ns:
            for kind in self.kinds:
                for how in CHOSEN:
                    found = [self.right(kind, how, n, by) for by in (LINES, NEAREST)]
                    if len(found[0]):
                        row = [n, self.title(kind), told[how], *map(_mean, found)]
                        row.append(self.classes(kind, how, n))
                        for column, value in zip(rows.values(), row, strict=True):
                            column.append(value)
        return Table("by_labels", "By the number of labels", {**rows})

    def _pictures(self) -> Iterator[Pictures]:
        values = self.done.get(f"read-{self.main}", {})
        if f"shown_{MIDDLE}" not in values or kind_of(self.spec) != "image":
            return
        rows = [np.asarray(values[f"shown_{how}"], float) for how in (CHANCE, MIDDLE)]
        images = np.full((2, max(map(len, rows)), *self.spec.shape), np.nan)
        for row, some in zip(images, rows, strict=True):
            row[: len(some)] = some
        n = self.ns[0]
        among = [self.classes(self.main, how, n) for how in (CHANCE, MIDDLE)]
        yield Pictures(
            "shown",
            f"The first {images.shape[1]} to label",
            images,
            ("by chance", "one of each group"),
            summary=f"Above by chance, beneath one of each group of codes. Among {n} there are "
            f"{among[0]:.1f} classes by chance and {among[1]:.1f} so, on average.",
        )

    # In a sentence

    def _says(self) -> str:
        n = min(self.ns, key=lambda n: abs(math.log(n / 100)), default=0)
        if not n:
            return ""
        by = {kind: self.right(kind, EQUAL, n, LINES) for kind in self.kinds}
        if any(len(v) < self.options.draws for v in by.values()):
            return ""
        means = {kind: _mean(v) for kind, v in by.items()}
        best = max(self.codes, key=lambda kind: means[kind])
        peer = max((PIXELS, PCA), key=lambda kind: means[kind])
        said = (
            f"With {n:,} labels a straight line reads {means[best]:.1f} % right from the codes of "
            f"the {self.title(best)}, and {means[peer]:.1f} % from {self.title(peer)}."
        )
        middle = self.right(self.main, MIDDLE, n, NEAREST)
        chance = self.right(self.main, CHANCE, n, NEAREST)
        if len(middle) and len(chance):
            gained = _mean(middle) - _mean(chance)
            way = "brings" if gained > 0 else "costs"
            told = f"{way} {abs(gained):.1f} points beside" if abs(gained) >= 0.05 else "is worth"
            said += (
                f" Labelling one example of each group {told} labelling by chance: "
                f"{_mean(middle):.1f} % with the nearest label."
            )
        return said

    def title(self, kind: str) -> str:
        return _title(kind, self.spec)


def _mean(values: np.ndarray) -> float:
    """The mean of what is there; NaN of nothing."""
    there = np.asarray(values, float)
    there = there[np.isfinite(there)]
    return float(there.mean()) if len(there) else math.nan
