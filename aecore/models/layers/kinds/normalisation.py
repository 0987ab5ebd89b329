"""Normalisation of batches, layers and groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.errors import ExportError
from aecore.models.layers.arguments import arguments_of, number
from aecore.models.layers.entry import Draw, LayerEntry, Pick, Shape, expect
from aecore.models.layers.kinds.affine import AFFINE, affine, every_value
from aecore.models.layers.kinds.convolution import CONV, CONV_TRANSPOSED
from aecore.models.layers.kinds.linear import LINEAR
from aecore.models.layers.operation import Description, Op, Operation, part, values_of
from aecore.models.layers.registry import register

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d
Instance = nn.InstanceNorm1d | nn.InstanceNorm2d


def _reset(layer: BatchNorm | Instance | nn.LayerNorm | nn.GroupNorm, draw: Draw) -> None:
    layer.reset_parameters()


# Batch normalisation ----------------------------------------------------------------------


def _batch_statistics(layer: BatchNorm | Instance) -> tuple[Tensor, Tensor] | None:
    mean, variance = layer.running_mean, layer.running_var
    return None if mean is None or variance is None else (mean, variance)


def _batch_trace(layer: BatchNorm | Instance, shape: Shape, ops: list[Op]) -> Shape:
    """Fold into the layer before, or leave an affine operation per channel."""
    fits = shape[:1] == (layer.num_features,)
    expect(fits, layer, shape, f"expected {layer.num_features} channels")
    kept = _batch_statistics(layer)
    if kept is None:
        raise ExportError("batch normalisation without running statistics cannot be exported.")
    mean, variance = (values_of(values) for values in kept)
    scale = 1 / np.sqrt(variance + layer.eps)
    shift = -mean * scale
    if layer.weight is not None:
        weight = values_of(layer.weight)
        scale, shift = scale * weight, shift * weight
    if layer.bias is not None:
        shift = shift + values_of(layer.bias)
    if not (ops and _folds(ops[-1], shape, scale, shift)):
        ops.append(affine(scale, shift, shape))
    return shape


def _folds(last: Op, shape: Shape, scale: np.ndarray, shift: np.ndarray) -> bool:
    """Fold y = scale * layer(x) + shift into the weights of `last` if its channels allow it."""
    kind = last.description["op"]
    if scale.size != getattr(last.arrays.get("b"), "size", 0):
        return False  # a Flatten stands between them: each value has a factor of its own
    if (kind == LINEAR.name and len(shape) == 1) or kind == CONV.name:
        per_out = scale.reshape(-1, *[1] * (last.arrays["w"].ndim - 1))
        last.arrays["w"] = last.arrays["w"] * per_out
    elif kind == CONV_TRANSPOSED.name:
        w = last.arrays["w"]
        last.arrays["w"] = w * scale.reshape(*w.shape[:2], 1, 1, 1)
    else:
        return False
    last.arrays["b"] = last.arrays["b"] * scale + shift
    return True


def _batch_sample_flat(shape: Shape, pick: Pick) -> nn.BatchNorm1d | None:
    if len(shape) not in (1, 2):
        return None
    return nn.BatchNorm1d(shape[0], eps=pick((1e-5, 1e-3)), affine=pick((True, False)))


def _batch_sample(shape: Shape, pick: Pick) -> nn.BatchNorm2d | None:
    if len(shape) != 3:
        return None
    return nn.BatchNorm2d(shape[0], eps=pick((1e-5, 1e-3)), affine=pick((True, False)))


register(
    LayerEntry(
        layer=nn.BatchNorm1d,
        sample=_batch_sample_flat,
        trace=_batch_trace,
        operations=(AFFINE,),
        multiply_adds=every_value,
        first_weights=_reset,
        statistics=_batch_statistics,
    )
)
register(
    LayerEntry(
        layer=nn.BatchNorm2d,
        sample=_batch_sample,
        trace=_batch_trace,
        operations=(AFFINE,),
        multiply_adds=every_value,
        first_weights=_reset,
        statistics=_batch_statistics,
    )
)


# Layer normalisation ----------------------------------------------------------------------


def _layer_line(layer: nn.LayerNorm) -> str:
    parts = [str(list(layer.normalized_shape)), f"eps={number(layer.eps)}"]
    if not layer.elementwise_affine:
        parts.append("elementwise_affine=False")
    elif layer.bias is None:
        parts.append("bias=False")
    return ", ".join(parts)


def _layer_call(layer: nn.LayerNorm, encoder: Sequence[nn.Module]) -> list[str]:
    others = arguments_of(layer, leave_out=("normalized_shape",))
    return [repr(tuple(layer.normalized_shape)), *others]


def _layer_run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    size = op["size"]
    w, b = (part(op, weights, name, size) for name in "wb")
    return F.layer_norm(x.view(len(x), op["rows"], size), [size], w, b, op["eps"])


LAYER_NORM = Operation("layer_norm", _layer_run)


def _layer_trace(layer: nn.LayerNorm, shape: Shape, ops: list[Op]) -> Shape:
    normal = tuple(layer.normalized_shape)
    expect(shape[-len(normal) :] == normal, layer, shape, f"its last sizes should be {normal}")
    arrays = {"w": np.ones(normal), "b": np.zeros(normal)}
    for name, tensor in (("w", layer.weight), ("b", layer.bias)):
        if tensor is not None:
            arrays[name] = values_of(tensor)
    rows = prod(shape) // prod(normal)
    settings = {"rows": rows, "size": prod(normal), "eps": layer.eps}
    ops.append(LAYER_NORM.op(settings, arrays))
    return shape


def _layer_sample(shape: Shape, pick: Pick) -> nn.LayerNorm | None:
    normal = shape[pick(range(len(shape))) :]
    if prod(normal) < 2:
        return None
    trained, bias = pick((True, False)), pick((True, False))
    return nn.LayerNorm(list(normal), eps=pick((1e-5, 1e-3)), elementwise_affine=trained, bias=bias)


register(
    LayerEntry(
        layer=nn.LayerNorm,
        sample=_layer_sample,
        line=_layer_line,
        script=_layer_call,
        trace=_layer_trace,
        operations=(LAYER_NORM,),
        multiply_adds=lambda layer, before, after: 2 * prod(after),
        first_weights=_reset,
    )
)


# Group and instance normalisation ---------------------------------------------------------


def _group_run(op: Description, weights: Tensor, x: Tensor) -> Tensor:
    channels = op["channels"]
    w, b = (part(op, weights, name, channels) for name in "wb")
    return F.group_norm(x.view(len(x), channels, -1), op["groups"], w, b, op["eps"])


GROUP_NORM = Operation("group_norm", _group_run)


def _group_op(layer: nn.GroupNorm | Instance, shape: Shape, groups: int) -> Op:
    channels = shape[0]
    arrays = {"w": np.ones(channels), "b": np.zeros(channels)}
    for name, tensor in (("w", layer.weight), ("b", layer.bias)):
        if tensor is not None:
            arrays[name] = values_of(tensor)
    size = prod(shape[1:])
    settings = {"groups": groups, "channels": channels, "size": size, "eps": layer.eps}
    return GROUP_NORM.op(settings, arrays)


def _group_trace(layer: nn.GroupNorm, shape: Shape, ops: list[Op]) -> Shape:
    fits = shape[:1] == (layer.num_channels,)
    expect(fits, layer, shape, f"expected {layer.num_channels} channels")
    ops.append(_group_op(layer, shape, layer.num_groups))
    return shape


def _group_sample(shape: Shape, pick: Pick) -> nn.GroupNorm | None:
    if prod(shape) < 2 * shape[0]:
        return None
    groups = [g for g in (1, 2, 4) if shape[0] % g == 0]
    return nn.GroupNorm(pick(groups), shape[0], eps=pick((1e-5, 1e-3)), affine=pick((True, False)))


register(
    LayerEntry(
        layer=nn.GroupNorm,
        sample=_group_sample,
        trace=_group_trace,
        operations=(GROUP_NORM,),
        multiply_adds=lambda layer, before, after: 2 * prod(after),
        first_weights=_reset,
    )
)


def _instance_trace(layer: Instance, shape: Shape, ops: list[Op]) -> Shape:
    if layer.track_running_stats:  # in use, what it saw in training counts
        return _batch_trace(layer, shape, ops)
    fits = len(shape) > 1 and shape[0] == layer.num_features
    expect(fits, layer, shape, f"expected {layer.num_features} channels")
    ops.append(_group_op(layer, shape, layer.num_features))
    return shape


def _instance_sample(
    cls: Callable[..., Instance], dims: int
) -> Callable[[Shape, Pick], Instance | None]:
    def sample(shape: Shape, pick: Pick) -> Instance | None:
        if len(shape) != dims + 1 or prod(shape[1:]) < 2:
            return None
        affine, kept = pick((True, False)), pick((False, True))
        eps = pick((1e-5, 1e-3))
        return cls(shape[0], eps=eps, affine=affine, track_running_stats=kept)

    return sample


for _dims, _cls in enumerate((nn.InstanceNorm1d, nn.InstanceNorm2d), 1):
    register(
        LayerEntry(
            layer=_cls,
            sample=_instance_sample(_cls, _dims),
            trace=_instance_trace,
            operations=(GROUP_NORM, AFFINE),
            multiply_adds=lambda layer, before, after: 2 * prod(after),
            first_weights=_reset,
            statistics=_batch_statistics,
        )
    )
