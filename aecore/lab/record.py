"""A result as a file: what was asked, predicted and found. Its pictures follow from it.

One .safetensors file, never unpickled: arrays as tensors, everything else as JSON beside them.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from aecore.errors import AecoreError, CheckpointError
from aecore.lab.about import About
from aecore.lab.experiment import Experiment, Values
from aecore.lab.outcome import Outcome
from aecore.lab.registry import experiment, options_from

KEY = "aecore_lab"
MOST_BYTES = 32 << 20  # of one result
_MOST_TEXT = 4 << 20
STATES = ("running", "finished", "stopped")


@dataclass
class Record:
    """A run of an experiment, under way or over. done: the values of its tasks; while it is
    running also of those under way. guess: what was predicted, empty for nothing. failed: a
    sentence for each task that could not be done. planned: how many there are."""

    experiment: str
    options: dict[str, Any]
    about: About
    guess: tuple[float, ...] = ()
    done: dict[str, Values] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    planned: int = 0
    state: str = "running"
    seconds: float = 0.0
    created: float = field(default_factory=time.time)

    def of(self) -> Experiment:
        """The experiment. Raises UnknownNameError where there is no such (any more)."""
        return experiment(self.experiment)

    def chosen(self) -> Any:
        """The options. Raises AecoreError."""
        return options_from(self.of(), self.options)

    def outcome(self) -> Outcome:
        """What is known so far, with what is expected. Raises AecoreError, also for a result of an
        earlier version that this one does not understand."""
        one, options = self.of(), self.chosen()
        try:
            told = one.tell(options, self.about, dict(self.done))
            return told.with_bands(one.bands(options, self.about))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CheckpointError(
                "This result is of another version of its experiment, and is not understood here; "
                "run it again."
            ) from error


def to_bytes(record: Record) -> bytes:
    """The whole record as the bytes of a file. Raises CheckpointError where it is too large."""
    arrays: dict[str, np.ndarray] = {}
    done = {
        task: {name: _apart(f"{task}/{name}", value, arrays) for name, value in values.items()}
        for task, values in record.done.items()
    }
    said = dict(vars(record)) | {"about": record.about.to_json(), "done": done}
    content = save_arrays(arrays, {KEY: json.dumps(said)})
    if len(content) > MOST_BYTES:
        raise CheckpointError(
            f"The result takes {len(content) / 1e6:,.0f} MB, and at most "
            f"{MOST_BYTES / 1e6:,.0f} MB are kept of one; ask for less at a time."
        )
    return content


def _apart(name: str, value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A value as JSON has it; an array is put beside, under its name."""
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    return value.item() if isinstance(value, np.generic) else value


def from_bytes(content: bytes) -> Record:
    """Read a record. Raises CheckpointError for what `to_bytes` did not give."""
    try:
        said = said_in(content)
        arrays = load_arrays(content)
        done: dict[str, Values] = {
            str(task): {
                str(name): arrays[v["array"]] if isinstance(v, dict) else v
                for name, v in values.items()
            }
            for task, values in said["done"].items()
        }
        return Record(
            str(said["experiment"]),
            dict(said["options"]),
            About.from_json(said["about"]),
            tuple(float(v) for v in said["guess"] if math.isfinite(v)),
            done,
            {str(k): str(v) for k, v in said["failed"].items()},
            int(said["planned"]),
            said["state"] if said["state"] in STATES else "stopped",
            float(said["seconds"]),
            float(said["created"]),
        )
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError("This is no result of an experiment, or it is damaged.") from error


def said_in(content: bytes) -> dict[str, Any]:
    """What a file says beside its arrays. Raises ValueError, KeyError, TypeError."""
    length = int.from_bytes(content[:8], "little")
    if length > _MOST_TEXT or length > len(content):
        raise ValueError("the header is too long")
    header: Mapping[str, Any] = json.loads(content[8 : 8 + length])
    return json.loads(header["__metadata__"][KEY])


def figures_of(record: Record) -> dict[str, dict[str, Any]]:
    """Each figure with unit, split and band, by name. Raises AecoreError."""
    return {figure.name: figure.to_json() for figure in record.outcome().figures}


def try_outcome(record: Record) -> tuple[Outcome, str]:
    """The outcome and "", or an empty one and why there is none."""
    try:
        return record.outcome(), ""
    except AecoreError as error:
        return Outcome(), str(error)
