"""Autoencoders as people write them, by style; every entry is registered when it is imported."""

from tests.inspection.corpus import lessons, dense, convolutional, named  # noqa: I001 - in this order
from tests.inspection.corpus.entries import ENTRIES, Entry, flat, signed, train, unsigned

__all__ = [
    "ENTRIES",
    "Entry",
    "convolutional",
    "dense",
    "flat",
    "lessons",
    "named",
    "signed",
    "train",
    "unsigned",
]
