"""What torch.export calls its operations (ATen), as operations of the check-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.inspection.files import layer_steps
from aecore.inspection.files.arithmetic import combine
from aecore.inspection.files.aten_moves import MOVES
from aecore.inspection.files.aten_node import Node, Ref
from aecore.inspection.files.aten_running import RANDOM as _RANDOM
from aecore.inspection.files.aten_running import computed
from aecore.inspection.files.limits import MAX_TENSOR_BYTES
from aecore.inspection.files.steps import Graph, one

Handler = Callable[[Graph, Node], None]

_ERRORS = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError)
_SAME = {
    *("dropout", "feature_dropout", "native_dropout", "alpha_dropout", "clone", "contiguous"),
    *("detach", "detach_", "alias", "to", "_to_copy", "lift_fresh_copy", "lift_fresh", "type_as"),
    "float",
}
_LAYERS: dict[str, tuple[str, dict[str, tuple[str, Any]]]] = {
    "relu": ("ReLU", {}),
    "relu6": ("ReLU6", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": ("negative_slope", 0.01)}),
    "selu": ("SELU", {}),
    "celu": ("CELU", {"alpha": ("alpha", 1.0)}),
    "gelu": ("GELU", {"approximate": ("approximate", "none")}),
    "silu": ("SiLU", {}),
    "mish": ("Mish", {}),
    "softplus": ("Softplus", {"beta": ("beta", 1.0), "threshold": ("threshold", 20.0)}),
    "softsign": ("Softsign", {}),
    "log_sigmoid": ("LogSigmoid", {}),
    "hardsigmoid": ("Hardsigmoid", {}),
    "hardswish": ("Hardswish", {}),
    "hardtanh": ("Hardtanh", {"min_val": ("min_val", -1.0), "max_val": ("max_val", 1.0)}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "exp": ("Exp", {}),
    "sqrt": ("Power", {"exponent": ("", 0.5)}),
    "rsqrt": ("Power", {"exponent": ("", -0.5)}),
    "reciprocal": ("Power", {"exponent": ("", -1.0)}),
    "pixel_shuffle": ("PixelShuffle", {"upscale_factor": ("upscale_factor", None)}),
}
#: Computed with weights alone, they give a weight.
_OF_WEIGHTS = {
    *("mul", "div", "add", "sub", "pow", "sqrt", "rsqrt", "exp", "sum", "mean", "reciprocal"),
    *("neg", "abs", "cat", "softplus", "permute", "linalg_vector_norm", "norm", "slice", "expand"),
    *("_weight_norm", "_weight_norm_interface", "arange", "full", "zeros", "ones", "unsqueeze"),
    *("squeeze", "select"),
}


def add_node(g: Graph, node: Node) -> None:
    """Add what one line of the graph does.

    What is not known becomes "Other", with its place and the reason.
    """
    name = node.name.removesuffix("_")
    count, tensors = len(g.operations), len(g.tensors)
    try:
        if not node.outputs or (not node.refs() and name not in _RANDOM):
            return  # sizes and checks, which compute no values
        if _worked_out(g, node, name):
            return
        if node.name in _SAME or name in _SAME:
            g.same(node.out, node.x)
        elif name in _RANDOM:
            g.step("Random", node.refs(), node.out, node.said)
        elif name in _LAYERS:
            kind, wanted = _LAYERS[name]
            settings = {k: node.args.get(said, usual) for k, (said, usual) in wanted.items()}
            g.step(kind, [node.x], node.out, node.said, settings)
        else:
            HANDLERS[name](g, node)
    except (*_ERRORS, ArithmeticError) as error:
        del g.operations[count:]
        for extra in list(g.tensors)[tensors:]:
            del g.tensors[extra]
        g.why = str(error) if type(error) is ValueError else ""
        inputs = [r for r in node.refs() if not g.is_weight(r)]
        for output in node.outputs:
            g.step("Other", inputs, output, node.said)
        g.why = ""


def _worked_out(g: Graph, node: Node, name: str) -> bool:
    """Work out a line whose values are all weights; whether it was one."""
    refs = node.refs()
    if name not in _OF_WEIGHTS or not refs or not all(g.is_weight(r) for r in refs):
        return False
    values = {r: g.values(r) for r in refs}
    found = computed(node.target, node.args, values, MAX_TENSOR_BYTES // 4)
    for ref in refs:
        g.spend(ref)
    for output, value in zip(node.outputs, found, strict=False):
        g.constant_of_graph(output, value.contiguous())
    return True


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
    transposed = bool(a.get("transposed", n.name.startswith("conv_transpose")))
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
    a, mean = n.args, n.name.startswith("avg")
    for places in n.outputs[1:]:
        g.step("Other", [n.x], places, f"{n.said}, the places of its maxima (MaxUnpool)")
    count = int(n.name.split("pool")[1][0])
    kernel, pads = (_each(a.get(key, 0), count) for key in ("kernel_size", "padding"))
    layer_steps.pool(
        g,
        n.x,
        n.out,
        n.said,
        mean=mean,
        kernel=kernel,
        stride=_each(a.get("stride") or kernel, count),
        pads=[*pads, *pads],
        dilation=a.get("dilation", 1),
        ceil=bool(a.get("ceil_mode")),
        counted=bool(a.get("count_include_pad", True)),
        divisor=a.get("divisor_override"),
    )


def _each(value: Any, count: int) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [int(value)]
    return values * count if len(values) == 1 else values


def _adaptive(g: Graph, n: Node) -> None:
    count = n.name.removesuffix("d")[-1]
    settings = {"output_size": one(n.args["output_size"])}
    g.step(f"AdaptiveAvgPool{count}d", [n.x], n.out, n.said, settings)


def _mean(g: Graph, n: Node) -> None:
    layer_steps.mean(g, n.x, n.out, n.said, n.args["dim"], bool(n.args.get("keepdim")))


def _upsample(g: Graph, n: Node) -> None:
    mode = n.name.removeprefix("upsample_").removesuffix("2d")
    factors = n.args.get("scale_factors") or n.args.get("scale_factor")
    sizes = n.args.get("output_size")
    if not sizes and not factors:
        factors = [float(n.args["scales_h"]), float(n.args["scales_w"])]
    if sizes and None in sizes:
        raise ValueError("an open size")
    corners = bool(n.args.get("align_corners"))
    layer_steps.resize(
        g,
        n.x,
        n.out,
        n.said,
        mode,
        factors=None if sizes or factors is None else list(factors),
        sizes=sizes or None,
        align_corners=corners,
    )


def _pad(g: Graph, n: Node) -> None:
    sizes = [int(s) for s in n.args["pad" if "pad" in n.args else "padding"]]
    mode = n.args.get("mode", "constant")
    if n.name.startswith(("reflection", "replication")):
        mode = "reflect" if n.name.startswith("reflection") else "replicate"
    value = n.args.get("value") or 0.0
    count = (g.rank(n.x) or 4) - 2
    if len(sizes) > 2 * count:
        if any(sizes[2 * count :]):
            raise ValueError("a border of something else than images and signals")
        sizes = sizes[: 2 * count]
    sizes += [0] * (2 * count - len(sizes))
    before, after = sizes[0::2][::-1], sizes[1::2][::-1]
    layer_steps.border(g, n.x, n.out, n.said, mode, before, after, value)


def _clamp(g: Graph, n: Node) -> None:
    low, high = n.args.get("min"), n.args.get("max")
    if n.name in ("maximum", "minimum"):
        raise ValueError("the larger of two values")
    layer_steps.clamp(g, n.x, n.out, n.said, low, high)


def _power(g: Graph, n: Node) -> None:
    exponent = n.args["exponent"]
    if isinstance(exponent, str):
        raise ValueError("a power that is computed")
    g.step("Power", [n.x], n.out, n.said, {"exponent": float(exponent)})


def _softmax(g: Graph, n: Node) -> None:
    rank = len(g.sizes_of(n.x))
    g.step("Softmax", [n.x], n.out, n.said, {"dim": n.args["dim"] % rank})


def _instance_norm(g: Graph, n: Node) -> None:
    if not n.args.get("use_input_stats", True):
        raise ValueError("an instance norm with statistics of its own")
    weights = _norm_weights(g, n)
    channels = len(g.tensors[weights["weight"]]) if weights else g.size(n.x)
    settings = {"num_groups": channels, "num_channels": channels, "affine": bool(weights)}
    settings["eps"] = float(n.args.get("eps", 1e-5))
    g.step("GroupNorm", [n.x], n.out, n.said, settings, weights)


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


def _compared(g: Graph, n: Node) -> None:
    """A comparison with a number, which only the way that a curve is written out has."""
    if isinstance(n.args["other"], str):
        raise ValueError("a comparison of two values")
    g.step("Other", [n.x], n.out, n.said, {"than": float(n.args["other"])})


HANDLERS: dict[str, Handler] = {
    "linear": _linear,
    "addmm": _addmm,
    **dict.fromkeys(("mm", "matmul"), _matmul),
    **dict.fromkeys(
        ("conv1d", "conv2d", "convolution", "conv_transpose1d", "conv_transpose2d"), _convolution
    ),
    **dict.fromkeys(
        ("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm"), _batch_norm
    ),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    **dict.fromkeys(("group_norm", "native_group_norm"), _group_norm),
    "instance_norm": _instance_norm,
    "elu": _elu,
    **dict.fromkeys(("prelu", "_prelu_kernel"), _prelu),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool2d_with_indices"), _pool),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), _pool),
    **dict.fromkeys(
        ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d"), _adaptive
    ),
    "mean": _mean,
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"), _upsample),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(
        ("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"), _pad
    ),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "maximum", "minimum"), _clamp),
    "pow": _power,
    **dict.fromkeys(("softmax", "_softmax"), _softmax),
    **dict.fromkeys(
        ("view", "reshape", "flatten", "unflatten", "_unsafe_view", "squeeze", "unsqueeze"),
        _reshape,
    ),
    **dict.fromkeys(("add", "sub", "mul", "div", "rsub"), _arithmetic),
    "neg": _negative,
    **dict.fromkeys(("gt", "ge", "lt", "le"), _compared),
    **MOVES,
}
