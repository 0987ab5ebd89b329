"""A torch.export graph run line by line: its JSON names operations, of which a list is known here.

Nothing of the file is unpickled or executed; every operation called computes on tensors alone.
Sizes are counted with tensors that hold no values before any memory is touched.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from aecore.errors import InspectionError
from aecore.inspection.files.aten_node import Ref
from aecore.inspection.files.running import MAX_RUN_VALUES, Entry, GraphCheck
from aecore.wording import short

#: Operations of torch.ops.aten that compute on tensors and nothing else.
_WORDS = """
linear addmm mm matmul bmm baddbmm conv1d conv2d convolution conv_transpose1d conv_transpose2d
batch_norm _native_batch_norm_legit_no_training native_batch_norm layer_norm native_layer_norm
group_norm native_group_norm instance_norm relu relu6 leaky_relu elu selu celu gelu silu mish
softplus tanh sigmoid hardtanh hardsigmoid hardswish log_sigmoid log_sigmoid_forward softmax
_softmax log_softmax _log_softmax prelu _prelu_kernel threshold clamp clamp_min clamp_max exp
expm1 log log1p sqrt rsqrt sin cos abs sign erf neg reciprocal square softsign rrelu_with_noise
add sub mul div rsub pow maximum minimum where gt ge lt le eq ne logical_not max_pool1d
max_pool2d max_pool2d_with_indices max_unpool2d avg_pool1d avg_pool2d adaptive_avg_pool1d
adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_max_pool2d upsample_nearest1d
upsample_nearest2d upsample_bilinear2d upsample_bicubic2d upsample_linear1d
_upsample_nearest_exact2d pixel_shuffle pixel_unshuffle pad constant_pad_nd reflection_pad1d
reflection_pad2d replication_pad1d replication_pad2d view reshape flatten unflatten _unsafe_view
squeeze unsqueeze expand expand_as repeat t transpose permute movedim view_as reshape_as
_reshape_alias numpy_T cat concat stack chunk split split_with_sizes unbind slice select
index_select gather narrow index tensor_split split_copy unfold mean sum amax amin max min var
std var_mean cumsum argmax topk one_hot embedding scatter zeros_like ones_like full_like zeros
ones full arange new_zeros new_ones new_full eye linspace scalar_tensor clone contiguous detach
detach_ alias to _to_copy lift_fresh_copy lift_fresh type_as float linalg_vector_norm norm
_weight_norm _weight_norm_interface copy dropout feature_dropout native_dropout alpha_dropout
"""
_KNOWN = frozenset(_WORDS.split())
RANDOM = {"randn_like", "rand_like", "randn", "rand", "normal", "normal_like", "randn_default"}
_DROPS = {"dropout", "feature_dropout", "native_dropout", "alpha_dropout"}
_SIZES = {"sym_size", "sym_numel", "sym_stride"}
_CHECKS = ("_assert", "sym_constrain", "_check")
_MATHS: dict[str, Callable[..., Any]] = {
    "_operator.add": operator.add,
    "_operator.sub": operator.sub,
    "_operator.mul": operator.mul,
    "_operator.floordiv": operator.floordiv,
    "_operator.mod": operator.mod,
    "_operator.neg": operator.neg,
    "_operator.truediv": operator.truediv,
    "_operator.getitem": operator.getitem,
}
_DTYPES = {
    **{1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64},
    **{6: torch.float16, 7: torch.float32, 8: torch.float64, 12: torch.bool, 13: torch.bfloat16},
}
_STUMBLES = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError)
_STUMBLES += (StopIteration, ArithmeticError, NotImplementedError)


class AtenCheck(GraphCheck):
    """graph: the JSON of a graph. weights: values by the names that the graph has for them."""

    def __init__(
        self,
        graph: dict[str, Any],
        weights: dict[str, Tensor],
        entries: Sequence[Entry],
        names: dict[str, str],
        called: dict[str, str],
        lone: bool = False,
    ):
        """called: what the graph calls a weight, to the tensor's name in the file."""
        super().__init__(entries, names, lone)
        self.graph, self.weights, self.called = graph, weights, called

    def _run(
        self, given: Sequence[Tensor], wanted: set[str], noise: float, still: frozenset[str]
    ) -> dict[str, Tensor]:
        nodes = _needed(self.graph["nodes"], wanted)
        self._follow(nodes, [v.to("meta") for v in given], set(), 0.0, still, "meta")
        return self._follow(nodes, given, wanted, noise, still, "cpu")

    def _follow(
        self,
        nodes: Sequence[tuple[int, dict]],
        given: Sequence[Tensor],
        wanted: set[str],
        noise: float,
        still: frozenset[str],
        device: str,
    ) -> dict[str, Tensor]:
        values: dict[str, Any] = {}
        for name, value in self.weights.items():
            held = self.called.get(name, name) in still or name in still
            value = torch.full_like(value, noise) if held else value
            values[name] = value.to(device)
        values |= {e.name: value for e, value in zip(self.entries, given, strict=True)}
        total = 0
        for place, node in nodes:
            target = str(node["target"])
            try:
                found = _compute(target, node["inputs"], values, noise, device)
                total += _keep(node["outputs"], found, values)
            except _STUMBLES as error:
                called = short(target.removeprefix("torch.ops."))
                raise InspectionError(
                    f"The file's graph could not be run beside the reading: {called!r}, operation "
                    f"{place} of {len(self.graph['nodes'])}, is not known or does not fit "
                    f"({short(str(error) or type(error).__name__, 80)})."
                ) from error
            if total > MAX_RUN_VALUES:
                raise InspectionError(
                    "The file's graph computes more values than are held here, so the reading was "
                    "not compared with it."
                )
        return {name: values[name] for name in wanted if isinstance(values.get(name), Tensor)}


def _needed(nodes: Sequence[dict], wanted: set[str]) -> list[tuple[int, dict]]:
    """The lines that the wanted values need, with the how-manieth each is."""
    names, kept = set(wanted), []
    for place in range(len(nodes) - 1, -1, -1):
        node = nodes[place]
        if names.intersection(_made(node["outputs"])):
            names.update(n for i in node["inputs"] for n in _read(i["arg"]))
            kept.append((place + 1, node))
    return kept[::-1]


def _made(outputs: Sequence[dict]) -> list[str]:
    found = []
    for output in outputs:
        (_, body), *_ = output.items()
        found += [b["name"] for b in body] if isinstance(body, list) else _read(output)
    return found


def _read(arg: dict) -> list[str]:
    """The values that an argument names."""
    (_, value), *_ = arg.items()
    found = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            name = one.get("name", one.get("as_name"))
            found += [name] if isinstance(name, str) else _read(one) if one else []
    return found


def _keep(outputs: list[dict], found: Any, values: dict[str, Any]) -> int:
    """Put what a line gives under its names; how many values that were."""
    total = 0
    several = len(outputs) > 1 and isinstance(found, tuple | list)
    for i, output in enumerate(outputs):
        (kind, body), *_ = output.items()
        one = found[i] if several else found
        if kind == "as_tensors":
            parts = list(one)
            for part, entry in zip(parts, body, strict=True):
                values[entry["name"]] = part
                total += part.numel()
        elif kind == "as_tensor":
            one = one[0] if isinstance(one, tuple | list) else one
            values[body["name"]] = one
            total += one.numel()
        elif kind in ("as_sym_int", "as_sym_float"):
            values[body["as_name"]] = one
    return total


def _compute(
    target: str, inputs: list[dict], values: dict[str, Any], noise: float, device: str
) -> Any:
    arguments = {i["name"]: _value(i["arg"], values, device) for i in inputs}
    return _called(target, arguments, noise, device)


def _called(target: str, arguments: dict[str, Any], noise: float, device: str) -> Any:
    if target in _MATHS:
        return _MATHS[target](*arguments.values())
    word, _, rest = target.removeprefix("torch.ops.").partition(".")
    name, _, overload = rest.partition(".")
    plain = name.removesuffix("_")
    if target.startswith("torch.sym_") or name.startswith(_CHECKS) or word != "aten":
        if name.startswith(_CHECKS) and word == "aten":
            return None
        raise ValueError("not an operation on tensors")
    if plain in _SIZES:
        x = arguments["self"]
        return x.numel() if plain == "sym_numel" else getattr(x, plain[4:])(arguments["dim"])
    if plain in RANDOM:
        like = arguments.get("self", arguments.get("mean"))
        sizes = like.shape if isinstance(like, Tensor) else arguments["size"]
        return torch.full(list(sizes), noise, device=device)
    if plain in _DROPS:
        x = arguments["input"]
        return (x, torch.ones_like(x)) if plain == "native_dropout" else x
    if plain not in _KNOWN:
        raise ValueError("an operation that is not run here")
    operation = getattr(getattr(torch.ops.aten, plain), overload or "default", None)
    if operation is None:  # one that changes its input has another name for its overload
        operation = getattr(getattr(torch.ops.aten, name), overload or "default")
    plain_arguments: list[Any] = []
    named: dict[str, Any] = {}
    for wanted in operation._schema.arguments:
        if wanted.name not in arguments:
            if wanted.kwarg_only or wanted.has_default_value():
                continue
            raise ValueError(f"{wanted.name} is missing")
        value = arguments[wanted.name]
        if wanted.name in ("training", "train"):
            value = False
        if wanted.name == "device":
            value = torch.device(device)
        # One of them is called self, as Python's own: by its place, as long as none is left out.
        if wanted.kwarg_only or named or len(plain_arguments) < _place(operation, wanted.name):
            named[wanted.name] = value
        else:
            plain_arguments.append(value)
    return operation(*plain_arguments, **named)


def _place(operation: Any, name: str) -> int:
    return next(i for i, a in enumerate(operation._schema.arguments) if a.name == name)


def _value(arg: dict, values: dict[str, Any], device: str) -> Any:
    (kind, value), *_ = arg.items()
    if kind == "as_tensor":
        return values[value["name"]]
    if kind == "as_tensors":
        return [values[v["name"]] for v in value]
    if kind == "as_optional_tensors":
        return [_value(v, values, device) for v in value]
    if kind in ("as_sym_int", "as_sym_float"):
        return _number(value, values)
    if kind == "as_sym_ints":
        return [_number(v, values) for v in value]
    if kind in ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools"):
        return value
    if kind == "as_scalar_type":
        return _DTYPES[value]
    if kind == "as_device":
        return torch.device(device)
    if kind == "as_memory_format":
        return torch.contiguous_format
    return None  # none, a layout


def _number(value: dict, values: dict[str, Any]) -> Any:
    if "as_name" in value:
        return values[value["as_name"]]
    return value.get("as_int", value.get("as_float"))


def computed(
    target: str, arguments: dict[str, Any], values: dict[str, Tensor], most: int
) -> list[Tensor]:
    """What one operation makes of tensors alone, of at most so many values. Raises ValueError."""
    for device in ("meta", "cpu"):
        held = {name: value.to(device) for name, value in values.items()}
        found = _called(target, {k: _filled_in(v, held) for k, v in arguments.items()}, 0.0, device)
        several = list(found) if isinstance(found, tuple | list) else [found]
        if sum(value.numel() for value in several) > most:
            raise ValueError("a weight that is too large")
    return several


def _filled_in(value: Any, values: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_filled_in(v, values) for v in value]
    return values[value] if isinstance(value, Ref) else value
