"""A file understood: read, its network inferred, and given a card, so that it can be taken in hand.

The app has this done in the workshop, by aecore.inspection.apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError, InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.pairing import ask
from aecore.inspection.files.reading import Content, read, read_pair
from aecore.inspection.judging.findings import Finding
from aecore.inspection.made_for import (
    PLAIN,
    better_data,
    check_kind,
    denoiser_words,
    likely_datasets,
    signs_of_other_data,
    words_of,
)
from aecore.inspection.origin import card_of, file_facts, given_by, reading_facts, with_findings
from aecore.inspection.reading_findings import (
    findings_of,
    hole_finding,
    not_numbers,
    unused_tensors,
)
from aecore.inspection.understanding.architecture import weight_without
from aecore.inspection.understanding.by_hand import described
from aecore.inspection.understanding.kinds import kind_of
from aecore.inspection.understanding.parts import parts_of
from aecore.inspection.understanding.trying import LIMIT, Progress
from aecore.inspection.understanding.understand import Reading, again, understand
from aecore.models import LatentModel
from aecore.runs import checkpoints
from aecore.runs.card import Card

File = tuple[Content, str]
# Share of the mean example's error below which data are taken for those that a file was made for.
RIGHT_DATA = 0.6


@dataclass(frozen=True)
class Understood:
    """A file as a model with its card. given: findings from reading it, which join the verdict.

    contents, reading, data: what it was made of and tried on, for overruling; None where the file
    is this app's own.
    """

    model: LatentModel
    card: Card
    given: tuple[Finding, ...] = ()
    contents: Contents | None = None
    reading: Reading | None = None
    data: Dataset | None = None

    @property
    def whole_card(self) -> Card:
        """The card as a file keeps it, the findings in it."""
        return with_findings(self.card, self.given)

    def to_bytes(self) -> bytes:
        """The model as a checkpoint file of this app."""
        return checkpoints.to_bytes(self.model, self.whole_card)


def open_contents(files: Sequence[File], together: bool = False) -> Contents:
    """What one file, or an encoder and a decoder in two, hold.

    together: somebody said that two files are one model. Raises CheckpointError.
    """
    if len(files) == 2:
        return read_pair(*files, together=together)
    if len(files) != 1:
        raise ask([name for _, name in files])
    return read(*files[0])


def open_files(
    files: Sequence[File], data: Dataset | None = None, progress: Progress | None = None
) -> Understood:
    """Read, understand and describe a model. data: its own, found by the sizes if None.

    Raises AecoreError with one sentence where that is not possible.
    """
    report = progress or (lambda share, what: None)
    report(0.0, "reading the file")
    contents = open_contents(files)
    name = " and ".join(Path(name).name for _, name in files)[:80]
    if contents.card is not None:
        return own(files[0][0])
    return open_as(contents, data, name, report)


def open_as(
    contents: Contents, data: Dataset | None, name: str, progress: Progress | None = None
) -> Understood:
    """What a file holds as a model. data: its own, None to find them by size and by trying."""
    _, odd = parts_of(contents.tensors, contents.ordered)
    kind, lonely = kind_of(contents), weight_without(odd, contents)
    if lonely is None and kind.name == "encoder":
        # It may lead back through its own weights, tied and without biases of their own.
        with contextlib.suppress(InspectionError):
            tied = _opened_as(contents, data, name, progress)
            if tied.reading is not None and tied.reading.understood:
                return tied
    if lonely is None:
        check_kind(kind)
    elif kind.name != "autoencoder":  # what is missing is said, not what is left
        raise InspectionError(
            f"The tensor {lonely!r} is missing from the file: its bias is there, and no way "
            "through the layers is complete without it. Save the whole state dict again.",
            "missing-tensor",
        )
    return _opened_as(contents, data, name, progress)


def _opened_as(
    contents: Contents, data: Dataset | None, name: str, progress: Progress | None
) -> Understood:
    holes = not_numbers(contents)
    whole = _filled(contents) if holes else contents
    if data is not None:
        reading = understand(whole, data, progress=progress)
        return opened(contents, reading, data, name, holes, given=True)
    first: AecoreError | None = None
    readings = []
    likely_ones = likely_datasets(contents, name)
    for likely in likely_ones:
        tried = datasets.load(likely)
        # The likeliest gets most of the work, so that all together stay within the child's limit.
        limit = LIMIT if not readings else LIMIT / 4
        try:
            reading = understand(whole, tried, progress=progress, limit=limit)
        except InspectionError as error:
            first = first or error
            continue
        readings.append((reading.candidate.error / reading.blank, reading, tried))
        if readings[-1][0] < RIGHT_DATA:
            break
    if not readings:
        raise first or InspectionError("No data on this machine have this network's size.")
    share, reading, likeliest = min(readings, key=lambda r: r[0])
    # Other data of the same shape that it draws much better are more likely its own.
    other = better_data(reading, likeliest, likely_ones) if share > PLAIN else None
    if other is not None:
        reading, likeliest = understand(whole, other, progress=progress, limit=LIMIT / 4), other
    return opened(contents, reading, likeliest, name, holes)


def own(content: Content) -> Understood:
    """A checkpoint of this app."""
    if isinstance(content, Path):
        found = checkpoints.load(content)
    else:
        if not isinstance(content, bytes):
            content.seek(0)
            content = content.read()
        found = checkpoints.from_bytes(content)
    return Understood(found.model, found.card, given_by(found.card))


def opened(
    contents: Contents,
    reading: Reading,
    data: Dataset,
    name: str,
    holes: dict[str, int],
    given: bool = False,
) -> Understood:
    """A reading with its card and findings. given: somebody said which data are its own."""
    model, found = reading.model, findings_of(reading, contents, data)
    if holes:
        found = (hole_finding(holes, len(contents.tensors)), *found)
    signs = {
        "others": signs_of_other_data(reading, contents, data, name, given),
        "denoises": denoiser_words(words_of(contents, name)),
    }
    card = card_of(name, model, data, reading_facts(contents, reading, name) | signs)
    return Understood(model, card, found, contents, reading, data)


def overrule(
    contents: Contents,
    data: Dataset,
    name: str,
    recipes: Sequence[dict[str, Any]],
    chosen: int,
) -> Understood:
    """The same file, read as another of the ranked candidates. Raises AecoreError.

    recipes: of the first reading's candidates, see `recipes_of`.
    """
    holes = not_numbers(contents)
    whole = _filled(contents) if holes else contents
    return opened(contents, again(whole, data, recipes, chosen), data, name, holes)


def by_hand(
    contents: Contents,
    data: Dataset,
    name: str,
    encoder: Sequence[str],
    decoder: Sequence[str],
    latent_dim: int,
    variational: bool,
) -> Understood:
    """A file as somebody described it. Raises AecoreError with one sentence."""
    first, second = (
        tuple(line.strip() for line in half if line.strip()) for half in (encoder, decoder)
    )
    model, left = described(contents, data.spec, first, second, latent_dim, variational)
    origin = file_facts(contents, name) | {"by_hand": True, "unused": list(left)[:50]}
    card = card_of(name, model, data, origin)
    return Understood(model, card, unused_tensors(left), contents, data=data)


def kind_in_words(contents: Contents) -> dict[str, str]:
    """What a file seems to hold: the name of the kind, and a sentence."""
    kind = kind_of(contents)
    return {"kind": kind.name, "what": kind.sentence}


def _filled(contents: Contents) -> Contents:
    tensors = {
        n: torch.nan_to_num(t, nan=0.0, posinf=0.0, neginf=0.0) if t.is_floating_point() else t
        for n, t in contents.tensors.items()
    }
    return replace(contents, tensors=tensors)
