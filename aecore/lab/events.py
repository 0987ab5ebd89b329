"""What happens in a run of an experiment: plain data, as training's events are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LabStarted:
    """tasks: their names, in order, with their weights."""

    tasks: dict[str, float]


@dataclass(frozen=True)
class LabLook:
    """A task is under way: what it has found, and how much of it is done (0 to 1)."""

    task: str
    values: Mapping[str, Any]
    share: float


@dataclass(frozen=True)
class LabDone:
    """A task is done. seconds: that it took, waiting included."""

    task: str
    values: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class LabFailed:
    """A task could not be done; message says why. The others go on."""

    task: str
    message: str


@dataclass(frozen=True)
class LabFinished:
    """All tasks are over."""

    seconds: float


@dataclass(frozen=True)
class LabStopped:
    """A person stopped it; what is done is kept."""

    seconds: float


LabEvent = LabStarted | LabLook | LabDone | LabFailed | LabFinished | LabStopped
