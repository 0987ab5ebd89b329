"""What a worker computes for a page, in a module that imports no torch by itself: see orders.py.

Orders and answers travel as bytes, so that the scheduler between never opens them.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable
from typing import Any

from aecore.errors import AecoreError
from aecore.jobs.parcel import Lacking, Parcel

MADE, REFUSED, LACKING = "made", "refused", "lacking"


def load(name: str) -> Callable[..., Any]:
    """The function that "module:function" names. Raises ValueError for one that is not aecore's."""
    module, _, function = name.partition(":")
    if module.split(".")[0] != "aecore":
        raise ValueError(f"{name} is none of aecore's functions; a worker has no others.")
    return getattr(importlib.import_module(module), function)


def carry_out(order: bytes) -> bytes:
    """Run on a worker: call the function that an order names; the pickled (how it ended, what)."""
    name, arguments, who = pickle.loads(order)  # from our own app, over Dask's own channel
    return pickle.dumps(_answer(name, arguments, who), protocol=5)


def _answer(name: str, arguments: list[Any], who: str) -> tuple[str, Any]:
    import torch

    from aecore.jobs import in_hand, own_turn

    function = load(name)
    try:
        # Before its turn: it may wait for data that somebody else loads.
        given = [in_hand.unpacked(a) if isinstance(a, Parcel) else a for a in arguments]
    except Lacking as lacking:
        return LACKING, lacking.what
    with own_turn.urgent(who):
        torch.set_num_threads(1)  # the other cores are for the other workers
        try:
            return MADE, function(*given)
        except AecoreError as error:
            return REFUSED, error
