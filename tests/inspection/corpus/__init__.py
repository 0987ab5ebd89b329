"""Autoencoders as people write them, by style; every entry is registered when it is imported."""

# In this order: some use what others made.
from tests.inspection.corpus import lessons, dense, convolutional, named  # noqa: I001
from tests.inspection.corpus import heads, told, blocks, settings, sizes, tongues, wrapped, others
from tests.inspection.corpus.entries import ENTRIES, Entry, flat, signed, train, unsigned

__all__ = [
    "ENTRIES",
    "Entry",
    "blocks",
    "convolutional",
    "dense",
    "flat",
    "heads",
    "lessons",
    "named",
    "others",
    "settings",
    "signed",
    "sizes",
    "told",
    "tongues",
    "train",
    "unsigned",
    "wrapped",
]
