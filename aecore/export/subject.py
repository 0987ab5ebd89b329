"""What is taken out: a model with its card and its data, and how what left is compared with it."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.datasets.titles import title_of
from aecore.errors import ExportError
from aecore.evaluation.batches import labels_for
from aecore.figures.examples import thing_of
from aecore.models import LatentModel
from aecore.runs.checkpoints import Card
from aecore.types import DataSpec

TOLERANCE = 1e-5
HELD_OUT = 256  # examples on which every export is compared
TRIAL_VALUES = 1 << 20  # values, at most, of the held-out examples that a script takes along


_OPEN = {
    "heads": "what the encoder's second half means",
    "range": "the range of values",
    "curve": "activations",
    "layers": "how the layers join",
    "data": "the data",
}


@dataclass(frozen=True)
class Outputs:
    """What a model gives for examples: mu and logvar (n, k), logvar None without one, and
    x_hat (n, *shape), decode(mu)."""

    mu: np.ndarray
    logvar: np.ndarray | None
    x_hat: np.ndarray


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode, its card, and the data that it was trained on.

    compared: held-out examples, at most, on which an export is compared with it. address: where
    the app shows the model, for a printed page; empty for nowhere.
    """

    model: LatentModel
    card: Card
    data: Dataset
    compared: int = HELD_OUT
    address: str = ""

    @property
    def data_title(self) -> str:
        """What a person calls the data; of somebody's own it says no more than that."""
        return title_of(self.data.name)

    @property
    def spec(self) -> DataSpec:
        return self.card.spec.data

    @property
    def thing(self) -> str:
        """What a person calls one example."""
        return thing_of(self.spec)

    @property
    def provenance(self) -> str:
        """How the network is known where it came as somebody's file; empty for models made here.

        A checkpoint that is brought may say anything of itself: only known words are taken.
        """
        origin = self.card.origin
        if not origin and not self.model.from_outside:
            return ""
        if origin.get("by_hand") is True:
            return "Read from a file as somebody described it; how it was trained is not known."
        if origin.get("sure") is True:
            return (
                "Read from a file, where no other reading came near; how it was trained is not "
                "known."
            )
        listed = origin.get("doubtful")
        open_ones = [_OPEN[p] for p in listed if p in _OPEN] if isinstance(listed, list) else []
        guessed = " and ".join(open_ones) or "activations and the range of values"
        return f"Read from a file; {guessed} may be guesses, and how it was trained is not known."

    @cached_property
    def x(self) -> torch.Tensor:
        """The held-out examples of the comparison, (n, *shape), n at most `compared`."""
        return self.data.test.batch(slice(0, self.compared))

    @cached_property
    def labels(self) -> torch.Tensor | None:
        """Their labels (n,), for a model that wants to be told them."""
        return labels_for(self.model, self.data.test, slice(0, self.compared))

    @cached_property
    def outputs(self) -> Outputs:
        """What the model itself gives for `x`."""
        with torch.inference_mode():
            posterior = self.model.encode(self.x, self.labels)
            x_hat = self.model.decode(posterior.mu, self.labels)
        logvar = None if posterior.logvar is None else posterior.logvar.numpy()
        return Outputs(posterior.mu.numpy(), logvar, x_hat.numpy())

    def trial_examples(self) -> np.ndarray:
        """Some held-out examples to try a script with, (n, *shape): bytes where the data are."""
        n = min(64, max(4, TRIAL_VALUES // self.spec.size))
        return self.data.test.first(n).x.numpy()

    def trial_labels(self) -> np.ndarray | None:
        """The labels of `trial_examples`, where the model wants to be told them."""
        labels = self.data.test.labels
        if self.labels is None or labels is None:
            return None
        return labels[: len(self.trial_examples())].numpy()


@dataclass(frozen=True)
class TakenOut:
    """An export that was opened again and found equal to the model.

    parts: its files by name. difference: the largest found, see `compare`; checked: the sentence
    that says what was compared with what. seconds: making and checking it took so long.
    """

    name: str
    parts: dict[str, bytes]
    checked: str
    difference: float
    seconds: float = 0.0

    @cached_property
    def content(self) -> bytes:
        """The only file, or all of them as one zip."""
        return next(iter(self.parts.values())) if len(self.parts) == 1 else zipped(self.parts)

    @property
    def file_name(self) -> str:
        """What the download is called."""
        only = next(iter(self.parts)) if len(self.parts) == 1 else "x.zip"
        return f"{self.name}.{only.rpartition('.')[2]}"


def compare(found: Outputs, wanted: Outputs, what: str, within: float = TOLERANCE) -> float:
    """The largest difference between outputs, relative to the largest value where that is over 1.

    Raises ExportError, a sentence that begins with `what`, if it is above `within`.
    """
    pairs = [(found.mu, wanted.mu), (found.x_hat, wanted.x_hat)]
    if (found.logvar is None) != (wanted.logvar is None):
        raise ExportError(f"{what} is refused: it gives other kinds of numbers than the model.")
    if found.logvar is not None and wanted.logvar is not None:
        pairs.append((found.logvar, wanted.logvar))
    largest = 0.0
    for ours, theirs in pairs:
        if ours.shape != theirs.shape:
            raise ExportError(
                f"{what} is refused: it gives shape {ours.shape}, the model {theirs.shape}."
            )
        if not np.isfinite(theirs).all():
            raise ExportError(
                f"{what} is refused: the model itself gives values that are not numbers for "
                "held-out examples, so nothing can be compared."
            )
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        # NumPy's maximum, since Python's forgets what is not a number.
        largest = float(np.maximum(largest, np.abs(ours - theirs).max(initial=0) / scale))
    if not largest <= within:  # NaN fails this too
        raise ExportError(
            f"{what} is refused: opened again, its outputs differ from the model's by "
            f"{largest:.1g} on {len(wanted.mu)} held-out examples, more than {within:g}."
        )
    return largest


def verdict(subject: Subject, difference: float, how: str = "opened again") -> str:
    """The sentence that says what was compared: 'opened again and compared on 256 ...'."""
    n = len(subject.x)
    return f"{how} and compared on {n} held-out {subject.thing}s: {in_words(difference)}"


def in_words(difference: float) -> str:
    """'largest difference 3e-7', or that there is none."""
    size = f"largest difference {difference:.0e}".replace("e-0", "e-")
    return size if difference else "no difference"


def timed(make: Callable[[Subject], TakenOut], subject: Subject) -> TakenOut:
    """Make an export and note how long that took."""
    began = time.perf_counter()
    made = make(subject)
    return TakenOut(
        made.name, made.parts, made.checked, made.difference, time.perf_counter() - began
    )


def file_stem(card: Card) -> str:
    """The model's name as a file's: letters, digits, dashes."""
    return re.sub(r"[^\w]+", "-", card.name, flags=re.ASCII).strip("-").lower()[:60] or "model"


def zipped(parts: dict[str, bytes]) -> bytes:
    """Files by name as one zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
