"""A piece of work for a child process: what it calls, its limits, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from aecore.errors import AecoreError

#: Tells how far a piece of work is: a share in [0, 1], and what is being done.
Tell = Callable[[float, str], None]

PATIENCE = 3  # seconds of the clock for each of the processor: others' work may hold the cores
STARVED = 5  # times that long, at most, where others hold the cores so much
LONGEST_WHAT = 80  # characters of what is told


@dataclass(frozen=True)
class Made:
    """What a child made. about: plain JSON values. arrays: of numbers or truth values, by name."""

    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


#: What a target is: it gets the open files, plain arguments and a way to tell how far it is. It
#: raises AecoreError with a sentence for a person; anything else that it raises is a stumble.
Target = Callable[[list[BinaryIO], dict[str, Any], Tell], Made]


@dataclass(frozen=True)
class Task:
    """What a child does, and its limits.

    target: "module:function", a Target. seconds: of the processor; the clock gives PATIENCE times
    as many, because others may hold the cores. memory: bytes above the idle helper process, and
    the most that the result may have. prepare: "module:function", called once in the helper
    before it forks, for what all children then share (modules, datasets). reads: folders and files
    that the child may open beside Python's own and aecore's.

    For sentences: doing, as in "Reading the file" took too long; instead: what to do then; error:
    the class of error that is raised.
    """

    target: str
    seconds: float = 10.0
    memory: int = 400 << 20
    prepare: str = ""
    reads: tuple[Path, ...] = ()
    doing: str = "Reading the file"
    instead: str = "choose a smaller one"
    error: type[AecoreError] = AecoreError

    @property
    def clock(self) -> float:
        """Seconds of the clock after which the child is stopped; where the system tells them, those
        in which it waited for a core are not counted."""
        return self.seconds * PATIENCE

    @property
    def longest(self) -> float:
        """Seconds of the clock after which it is stopped in any case."""
        return self.clock * STARVED

    def order(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the helper and the child are told of it, as JSON."""
        told = {k: v for k, v in asdict(self).items() if k not in ("doing", "instead", "error")}
        return told | {
            "reads": [str(path) for path in self.reads],
            "clock": self.clock,
            "longest": self.longest,
            "arguments": arguments,
        }

    def late(self) -> AecoreError:
        return self.error(
            f"{self.doing} took longer than {self.seconds:g} seconds, so it was stopped; "
            f"{self.instead}."
        )

    def too_large(self) -> AecoreError:
        return self.error(
            f"{self.doing} would take more than {self.memory >> 20:,} MB of memory, so it was "
            f"stopped; {self.instead}."
        )

    def broken(self) -> AecoreError:
        return self.error(
            f"{self.doing} broke the process that did it, which ran apart from the app and was "
            "thrown away; the file is damaged or a trap, so take it from its source again."
        )

    def stumbled(self) -> AecoreError:
        return self.error(
            f"{self.doing} failed: the file is damaged or of a kind that cannot be read; save or "
            "download it again."
        )

    def doubtful(self) -> AecoreError:
        return self.error(
            f"{self.doing} failed: its process was cut off or answered nonsense, so nothing of it "
            "was taken; save the file again."
        )
