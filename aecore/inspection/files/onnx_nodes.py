"""What ONNX calls its operations, as operations of the check-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aecore.inspection.files.arithmetic import combine
from aecore.inspection.files.layer_steps import (
    border,
    clamp,
    mean,
    nearest_is_torchs,
    pool,
    resize,
)
from aecore.inspection.files.onnx_constants import worked_out
from aecore.inspection.files.onnx_moves import MOVES
from aecore.inspection.files.onnx_node import Node
from aecore.inspection.files.onnx_sizes import known, sizes_only, whole
from aecore.inspection.files.steps import Graph, one

_STUMBLES = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError)
_SAME = {"Identity", "Dropout", "Cast"}
_LAYERS: dict[str, tuple[str, dict[str, tuple[str, Any]]]] = {
    "Relu": ("ReLU", {}),
    "LeakyRelu": ("LeakyReLU", {"negative_slope": ("alpha", 0.01)}),
    "Elu": ("ELU", {"alpha": ("alpha", 1.0)}),
    "Celu": ("CELU", {"alpha": ("alpha", 1.0)}),
    "HardSwish": ("Hardswish", {}),
    "Softsign": ("Softsign", {}),
    "Gelu": ("GELU", {"approximate": ("approximate", "none")}),
    "Mish": ("Mish", {}),
    "Softplus": ("Softplus", {}),
    "Tanh": ("Tanh", {}),
    "Sigmoid": ("Sigmoid", {}),
    "Exp": ("Exp", {}),
}
_RANDOM = {"RandomNormalLike", "RandomUniformLike", "RandomNormal", "RandomUniform"}


def add_node(g: Graph, node: Node) -> None:
    """Add what one node does; what is not known becomes "Other", with its place and the reason."""
    count, tensors = len(g.operations), len(g.tensors)
    try:
        if not node.outputs or sizes_only(g, node) or worked_out(g, node):
            return
        if node.domain not in ("", "ai.onnx", "com.microsoft"):
            raise ValueError("an operation of somebody's own")
        if node.said in _SAME:
            g.same(node.out, node.x)
        elif node.said in _RANDOM:
            g.step("Random", [x for x in node.inputs if x], node.out, node.said)
        elif node.said in _LAYERS:
            kind, wanted = _LAYERS[node.said]
            settings = {k: node.attributes.get(a, usual) for k, (a, usual) in wanted.items()}
            g.step(kind, [node.x], node.out, node.said, settings)
        else:
            _HANDLERS[node.said](g, node)
    except (*_STUMBLES, ArithmeticError) as error:
        del g.operations[count:]
        for extra in list(g.tensors)[tensors:]:
            del g.tensors[extra]
        g.why = str(error) if type(error) is ValueError else ""
        inputs = [x for x in node.inputs if x and not g.is_weight(x)]
        for output in node.outputs:
            if output:
                g.step("Other", inputs, output, node.said)
        g.why = ""


# -- layers ----------------------------------------------------------------------------------------


def _gemm(g: Graph, n: Node) -> None:
    a = n.attributes
    if a.get("transA"):
        raise ValueError("a transposed input")
    weight, bias = n.needed(1), n.input(2)
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    if alpha != 1:
        weight = g.changed(weight, g.values(weight) * alpha)
    if bias is not None:
        values = g.values(bias)
        size = g.values(weight).shape[0 if a.get("transB") else 1]
        if beta != 1 or values.dim() != 1 or len(values) != size:
            bias = g.changed(bias, (values * beta).reshape(-1).expand(size))
    if a.get("transB"):
        g.linear(n.x, weight, bias, n.out, n.said)
    else:
        g.matmul(n.x, weight, bias, n.out, n.said)


def _matmul(g: Graph, n: Node) -> None:
    g.matmul(n.x, n.needed(1), None, n.out, n.said)


def _sides(
    n: Node, kernel: list[int], stride: Any, spread: Any, sizes: Sequence[int | None] | None
) -> list[int]:
    """The border that a node adds: before, then after, of each direction."""
    how, count = n.attributes.get("auto_pad", "NOTSET"), len(kernel)
    if how in ("SAME_UPPER", "SAME_LOWER"):
        steps, reach = _each(stride, count), _each(spread, count)
        before, after = [], []
        for i, k in enumerate(kernel):
            size = sizes[2 + i] if sizes else None
            if steps[i] != 1 and size is None:
                raise ValueError("a border that depends on the size of the input")
            least = (k - 1) * reach[i]
            rest = 0 if size is None else (-(-size // steps[i]) - 1) * steps[i] - size + 1
            both = max(least + rest, 0)
            small = both // 2
            before.append(small if how == "SAME_UPPER" else both - small)
            after.append(both - small if how == "SAME_UPPER" else small)
        return [*before, *after]
    pads = list(n.attributes.get("pads") or [0] * (2 * count))
    if how == "VALID":
        return [0] * (2 * count)
    if len(pads) != 2 * count:
        raise ValueError("a border of another number of directions")
    return pads


def _each(value: Any, count: int) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [int(value)] * count


def _convolution(g: Graph, n: Node) -> None:
    a, transposed = n.attributes, n.said == "ConvTranspose"
    weight = n.needed(1)
    kernel = list(g.values(weight).shape[2:])
    count = len(kernel)
    stride, spread = one(a.get("strides") or 1), one(a.get("dilations") or 1)
    settings: dict[str, Any] = {"stride": stride, "dilation": spread, "groups": a.get("group", 1)}
    x, output = n.x, n.out
    if transposed:
        if a.get("output_shape") or a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
            raise ValueError("a border that depends on the size of the output")
        pads = _sides(n, kernel, stride, spread, None)
        extra = _each(a.get("output_padding") or 0, count)
        # More taken away behind than before is less output padding.
        extra = [extra[i] - (pads[count + i] - pads[i]) for i in range(count)]
        if any(e < 0 for e in extra):
            raise ValueError("a border that is not the same on both sides")
        settings |= {"padding": one(pads[:count]), "output_padding": one(extra)}
    else:
        pads = _sides(n, kernel, stride, spread, g.shape(x))
        if pads[:count] == pads[count:]:
            settings["padding"] = one(pads[:count])
        else:
            x = border(g, x, f"{output}.border", n.said, "constant", pads[:count], pads[count:])
            settings["padding"] = 0
    g.convolution(x, weight, n.input(2), output, n.said, transposed, settings)


def _batch_norm(g: Graph, n: Node) -> None:
    if n.attributes.get("training_mode"):
        raise ValueError("statistics of the batch itself")
    names = ("weight", "bias", "running_mean", "running_var")
    if len(n.inputs) != len(names) + 1:
        raise ValueError("a batch norm without its statistics")
    roles = {role: n.needed(i) for i, role in enumerate(names, 1)}
    g.batch_norm(n.x, roles, n.out, n.said, n.attributes.get("epsilon", 1e-5))


def _layer_norm(g: Graph, n: Node) -> None:
    axis, rank, shift = n.attributes.get("axis", -1), g.rank(n.x), n.input(2)
    axis = axis + (rank or 0) if axis < 0 and rank else axis
    if n.input(1) is None:  # written out, without weights
        size = [g.size(n.x, i) for i in range(axis, len(g.sizes_of(n.x)))]
        settings = {"normalized_shape": size, "eps": n.attributes["epsilon"]}
        g.step("LayerNorm", [n.x], n.out, n.said, {**settings, "elementwise_affine": False})
        return
    size = list(g.values(n.needed(1)).shape)
    if rank is not None and rank - axis != len(size):
        raise ValueError("a weight of other dimensions than those that are normalised")
    settings = {"normalized_shape": size, "eps": n.attributes.get("epsilon", 1e-5)}
    g.step(
        "LayerNorm",
        [n.x],
        n.out,
        n.said,
        {**settings, "elementwise_affine": True, "bias": shift is not None},
        {"weight": g.weight(n.needed(1)), **({"bias": g.weight(shift)} if shift else {})},
    )


def _group_norm(g: Graph, n: Node) -> None:
    """GroupNormalization, and InstanceNormalization, which normalises each channel."""
    weights = {"weight": g.weight(n.needed(1)), "bias": g.weight(n.needed(2))}
    channels = len(g.tensors[weights["weight"]])
    settings = {"eps": n.attributes.get("epsilon", 1e-5), "affine": True}
    if n.said == "InstanceNormalization":
        settings |= {"num_groups": channels, "num_channels": channels}
        g.step("GroupNorm", [n.x], n.out, n.said, settings, weights)
        return
    if g.shape(n.x) and g.sizes_of(n.x)[1] != channels:
        raise ValueError("one weight for each group")
    settings |= {"num_groups": n.attributes["num_groups"], "num_channels": channels}
    g.step("GroupNorm", [n.x], n.out, n.said, settings, weights)


def _prelu(g: Graph, n: Node) -> None:
    values = g.values(n.needed(1))
    name = g.weight(n.needed(1))
    g.tensors[name] = values.reshape(-1)
    settings = {"num_parameters": values.numel()}
    g.step("PReLU", [n.x], n.out, n.said, settings, {"weight": name})


def _pool(g: Graph, n: Node) -> None:
    for places in filter(None, n.outputs[1:]):
        g.step("Other", [n.x], places, f"{n.said}, the places of its maxima (MaxUnpool)")
    a, kernel = n.attributes, list(n.attributes["kernel_shape"])
    stride, spread = one(a.get("strides") or 1), one(a.get("dilations") or 1)
    if a.get("storage_order"):
        raise ValueError("columns first")
    pool(
        g,
        n.x,
        n.out,
        n.said,
        mean=n.said == "AveragePool",
        kernel=kernel,
        stride=stride,
        pads=_sides(n, kernel, stride, spread, g.shape(n.x)),
        dilation=spread,
        ceil=bool(a.get("ceil_mode")),
        counted=bool(a.get("count_include_pad")),
    )


def _global_mean(g: Graph, n: Node) -> None:
    axes = None
    if n.said == "ReduceMean":
        axes = n.attributes.get("axes") or known(g, n.input(1))
    rank = g.rank(n.x)
    if rank is None:
        raise ValueError("an unknown shape")
    places = list(range(2, rank)) if axes is None else axes
    mean(g, n.x, n.out, n.said, places, bool(n.attributes.get("keepdims", 1)))


def _resize(g: Graph, n: Node) -> None:
    a = n.attributes
    way = a.get("mode", "nearest")
    mode = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}.get(way)
    if mode is None or (way == "cubic" and a.get("cubic_coeff_a", -0.75) != -0.75):
        raise ValueError(f"another size in the way {way!r}")
    usual = "asymmetric" if n.said == "Upsample" or n.opset < 11 else "half_pixel"
    corners = a.get("coordinate_transformation_mode", usual)
    scales = a.get("scales")
    named = n.input(1) if n.said == "Upsample" or n.opset < 11 else n.input(2)
    if scales is None and named is not None:
        scales = g.floats(named)
    before, after = g.shape(n.x), g.shape(n.out)
    wanted = whole(g, n.input(3)) if not scales else None
    if not scales and wanted is None and after:
        wanted = list(after)
    axes = a.get("axes")
    if axes:
        given = scales or wanted
        if [axis % 4 for axis in axes] != [2, 3] or not given:
            raise ValueError("another size of something else than an image")
        scales, wanted = ([1, 1, *given], None) if scales else (None, [0, 0, *given])
    if a.get("antialias") or a.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise ValueError("another size with smoothing or of another shape")
    if scales and (len(scales) != 4 or scales[:2] != [1, 1]):
        raise ValueError("another size of something else than an image")
    if wanted is not None and (len(wanted) != 4 or None in wanted[2:]):
        raise ValueError("an open size")
    known_sizes = before is not None and None not in list(before)[2:]
    if mode == "nearest":
        rounding = a.get("nearest_mode", "floor" if usual == "asymmetric" else "round_prefer_floor")
        for i in (2, 3):
            size = int(before[i] or 0) if known_sizes and before else 24
            factor = scales[i] if scales else int((wanted or [])[i] or 0) / size
            if not nearest_is_torchs(size, factor, corners, rounding):
                raise ValueError(f"pixels repeated by another rule ({corners}, {rounding})")
    elif corners not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        raise ValueError(f"pixels mixed by another rule ({corners})")
    resize(
        g,
        n.x,
        n.out,
        n.said,
        mode,
        factors=scales[2:] if scales else None,
        sizes=[int(s or 0) for s in wanted[2:]] if wanted is not None else None,
        align_corners=corners == "align_corners",
    )


def _clip(g: Graph, n: Node) -> None:
    low, high = n.attributes.get("min"), n.attributes.get("max")
    if n.said in ("Min", "Max"):
        names = [x for x in n.inputs if x]
        numbers = [g.number(x) for x in names]
        if len(names) != 2 or (numbers[0] is None) == (numbers[1] is None):
            raise ValueError("the larger of two values")
        x = names[0] if numbers[1] is not None else names[1]
        number = numbers[1] if numbers[1] is not None else numbers[0]
        low, high = (None, number) if n.said == "Min" else (number, None)
        clamp(g, x, n.out, n.said, low, high)
        return
    if n.input(1) is not None:
        low = g.number(n.needed(1))
    if n.input(2) is not None:
        high = g.number(n.needed(2))
    clamp(g, n.x, n.out, n.said, low, high)


def _power(g: Graph, n: Node) -> None:
    if n.said == "Sqrt":
        exponent: float | None = 0.5
    elif n.said == "Reciprocal":
        exponent = -1.0
    else:
        exponent = g.number(n.needed(1))
    if exponent is None:
        raise ValueError("a power that is computed")
    if exponent == 1:
        g.same(n.out, n.x)
    else:
        g.step("Power", [n.x], n.out, n.said, {"exponent": exponent})


def _compared(g: Graph, n: Node) -> None:
    """A comparison with a number, which only the way that a curve is written out has."""
    number = g.number(n.needed(1))
    if number is None:
        raise ValueError("a comparison of two values")
    g.step("Other", [n.x], n.out, n.said, {"than": number})


def _hard_sigmoid(g: Graph, n: Node) -> None:
    alpha, beta = n.attributes.get("alpha", 0.2), n.attributes.get("beta", 0.5)
    if abs(alpha - 1 / 6) > 1e-6 or abs(beta - 0.5) > 1e-6:
        raise ValueError("a hard sigmoid of another slope than PyTorch's")
    g.step("Hardsigmoid", [n.x], n.out, n.said)


def _softmax(g: Graph, n: Node) -> None:
    rank = g.rank(n.x)
    axis = n.attributes.get("axis", 1 if n.opset < 13 else -1)
    if rank is None or axis % rank != (rank - 1 if n.opset < 13 and rank == 2 else axis % rank):
        raise ValueError("an unknown shape")
    g.step("Softmax", [n.x], n.out, n.said, {"dim": axis % rank})


def _selu(g: Graph, n: Node) -> None:
    alpha, gamma = n.attributes.get("alpha", 1.67326), n.attributes.get("gamma", 1.0507)
    if abs(alpha - 1.67326) > 1e-4 or abs(gamma - 1.0507) > 1e-4:
        raise ValueError("a SELU of other numbers than the usual")
    g.step("SELU", [n.x], n.out, n.said)


def _arithmetic(g: Graph, n: Node) -> None:
    combine(g, n.said.lower(), n.x, n.needed(1), n.out, n.said)


def _negative(g: Graph, n: Node) -> None:
    g.scale(n.x, n.out, n.said, -1.0)


def _swish(g: Graph, n: Node) -> None:
    if n.attributes.get("alpha", 1.0) != 1:
        raise ValueError("a scaled swish")
    g.step("SiLU", [n.x], n.out, n.said)


_HANDLERS: dict[str, Callable[[Graph, Node], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(("Conv", "ConvTranspose"), _convolution),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization"), _group_norm),
    "PRelu": _prelu,
    **dict.fromkeys(("MaxPool", "AveragePool"), _pool),
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean"), _global_mean),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **MOVES,
    **dict.fromkeys(("Clip", "Min", "Max"), _clip),
    **dict.fromkeys(("Pow", "Sqrt", "Reciprocal"), _power),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), _compared),
    "HardSigmoid": _hard_sigmoid,
    "Softmax": _softmax,
    "Selu": _selu,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    "Neg": _negative,
    "Swish": _swish,
}
