"""Remove noise: denoising autoencoders beside classical filters, by kind and strength."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.evaluation.batches import parts
from aecore.evaluation.metrics import psnr, ssim
from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.experiment import CLOCK, Experiment, Look, Task, Values, seed_option
from aecore.lab.filters import (
    FILTERS,
    by_part,
    from_components,
    from_neighbours,
    tuned,
)
from aecore.lab.mending import CLEAN, HOLE, Damage, beginner, brisk
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.training import in_proportion, trained
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.models.presets import preset
from aecore.training.events import EpochDone
from aecore.training.state import TrainState
from aecore.types import DataSpec
from aecore.wording import capitalised

ERROR = "squared error per value"
PLAIN, VARIATIONAL = "fast-start", "vae-textbook"
TUNED_ON = 40  # training examples, by which filters choose their settings, slow ones by half
MOST_VALUES = 1_000_000  # of the held-out examples that are judged
SHOWN, SHOWN_VALUES = 8, 30_000  # examples that are shown, and their values
COMPONENTS = (8, 16, 32, 64, 128)  # of PCA that are tried
WIDE = (0.4, 0.6, 0.8, 1.0, 1.5, 2.5)  # of the weights that fill holes, tried
LEFT_OUT = (0.001, 0.003, 0.01, 0.03)  # variance of a value beyond the components, tried
ROUNDS = 10
LEFT, PCA, OWN, ALL = "left", "pca", "own", "all"
FILTER_NAMES = tuple(way.name for way in FILTERS)
TITLES = {
    LEFT: "left as it is",
    **{way.name: way.title for way in FILTERS},
    PCA: "PCA",
    "plain": "plain autoencoder",
    ALL: "trained for all of them",
    OWN: "trained for this noise",
}


@dataclass(frozen=True)
class NoiseOptions:
    """Which noise, and how long is learnt."""

    gaussian: tuple[int, ...] = dataclasses.field(
        default=(10, 20, 30, 50),
        metadata={
            "label": "Gaussian noise (σ, % of the full range)",
            "range": (1, 100),
            "item": "percentage",
            "help": "One autoencoder is trained for each and tried on all.",
        },
    )
    salt_pepper: int = dataclasses.field(
        default=25,
        metadata={
            "label": "Salt and pepper (% of the values)",
            "range": (0, 90),
            "help": "So many values become 0 or 1; 0 for none.",
        },
    )
    mask: int = dataclasses.field(
        default=50,
        metadata={
            "label": "Missing values (%)",
            "range": (0, 95),
            "help": "So many values become 0, here and there; 0 for none.",
        },
    )
    hole: int = dataclasses.field(
        default=36,
        metadata={
            "label": "One hole (% of the width)",
            "range": (0, 80),
            "help": "A black square, a gap of a signal; 0 for none.",
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
    judged: int = dataclasses.field(
        default=1000,
        metadata={
            "label": "Held-out examples",
            "range": (50, 10_000),
            "help": "So many are damaged and mended; fewer where they are large.",
        },
    )
    seed: int = seed_option(10)


class RemoveNoise(Experiment):
    """What is learnt beside what is known, and what a denoiser does to noise that it never saw."""

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "Remove noise"
    question: ClassVar[str] = "Does an autoencoder remove noise better than a filter does?"
    claim: ClassVar[str] = (
        "Trained for the noise that is there, it beats every filter once the noise is strong or "
        "values are missing; weak noise a filter removes better, and a plain autoencoder is no "
        "denoiser at all."
    )
    surprise: ClassVar[str] = (
        "A denoiser knows only its noise: trained for much of it, it damages a clean example more "
        "than one as noisy as it is used to."
    )
    icon: ClassVar[str] = ":material/blur_off:"
    place: ClassVar[float] = 3
    dial: ClassVar[str] = "by-hand"
    Options: ClassVar[type] = NoiseOptions

    def why_not(self, about: About) -> str:
        if about.spec is not None and about.spec.size < 4:
            return (
                f"An example of {about.title} has {about.spec.size} values: what is noise cannot "
                "be told from the others."
            )
        return ""

    def seconds(self, options: NoiseOptions) -> float:
        # A whole run measured on MNIST, shared out: filters and non-local means 15 s a noise for
        # 1,000 images; an epoch of a denoiser 4 s, of which there is one more, a plain one and the
        # VAE.
        damages = len(set(options.gaussian)) + sum(
            map(bool, (options.salt_pepper, options.mask, options.hole))
        )
        filters = 15e-3 * min(options.judged, MOST_VALUES // 784) * damages
        return filters + 4.0 * options.epochs * (damages + 3)

    def tasks(self, options: NoiseOptions, about: About) -> list[Task]:
        assert about.spec is not None
        tasks, seed = [], options.seed
        damages = damages_of(options, about.spec)
        for damage in damages:
            given = {"kind": damage.kind, "level": damage.level}
            tasks.append(Task(f"filters-{damage.name}", {"part": "filters", **given}, seed, 2.5))
        for damage in damages:
            given = {"kind": damage.kind, "level": damage.level}
            tasks.append(Task(f"own-{damage.name}", {"part": OWN, **given}, seed, 7.0))
        if damages:
            tasks.append(Task("plain", {"part": "plain"}, seed, 3.0))
            tasks.append(Task("all", {"part": ALL}, seed, 7.0))
        if any(damage.leaves_holes for damage in damages):
            tasks.append(Task("turns", {"part": "turns"}, seed, 9.0))
        if about.spec.kind == "image":
            for damage in damages:
                given = {"kind": damage.kind, "level": damage.level}
                tasks.append(Task(f"slow-{damage.name}", {"part": "slow", **given}, seed, 7.0))
        return tasks

    def work(
        self, task: Task, options: NoiseOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        data = subject.data
        assert data is not None
        desk = _Desk(data, options, control)
        part, given = task.values["part"], task.values
        damages = damages_of(options, data.spec)
        if part == "turns":
            yield from _by_turns(desk, [d for d in damages if d.leaves_holes])
        elif part in ("filters", "slow"):
            yield from _filtered(desk, Damage(given["kind"], given["level"]), part == "slow")
        else:
            learnt = damages if part == ALL else []
            if part == OWN:
                learnt = [Damage(given["kind"], given["level"])]
            yield from _learnt(desk, learnt, damages)

    def tell(self, options: NoiseOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        assert about.spec is not None
        seen = _Seen(options, about, done)
        charts = [_peers_chart(seen)]
        if seen.gaussian:
            charts.append(_strength_chart(seen))
        if any(damage.leaves_holes for damage in seen.damages):
            charts.append(_turns_chart(seen))
        tables = [_table(seen), _by_training(seen)]
        return Outcome(_figures(seen), tuple(charts), _pictures(seen), tuple(tables), _says(seen))

    def bands(self, options: NoiseOptions, about: About) -> dict[str, Band]:
        if about.dataset != "mnist" or options.judged != NoiseOptions.judged:
            return {}
        found = {}
        for way, by_damage in _MEASURED.items():
            for damage, value in by_damage.items():
                found[f"mse_{way}_{damage}"] = (round(0.85 * value, 5), round(1.15 * value, 5))
        return found

    def asks(self, options: NoiseOptions, about: About) -> Prediction | None:
        sigmas = sorted(set(options.gaussian))
        if len(sigmas) < 2:
            return None
        x = (0.0, *(s / 100 for s in sigmas))
        return Prediction(
            "curve",
            f"An autoencoder is trained to remove noise of σ = {x[-1]:g}. How far is its answer "
            "from the clean example, by how much noise it is shown? Draw the curve.",
            "strength",
            Axis("error", ERROR, log=True, span=(0.001, 0.2)),
            _trained_at(x[-1]),
            x,
            Axis("noise that is shown (σ)", ticks=x),
        )

    def quick(self) -> NoiseOptions:
        return NoiseOptions(gaussian=(20, 50), salt_pepper=0, epochs=1, judged=50)

    def sketch(self) -> Chart:
        x = tuple(i / 6 for i in range(25))
        y = tuple(math.sin(v) + 0.35 * math.sin(31.7 * i * i) for i, v in enumerate(x))
        smooth = tuple(math.sin(v) for v in x)
        lines = (
            Line("", x, y, "floor", joined=False),
            Line("", x, smooth, "model", marked=False),
        )
        return Chart("sketch", self.title, Axis(""), Axis(""), lines)


# What is done in tasks ---------------------------------------------------------------------


def damages_of(options: NoiseOptions, spec: DataSpec) -> list[Damage]:
    """What is done to these data, in the order of lists; a table has no neighbours to lose."""
    found = [Damage("gaussian", s / 100) for s in sorted(set(options.gaussian))]
    some = [("salt_pepper", options.salt_pepper), ("mask", options.mask)]
    if spec.kind != "table":
        some.append((HOLE, options.hole))
    return found + [Damage(kind, percent / 100) for kind, percent in some if percent]


def judged_of(options: NoiseOptions, about_test: int, size: int) -> int:
    """How many held-out examples are mended."""
    return min(options.judged, about_test, max(20, MOST_VALUES // size))


class _Desk:
    """What a task works with: data, some of them to judge by, and how an answer is measured."""

    def __init__(self, data: Dataset, options: NoiseOptions, control: LabControl):
        self.options, self.control, self.spec = options, control, data.spec
        n = judged_of(options, len(data.test), data.spec.size)
        # A name of its own: what is fitted is judged on fewer than the whole data's.
        self.data = dataclasses.replace(
            data, name=f"{data.name}-noise-{n}", test=data.test.first(n)
        )
        self.x = self.data.test.batch(slice(None))
        self.shown = min(n, SHOWN, max(2, SHOWN_VALUES // data.spec.size))

    def seen(self, damage: Damage) -> np.ndarray:
        return damage.seen(self.x, self.options.seed, self.spec.bounded).numpy()

    def to_tune(self, damage: Damage, n: int = TUNED_ON) -> tuple[np.ndarray, np.ndarray]:
        """Training examples, clean and damaged."""
        x = self.data.train.first(n).batch(slice(None))
        return x.numpy(), damage.seen(x, self.options.seed + 1, self.spec.bounded).numpy()

    def basis(self) -> PCABasis:
        with self.control.apart():
            return basis_of(self.data, max(COMPONENTS))

    def measured(self, name: str, ask: Callable[[], np.ndarray]) -> dict[str, Any]:
        """What a way's answer is worth; its time is of this thread alone, waiting left out."""
        began = time.thread_time()
        answer = ask()
        spent = time.thread_time() - began
        found: dict[str, Any] = {
            f"{name}_mse": float(np.square(answer - self.x.numpy(), dtype=np.float64).mean()),
            f"{name}{CLOCK}": 1000 * spent / len(answer),
        }
        if self.spec.kind == "image":
            scores = [ssim(torch.from_numpy(answer[p]), self.x[p]) for p in parts(len(answer))]
            found[f"{name}_ssim"] = float(torch.cat(scores).mean())
            found[f"{name}_pictures"] = self.pictures(answer)
        return found

    def pictures(self, answer: np.ndarray) -> np.ndarray:
        """The first of them as bytes."""
        return (255 * answer[: self.shown].clip(0, 1)).round().astype(np.uint8)


def _filtered(desk: _Desk, damage: Damage, slow: bool) -> Iterator[Look]:
    """What filters make of a damage, or the slow ones alone."""
    seen = desk.seen(damage)
    clean_some, seen_some = desk.to_tune(damage, TUNED_ON // 2 if slow else TUNED_ON)
    ways = [way for way in FILTERS if way.slow == slow and way.fits(desk.spec)]
    found: dict[str, Any] = {}
    if not slow:
        found |= desk.measured(LEFT, lambda: seen)
        if desk.spec.kind == "image":
            found["clean_pictures"] = desk.pictures(desk.x.numpy())
    for i, way in enumerate(ways):
        yield Look(dict(found), i / (len(ways) + 1))
        best = tuned(way.apply, way.tried, clean_some, seen_some)
        found |= desk.measured(way.name, lambda way=way, best=best: way.apply(seen, best))
        found[f"{way.name}_setting"] = f"{best:g} {way.setting}"
    if not slow:
        yield Look(dict(found), len(ways) / (len(ways) + 1))
        basis = desk.basis()

        def project(x: np.ndarray, k: float) -> np.ndarray:
            rows = x.reshape(len(x), -1)
            return basis.reconstruct(rows, int(k)).reshape(x.shape).astype(np.float32)

        ks = [k for k in COMPONENTS if k < desk.spec.size] or [max(1, desk.spec.size // 2)]
        best = tuned(project, ks, clean_some, seen_some)
        found |= desk.measured(PCA, lambda: by_part(seen, lambda x: project(x, best)))
        found[f"{PCA}_setting"] = f"{best:g} components"
    yield Look(found)


def _mended(model: LatentModel, seen: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(seen)
    with torch.inference_mode():
        return torch.cat([model.reconstruct(x[part]) for part in parts(len(x))]).numpy()


def _learnt(desk: _Desk, learnt: Sequence[Damage], damages: Sequence[Damage]) -> Iterator[Look]:
    """An autoencoder that learns to undo `learnt`, a plain one for none, tried on all damages."""
    seed, epochs, train = desk.options.seed, desk.options.epochs, desk.data.train
    if learnt:
        state, config = beginner(desk.spec, tuple(learnt), seed), brisk(train, epochs, seed)
    else:
        state = TrainState.fresh(preset(PLAIN).spec(desk.spec), seed)
        config = in_proportion(preset(PLAIN), train, epochs, seed)
    yield Look({}, 0.0)
    for event in trained(state.model.spec, config, desk.data, desk.control, state):
        if isinstance(event, EpochDone) and event.epoch < config.epochs and learnt:
            now = learnt[0] if len(learnt) == 1 else Damage()
            answer = _mended(state.model, desk.seen(now))
            error = float(np.square(answer - desk.x.numpy(), dtype=np.float64).mean())
            yield Look({f"{now.name}_mse": error}, 0.95 * event.epoch / config.epochs)
    found: dict[str, Any] = {}
    for damage in (Damage(), *damages):
        seen = desk.seen(damage)
        found |= desk.measured(damage.name, lambda seen=seen: _mended(state.model, seen))
    yield Look(found)


def _by_turns(desk: _Desk, damages: Sequence[Damage]) -> Iterator[Look]:
    """Holes that are known to be there: a VAE's answer is put into them, again and again; beside
    it what neighbours say, and principal components."""
    seed, clean = desk.options.seed, desk.x.numpy()
    found: dict[str, Any] = {}
    basis = desk.basis()
    for damage in damages:
        for name, fill in _fillers(desk, basis, damage).items():
            found |= desk.measured(f"{damage.name}_{name}", fill)
    yield Look(dict(found), 0.1)
    spec = preset(VARIATIONAL).spec(desk.spec)
    state = TrainState.fresh(spec, seed)
    config = in_proportion(preset(VARIATIONAL), desk.data.train, desk.options.epochs, seed)
    for event in trained(spec, config, desk.data, desk.control, state):
        if isinstance(event, EpochDone):
            yield Look(dict(found), 0.1 + 0.8 * event.epoch / config.epochs)
    for damage in damages:
        seen, known = desk.seen(damage), damage.known(desk.x, seed).numpy()
        rounds = [seen]

        def turn(seen=seen, known=known, rounds=rounds) -> np.ndarray:
            for _ in range(ROUNDS):
                rounds.append(np.where(known, seen, _mended(state.model, rounds[-1])))
            return rounds[-1]

        found |= desk.measured(f"{damage.name}_turns", turn)
        errors = (np.square(now - clean, dtype=np.float64).mean() for now in rounds)
        found[f"{damage.name}_rounds"] = list(map(float, errors))
    yield Look(found)


def _fillers(desk: _Desk, basis: PCABasis, damage: Damage) -> dict[str, Callable[[], np.ndarray]]:
    """Ways to fill holes where one knows them, tuned on training examples."""
    seed = desk.options.seed
    clean, seen_some = desk.to_tune(damage)
    known_some = damage.known(torch.from_numpy(clean), seed + 1).numpy()
    seen, known = desk.seen(damage), damage.known(desk.x, seed).numpy()
    k = min(64, len(basis.components))
    # Of the scores: PCA's shares of the variance times what the training examples vary in all.
    rows = desk.data.train.first(2000).batch(slice(None)).flatten(1).numpy()
    total = float(np.square(rows - basis.mean).sum(1).mean())
    variances = (basis.explained_variance_ratio[:k] * total).astype(np.float32)

    def components(x: np.ndarray, there: np.ndarray, noise: float) -> np.ndarray:
        first = basis.components[:k]
        return from_components(x, there, basis.mean, first, variances, noise)

    noise = tuned(lambda x, v: components(x, known_some, v), LEFT_OUT, clean, seen_some)
    found = {"components": lambda: components(seen, known, noise)}
    if desk.spec.kind != "table":
        wide = tuned(lambda x, v: from_neighbours(x, known_some, v), WIDE, clean, seen_some)
        found["near"] = lambda: from_neighbours(seen, known, wide)
    return found


# What is told ------------------------------------------------------------------------------


def _trained_at(sigma: float) -> str:
    return f"trained at σ = {sigma:g}"


class _Seen:
    """What the tasks found, by way and damage; NaN where nothing is there yet."""

    def __init__(self, options: NoiseOptions, about: About, done: Mapping[str, Values]):
        assert about.spec is not None
        self.options, self.about, self.done = options, about, done
        self.spec = about.spec
        self.damages = damages_of(options, about.spec)
        self.gaussian = [d for d in self.damages if d.kind == "gaussian"]
        n = judged_of(options, about.test, about.spec.size)
        self.held_out = f"{n:,} held-out {thing_of(about.spec)}s"
        fits = [way.name for way in FILTERS if way.fits(about.spec)]
        self.classical = [LEFT, *fits, PCA]
        self.ways = [*self.classical, "plain", ALL, OWN]

    def get(self, way: str, damage: Damage, what: str) -> Any:
        """A value of a way on a damage; None where it is not there."""
        if way in ("plain", ALL):
            return self.done.get(way, {}).get(f"{damage.name}{what}")
        if way == OWN:
            return self.trained(damage, damage, what)
        for part in ("filters", "slow"):
            values = self.done.get(f"{part}-{damage.name}", {})
            if f"{way}{what}" in values:
                return values[f"{way}{what}"]
        return None

    def trained(self, learnt: Damage, shown: Damage, what: str = "_mse") -> Any:
        """A value of the one that was trained for a damage, on any."""
        return self.done.get(f"own-{learnt.name}", {}).get(f"{shown.name}{what}")

    def mse(self, way: str, damage: Damage) -> float:
        return _or_nan(self.get(way, damage, "_mse"))

    def best(self, damage: Damage) -> str:
        """The best of what learns no network, "" where none is there."""
        known = [way for way in self.classical if math.isfinite(self.mse(way, damage))]
        return min(known, key=lambda way: self.mse(way, damage), default="")

    def best_mse(self, damage: Damage) -> float:
        best = self.best(damage)
        return self.mse(best, damage) if best else math.nan

    def complete(self, damage: Damage) -> bool:
        return all(math.isfinite(self.mse(way, damage)) for way in (*self.classical, OWN))

    def filling(self, damage: Damage, what: str) -> Any:
        return self.done.get("turns", {}).get(f"{damage.name}_{what}")


def _or_nan(value: Any) -> float:
    return math.nan if value is None else float(value)


def _there(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if any(map(math.isfinite, line.y)))


def _peers_chart(seen: _Seen) -> Chart:
    x = tuple(map(float, range(len(seen.damages))))
    shown: tuple[tuple[str, Role, Callable[[Damage], float]], ...] = (
        (TITLES[LEFT], "floor", lambda d: seen.mse(LEFT, d)),
        ("best of the filters and PCA", "train", seen.best_mse),
        (TITLES["plain"], 5, lambda d: seen.mse("plain", d)),
        (TITLES[ALL], 4, lambda d: seen.mse(ALL, d)),
        (TITLES[OWN], "model", lambda d: seen.mse(OWN, d)),
    )
    lines = [Line(name, x, tuple(map(of, seen.damages)), role) for name, role, of in shown]
    return Chart(
        "peers",
        f"What is left of the noise, {seen.about.title}",
        Axis("noise"),
        Axis("error", f"{ERROR}, {seen.held_out}"),
        _there(lines),
        "bars",
        tuple(damage.title for damage in seen.damages),
        "Error against the clean examples of autoencoders and of the best filter, by noise.",
    )


def _strength_chart(seen: _Seen) -> Chart:
    shown = [Damage(), *seen.gaussian]
    x = tuple(damage.level for damage in shown)
    lines = [
        Line(_trained_at(d.level), x, tuple(_or_nan(seen.trained(d, s)) for s in shown), i)
        for i, d in enumerate(seen.gaussian)
    ]
    # Without noise these err in nothing, and a logarithm has no place for that.
    best = tuple(math.nan if s.kind == CLEAN else seen.best_mse(s) for s in shown)
    left = tuple(math.nan if s.kind == CLEAN else seen.mse(LEFT, s) for s in shown)
    lines.append(Line("best of the filters and PCA", x, best, "train", dashed=True))
    lines.append(Line(TITLES[LEFT], x, left, "floor", dashed=True))
    return Chart(
        "strength",
        f"A denoiser and the noise that it did not learn, {seen.about.title}",
        Axis("noise that is shown (σ)", ticks=x),
        Axis("error", f"{ERROR}, {seen.held_out}", log=True),
        _there(lines),
        summary="Error of autoencoders, each trained for one strength of noise, on all strengths.",
    )


def _turns_chart(seen: _Seen) -> Chart:
    x = tuple(map(float, range(ROUNDS + 1)))
    lines = []
    for i, damage in enumerate(d for d in seen.damages if d.leaves_holes):
        rounds = seen.filling(damage, "rounds")
        if rounds is not None:
            lines.append(Line(f"VAE by turns, {damage.title}", x, tuple(rounds), i))
        for name, title in _FILLERS.items():
            error = _or_nan(seen.filling(damage, f"{name}_mse"))
            line = Line(f"{title}, {damage.title}", (x[0], x[-1]), (error,) * 2, i, True)
            lines.append(dataclasses.replace(line, marked=False))
    return Chart(
        "turns",
        f"Known holes, filled by turns, {seen.about.title}",
        Axis("rounds"),
        Axis("error", f"{ERROR}, {seen.held_out}", log=True),
        _there(lines),
        summary="Error after each round in which a VAE's answer is put into the holes.",
    )


_FILLERS = {"near": "known neighbours", "components": "PCA of the known values"}


def _table(seen: _Seen) -> Table:
    rows = [
        (damage, way)
        for damage in seen.damages
        for way in seen.ways
        if math.isfinite(seen.mse(way, damage))
    ]
    columns: dict[str, Sequence[Any]] = {
        "noise": [damage.title for damage, _ in rows],
        "removed by": [TITLES[way] for _, way in rows],
        f"{ERROR}, held out": [seen.mse(way, damage) for damage, way in rows],
        "PSNR of that (dB)": [_psnr(seen.mse(way, damage)) for damage, way in rows],
    }
    if seen.spec.kind == "image":
        columns["SSIM, held out, mean"] = [
            _or_nan(seen.get(way, damage, "_ssim")) for damage, way in rows
        ]
    columns["ms an example, of one core"] = [
        _or_nan(seen.get(way, damage, CLOCK)) for damage, way in rows
    ]
    columns["setting, best on training examples"] = [
        seen.get(way, damage, "_setting") or "" for damage, way in rows
    ]
    return Table("by_noise", "By noise and way", columns)


def _by_training(seen: _Seen) -> Table:
    """A row for each autoencoder, a column for each noise that it is shown."""
    learners = [("plain", "nothing"), (ALL, "all of them")]
    columns: dict[str, Sequence[Any]] = {
        "trained for": [t for _, t in learners] + [d.title for d in seen.damages]
    }
    for shown in (Damage(), *seen.damages):
        columns[f"{ERROR}, shown: {shown.title}"] = [
            *(seen.mse(way, shown) for way, _ in learners),
            *(_or_nan(seen.trained(learnt, shown)) for learnt in seen.damages),
        ]
    return Table("by_training", "By what was learnt and what is shown, held out", columns)


def _psnr(mse: float) -> float:
    return float(psnr(torch.tensor(mse, dtype=torch.float64)))


def _figures(seen: _Seen) -> tuple[Figure, ...]:
    found = []

    def add(name: str, title: str, value: Any, unit: str, split: str = seen.held_out) -> None:
        if value is not None and math.isfinite(value):
            found.append(Figure(name, title, float(value), unit, split))

    for damage in seen.damages:
        for way in seen.ways:
            title = f"{TITLES[way].capitalize() if way != PCA else 'PCA'}: {damage.title}"
            add(f"mse_{way}_{damage.name}", title, seen.mse(way, damage), ERROR)
        for way, who in ((OWN, "trained for it"), (seen.best(damage), "best of the others")):
            if way and math.isfinite(seen.mse(way, damage)):
                short = "own" if way == OWN else "best"
                title, on = f"{who}, {damage.title}", damage.name
                add(f"psnr_{short}_{on}", f"PSNR, {title}", _psnr(seen.mse(way, damage)), "dB")
                similar = seen.get(way, damage, "_ssim")
                add(f"ssim_{short}_{on}", f"SSIM, {title}", similar, "of at most 1, mean")
        clean = seen.trained(damage, Damage())
        add(f"clean_{damage.name}", f"No noise, trained for {damage.title}", clean, ERROR)
    for way in seen.ways[1:]:
        times = [seen.get(way, damage, CLOCK) for damage in seen.damages]
        known = [t for t in times if t is not None]
        title = f"Time, {TITLES[way]}"
        add(f"ms_{way}", title, np.mean(known) if known else None, "ms an example, of one core")
    for damage in seen.damages:
        for name, title in {**_FILLERS, "turns": f"VAE, {ROUNDS} rounds"}.items():
            error = seen.filling(damage, f"{name}_mse") if damage.leaves_holes else None
            add(
                f"filled_{name}_{damage.name}",
                f"Holes known, {title}: {damage.title}",
                error,
                ERROR,
            )
    return tuple(found)


def _pictures(seen: _Seen) -> tuple[Pictures, ...]:
    """The first examples in each version, a set for each noise."""
    if seen.spec.kind != "image":
        return ()
    found = []
    for damage in seen.damages:
        clean = seen.done.get(f"filters-{damage.name}", {}).get("clean_pictures")
        if clean is None:
            continue
        rows = [("clean", clean), ("damaged", seen.get(LEFT, damage, "_pictures"))]
        rows += [(TITLES[way], seen.get(way, damage, "_pictures")) for way in seen.ways[1:]]
        fills = {**_FILLERS, "turns": "VAE, by turns"}
        rows += [(title, seen.filling(damage, f"{name}_pictures")) for name, title in fills.items()]
        known = [(title, images) for title, images in rows if images is not None]
        found.append(
            Pictures(
                f"examples_{damage.name}",
                f"{capitalised(damage.title)}: the first held-out {thing_of(seen.spec)}s",
                np.stack([images for _, images in known]).astype(np.float32) / 255,
                tuple(title for title, _ in known),
                summary=f"Held-out examples with {damage.title}, and what each way makes of them.",
            )
        )
    return tuple(found)


def _says(seen: _Seen) -> str:
    """Where it is better and where it is not, from what is there."""
    there = [damage for damage in seen.damages if seen.complete(damage)]
    won = [d for d in there if seen.mse(OWN, d) < seen.best_mse(d)]
    said = []
    if won:
        names = "; ".join(damage.title for damage in won)
        said.append(
            f"Trained for the noise that is shown, it is better than every filter: {names}."
        )
    lost = [damage for damage in there if damage not in won]
    if lost and not won:
        said.append(
            "Trained for the noise that is shown, it is nowhere better than the best simple way."
        )
    for damage in lost:
        best = seen.best(damage)
        start = "Not so for " if won else ""
        said.append(
            capitalised(
                f"{start}{damage.title}: {TITLES[best]} errs {seen.mse(best, damage):.4f}, it "
                f"{seen.mse(OWN, damage):.4f}."
            )
        )
    if seen.gaussian:
        most = seen.gaussian[-1]
        clean, own = (_or_nan(seen.trained(most, d)) for d in (Damage(), most))
        if clean > own:
            said.append(
                f"Trained at σ = {most.level:g} it errs {clean:.4f} on clean examples, more than "
                f"the {own:.4f} on those with that noise."
            )
    return " ".join(said)


# Held-out error on 1,000 images of MNIST at seed 0, of what learns no network.
_MEASURED: dict[str, dict[str, float]] = {
    "left": {
        "gaussian_10": 0.0054,
        "gaussian_20": 0.0213,
        "gaussian_30": 0.0467,
        "gaussian_50": 0.1153,
        "salt_pepper_25": 0.1203,
        "mask_50": 0.0519,
    },
    "median": {
        "gaussian_10": 0.007,
        "gaussian_20": 0.0122,
        "gaussian_30": 0.0196,
        "gaussian_50": 0.0387,
        "salt_pepper_25": 0.0208,
        "mask_50": 0.0757,
    },
    "blur": {
        "gaussian_10": 0.0053,
        "gaussian_20": 0.0152,
        "gaussian_30": 0.028,
        "gaussian_50": 0.0582,
        "salt_pepper_25": 0.0403,
        "mask_50": 0.0393,
    },
    "tv": {
        "gaussian_10": 0.0036,
        "gaussian_20": 0.0128,
        "gaussian_30": 0.0255,
        "gaussian_50": 0.0573,
        "salt_pepper_25": 0.0422,
        "mask_50": 0.0443,
    },
    "wavelets": {
        "gaussian_10": 0.0035,
        "gaussian_20": 0.0131,
        "gaussian_30": 0.029,
        "gaussian_50": 0.0678,
        "salt_pepper_25": 0.0507,
        "mask_50": 0.0511,
    },
    "nlm": {"gaussian_20": 0.0083},
    "pca": {
        "gaussian_10": 0.0057,
        "gaussian_20": 0.01,
        "gaussian_30": 0.0169,
        "gaussian_50": 0.0309,
        "salt_pepper_25": 0.0236,
        "mask_50": 0.0378,
    },
}
