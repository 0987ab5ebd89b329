"""The datasets that a browser brought and keeps, for every page that lets one choose data."""

from __future__ import annotations

from aecore import datasets
from aecore.datasets import Source
from aecore.datasets.own.store import check_access, own_folder, owned, visited
from pages.shell import session

PERMISSION = (
    "Your own data stay on this server, in runs/data, for this browser alone: nobody else can open "
    "them or train on them, with or without their name. Whoever you let watch a run sees the "
    "examples that the run shows."
)


def mine() -> list[str]:
    """Names of the data that this browser keeps, the oldest first."""
    visited(own_folder(), session.owner())
    return owned(own_folder(), session.owner())


def usable(name: str) -> Source:
    """The source of a dataset that this browser may use: wherever its name comes from outside.

    Raises UnknownNameError, and DatasetError for own data that are gone or somebody else's.
    """
    check_access(name, session.owner())
    return datasets.source(name)
