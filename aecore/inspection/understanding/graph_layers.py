"""One operation of a file as a layer's line with its weights, or the sentence why it is none."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch
from torch import Tensor, nn

from aecore.errors import ConfigError, InspectionError
from aecore.inspection.files.contents import Operation
from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.graph_net import Net
from aecore.models.layers import parse_layer, readable_layers, write_layer

_EPS = 1e-5
ROWS = "Rows"  # the line of a place that chooses among the values before it
#: What the operations that are no layers are known for.
_NAMED = {
    "lstm": "a recurrent layer (LSTM), which has a state of its own for each step",
    "gru": "a recurrent layer (GRU), which has a state of its own for each step",
    "rnn": "a recurrent layer, which has a state of its own for each step",
    "scaled_dot_product": "attention between places",
    "attention": "attention between places",
    "maxunpool": "MaxUnpool, which puts values back where the encoder's maxima were: the places "
    "cross beside the code",
    "max_unpool": "MaxUnpool, which puts values back where the encoder's maxima were: the places "
    "cross beside the code",
    "scatternd": "values put at places that are computed (as MaxUnpool does)",
    "argmin": "a choice of the nearest entry (a codebook)",
    "argmax": "a choice of the largest value",
    "bmm": "a product of two values (attention)",
    "matmul": "a product of two values (attention)",
    "topk": "a choice of the largest values",
}


def look_for_known(operations: Iterable[Operation]) -> None:
    """Raise InspectionError for the first operation that is known for being none of a chain."""
    for o in operations:
        called = o.said.lower()
        if o.kind == "Other" and any(word in called for word in _NAMED):
            raise refused(o)


def refused(o: Operation, why: str = "") -> InspectionError:
    """The sentence for an operation that is not understood: what it is, and where it stands."""
    called = o.said.lower().replace("aten.", "")
    known = next((text for word, text in _NAMED.items() if word in called), "")
    reason = why or o.why or known
    return InspectionError(
        f"The network has an operation that is not understood, {o.place}"
        f"{f': {reason}' if reason else ''}. A chain of the usual layers, with residual additions "
        "and joins inside a half, can be opened."
    )


def layers_of(net: Net, o: Operation, used: set[str]) -> list[Layer]:
    """The layers of an operation of one value; `used` gets the names of its tensors.

    Raises InspectionError with the operation's name and place.
    """
    x = o.inputs[0] if o.inputs else ""
    before, after = net.shape(x), net.shape(o.output)
    if o.kind == "Reshape":
        sizes = [int(n) for n in o.settings.get("sizes", ())]
        return reshaped(before, after or tuple(sizes))
    if o.kind == "Flatten":
        return [] if before is not None and len(before) == 1 else [Layer("Flatten()")]
    if o.kind in ("ChannelsFirst", "ChannelsLast"):
        return [Layer(f"{o.kind}()")]  # taken away where a network begins or ends
    if o.kind in ("Split", "Pick"):
        return _part(o, before)
    if o.kind in ("Multiply", "Add") and o.weights and before is not None:
        return _affine(net, o, before, used)
    if o.kind == "BatchNorm1d" and before is not None and len(before) == 3:
        raise refused(o)
    if o.kind not in readable_layers():
        raise refused(o)
    return [_layer(net, o, used)]


def reshaped(before: tuple[int, ...] | None, after: tuple[int, ...]) -> list[Layer]:
    """Lines that bring values from one shape to another."""
    if before == after:
        return []
    found = [] if before is not None and len(before) == 1 else [Layer("Flatten()")]
    if len(after) > 1:
        found.append(Layer(f"Unflatten({', '.join(map(str, after))})"))
    return found


def _part(o: Operation, before: tuple[int, ...] | None) -> list[Layer]:
    """Some of the values alone: rows of the layer that gives them, see graph_rows."""
    if o.kind == "Split":
        return [rows(o, torch.arange(o.settings["start"], o.settings["stop"]))]
    if before is None or len(before) != 1 or len(o.settings["sizes"]) != 1:
        raise refused(o, "values of maps that change their places")
    return [rows(o, torch.tensor(o.settings["index"]))]


def rows(o: Operation, index: Tensor) -> Layer:
    """A place that is no layer: which of the values before it go on."""
    return Layer(ROWS, weights={"index": index})


def _layer(net: Net, o: Operation, used: set[str]) -> Layer:
    try:
        made = made_of(o)
        weights = {role: net.tensors[name] for role, name in o.weights.items()}
        line = write_layer(made)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise refused(o, str(error)) from error
    own = made.state_dict()
    strange = set(weights) - set(own)
    if strange:
        raise refused(o, f"it has a {strange.pop()}, which such a layer does not have")
    used |= set(o.weights.values())
    for name in o.weights.values():  # a counter of batches, which no operation uses
        used.add(f"{name.rpartition('.')[0]}.num_batches_tracked")
    if o.kind.startswith("BatchNorm"):
        weights.setdefault("num_batches_tracked", torch.tensor(0))
        if "bias" in own:
            weights.setdefault("bias", torch.zeros(own["bias"].shape))
    for role, tensor in own.items():
        if role not in weights or weights[role].shape != tensor.shape:
            raise refused(o, f"its {role} is not of the size that such a layer has")
    return Layer(line, weights=weights)


def _affine(net: Net, o: Operation, before: tuple[int, ...], used: set[str]) -> list[Layer]:
    """A factor or a shift for each channel, as a layer that has them."""
    (role, name), *_ = o.weights.items()
    value = net.tensors[name]
    sizes = (1,) * (len(before) + 1 - value.dim()) + tuple(value.shape)
    if len(sizes) != len(before) + 1 or sizes[0] != 1 or sizes[1] not in (1, before[0]):
        raise refused(o, f"a {'factor' if role == 'weight' else 'shift'} of the shape {sizes}")
    used.add(name)
    row = value.reshape(-1)
    if bool((row == row[0]).all()):
        factor, shift = (float(row[0]), 0.0) if role == "weight" else (1.0, float(row[0]))
        return [Layer(f"Scale({factor!r}, {shift!r})")]
    if prod(sizes[2:]) != 1:
        raise refused(o, "a factor or a shift of its own for each place")
    count = before[0]
    scale = row if role == "weight" else torch.ones(count)
    shift = row if role == "bias" else torch.zeros(count)
    if len(before) == 1:
        return [_norm(f"BatchNorm1d({count})", scale, shift)]
    kind = "Conv2d" if len(before) == 3 else "Conv1d"
    kernel = scale.reshape(count, 1, *[1] * (len(before) - 1))
    return [
        Layer(
            f"{kind}({count}, {count}, 1, groups={count})",
            weights={"weight": kernel, "bias": shift},
        )
    ]


def _norm(line: str, scale: Tensor, shift: Tensor) -> Layer:
    weights = {
        "weight": scale,
        "bias": shift,
        "running_mean": torch.zeros(len(scale)),
        "running_var": torch.full((len(scale),), 1 - _EPS),
        "num_batches_tracked": torch.tensor(0),
    }
    return Layer(line, weights=weights)


def made_of(o: Operation) -> nn.Module:
    """The layer that an operation describes, without weights. Raises ConfigError."""
    settings = dict(o.settings)
    if o.kind.endswith(("Pad1d", "Pad2d")):
        sides = settings["padding"]
        sides = sides if isinstance(sides, list | tuple) else [sides]
        return parse_layer(f"{o.kind}({', '.join(map(str, sides))})")
    words = ", ".join(f"{k}={_plain(v)}" for k, v in settings.items())
    return parse_layer(f"{o.kind}({words})")


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return repr(tuple(value))
    return repr(value)
