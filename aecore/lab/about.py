"""What an experiment works on, and the facts about it that its tasks and its telling need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aecore.datasets import Dataset
from aecore.errors import CheckpointError
from aecore.models import LatentModel
from aecore.runs.card import Card
from aecore.types import DataSpec


@dataclass(frozen=True)
class LabSubject:
    """What a task is given. data: None for an experiment that uses nothing; model, with its card:
    None unless it uses one."""

    data: Dataset | None = None
    model: LatentModel | None = None
    card: Card | None = None


@dataclass(frozen=True)
class About:
    """A subject in facts. dataset: its name, "" for none. title: what people call it. train, test:
    examples in each split. labelled: with two classes at least. model, latent_dim: the model's
    name and numbers, "" and 0 for none."""

    dataset: str = ""
    title: str = ""
    spec: DataSpec | None = None
    train: int = 0
    test: int = 0
    classes: tuple[str, ...] = ()
    labelled: bool = False
    model: str = ""
    latent_dim: int = 0

    @classmethod
    def of(cls, subject: LabSubject, title: str = "") -> About:
        """The facts of a subject. title: of its data, by default their name."""
        data, card = subject.data, subject.card
        return cls(
            "" if data is None else data.name,
            title or ("" if data is None else data.name),
            None if data is None else data.spec,
            0 if data is None else len(data.train),
            0 if data is None else len(data.test),
            () if data is None else data.class_names,
            # Of one class alone there is nothing to tell apart.
            data is not None and data.train.labels is not None and data.spec.classes > 1,
            "" if card is None else card.name,
            0 if card is None else card.spec.latent_dim,
        )

    @property
    def too_small(self) -> str:
        """A sentence where an example has hardly a value; "" else, and where there are no data."""
        if self.spec is not None and self.spec.size < 4:
            return f"An example of {self.title} has {self.spec.size} values: nothing to compress."
        return ""

    def to_json(self) -> dict[str, Any]:
        found = dict(vars(self))
        found["spec"] = None if self.spec is None else self.spec.to_json()
        return found | {"classes": list(self.classes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> About:
        """Raises CheckpointError for what `to_json` did not give."""
        try:
            spec = value["spec"]
            return cls(
                str(value["dataset"]),
                str(value["title"]),
                None if spec is None else DataSpec.from_json(spec),
                int(value["train"]),
                int(value["test"]),
                tuple(map(str, value["classes"])),
                bool(value["labelled"]),
                str(value["model"]),
                int(value["latent_dim"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError("The result does not say what it is of.") from error
