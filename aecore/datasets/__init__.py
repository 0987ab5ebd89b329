"""Datasets, held in memory once a process."""

from aecore.datasets.dataset import Column, Dataset, Factors, Split
from aecore.datasets.registry import Source, load, source, sources

__all__ = ["Column", "Dataset", "Factors", "Source", "Split", "load", "source", "sources"]
