"""Compress: codes as bits, beside PCA and the picture formats that everybody uses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.figures.chart import Axis, Chart, Line, Pictures, Role, Table
from aecore.figures.examples import kind_of, thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.coding_curves import DRAWN, Part, coded, for_rate, of_format, of_pca
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task, Values, seed_option
from aecore.lab.outcome import Band, Figure, File, Outcome
from aecore.lab.picture_formats import FORMATS, SINGLES
from aecore.lab.predicting import Prediction
from aecore.runs import checkpoints
from aecore.wording import count

ERROR = "squared error per value"
NOTHING = 1e-9  # of it, and less: earlier versions measured lossless formats by rounded numbers
BESIDE = "conv-ae"  # the shipped model that stands beside the one in hand
MOST_VALUES = 1 << 22  # of all examples that are compressed together
AT = (3.0, 2.0, 1.2, 1.0, 0.5)  # times the error at which all are compared: rows of the table
COUNTS = tuple(float(v) for v in np.geomspace(1, 1e5, 26))


@dataclass(frozen=True)
class CompressOptions:
    """What is compressed, and how."""

    images: int = dataclasses.field(
        default=1000,
        metadata={
            "label": "Held-out examples",
            "range": (20, 10_000),
            "help": "So many are compressed, each way; fewer where they are large.",
        },
    )
    error: float = dataclasses.field(
        default=0.01,
        metadata={
            "label": "Compare at this error",
            "range": (1e-5, 1.0),
            "format": "%.5f",
            "help": "Squared error per value. A model that cannot reach it is compared a quarter "
            "above what it errs without rounding.",
        },
    )
    learned: int = dataclasses.field(
        default=10_000,
        metadata={
            "label": "Training examples that the coder has counted",
            "range": (100, 60_000),
            "help": "They say how likely each value of a number is.",
        },
    )
    beside: bool = dataclasses.field(
        default=True,
        metadata={
            "label": "A shipped convolutional model beside it",
            "help": "Of 16 numbers, where the data are those that it learned from.",
        },
    )
    prices: tuple[int, ...] = dataclasses.field(
        default=(30, 100),
        metadata={
            "label": "New models, trained where a bit costs so much",
            "range": (1, 100_000),
            "most": 6,
            "item": "price",
            "help": "In millionths of the squared error per value; empty for none.",
        },
    )
    steps: int = dataclasses.field(
        default=2000,
        metadata={
            "label": "Steps of that training",
            "range": (10, 20_000),
            "help": "128 examples each.",
        },
    )
    seed: int = seed_option(10)


class Compress(Experiment):
    """Bits against error, the decoder counted."""

    name: ClassVar[str] = "compress"
    title: ClassVar[str] = "Compress"
    question: ClassVar[str] = "How many bits does an image need, and who wins at which quality?"
    claim: ClassVar[str] = (
        "Where much may be lost, an autoencoder that knows its data needs a fraction of the bits "
        "of any picture format, though its decoder has to be sent once; where little may be lost "
        "the formats win, and it cannot follow them at any number of bits."
    )
    surprise: ClassVar[str] = "Most of a small JPEG is its head: tables, and no picture at all."
    icon: ClassVar[str] = ":material/compress:"
    place: ClassVar[float] = 4
    page: ClassVar[str] = "read-back"
    uses: ClassVar[Any] = "model"
    Options: ClassVar[type] = CompressOptions

    def why_not(self, about: About) -> str:
        if about.too_small:
            return about.too_small
        if about.spec is not None and about.latent_dim >= about.spec.size:
            return (
                f"The code of {about.model} has {about.latent_dim:,} numbers and one "
                f"{thing_of(about.spec)} has {about.spec.size:,} values: it makes nothing smaller."
            )
        if about.test < DRAWN:
            return f"{about.title} has {about.test} held-out examples: too few to compress."
        return ""

    def seconds(self, options: CompressOptions) -> float:
        each = options.images / 1000
        # A whole run measured on MNIST: a model's curves, the shipped one's, PCA and all formats;
        # a step of training for few bits.
        coded = 1 + each + options.learned / 2.5e4
        beside = 4.0 if options.beside else 0.0
        return coded + beside + 19 * each + len(options.prices) * (coded + 6e-3 * options.steps)

    def tasks(self, options: CompressOptions, about: About) -> list[Task]:
        tasks = [Task("model", {"what": "model"}, options.seed, 4)]
        if _are_images(about):
            tasks += [
                Task(name, {"what": "format"}, options.seed, 2)
                for name, form in FORMATS.items()
                if form.there
            ]
        tasks.append(Task("pca", {"what": "pca"}, options.seed, 2))
        if _has_beside(options, about):
            tasks.append(Task("beside", {"what": "beside"}, options.seed, 8))
        for price in sorted(set(options.prices)):
            tasks.append(Task(f"rate-{price}", {"what": "rate", "price": price}, options.seed, 6))
        return tasks

    def work(
        self, task: Task, options: CompressOptions, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        model, data = subject.model, subject.data
        assert model is not None
        assert data is not None
        n = _images(options, data.spec.size, len(data.test))
        part = Part.of(data, model, options.learned, n, options.error)
        what = task.values["what"]
        if what == "format":
            yield from of_format(FORMATS[task.name], task.name, part, control)
        elif what == "pca":
            yield from of_pca(part, data, control)
        elif what == "rate":
            price = task.values["price"] / 1e6
            yield from for_rate(part, data, price, options.steps, task.seed, control)
        else:
            if what == "beside":
                model = checkpoints.load(checkpoints.shipped()[BESIDE]).model
            yield from coded(part, model)

    def tell(self, options: CompressOptions, about: About, done: Mapping[str, Values]) -> Outcome:
        assert about.spec is not None
        told = _Told(options, about, done)
        charts = [told.curves()]
        if told.ways:
            charts += [told.smaller(), told.total()]
        pictures = told.pictures() if _are_images(about) else None
        tables = (told.at_equal_error(), told.points())
        return Outcome(
            told.figures(),
            tuple(charts),
            () if pictures is None else (pictures,),
            tables,
            told.says(),
            told.files(),
        )

    def bands(self, options: CompressOptions, about: About) -> dict[str, Band]:
        usual = CompressOptions()
        same = (options.images, options.error, options.learned)
        if about.dataset != "mnist" or same != (usual.images, usual.error, usual.learned):
            return {}
        return {
            "bits_beside": (60.0, 71.0),
            # Above what Gaussian numbers of PCA's variances need, 136 by reverse water-filling.
            "bits_pca": (150.0, 175.0),
            "bits_jpeg": (2900.0, 3100.0),
            "bits_jpeg_scan": (340.0, 390.0),
            "bits_jpeg_tiled": (280.0, 350.0),
            "bits_png": (2040.0, 2250.0),
            "bits_png_tiled": (1220.0, 1350.0),
            "bits_lzma": (1040.0, 1150.0),
        }

    def asks(self, options: CompressOptions, about: About) -> Prediction | None:
        assert about.spec is not None
        names = _names(options, about)
        most = max(100.0, 8.0 * about.spec.size / max(about.latent_dim, 1))
        return Prediction(
            "bars",
            f"How many times smaller than its raw bytes does each way make one "
            f"{thing_of(about.spec)}, at the same error?",
            "smaller",
            Axis("times smaller", "times", span=(0.0, float(math.ceil(most)))),
            _SMALLER,
            tuple(map(float, range(len(names)))),
            Axis("way"),
            tuple(names.values()),
        )

    def quick(self) -> CompressOptions:
        return CompressOptions(images=40, learned=500, prices=(50,), steps=12)

    def sketch(self) -> Chart:
        x = (1.0, 2.0, 3.0, 4.0, 5.0)
        lines = (
            Line("", x, (1.0, 0.6, 0.42, 0.36, 0.35)),
            Line("", x, (1.3, 1.0, 0.7, 0.4, 0.1), "pca"),
        )
        return Chart("sketch", self.title, Axis(""), Axis(""), lines)


_SMALLER = "times smaller"
# Ways that a chart of all would be too full with.
_IN_TABLES = {"beside_plain", "jpeg_fitted", "jpeg_fitted_tiled", "jpeg2000", "webp", "avif"}
_MODEL, _PLAIN, _BESIDE_NAME = "model in hand", "its codes as they are", "convolutional, shipped"


def _has_beside(options: CompressOptions, about: About) -> bool:
    """Whether the shipped model stands beside: its data are these, and it is not in hand itself."""
    path = checkpoints.shipped().get(BESIDE) if options.beside else None
    if path is None:
        return False
    card = checkpoints.read_card(path)
    return card.dataset == about.dataset and card.name != about.model


def _are_images(about: About) -> bool:
    """Whether picture formats know what to do with these data."""
    return about.spec is not None and kind_of(about.spec) == "image" and about.spec.bounded


def _images(options: CompressOptions, about_size: int, there: int) -> int:
    """How many examples are compressed: fewer where they are large."""
    return min(options.images, there, max(DRAWN, MOST_VALUES // about_size))


# What is told --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """A way to compress: its points, bits against errors. split: of what."""

    key: str
    name: str
    bits: np.ndarray
    errors: np.ndarray
    role: Role
    split: str
    dashed: bool = False
    joined: bool = True

    def bits_at(self, error: float) -> float:
        """The bits at which it errs no more than this; NaN where it does not get there."""
        known = np.argsort(self.errors)
        errors, bits = self.errors[known], self.bits[known]
        if not len(errors) or error < errors[0]:
            return math.nan
        if error >= errors[-1]:
            return float(bits[-1])
        # Bits fall evenly with the logarithm of the error.
        return float(np.interp(math.log(error), np.log(np.maximum(errors, 1e-12)), bits))


def _names(options: CompressOptions, about: About) -> dict[str, str]:
    """The ways that bars stand for, by key."""
    names = {"model": _MODEL}
    if _has_beside(options, about):
        names["beside"] = _BESIDE_NAME
    names["pca"] = "PCA"
    if _are_images(about):
        names |= {"jpeg": "JPEG, each", "jpeg_tiled": "JPEG, one picture"}
        names |= {
            f"{key}_tiled": f"{FORMATS[key].name}, one picture"
            for key in ("webp", "avif")
            if FORMATS[key].there
        }
        names["png_tiled"] = "PNG, one picture"
    return names


class _Told:
    """What the parts that are there say."""

    def __init__(self, options: CompressOptions, about: About, done: Mapping[str, Values]):
        assert about.spec is not None
        self.options, self.about, self.done = options, about, done
        self.spec, self.thing = about.spec, thing_of(about.spec)
        self.n = _images(options, self.spec.size, about.test)
        self.at = next((float(v["at"]) for v in done.values() if "at" in v), options.error)
        self.raw = 8.0 * self.spec.size
        self.split = f"{self.n:,} held-out {self.thing}s"
        self.ways = {way.key: way for way in self._ways() if len(way.bits)}

    def _way(
        self, task: str, which: str, key: str, name: str, role: Role, split: str = "", **looks: bool
    ) -> _Way:
        values = self.done.get(task, {})
        bits, errors = values.get(f"{which}bits", []), values.get(_errors_of(which), [])
        return _Way(
            key,
            name,
            np.asarray(bits, float),
            np.asarray(errors, float)[: len(bits)],
            role,
            split or self.split,
            **looks,
        )

    def _ways(self) -> Iterator[_Way]:
        yield self._way("model", "turned_", "model", f"{_MODEL}, axes turned", "model")
        yield self._way(
            "model", "plain_", "model_plain", f"{_MODEL}, {_PLAIN}", "model", dashed=True
        )
        yield self._way("beside", "turned_", "beside", f"{_BESIDE_NAME}, axes turned", 4)
        yield self._way(
            "beside", "plain_", "beside_plain", f"{_BESIDE_NAME}, {_PLAIN}", 4, dashed=True
        )
        yield self._way("pca", "turned_", "pca", "PCA", "pca")
        for price in sorted(set(self.options.prices)):
            name = f"trained for few bits, at {price}"
            yield self._way(f"rate-{price}", "turned_", f"rate_{price}", name, "train", dashed=True)
        for role, (key, form) in enumerate(FORMATS.items()):
            values = self.done.get(key, {})
            few = f"{int(values.get('singles', 0)):,} held-out {self.thing}s"
            yield self._way(key, "", key, f"{form.name}, each", role, few, dashed=True)
            if key == "jpeg":
                name = "JPEG, each without its head"
                yield self._way(key, "scan_", "jpeg_scan", name, role, few, joined=False)
            yield self._way(key, "tiled_", f"{key}_tiled", f"{form.name}, one picture", role)

    def best(self, key: str, error: float) -> float:
        """The fewest bits: of a model with its axes turned, or as they are; "tiled" stands for all
        formats as one picture. NaN where none gets there."""
        keys = (key, f"{key}_plain")
        if key == "tiled":
            keys = tuple(k for k in self.ways if k.endswith("_tiled"))
        found = [self.ways[k].bits_at(error) for k in keys if k in self.ways]
        known = [v for v in found if math.isfinite(v)]
        return min(known) if known else math.nan

    def curves(self) -> Chart:
        lines = []
        for way in self.ways.values():
            if way.key in _IN_TABLES:
                continue
            # A way without loss errs in nothing, which has no place on these axes.
            order = np.argsort(way.bits)
            order = order[(way.errors > NOTHING)[order] & (way.bits > 0)[order]]
            if len(order):
                x, y = tuple(way.bits[order].tolist()), tuple(way.errors[order].tolist())
                lines.append(Line(way.name, x, y, way.role, way.dashed, way.joined))
        return Chart(
            "curves",
            f"Bits against error, {self.about.title}",
            Axis(f"bits for one {self.thing}", log=True),
            Axis("error", f"{ERROR}, {self.split}", log=True),
            tuple(lines),
            summary=f"How many bits one {self.thing} takes by the error that is left, each way.",
        )

    def smaller(self) -> Chart:
        names = _names(self.options, self.about)
        bits = [self.best(key, self.at) for key in names]
        y = tuple(self.raw / b if b > 0 else math.nan for b in bits)
        return Chart(
            "smaller",
            f"Times smaller than {self.raw:,.0f} raw bits, at an error of {self.at:.2g}",
            Axis("way"),
            Axis("times smaller", f"times, {self.split}"),
            (Line(_SMALLER, tuple(map(float, range(len(names)))), y),),
            "bars",
            tuple(names.values()),
            f"How many times smaller each way makes one {self.thing} at the same error.",
        )

    def total(self) -> Chart:
        """All bytes by the number of examples, the decoder among them."""
        lines = []
        ways: tuple[tuple[str, str, Role], ...] = (
            ("model", _MODEL, "model"),
            ("beside", _BESIDE_NAME, 4),
            ("pca", "PCA", "pca"),
            ("jpeg", "JPEG, each", 0),
            ("jpeg_tiled", "JPEG, one picture", 0),
        )
        for key, name, role in ways:
            bits, once = self.best(key, self.at), self.decoder(key)
            if math.isfinite(bits) and math.isfinite(once):
                y = tuple(once + n * bits / 8 for n in COUNTS)
                dashed = key == "jpeg"
                lines.append(Line(name, COUNTS, y, role, dashed, marked=False))
        return Chart(
            "total",
            f"All bytes with the decoder, at an error of {self.at:.2g}",
            Axis(f"{self.thing}s", log=True),
            Axis("bytes in all", f"by the mean of {self.split}", log=True),
            tuple(lines),
            summary="All bytes that are sent, the decoder among them, by how many are compressed.",
        )

    def decoder(self, key: str) -> float:
        """Bytes that are sent once: none for what everybody has; NaN where not known."""
        if key in FORMATS or key.endswith("_tiled"):
            return 0.0
        values = self.done.get(key, {})
        if "beforehand" not in values:
            return math.nan
        return float(values["weights"]) + float(values["beforehand"])

    def even(self, key: str, other: str) -> float:
        """From how many examples on the decoder has paid for itself; NaN for never."""
        saved = self.best(other, self.at) - self.best(key, self.at)
        once = self.decoder(key)
        return math.ceil(8 * once / saved) if saved > 0 and math.isfinite(once) else math.nan

    def figures(self) -> tuple[Figure, ...]:
        found: list[Figure] = []

        def add(name: str, title: str, value: float, unit: str, split: str = "") -> None:
            if math.isfinite(value):
                found.append(Figure(name, title, float(value), unit, split or self.split))

        bits = f"bits for one {self.thing}"
        # Where the model in hand does not reach what was asked, all are compared there as well.
        asked, apart = self.options.error, not math.isclose(self.at, self.options.error)
        for name, error in (("bits", asked), *((("compared", self.at),) if apart else ())):
            at = f"at an error of {error:.2g}"
            for key, title in (("model", _MODEL), ("beside", _BESIDE_NAME)):
                add(f"{name}_{key}", f"{title}, {at}", self.best(key, error), bits)
            for key, way in self.ways.items():
                if key not in ("model", "beside"):
                    add(f"{name}_{key}", f"{way.name}, {at}", way.bits_at(error), bits, way.split)
        lzma = self.done.get("png", {}).get("lzma_bits", math.nan)
        add("bits_lzma", "Raw bytes of all through lzma", lzma, bits)
        if self.done:
            add("bits_raw", "Raw, a byte a value", self.raw, bits)
        for key, title in (("model", _MODEL), ("beside", _BESIDE_NAME)):
            self._of_file(key, title, add, bits)
        return tuple(found)

    def _of_file(self, key: str, title: str, add: Callable[..., None], bits: str) -> None:
        values = self.done.get(key, {})
        nan = math.nan
        for name, said, unit in (
            ("floor", "without rounding, decoder of 8-bit weights", ERROR),
            ("whole_floor", "without rounding, decoder as it is", ERROR),
            ("file_bits", "in a written file of all, without its head", bits),
            ("file_error", "from the file read back", ERROR),
            ("singly_bits", "each in a file of its own, without its head", bits),
        ):
            few = f"{min(SINGLES, self.n):,} held-out {self.thing}s" if name[0] == "s" else ""
            add(f"{key}_{name}", f"{title}, {said}", float(values.get(name, nan)), unit, few)
        whole = "weights of 8 bits, axes and counts"
        add(f"{key}_decoder", f"{title}, the decoder once", self.decoder(key), "bytes", whole)
        for other, against in (
            ("jpeg", "JPEGs singly"),
            ("jpeg_tiled", "JPEG as one picture"),
            ("tiled", "the best format as one picture"),
        ):
            add(
                f"{key}_even_{other}",
                f"{title}, decoder paid for against {against}, at an error of {self.at:.2g}",
                self.even(key, other),
                f"{self.thing}s",
            )

    def pictures(self) -> Pictures | None:
        rows = {
            "model": _MODEL,
            "beside": _BESIDE_NAME,
            "pca": "PCA",
            "jpeg": "JPEG, one picture",
            "webp": "WebP, one picture",
            "avif": "AVIF, one picture",
        }
        there = {
            k: np.asarray(self.done[k]["drawn"]) for k in rows if "drawn" in self.done.get(k, {})
        }
        if not there:
            return None
        original = self.done.get("model", {}).get("original")
        if original is not None:
            rows["original"] = "original"
            there = {"original": np.asarray(original)} | there
        images = np.stack(list(there.values()))
        return Pictures(
            "drawn",
            f"What comes back, each at an error near {self.at:.2g}",
            np.clip(images, 0, 1),
            tuple(rows[k] for k in there),
            summary=f"The first held-out {self.thing}s as each way gives them back.",
        )

    def files(self) -> tuple[File, ...]:
        """What the model in hand wrote; nothing where a result of an earlier version kept no
        tables with its codes."""
        values = self.done.get("model", {})
        if "codes" not in values:
            return ()
        content, codes = np.asarray(values["file"]).tobytes(), int(values["codes"])
        each = len(content) / self.n
        return (
            File(
                "compressed.safetensors",
                "Take the compressed file",
                content,
                f"{len(content):,} bytes for {self.n:,} {self.thing}s, {each:.1f} each: "
                f"{codes:,} of codes, and {len(content) - codes:,} of tables that read them. The "
                "decoder is the model's own.",
            ),
        )

    def at_equal_error(self) -> Table:
        errors = {factor * self.at for factor in AT} | {self.options.error}
        errors = sorted(errors, reverse=True)
        columns: dict[str, Any] = {ERROR: errors}
        for way in self.ways.values():
            columns[f"{way.name} (bits for one {self.thing}, {way.split})"] = [
                way.bits_at(e) for e in errors
            ]
        return Table("at_equal_error", "Bits at an equal error", columns)

    def points(self) -> Table:
        ways = list(self.ways.values())
        return Table(
            "points",
            "All that was measured",
            {
                "way": [w.name for w in ways for _ in w.bits],
                f"bits for one {self.thing}": [float(v) for w in ways for v in w.bits],
                f"{ERROR}, held out": [float(v) for w in ways for v in w.errors],
            },
        )

    def says(self) -> str:
        """Who wins where, from what is there."""
        said = []
        model, jpeg = self.best("model", self.at), self.best("jpeg", self.at)
        if math.isfinite(model) and math.isfinite(jpeg):
            scan = self.best("jpeg_scan", self.at)
            said.append(
                f"At an error of {self.at:.2g} the {_MODEL} takes {_bits(model)} for one "
                f"{self.thing} and a JPEG of its own {jpeg:,.0f}, of which {jpeg - scan:,.0f} are "
                "its head."
            )
            even = self.even("model", "jpeg"), self.even("model", "jpeg_tiled")
            if all(map(math.isfinite, even)):
                said.append(
                    f"The decoder has paid for itself after {even[0]:,.0f} {self.thing}s, against "
                    f"one tiled JPEG after {even[1]:,.0f}."
                )
        elif math.isfinite(model) and math.isfinite(self.best("pca", self.at)):
            said.append(
                f"At an error of {self.at:.2g} the {_MODEL} takes {_bits(model)} for one "
                f"{self.thing}, PCA {self.best('pca', self.at):,.0f}."
            )
        floor = self.done.get("model", {}).get("floor")
        finer = (
            []
            if floor is None
            else [
                (bits, way.name)
                for key, way in self.ways.items()
                if key.endswith("_tiled") and math.isfinite(bits := way.bits_at(floor / 2))
            ]
        )
        if finer:
            bits, name = min(finer)
            said.append(
                f"No number of bits brings the {_MODEL} below {floor:.2g}; half of that takes "
                f"{_bits(bits)} as {name}."
            )
        return " ".join(said)


def _bits(value: float) -> str:
    return count(round(value), "bit")


def _errors_of(which: str) -> str:
    return "errors" if which == "scan_" else f"{which}errors"
