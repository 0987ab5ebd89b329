"""One layer of torch after another as operations that the browser knows.

Each exporter takes a layer and the shape of one example, appends its operations, and returns the
shape that leaves the layer. A new layer is a function here, a line in LAYERS, and an operation in
`assets/latent_pad.js`; tests/browser/test_pad_engine.py compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from torch import nn

from aecore.errors import ExportError
from aecore.models.families.linear import TransposedLinear
from aecore.models.families.sparse import TopK
from aecore.models.layers import Pad, Resize, Scale

Shape = tuple[int, ...]


@dataclass
class Op:
    """One operation before its weights are packed; macs: its multiply-adds for one example."""

    description: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    macs: int = 0


def _array(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _expect(condition: bool, layer: nn.Module, shape: Shape, what: str) -> None:
    if not condition:
        raise ExportError(f"{type(layer).__name__} got an input of shape {shape}: {what}.")


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if not isinstance(value, tuple | list) else tuple(value)


def _weights(layer: nn.Module, outputs: int) -> dict[str, np.ndarray]:
    bias = np.zeros(outputs) if layer.bias is None else _array(layer.bias)
    return {"w": _array(layer.weight), "b": bias}


def _linear(layer: nn.Linear, shape: Shape, ops: list[Op]) -> Shape:
    n_in, n_out = layer.in_features, layer.out_features
    _expect(bool(shape) and shape[-1] == n_in, layer, shape, f"its last size should be {n_in}")
    rows = prod(shape[:-1])
    description = {"op": "linear", "rows": rows, "in": n_in, "out": n_out}
    ops.append(Op(description, _weights(layer, n_out), rows * n_in * n_out))
    return (*shape[:-1], n_out)


def _top_k(layer: TopK, shape: Shape, ops: list[Op]) -> Shape:
    _expect(len(shape) == 1, layer, shape, "expected a flat vector")
    ops.append(Op({"op": "top_k", "k": min(layer.k, shape[0]), "size": shape[0]}))
    return shape


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d, shape: Shape, ops: list[Op]) -> Shape:
    transposed = isinstance(layer, nn.ConvTranspose2d)
    fits = len(shape) == 3 and shape[0] == layer.in_channels
    _expect(fits, layer, shape, f"expected ({layer.in_channels}, height, width)")
    if layer.padding_mode != "zeros":
        raise ExportError(f"padding mode '{layer.padding_mode}' is not supported, only zeros.")
    kernel, stride, dilation = _pair(layer.kernel_size), _pair(layer.stride), _pair(layer.dilation)
    reach = [d * (n - 1) for d, n in zip(dilation, kernel, strict=True)]
    if layer.padding == "valid":
        padding = (0, 0)
    elif layer.padding == "same":
        if any(r % 2 for r in reach):
            raise ExportError("padding 'same' with an even kernel is not supported.")
        padding = (reach[0] // 2, reach[1] // 2)
    else:
        padding = _pair(layer.padding)
    if transposed:
        extra = _pair(layer.output_padding)
        size = [
            (shape[1 + i] - 1) * stride[i] - 2 * padding[i] + reach[i] + extra[i] + 1
            for i in (0, 1)
        ]
    else:
        size = [(shape[1 + i] + 2 * padding[i] - reach[i] - 1) // stride[i] + 1 for i in (0, 1)]
    _expect(min(size) > 0, layer, shape, "nothing would be left of it")
    out = (layer.out_channels, *size)
    description = {
        "op": "conv_transpose2d" if transposed else "conv2d",
        "in": list(shape),
        "out": list(out),
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
        "dilation": list(dilation),
        "groups": layer.groups,
    }
    if transposed:
        macs = prod(shape) * layer.out_channels // layer.groups * prod(kernel)
    else:
        macs = prod(out) * layer.in_channels // layer.groups * prod(kernel)
    arrays = _weights(layer, layer.out_channels)
    if transposed:
        arrays["w"] = _by_outputs(arrays["w"], layer.groups)
    ops.append(Op(description, arrays, macs))
    return out


def _by_outputs(w: np.ndarray, groups: int) -> np.ndarray:
    """Weights of a transposed convolution (C, O / groups, kH, kW) as the browser multiplies by
    them: (groups, O / groups, kH, kW, C / groups)."""
    return np.moveaxis(w.reshape(groups, -1, *w.shape[1:]), 1, -1)


def _batch_norm(layer: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape, ops: list[Op]) -> Shape:
    """Fold into the layer before, or leave an affine operation per channel."""
    fits = bool(shape) and shape[0] == layer.num_features
    _expect(fits, layer, shape, f"expected {layer.num_features} channels")
    if layer.running_mean is None:
        raise ExportError("batch normalisation without running statistics cannot be exported.")
    scale = 1 / np.sqrt(_array(layer.running_var) + layer.eps)
    shift = -_array(layer.running_mean) * scale
    if layer.affine:
        scale, shift = scale * _array(layer.weight), shift * _array(layer.weight)
        shift = shift + _array(layer.bias)
    last = ops[-1] if ops else None
    if last is not None and _folds(last, shape, scale, shift):
        return shape
    description = {"op": "affine", "channels": shape[0], "size": prod(shape[1:])}
    ops.append(Op(description, {"w": scale, "b": shift}, prod(shape)))
    return shape


def _folds(last: Op, shape: Shape, scale: np.ndarray, shift: np.ndarray) -> bool:
    """Fold y = scale * layer(x) + shift into the weights of `last` if its channels allow it."""
    kind = last.description["op"]
    if (kind == "linear" and len(shape) == 1) or kind == "conv2d":
        per_out = scale.reshape(-1, *[1] * (last.arrays["w"].ndim - 1))
        last.arrays["w"] = last.arrays["w"] * per_out
    elif kind == "conv_transpose2d":
        w = last.arrays["w"]
        last.arrays["w"] = w * scale.reshape(*w.shape[:2], 1, 1, 1)
    else:
        return False
    last.arrays["b"] = last.arrays["b"] * scale + shift
    return True


def _layer_norm(layer: nn.LayerNorm, shape: Shape, ops: list[Op]) -> Shape:
    normal = tuple(layer.normalized_shape)
    _expect(shape[-len(normal) :] == normal, layer, shape, f"its last sizes should be {normal}")
    arrays = {"w": np.ones(normal), "b": np.zeros(normal)}
    for name, tensor in (("w", layer.weight), ("b", layer.bias)):
        if tensor is not None:
            arrays[name] = _array(tensor)
    rows = prod(shape) // prod(normal)
    description = {"op": "layer_norm", "rows": rows, "size": prod(normal), "eps": layer.eps}
    ops.append(Op(description, arrays, 2 * prod(shape)))
    return shape


def _activation(name: str, **parameters: str) -> Callable[[nn.Module, Shape, list[Op]], Shape]:
    """An exporter for an activation; parameters: name in the browser -> attribute in torch."""

    def export(layer: nn.Module, shape: Shape, ops: list[Op]) -> Shape:
        values = {ours: getattr(layer, theirs) for ours, theirs in parameters.items()}
        ops.append(Op({"op": "activation", "kind": name, "size": prod(shape), **values}))
        return shape

    return export


def _nothing(layer: nn.Module, shape: Shape, ops: list[Op]) -> Shape:
    return shape


def _flatten(layer: nn.Flatten, shape: Shape, ops: list[Op]) -> Shape:
    if layer.start_dim != 1 or layer.end_dim not in (-1, len(shape)):
        raise ExportError("only a Flatten of all dimensions is supported.")
    return (prod(shape),)


def _unflatten(layer: nn.Unflatten, shape: Shape, ops: list[Op]) -> Shape:
    sizes = list(layer.unflattened_size)
    if len(shape) != 1 or layer.dim not in (1, -1):
        raise ExportError("only an Unflatten of a flat vector is supported.")
    if -1 in sizes:
        sizes[sizes.index(-1)] = shape[0] // -prod(sizes)
    _expect(prod(sizes) == shape[0], layer, shape, f"it cannot become {tuple(sizes)}")
    return tuple(sizes)


def _scale(layer: Scale, shape: Shape, ops: list[Op]) -> Shape:
    w, b = np.full(shape[0], layer.factor), np.full(shape[0], layer.shift)
    description = {"op": "affine", "channels": shape[0], "size": prod(shape[1:])}
    ops.append(Op(description, {"w": w, "b": b}, prod(shape)))
    return shape


def _selu(layer: nn.SELU, shape: Shape, ops: list[Op]) -> Shape:
    """A multiple of ELU (Klambauer et al. 2017, 'Self-normalizing neural networks')."""
    _activation("elu", alpha="alpha")(nn.ELU(1.6732632423543772), shape, ops)
    return _scale(Scale(1.0507009873554805), shape, ops)


def _prelu(layer: nn.PReLU, shape: Shape, ops: list[Op]) -> Shape:
    if layer.num_parameters != 1:
        raise ExportError("PReLU with a slope per channel is not supported.")
    return _activation("leaky_relu", slope="negative_slope")(
        nn.LeakyReLU(float(layer.weight.detach())), shape, ops
    )


def _pad(layer: Pad, shape: Shape, ops: list[Op]) -> Shape:
    # An average over one pixel, which counts what lies outside as zero.
    _expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")
    out = (shape[0], shape[1] + 2 * layer.n, shape[2] + 2 * layer.n)
    description = {
        "op": "pool2d",
        "kind": "average",
        "in": list(shape),
        "out": list(out),
        "kernel": [1, 1],
        "stride": [1, 1],
        "padding": [layer.n, layer.n],
        "count_padding": True,
    }
    ops.append(Op(description, macs=prod(out)))
    return out


def _resize(layer: Resize, shape: Shape, ops: list[Op]) -> Shape:
    return _upsample(nn.Upsample(size=layer.size, mode="bilinear"), shape, ops)


def _upsample(layer: nn.Upsample, shape: Shape, ops: list[Op]) -> Shape:
    _expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")
    if layer.mode not in ("nearest", "bilinear"):
        raise ExportError(f"upsampling mode '{layer.mode}' is not supported.")
    if layer.size is not None:
        size = _pair(layer.size)
        scale = [shape[1 + i] / size[i] for i in (0, 1)]
    else:
        factor = layer.scale_factor
        factors = factor if isinstance(factor, tuple | list) else (factor, factor)
        size = tuple(int(shape[1 + i] * factors[i]) for i in (0, 1))
        scale = [1 / f for f in factors]
    out = (shape[0], *size)
    description = {"op": "interpolate", "in": list(shape), "out": list(out)}
    for i, name in enumerate(("rows", "columns")):
        description[name] = _sources(layer, shape[1 + i], size[i], scale[i])
    ops.append(Op(description, macs=4 * prod(out)))
    return out


def _sources(layer: nn.Upsample, n: int, size: int, scale: float) -> list[tuple[int, float]]:
    """For each of `size` rows (or columns) made from n: the row that it is made from, and the
    share that the next one has in it."""
    to = np.arange(size, dtype=np.float32)
    if layer.mode == "nearest":
        at = np.floor(to * np.float32(scale))
    elif layer.align_corners:
        at = to * np.float32((n - 1) / (size - 1) if size > 1 else 0)
    else:
        at = np.maximum(0, (to + np.float32(0.5)) * np.float32(scale) - np.float32(0.5))
    low = np.minimum(n - 1, np.floor(at).astype(int))
    share = np.where(low + 1 < n, at - low, 0)
    return [(int(i), float(s)) for i, s in zip(low, share, strict=True)]


def _pool(layer: nn.MaxPool2d | nn.AvgPool2d, shape: Shape, ops: list[Op]) -> Shape:
    _expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")
    is_max = isinstance(layer, nn.MaxPool2d)
    if layer.ceil_mode or (is_max and _pair(layer.dilation) != (1, 1)):
        raise ExportError("pooling with ceil_mode or dilation is not supported.")
    if not is_max and layer.divisor_override:
        raise ExportError("average pooling with its own divisor is not supported.")
    kernel, stride, padding = (
        _pair(v) for v in (layer.kernel_size, layer.stride or layer.kernel_size, layer.padding)
    )
    size = [(shape[1 + i] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in (0, 1)]
    out = (shape[0], *size)
    description = {
        "op": "pool2d",
        "kind": "max" if is_max else "average",
        "in": list(shape),
        "out": list(out),
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
        "count_padding": bool(is_max or layer.count_include_pad),
    }
    ops.append(Op(description, macs=prod(out) * prod(kernel)))
    return out


def _adaptive_pool(layer: nn.AdaptiveAvgPool2d, shape: Shape, ops: list[Op]) -> Shape:
    _expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")
    wanted = _pair(layer.output_size)
    size = [shape[1 + i] if wanted[i] is None else wanted[i] for i in (0, 1)]
    if any(shape[1 + i] % size[i] for i in (0, 1)):
        raise ExportError("adaptive pooling is supported only where the sizes divide evenly.")
    kernel = tuple(shape[1 + i] // size[i] for i in (0, 1))
    return _pool(nn.AvgPool2d(kernel), shape, ops)


LAYERS: dict[type[nn.Module], Callable[[Any, Shape, list[Op]], Shape]] = {
    nn.Linear: _linear,
    TransposedLinear: _linear,
    TopK: _top_k,
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _activation("leaky_relu", slope="negative_slope"),
    nn.ELU: _activation("elu", alpha="alpha"),
    nn.GELU: _activation("gelu", approximate="approximate"),
    nn.SiLU: _activation("silu"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
    nn.Dropout2d: _nothing,
    nn.SELU: _selu,
    nn.PReLU: _prelu,
    Scale: _scale,
    Pad: _pad,
    Resize: _resize,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Upsample: _upsample,
    nn.MaxPool2d: _pool,
    nn.AvgPool2d: _pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool,
}
