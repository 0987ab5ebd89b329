"""The datasets there are. A new one is one file among the sources that names its SOURCE.

The files lie in the folder sources, and in the folders that AECORE_DATASETS names, as PATH does.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

from aecore.datasets.dataset import Column, Dataset, Factors, Split
from aecore.errors import ConfigError, DatasetError, UnknownNameError
from aecore.types import KINDS, DataSpec

__all__ = [
    "Column",
    "Dataset",
    "Factors",
    "Family",
    "Source",
    "Split",
    "all_sources",
    "load",
    "look_again",
    "source",
    "when_gone",
]

FOLDERS_VARIABLE = "AECORE_DATASETS"
# Datasets that a process keeps, the longest unused given up first; MNIST, which every page starts
# with, stays beside them.
MOST_KEPT = 32
MOST_BYTES = 1 << 30
ALWAYS_KEPT = "mnist"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """How to get one dataset. `load` is called once a process; the result is kept.

    generated: made by a program, not measured. stands_in: there so that networks for such images
    can be tried at all; hardly anybody trains on it. fetch: downloads it and calls
    progress(bytes done, bytes in all); None where nothing is to download. ready: whether it can be
    loaded without a network. megabytes: the size of the download. by_hand: what to put where when
    there is no network, as the end of a sentence.
    """

    name: str
    title: str
    about: str
    spec: DataSpec
    load: Callable[[], Dataset] = field(repr=False)
    licence: str = ""
    generated: bool = False
    stands_in: bool = False
    fetch: Callable[[Progress], None] | None = field(default=None, repr=False)
    ready: Callable[[], bool] = field(default=lambda: True, repr=False)
    megabytes: float = 0
    by_hand: Callable[[], str] | None = field(default=None, repr=False)

    def how_to_get(self) -> str:
        """One sentence for a person who wants this dataset on a machine that lacks it."""
        sentence = f"{self.title} is not on this machine yet"
        if self.fetch is not None:
            sentence += (
                f": press Download beside it in the app ({self.megabytes:,.0f} MB), or run "
                f"`python -m aecore datasets --fetch {self.name}`"
            )
        if self.by_hand is not None:
            sentence += f"; without a network, {self.by_hand()}"
        return sentence + "."


@dataclass(frozen=True)
class Family:
    """Sources that come and go while the process runs; their names begin with `prefix`.

    find(name) returns the source, or raises DatasetError or UnknownNameError. listed() returns
    those that `all_sources` is to name. present(name): whether they are still there; asked often.
    """

    prefix: str
    find: Callable[[str], Source]
    listed: Callable[[], list[Source]] = list
    present: Callable[[str], bool] = lambda name: True


_lock = threading.Lock()
_sources: dict[str, Source] = {}
_families: dict[str, Family] = {}
_loaded: dict[str, Dataset] = {}  # what is always kept
_kept: OrderedDict[str, Dataset] = OrderedDict()  # all others, the latest used last
_loading: dict[str, threading.Lock] = {}
_forgetting: list[Callable[[str], None]] = []
_searched = False


def look_again() -> None:
    """Forget which files there are: the next question looks through the folders anew."""
    global _searched
    with _lock:
        _searched = False


def when_gone(forget: Callable[[str], None]) -> Callable[[str], None]:
    """Have forget(name) called for data that are gone, by whatever keeps what was made of them."""
    _forgetting.append(forget)
    return forget


def forget(name: str) -> None:
    """Give up the copy in memory of data that are gone, and what was made of them."""
    with _lock:
        _kept.pop(name, None)
        _loading.pop(name, None)
    for forgetting in _forgetting:
        forgetting(name)


def _search() -> None:
    """Import the files of all folders, once; raises ConfigError for what is no dataset."""
    global _searched
    with _lock:
        if _searched:
            return
        package = importlib.import_module("aecore.datasets.sources")
        package.__path__ = [str(Path(__file__).with_name("sources")), *_folders()]
        files = [m.name for folder in package.__path__ for m in pkgutil.iter_modules([folder])]
        twice = next((name for name in files if files.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"There are two files {twice}.py with datasets: rename one of them.")
        sources, families = _found_in(sorted(f"sources.{name}" for name in files))
        for gone in set(_sources) - set(sources):
            _kept.pop(gone, None)
        _sources.clear()
        _sources.update(sources)
        _families.clear()
        _families.update(families)
        _searched = True


def _found_in(files: list[str]) -> tuple[dict[str, Source], dict[str, Family]]:
    sources, families = {}, {}
    for file in [*files, "own.store"]:
        module = importlib.import_module(f"aecore.datasets.{file}")
        source, family = (getattr(module, name, None) for name in ("SOURCE", "FAMILY"))
        if isinstance(family, Family):
            families[family.prefix] = family
        elif not isinstance(source, Source):
            raise ConfigError(f"{module.__file__} names no SOURCE: see the files beside wine.py.")
        elif source.name in sources:
            raise ConfigError(
                f"{module.__file__} calls its dataset {source.name!r}, as another file does: give "
                "it another name."
            )
        else:
            sources[source.name] = source
    return sources, families


def _folders() -> list[str]:
    found = [f for f in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if f]
    missing = next((f for f in found if not Path(f).is_dir()), None)
    if missing is not None:
        raise ConfigError(f"{FOLDERS_VARIABLE} names {missing}, which is no folder.")
    return found


def all_sources() -> dict[str, Source]:
    """Every registered source by name; a person's own data are not listed.

    MNIST comes first, then what ships, images before signals and tables, then the downloads.
    """
    _search()
    found = {source.name: source for source in sorted(_sources.values(), key=_place)}
    for family in _families.values():
        found.update((source.name, source) for source in family.listed())
    return found


def _place(source: Source) -> tuple:
    # By what they are: the order of imports differs from one process to the next.
    kind = KINDS.index(source.spec.kind)
    return source.name != "mnist", source.fetch is not None, kind, source.generated, source.name


def _family_of(name: str) -> Family | None:
    return next((f for prefix, f in _families.items() if name.startswith(prefix)), None)


def source(name: str) -> Source:
    """Return the source called `name`, be it registered or a person's own.

    Raises UnknownNameError, or DatasetError for own data that are gone.
    """
    _search()
    if name in _sources:
        return _sources[name]
    family = _family_of(name)
    if family is None:
        raise UnknownNameError("dataset", name, list(all_sources()))
    return family.find(name)


def load(name: str) -> Dataset:
    """Return the dataset called `name`: one copy a process, whoever asks, kept while it is used.

    Raises UnknownNameError for an unknown name, DatasetError when it is not on this machine or its
    files cannot be read. It never uses the network.
    """
    data = _remembered(name)
    if data is not None:
        return data
    found = source(name)
    with _lock:
        busy = _loading.setdefault(name, threading.Lock())
    # One lock a dataset: nobody waits for a large one that somebody else loads.
    with busy:
        data = _remembered(name)
        if data is None:
            data = _load(found)
            with _lock:
                _remember(data, found)
    return data


def _remembered(name: str) -> Dataset | None:
    family = None if name in _sources else _family_of(name)
    # Another process may have deleted them.
    if family is not None and name in _kept and not family.present(name):
        forget(name)
    with _lock:
        if name in _kept:
            _kept.move_to_end(name)
            return _kept[name]
        return _loaded.get(name)


def _load(found: Source) -> Dataset:
    if not found.ready():
        raise DatasetError(found.how_to_get())
    try:
        data = found.load()
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        again = (
            "get the file again from a fresh copy of the project"
            if found.fetch is None
            else "delete its files and download them again"
        )
        raise DatasetError(
            f"The dataset {found.name!r} could not be read ({error}); {again}."
        ) from error
    said, is_so = (found.name, found.spec.shape), (data.name, data.spec.shape)
    of_examples = tuple(data.train.x.shape[1:])
    if said != is_so or of_examples != data.spec.shape:
        raise DatasetError(
            f"The source {found.name!r} announces examples of shape {found.spec.shape}; it loads "
            f"{data.name!r} with shape {data.spec.shape}, whose examples have {of_examples}. "
            "Make the three agree."
        )
    return data


def _remember(data: Dataset, found: Source) -> None:
    if found.name == ALWAYS_KEPT:
        _loaded[found.name] = data
        return
    _kept[found.name] = data
    while len(_kept) > MOST_KEPT or (
        len(_kept) > 1 and sum(map(_bytes, _kept.values())) > MOST_BYTES
    ):
        gone, _ = _kept.popitem(last=False)
        _loading.pop(gone, None)


def _bytes(data: Dataset) -> int:
    return data.train.x.nbytes + data.test.x.nbytes
