"""Two heads of a variational encoder as one layer that gives both, and what the second one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aecore.inspection.files.contents import Operation
from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.graph_chain import Step
from aecore.inspection.understanding.graph_layers import refused
from aecore.inspection.understanding.graph_net import MOVING, Net
from aecore.inspection.understanding.graph_rows import with_rows

_WEIGHTED = ("Linear(", "Conv1d(", "Conv2d(")
_RESHAPING = ("Flatten(", "Unflatten(")
_MOST_MERGED = 1 << 22  # values of a weight that holds both heads one beside the other
_NOTHING_ADDED = 1e-3  # a deviation's shift that only keeps it above zero


@dataclass(frozen=True)
class Second:
    """What the file says of the second head. raw: the value that it is. kind: one of SECONDS."""

    raw: str
    kind: str
    low: float | None = None
    high: float | None = None

    @property
    def line(self) -> str:
        """The line that makes it logvar; empty where it is that already."""
        if self.kind == "log-variance" and self.low is None and self.high is None:
            return ""
        limits = [
            f"{n}={v!r}" for n, v in (("low", self.low), ("high", self.high)) if v is not None
        ]
        return f"SecondHead({', '.join([repr(self.kind), *limits])})"


def second_of(net: Net, std: str) -> Second:
    """The second head behind a deviation: log-variance, log-deviation, and so on.

    Raises InspectionError for a deviation that is made of it in another way.
    """
    made, value = net.made, std
    words: list[tuple[str, float]] = []
    low = high = None
    last: Operation | None = None
    while (o := made.get(value)) is not None and len(o.inputs) == 1:
        if o.kind == "Scale" and o.settings["shift"] == 0:
            words.append(("scale", o.settings["factor"]))
        elif (
            o.kind == "Scale"
            and o.settings["factor"] == 1
            and 0 < o.settings["shift"] < (_NOTHING_ADDED)
        ):
            pass
        elif o.kind == "Exp":
            words.append(("exp", 0.0))
        elif o.kind == "Power":
            words.append(("power", o.settings["exponent"]))
        elif o.kind == "Softplus" and o.settings.get("beta", 1.0) == 1.0:
            words.append(("softplus", 0.0))
        elif o.kind in ("Clamp", "Hardtanh", "ReLU6"):
            limits = list(o.settings.values()) or [0.0, 6.0]
            low, high = limits
            words.append(("clamp", 0.0))
        else:
            break
        last, value = o, o.inputs[0]
        if words and words[-1][0] == "clamp":
            break
    said = [word for word, _ in words]
    clamped = bool(said) and said[-1] == "clamp"
    inner = words[:-1] if clamped else words
    kind = _kind(inner)
    if kind is None or (clamped and not inner and kind != "deviation"):
        raise refused(last or made[std], "a deviation of the code that is made in another way")
    return Second(value, kind, low, high)


def _kind(words: Sequence[tuple[str, float]]) -> str | None:
    """words: what was done to the second head, the last first."""
    said = [word for word, _ in words]
    if said == ["exp", "scale"] or said == ["exp"] or said == ["power", "exp"]:
        factor = 1.0
        for word, value in words:
            factor *= value if word in ("scale", "power") else 1.0
        return {0.5: "log-variance", 1.0: "log-deviation"}.get(round(factor, 6))
    if said == ["power", "exp", "scale"]:
        factor = words[0][1] * words[2][1]
        return {0.5: "log-variance", 1.0: "log-deviation"}.get(round(factor, 6))
    if said == ["softplus"]:
        return "softplus deviation"
    return "deviation" if not said else None


def merged(
    net: Net, value: str, pair: Operation, before: list[Step], ways: list[list[Step]]
) -> list[Step]:
    """The chain up to both heads, (B, 2k): mu, then the second.

    before: the chain up to the value that branches. ways: from there to mu, and to the second.
    """
    moves = [moved(net, value, end) for end in pair.inputs]
    if moves[0] is not None and moves[1] is not None:
        return _chosen(net, value, pair, before, torch.cat([moves[0], moves[1]]))
    first, second = ([s for s in with_rows(way) if s.layer.line or s.layer.inner] for way in ways)
    flat = [[s for s in way if s.layer.line != "Flatten()"] for way in (first, second)]
    if len(flat[0]) != len(flat[1]) or not flat[0]:
        raise refused(pair, "the two heads are of different layers")
    steps = list(before)
    for place, (a, b) in enumerate(zip(*flat, strict=True)):
        steps.append(replace(a, layer=_both(a, b, apart=place > 0)))
    if len(flat[0]) != len(first):
        steps.append(Step(Layer("Flatten()"), "", pair.place))
    return steps


def _both(a: Step, b: Step, apart: bool) -> Layer:
    """One layer that does for two values what each of two does for one.

    apart: what enters are two values, one behind the other.
    """
    one, two = a.layer, b.layer
    name, other = one.line.split("(")[0], two.line.split("(")[0]
    where = Operation(name, (), "", said=f"{a.where} and {b.where}")
    if name != other or one.inner or two.inner:
        raise refused(where, "the two heads are of different layers")
    if not one.weights and not two.weights:
        if one.line != two.line:
            raise refused(where, "the two heads have different curves")
        return one
    if name in ("BatchNorm1d", "BatchNorm2d"):
        if one.line != two.line:
            raise refused(where, "the two heads have different settings")
        size = int(one.line.split("(")[1].split(",")[0].rstrip(")"))
        line = one.line.replace(f"({size}", f"({2 * size}", 1)
        weights = {
            r: v if v.dim() == 0 else torch.cat([v, two.weights[r]]) for r, v in one.weights.items()
        }
        return Layer(line, weights=weights)
    if f"{name}(" not in _WEIGHTED or set(one.weights) != set(two.weights):
        raise refused(where, "the two heads are of different layers")
    weights = {r: torch.cat([v, two.weights[r]]) for r, v in one.weights.items() if r != "weight"}
    w, v = one.weights["weight"], two.weights["weight"]
    if one.line != two.line or w.shape != v.shape:
        raise refused(where, "the two heads are of different sizes")
    n_out, n_in = w.shape[:2]
    if apart:
        if name != "Linear" or 4 * w.numel() > _MOST_MERGED:
            raise refused(where, "two heads of several layers each")
        weights["weight"] = torch.block_diag(w, v)
        line = one.line.replace(f"({n_in}, {n_out}", f"({2 * n_in}, {2 * n_out}", 1)
    else:
        weights["weight"] = torch.cat([w, v])
        groups = "groups=" in one.line
        if groups:
            raise refused(where, "two heads in groups of channels")
        line = one.line.replace(f"({n_in}, {n_out}", f"({n_in}, {2 * n_out}", 1)
    return Layer(line, weights=weights)


def moved(net: Net, value: str, end: str) -> Tensor | None:
    """The places of a value's numbers that another is, if it is nothing but some of them."""
    shape = net.shape(value)
    operations = net.needed([end], frozenset({value}))
    if shape is None or any(o.kind not in MOVING or len(o.inputs) != 1 for o in operations):
        return None
    held = {value: torch.arange(_count(shape)).reshape(shape)}
    for o in operations:
        x = held.get(o.inputs[0])
        if x is None:
            return None
        if o.kind == "Pick":
            x = x.reshape(-1)[torch.tensor(o.settings["index"])].reshape(o.settings["sizes"])
        elif o.kind == "Split":
            x = x[o.settings["start"] : o.settings["stop"]]
        elif o.kind == "Crop":
            s = o.settings
            x = x[:, s["top"] : s["top"] + s["height"], s["left"] : s["left"] + s["width"]]
        elif o.kind in ("ChannelsFirst", "ChannelsLast"):
            x = x.movedim(-1, 0) if o.kind == "ChannelsFirst" else x.movedim(0, -1)
        elif o.kind == "Reshape" and net.shape(o.output) is not None:
            x = x.reshape(net.shape(o.output) or ())
        elif o.kind == "Flatten":
            x = x.reshape(-1)
        held[o.output] = x
    return held[end].reshape(-1) if end in held else None


def _count(shape: Sequence[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _chosen(
    net: Net, value: str, pair: Operation, before: list[Step], places: Tensor
) -> list[Step]:
    """The chain with its last weighted layer's outputs in the order of both heads."""
    steps = list(before)
    while steps and not steps[-1].layer.weights and steps[-1].layer.line.startswith(_RESHAPING):
        steps.pop()  # which keeps the order of the values
    shape = next((found for s in steps[::-1] if (found := net.shape(s.value))), net.shape(value))
    shape = shape or ()
    if len(places) != _count(shape):
        raise refused(pair, "a part of what the encoder gives is neither mu nor its deviation")
    if bool((places == torch.arange(len(places))).all()):
        return [*steps, Step(Layer("Flatten()"), "", pair.place)] if len(shape) > 1 else steps
    rows = places
    if len(shape) > 1:  # whole channels, or it is not understood
        rows = places.reshape(shape[0], -1)[:, 0] // _count(shape[1:])
        whole = torch.arange(_count(shape)).reshape(shape[0], -1)[rows].reshape(-1)
        if not bool((whole == places).all()):
            raise refused(pair, "mu and its deviation are mixed within maps")
    at = next((i for i in range(len(steps) - 1, -1, -1) if steps[i].layer.weights), None)
    last = None if at is None else steps[at].layer
    behind = [] if at is None else [s.layer.line for s in steps[at + 1 :]]
    flat = {"", "Flatten()"} if len(shape) == 1 else {""}
    if last is None or at is None or not last.line.startswith(_WEIGHTED) or {*behind} - flat:
        raise refused(pair, "mu and its deviation are told apart behind other layers")
    if last.weights["weight"].shape[0] != len(rows) or "groups=" in last.line:
        raise refused(pair, "mu and its deviation are told apart within a layer's outputs")
    weights = {role: v[rows] for role, v in last.weights.items()}
    steps[at] = replace(steps[at], layer=Layer(last.line, weights=weights))
    return [*steps, Step(Layer("Flatten()"), "", pair.place)] if len(shape) > 1 else steps
