"""What the app asks a worker to do of an experiment; imports no torch, for Dask reads it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aecore.jobs.parcel import Parcel

TOPIC = "aecore-lab"  # of the whole cluster: what tasks have found so far
LOOK, DATA = "look", "data"  # the kinds of messages
DONE, STOPPED, REFUSED = "done", "stopped", "refused"


@dataclass(frozen=True)
class LabOrder:
    """One task of an experiment's run. token: of this very order. task: its name, values, seed and
    weight. dataset: "" for none. model: as it travels, None for none."""

    token: str
    run_id: str
    owner: str
    experiment: str
    options: dict[str, Any]
    task: tuple[str, dict[str, Any], int, float]
    dataset: str
    model: Parcel | None = field(default=None, repr=False)
