"""Where in a training program's checkpoint the network's weights are, whatever it called them."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.facts import plain_facts
from aecore.wording import short

#: Names under which a whole network's weights are kept, the likeliest first.
WHOLE = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module"),
    *("net_state_dict", "network_state_dict", "weights", "params", "autoencoder", "vae", "ae"),
    *("autoencoder_state_dict", "vae_state_dict", "ae_state_dict", "generator", "checkpoint"),
    *("ema_state_dict", "model_ema", "ema_model", "ema", "shadow"),
)
_LEFT_OUT = re.compile(
    r"optim|(^|_)opt(_|$)|sched|scaler|(^|_)(amp|rng|loops)(_|$)|random|callback|early_stop|discrim"
)
_SUFFIX = re.compile(r"(_state_dict|_state|_dict|_weights|_params|_model|_net)$")
_ENCODER = ("encoder", "enc", "encode", "e", "q", "inference")
_DECODER = ("decoder", "dec", "decode", "d", "p", "generative")
_LEVELS = 8


@dataclass
class Found:
    """The weights, by name and in order, and what stands beside them."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lightning: bool = False


def find_weights(value: Any) -> Found:
    """The state dict inside whatever torch.load gave. Raises CheckpointError if there is none."""
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, list | tuple) and any(_holds(v) for v in value):
        value = {str(i): v for i, v in enumerate(value)}
    if not isinstance(value, Mapping):
        what = "one bare tensor" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise CheckpointError(
            f"The file holds {short(what)} and no named weights; save the model with "
            "torch.save(model.state_dict(), 'weights.pt')."
        )
    found = Found({}, lightning="pytorch-lightning_version" in value)
    found.tensors = _search(value, found, _LEVELS)
    if not found.tensors:
        raise CheckpointError(
            "The file holds no weights; save the model with "
            "torch.save(model.state_dict(), 'weights.pt')."
        )
    found.facts = plain_facts(found.facts)
    return found


def _search(value: Mapping, found: Found, levels: int) -> dict[str, Tensor]:
    """The tensors of the likeliest part of a mapping; what else it says goes to found."""
    groups = {str(k): v for k, v in value.items() if isinstance(v, Mapping) and _holds(v)}
    weights = {k: v for k, v in groups.items() if not _LEFT_OUT.search(k.lower())}
    direct = {str(k): t for k, v in value.items() if (t := _tensor(v)) is not None}
    _remember(value, groups, found, bool(weights), len(direct))
    left_out = [k for k in value if isinstance(k, str) and _LEFT_OUT.search(k.lower())]
    left_out = [k for k in left_out if k in groups or isinstance(value[k], Mapping | list)]
    if left_out:
        found.notes.append(
            f"What only training needs was left out: {', '.join(map(short, left_out[:6]))}."
        )
    if levels == 0 or not weights:
        return direct
    chosen = _choose(weights, found)
    merged = {}
    for key, group in chosen.items():
        inner = _search(group, found, levels - 1)
        alone = _is_whole(key) or not (len(chosen) > 1 or _half(key) or direct)
        prefix = "" if alone else f"{key}."
        merged |= {f"{prefix}{name}": tensor for name, tensor in inner.items()}
    # Tensors beside a whole network's group are figures of the training; beside its parts, weights.
    return merged if _is_whole(next(iter(chosen))) else direct | merged


def _choose(groups: dict[str, Mapping], found: Found) -> dict[str, Mapping]:
    """One whole network, or all the parts of one, by the names that they shall have."""
    halves = {_half(k) for k in groups} - {""}
    whole = sorted((k for k in groups if _is_whole(k)), key=lambda k: WHOLE.index(k.lower()))
    if whole:
        first = whole[0]
        if len(groups) > 1:
            others = ", ".join(short(k) for k in groups if k != first)
            found.notes.append(
                f"The file holds several sets of weights: {short(first)} was read, and {others} "
                "left out."
            )
        return {first: groups[first]}
    if len(halves) == 2:
        return {_half(k) or _SUFFIX.sub("", k): g for k, g in groups.items()}
    return groups


def _is_whole(key: str) -> bool:
    return key.lower() in WHOLE


def _half(key: str) -> str:
    """ "encoder", "decoder" or an empty text, for the name of a group."""
    bare = _SUFFIX.sub("", key.lower())
    return "encoder" if bare in _ENCODER else "decoder" if bare in _DECODER else ""


def _remember(value: Mapping, groups: dict, found: Found, nested: bool, tensors: int) -> None:
    """Keep what a mapping says beside weights: figures, hyper-parameters, versions."""
    for key, other in value.items():
        name = str(key)
        figure = isinstance(other, Tensor) and nested and other.numel() == 1
        plain = not isinstance(other, Tensor | np.ndarray | list | Mapping) or figure
        listed = isinstance(other, list) and not any(isinstance(v, Mapping) for v in other)
        described = isinstance(other, Mapping) and name not in groups
        if _LEFT_OUT.search(name.lower()) or (tensors and not nested and described):
            continue
        if plain or listed or described:
            found.facts.setdefault(name, other)


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        native = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("=")))
        return torch.from_numpy(native.reshape(value.shape))
    return None


def _holds(value: Any, levels: int = _LEVELS) -> bool:
    """Whether a mapping holds a tensor, at any depth."""
    if not isinstance(value, Mapping) or levels == 0:
        return False
    return any(_tensor(v) is not None or _holds(v, levels - 1) for v in value.values())
