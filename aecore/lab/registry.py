"""The experiments there are. A new one is one file in experiments/, found by itself.

AECORE_EXPERIMENTS names more folders of such files; worker processes find them by it too.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import threading
from pathlib import Path
from typing import Any

from aecore.errors import ConfigError, UnknownNameError
from aecore.lab.experiment import Experiment
from aecore.options import check_options, options_in

FOLDERS_VARIABLE = "AECORE_EXPERIMENTS"
_PACKAGE = "aecore.lab.experiments"

_lock = threading.Lock()
_found: dict[str, Experiment] | None = None


def all_experiments() -> dict[str, Experiment]:
    """Every experiment by name, in the order of their places.

    Raises ConfigError where two have one name, and TypeError for options of which no form can be
    made, for whoever writes one.
    """
    global _found
    with _lock:
        if _found is None:
            _found = _look()
        return dict(_found)


def experiment(name: str) -> Experiment:
    """The experiment called `name`, or UnknownNameError."""
    known = all_experiments()
    if name not in known:
        raise UnknownNameError("experiment", name[:40], list(known))
    return known[name]


def look_again() -> None:
    """Forget what was found: the next question looks through the folders anew."""
    global _found
    with _lock:
        _found = None


def _look() -> dict[str, Experiment]:
    others = [f for f in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if f]
    missing = next((f for f in others if not Path(f).is_dir()), None)
    if missing is not None:
        raise ConfigError(f"{FOLDERS_VARIABLE} names {missing}, which is no folder.")
    package = importlib.import_module(_PACKAGE)
    package.__path__ = [str(Path(__file__).with_name("experiments")), *others]
    found: dict[str, Experiment] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{_PACKAGE}.{name}")
        for cls in vars(module).values():
            if not (inspect.isclass(cls) and cls.__module__ == module.__name__):
                continue
            if issubclass(cls, Experiment) and not inspect.isabstract(cls):
                _add(found, cls())
    return dict(sorted(found.items(), key=lambda entry: entry[1].place))


def _add(found: dict[str, Experiment], one: Experiment) -> None:
    if one.name in found:
        raise ConfigError(f"There are two experiments called {one.name}: give one another name.")
    if "seed" not in {option.name for option in options_in(one.Options)}:
        raise TypeError(f"{type(one).__name__}.Options needs a seed.")
    found[one.name] = one


def options_from(one: Experiment, values: dict[str, Any]) -> Any:
    """An experiment's options from plain values, those that are missing at their defaults.

    Raises ConfigError for a name that it has not, or a value that it cannot have.
    """
    known = {option.name for option in options_in(one.Options)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{one.title} has no option {unknown[0][:40]!r}.")
    made = one.Options(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    check_options(made)
    return made


def plain_options(options: Any) -> dict[str, Any]:
    """Options as values of JSON."""
    found = {option.name: getattr(options, option.name) for option in options_in(type(options))}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}
