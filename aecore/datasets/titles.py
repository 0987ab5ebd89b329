"""What a person calls data, by the name that a registry has for them."""

from __future__ import annotations

from aecore.datasets.own.store import FAMILY
from aecore.datasets.registry import all_sources

OWN_DATA = "own data"  # in place of a name that opens somebody's data


def title_of(name: str) -> str:
    """A dataset's title; "own data" for what somebody brought, the name itself for any other."""
    if name.startswith(FAMILY.prefix):
        return OWN_DATA
    known = all_sources().get(name)
    return name if known is None else known.title
