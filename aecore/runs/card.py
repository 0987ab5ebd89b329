"""What a checkpoint says of itself: a card of plain values, each checked when it is read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import torch

import aecore
from aecore.datasets import public_name
from aecore.errors import CheckpointError
from aecore.training.events import Changed
from aecore.types import ModelSpec, TrainConfig
from aecore.writing import json_ready

CARD_FORMAT = 1
MAX_FIGURE = 1e39  # above all that a float32 can be: a run's own figures are always readable
MAX_ORIGIN_BYTES, MAX_ORIGIN_LEVELS = 1 << 16, 30
MAX_CHANGES = 1000  # that a card holds


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself. history: one row of figures per epoch.

    changes: of learning rate or beta while it trained, in order. origin: of a model read from
    somebody's file, what that file was and how it was read: plain JSON values; empty for models
    trained here.
    """

    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    fingerprint: str
    epochs_done: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    seconds_to_beat_pca: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(
        default_factory=lambda: {"aecore": aecore.__version__, "torch": str(torch.__version__)}
    )
    note: str = ""
    origin: dict[str, Any] = field(default_factory=dict)
    changes: list[Changed] = field(default_factory=list)

    @property
    def newest(self) -> dict[str, float]:
        """The figures of the weights in this file, in the form of a row of history."""
        if not self.metrics:
            return {}
        metrics = dict(self.metrics)
        if "pca_test_mse" in metrics:
            metrics["pca_mse"] = metrics.pop("pca_test_mse")
        reached = {"epoch": self.epochs_done, "images_seen": self.images_seen}
        return reached | {"seconds": self.seconds} | metrics

    @property
    def reached(self) -> list[dict[str, float]]:
        """The rows of history that lead to the weights in this file: none later, none twice."""
        rows = {row.get("epoch"): row for row in self.history}
        return [row for epoch, row in rows.items() if epoch is None or epoch <= self.epochs_done]

    def for_others(self) -> Card:
        """The card as a file says it that leaves: without the name of data of somebody's own, which
        are found again by their fingerprint, and without what a stranger's file was called and
        said of whoever made it."""
        origin = {k: v for k, v in self.origin.items() if k not in ("file", "facts")}
        return replace(self, dataset=public_name(self.dataset), origin=origin)

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        plain["spec"], plain["config"] = self.spec.to_json(), self.config.to_json()
        return {"format": CARD_FORMAT, **plain}

    def to_text(self) -> str:
        """The card as a file holds it: JSON, with null for what JSON has no word for."""
        return json.dumps(json_ready(self.to_json()), allow_nan=False)

    @classmethod
    def from_json(cls, value: Any) -> Card:
        """Check every field; raises CheckpointError (or ConfigError from the parts)."""
        if not isinstance(value, dict) or value.get("format") != CARD_FORMAT:
            raise CheckpointError(
                f"The file's card has format {str(_get(value, 'format'))[:20]!r}; this version "
                f"reads format {CARD_FORMAT}."
            )
        numbers = {k: _number(value, k) for k in ("epochs_done", "images_seen", "seconds")}
        beat = value.get("seconds_to_beat_pca")
        history = value.get("history", [])
        if not isinstance(history, list) or len(history) > 10_000:
            raise CheckpointError("The card's history must be a list of at most 10,000 epochs.")
        return cls(
            name=_text(value, "name"),
            spec=ModelSpec.from_json(value.get("spec")),
            config=TrainConfig.from_json(value.get("config")),
            dataset=_text(value, "dataset"),
            fingerprint=_text(value, "fingerprint"),
            epochs_done=int(numbers["epochs_done"]),
            images_seen=int(numbers["images_seen"]),
            seconds=numbers["seconds"],
            seconds_to_beat_pca=None if beat is None else _number(value, "seconds_to_beat_pca"),
            metrics=_figures(value.get("metrics", {})),
            history=[_figures(row) for row in history],
            made=_text(value, "made"),
            versions=_versions(value),
            note=_text(value, "note", 2000),
            origin=_origin(value.get("origin", {})),
            changes=_changes(value.get("changes", [])),
        )


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: dict, key: str, longest: int = 200) -> str:
    text = value.get(key, "")
    if not isinstance(text, str) or len(text) > longest:
        raise CheckpointError(f"The card's {key} must be a text of at most {longest} characters.")
    return _writable(text, key)


def _writable(text: str, what: str) -> str:
    """The text, if it can be written: JSON may hold halves of characters that no page can show."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CheckpointError(f"The card's {what} holds half a character.") from None
    return text


def _versions(value: dict) -> dict[str, str]:
    found = value.get("versions", {})
    texts = isinstance(found, dict) and all(isinstance(v, str) for v in found.values())
    if not texts or len(found) > 100:
        raise CheckpointError("The card's versions must be a short list of names and texts.")
    short = {str(k)[:40]: v[:40] for k, v in found.items()}
    return {_writable(k, "versions"): _writable(v, "versions") for k, v in short.items()}


def _origin(value: Any) -> dict[str, Any]:
    shallow = isinstance(value, dict) and _shallow(value, MAX_ORIGIN_LEVELS)
    if not shallow or len(json.dumps(value)) > MAX_ORIGIN_BYTES:
        raise CheckpointError(
            f"The card's origin must be names and values of at most {MAX_ORIGIN_BYTES:,} bytes "
            f"and {MAX_ORIGIN_LEVELS} levels."
        )
    return value


def _shallow(value: Any, levels: int) -> bool:
    """Whether lists and objects lie in one another at most so deep: what was read must be
    written again, which takes more of Python's stack."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_shallow(v, levels - 1) for v in inner)
    return True


def _changes(value: Any) -> list[Changed]:
    if not isinstance(value, list) or len(value) > MAX_CHANGES:
        raise CheckpointError(f"The card's changes must be a list of at most {MAX_CHANGES:,}.")
    return [_change(row) for row in value]


def _change(row: Any) -> Changed:
    if not isinstance(row, dict):
        raise CheckpointError("Each of the card's changes must be names with values.")
    numbers = {key: _number(row, key) for key in ("before", "after", "epoch", "images_seen")}
    return Changed(
        _text(row, "name", 40),
        numbers["before"],
        numbers["after"],
        int(numbers["epoch"]),
        int(numbers["images_seen"]),
    )


def _number(value: dict, key: str) -> float:
    number = value.get(key, 0)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise CheckpointError(f"The card's {key} must be a number.")
    if not 0 <= number < 1e15:  # NaN fails this too
        raise CheckpointError(f"The card's {key} is out of range.")
    return float(number)


def _figures(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > 100:
        raise CheckpointError("The card's figures must be names with numbers.")
    out = {}
    for key, number in value.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise CheckpointError(f"The card's figure {str(key)[:40]!r} is not a number.")
        if not abs(number) < MAX_FIGURE:
            raise CheckpointError(f"The card's figure {str(key)[:40]!r} is out of range.")
        out[_writable(str(key)[:40], "figures")] = number
    return out
