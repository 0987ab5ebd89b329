"""A model on its way to a worker; imports no torch, as all that Dask's scheduler may meet."""

from __future__ import annotations

from dataclasses import dataclass, field


class Lacking(Exception):
    """This process has not got what an order speaks of. what: the weights, or the data."""

    def __init__(self, what: str):
        super().__init__(what)
        self.what = what


@dataclass(frozen=True)
class Parcel:
    """A model on its way. mark: of its bytes, by which a process that has met it knows it again.

    label: what a conditional model is told. content: its checkpoint; None where the worker is
    thought to have it.
    """

    mark: str
    dataset: str
    label: int | None = None
    content: bytes | None = field(default=None, repr=False)
