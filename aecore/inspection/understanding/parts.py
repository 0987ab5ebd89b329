"""Tensors by name to the layers that they must belong to, as far as names and shapes tell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor

from aecore.inspection.understanding.names import halves, natural, place, says_embedding

_ROLES = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_RANKS = {"encoder": 0, "": 1, "decoder": 2}


@dataclass(eq=False)
class Part:
    """One layer of the file: main (linear, conv, block), norm or slope (PReLU).

    kind: "linear", "conv" (a convolution, which way is not known yet; over one or two axes),
    "block" (several whose result is added to what enters), "embedding" (a table of vectors, one a
    class), "batch", "layer", "group", "slope". names: role to the tensor's name in the file.
    index: place in the file's order. half: what the names say, see names.py. norm, slope: parts
    that follow this main one; before: a norm that stands in front of it. copy: its weights are
    another part's, the other way round (tied); it need not be used. inner, shortcut: of a block,
    whose layers know their way ("linear", "conv", "transposed").
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
    before: Part | None = None
    half: str = ""
    copy: bool = False
    way: str = ""
    inner: list[Part] = field(default_factory=list)
    shortcut: list[Part] = field(default_factory=list)

    @property
    def weight(self) -> Tensor:
        """The weight as layers keep it: (out, in) for a linear one."""
        weight = self.tensors["weight"]
        return weight.T.contiguous() if self.transposed else weight

    @property
    def main(self) -> bool:
        return self.kind in ("linear", "conv", "block")

    @property
    def axes(self) -> int:
        """Axes that a convolution runs over; 0 for a linear layer."""
        first = self.inner[0] if self.inner else self
        return first.tensors["weight"].ndim - 2

    @property
    def kernel(self) -> int:
        """The size of a convolution's kernel along its first axis; 1 for a linear layer."""
        first = self.inner[0] if self.inner else self
        return first.tensors["weight"].shape[2] if self.axes else 1

    @property
    def size(self) -> int:
        """Values or channels that a norm or slope works on."""
        return next(
            self.tensors[r].numel() for r in ("running_mean", "weight") if r in self.tensors
        )


def parts_of(tensors: dict[str, Tensor], ordered: bool) -> tuple[list[Part], list[str]]:
    """Main parts in the file's order (by name where the format sorts), and names of what is none.

    Norms and slopes hang on the main part that they belong to. Tables of vectors, one a class,
    are among the parts as "embedding".
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
        kind = _kind(prefix, own)
        if kind is None:
            odd += names.values()
            continue
        found.append(Part(prefix, kind, names, own, 0))
    found += _from_loose(loose, tensors, odd)
    said = halves(p.name for p in found)
    for part in found:
        part.half = said[part.name]
    first = {name: i for i, name in enumerate(tensors)}
    # A network's own parameters stand before those of its layers, wherever they are used.
    bare = {p for p in found if p.main and "." not in p.name and p.name in p.names.values()}
    mixed = any(p.main and p not in bare for p in found)
    if ordered:
        found.sort(key=lambda p: (mixed and p in bare, min(first[n] for n in p.names.values())))
    else:
        found.sort(key=lambda p: (_RANKS[p.half], natural(p.name)))
    for i, part in enumerate(found):
        part.index = i
    left = _hang(found, ordered)
    odd += [n for p in left for n in p.names.values()]
    mains = [p for p in found if p.main or p.kind == "embedding"]
    for i, part in enumerate(p for p in mains if p.main):
        part.index = i  # norms between two layers are no distance
    return mains, odd


def _kind(name: str, own: dict[str, Tensor]) -> str | None:
    weight = own.get("weight")
    if "running_mean" in own:
        return "batch"
    if weight is None:
        return None
    if "bias" in own and own["bias"].shape == weight.shape:
        return {1: "group", 2: "layer", 3: "layer"}.get(weight.ndim)
    if weight.ndim in (3, 4):
        return "conv"
    if weight.ndim == 2:
        return "embedding" if "bias" not in own and says_embedding(name) else "linear"
    return "slope" if weight.ndim == 1 and "bias" not in own else None


def _from_loose(loose: list[str], tensors: dict[str, Tensor], odd: list[str]) -> list[Part]:
    """Layers of parameters that stand alone, like W1 and b1: matrices, each with its bias."""
    rows = [n for n in loose if tensors[n].ndim == 1]
    found = []
    for name in loose:
        if tensors[name].ndim not in (2, 4):
            continue
        if tensors[name].shape[0] == 1 and "w" not in name.lower():
            continue  # one row: a buffer or a prior
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
    taken = {n for p in found for n in p.names.values()}
    odd += [n for n in loose if n not in taken and n not in rows] + rows
    return found


def _stem(name: str) -> str:
    """A parameter's name without the word or letter that says weight or bias."""
    low = name.lower()
    low = re.sub(r"weights?|biases|bias|kernel|beta|matrix", "", low)
    low = re.sub(r"(?<![a-z])[wb](?=_|\d|$|h|v)", "", low)
    return low.strip("._")


def _hang(found: list[Part], ordered: bool) -> list[Part]:
    """Hang each norm and slope on a main part; return those that fit nowhere."""
    left = []
    mains = [p for p in found if p.main]
    for part in found:
        if part.main or part.kind == "embedding":
            continue
        opened = _opens(part, mains) if ordered else None
        if opened is not None:
            opened.before = part
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


def _opens(part: Part, mains: list[Part]) -> Part | None:
    """The main part that a norm or slope stands in front of, and not behind another.

    It is the first of its list, or stands between a linear layer of another size and a
    convolution that takes its channels.
    """
    parent = part.name.rpartition(".")[0]
    beside = [m for m in mains if m.name.rpartition(".")[0] == parent]
    behind = min((m for m in beside if m.index > part.index), key=lambda m: m.index, default=None)
    if behind is None or behind.before is not None:
        return None
    ahead = max((m for m in beside if m.index < part.index), key=lambda m: m.index, default=None)
    if ahead is not None and (
        ahead.kind != "linear" or behind.kind != "conv" or _fits(part, ahead) or ahead.norm
    ):
        return None
    if ahead is None and part.kind == "slope":
        return None
    shape = behind.weight.shape
    entering = {shape[1]} if behind.kind == "linear" else set(shape[:2]) - out_sizes(behind)
    return behind if part.size in (entering or set(shape[:2])) else None


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
        for p in (part, part.norm, part.slope, part.before):
            if p is not None:
                names |= set(p.names.values())
        names |= all_names((*part.inner, *part.shortcut))
    return names
