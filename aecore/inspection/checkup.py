"""A file opened: read safely, understood, and given a card, so that it can be taken in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError, InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.reading import read, read_pair
from aecore.inspection.judging.findings import Finding
from aecore.inspection.understanding.architecture import weight_without
from aecore.inspection.understanding.by_hand import described
from aecore.inspection.understanding.candidates import describe
from aecore.inspection.understanding.parts import parts_of, square_side
from aecore.inspection.understanding.trying import Progress
from aecore.inspection.understanding.understand import Reading, settle, understand
from aecore.models import LatentModel
from aecore.runs import checkpoints
from aecore.runs.checkpoints import Card
from aecore.types import TrainConfig

File = tuple[bytes | Path, str]
# Share of the mean example's error below which data are taken for those that a file was made for.
RIGHT_DATA = 0.6
_RANKED = 8  # readings that the card keeps
_UNREACHED = {"sigmoid": ("[-1, 1]", "mean 0, deviation 1"), "tanh": ("mean 0, deviation 1",)}


@dataclass(frozen=True)
class Opened:
    """A file as a model with its card. given: findings from reading it, which join the verdict.

    contents, reading: what it was made of, for overruling; None where the file is this app's own.
    """

    model: LatentModel
    card: Card
    given: tuple[Finding, ...] = ()
    contents: Contents | None = None
    reading: Reading | None = None

    def to_bytes(self) -> bytes:
        """The model as a checkpoint file of this app."""
        return checkpoints.to_bytes(self.model, self.card)


def open_contents(files: Sequence[File]) -> Contents:
    """What one file, or an encoder and a decoder in two, hold. Raises CheckpointError."""
    if len(files) == 2:
        return read_pair(*files)
    if len(files) != 1:
        raise InspectionError(
            f"A check-up takes one file, or an encoder and a decoder in two; {len(files)} were "
            "given."
        )
    return read(*files[0])


def open_files(
    files: Sequence[File], dataset: str | None = None, progress: Progress | None = None
) -> Opened:
    """Read, understand and describe a model. dataset: its data, found by the sizes if None.

    Raises AecoreError with one sentence where that is not possible.
    """
    report = progress or (lambda share, what: None)
    report(0.0, "reading the file")
    contents = open_contents(files)
    name = " and ".join(Path(name).name for _, name in files)[:80]
    if contents.card is not None:
        return own(files[0][0])
    return open_as(contents, dataset, name, report)


def open_as(
    contents: Contents, dataset: str | None, name: str, progress: Progress | None = None
) -> Opened:
    """What a file holds as a model. dataset: its data, None to find them by size and by trying."""
    holes = _not_numbers(contents)
    whole = _filled(contents) if holes else contents
    if dataset is not None:
        data = datasets.load(dataset)
        reading = understand(whole, data, progress=progress)
        return opened(contents, reading, data, name, holes)
    first: AecoreError | None = None
    readings = []
    for likely in likely_datasets(contents):
        data = datasets.load(likely)
        try:
            reading = understand(whole, data, progress=progress)
        except InspectionError as error:
            first = first or error
            continue
        readings.append((reading.candidate.error / reading.blank, reading, data))
        if readings[-1][0] < RIGHT_DATA:
            break
    if not readings:
        raise first or InspectionError("No data on this machine have this network's size.")
    _, reading, data = min(readings, key=lambda r: r[0])
    return opened(contents, reading, data, name, holes)


def own(content: bytes | Path) -> Opened:
    """A checkpoint of this app."""
    if isinstance(content, Path):
        found = checkpoints.load(content)
    else:
        found = checkpoints.from_bytes(content)
    return Opened(found.model, found.card, given_by(found.card))


def given_by(card: Card) -> tuple[Finding, ...]:
    """The findings that a card keeps from the reading of its file."""
    rows = card.origin.get("findings", [])
    names = ("level", "name", "title", "evidence")
    whole = [
        r for r in rows if isinstance(r, dict) and all(isinstance(r.get(n), str) for n in names)
    ]
    return tuple(Finding(**{n: r[n] for n in names}) for r in whole)


def opened(
    contents: Contents, reading: Reading, data: Dataset, name: str, holes: dict[str, int]
) -> Opened:
    """A reading with its card and findings."""
    model, given = reading.model, findings_of(reading, contents, data)
    if holes:
        given = (_hole_finding(holes, len(contents.tensors)), *given)
    card = _card(name, model, data, _origin(contents, reading, name, given))
    return Opened(model, card, given, contents, reading)


def overrule(found: Opened, chosen: int) -> Opened:
    """The same file, read as another of the ranked candidates. Raises AecoreError."""
    data = datasets.load(found.card.dataset)
    reading = settle(list(found.reading.candidates), found.contents, data, chosen)
    return opened(found.contents, reading, data, found.card.name, _not_numbers(found.contents))


def by_hand(
    contents: Contents,
    dataset: str,
    name: str,
    encoder: Sequence[str],
    decoder: Sequence[str],
    latent_dim: int,
    variational: bool,
) -> Opened:
    """A file as somebody described it. Raises AecoreError with one sentence."""
    data = datasets.load(dataset)
    lines = [tuple(line.strip() for line in half if line.strip()) for half in (encoder, decoder)]
    model, left = described(contents, data.spec, *lines, latent_dim, variational)
    given = _unused(left)
    origin = _file_facts(contents, name) | {
        "by_hand": True,
        "unused": list(left)[:50],
        "findings": [asdict(f) for f in given],
    }
    return Opened(model, _card(name, model, data, origin), given, contents)


def likely_datasets(contents: Contents) -> list[str]:
    """The data that a file's sizes point to, the likeliest first. Raises InspectionError."""
    parts, _ = parts_of(contents.tensors, contents.ordered)
    linear = [p for p in parts if p.kind == "linear"]
    takes, gives = ({p.weight.shape[i] for p in linear} for i in (1, 0))
    maps = {n for p in parts if p.kind == "conv" for n in p.weight.shape[:2]}
    ready = [s for s in datasets.all_sources().values() if s.ready()]
    images = [s for s in ready if s.spec.kind == "image"]
    if maps:
        fits = [s.name for s in images if s.spec.shape[0] in maps]
    else:
        both = takes & gives or takes | gives
        fits = [s.name for s in ready if s.spec.size in both]
        # Enlarged: 784 pixels that were brought to 1,024.
        for source in images:
            channels, side = source.spec.shape[0], source.spec.shape[1]
            sides = [square_side(n // channels) for n in both if n % channels == 0]
            if source.name not in fits and any(s and side < s <= 2 * side for s in sides):
                fits.append(source.name)
    if not fits:
        raise InspectionError(
            "None of the data on this machine have the size that this network takes; choose the "
            "data that it was trained on, download them, or bring your own on the page Data.",
            "other-data",
        )
    return fits[:3]


def findings_of(reading: Reading, contents: Contents, data: Dataset) -> tuple[Finding, ...]:
    """What reading the file tells, before the model is examined."""
    best, found = reading.candidate, []
    names = best.draft.head_names
    if reading.swapped:
        found.append(
            Finding(
                "broken",
                "swapped-heads",
                "mu and logvar are swapped",
                f"The layer called {names[0]!r} acts as logvar and {names[1]!r} as mu: read by "
                "their names, the network reconstructs much worse. It is read the way it "
                "works; whatever uses the names gets the wrong one.",
            )
        )
    found += _range_findings(reading, data)
    lonely = weight_without(list(reading.unused), contents)
    if lonely is not None:
        found.append(
            Finding(
                "broken",
                "missing-tensor",
                f"{lonely} is missing",
                "The file has its bias and not the weight; the network is read without it.",
            )
        )
    found += _unused(reading.unused)
    found += _missing_biases(contents)
    words = "; ".join(f"{k} {v}" for k, v in describe(best).items())
    if reading.sure:
        margin = (
            "no other reading runs"
            if reading.margin == float("inf")
            else (f"the next best has an error larger by {reading.margin:.1%}")
        )
        found.append(
            Finding(
                "good",
                "reading-sure",
                "Its architecture is clear",
                f"Found from names, shapes and by trying: {words}; {margin}.",
            )
        )
    else:
        doubts = " ".join(reading.doubts[:2]) or "A reading that is not the best was chosen."
        found.append(
            Finding(
                "note",
                "reading-unsure",
                "Part of its architecture is a guess",
                f"The best reading: {words}. {doubts}",
            )
        )
    return tuple(found)


def _range_findings(reading: Reading, data: Dataset) -> list[Finding]:
    """Whether the network wants other values than pixels from 0 to 1, and can give them back."""
    c = reading.candidate.choice
    if c.given == "[0, 1]" and c.target == "[0, 1]":
        return []
    title, level = "It was trained on another range of values", "worrying"
    middle = _middle(reading.model, data) if c.output == "sigmoid" else 0.5
    if c.given in ("[0, 255]", "[0, 1/255]"):
        why = "which is seldom meant: pixels usually go from 0 to 1"
    elif c.target in _UNREACHED.get(c.output, ()):
        why = f"and its last curve, {c.output}, cannot give all of {c.target}"
    elif not 0.35 < middle < 0.65:
        why = (
            f"but its last curve is a sigmoid: where it gives about 0.5, pixels are {middle:.2f} "
            "on average, as if it had been asked for values that a sigmoid cannot give"
        )
    else:
        title, level = f"It expects values of {c.given}", "note"
        why = "and gives pixels back" if c.target == "[0, 1]" else f"and gives {c.target} back"
    return [
        Finding(
            level,
            "wrong-range",
            title,
            f"It works best on values of {c.given}, {why}; tried beside other ranges on "
            "held-out examples. It gets what it expects here.",
        )
    ]


@torch.inference_mode()
def _middle(model: LatentModel, data: Dataset) -> float:
    """Mean of the held-out values where the model gives about a half: a half if it was trained on
    values from 0 to 1, as squared error and cross-entropy both ask for the mean."""
    x = data.test.batch(slice(0, 500))
    x_hat = model.reconstruct(x)
    about = (x_hat > 0.4) & (x_hat < 0.6)
    return float(x[about].mean()) if int(about.sum()) >= 200 else 0.5


def _unused(names: Sequence[str]) -> tuple[Finding, ...]:
    if not names:
        return ()
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (
        Finding(
            "worrying",
            "unused-tensors",
            f"{len(names)} of its tensors are not used",
            f"{', '.join(names[:4])}{more} stand nowhere in the network as it is read here.",
        ),
    )


def _missing_biases(contents: Contents) -> list[Finding]:
    parts, _ = parts_of(contents.tensors, contents.ordered)
    usual = [p for p in parts if p.norm is None]
    without = [p.name for p in usual if "bias" not in p.names]
    if not without or 3 * len(without) > len(usual):
        return []
    return [
        Finding(
            "worrying",
            "missing-tensor",
            f"{without[0]} has no bias",
            f"{len(usual) - len(without)} of {len(usual)} layers have one; either it was made "
            "so, or a tensor of the file is missing.",
        )
    ]


def _not_numbers(contents: Contents) -> dict[str, int]:
    counts = {n: int((~torch.isfinite(t)).sum()) for n, t in contents.tensors.items()}
    return {n: c for n, c in counts.items() if c}


def _hole_finding(holes: dict[str, int], tensors: int) -> Finding:
    return Finding(
        "broken",
        "not-a-number",
        "Some of its weights are not numbers",
        f"{sum(holes.values()):,} values in {len(holes)} of {tensors} tensors are NaN or infinite, "
        f"first in {next(iter(holes))}. They are read as zeros here, to show what is left; use an "
        "earlier file of the run, which diverged.",
    )


def _filled(contents: Contents) -> Contents:
    tensors = {
        n: torch.nan_to_num(t, nan=0.0, posinf=0.0, neginf=0.0) if t.is_floating_point() else t
        for n, t in contents.tensors.items()
    }
    return replace(contents, tensors=tensors)


def _card(name: str, model: LatentModel, data: Dataset, origin: dict[str, Any]) -> Card:
    title = Path(name).stem[:60] or "model from a file"
    return Card(
        name=title,
        spec=model.spec,
        config=TrainConfig(),
        dataset=data.name,
        fingerprint=data.fingerprint,
        note=f"Read from the file {name[:100]}.",
        origin=origin,
    )


def _file_facts(contents: Contents, name: str) -> dict[str, Any]:
    return {
        "file": name[:100],
        "form": contents.form,
        "tensors": [[n[:120], list(t.shape)] for n, t in list(contents.tensors.items())[:200]],
        "notes": [n[:300] for n in contents.notes[:20]],
        "facts": {str(k)[:60]: str(v)[:200] for k, v in list(contents.facts.items())[:40]},
    }


def _origin(
    contents: Contents, reading: Reading, name: str, given: Sequence[Finding]
) -> dict[str, Any]:
    ranked = [
        {"words": describe(c), "error": c.error, "surprise": c.surprise, "pull": c.pull}
        for c in reading.candidates[:_RANKED]
    ]
    margin = None if reading.margin == float("inf") else reading.margin
    return _file_facts(contents, name) | {
        "sure": reading.sure,
        "margin": margin,
        "chosen": reading.chosen,
        "ranking": ranked,
        "doubts": list(reading.doubts),
        "unused": [n[:120] for n in reading.unused[:50]],
        "findings": [asdict(f) for f in given],
    }
