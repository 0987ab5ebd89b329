"""Datasets, held in memory once a process."""

from aecore.datasets.dataset import Batches, Column, Dataset, Factors, Split
from aecore.datasets.own.store import public_name
from aecore.datasets.registry import Source, all_sources, load, source

__all__ = [
    "Batches",
    "Column",
    "Dataset",
    "Factors",
    "Source",
    "Split",
    "all_sources",
    "load",
    "public_name",
    "source",
]
