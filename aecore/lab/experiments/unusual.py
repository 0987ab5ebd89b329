"""What is unusual? Scores that tell what a model never saw from what it learnt, side by side."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from aecore.datasets import Dataset, Split
from aecore.datasets.foreign import foreign, foreign_kinds
from aecore.evaluation.batches import parts
from aecore.evaluation.beside import pca_errors
from aecore.evaluation.latent import encode_split
from aecore.evaluation.metrics import example_errors
from aecore.evaluation.neighbours import NEIGHBOURS
from aecore.evaluation.unusual import (
    alarms,
    auroc,
    mahalanobis,
    negative_elbos,
    neighbour_distances,
)
from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.drawing_the_line import MOST, RARE, costs, thinned
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.training import trained
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.models.presets import preset
from aecore.training.events import EpochDone
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig
from aecore.wording import capitalised

ONE, OUT, ALL = "one", "out", "all"  # what is learnt: one class, all but one, all that there is
AE, VAE = "ae", "vae"
_PRESETS = {AE: "fast-start", VAE: "vae-textbook"}
NARROW = (128,)  # hidden units of the VAE: as many as the autoencoder has beside it
VAE_NUMBERS = 20
NEAR = {ONE: 128, OUT: 32, ALL: 32}  # components of PCA by whose scores neighbours are found
APART = 1000  # usual examples, at most, by which thresholds are chosen and nothing is trained
LEAST = 40  # training examples of what is usual
LEARNT = 2000  # training examples whose own scores choose a threshold, to see what is wrong with it
MADE, MADE_VALUES = 2000, 8_000_000  # foreign examples of each kind at most, and values of all
DOMINATES = 0.8  # of the training examples: the other classes are then rare faults
SHARES = np.linspace(0, 1, 101)  # false alarms that thresholds are chosen for
SIDE = 64  # pixels of a picture that is kept
FIRST, FIRST_SIDE = 6, 32  # pictures kept beyond the first of a kind, and their pixels
CHANCE = 50.0
AUROC = "AUROC, %"

# Key, what people call it, how it is drawn; which model must have been trained for it.
_SCORES: dict[str, tuple[str, Role]] = {
    "error": ("autoencoder's error", "model"),
    "codes": ("how far its code is off", 6),
    "pca": ("PCA's error", "pca"),
    "knn": (f"{NEIGHBOURS} nearest neighbours", 2),
    "mean": ("error of the mean", "floor"),
    "vae": ("VAE's error", "train"),
    "nelbo": ("VAE, negative ELBO", 4),
}
_SHOWN = ("error", "pca", "knn", "nelbo")  # in charts by class


@dataclass(frozen=True)
class UnusualOptions:
    """What is usual, what learns it, and what a mistake costs."""

    one_class: bool = dataclasses.field(
        default=True,
        metadata={"label": "One class is usual", "help": "Each class in turn, the others strange."},
    )
    held_out: bool = dataclasses.field(
        default=True,
        metadata={"label": "All but one are usual", "help": "Each class in turn is held out."},
    )
    foreign: bool = dataclasses.field(
        default=True,
        metadata={
            "label": "Foreign examples",
            "help": "All classes are usual; strange are noise, blanks and the like, and classes "
            "that are rare.",
        },
    )
    vae: bool = dataclasses.field(
        default=True,
        metadata={"label": "VAEs beside them", "help": "They take as long as all the others."},
    )
    classes: int = dataclasses.field(
        default=10,
        metadata={"label": "Classes at most", "range": (1, 50), "help": "The first ones."},
    )
    k: int = dataclasses.field(
        default=32,
        metadata={
            "label": "Numbers in the code, one class",
            "range": (1, 256),
            "help": "Of the autoencoder and of PCA beside it.",
        },
    )
    k_held_out: int = dataclasses.field(
        default=8,
        metadata={
            "label": "Numbers in the code, all but one",
            "range": (1, 256),
            "help": "Larger codes draw also what they never saw.",
        },
    )
    ks: tuple[int, ...] = dataclasses.field(
        default=(8, 32, 128),
        metadata={
            "label": "Numbers in the code, foreign examples",
            "range": (1, 256),
            "most": 6,
            "item": "number",
            "help": "One autoencoder is trained for each.",
        },
    )
    steps: int = dataclasses.field(
        default=500,
        metadata={
            "label": "Steps",
            "range": (20, 20_000),
            "help": "About how long each is trained; twice as long on more than one class.",
        },
    )
    most: int = dataclasses.field(
        default=20_000,
        metadata={
            "label": "Training examples at most",
            "range": (100, 1_000_000),
            "help": "The first ones of what is usual.",
        },
    )
    alarms: int = dataclasses.field(
        default=5,
        metadata={
            "label": "False alarms allowed (%)",
            "range": (0, 50),
            "help": "The threshold is chosen so on usual examples that trained nothing.",
        },
    )
    missed: int = dataclasses.field(
        default=10,
        metadata={
            "label": "A missed one costs so many false alarms",
            "range": (1, 1000),
            "help": f"Where {100 * RARE:g} % of all examples are unusual.",
        },
    )
    seed: int = seed_option(1)


class Unusual(Experiment):
    """Anomalies by reconstruction, beside the simplest ways to find them."""

    name: ClassVar[str] = "unusual"
    title: ClassVar[str] = "What is unusual?"
    question: ClassVar[str] = "Does a model draw badly what it has never seen?"
    claim: ClassVar[str] = (
        "An autoencoder that learnt one class tells the others by its error, hardly better than "
        "PCA and neighbours do; one that learnt nearly all draws some strangers better than what "
        "it knows, and the more numbers its code has, the better."
    )
    surprise: ClassVar[str] = "The example that is drawn best of all is the one with nothing on it."
    icon: ClassVar[str] = ":material/troubleshoot:"
    place: ClassVar[float] = 2
    Options: ClassVar[type] = UnusualOptions
    page: ClassVar[str] = "threshold"

    def why_not(self, about: About) -> str:
        if about.too_small:
            return about.too_small
        if about.train < 2 * LEAST:
            return (
                f"{about.title} has {about.train} training examples: what is usual is learnt from "
                f"at least {2 * LEAST}."
            )
        return ""

    def seconds(self, options: UnusualOptions) -> float:
        # A whole run measured on MNIST, shared out by steps and by what is judged beside them.
        short, long, beside = 2.2e-3 * options.steps, 4.3e-3 * options.steps, 2.4
        each = options.one_class * (short + 0.5) + options.held_out * (long + beside)
        if options.vae:
            each += options.one_class * (short + 0.3) + options.held_out * (long + 0.3)
        whole = options.foreign * len(options.ks) * (long + 2 * beside)
        return max(1.0, options.classes * each + whole)

    def tasks(self, options: UnusualOptions, about: About) -> list[Task]:
        assert about.spec is not None
        seed, tasks = options.seed, []
        arms = _arms(options, about)
        for arm in arms:
            tasks += [_task(arm, AE, c, seed, 2.0) for c in _classes(options, about)]
        if options.foreign:
            tasks += [
                Task(f"{ALL}-{k}", {"arm": ALL, "net": AE, "k": k}, seed, 2.5)
                for k in _ks(options, about.spec)
            ]
        for arm in arms if options.vae else ():
            tasks += [_task(arm, VAE, c, seed, 2.5) for c in _classes(options, about)]
        return tasks

    def work(
        self, task: Task, options: UnusualOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        assert subject.data is not None
        case = _case(task, options, subject.data)
        if case is None:
            yield Look({"kinds": []})
            return
        found: dict[str, Any] = {"kinds": list(case.strange)}
        k, net = _numbers(task, options, case.data.spec), task.values["net"]
        near = NEAR[task.values["arm"]]
        with control.apart():
            basis = basis_of(case.data, max(k, *NEAR.values()))
        if net == AE:
            for key, score in _peers(basis, case.data, k, near).items():
                found |= _judged(key, _scored(score, case), options)
                control.give_way()
                yield Look(found, 0.1)
        spec = _model(net, case.data.spec, k)
        steps = options.steps if task.values["arm"] == ONE else 2 * options.steps
        config = _training(len(case.data.train), steps, task.seed)
        state = TrainState.fresh(spec, task.seed)
        for event in trained(spec, config, case.data, control, state):
            if isinstance(event, EpochDone):
                yield Look(found, 0.2 + 0.7 * event.epoch / config.epochs)
        yield Look(found | _by_model(state.model, case, options, task.seed))

    def tell(self, options: UnusualOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        seen = _Seen(options, about, done)
        charts, pictures, tables = [], [], []
        for arm in _arms(options, about):
            if seen.too_few(arm):
                continue
            charts.append(_by_class_chart(seen, arm))
            pictures += _best_drawn(seen, arm)
        if options.foreign:
            charts.append(_foreign_chart(seen))
            pictures += _foreign_pictures(seen)
        arms = [arm for arm in _arms(options, about) if seen.any(arm)]
        if arms:
            charts += [_roc_chart(seen, arms[-1]), _cost_chart(seen, arms[-1])]
            tables.append(_score_table(seen, arms))
        return Outcome(
            tuple(_figures(seen)), tuple(charts), tuple(pictures), tuple(tables), _says(seen)
        )

    def bands(self, options: UnusualOptions, about: About) -> dict[str, Band]:
        usual = UnusualOptions()
        free = ("seed", "one_class", "held_out", "foreign", "vae", "missed", "alarms")
        same = dataclasses.replace(options, **{name: getattr(usual, name) for name in free})
        return dict(_BANDS) if about.dataset == "mnist" and same == usual else {}

    def asks(self, options: UnusualOptions, about: About) -> Prediction | None:
        arms = _arms(options, about)
        if not arms:
            return None
        classes, arm = _classes(options, about), arms[-1]
        learnt = "every class but one" if arm == OUT else "one class alone"
        return Prediction(
            "bars",
            f"An autoencoder learns {learnt}. How well does its error tell what is strange? "
            "50 is chance, 100 always.",
            f"{arm}_by_class",
            Axis("AUROC", "%", span=(0.0, 100.0)),
            _SCORES["error"][0],
            tuple(map(float, range(len(classes)))),
            Axis(_WHICH[arm]),
            tuple(_class_name(about, c) for c in classes),
        )

    def quick(self) -> UnusualOptions:
        return UnusualOptions(classes=2, ks=(4,), k=8, k_held_out=4, steps=60, most=1000)

    def sketch(self) -> Chart:
        x = tuple(i / 20 for i in range(-60, 61))
        humps = [tuple(math.exp(-((v - m) ** 2)) for v in x) for m in (-1.0, 1.0)]
        lines = [Line("", x, hump, r, marked=False) for hump, r in zip(humps, (0, 3), strict=True)]
        edge = Line("", (0.1, 0.1), (0.0, 1.1), "floor", True, marked=False)
        return Chart("sketch", self.title, Axis(""), Axis(""), (*lines, edge))


_WHICH = {ONE: "the usual class", OUT: "the class that was held out"}
_ARM_TITLE = {ONE: "One class", OUT: "All but one", ALL: "Foreign"}
# On MNIST at the defaults, around what was measured; by k for what is foreign.
_FOREIGN_BANDS = {
    "turned_by_90": ((89, 98), (88, 97), (86, 96)),
    "upside_down": ((76, 90), (68, 84), (66, 83)),
    "two_overlaid": ((81, 96), (85, 98), (86, 98)),
    "with_a_hole": ((57, 73), (54, 70), (55, 73)),
    "generated_shapes": ((53, 85), (30, 58), (20, 52)),
    "blank": ((0, 15), (0, 3), (0, 3)),
}
_BANDS: dict[str, Band] = {
    "one_error": (96.0, 97.8),
    "one_pca": (94.7, 96.3),
    "one_mean": (85.5, 87.5),
    "out_error": (74.0, 85.0),
    "out_knn": (83.0, 86.5),
    "out_nelbo_1": (0.0, 20.0),
    "all_128_generated_shapes_pca": (5.0, 13.0),
} | {
    f"all_{k}_{kind}": (float(low), float(high))
    for kind, every in _FOREIGN_BANDS.items()
    for k, (low, high) in zip((8, 32, 128), every, strict=True)
}


# What is asked ------------------------------------------------------------------------------


def _arms(options: UnusualOptions, about: About) -> list[str]:
    """With two classes, one held out is the other one alone."""
    if not about.labelled or about.spec is None or about.spec.classes < 2:
        return []
    wanted = {ONE: options.one_class, OUT: options.held_out and about.spec.classes > 2}
    return [arm for arm, asked in wanted.items() if asked]


def _classes(options: UnusualOptions, about: About) -> range:
    return range(min(options.classes, about.spec.classes if about.spec else 0))


def _class_name(about: About, c: int) -> str:
    return about.classes[c] if c < len(about.classes) else str(c)


def _name(arm: str, c: int, net: str) -> str:
    return f"{arm}-{c}-{net}"


def _task(arm: str, net: str, c: int, seed: int, weight: float) -> Task:
    return Task(_name(arm, c, net), {"arm": arm, "net": net, "class": c}, seed, weight)


def _fitting(k: int, spec: DataSpec) -> int:
    """k, or as many as still are a bottleneck."""
    return min(k, max(1, spec.size // 2))


def _ks(options: UnusualOptions, spec: DataSpec) -> list[int]:
    return sorted({_fitting(k, spec) for k in options.ks})


def _numbers(task: Task, options: UnusualOptions, spec: DataSpec) -> int:
    if task.values["net"] == VAE:
        return _fitting(VAE_NUMBERS, spec)
    by_arm = {ONE: options.k, OUT: options.k_held_out}
    return _fitting(task.values.get("k") or by_arm[task.values["arm"]], spec)


# What is learnt, and what is judged ---------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """data.train is learnt; data.test, usual examples too, is apart to choose thresholds by. usual,
    strange: what is judged, held out; strange by the name of its kind."""

    data: Dataset
    usual: Split
    strange: dict[str, Split]


def _case(task: Task, options: UnusualOptions, data: Dataset) -> _Case | None:
    """None where there are too few of what is usual, or nothing strange."""
    arm = task.values["arm"]
    if arm == ALL:
        learns, usual, strange = data.train.first(options.most), *_foreign(data, task.seed)
        name = f"{data.name}-{ALL}"
    else:
        c = task.values["class"]
        learns = _of(data.train, c, arm == ONE, options.most)
        usual, other = (_of(data.test, c, same) for same in (arm == ONE, arm != ONE))
        strange = {data.class_names[c] if c < len(data.class_names) else str(c): other}
        name = f"{data.name}-{arm}-{c}"
    strange = {kind: some for kind, some in strange.items() if len(some)}
    n = len(learns)
    if n < LEAST or not len(usual) or not strange:
        return None
    apart = min(APART, max(n // 10, min(20, n // 4)))
    train = _after(learns, apart)
    # A name of its own, which says all that the training examples depend on: what is fitted to
    # them is kept by it.
    named = f"{name}-{n}"
    small = dataclasses.replace(
        data, name=named, train=train, test=learns.first(apart), factors=None
    )
    return _Case(small, usual, strange)


def _of(split: Split, c: int, same: bool, most: int = 0) -> Split:
    """The examples of class c, or all others; most: the first so many."""
    assert split.labels is not None
    index = ((split.labels == c) == same).nonzero()[:, 0]
    index = index[:most] if most else index
    return Split(split.x[index], split.labels[index])


def _after(split: Split, n: int) -> Split:
    return Split(split.x[n:], None if split.labels is None else split.labels[n:])


def _foreign(data: Dataset, seed: int) -> tuple[Split, dict[str, Split]]:
    """The usual held-out examples, and strange ones by kind: classes that are rare, and made."""
    usual, strange = data.test, {}
    if data.train.labels is not None:
        counts = torch.bincount(data.train.labels, minlength=data.spec.classes)
        most = int(counts.argmax())
        if counts[most] >= DOMINATES * counts.sum():
            usual = _of(data.test, most, True)
            others = [c for c in range(len(counts)) if c != most]
            made = foreign_kinds(data.spec)
            strange = {
                _rare_name(data.class_names[c], made): _of(data.test, c, True) for c in others
            }
    x = usual.first(min(MADE, max(1, MADE_VALUES // data.spec.size))).batch()
    made = foreign(x, data.spec, torch.Generator().manual_seed(seed))
    return usual, strange | {kind: Split(some) for kind, some in made.items()}


def _rare_name(name: str, made: Sequence[str]) -> str:
    """What a rare class is called beside the kinds that are made, one of which may be its name."""
    return f"{name} (class)" if name in made else name


def _training(examples: int, steps: int, seed: int) -> TrainConfig:
    """The same for both networks: about so many steps, which settle at the end."""
    usual = preset(_PRESETS[AE]).training(examples)
    epochs = math.ceil(steps / math.ceil(examples / usual.batch_size))
    return dataclasses.replace(usual, epochs=epochs, schedule="one-cycle", seed=seed, device="cpu")


def _model(net: str, data: DataSpec, k: int) -> ModelSpec:
    spec = preset(_PRESETS[net]).spec(data, k)
    return dataclasses.replace(spec, options=spec.options | {"hidden": NARROW})


# How it is judged ---------------------------------------------------------------------------

Score = Callable[[Split], np.ndarray]


@dataclass(frozen=True)
class _Scored:
    """A score of each example: those learnt, those apart, and those that are judged."""

    learnt: np.ndarray
    apart: np.ndarray
    usual: np.ndarray
    strange: list[np.ndarray]


def _scored(score: Score, case: _Case) -> _Scored:
    learnt, apart, usual = map(score, (case.data.train.first(LEARNT), case.data.test, case.usual))
    return _Scored(learnt, apart, usual, [score(some) for some in case.strange.values()])


def _judged(key: str, scored: _Scored, options: UnusualOptions) -> dict[str, Any]:
    """A score's AUROC by kind, what thresholds do (3, SHARES), and the false alarms that a
    threshold raises which was chosen on the training examples."""
    every = np.concatenate(scored.strange)
    naive = np.array([options.alarms / 100])
    return {
        f"{key}_auroc": [auroc(scored.usual, some) for some in scored.strange],
        f"{key}_curve": alarms(scored.apart, scored.usual, every, SHARES),
        f"{key}_naive": float(alarms(scored.learnt, scored.usual, every, naive)[1, 0]),
    }


def _peers(basis: PCABasis, data: Dataset, k: int, near: int) -> dict[str, Score]:
    """Those that need no training. near: components by which neighbours are found."""
    known = _scores_of(basis, data.train, near)
    return {
        "mean": lambda split: _pca_errors(basis, split, 0),
        "pca": lambda split: _pca_errors(basis, split, k),
        "knn": lambda split: neighbour_distances(known, _scores_of(basis, split, near)),
    }


def _pca_errors(basis: PCABasis, split: Split, k: int) -> np.ndarray:
    found = [pca_errors(basis, split.batch(part), k) for part in parts(len(split))]
    return torch.cat(found).numpy()


def _scores_of(basis: PCABasis, split: Split, near: int) -> np.ndarray:
    rows = (split.batch(part).flatten(1).numpy() for part in parts(len(split)))
    return np.concatenate([basis.encode(x, near) for x in rows])


def _by_model(
    model: LatentModel, case: _Case, options: UnusualOptions, seed: int
) -> dict[str, Any]:
    errors = _scored(lambda split: example_errors(model, split).numpy(), case)
    if model.variational:
        nelbo = _scored(lambda split: negative_elbos(model, split, seed), case)
        return _judged("vae", errors, options) | _judged("nelbo", nelbo, options)
    known = encode_split(model, case.data.train).mu
    codes = _scored(lambda split: mahalanobis(known, encode_split(model, split).mu), case)
    found = _judged("error", errors, options) | _judged("codes", codes, options)
    found |= _kept_scores(errors, MOST // options.classes)
    if kind_of(case.data.spec) != "image":
        return found
    best = [int(some.argmin()) for some in errors.strange]
    pairs = zip(case.strange.values(), best, strict=True)
    drawn = [_drawn(model, split, row) for split, row in pairs]
    return found | {
        "drawn": np.stack(drawn, 1),
        "alarming": _drawn(model, case.usual, int(errors.usual.argmax())),
        **_first_pictures(model, case, errors),
    }


def _kept_scores(errors: _Scored, most: int) -> dict[str, Any]:
    """The scores as they are, so that a line can be drawn through them later."""
    return {
        "apart_scores": thinned(errors.apart, most),
        "usual_scores": thinned(errors.usual, most),
        "strange_scores": thinned(np.concatenate(errors.strange), most),
    }


def _first_pictures(model: LatentModel, case: _Case, errors: _Scored) -> dict[str, Any]:
    """The strange examples that are drawn best, as many of each kind, and the usual ones that are
    drawn worst, both the foremost first: (2, n, *shape) uint8 with their scores (n,)."""
    each = max(1, FIRST // len(case.strange))
    best = [
        (float(score[row]), kind, _drawn(model, case.strange[kind], int(row), FIRST_SIDE))
        for kind, score in zip(case.strange, errors.strange, strict=True)
        for row in np.argsort(score, kind="stable")[:each]
    ]
    best.sort(key=lambda one: one[0])
    worst = np.argsort(-errors.usual, kind="stable")[:FIRST]
    flagged = [_drawn(model, case.usual, int(row), FIRST_SIDE) for row in worst]
    return {
        "through": np.stack([pair for _, _, pair in best], 1),
        "through_scores": np.array([score for score, _, _ in best], np.float32),
        "through_kinds": [kind for _, kind, _ in best],
        "flagged": np.stack(flagged, 1),
        "flagged_scores": errors.usual[worst].astype(np.float32),
    }


@torch.inference_mode()
def _drawn(model: LatentModel, split: Split, row: int, side: int = SIDE) -> np.ndarray:
    """An example and what the model draws of it, (2, *shape) uint8, thinned where it is large."""
    x = split.batch(slice(row, row + 1))
    thin = math.ceil(max(x.shape[-2:]) / side)
    both = torch.cat([x, model.reconstruct(x)])[..., ::thin, ::thin]
    return (both.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


# What it says -------------------------------------------------------------------------------


class _Seen:
    """What the tasks found, by what was learnt, score and class; NaN where nothing is there."""

    def __init__(self, options: UnusualOptions, about: About, done: Mapping[str, Values]):
        assert about.spec is not None
        self.options, self.about, self.done = options, about, done
        self.classes, self.ks = list(_classes(options, about)), _ks(options, about.spec)
        self.thing = thing_of(about.spec)
        self.scores = {k: v for k, v in _SCORES.items() if options.vae or k not in ("vae", "nelbo")}
        self.names = {k: name for k, (name, _) in self.scores.items()}
        if not about.spec.bounded and "nelbo" in self.names:
            self.names["nelbo"] = "VAE, error and KL"

    def of(self, arm: str, c: int) -> dict[str, Any]:
        """All that is known of a class, whatever model found it."""
        found: dict[str, Any] = {}
        for net in (AE, VAE):
            found |= self.done.get(_name(arm, c, net), {})
        return found

    def too_few(self, arm: str) -> bool:
        """Whether it turned out that no class has enough examples to be judged so."""
        return all(self.done.get(_name(arm, c, AE), {}).get("kinds") == [] for c in self.classes)

    def any(self, arm: str) -> bool:
        return any(math.isfinite(self.auroc(arm, "mean", c)) for c in self.classes)

    def auroc(self, arm: str, key: str, c: int) -> float:
        return next(iter(self.of(arm, c).get(f"{key}_auroc", ())), math.nan)

    def known(self, arm: str, key: str) -> dict[int, float]:
        """The AUROC of each class for which there is one."""
        every = {c: self.auroc(arm, key, c) for c in self.classes}
        return {c: v for c, v in every.items() if math.isfinite(v)}

    def whole(self, arm: str, key: str) -> bool:
        """Whether each class's part is over, and there is something to average."""
        net = VAE if key in ("vae", "nelbo") else AE
        over = all(_name(arm, c, net) in self.done for c in self.classes)
        found = (self.done.get(_name(arm, c, net), {}) for c in self.classes)
        judged = all(f"{key}_auroc" in some or some.get("kinds") == [] for some in found)
        return over and judged and bool(self.known(arm, key))

    def mean(self, arm: str, key: str) -> float:
        known = self.known(arm, key)
        return float(np.mean(list(known.values()))) if known else math.nan

    def curve(self, arm: str, key: str) -> np.ndarray | None:
        """False alarms and found in per cent at each of SHARES, (2, SHARES), mean over classes."""
        curves = [self.of(arm, c).get(f"{key}_curve") for c in self.classes]
        there = [np.asarray(curve)[1:] for curve in curves if curve is not None]
        return np.mean(there, 0) if there else None

    def naive(self, arm: str, key: str) -> float:
        found = [self.of(arm, c).get(f"{key}_naive") for c in self.classes]
        there = [v for v in found if v is not None]
        return float(np.mean(there)) if there else math.nan

    def foreign(self, k: int) -> Values:
        return self.done.get(f"{ALL}-{k}", {})

    @property
    def kinds(self) -> list[str]:
        """The kinds of foreign examples, before a part is done those that are made anyway."""
        assert self.about.spec is not None
        there = (self.foreign(k).get("kinds") for k in self.ks)
        return next((list(some) for some in there if some), list(foreign_kinds(self.about.spec)))

    def split(self, arm: str) -> str:
        held_out = f"{self.about.test:,} held-out {self.thing}s"
        usual = "one class usual" if arm == ONE else "all classes but one usual"
        return f"{held_out}, {usual}"


def _by_class_chart(seen: _Seen, arm: str) -> Chart:
    x, lines = tuple(map(float, range(len(seen.classes)))), []
    for key in _SHOWN:
        if key in seen.scores:
            y = tuple(seen.auroc(arm, key, c) for c in seen.classes)
            lines.append(Line(seen.names[key], x, y, seen.scores[key][1]))
    lowest = min(seen.known(arm, "error").values(), default=math.nan)
    worst = f"; the autoencoder's lowest is {lowest:.1f}" if math.isfinite(lowest) else ""
    return Chart(
        f"{arm}_by_class",
        f"{_ARM_TITLE[arm]}, {seen.about.title}",
        Axis(_WHICH[arm]),
        Axis("AUROC", f"%, {seen.about.test:,} held-out {seen.thing}s", span=(0.0, 100.0)),
        tuple(lines),
        "bars",
        tuple(_class_name(seen.about, c) for c in seen.classes),
        f"How well each score tells strange from usual, by {_WHICH[arm]}; 50 is chance{worst}.",
    )


def _foreign_chart(seen: _Seen) -> Chart:
    kinds, lines = seen.kinds, []
    x = tuple(map(float, range(len(kinds))))
    shades: tuple[Role, ...] = ("model", 6, 4, 2, 1, 0)
    for k, role in zip(seen.ks, shades, strict=False):
        lines.append(Line(f"{seen.names['error']}, k = {k}", x, _row(seen, k, "error"), role))
    if seen.ks:
        k = seen.ks[-1]
        lines.append(Line(f"{seen.names['pca']}, k = {k}", x, _row(seen, k, "pca"), "pca"))
    return Chart(
        "foreign",
        f"{_ARM_TITLE[ALL]}, {seen.about.title}",
        Axis("what is strange"),
        Axis("AUROC", f"%, {MADE:,} held-out {seen.thing}s of a kind at most", span=(0.0, 100.0)),
        tuple(lines),
        "bars",
        tuple(kinds),
        "How well the error tells each kind of foreign example from usual ones, by the numbers in "
        "the code; 50 is chance.",
    )


def _row(seen: _Seen, k: int, key: str) -> tuple[float, ...]:
    found = list(seen.foreign(k).get(f"{key}_auroc", ()))
    return tuple(found) if found else (math.nan,) * len(seen.kinds)


def _roc_chart(seen: _Seen, arm: str) -> Chart:
    lines = []
    for key, (_, role) in seen.scores.items():
        curve = seen.curve(arm, key)
        if curve is not None:
            raised, caught = map(_plain, curve)
            lines.append(Line(seen.names[key], raised, caught, role, marked=False))
    ends = (0.0, 100.0)
    lines.append(Line("chance", ends, ends, "floor", True, marked=False))
    return Chart(
        "roc",
        f"ROC, {_ARM_TITLE[arm].lower()}, {seen.about.title}",
        Axis("false alarms", "% of the usual, held out, mean over classes", span=ends),
        Axis("found", "% of the strange, held out", span=ends),
        tuple(lines),
        summary="What each score finds by the false alarms that it raises.",
    )


def _cost_chart(seen: _Seen, arm: str) -> Chart:
    lines = []
    for key in _SHOWN:
        curve = seen.curve(arm, key) if key in seen.scores else None
        if curve is not None:
            raised, found = curve
            cost, role = costs(raised, found, seen.options.missed), seen.scores[key][1]
            lines.append(Line(seen.names[key], _plain(100 * SHARES), _plain(cost), role))
    lines = [dataclasses.replace(line, marked=False) for line in lines]
    return Chart(
        "cost",
        f"Threshold, {_ARM_TITLE[arm].lower()}, {seen.about.title}",
        Axis("false alarms allowed", "% of usual examples apart", span=(0.0, 100.0)),
        Axis("cost", f"false alarms' worth, 1,000 held-out {seen.thing}s"),
        tuple(lines),
        summary=f"What mistakes cost by the threshold, where {100 * RARE:g} % are strange and a "
        f"missed one costs {seen.options.missed} times a false alarm; mean over classes.",
    )


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _at(curve: np.ndarray, share: float) -> tuple[float, float]:
    """False alarms and found where `share` (%) of the usual ones apart raise an alarm."""
    at = int(np.abs(100 * SHARES - share).argmin())
    return float(curve[0, at]), float(curve[1, at])


def _score_table(seen: _Seen, arms: Sequence[str]) -> Table:
    allowed = seen.options.alarms
    heads = (
        "usual",
        "score",
        "AUROC (%, mean over classes, held out)",
        "lowest AUROC (%)",
        "of",
        f"false alarms where {allowed} % are allowed (%, held out)",
        "found then (%, held out)",
        "false alarms, threshold by training examples (%, held out)",
    )
    rows = []
    for arm in arms:
        for key in seen.scores:
            known, curve = seen.known(arm, key), seen.curve(arm, key)
            if not known or curve is None:
                continue
            worst = min(known, key=lambda c: known[c])
            name, mean = _class_name(seen.about, worst), seen.mean(arm, key)
            row = (_ARM_TITLE[arm].lower(), seen.names[key], mean, known[worst], name)
            rows.append((*row, *_at(curve, allowed), seen.naive(arm, key)))
    columns = zip(*rows, strict=True) if rows else ((),) * len(heads)
    return Table("by_score", "By score", {h: list(c) for h, c in zip(heads, columns, strict=True)})


def _best_drawn(seen: _Seen, arm: str) -> list[Pictures]:
    """The strange example of each class that is drawn best, and the usual one drawn worst."""
    found = []
    told = {
        "drawn": ("Strange, and drawn best", "let_through"),
        "alarming": ("Usual, and drawn worst", "alarming"),
    }
    for key, (title, name) in told.items():
        every = [seen.of(arm, c).get(key) for c in seen.classes]
        # Of a kind each: (2, 1, *shape); the usual one is (2, *shape).
        pairs = [np.asarray(p)[:, 0] if key == "drawn" and p is not None else p for p in every]
        images = _side_by_side(pairs)
        if images is None:
            continue
        names = tuple(_class_name(seen.about, c) for c in seen.classes)
        which = "one class is usual" if arm == ONE else "all classes but one are usual"
        said = f"{title}, where {which}; under each, what the autoencoder draws, by {_WHICH[arm]}."
        rows = ("held out", "as it is drawn")
        found.append(Pictures(f"{arm}_{name}", f"{title}, {which}", images, rows, names, said))
    return found


def _foreign_pictures(seen: _Seen) -> list[Pictures]:
    found = []
    for k in seen.ks:
        drawn = seen.foreign(k).get("drawn")
        if drawn is None:
            continue
        images, title = np.asarray(drawn, np.float32) / 255, "Foreign, and drawn best"
        rows, said = ("foreign", "as it is drawn"), f"{title} of each kind, {k} numbers."
        names = tuple(seen.kinds)
        found.append(Pictures(f"foreign_{k}", f"{title}, k = {k}", images, rows, names, said))
    return found


def _side_by_side(pairs: Sequence[Any]) -> np.ndarray | None:
    """Pairs (2, *shape) uint8 as (2, len(pairs), *shape) in [0, 1], NaN where there is none."""
    there = [np.asarray(pair) for pair in pairs if pair is not None]
    if not there:
        return None
    images = np.full((2, len(pairs), *there[0].shape[1:]), np.nan, np.float32)
    for i, pair in enumerate(pairs):
        if pair is not None:
            images[:, i] = np.asarray(pair, np.float32) / 255
    return images


def _figures(seen: _Seen) -> Iterator[Figure]:
    for arm in (ONE, OUT):
        yield from _arm_figures(seen, arm)
    yield from _foreign_figures(seen)


def _arm_figures(seen: _Seen, arm: str) -> Iterator[Figure]:
    title, split, allowed = _ARM_TITLE[arm].lower(), seen.split(arm), seen.options.alarms
    for key, name in seen.names.items():
        known = seen.known(arm, key)
        if seen.whole(arm, key):
            mean, n = seen.mean(arm, key), len(known)
            yield Figure(
                f"{arm}_{key}",
                capitalised(f"{name}, {title}"),
                mean,
                AUROC,
                f"{split}, mean of {n}",
            )
            curve = seen.curve(arm, key)
            assert curve is not None
            raised, caught = _at(curve, allowed)
            at = f"{split}, {allowed} % false alarms allowed on others"
            about = capitalised(f"{name}, {title}")
            yield Figure(f"{arm}_{key}_found", f"{about}: found", caught, "% of the strange", at)
            yield Figure(f"{arm}_{key}_raised", f"{about}: alarms", raised, "% of the usual", at)
            naive = f"{split}, threshold by training {seen.thing}s at {allowed} %"
            alarm = seen.naive(arm, key)
            said = f"{about}: alarms, chosen on what was learnt"
            yield Figure(f"{arm}_{key}_naive", said, alarm, "% of the usual", naive)
        for c, value in known.items() if key in ("error", "nelbo") else ():
            which = f"{name}, {title}, {_class_name(seen.about, c)}"
            yield Figure(f"{arm}_{key}_{c}", capitalised(which), value, AUROC, split)


def _foreign_figures(seen: _Seen) -> Iterator[Figure]:
    split = f"up to {MADE:,} made from held-out {seen.thing}s, beside the held-out ones"
    for k in seen.ks:
        for key in ("error", "pca"):
            for slug, kind, value in zip(
                _slugs(seen.kinds), seen.kinds, _row(seen, k, key), strict=True
            ):
                if math.isfinite(value):
                    name = f"{ALL}_{k}_{slug}" + ("" if key == "error" else f"_{key}")
                    yield Figure(
                        name,
                        capitalised(f"{kind}, {seen.names[key]}, k = {k}"),
                        value,
                        AUROC,
                        split,
                    )


def _slugs(kinds: Sequence[str]) -> list[str]:
    """The kinds as parts of figures' names, each another one: names of classes may be any text."""
    found: list[str] = []
    for i, kind in enumerate(kinds):
        slug = re.sub(r"\W+", "_", kind.lower()).strip("_")
        found.append(f"{slug}_{i}" if not slug or slug in found else slug)
    return found


def _says(seen: _Seen) -> str:
    said = [
        f"{_ARM_TITLE[arm]}: no class has {LEAST} training examples and held-out ones on both "
        "sides, so that cannot be judged."
        for arm in _arms(seen.options, seen.about)
        if seen.too_few(arm)
    ]
    if seen.whole(ONE, "error"):
        means = {key: seen.mean(ONE, key) for key in ("error", "pca", "mean")}
        said.append(
            f"Where one class is usual, the autoencoder's error has an AUROC of "
            f"{means['error']:.1f} %, PCA's {means['pca']:.1f} % and that of the mean alone "
            f"{means['mean']:.1f} %."
        )
    if seen.whole(OUT, "error"):
        known, means = seen.known(OUT, "error"), {k: seen.mean(OUT, k) for k in seen.names}
        worst, best = (
            min(known, key=lambda c: known[c]),
            max((k for k in means if math.isfinite(means[k])), key=lambda k: means[k]),
        )
        better = (
            " mostly it errs less on it than on what was learnt" if known[worst] < CHANCE else ""
        )
        said.append(
            f"Where all but one are, it has {means['error']:.1f} %, and with "
            f"{_class_name(seen.about, worst)} held out {known[worst]:.1f} %"
            f"{better and ':' + better}; best is {seen.names[best]} with {means[best]:.1f} %."
        )
    if seen.ks and all("error_auroc" in seen.foreign(k) for k in seen.ks):
        rows = dict(zip(seen.kinds, _row(seen, seen.ks[-1], "error"), strict=True))
        if rows:
            lowest = min(rows, key=lambda kind: rows[kind])
            said.append(
                f"Of what is foreign it notices least: {lowest} ({rows[lowest]:.1f} %, "
                f"k = {seen.ks[-1]})."
            )
    return " ".join(said)
