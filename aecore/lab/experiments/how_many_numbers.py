"""How many numbers? The same autoencoder with codes from 1 to 128 numbers, beside PCA."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.datasets import Dataset
from aecore.evaluation.latent import encode_split
from aecore.evaluation.metrics import example_errors
from aecore.evaluation.neighbours import NEIGHBOURS, knn_accuracy
from aecore.figures.chart import Axis, Chart, Line, Table
from aecore.figures.examples import thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.training import in_proportion, last_epoch, trained
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.models.presets import preset
from aecore.training.events import EpochDone
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig
from aecore.wording import count

PRESET = "fast-start"
VOTERS, JUDGED = 10_000, 2_000  # training examples that vote, held-out ones that are voted on
PASSES = 4  # over few examples between two looks at how good it is
CHOOSING = 1_000  # held-out examples by which the best epoch on few examples is chosen
ERROR = "squared error per value"
MANY, FEW = "many", "few"
# Held-out error of the autoencoder and accuracy of its codes on MNIST by k, measured over seeds at
# three epochs and ten: see the lesson on capacity.
_MEASURED = {
    **{1: 0.0536, 2: 0.0432, 3: 0.0376, 4: 0.0322, 6: 0.0257, 8: 0.0216, 12: 0.0165},
    **{16: 0.0138, 24: 0.0097, 32: 0.0082, 48: 0.0069, 64: 0.0063, 128: 0.0059},
}
_WITHIN = 0.1  # of the measured error
_SEEN = 0.05  # points of accuracy, below which two are said to be the same


@dataclass(frozen=True)
class HowManyOptions:
    """What is swept."""

    ks: tuple[int, ...] = dataclasses.field(
        default=tuple(_MEASURED),
        metadata={
            "label": "Numbers in the code",
            "range": (1, 512),
            "most": 24,
            "item": "number",
            "help": "One autoencoder is trained for each.",
        },
    )
    epochs: int = dataclasses.field(
        default=3,
        metadata={
            "label": "Epochs",
            "range": (1, 50),
            "help": "How long each is trained; of few examples in proportion more.",
        },
    )
    few: int = dataclasses.field(
        default=500,
        metadata={
            "label": "Beside them, from so few examples",
            "range": (0, 20_000),
            "help": "The same from so few training examples, each at its best epoch; 0 for none.",
        },
    )
    draws: int = dataclasses.field(
        default=1,
        metadata={"label": "Draws", "range": (1, 5), "help": "Trainings of each, by seeds."},
    )
    seed: int = seed_option(10)


class HowManyNumbers(Experiment):
    """Error, meaning and over-training by the size of the code."""

    name: ClassVar[str] = "how-many-numbers"
    title: ClassVar[str] = "How many numbers?"
    question: ClassVar[str] = "Does a code with more numbers always do better?"
    claim: ClassVar[str] = (
        "More numbers always lower the error of an autoencoder with many examples, but beyond some "
        "two dozen they know no more of what a digit is; and with few examples PCA overtakes it."
    )
    surprise: ClassVar[str] = "Past a point more numbers buy sharper pictures and no more meaning."
    icon: ClassVar[str] = ":material/straighten:"
    place: ClassVar[float] = 1
    Options: ClassVar[type] = HowManyOptions
    dial: ClassVar[str] = "k-dial"

    def why_not(self, about: About) -> str:
        return about.too_small

    def seconds(self, options: HowManyOptions) -> float:
        # A whole run measured on MNIST, at 39,000 images a second in training; the few by their
        # steps.
        each = 1.5 * options.epochs + 0.9 + (1.4 if options.few else 0.0)
        return each * len(options.ks) * options.draws

    def tasks(self, options: HowManyOptions, about: About) -> list[Task]:
        assert about.spec is not None
        # A code as large as an example is no bottleneck, and PCA then errs in nothing.
        ks = sorted({k for k in options.ks if k < about.spec.size})
        tasks = []
        # From both ends to the middle: the curve is seen as a whole early.
        for k in sorted(ks, key=lambda k: (_halvings(ks.index(k), len(ks)), k)):
            for draw in range(options.draws):
                seed = options.seed + draw
                tasks.append(Task(_name(MANY, k, draw), {"k": k, "arm": MANY}, seed, 2.7))
                if 0 < options.few < about.train and k in _few(ks):
                    tasks.append(Task(_name(FEW, k, draw), {"k": k, "arm": FEW}, seed, 1.6))
        return tasks

    def work(
        self, task: Task, options: HowManyOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        data, k = subject.data, task.values["k"]
        assert data is not None
        spec = preset(PRESET).spec(data.spec, k)
        if task.values["arm"] == FEW:
            yield _from_few(spec, options.few, task.seed, data, control)
            return
        config = in_proportion(preset(PRESET), data.train, options.epochs, task.seed)
        # PCA first: it is there in a moment, and what is trained beside it comes after.
        with control.apart():
            basis = basis_of(data, k)
        found: dict[str, Any] = {"pca_mse": basis.mse(k)}
        yield Look(dict(found), 0.05)
        state = TrainState.fresh(spec, task.seed)
        last = last_epoch(trained(spec, config, data, control, state))
        found |= {"mse": last.metrics["mse"], "train_mse": last.train_mse}
        yield Look(dict(found), 0.8)
        yield Look(found | _meaning(state.model, basis, data, k))

    def tell(self, options: HowManyOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        spec = about.spec
        assert spec is not None
        thing = thing_of(spec)
        held_out = f"{about.test:,} held-out {thing}s"
        ks = sorted({k for k in options.ks if k < spec.size})
        seen = _Seen(ks, options.draws, done)
        charts = [_error_chart(options, about, seen, held_out, thing)]
        if about.labelled:
            charts.append(_meaning_chart(about, seen, thing))
        table: dict[str, Sequence[Any]] = {"numbers (k)": ks}
        for arm, key, what, where in _COLUMNS:
            values = [seen.mean(arm, key, k) for k in ks]
            if any(math.isfinite(v) for v in values):
                table[f"{what} ({where})"] = values
        figures = _figures(options, about, seen, held_out, thing)
        tables = (Table("by_numbers", "By numbers in the code", table),)
        return Outcome(figures, tuple(charts), (), tables, _says(options, seen, thing))

    def bands(self, options: HowManyOptions, about: About) -> dict[str, Band]:
        if about.dataset != "mnist" or options.epochs != 3:
            return {}
        return {
            f"mse_{k}": (round((1 - _WITHIN) * m, 5), round((1 + _WITHIN) * m, 5))
            for k, m in _MEASURED.items()
        }

    def asks(self, options: HowManyOptions, about: About) -> Prediction | None:
        assert about.spec is not None
        ks = sorted({k for k in options.ks if k < about.spec.size})
        if len(ks) < 2 or not about.labelled:
            return None
        return Prediction(
            "curve",
            "How well do codes of k numbers tell the classes apart? Draw the curve.",
            "meaning",
            Axis("Classes found", "%", span=(0.0, 100.0)),
            _AE,
            tuple(map(float, ks)),
            Axis("numbers in the code", log=True, ticks=tuple(map(float, ks))),
        )

    def quick(self) -> HowManyOptions:
        return HowManyOptions(ks=(1, 2, 8), epochs=1, few=60)

    def sketch(self) -> Chart:
        x = tuple(float(v) for v in range(1, 9))
        falling = tuple(1 / v for v in x)
        return Chart(
            "sketch", self.title, Axis(""), Axis(""), (Line("", x, falling), Line("", (8,), (0.7,)))
        )


_AE, _PCA = "autoencoder", "PCA"
_COLUMNS = (
    (MANY, "mse", "autoencoder", f"{ERROR}, held out"),
    (MANY, "train_mse", "autoencoder", f"{ERROR}, training"),
    (MANY, "pca_mse", "PCA", f"{ERROR}, held out"),
    (FEW, "mse", "autoencoder from few", f"{ERROR}, held out"),
    (FEW, "pca_mse", "PCA from few", f"{ERROR}, held out"),
    (FEW, "best_epoch", "best epoch from few", "epochs"),
    (MANY, "knn", "autoencoder", "% of classes found, held out"),
    (MANY, "pca_knn", "PCA", "% of classes found, held out"),
)


def _name(arm: str, k: int, draw: int) -> str:
    return f"{arm}-{k}-{draw}"


def _few(ks: list[int]) -> list[int]:
    """The sizes that are tried from few examples too: every second shows where PCA overtakes."""
    return ks[::2]


def _halvings(index: int, n: int) -> int:
    """How often n values in a row are halved until this one is at an end."""
    low, high, depth = 0, n - 1, 0
    while index not in (low, high):
        middle = (low + high) // 2
        low, high = (low, middle) if index <= middle else (middle, high)
        depth += 1
    return depth


def _meaning(model: LatentModel, basis: PCABasis, data: Dataset, k: int) -> dict[str, Any]:
    """How well neighbours among codes and PCA's scores tell the class, in per cent."""
    voters, judged = data.train.first(VOTERS), data.test.first(JUDGED)
    if voters.labels is None or judged.labels is None or data.spec.classes < 2:
        return {}
    classes, wanted = voters.labels.numpy(), judged.labels.numpy()
    codes = [encode_split(model, some).mu for some in (voters, judged)]
    rows = [some.batch(slice(None)).flatten(1).numpy() for some in (voters, judged)]
    scores = [basis.encode(x, k) for x in rows]
    return {
        "knn": 100 * knn_accuracy(codes[0], classes, codes[1], wanted),
        "pca_knn": 100 * knn_accuracy(scores[0], classes, scores[1], wanted),
    }


def _from_few(spec: ModelSpec, few: int, seed: int, data: Dataset, control: LabControl) -> Look:
    """Trained on few examples, at the epoch that is best on some held-out ones; its error is that
    on all the others, and PCA's beside it on the same."""
    chooses = data.test.first(min(CHOOSING, len(data.test) // 2))
    n = len(chooses)
    # A name of its own: what is fitted to these splits is kept apart from the whole data's.
    once = dataclasses.replace(data.limited(few), name=f"{data.name}-few", test=chooses)
    # Several times over: between two looks, which take as long as many steps on so few.
    train = dataclasses.replace(
        once.train,
        x=once.train.x.repeat(PASSES, *[1] * len(spec.data.shape)),
        labels=None if once.train.labels is None else once.train.labels.repeat(PASSES),
    )
    small = dataclasses.replace(once, name=f"{once.name}-{PASSES}-times", train=train)
    usual = preset(PRESET).training(few)
    config: TrainConfig = dataclasses.replace(
        usual, epochs=math.ceil(usual.epochs / PASSES), seed=seed, device="cpu"
    )
    state = TrainState.fresh(spec, seed)
    best: tuple[float, int, dict] | None = None
    for event in trained(spec, config, small, control, state):
        if isinstance(event, EpochDone) and (best is None or event.metrics["mse"] < best[0]):
            weights = {k: v.clone() for k, v in state.model.state_dict().items()}
            best = event.metrics["mse"], event.epoch, weights
    assert best is not None
    state.model.load_state_dict(best[2])
    judged = _after(data, n)
    with control.apart():
        basis = basis_of(once, spec.latent_dim)
    return Look(
        {
            "mse": float(example_errors(state.model, judged).mean()),
            "pca_mse": _pca_error(basis, judged, spec.latent_dim),
            "best_epoch": PASSES * best[1],
            "epochs": PASSES * config.epochs,
        }
    )


def _after(data: Dataset, n: int):
    """The held-out examples but the first n."""
    labels = data.test.labels
    return dataclasses.replace(
        data.test, x=data.test.x[n:], labels=None if labels is None else labels[n:]
    )


def _pca_error(basis: PCABasis, split, k: int) -> float:
    x = split.batch(slice(None)).flatten(1).numpy()
    return float(np.square(basis.reconstruct(x, k) - x).mean())


class _Seen:
    """What the tasks found, by arm and k; NaN where nothing is there yet."""

    def __init__(self, ks: list[int], draws: int, done: Mapping[str, Values]):
        self.ks, self.draws, self.done = ks, draws, done

    def all(self, arm: str, key: str, k: int) -> list[float]:
        found = (self.done.get(_name(arm, k, draw), {}).get(key) for draw in range(self.draws))
        return [float(v) for v in found if v is not None]

    def mean(self, arm: str, key: str, k: int) -> float:
        found = self.all(arm, key, k)
        return float(np.mean(found)) if found else math.nan

    def line(self, name: str, arm: str, key: str, role: Any, dashed: bool = False) -> Line | None:
        y = tuple(self.mean(arm, key, k) for k in self.ks)
        if not any(map(math.isfinite, y)):
            return None
        low, high = (), ()
        if self.draws > 1:
            every = [self.all(arm, key, k) or [math.nan] for k in self.ks]
            low, high = tuple(map(min, every)), tuple(map(max, every))
        x = tuple(map(float, self.ks))
        return Line(name, x, y, role, dashed, low=low, high=high)


def _error_chart(
    options: HowManyOptions, about: About, seen: _Seen, held_out: str, thing: str
) -> Chart:
    few = f", {options.few:,} {thing}s"
    lines = (
        seen.line(_AE, MANY, "mse", "model"),
        seen.line("the same, training", MANY, "train_mse", "train", dashed=True),
        seen.line(_PCA, MANY, "pca_mse", "pca"),
        seen.line(_AE + few, FEW, "mse", "model", dashed=True),
        seen.line(_PCA + few, FEW, "pca_mse", "pca", dashed=True),
    )
    ks = tuple(map(float, seen.ks))
    return Chart(
        "error",
        f"Error by numbers in the code, {about.title}",
        Axis("numbers in the code", log=True, ticks=ks),
        Axis("error", f"{ERROR}, {held_out}", log=True),
        tuple(line for line in lines if line is not None),
        summary="Held-out error of the autoencoder and of PCA by the numbers in the code.",
    )


def _meaning_chart(about: About, seen: _Seen, thing: str) -> Chart:
    lines = (seen.line(_AE, MANY, "knn", "model"), seen.line(_PCA, MANY, "pca_knn", "pca"))
    judged = f"{min(JUDGED, about.test):,} held-out {thing}s"
    return Chart(
        "meaning",
        f"Classes found by {NEIGHBOURS} neighbours among the codes, {about.title}",
        Axis("numbers in the code", log=True, ticks=tuple(map(float, seen.ks))),
        Axis("classes found", f"% of {judged}"),
        tuple(line for line in lines if line is not None),
        summary="How often neighbours among codes have the same class, by the numbers in the code.",
    )


def _figures(
    options: HowManyOptions, about: About, seen: _Seen, held_out: str, thing: str
) -> tuple[Figure, ...]:
    chose = min(CHOOSING, about.test // 2)
    others = f"{about.test - chose:,} held-out {thing}s, {options.few:,} to train on"
    judged = f"{min(JUDGED, about.test):,} held-out {thing}s, {NEIGHBOURS} neighbours"
    kinds = (
        ("mse", "Error, {k} numbers", MANY, "mse", ERROR, held_out),
        ("pca_mse", "PCA's error, {k} numbers", MANY, "pca_mse", ERROR, held_out),
        ("few_mse", "Error from few, {k} numbers", FEW, "mse", ERROR, others),
        ("few_pca_mse", "PCA's error from few, {k} numbers", FEW, "pca_mse", ERROR, others),
        ("knn", "Classes found, {k} numbers", MANY, "knn", "%", judged),
        ("pca_knn", "PCA, classes found, {k} numbers", MANY, "pca_knn", "%", judged),
    )
    found = []
    for name, title, arm, key, unit, split in kinds:
        for k in seen.ks:
            value = seen.mean(arm, key, k)
            if math.isfinite(value):
                found.append(Figure(f"{name}_{k}", title.format(k=k), value, unit, split))
    return tuple(found)


def _says(options: HowManyOptions, seen: _Seen, thing: str) -> str:
    """Where more stops to help, from what is there; "" before all of it is."""
    said = []
    meaning = {k: seen.mean(MANY, "knn", k) for k in seen.ks}
    if len(seen.ks) > 2 and all(map(math.isfinite, meaning.values())):
        best, most = max(meaning, key=lambda k: meaning[k]), seen.ks[-1]
        if meaning[best] - meaning[most] >= _SEEN:
            said.append(
                f"Codes of {count(best, 'number')} know the classes best ({meaning[best]:.1f} %); "
                f"at {most} the error is lower still, but they know "
                f"{meaning[best] - meaning[most]:.1f} points less."
            )
    few = {k: seen.mean(FEW, "pca_mse", k) - seen.mean(FEW, "mse", k) for k in _few(seen.ks)}
    first = next((k for k, ahead in few.items() if ahead < 0), None)
    if options.few and all(map(math.isfinite, few.values())) and first is not None:
        size = count(first, "number")
        said.append(f"From {options.few:,} {thing}s PCA is better from {size} on.")
    return " ".join(said) or _plainly(seen)


def _plainly(seen: _Seen) -> str:
    """Both errors where the code is largest, where nothing turns round."""
    errors = [[seen.mean(MANY, key, k) for k in seen.ks] for key in ("mse", "pca_mse")]
    if not seen.ks or not all(map(math.isfinite, errors[0] + errors[1])):
        return ""
    model, pca = (some[-1] for some in errors)
    return (
        f"With {count(seen.ks[-1], 'number')} the autoencoder errs {model:.3g} and PCA {pca:.3g} "
        f"({ERROR}, held out)."
    )
