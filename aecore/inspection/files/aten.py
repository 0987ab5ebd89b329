"""What torch.export calls its operations (ATen), as operations of the check-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.inspection.files.arithmetic import combine
from aecore.inspection.files.aten_node import Node, Ref
from aecore.inspection.files.folding import POSITIVE
from aecore.inspection.files.steps import Graph, one

Handler = Callable[[Graph, Node], None]

_ERRORS = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError)
_SAME = {
    *("dropout", "feature_dropout", "native_dropout", "clone", "contiguous", "detach", "detach_"),
    *("alias", "to", "_to_copy", "lift_fresh_copy", "lift_fresh", "expand_as", "type_as", "float"),
}
_LAYERS: dict[str, tuple[str, dict[str, tuple[str, Any]]]] = {
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": ("negative_slope", 0.01)}),
    "selu": ("SELU", {}),
    "gelu": ("GELU", {"approximate": ("approximate", "none")}),
    "silu": ("SiLU", {}),
    "mish": ("Mish", {}),
    "softplus": ("Softplus", {"beta": ("beta", 1.0), "threshold": ("threshold", 20.0)}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
}


def add_node(g: Graph, node: Node) -> None:
    """Add what one line of the graph does; what is not known becomes "Other"."""
    name = node.name.removesuffix("_")
    count, tensors = len(g.operations), len(g.tensors)
    try:
        if not node.outputs or (not node.refs() and "rand" not in name):
            return  # sizes and checks, which compute no values
        if node.name in _SAME or name in _SAME:
            g.same(node.out, node.x)
        elif name in _LAYERS:
            kind, wanted = _LAYERS[name]
            settings = {k: node.args.get(said, usual) for k, (said, usual) in wanted.items()}
            g.step(kind, [node.x], node.out, node.said, settings)
        else:
            _HANDLERS[name](g, node)
    except (*_ERRORS, ArithmeticError):
        del g.operations[count:]
        for extra in list(g.tensors)[tensors:]:
            del g.tensors[extra]
        inputs = [r for r in node.refs() if not g.is_weight(r)]
        for output in node.outputs:
            g.step("Other", inputs, output, node.said)


def _linear(g: Graph, n: Node) -> None:
    g.linear(n.x, n.args["weight"], n.args.get("bias"), n.out, n.said)


def _addmm(g: Graph, n: Node) -> None:
    if n.args.get("alpha", 1) != 1 or n.args.get("beta", 1) != 1:
        raise ValueError("a scaled product")
    g.matmul(n.args["mat1"], n.args["mat2"], n.args["self"], n.out, n.said)


def _matmul(g: Graph, n: Node) -> None:
    g.matmul(n.x, n.args["mat2"] if "mat2" in n.args else n.args["other"], None, n.out, n.said)


def _convolution(g: Graph, n: Node) -> None:
    a = n.args
    transposed = bool(a.get("transposed", n.name == "conv_transpose2d"))
    settings = {
        "stride": a.get("stride", 1),
        "padding": a.get("padding", 0),
        "dilation": a.get("dilation", 1),
        "groups": a.get("groups", 1),
    }
    if settings["padding"] == "same":
        kernel = list(g.values(a["weight"]).shape[2:])
        spread = one(settings["dilation"])
        settings["padding"] = [(k - 1) * spread // 2 for k in kernel]
        if one(settings["stride"]) != 1 or any(k % 2 == 0 for k in kernel):
            raise ValueError("a padding that is not the same on both sides")
    elif settings["padding"] == "valid":
        settings["padding"] = 0
    if transposed:
        settings["output_padding"] = a.get("output_padding", 0)
    g.convolution(n.x, a["weight"], a.get("bias"), n.out, n.said, transposed, settings)


def _batch_norm(g: Graph, n: Node) -> None:
    if n.args.get("training"):
        raise ValueError("statistics of the batch itself")
    roles = {r: n.args.get(r) for r in ("weight", "bias", "running_mean", "running_var")}
    given = {role: name for role, name in roles.items() if name is not None}
    g.batch_norm(n.x, given, n.out, n.said, float(n.args.get("eps", 1e-5)))


def _norm_weights(g: Graph, n: Node) -> dict[str, str]:
    given = {role: n.args.get(role) for role in ("weight", "bias")}
    return {role: g.weight(name) for role, name in given.items() if name is not None}


def _layer_norm(g: Graph, n: Node) -> None:
    weights = _norm_weights(g, n)
    settings = {"normalized_shape": list(n.args["normalized_shape"])}
    settings |= {"eps": float(n.args.get("eps", 1e-5)), "elementwise_affine": bool(weights)}
    g.step("LayerNorm", [n.x], n.out, n.said, settings, weights)


def _group_norm(g: Graph, n: Node) -> None:
    weights = _norm_weights(g, n)
    channels = len(g.tensors[weights["weight"]]) if weights else g.size(n.x)
    groups = n.args.get("num_groups", n.args.get("group"))
    settings = {"num_groups": groups, "num_channels": channels}
    settings |= {"eps": float(n.args.get("eps", 1e-5)), "affine": bool(weights)}
    g.step("GroupNorm", [n.x], n.out, n.said, settings, weights)


def _elu(g: Graph, n: Node) -> None:
    alpha, scale = float(n.args.get("alpha", 1)), float(n.args.get("scale", 1))
    if n.args.get("input_scale", 1) != 1:
        raise ValueError("a scaled input")
    if scale == 1:
        g.step("ELU", [n.x], n.out, n.said, {"alpha": alpha})
    elif abs(scale - 1.0507) < 1e-4 and abs(alpha - 1.67326) < 1e-4:
        g.step("SELU", [n.x], n.out, n.said)
    else:
        raise ValueError("an unknown scale")


def _prelu(g: Graph, n: Node) -> None:
    weight = g.weight(n.args["weight"])
    settings = {"num_parameters": g.tensors[weight].numel()}
    g.step("PReLU", [n.x], n.out, n.said, settings, {"weight": weight})


def _pool(g: Graph, n: Node) -> None:
    a = n.args
    if one(a.get("dilation", 1)) != 1 or a.get("ceil_mode") or a.get("divisor_override"):
        raise ValueError("an unusual pooling")
    if a.get("count_include_pad", True) is False and one(a.get("padding", 0)) != 0:
        raise ValueError("a mean without its padding")
    kernel = a["kernel_size"]
    settings = {"kernel_size": one(kernel), "stride": one(a.get("stride") or kernel)}
    settings["padding"] = one(a.get("padding", 0))
    kind = "AvgPool2d" if n.name == "avg_pool2d" else "MaxPool2d"
    g.step(kind, [n.x], n.out, n.said, settings)


def _adaptive(g: Graph, n: Node) -> None:
    settings = {"output_size": one(n.args["output_size"])}
    g.step("AdaptiveAvgPool2d", [n.x], n.out, n.said, settings)


def _mean(g: Graph, n: Node) -> None:
    dims = sorted(d % 4 for d in n.args["dim"])
    if g.rank(n.x) != 4 or dims != [2, 3]:
        raise ValueError("a mean over something else than an image")
    if n.args.get("keepdim"):
        g.step("AdaptiveAvgPool2d", [n.x], n.out, n.said, {"output_size": 1})
    else:
        g.step("AdaptiveAvgPool2d", [n.x], f"{n.out}.kept", n.said, {"output_size": 1})
        g.step("Flatten", [f"{n.out}.kept"], n.out, n.said)


def _upsample(g: Graph, n: Node) -> None:
    mode = "nearest" if "nearest" in n.name else "bilinear"
    settings: dict[str, Any] = {"mode": mode}
    factors = n.args.get("scale_factors") or n.args.get("scale_factor")
    if n.args.get("output_size"):
        settings["size"] = one(n.args["output_size"])
    else:
        settings["scale_factor"] = one(factors)
    if n.args.get("align_corners"):
        settings["align_corners"] = True
    g.step("Upsample", [n.x], n.out, n.said, settings)


def _pad(g: Graph, n: Node) -> None:
    sizes = n.args["pad"]
    plain = n.args.get("mode", "constant") == "constant" and not n.args.get("value")
    if not plain or len(sizes) != 4 or len(set(sizes)) != 1:
        raise ValueError("a border that is not the same everywhere")
    g.step("Pad", [n.x], n.out, n.said, {"n": sizes[0]})


def _reshape(g: Graph, n: Node) -> None:
    sizes = g.shape(n.out)
    if sizes is None or None in list(sizes)[1:]:
        given = n.args.get("size", n.args.get("shape"))
        sizes = given if given is not None else sizes
    if sizes is None:
        raise ValueError("open sizes")
    if g.is_weight(n.x):
        if None in list(sizes):
            raise ValueError("a weight of an open size")
        g.reshaped(n.out, n.x, [int(size) for size in sizes if size is not None])
    else:
        g.reshape(n.x, n.out, n.said, list(sizes)[1:])


def _transpose(g: Graph, n: Node) -> None:
    if not g.is_weight(n.x):
        raise ValueError("a transposed value")
    if n.args.get("dims", [1, 0]) != [1, 0]:
        raise ValueError("not a transposed matrix")
    g.turn(n.out, n.x)


def _arithmetic(g: Graph, n: Node) -> None:
    how = n.name.removesuffix("_")
    a, b = n.args["self"], n.args["other"]
    if how == "rsub":
        a, b, how = b, a, "sub"
    factor = n.args.get("alpha", 1)
    if n.args.get("rounding_mode"):
        raise ValueError("a rounded quotient")
    if factor != 1:
        if isinstance(b, Ref):
            g.scale(b, f"{n.out}.scaled", n.said, float(factor))
            b = Ref(f"{n.out}.scaled")
        else:
            b = b * factor
    combine(g, how, a, b, n.out, n.said)


def _negative(g: Graph, n: Node) -> None:
    g.scale(n.x, n.out, n.said, -1.0)


def _positive(g: Graph, n: Node) -> None:
    if n.args["other"] != 0:
        raise ValueError("a comparison with something else than zero")
    g.step("Other", [n.x], n.out, POSITIVE)


def _exp(g: Graph, n: Node) -> None:
    g.step("Exp", [n.x], n.out, n.said)


def _random(g: Graph, n: Node) -> None:
    g.step("Random", n.refs(), n.out, n.said)


def _parts(g: Graph, n: Node) -> None:
    """chunk, split, split_with_sizes: one operation for each part."""
    if n.args.get("dim", 0) not in (1, -1) or (n.args.get("dim") == -1 and g.rank(n.x) != 2):
        raise ValueError("parts of another dimension")
    start = 0
    for output in n.outputs:
        stop = start + g.size(output)
        g.part(n.x, output, n.said, start, stop)
        start = stop


def _slice(g: Graph, n: Node) -> None:
    shape = g.sizes_of(n.x)
    dim = n.args.get("dim", 0) % len(shape)
    start, stop = n.args.get("start") or 0, n.args.get("end")
    size = shape[dim]
    whole = start == 0 and (stop is None or stop >= (size if size is not None else 1 << 31))
    if n.args.get("step", 1) != 1:
        raise ValueError("a slice with steps")
    if whole:
        g.same(n.out, n.x)
    elif dim == 1:
        size = g.size(n.x)
        start = start + size if start < 0 else start
        stop = size if stop is None else stop + size if stop < 0 else min(stop, size)
        g.part(n.x, n.out, n.said, start, stop)
    else:
        raise ValueError("a slice of another dimension")


_HANDLERS: dict[str, Handler] = {
    "linear": _linear,
    "addmm": _addmm,
    **dict.fromkeys(("mm", "matmul"), _matmul),
    **dict.fromkeys(("conv2d", "convolution", "conv_transpose2d"), _convolution),
    **dict.fromkeys(
        ("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm"), _batch_norm
    ),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    **dict.fromkeys(("group_norm", "native_group_norm"), _group_norm),
    "elu": _elu,
    **dict.fromkeys(("prelu", "_prelu_kernel"), _prelu),
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"), _pool),
    **dict.fromkeys(("adaptive_avg_pool2d", "_adaptive_avg_pool2d"), _adaptive),
    "mean": _mean,
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d"), _upsample),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(
        ("view", "reshape", "flatten", "unflatten", "_unsafe_view", "squeeze", "unsqueeze"),
        _reshape,
    ),
    **dict.fromkeys(("t", "transpose", "permute"), _transpose),
    **dict.fromkeys(("add", "sub", "mul", "div", "rsub"), _arithmetic),
    "neg": _negative,
    "gt": _positive,
    "exp": _exp,
    **dict.fromkeys(("randn_like", "rand_like", "randn", "rand", "normal", "normal_like"), _random),
    **dict.fromkeys(("chunk", "split", "split_with_sizes"), _parts),
    "slice": _slice,
}
