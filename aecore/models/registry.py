"""The model families there are. A new one is one file beside this one, found by itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import threading

import torch
from torch import nn

from aecore.errors import ConfigError, UnknownNameError
from aecore.models.base import LatentModel
from aecore.types import ModelSpec, check_options, options_in, whole_number

MAX_PARAMETERS = 100_000_000  # 400 MB of float32: more is a mistake or an attack, not a lesson
_lock = threading.Lock()
_families: dict[str, type[LatentModel]] = {}


def all_families() -> dict[str, type[LatentModel]]:
    """Every family by name; looks through the files of this folder on the first call."""
    with _lock:
        if not _families:
            package = importlib.import_module("aecore.models.families")
            for name in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
                module = importlib.import_module(f"aecore.models.families.{name}")
                for cls in vars(module).values():
                    known = inspect.isclass(cls) and issubclass(cls, LatentModel)
                    # Shared bases name no family of their own.
                    if known and "family" in vars(cls):
                        _families[cls.family] = cls
        return dict(_families)


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
    with torch.device("meta"):
        model = family(spec.family)(spec, options)
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


def shape_only(spec: ModelSpec) -> nn.Module:
    """The model without memory for its weights: for counting and drawing."""
    with torch.device("meta"):
        return family(spec.family)(spec, options_of(spec))
