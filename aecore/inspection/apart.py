"""The check-up's work on a file, in the workshop: the app gets checked results and nothing else.

A model comes back as a checkpoint of this app, which is parsed with all its checks; a report as
plain values and arrays. To read a file otherwise it is read again, so its bytes are kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aecore.datasets import Dataset
from aecore.datasets.download import cache_folder
from aecore.datasets.registry import FOLDERS_VARIABLE as DATASETS
from aecore.errors import CheckpointError, InspectionError
from aecore.inspection import data_passing
from aecore.inspection.files.limits import MAX_DIMS, MAX_NAME, MAX_TENSOR_BYTES, MAX_TENSORS
from aecore.inspection.files.pairing import WhichFileError, ask
from aecore.inspection.files.reading import check_size
from aecore.inspection.judging import report_passing
from aecore.inspection.judging.findings import Finding
from aecore.inspection.judging.report import Report
from aecore.inspection.origin import given_by, with_findings
from aecore.models import LatentModel
from aecore.models.bases import cache_file
from aecore.models.registry import FOLDERS_VARIABLE as FAMILIES
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.wording import printable
from aecore.workshop import Made, Task, Tell, workshop
from aecore.workshop.turns import Place
from aecore.workshop.workshop import TOGETHER

Brought = tuple[bytes | Path, str]

# Bytes above the idle helper: without the weights, and for each byte of them.
_BASE, _TIMES = 600 << 20, 6
_OPEN_SECONDS, _JUDGE_SECONDS = 60.0, 60.0
_MOST_RECIPES = 40
_DOUBT = "The file could not be read: its reader answered nonsense, so nothing of it was taken."


@dataclass(frozen=True)
class Source:
    """A file as it was brought, for reading it otherwise.

    files: (content, name). data: what it was tried on. together: somebody said that two files are
    one model. tensors: their names and shapes. graph: the
    file says what it computes, so it cannot be described by hand. recipes: of the candidates that
    were ranked.
    """

    files: tuple[Brought, ...]
    title: str
    data: Dataset | None
    together: bool = False
    tensors: tuple[tuple[str, tuple[int, ...]], ...] = ()
    graph: bool = False
    recipes: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept in memory for it."""
        return sum(len(content) for content, _ in self.files if isinstance(content, bytes))


@dataclass(frozen=True)
class Opened:
    """A file as a model with its card. given: findings from reading it, which join the verdict.

    source: the file itself, for overruling; None where it is one of this app's own, or is not
    kept.
    """

    model: LatentModel
    card: Card
    given: tuple[Finding, ...] = ()
    source: Source | None = None

    @property
    def whole_card(self) -> Card:
        """The card as a file keeps it, the findings in it."""
        return with_findings(self.card, self.given)

    @property
    def nbytes(self) -> int:
        """Bytes in memory: the weights, and the file where it is kept."""
        weights = sum(t.nbytes for t in self.model.state_dict().values())
        return weights + (0 if self.source is None else self.source.nbytes)

    def to_bytes(self) -> bytes:
        """The model as a checkpoint file of this app."""
        return checkpoints.to_bytes(self.model, self.whole_card)


class NotUnderstoodError(InspectionError):
    """A file that was read, and whose network could not be told. source: for describing it. kind,
    what: the name of what it seems to hold, and a sentence about it, see kinds.py."""

    def __init__(self, message: str, finding: str, source: Source, kind: str = "", what: str = ""):
        super().__init__(message, finding)
        self.source, self.kind, self.what = source, kind, what


def warm() -> None:
    """Make the workshop ready in the background, before somebody waits for it."""
    workshop().warm(_task("open_file", 0), _task("judge", 0))


def open_files(
    files: Sequence[Brought],
    data: Dataset | None = None,
    *,
    together: bool = False,
    who: str = "",
    tell: Tell | None = None,
    place: Place | None = None,
) -> Opened:
    """Read, understand and describe a model, of one file or of an encoder and a decoder in two.

    data: its own, found by the sizes if None. together: somebody said that two files are one model;
    else WhichFileError is raised where they are not seen to be an encoder and a decoder. who, tell,
    place: see Workshop.run. Raises AecoreError with one sentence where that is not possible;
    NotUnderstoodError where the file itself could be read.
    """
    if len(files) not in (1, 2):
        raise ask([name for _, name in files])
    title = " and ".join(Path(name).name for _, name in files)[:80]
    source = Source(tuple(files), title, data, together)
    made = _run("open_file", source, {}, who, tell, place)
    if "which" in made.about:
        raise WhichFileError(printable(str(made.about["which"]))[:2000])
    source = _source(source, made)
    if "failed" in made.about:
        failed, finding, kind, what = (
            printable(str(made.about.get(key, "")))[:2000]
            for key in ("failed", "finding", "kind", "what")
        )
        raise NotUnderstoodError(failed, finding, source, kind, what)
    return _opened(source, made)


def overrule(found: Opened, chosen: int, data: Dataset, **more: Any) -> Opened:
    """The same file, read as another of the ranked candidates of its card's ranking.

    data: what it was first tried on. more: who, tell and place. Raises AecoreError.
    """
    source = found.source
    if source is None or not 0 <= chosen < len(source.recipes):
        raise InspectionError("To read it otherwise, drop in the file again.")
    source = replace(source, data=data)
    arguments = {"recipes": list(source.recipes), "chosen": chosen}
    made = _run("overrule", source, arguments, **more)
    return _opened(_source(source, made), made)


def by_hand(
    source: Source,
    data: Dataset,
    encoder: Sequence[str],
    decoder: Sequence[str],
    latent_dim: int,
    variational: bool,
    **more: Any,
) -> Opened:
    """A file as somebody described it, one layer a line. Raises AecoreError with one sentence."""
    source = replace(source, data=data)
    arguments = {
        "encoder": list(encoder),
        "decoder": list(decoder),
        "latent_dim": latent_dim,
        "variational": variational,
    }
    made = _run("by_hand", source, arguments, **more)
    return _opened(_source(source, made), made)


def check_own(content: bytes, name: str, **more: Any) -> None:
    """Have a child parse a checkpoint of this app before the app does. more: who, tell and place.

    Raises CheckpointError with one sentence where it cannot be, or is somebody else's file.
    """
    _run("parse_own", Source(((content, name),), name, None), {}, **more)


def judged(
    model: LatentModel,
    card: Card,
    data: Dataset,
    *,
    who: str = "",
    tell: Tell | None = None,
    place: Place | None = None,
) -> Report:
    """The check-up of a model with a dataset; the findings that its card keeps join the verdict."""
    size = sum(t.nbytes for t in model.state_dict().values())
    # What is computed with a code that is wider than usual: covariances, with their factors.
    size += 64 * model.spec.latent_dim**2
    told = {"data": data.name if data_passing.is_public(data) else None}
    files: list[Any] = [lambda file: file.write(checkpoints.to_bytes(model, card))]
    if told["data"] is None:
        files.append(data_passing.writer(data))
        size += data.train.x.nbytes + data.test.x.nbytes
    task = _task("judge", size, cache_file(data))
    made = workshop().run(task, files, told, who, tell, place)
    return report_passing.unpack(made, data)


def _run(
    target: str,
    source: Source,
    arguments: dict[str, Any],
    who: str = "",
    tell: Tell | None = None,
    place: Place | None = None,
) -> Made:
    """Have a child work on the files of a source with its data."""
    size = sum(check_size(*file) for file in source.files)
    files: list[Any] = [content for content, _ in source.files]
    told = arguments | {
        "names": [name[:200] for _, name in source.files],
        "title": source.title,
        "together": source.together,
        "data": None,
    }
    if source.data is not None:
        if data_passing.is_public(source.data):
            told["data"] = source.data.name
        else:
            files.append(data_passing.writer(source.data))
            size += source.data.train.x.nbytes + source.data.test.x.nbytes
    return workshop().run(_task(target, size), files, told, who, tell, place)


def _task(target: str, size: int, *reads: Path) -> Task:
    judges = target == "judge"
    weights = size if judges else min(size, MAX_TENSOR_BYTES)
    return Task(
        f"aecore.inspection.targets:{target}",
        seconds=_JUDGE_SECONDS if judges else _OPEN_SECONDS,
        memory=min(_BASE + size + _TIMES * weights, TOGETHER),
        prepare="aecore.inspection.targets:prepare",
        reads=(cache_folder(), *_folders(), *reads),
        doing="Examining the model" if judges else "Reading the file",
        instead="choose a smaller model" if judges else "save only the weights, as .safetensors",
        error=CheckpointError,
    )


def _folders() -> list[Path]:
    """Where families and datasets of somebody's own lie."""
    named = [os.environ.get(name, "") for name in (FAMILIES, DATASETS)]
    return [Path(folder) for text in named for folder in text.split(os.pathsep) if folder]


def _opened(source: Source, made: Made) -> Opened:
    """The model that a child handed on, parsed as any checkpoint from elsewhere."""
    array = made.arrays.get("checkpoint")
    if array is None:
        raise CheckpointError(_DOUBT)
    found = checkpoints.from_bytes(array.tobytes())
    # A file of this app says itself how it is read.
    kept = None if made.about.get("own") is True else source
    return Opened(found.model, found.card, given_by(found.card), kept)


def _source(source: Source, made: Made) -> Source:
    """The source with what a child found in it, checked. Raises CheckpointError."""
    try:
        tensors = tuple(
            (printable(str(name))[:MAX_NAME], _shape(shape))
            for name, shape in made.about["tensors"][:MAX_TENSORS]
        )
        recipes = tuple(dict(recipe) for recipe in made.about.get("recipes", ()))[:_MOST_RECIPES]
        return replace(source, tensors=tensors, graph=made.about["graph"] is True, recipes=recipes)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(_DOUBT) from error


def _shape(value: Any) -> tuple[int, ...]:
    if len(value) > MAX_DIMS or not all(type(n) is int and n >= 0 for n in value):
        raise ValueError("no shape")
    return tuple(value)
