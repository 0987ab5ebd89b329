"""Tensors by name to the layers that they must belong to, as far as names and shapes tell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

_ROLES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_MU = re.compile(r"(^|[^a-z])(mu|mean|means|z_mean|loc|z_mu|mus)([^a-z]|$)|fc_?21|fc_?mu|to_?mu")
_LOGVAR = re.compile(
    r"log_?var|log_?sigma|logsd|log_?std|(^|[^a-z])(var|sigma|std|variance|scale|lv)([^a-z]|$)"
    r"|fc_?22|fc_?var|to_?var|z_var"
)
_ENCODER = re.compile(
    r"(^|[._])(enc|encoder|encode|encoding|inference|recognition|q_net|qnet|down)"
)
_DECODER = re.compile(
    r"(^|[._])(dec|decoder|decode|decoding|generator|generative|p_net|pnet|up|deconv|recon)"
)
_TRANSPOSED = re.compile(r"deconv|tconv|conv_?t|transpose|convtrans|unconv")


@dataclass
class Part:
    """One layer of the file: main (linear, conv), norm or slope (PReLU).

    kind: "linear", "conv" (a convolution, which way is not known yet), "batch", "layer", "group",
    "slope". names: role to the tensor's name in the file. index: place in the file's order.
    norm, slope: parts that follow this main one.
    """

    name: str
    kind: str
    names: dict[str, str]
    tensors: dict[str, Tensor]
    index: int
    norm: Part | None = None
    norm_after: bool | None = None  # after the activation; None where the file does not tell
    slope: Part | None = None
    transposed: bool = False  # the matrix is stored (in, out)

    @property
    def weight(self) -> Tensor:
        """The weight as layers keep it: (out, in) for a linear one."""
        weight = self.tensors["weight"]
        return weight.T.contiguous() if self.transposed else weight

    @property
    def main(self) -> bool:
        return self.kind in ("linear", "conv")

    @property
    def size(self) -> int:
        """Values or channels that a norm or slope works on."""
        return next(
            self.tensors[r].numel() for r in ("running_mean", "weight") if r in self.tensors
        )


def hint(name: str) -> str:
    """What a name says of a layer's half: "encoder", "decoder" or ""."""
    low = name.lower()
    if _ENCODER.search(low):
        return "encoder"
    return "decoder" if _DECODER.search(low) else ""


def head_hint(name: str) -> str:
    """What a name says of a head: "mu", "logvar" or ""."""
    low = name.lower()
    if _LOGVAR.search(low):
        return "logvar"
    return "mu" if _MU.search(low) else ""


def says_transposed(name: str) -> bool:
    """Whether the name says that a convolution is a transposed one."""
    return bool(_TRANSPOSED.search(name.lower()))


def place(name: str) -> tuple[str, int] | None:
    """(the list that a layer stands in, its number there), for names that end in a number."""
    prefix, _, last = name.rpartition(".")
    return (prefix, int(last)) if last.isdecimal() and len(last) < 5 else None


def natural(name: str) -> list:
    """A key that sorts layer 10 after layer 2."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]


def parts_of(tensors: dict[str, Tensor], ordered: bool) -> tuple[list[Part], list[str]]:
    """Parts in the file's order (by name where the format sorts), and names of what is no layer.

    Norms and slopes hang on the main part that they follow.
    """
    groups: dict[str, dict[str, str]] = {}
    loose: list[str] = []
    for name in tensors:
        prefix, _, role = name.rpartition(".")
        if role in _ROLES:
            groups.setdefault(prefix, {})[role] = name
        else:
            loose.append(name)
    found: list[Part] = []
    odd: list[str] = []
    for prefix, names in groups.items():
        own = {role: tensors[name] for role, name in names.items()}
        kind = _kind(own)
        if kind is None:
            odd += names.values()
            continue
        found.append(Part(prefix, kind, names, own, 0))
    found += _from_loose(loose, tensors, odd)
    first = {name: i for i, name in enumerate(tensors)}
    if ordered:
        found.sort(key=lambda p: min(first[n] for n in p.names.values()))
    else:
        found.sort(key=lambda p: (_half_rank(p.name), natural(p.name)))
    for i, part in enumerate(found):
        part.index = i
    left = _hang(found)
    odd += [n for p in left for n in p.names.values()]
    return [p for p in found if p.main], odd


def _half_rank(name: str) -> int:
    return {"encoder": 0, "": 1, "decoder": 2}[hint(name)]


def _kind(own: dict[str, Tensor]) -> str | None:
    weight = own.get("weight")
    if "running_mean" in own:
        return "batch"
    if weight is None:
        return None
    if weight.ndim == 4:
        return "conv"
    if weight.ndim == 2:
        return "linear"
    if "bias" in own and own["bias"].shape == weight.shape:
        return "layer" if weight.ndim == 3 else "group" if weight.ndim == 1 else None
    return "slope" if weight.ndim == 1 and "bias" not in own else None


def _from_loose(loose: list[str], tensors: dict[str, Tensor], odd: list[str]) -> list[Part]:
    """Layers of parameters that stand alone, like W1 and b1: matrices, each with its bias."""
    rows = [n for n in loose if tensors[n].ndim == 1]
    found = []
    for name in loose:
        if tensors[name].ndim not in (2, 4):
            continue
        own, names = {"weight": tensors[name]}, {"weight": name}
        sizes = set(tensors[name].shape[:2])
        fits = [n for n in rows if tensors[n].numel() in sizes]
        same = [n for n in fits if _stem(n) == _stem(name)]
        if same:
            own["bias"], names["bias"] = tensors[same[0]], same[0]
            rows.remove(same[0])
        part = Part(name, "conv" if tensors[name].ndim == 4 else "linear", names, own, 0)
        if part.kind == "linear" and "bias" in own:
            n_out, n_in = own["weight"].shape
            part.transposed = own["bias"].numel() == n_in != n_out
        found.append(part)
    # What is left may be the biases of a tied decoder: the chain decides.
    odd += [n for n in loose if tensors[n].ndim not in (1, 2, 4)] + rows
    return found


def _stem(name: str) -> str:
    """A parameter's name without the word or letter that says weight or bias."""
    low = name.lower()
    low = re.sub(r"weights?|biases|bias|kernel|beta|matrix", "", low)
    low = re.sub(r"(?<![a-z])[wb](?=_|\d|$|h|v)", "", low)
    return low.strip("._")


def _hang(found: list[Part]) -> list[Part]:
    """Hang each norm and slope on the main part that it follows; return those that fit nowhere."""
    left = []
    mains = [p for p in found if p.main]
    for part in found:
        if part.main:
            continue
        which = "slope" if part.kind == "slope" else "norm"
        free = [m for m in mains if getattr(m, which) is None and _fits(part, m)]
        if not free:
            left.append(part)
            continue
        best = min(free, key=lambda m: _distance(part, m))
        setattr(best, which, part)
        if which == "norm":
            best.norm_after = _after_activation(best, part)
    return left


def _fits(part: Part, main: Part) -> bool:
    if part.kind == "slope" and part.size == 1:
        return True
    outs = out_sizes(main)
    if part.kind == "layer":
        return part.tensors["weight"].shape[0] in outs
    return part.size in outs


def _distance(part: Part, main: Part) -> tuple:
    """How far a norm is from a main part: same numbered list first, then names, then order."""
    a, b = place(part.name), place(main.name)
    if a is not None and b is not None and a[0] == b[0]:
        behind = a[1] - b[1]
        return (0, behind if behind > 0 else 1000 - behind)
    shared = _shared(part.name, main.name)
    same_number = _numbers(part.name) == _numbers(main.name)
    behind = part.index - main.index
    if behind == 1:
        return (1, -shared, 0)
    return (2, not same_number, -shared, behind if behind > 0 else 1000 - behind)


def _shared(a: str, b: str) -> int:
    """How many leading words two names have in common."""
    n = 0
    for x, y in zip(a.split("."), b.split("."), strict=False):
        if x != y:
            break
        n += 1
    return n


def _numbers(name: str) -> list[str]:
    return re.findall(r"\d+", name)


def _after_activation(main: Part, norm: Part) -> bool | None:
    a, b = place(main.name), place(norm.name)
    if a is None or b is None or a[0] != b[0]:
        return None
    return b[1] - a[1] > 1


def out_sizes(part: Part) -> set[int]:
    """Values or channels that may leave a main part, by its bias where it has one."""
    weight = part.tensors["weight"]
    if "bias" in part.tensors:
        return {part.tensors["bias"].numel()}
    return set(weight.shape[:2]) if part.kind == "conv" else {part.weight.shape[0]}


def square_side(n: int) -> int | None:
    """The side of a square of n values, or None."""
    side = math.isqrt(n) if n > 0 else 0
    return side if side * side == n and side > 0 else None


def all_names(parts: Iterable[Part]) -> set[str]:
    """Names of every tensor that belongs to these parts."""
    names: set[str] = set()
    for part in parts:
        for p in (part, part.norm, part.slope):
            if p is not None:
                names |= set(p.names.values())
    return names
