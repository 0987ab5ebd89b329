"""What an experiment is. See aecore.lab for how one is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from aecore.figures.chart import Chart
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.outcome import Band, Outcome
from aecore.lab.predicting import Prediction

Values = Mapping[str, Any]  # numbers, texts, lists of them, and arrays
#: How the names of values end that are read off a clock: these alone may differ from run to run.
CLOCK = "_ms"


def seed_option(spare: int = 1) -> Any:
    """The field `seed` of an experiment's Options. spare: as many seeds as a run counts up from
    it, and at least 1."""
    return field(
        default=0,
        metadata={
            "label": "Seed",
            "range": (0, 2**31 - spare),
            "help": "The same seed gives the same numbers.",
        },
    )


@dataclass(frozen=True)
class Task:
    """A part of a run that needs no other. name: one of its run's own. values: of JSON. weight:
    about how long it takes beside the others. seed: of all that it draws."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Look:
    """What a task has found so far, in place of what it found before. share: how much of it is
    done, 0 to 1."""

    values: Values
    share: float = 1.0


class Experiment(ABC):
    """One experiment; there is one object of each class. Nothing of it changes."""

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    claim: ClassVar[str]
    surprise: ClassVar[str]
    icon: ClassVar[str] = ":material/science:"
    place: ClassVar[float] = 1000.0
    uses: ClassVar[Literal["nothing", "data", "model"]] = "data"
    Options: ClassVar[type]
    page: ClassVar[str] = ""  # the address of a page that shows more of a result, "" for none
    dial: ClassVar[str] = ""  # the address of a page with its models trained before, "" for none

    def why_not(self, about: About) -> str:
        """Why the question makes no sense here, in a sentence; "" where it does."""
        return ""

    @abstractmethod
    def seconds(self, options: Any) -> float:
        """About how long a run takes on one quiet core."""

    @abstractmethod
    def tasks(self, options: Any, about: About) -> list[Task]:
        """The run in parts, in the order in which they are begun."""

    @abstractmethod
    def work(
        self, task: Task, options: Any, subject: LabSubject, control: LabControl
    ) -> Iterator[Look]:
        """Do a part; the last look is its result. Raises Interrupted where it is stopped."""

    @abstractmethod
    def tell(self, options: Any, about: About, done: Mapping[str, Values]) -> Outcome:
        """What the parts that are there say, by their tasks' names."""

    def bands(self, options: Any, about: About) -> dict[str, Band]:
        """What is expected of figures, by their names, where it was measured."""
        return {}

    def asks(self, options: Any, about: About) -> Prediction | None:
        """What a person may predict before the run; None for nothing."""
        return None

    @abstractmethod
    def quick(self) -> Any:
        """Options of a run of some seconds, for tests."""

    @abstractmethod
    def sketch(self) -> Chart:
        """A small chart for its card, which gives nothing away."""
