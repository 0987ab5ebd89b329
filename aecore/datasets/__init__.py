"""Datasets, held in memory once a process."""

from aecore.datasets.registry import Dataset, Source, Split, load, source, sources

__all__ = ["Dataset", "Source", "Split", "load", "source", "sources"]
