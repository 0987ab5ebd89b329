"""The ways in which a model can be taken out. A new one is one file in ways/, found by itself."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import threading
from collections.abc import Callable
from dataclasses import dataclass

from aecore.errors import UnknownNameError
from aecore.export.subject import Subject, TakenOut, timed

# Exports take a core for seconds each; the pages of everybody else need the other.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Way:
    """One way out, which its file declares as `WAY = Way(...)`.

    name: what the command line calls it. icon: a Material symbol, ":material/name:". about: what
    it is; wanted_by: who wants it. make: raises ExportError where it refuses. seconds: about how
    long that takes on a small model. place: the ways come in this order. per_label: whether a
    conditional model has to be told a label before. several: whether it is more than one file.
    shows_address: whether it says where the app shows the model.
    """

    name: str
    title: str
    icon: str
    about: str
    wanted_by: str
    make: Callable[[Subject], TakenOut]
    seconds: float
    place: float
    per_label: bool = False
    several: bool = True
    shows_address: bool = False


def all_ways() -> dict[str, Way]:
    """Every way out by name, in the order of their places.

    The files only say what there is: what makes an export is imported when it is made, so that
    asking for help stays quick.
    """
    package = importlib.import_module("aecore.export.ways")
    files = [module.name for module in pkgutil.iter_modules(package.__path__)]
    ways = [importlib.import_module(f"aecore.export.ways.{file}").WAY for file in files]
    return {way.name: way for way in sorted(ways, key=lambda way: way.place)}


def way(name: str) -> Way:
    """The way called `name`, or UnknownNameError."""
    known = all_ways()
    if name not in known:
        raise UnknownNameError("way to take a model out", name[:40], list(known))
    return known[name]


def take_out(subject: Subject, name: str) -> TakenOut:
    """Make an export and open it again. Raises ExportError with the reason it is refused for.

    What is written says of the model what others may know: see Card.for_others.
    """
    chosen = way(name)
    subject = dataclasses.replace(subject, card=subject.card.for_others())
    with _one_at_a_time:
        return timed(chosen.make, subject)
