"""What a child does: shut itself in, do one piece of work, and say what came of it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from aecore.errors import AecoreError
from aecore.workshop import passing, walls
from aecore.workshop.task import Target, Tell

log = logging.getLogger(__name__)

TOO_LARGE, STUMBLED = "too large", "stumbled"  # kinds of errors beside the names of classes
_SELDOM = 0.1  # seconds between two tellings
_LONGEST_TRACE = 2500


def load(target: str) -> Callable[..., Any]:
    """The function that "module:function" names."""
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)


def work(order: dict[str, Any], files: list[BinaryIO], write: passing.Write) -> None:
    """Do what an order says (see Task.order) behind the walls, and write result or sentence."""
    passing.send_progress(0.0, "", write)  # its time begins
    try:
        target: Target = load(order["target"])
        walls.confine(order["seconds"], order["memory"], [Path(path) for path in order["reads"]])
        made = target(files, order["arguments"], _teller(write))
        passing.send(made, write)
    except BrokenPipeError:
        log.info("nobody waits for the result any more")
    except AecoreError as error:
        kinds = [c.__name__ for c in type(error).__mro__ if issubclass(c, AecoreError)]
        details = {k: v for k, v in vars(error).items() if isinstance(v, str)}
        passing.send_error(kinds, str(error), details, write)
    except Exception as error:  # said to the app: a library stumbled over a hostile file
        if out_of_memory(error):
            passing.send_error([TOO_LARGE], "", {}, write)
            return
        trace = traceback.format_exc()[-_LONGEST_TRACE:]
        passing.send_error([STUMBLED], f"{type(error).__name__}: {error}", {"trace": trace}, write)


def out_of_memory(error: Exception) -> bool:
    """Whether an error means that memory ran out; torch says it in words alone."""
    text = str(error)
    return isinstance(error, MemoryError) or "allocate" in text or "bad_alloc" in text


def _teller(write: passing.Write) -> Tell:
    """A way to tell how far one is, which passes on a few a second."""
    last = -_SELDOM

    def tell(share: float, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SELDOM:
            last = now
            with contextlib.suppress(BrokenPipeError):  # whoever asked has gone; the end is near
                passing.send_progress(share, what, write)

    return tell
