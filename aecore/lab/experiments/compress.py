"""Compress: codes as bits, beside PCA and the picture formats that everybody uses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.figures.chart import Pictures, Table
from aecore.lab.about import About, LabSubject
from aecore.lab.coding_curves import DRAWN, Part, for_rate, of_format, of_pca
from aecore.lab.control import LabControl
from aecore.lab.experiment import Experiment, Look, Task
from aecore.lab.picture_formats import FORMATS

ERROR = "squared error per value"
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
            "help": "So many are compressed, each way.",
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
    seed: int = dataclasses.field(
        default=0,
        metadata={
            "label": "Seed",
            "range": (0, 2**31 - 10),
            "help": "The same seed gives the same numbers.",
        },
    )


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
    uses: ClassVar[Any] = "model"
    Options: ClassVar[type] = CompressOptions

    def why_not(self, about: About) -> str:
        if about.spec is not None and about.spec.size < 4:
            return f"An example of {about.title} has {about.spec.size} values: nothing to compress."
        if about.test < DRAWN:
            return f"{about.title} has {about.test} held-out examples: too few to compress."
        return ""

    def seconds(self, options: CompressOptions) -> float:
        each = options.images / 1000
        # Measured on MNIST: a model's curves, the shipped one's, PCA and all formats; a step of
        # training for few bits.
        coded = 0.5 + 0.5 * each + options.learned / 5e4
        beside = 2.0 if options.beside else 0.0
        return coded + beside + 10 * each + len(options.prices) * (coded + 3e-3 * options.steps)

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
                f"At an error of {self.at:.2g} the {_MODEL} takes {model:,.0f} bits for one "
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
                f"At an error of {self.at:.2g} the {_MODEL} takes {model:,.0f} bits for one "
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
                f"{bits:,.0f} as {name}."
            )
        return " ".join(said)


def _errors_of(which: str) -> str:
    return "errors" if which == "scan_" else f"{which}errors"
