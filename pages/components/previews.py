"""Models at a glance, for lists and cards: made on the workers, while the page is there already."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from aecore.byte_cache import ByteCache
from aecore.errors import AecoreError
from aecore.figures.preview import SHOWN, Preview
from aecore.jobs import views
from pages.shell import session
from pages.shell.computing import apart, prepared
from pages.shell.kept import size_of

T = TypeVar("T")
EMPTY = Preview(b"", (b"",) * SHOWN)
_seen: ByteCache[tuple[str, int], Preview] = ByteCache(8 << 20, size_of)


def preview_of(ref: str, may_begin: bool = True) -> tuple[Preview | None, bool]:
    """A model's pictures, None while they are made; and whether that was asked for now."""
    try:
        key = ref, session.version_of(ref)
        found = _seen.get(key)
        if found is not None or not may_begin:
            return found, False
        return at_hand(_seen, key, views.at_a_glance, session.hand_of(ref).in_hand), True
    except AecoreError:  # the data are gone, or not on this machine: the page says the rest
        return EMPTY, True


def at_hand(
    seen: ByteCache, key: Hashable, function: Callable[..., T], *arguments: Any
) -> T | None:
    """What a function gives if that is there, else None, and it is begun. seen: where it is kept,
    by key. Raises what the function raises."""
    found = seen.get(key)
    if found is None and prepared(function, *arguments):
        found = apart(function, *arguments)
        seen.put(key, found)
    return found
