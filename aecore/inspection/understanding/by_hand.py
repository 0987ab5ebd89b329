"""A network described by hand: the layers that a person wrote, filled with a file's tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.models import LatentModel, build
from aecore.models.layers import parse_layers, write_layer
from aecore.types import DataSpec, ModelSpec


def described(
    contents: Contents,
    data: DataSpec,
    encoder: tuple[str, ...],
    decoder: tuple[str, ...],
    latent_dim: int,
    variational: bool,
) -> tuple[LatentModel, tuple[str, ...]]:
    """The model, and names of the tensors that it does not use.

    encoder, decoder: lines as `aecore.models.layers` reads them. Each layer takes the first tensors
    of the file, in its order, that have its shapes and are not taken yet; for two heads, mu and
    logvar, one layer of twice the size takes two. Raises InspectionError or ConfigError.
    """
    told = any("Told(" in line for line in (*encoder, *decoder))
    kind = "vae" if variational else "ae"
    family = f"described-conditional-{kind}" if told else f"described-{kind}"
    options = {"encoder": encoder, "decoder": decoder}
    model = build(ModelSpec(family, data, latent_dim, options), seed=None)
    state: dict[str, Tensor] = {}
    free = dict(contents.tensors)
    for half, lines in (("encoder", encoder), ("decoder", decoder)):
        for i, layer in enumerate(parse_layers(lines)):
            state |= _fill(f"{half}.{i}", layer, half, free)
    missing = set(model.state_dict()) - set(state)
    if missing:
        raise InspectionError(
            f"The description leaves {len(missing)} weights without a tensor of the file; write "
            "every layer that has weights."
        )
    model.load_state_dict(state)
    return model.eval(), tuple(free)


def _fill(place: str, layer: nn.Module, half: str, free: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one layer, taken out of `free`."""
    wanted = layer.state_dict()
    if not wanted:
        return {}
    children = list(layer.named_children())
    if children:  # a block: its layers one after the other
        filled: dict[str, Tensor] = {}
        for name, child in children:
            filled |= _fill(f"{place}.{name}", child, half, free)
        return filled
    counter = wanted.pop("num_batches_tracked", None)
    group = _group(wanted, free)
    if group is None and isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
        halves = {role: t[: t.shape[0] // 2] for role, t in wanted.items()}
        first = _group(halves, free)
        rest = {k: v for k, v in free.items() if first is None or k not in first.values()}
        second = _group(halves, rest)
        if first is not None and second is not None:
            filled = {
                f"{place}.{role}": torch.cat([free.pop(first[role]), free.pop(second[role])])
                for role in wanted
            }
            return filled
    if group is None:
        shapes = ", ".join(str(tuple(t.shape)) for t in wanted.values())
        raise InspectionError(
            f"The layer {write_layer(layer)} of the {half} needs tensors of shape {shapes}, and "
            "the file has none left in this order; compare with its list of tensors."
        )
    filled = {f"{place}.{role}": free.pop(name) for role, name in group.items()}
    if counter is not None:
        prefix = group["running_mean"].rpartition(".")[0]
        filled[f"{place}.num_batches_tracked"] = free.pop(
            f"{prefix}.num_batches_tracked", torch.tensor(0)
        )
    return filled


def _group(wanted: dict[str, Tensor], free: dict[str, Tensor]) -> dict[str, str] | None:
    """Names of the first tensors of these roles and shapes that belong together."""
    first = next(iter(wanted))
    for name, tensor in free.items():
        if tensor.shape != wanted[first].shape:
            continue
        prefix, _, role = name.rpartition(".")
        if role == first:
            names = {r: f"{prefix}.{r}" for r in wanted}
            if all(n in free and free[n].shape == wanted[r].shape for r, n in names.items()):
                return names
            continue
        # Tensors without a layer's name: each role takes the next one of its shape.
        names = {first: name}
        for r in list(wanted)[1:]:
            taken = set(names.values())
            fits = [n for n, t in free.items() if t.shape == wanted[r].shape and n not in taken]
            if not fits:
                return None
            names[r] = fits[0]
        return names
    return None
