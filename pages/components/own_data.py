"""The datasets that a browser brought and keeps, for every page that lets one choose data."""

from __future__ import annotations

from aecore.datasets.own.store import own_folder, owned
from pages.shell import session


def mine() -> list[str]:
    """Names of the data that this browser keeps, the oldest first."""
    return owned(own_folder(), session.owner())
