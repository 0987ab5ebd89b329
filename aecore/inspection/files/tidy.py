"""Weights under the names that a plain network would have: wrappers and weight norms resolved."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from aecore.inspection.files.limits import MAX_NOTES
from aecore.wording import short

#: What wrappers put before every name: data parallel, torch.compile, Lightning modules.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.", "autoencoder.", "vae.")
_PARAMETRISED = re.compile(r"(.*?)(?:\.|^)parametrizations\.(\w+)\.(.+)")


def tidy(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors under plain names, in their order, and a note for each thing that was done."""
    notes: list[str] = []
    tensors = _unwrap(tensors, notes)
    tensors = _parametrisations(tensors, notes)
    tensors = _old_norms(tensors, notes)
    return tensors, notes[:MAX_NOTES]


def _unwrap(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    if "n_averaged" in tensors and len(tensors) > 1:
        tensors = {k: v for k, v in tensors.items() if k != "n_averaged"}
        notes.append("The weights are the average of several (n_averaged).")
    if any("_orig_mod." in name for name in tensors):
        tensors = {name.replace("_orig_mod.", ""): v for name, v in tensors.items()}
        notes.append("What torch.compile puts into names (_orig_mod.) was taken off.")
    again = True
    while again and tensors:
        again = False
        for prefix in _WRAPPERS:
            if all(name.startswith(prefix) and len(name) > len(prefix) for name in tensors):
                tensors = {name[len(prefix) :]: v for name, v in tensors.items()}
                notes.append(f"All names began with {prefix!r}, which was taken off.")
                again = True
    return tensors


def _parametrisations(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """Resolve what torch.nn.utils.parametrizations wrote."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for name in tensors:
        if match := _PARAMETRISED.fullmatch(name):
            module, what, rest = match.groups()
            groups.setdefault((module, what), {})[rest] = name
    for (module, what), parts in groups.items():
        target = f"{module}.{what}".lstrip(".")
        given = {rest: tensors[name] for rest, name in parts.items()}
        effective, how = None, ""
        if set(given) == {"original0", "original1"}:
            effective, how = _weight_norm(given["original0"], given["original1"]), "weight norm"
        elif set(given) == {"original", "0._u", "0._v"}:
            effective = _spectral(given["original"], given["0._u"], given["0._v"])
            how = "spectral norm"
        tensors = _resolved(tensors, target, list(parts.values()), effective, how, notes)
    return tensors


def _old_norms(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """Resolve what torch.nn.utils.weight_norm, spectral_norm and prune wrote."""
    for name in list(tensors):
        effective, how, parts = None, "", []
        if (
            name.endswith("_g")
            and f"{name[:-2]}_v" in tensors
            and f"{name[:-2]}_orig" not in tensors
        ):
            parts = [name, f"{name[:-2]}_v"]
            effective, how = _weight_norm(*(tensors[p] for p in parts)), "weight norm"
        elif name.endswith("_orig"):
            base = name.removesuffix("_orig")
            parts = [p for p in (name, f"{base}_u", f"{base}_v", f"{base}_mask") if p in tensors]
            if parts[1:] == [f"{base}_mask"] and tensors[parts[1]].shape == tensors[name].shape:
                effective, how = tensors[name] * tensors[parts[1]], "pruning"
            elif len(parts) == 3:
                effective, how = _spectral(*(tensors[p] for p in parts)), "spectral norm"
        if effective is not None:
            target = parts[0].rsplit("_", 1)[0]
            tensors = _resolved(tensors, target, parts, effective, how, notes)
    return tensors


def _resolved(
    tensors: dict[str, Tensor],
    target: str,
    parts: list[str],
    effective: Tensor | None,
    how: str,
    notes: list[str],
) -> dict[str, Tensor]:
    """The tensors with one in place of its parts; unchanged, with a note, if that cannot be."""
    if effective is None or target in tensors:
        notes.append(f"How {short(target)!r} is computed from its parts is not known here.")
        return tensors
    notes.append(f"The effective {short(target)!r} was computed from its {how}.")
    new: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name not in parts:
            new[name] = value
        elif target not in new:
            new[target] = effective
    return new


def _weight_norm(g: Tensor, v: Tensor) -> Tensor | None:
    """g v / |v|, the norm over the dimensions in which g has one value (Salimans, Kingma 2016)."""
    if not (g.is_floating_point() and v.is_floating_point() and v.dim()):
        return None
    if g.dim() not in (0, v.dim()) or any(
        a not in (1, b) for a, b in zip(g.shape, v.shape, strict=False)
    ):
        return None
    over = [i for i, size in enumerate(g.shape) if size == 1 and v.shape[i] != 1]
    if g.dim() == 0:
        over = list(range(v.dim()))
    norm = torch.linalg.vector_norm(v, dim=over, keepdim=True) if over else v.abs()
    return (g * v / norm).contiguous()


def _spectral(weight: Tensor, u: Tensor, v: Tensor) -> Tensor | None:
    """W / (u W v), as in evaluation; u belongs to the first dimension, or to the second of
    transposed convolutions: where sizes allow both, to the one that gives the larger value."""
    if weight.dim() < 2 or not all(t.is_floating_point() for t in (weight, u, v)):
        return None
    best = 0.0
    for dim in (0, 1):
        rest = weight.numel() // max(weight.shape[dim], 1)
        if u.shape != (weight.shape[dim],) or v.shape != (rest,):
            continue
        sigma = float(u @ weight.movedim(dim, 0).reshape(len(u), rest) @ v)
        best = max(best, sigma) if math.isfinite(sigma) else best
    return weight / best if best > 0 else None
