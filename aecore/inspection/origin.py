"""A foreign model's card: which file it came from, how that was read, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from aecore.datasets import Dataset
from aecore.inspection.files.contents import Contents
from aecore.inspection.judging.findings import Finding
from aecore.inspection.judging.standing import PARTS
from aecore.inspection.understanding.candidates import describe
from aecore.inspection.understanding.choice import Choice
from aecore.inspection.understanding.understand import Reading
from aecore.models import LatentModel
from aecore.runs.card import Card
from aecore.types import TrainConfig
from aecore.writing import clean_name

_RANKED = 8  # readings that the card keeps
NEAR = 1.02  # times the best reading's error up to which another leaves open what differs


def card_of(name: str, model: LatentModel, data: Dataset, origin: dict[str, Any]) -> Card:
    """The card of a model that came from the file `name`. origin: see `reading_facts`."""
    title = clean_name(Path(name).stem) or "model from a file"
    return Card(
        name=title,
        spec=model.spec,
        config=TrainConfig(),
        dataset=data.name,
        fingerprint=data.fingerprint,
        note=f"Read from the file {name[:100]}.",
        origin=origin,
    )


def file_facts(contents: Contents, name: str) -> dict[str, Any]:
    """What the file holds, cut to what a card may keep."""
    return {
        "file": name[:100],
        "form": contents.form,
        "tensors": [[n[:120], list(t.shape)] for n, t in list(contents.tensors.items())[:200]],
        "notes": [n[:300] for n in contents.notes[:20]],
        "facts": {str(k)[:60]: str(v)[:200] for k, v in list(contents.facts.items())[:40]},
    }


def reading_facts(contents: Contents, reading: Reading, name: str) -> dict[str, Any]:
    """What the file holds, how it was read, and the readings that were ranked behind."""
    ranked = [
        {"words": describe(c), "error": c.error, "surprise": c.surprise, "pull": c.pull}
        for c in reading.candidates[:_RANKED]
    ]
    margin = None if reading.margin == float("inf") else reading.margin
    return file_facts(contents, name) | {
        "understood": reading.understood,
        "sure": reading.sure and reading.understood,
        "tried": reading.tried,
        "error": reading.candidate.error,
        "blank": reading.blank,
        "open": [text[:600] for text in reading.open[:6]],
        "doubtful": sorted(doubtful(reading)),
        "margin": margin,
        "chosen": reading.chosen,
        "ranking": ranked,
        "doubts": list(reading.doubts),
        "unused": [n[:120] for n in reading.unused[:50]],
    }


def doubtful(reading: Reading) -> set[str]:
    """What is open: the parts of a reading in which one with nearly the same error differs."""
    best, found = reading.candidate, set()
    # Whatever else is open, a code of nothing but noise is one under each of them.
    if reading.sure or reading.collapsed or not reading.understood:
        return found
    for rival in reading.candidates:
        if rival is best or rival.error > NEAR * best.error:
            continue
        if rival.draft is not best.draft:
            found.add(PARTS["draft"])
        found |= {
            PARTS[f.name]
            for f in fields(Choice)
            if getattr(rival.choice, f.name) != getattr(best.choice, f.name)
        }
    if best.draft.doubts:
        found.add(PARTS["draft"])
    if not reading.head_decided:
        found.add(PARTS["second"])
    return found


def with_findings(card: Card, given: Sequence[Finding]) -> Card:
    """The card as it is written into a file: with the findings, of which it is the only keeper."""
    if not card.origin:
        return card
    return replace(card, origin=card.origin | {"findings": [asdict(f) for f in given]})


def given_by(card: Card) -> tuple[Finding, ...]:
    """The findings that a card keeps from the reading of its file."""
    rows = card.origin.get("findings", [])
    names = ("level", "name", "title", "evidence")
    whole = [
        r for r in rows if isinstance(r, dict) and all(isinstance(r.get(n), str) for n in names)
    ]
    return tuple(Finding(**{n: r[n] for n in names}) for r in whole)
