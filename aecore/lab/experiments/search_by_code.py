"""Search by code: who is nearest, by embeddings or pixels, by fewer numbers, by bits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from aecore.datasets import Dataset
from aecore.evaluation.latent import encode_split
from aecore.figures.chart import Axis, Chart, Line, Role, Table
from aecore.figures.examples import thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.collection import DATA, SENTENCES, Collection, Counts
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.outcome import Band, Figure, Outcome
from aecore.lab.predicting import Prediction
from aecore.lab.searching import NEAREST, EightBits, Signs, found_of, nearest_bits, nearest_rows
from aecore.lab.training import last_epoch, trained
from aecore.models import LatentModel
from aecore.models.families.pca import basis_of
from aecore.models.presets import preset
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig

BOTH, ONLY_SENTENCES, ONLY_DATA = "sentences and data", "sentences", "data"
PRESET = "fast-start"  # of the autoencoder on the data in hand
HIDDEN = 256  # of the one on sentences
BATCH, RATE = 64, 3e-3  # of its training
WHOLE, BITS, PCA, AE = "whole", "bits", "pca", "ae"
RECALL, FIRST = "recall", "first"
MIDDLE_K = 32  # numbers that are spoken of, where they are among those tried


@dataclass(frozen=True)
class SearchOptions:
    """What is searched, by how many numbers."""

    ks: tuple[int, ...] = dataclasses.field(
        default=(8, 16, 32, 64),
        metadata={
            "label": "Numbers in the code",
            "range": (1, 256),
            "most": 8,
            "item": "number",
            "help": "PCA and an autoencoder are tried with each.",
        },
    )
    searched: Literal["sentences and data", "sentences", "data"] = dataclasses.field(
        default=BOTH,
        metadata={
            "label": "Search in",
            "help": "The sentences that ship, the data chosen above, or both.",
        },
    )
    epochs: int = dataclasses.field(
        default=20,
        metadata={
            "label": "Epochs on the sentences",
            "range": (1, 200),
            "help": "How long an autoencoder is trained on them; on other data it is as usual.",
        },
    )
    seed: int = seed_option(1)


class SearchByCode(Experiment):
    """Recall against bytes: all numbers, eight bits, one bit, PCA, an autoencoder."""

    name: ClassVar[str] = "search-by-code"
    title: ClassVar[str] = "Search by code"
    question: ClassVar[str] = "How few bytes still find the nearest sentences, or images?"
    claim: ClassVar[str] = (
        "An autoencoder's codes find more of the nearest than PCA's where numbers are few, and PCA "
        "catches up as they become many. Rounding each number to a byte costs next to nothing; one "
        "bit for each of an embedding's own numbers finds more than either in as many bytes."
    )
    surprise: ClassVar[str] = (
        "Of sentences, keeping no more than each number's sign beats learning a few good numbers."
    )
    icon: ClassVar[str] = ":material/search:"
    place: ClassVar[float] = 9
    Options: ClassVar[type] = SearchOptions
    page: ClassVar[str] = "search"

    def why_not(self, about: About) -> str:
        return about.too_small

    def seconds(self, options: SearchOptions) -> float:
        # Measured: an epoch on the sentences, and the whole of a code on MNIST.
        each = (options.searched != ONLY_DATA) * (0.5 + 0.15 * options.epochs)
        each += (options.searched != ONLY_SENTENCES) * 5
        return 3 + each * len(set(options.ks))

    def tasks(self, options: SearchOptions, about: About) -> list[Task]:
        found = []
        for of in _searched(options):
            ks = _ks(of, options, about)
            # The one that is spoken of first: the curves meet there.
            ks = sorted(ks, key=lambda k: (k != _middle(ks), k))
            codes = [(way, k) for k in ks for way in (PCA, AE)]
            for way, k in [(WHOLE, 0), (BITS, 0), *codes]:
                # For single searches. Images are many: of those one size is enough.
                kept = way != WHOLE and (of == SENTENCES or k == _middle(ks))
                values = {"of": of, "way": way, "k": k, "kept": kept}
                found.append(Task(_name(of, way, k), values, options.seed, 4.0 * (way == AE) or 1))
        return found

    def work(
        self, task: Task, options: SearchOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        of, way, k = (task.values[name] for name in ("of", "way", "k"))
        collection = Collection.of(of, subject.data, task.seed)
        wanted = collection.truth(control.give_way)
        database, queries = collection.database, collection.queries
        if way == BITS:
            signs = Signs.fit(database)
            bits = signs.to(database), signs.to(queries)
            near = nearest_bits(*bits, between=control.give_way)
            yield Look(_counted("", near, wanted) | {"codes": np.concatenate(bits)})
            return
        found: dict[str, Any] = {}
        if way != WHOLE:
            database, queries = _codes(way, k, collection, options, control)
            near = nearest_rows(database, queries, between=control.give_way)
            found |= _counted("", near, wanted)
        eight = EightBits.fit(database)
        codes = eight.to(database), eight.to(queries)
        back = [eight.back(some) for some in codes]
        near = nearest_rows(back[0], back[1], between=control.give_way)
        found |= _counted("int8_", near, wanted)
        if task.values["kept"]:
            found["codes"] = np.concatenate(codes)
        yield Look(found)

    def tell(self, options: SearchOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        told = [_Told(of, options, about, done) for of in _searched(options)]
        return Outcome(
            tuple(figure for one in told for figure in one.figures()),
            tuple(one.chart() for one in told),
            (),
            tuple(one.table() for one in told),
            " ".join(said for one in told if (said := one.says())),
        )

    def bands(self, options: SearchOptions, about: About) -> dict[str, Band]:
        found = {}
        for of in _searched(options):
            if about.dataset != "mnist" and of == DATA:
                continue
            if options.epochs < SearchOptions.epochs and of == SENTENCES:
                continue
            within = _WITHIN[of]
            for name, value in _MEASURED[of].items():
                found[f"{RECALL}_{of}_{name}"] = (value - within, min(value + within, 100.0))
        return found

    def asks(self, options: SearchOptions, about: About) -> Prediction | None:
        of = _searched(options)[0]
        ks = _ks(of, options, about)
        if len(ks) < 2:
            return None
        things = "sentences" if of == SENTENCES else f"{thing_of(_spec(about))}s"
        return Prediction(
            "curve",
            f"Of the {NEAREST} nearest {things}, how many does an autoencoder's code of one byte a "
            "number find? Draw the curve.",
            of,
            Axis(f"of the {NEAREST} nearest found", "%", span=(0.0, 100.0)),
            _NAMES[AE],
            tuple(map(float, ks)),
            Axis("bytes", log=True, ticks=tuple(map(float, ks))),
        )

    def quick(self) -> SearchOptions:
        return SearchOptions(ks=(4, 16), epochs=2)

    def sketch(self) -> Chart:
        x = tuple(float(v) for v in range(1, 7))
        line = Line("", x, tuple(1 - 1 / (v + 0.2) for v in x))
        dots = Line("", (2.5, 5.5), (0.2, 0.9), "floor", joined=False)
        return Chart("sketch", self.title, Axis(""), Axis("", span=(0.0, 1.0)), (line, dots))


_NAMES = {AE: "autoencoder", PCA: "PCA", BITS: "one bit a number", WHOLE: "all numbers"}
# Recall@10 in per cent by way, of codes in float32; of sentences means of three seeds on those that
# ship.
_MEASURED = {
    SENTENCES: {
        **{"whole_int8": 99.3, "bits": 65.6},
        **{"pca_8": 15.1, "pca_16": 29.0, "pca_32": 45.1, "pca_64": 62.7},
        **{"ae_8": 23.8, "ae_16": 39.4, "ae_32": 51.9, "ae_64": 63.3},
    },
    DATA: {"pca_8": 29, "pca_16": 50, "pca_32": 67, "ae_8": 37, "ae_16": 54, "ae_32": 65},
}
_WITHIN = {SENTENCES: 2.0, DATA: 4.0}


def _searched(options: SearchOptions) -> list[str]:
    only = {ONLY_SENTENCES: [SENTENCES], ONLY_DATA: [DATA]}
    return only.get(options.searched, [SENTENCES, DATA])


def _spec(about: About) -> DataSpec:
    assert about.spec is not None
    return about.spec


def _ks(of: str, options: SearchOptions, about: About) -> list[int]:
    """The sizes that are tried: smaller than an example; of one with few values a half and a
    quarter, where all that were asked for are larger."""
    size = Counts.of(of, about).size
    fitting = {k for k in options.ks if k < size} or {max(1, size // 4), size // 2}
    return sorted(fitting)


def _middle(ks: list[int]) -> int:
    return min(ks, key=lambda k: abs(math.log(k / MIDDLE_K)), default=0)


def _name(of: str, way: str, k: int) -> str:
    return f"{of}-{way}-{k}" if k else f"{of}-{way}"


def _counted(prefix: str, near: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Per cent of the wanted that is found, and of queries whose nearest is."""
    shared, first = found_of(near, wanted)
    return {
        f"{prefix}{RECALL}": 100 * float(shared.mean()) / wanted.shape[1],
        f"{prefix}{FIRST}": 100 * float(first.mean()),
    }


# Codes ---------------------------------------------------------------------------------------


def _codes(
    way: str, k: int, collection: Collection, options: SearchOptions, control: LabControl
) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, k) of the database and of the queries, by what was fitted to the training part."""
    if way == PCA:
        with control.apart():
            basis = basis_of(collection.data, k)
        return basis.encode(collection.database, k), basis.encode(collection.queries, k)
    model = _autoencoder(k, collection, options, control)
    splits = collection.splits
    return encode_split(model, splits[0]).mu, encode_split(model, splits[1]).mu


def _autoencoder(
    k: int, collection: Collection, options: SearchOptions, control: LabControl
) -> LatentModel:
    data: Dataset = collection.data
    if collection.name == SENTENCES:
        spec = ModelSpec("dense-ae", data.spec, k, {"hidden": (HIDDEN,), "output": "linear"})
        config = TrainConfig(
            epochs=options.epochs, batch_size=BATCH, learning_rate=RATE, schedule="one-cycle"
        )
    else:
        spec = preset(PRESET).spec(data.spec, k)
        config = preset(PRESET).training(len(data.train))
    config = dataclasses.replace(config, seed=options.seed, device="cpu")
    state = TrainState.fresh(spec, options.seed)
    last_epoch(trained(spec, config, data, control, state))
    return state.model


# What it says --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """One way to keep an example: its name in figures, what people call it, its bytes, and where
    its values are."""

    key: str
    title: str
    bytes: int
    task: str
    prefix: str = ""


class _Told:
    """What is known of the search in one collection; NaN where nothing is yet."""

    def __init__(self, of: str, options: SearchOptions, about: About, done: Mapping[str, Values]):
        self.of, self.done, self.about = of, done, about
        self.ks = _ks(of, options, about)
        self.counts = Counts.of(of, about)
        whole = _name(of, WHOLE, 0)
        self.ways = [
            _Way("whole_int8", "All numbers, a byte each", self.counts.size, whole, "int8_"),
            _Way("bits", "One bit a number", -(-self.counts.size // 8), _name(of, BITS, 0)),
        ]
        for way, title in ((PCA, "PCA"), (AE, "Autoencoder")):
            for k in self.ks:
                task, said = _name(of, way, k), f"{title}, {k} numbers"
                self.ways.append(_Way(f"{way}_{k}", said, 4 * k, task))
                byte = f"{said} of a byte"
                self.ways.append(_Way(f"{way}_{k}_int8", byte, k, task, "int8_"))

    def value(self, way: _Way, what: str) -> float:
        return float(self.done.get(way.task, {}).get(f"{way.prefix}{what}", math.nan))

    def recall(self, key: str) -> float:
        return next((self.value(w, RECALL) for w in self.ways if w.key == key), math.nan)

    def figures(self) -> Iterator[Figure]:
        units = {
            RECALL: f"% of the {NEAREST} nearest found",
            FIRST: f"% of queries, the nearest is among the {NEAREST} found",
        }
        for what, unit in units.items():
            for way in self.ways:
                value = self.value(way, what)
                if math.isfinite(value):
                    name = f"{what}_{self.of}_{way.key}"
                    title = f"{self.counts.title}: {way.title}, {way.bytes:,} bytes"
                    yield Figure(name, title, value, unit, self.counts.split)

    def chart(self) -> Chart:
        by_key = {way.key: way for way in self.ways}
        codes: tuple[tuple[str, Role], ...] = ((AE, "model"), (PCA, "pca"))
        points: tuple[tuple[str, str, Role], ...] = (
            ("bits", _NAMES[BITS], "floor"),
            ("whole_int8", _BYTE, "train"),
        )
        lines = []
        for way, role in codes:
            for tail, name in (("_int8", ""), ("", ", four bytes a number")):
                some = [by_key[f"{way}_{k}{tail}"] for k in self.ks]
                y = tuple(self.value(one, RECALL) for one in some)
                if any(map(math.isfinite, y)):
                    x, dashed = tuple(float(one.bytes) for one in some), not tail
                    lines.append(Line(_NAMES[way] + name, x, y, role, dashed))
        for key, name, role in points:
            y = self.recall(key)
            if math.isfinite(y):
                lines.append(Line(name, (float(by_key[key].bytes),), (y,), role, joined=False))
        return Chart(
            self.of,
            f"{self.counts.title}, who of the {NEAREST} nearest is found",
            Axis(f"bytes for one {self.counts.thing}", log=True),
            Axis("found", f"% of {NEAREST}, {self.counts.asked}", span=(0.0, 100.0)),
            tuple(lines),
            summary=f"How many of the {NEAREST} nearest each way to keep an example finds, by the "
            "bytes that it takes.",
        )

    def table(self) -> Table:
        ways = [way for way in self.ways if math.isfinite(self.value(way, RECALL))]
        whole = 4 * self.counts.size
        columns: dict[str, Any] = {
            "kept as": ["All numbers, float32", *(way.title for way in ways)],
            f"bytes for one {self.counts.thing}": [whole, *(way.bytes for way in ways)],
            f"found (% of the {NEAREST} nearest)": [
                100.0,
                *(self.value(way, RECALL) for way in ways),
            ],
            f"nearest within {NEAREST} (% of queries)": [
                100.0,
                *(self.value(way, FIRST) for way in ways),
            ],
        }
        return Table(f"{self.of}_ways", f"{self.counts.title}, {self.counts.split}", columns)

    def says(self) -> str:
        """Who finds more, from what is there; "" while it cannot be said."""
        k = _middle(self.ks)
        ours, theirs = self.recall(f"{AE}_{k}"), self.recall(f"{PCA}_{k}")
        if not (math.isfinite(ours) and math.isfinite(theirs)):
            return ""
        said = (
            f"{self.counts.title}: {k} numbers find {ours:.0f} % of the {NEAREST} nearest by the "
            f"autoencoder, {theirs:.0f} % by PCA"
        )
        bits = self.recall("bits")
        if math.isfinite(bits):
            said += f"; one bit of each of {self.counts.size} numbers finds {bits:.0f} %"
        return said + "."


_BYTE = "all numbers, a byte each"
