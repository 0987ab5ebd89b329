"""The model families there are. A new one is one file in families/, found by itself.

AECORE_FAMILIES names more folders of such files, for families that are kept elsewhere; worker
processes find them by it too.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from aecore.errors import ConfigError, UnknownNameError
from aecore.models.base import LatentModel
from aecore.models.sizes import check_sizes
from aecore.options import check_options, options_in, whole_number
from aecore.types import ModelSpec

MAX_PARAMETERS = 100_000_000  # 400 MB of float32: more is a mistake or an attack, not a lesson
FOLDERS_VARIABLE = "AECORE_FAMILIES"


@dataclass(frozen=True)
class _Found:
    """The modules of all families, in order, and the families in them by name."""

    modules: tuple[ModuleType, ...]
    families: dict[str, type[LatentModel]]


_lock = threading.Lock()
_found: _Found | None = None


def all_families() -> dict[str, type[LatentModel]]:
    """Every family by name; looks through the folders' files on the first call.

    Raises ConfigError where two files say that they have the same family, and TypeError for
    options of which no form can be made.
    """
    return dict(_look().families)


def collected(name: str) -> list[Any]:
    """The entries of a tuple that families' files may have at their top level, like PRESETS.

    Raises ConfigError where it is no tuple.
    """
    entries: list[Any] = []
    for module in _look().modules:
        given = vars(module).get(name, ())
        if not isinstance(given, tuple):
            raise ConfigError(
                f"{name} in {module.__file__} must be a tuple, not a {type(given).__name__}: "
                "a single entry needs a comma after it."
            )
        entries += given
    return entries


def look_again() -> None:
    """Forget what was found: the next question looks through the folders anew."""
    global _found
    with _lock:
        _found = None


def _look() -> _Found:
    global _found
    with _lock:
        if _found is None:
            _found = _found_in(*_folders())
        return _found


def _folders() -> tuple[str, list[str]]:
    """Our own folder, and a person's."""
    others = [f for f in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if f]
    missing = next((f for f in others if not Path(f).is_dir()), None)
    if missing is not None:
        raise ConfigError(f"{FOLDERS_VARIABLE} names {missing}, which is no folder.")
    return str(Path(__file__).with_name("families")), others


def _found_in(ours: str, others: list[str]) -> _Found:
    package = importlib.import_module("aecore.models.families")
    package.__path__ = [ours, *others]
    names = [m.name for folder in package.__path__ for m in pkgutil.iter_modules([folder])]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"There are two files {twice}.py among the families and the folders of "
            f"{FOLDERS_VARIABLE}: give one another name."
        )
    modules, families = [], {}
    for name in sorted(names):
        module = importlib.import_module(f"{package.__name__}.{name}")
        modules.append(module)
        for cls in vars(module).values():
            if not (inspect.isclass(cls) and issubclass(cls, LatentModel)):
                continue
            # Shared bases name no family of their own; what is imported is of another file.
            if "family" not in vars(cls) or cls.__module__ != module.__name__:
                continue
            options_in(cls.Options)
            if cls.family in families:
                there = families[cls.family].__module__
                raise ConfigError(
                    f"There are two families called {cls.family!r}, in {there} and in "
                    f"{cls.__module__}: give one another name."
                )
            families[cls.family] = cls
    return _Found(tuple(modules), families)


def family(name: str) -> type[LatentModel]:
    """Return the family called `name`, or raise UnknownNameError."""
    known = all_families()
    if name not in known:
        raise UnknownNameError("model family", name[:40], list(known))
    return known[name]


def options_of(spec: ModelSpec):
    """The family's Options with the spec's values, each checked; raises ConfigError."""
    cls = family(spec.family)
    known = [option.name for option in options_in(cls.Options)]
    unknown = sorted(set(spec.options) - set(known))
    if unknown:
        raise ConfigError(
            f"{spec.family} has no option {unknown[0][:40]!r}; it has {', '.join(known)}."
        )
    options = cls.Options(**spec.options)
    check_options(options)
    return options


def build(spec: ModelSpec, seed: int | None = 0) -> LatentModel:
    """Return a new model in evaluation mode, its weights drawn with `seed`.

    Nothing global is drawn from. seed None leaves the weights unset, for a loader to fill.
    Raises UnknownNameError or ConfigError; the size is checked before any memory is taken.
    """
    spec.data.check()
    whole_number("latent_dim", spec.latent_dim, 1, 4096)
    options = options_of(spec)
    model = _without_memory(spec, options)
    size = sum(t.numel() for t in (*model.parameters(), *model.buffers()))
    if size > MAX_PARAMETERS:
        raise ConfigError(
            f"This model would have {size:,} weights; the most allowed is {MAX_PARAMETERS:,}. "
            "Make its layers narrower."
        )
    _take_memory(model)
    if seed is not None:
        model.initialise(torch.Generator().manual_seed(seed))
    return model.eval()


def _take_memory(model: nn.Module) -> None:
    """Give a model without memory its tensors, unset.

    As nn.Module.to_empty does, which imports half a second of symbolic mathematics on the way.
    """
    for module in model.modules():
        for name, old in module.named_parameters(recurse=False):
            new = torch.empty(old.shape, dtype=old.dtype)
            setattr(module, name, nn.Parameter(new, requires_grad=old.requires_grad))
        for name, old in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty(old.shape, dtype=old.dtype))


def shape_only(spec: ModelSpec) -> LatentModel:
    """The model without memory for its weights: for counting and drawing."""
    whole_number("latent_dim", spec.latent_dim, 1, 4096)
    return _without_memory(spec, options_of(spec))


def _without_memory(spec: ModelSpec, options: Any) -> LatentModel:
    """The model as shapes alone; raises ConfigError where an example would take too much."""
    with torch.device("meta"):
        return check_sizes(family(spec.family)(spec, options))
