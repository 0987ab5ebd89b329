"""A model as pages compute with it, in whichever process: with its data, codes and PCA."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from aecore import datasets
from aecore.byte_cache import ByteCache
from aecore.datasets import Dataset, Split
from aecore.errors import AecoreError
from aecore.evaluation.beside import PCABeside, pca_beside
from aecore.evaluation.latent import Codes, encode_split
from aecore.export.subject import Subject
from aecore.jobs import own_turn
from aecore.jobs.parcel import Lacking, Parcel
from aecore.models import LatentModel
from aecore.models.families.pca import PCABasis, basis_of
from aecore.pad.described import Described, described
from aecore.runs import checkpoints
from aecore.runs.card import Card

MODELS = 128 << 20  # bytes of models, with their codes, that a worker keeps for the next question
PACKED = 32 << 20  # bytes of packed models that the app keeps


Key = tuple[str, int]


@dataclass(frozen=True)
class InHand:
    """A model with its card and its data. label: a conditional model was told it, and `data` holds
    out the examples of that class alone; `whole` is then the model itself.

    key: tells the weights and the card from all others of this process. Nothing of it is ever
    changed: sessions and threads share it.
    """

    model: LatentModel
    card: Card
    data: Dataset
    key: Key = ("", 0)
    label: int | None = None
    whole: InHand | None = field(default=None, repr=False)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def codes(self) -> Codes:
        """Codes of the held-out examples."""
        return self._made("codes", lambda: encode_split(self.model, self.data.test))

    @property
    def basis(self) -> PCABasis:
        """PCA of all that the model was trained on: told a label or not, it is the same."""
        one = self.whole or self
        with own_turn.beside():
            return basis_of(one.data.limited(one.card.config.limit), one.card.spec.latent_dim)

    @property
    def beside(self) -> PCABeside:
        """The PCA that it is compared with."""
        return self._made("beside", lambda: pca_beside(self.model, self.codes.mu))

    @property
    def layers(self) -> list[Described]:
        """The model's layers as drawings show them. Raises ExportError where the browser knows one
        of them not."""
        return self._made("layers", lambda: described(self.model))

    def _made(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made once. Two at a time may both make it: a lock would be held by one who
        waits for his turn."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    @property
    def subject(self) -> Subject:
        """The model as it is taken out."""
        return Subject(self.model, self.card, self.data)

    @property
    def nbytes(self) -> int:
        """Bytes of its weights and, sooner or later, its codes."""
        weights = sum(t.nbytes for t in self.model.state_dict().values())
        return weights + 8 * len(self.data.test) * self.card.spec.latent_dim

    def told(self, label: int) -> InHand:
        """A conditional model, told a label: a model of z alone."""
        model, card, data = told(self.model, self.card, self.data, label)
        return InHand(model, card, data, self.key, label, self)


def told(
    model: LatentModel, card: Card, data: Dataset, label: int
) -> tuple[LatentModel, Card, Dataset]:
    """A conditional model with a label said for good, and the held-out examples of that class."""
    test, name = data.test, data.class_names[label]
    if test.labels is not None:
        rows = torch.nonzero(test.labels == label)[:, 0]
        if len(rows) >= 2:  # else nothing of this class is held out: all stay
            test = Split(test.x[rows], test.labels[rows])
    return (
        model.given(label),
        dataclasses.replace(card, name=f"{card.name}, told {name}"),
        dataclasses.replace(data, test=test),
    )


# On its way ----------------------------------------------------------------------------------

_models: ByteCache[tuple[str, str], InHand] = ByteCache(MODELS, lambda held: held.nbytes)
_packed: ByteCache[Key, tuple[str, bytes]] = ByteCache(PACKED, lambda packed: len(packed[1]))


def packed(held: InHand) -> Parcel:
    """A model as it travels, with its bytes."""
    one = held.whole or held
    found = _packed.get(one.key)
    if found is None:
        content = checkpoints.to_bytes(one.model, one.card)
        found = hashlib.sha256(content).hexdigest(), content
        _packed.put(one.key, found)
    return Parcel(found[0], one.data.name, held.label, found[1])


def unpacked(parcel: Parcel) -> InHand:
    """The model of a parcel. Raises Lacking where this process has not got its weights or data."""
    key = parcel.mark, parcel.dataset
    found = _models.get(key)
    if found is None:
        if parcel.content is None:
            raise Lacking("weights")
        try:
            data = datasets.load(parcel.dataset)
            known = checkpoints.from_bytes(parcel.content)
        except AecoreError as error:
            raise Lacking("data") from error
        found = InHand(known.model, known.card, data)
        _models.put(key, found)
    return found if parcel.label is None else found.told(parcel.label)
