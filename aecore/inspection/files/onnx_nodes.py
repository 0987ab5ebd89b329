"""What ONNX calls its operations, as operations of the check-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.inspection.files.arithmetic import combine
from aecore.inspection.files.limits import Budget
from aecore.inspection.files.onnx_node import Node
from aecore.inspection.files.onnx_sizes import known, sizes_only, whole
from aecore.inspection.files.steps import Graph, one

_STUMBLES = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError)
_SAME = {"Identity", "Dropout", "Cast"}
_LAYERS: dict[str, tuple[str, dict[str, tuple[str, Any]]]] = {
    "Relu": ("ReLU", {}),
    "LeakyRelu": ("LeakyReLU", {"negative_slope": ("alpha", 0.01)}),
    "Elu": ("ELU", {"alpha": ("alpha", 1.0)}),
    "Selu": ("SELU", {}),
    "Gelu": ("GELU", {"approximate": ("approximate", "none")}),
    "Mish": ("Mish", {}),
    "Softplus": ("Softplus", {}),
    "Tanh": ("Tanh", {}),
    "Sigmoid": ("Sigmoid", {}),
    "Exp": ("Exp", {}),
}
_RANDOM = {"RandomNormalLike", "RandomUniformLike", "RandomNormal", "RandomUniform"}


def add_node(g: Graph, proto: Any, budget: Budget) -> None:
    """Add what one node does; what is not known becomes "Other"."""
    node = Node(proto, budget)
    count, tensors = len(g.operations), len(g.tensors)
    try:
        if not node.outputs or sizes_only(g, node):
            return
        if node.domain not in ("", "ai.onnx", "com.microsoft"):
            raise ValueError("operations of somebody's own")
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
    except (*_STUMBLES, ArithmeticError):
        del g.operations[count:]
        for extra in list(g.tensors)[tensors:]:
            del g.tensors[extra]
        inputs = [x for x in node.inputs if x and not g.is_weight(x)]
        for output in node.outputs:
            g.step("Other", inputs, output, node.said)


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


def _padding(g: Graph, n: Node, kernel: list[int], stride: int, spread: int) -> Any:
    """The border of an image that a node adds, the same on both sides; else ValueError."""
    how = n.attributes.get("auto_pad", "NOTSET")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        if stride != 1 or any(k % 2 == 0 for k in kernel):
            raise ValueError("a border that depends on the size of the input")
        return one([(k - 1) * spread // 2 for k in kernel])
    pads = n.attributes.get("pads") or [0, 0, 0, 0]
    if how == "VALID":
        return 0
    if len(pads) != 4 or pads[:2] != pads[2:]:
        raise ValueError("a border that is not the same on both sides")
    return one(pads[:2])


def _convolution(g: Graph, n: Node) -> None:
    a, transposed = n.attributes, n.said == "ConvTranspose"
    weight = n.needed(1)
    kernel = list(g.values(weight).shape[2:])
    stride, spread = one(a.get("strides") or 1), one(a.get("dilations") or 1)
    if a.get("output_shape") or not isinstance(spread, int):
        raise ValueError("an unusual convolution")
    padding = _padding(g, n, kernel, stride, spread)
    settings = {"stride": stride, "padding": padding, "dilation": spread}
    settings["groups"] = a.get("group", 1)
    if transposed:
        settings["output_padding"] = a.get("output_padding") or 0
    g.convolution(n.x, weight, n.input(2), n.out, n.said, transposed, settings)


def _batch_norm(g: Graph, n: Node) -> None:
    if n.attributes.get("training_mode"):
        raise ValueError("statistics of the batch itself")
    names = ("weight", "bias", "running_mean", "running_var")
    if len(n.inputs) != len(names) + 1:
        raise ValueError("a batch norm without its statistics")
    roles = {role: n.needed(i) for i, role in enumerate(names, 1)}
    g.batch_norm(n.x, roles, n.out, n.said, n.attributes.get("epsilon", 1e-5))


def _layer_norm(g: Graph, n: Node) -> None:
    given = {"weight": n.input(1), "bias": n.input(2)}
    weights = {role: g.weight(name) for role, name in given.items() if name}
    size = list(g.tensors[weights["weight"]].shape)
    settings = {"normalized_shape": size, "eps": n.attributes.get("epsilon", 1e-5)}
    g.step("LayerNorm", [n.x], n.out, n.said, {**settings, "elementwise_affine": True}, weights)


def _group_norm(g: Graph, n: Node) -> None:
    """GroupNormalization, and InstanceNormalization as one group for each channel."""
    weights = {"weight": g.weight(n.needed(1)), "bias": g.weight(n.needed(2))}
    channels = len(g.tensors[weights["weight"]])
    groups = n.attributes.get("num_groups", channels)
    if n.said == "GroupNormalization" and g.shape(n.x) and g.sizes_of(n.x)[1] != channels:
        raise ValueError("one weight for each group")
    settings = {"num_groups": groups, "num_channels": channels}
    settings |= {"eps": n.attributes.get("epsilon", 1e-5), "affine": True}
    g.step("GroupNorm", [n.x], n.out, n.said, settings, weights)


def _prelu(g: Graph, n: Node) -> None:
    values = g.values(n.needed(1))
    name = g.weight(n.needed(1))
    g.tensors[name] = values.reshape(-1)
    settings = {"num_parameters": values.numel()}
    g.step("PReLU", [n.x], n.out, n.said, settings, {"weight": name})


def _pool(g: Graph, n: Node) -> None:
    a = n.attributes
    kernel, stride = a["kernel_shape"], one(a.get("strides") or 1)
    if len(kernel) != 2 or a.get("ceil_mode") or one(a.get("dilations") or 1) != 1:
        raise ValueError("an unusual pooling")
    padding = _padding(g, n, kernel, stride, 1)
    mean = n.said == "AveragePool"
    if mean and padding != 0 and not a.get("count_include_pad"):
        raise ValueError("a mean without its border")
    settings = {"kernel_size": one(kernel), "stride": stride, "padding": padding}
    g.step("AvgPool2d" if mean else "MaxPool2d", [n.x], n.out, n.said, settings)


def _global_mean(g: Graph, n: Node) -> None:
    if n.said == "ReduceMean":
        axes = n.attributes.get("axes") or known(g, n.input(1))
        if g.rank(n.x) != 4 or sorted(a % 4 for a in axes) != [2, 3]:
            raise ValueError("a mean over something else than an image")
    kept = n.attributes.get("keepdims", 1)
    output = n.out if kept else f"{n.out}.kept"
    g.step("AdaptiveAvgPool2d", [n.x], output, n.said, {"output_size": 1})
    if not kept:
        g.step("Flatten", [output], n.out, n.said)


def _resize(g: Graph, n: Node) -> None:
    a = n.attributes
    mode = {"nearest": "nearest", "linear": "bilinear"}[a.get("mode", "nearest")]
    corners = a.get("coordinate_transformation_mode", "half_pixel")
    settings: dict[str, Any] = {"mode": mode}
    if corners == "align_corners" and mode == "bilinear":
        settings["align_corners"] = True
    scales = a.get("scales")
    named = n.input(1) if n.said == "Upsample" else n.input(2)
    if scales is None and named is not None:
        scales = g.floats(named)
    if scales:
        if len(scales) != 4 or scales[:2] != [1, 1]:
            raise ValueError("another size of something else than an image")
        settings["scale_factor"] = one(scales[2:])
    else:
        sizes = whole(g, n.input(3)) or list(g.sizes_of(n.out))
        if len(sizes) != 4 or None in sizes[2:]:
            raise ValueError("an open size")
        settings["size"] = one(sizes[2:])
    g.step("Upsample", [n.x], n.out, n.said, settings)


def _reshape(g: Graph, n: Node) -> None:
    shape = g.shape(n.out)
    if n.said == "Flatten":
        if n.attributes.get("axis", 1) != 1:
            raise ValueError("flattened with the batch")
        g.step("Flatten", [n.x], n.out, n.said)
        return
    given = whole(g, n.input(1)) if n.input(1) else None  # and so no tensor any more
    if n.said == "Reshape" and (shape is None or None in list(shape)[1:]):
        before = g.shape(n.x)
        if given is not None:
            shape = [before[i] if s == 0 and before else s for i, s in enumerate(given)]
    if shape is None or len(shape) < 2:
        raise ValueError("open sizes")
    g.reshape(n.x, n.out, n.said, list(shape)[1:])


def _transpose(g: Graph, n: Node) -> None:
    if not g.is_weight(n.x) or n.attributes.get("perm", [1, 0]) != [1, 0]:
        raise ValueError("a transposed value")
    g.turn(n.out, n.x)


def _arithmetic(g: Graph, n: Node) -> None:
    combine(g, n.said.lower(), n.x, n.needed(1), n.out, n.said)


def _negative(g: Graph, n: Node) -> None:
    g.scale(n.x, n.out, n.said, -1.0)


def _swish(g: Graph, n: Node) -> None:
    if n.attributes.get("alpha", 1.0) != 1:
        raise ValueError("a scaled swish")
    g.step("SiLU", [n.x], n.out, n.said)


def _split(g: Graph, n: Node) -> None:
    axis, rank = n.attributes.get("axis", 0), g.rank(n.x)
    if axis != 1 and not (axis == -1 and rank == 2):
        raise ValueError("parts of another dimension")
    sizes = n.attributes.get("split") or whole(g, n.input(1))
    if sizes is None:
        size, parts = g.size(n.x), len(n.outputs)
        each = -(-size // parts)
        sizes = [min(each, size - i * each) for i in range(parts)]
    start = 0
    for output, size in zip(n.outputs, sizes, strict=True):
        if size is None:
            raise ValueError("an open size")
        g.part(n.x, output, n.said, start, start + size)
        start += size


def _slice(g: Graph, n: Node) -> None:
    a = n.attributes
    starts, ends = (a.get(k) or known(g, n.input(i)) for i, k in ((1, "starts"), (2, "ends")))
    axes = a.get("axes") or (known(g, n.input(3)) if n.input(3) else [0])
    steps = whole(g, n.input(4)) or [1]
    axis = axes[0] + len(g.sizes_of(n.x)) if axes[0] < 0 else axes[0]
    if len(starts) != 1 or steps != [1] or axis != 1:
        raise ValueError("a slice of another dimension")
    size = g.size(n.x)
    start = starts[0] + size if starts[0] < 0 else starts[0]
    stop = ends[0] + size if ends[0] < 0 else min(ends[0], size)
    g.part(n.x, n.out, n.said, start, stop)


def _pad(g: Graph, n: Node) -> None:
    pads = n.attributes.get("pads") or known(g, n.input(1))
    value = n.attributes.get("value", 0.0)
    if n.input(2) is not None:
        value = g.number(n.needed(2))
    same = len(pads) == 8 and len({*pads[2:4], *pads[6:]}) == 1
    if value != 0 or not same or any((*pads[:2], *pads[4:6])):
        raise ValueError("a border that is not the same everywhere")
    if n.attributes.get("mode", "constant") != "constant":
        raise ValueError("a border that is not of zeros")
    g.step("Pad", [n.x], n.out, n.said, {"n": pads[2]})


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
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    "Transpose": _transpose,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    "Neg": _negative,
    "Swish": _swish,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
}
