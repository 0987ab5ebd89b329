"""A network's steps as a file with operations tells them, whatever its format calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Operation
from aecore.inspection.files.folding import fold
from aecore.inspection.files.limits import MAX_NAME, MAX_OPERATIONS
from aecore.inspection.files.order import circle
from aecore.wording import short

Shape = Sequence[int | None]  # with the batch; None where a file leaves a size open


class Graph:
    """Collects operations one after the other; values and weights go by the file's own names.

    tensors: the file's weights by their final names. called: what the graph calls a weight, where
    that differs. shapes: of values, as far as the file says. entry: the network's own input. told:
    its other one, a label.
    """

    def __init__(
        self,
        tensors: dict[str, Tensor],
        called: dict[str, str],
        shapes: dict[str, Shape],
        entry: str,
        told: str = "",
    ):
        self.tensors, self.shapes = tensors, shapes
        self.operations: list[Operation] = []
        self.at, self.why = "", ""  # of the operations that are added
        self._entries = {entry: "input", **({told: "told"} if told else {})}
        self._same: dict[str, str] = {}
        # A weight as the graph sees it: its tensor, and whether it is seen transposed.
        self._seen = {name: (tensor, False) for name, tensor in called.items()}
        self._turned: dict[str, bool] = {}  # how each tensor is used, and so kept
        self._numbers: set[str] = set()
        # Sizes that the graph computes as whole numbers, NaN where the batch decides.
        self.sizes: dict[str, np.ndarray] = {}

    # -- names -----------------------------------------------------------------------------------

    def value(self, name: str) -> str:
        """A value's name in the operations."""
        name = self._root(name)
        if name in self._entries:
            return self._entries[name]
        return f"{name}.1" if name in ("input", "told") else name

    def same(self, output: str, x: str) -> None:
        """Say that an output is its input (or the weight that it is), unchanged."""
        if output == x:
            return
        if x in self._seen:
            self._seen[output] = self._seen[x]
        else:
            root = self._root(x)
            if root == output:
                raise circle(output)
            self._same[output] = root
            self.shapes.setdefault(output, self.shape(x) or ())

    def _root(self, name: str) -> str:
        """What a value is by another name; `same` lets no name be itself by others."""
        while name in self._same:
            name = self._same[name]
        return name

    def shape(self, name: str) -> Shape | None:
        return self.shapes.get(name) or None

    def rank(self, name: str) -> int | None:
        shape = self.shape(name)
        return None if shape is None else len(shape)

    # -- weights ---------------------------------------------------------------------------------

    def is_weight(self, name: str) -> bool:
        return name in self._seen

    def constant(self, name: str) -> Tensor | None:
        """A weight's values as the graph sees them; None for a value that is computed."""
        if name not in self._seen:
            return None
        tensor, turned = self._seen[name]
        return self.tensors[tensor].T if turned else self.tensors[tensor]

    def values(self, name: str) -> Tensor:
        """The same for a weight that an operation cannot do without; ValueError if computed."""
        found = self.constant(name)
        if found is None:
            raise ValueError("a weight that is computed")
        return found

    def sizes_of(self, name: str) -> Shape:
        """A value's shape for an operation that needs it; ValueError where the file is silent."""
        found = self.shape(name)
        if found is None:
            raise ValueError("an unknown shape")
        return found

    def size(self, name: str, dimension: int = 1) -> int:
        """One size of a value, by default its features or channels; ValueError if it is open."""
        found = self.sizes_of(name)[dimension]
        if found is None:
            raise ValueError("an open size")
        return found

    def number(self, name: str) -> float | None:
        """A weight of one value as a number, which then is no tensor any more."""
        tensor = self.constant(name)
        if tensor is None or tensor.numel() != 1 or tensor.dim() > 1:
            return None
        self._numbers.add(self._seen[name][0])
        return float(tensor.reshape(()).item())

    def numbers(self, name: str) -> list[int] | None:
        """A short weight of whole numbers (sizes, axes), which then is no tensor any more."""
        tensor = self.constant(name)
        if tensor is None or tensor.numel() > 16 or tensor.is_floating_point():
            return None
        self._numbers.add(self._seen[name][0])
        return [int(v) for v in tensor.reshape(-1)]

    def floats(self, name: str) -> list[float] | None:
        """The same for any numbers."""
        tensor = self.constant(name)
        if tensor is None or tensor.numel() > 16:
            return None
        self._numbers.add(self._seen[name][0])
        return [float(v) for v in tensor.reshape(-1)]

    def constant_of_graph(self, name: str, value: Tensor) -> None:
        """A tensor that the graph holds itself; it stays one only if an operation uses it."""
        self.tensors[name] = value
        self._seen[name] = (name, False)
        self._numbers.add(name)

    def turn(self, output: str, x: str) -> None:
        """Say that an output is a weight of two dimensions, transposed."""
        tensor, turned = self._seen[x]
        if self.tensors[tensor].dim() != 2:
            raise ValueError("only matrices are transposed")
        self._seen[output] = (tensor, not turned)

    def weight(self, name: str) -> str:
        """The tensor's name for a weight that an operation uses as the graph sees it."""
        tensor, turned = self._seen[name]
        if self._turned.setdefault(tensor, turned) == turned:
            return tensor
        return self._beside(name, "transposed", self.values(name))

    def changed(self, name: str, value: Tensor) -> str:
        """The name of a new tensor that takes a weight's place in an operation."""
        self._numbers.add(self._seen[name][0])
        return self._beside(name, "changed", value)

    def reshaped(self, output: str, x: str, sizes: Sequence[int]) -> None:
        """Say that an output is a weight in another shape."""
        new = self.changed(x, self.values(x).reshape(tuple(sizes)))
        self._seen[output] = (new, False)
        self._numbers.add(new)  # gone again, if no operation uses it so

    def _beside(self, name: str, how: str, value: Tensor) -> str:
        other = f"{self._seen[name][0]}.{how}"
        self.tensors[other] = value.contiguous()
        self._seen[other], self._turned[other] = (other, False), False
        return other

    # -- operations ------------------------------------------------------------------------------

    def step(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str,
        said: str,
        settings: dict[str, Any] | None = None,
        weights: dict[str, str] | None = None,
    ) -> None:
        """Add one operation; weights are tensors' names. Raises CheckpointError beyond a limit."""
        if len(self.operations) >= MAX_OPERATIONS:
            raise CheckpointError(
                f"The file's network has more than {MAX_OPERATIONS:,} operations, which is more "
                "than are read; export the autoencoder alone."
            )
        names = (*(self.value(x) for x in inputs), self.value(output))
        if any(len(name) > MAX_NAME for name in names):
            raise CheckpointError(
                f"A value of the file's network has a name of more than {MAX_NAME} characters; "
                "export the network again."
            )
        self.operations.append(
            Operation(
                kind,
                names[:-1],
                names[-1],
                settings or {},
                weights or {},
                said[:MAX_NAME],
                self.at[:MAX_NAME],
                self.why[:MAX_NAME],
            )
        )

    def linear(self, x: str, weight: str, bias: str | None, output: str, said: str) -> None:
        """x W^T + b; weight as the graph sees it is (out, in)."""
        out, size = self.values(weight).shape
        settings = {"in_features": size, "out_features": out, "bias": bias is not None}
        weights = {"weight": self.weight(weight)}
        if bias is not None:
            weights["bias"] = self.weight(bias)
        self.step("Linear", [x], output, said, settings, weights)

    def matmul(self, x: str, weight: str, bias: str | None, output: str, said: str) -> None:
        """x W + b; weight as the graph sees it is (in, out)."""
        turned = f"{weight}.T"
        self.turn(turned, weight)
        self.linear(x, turned, bias, output, said)

    def convolution(
        self,
        x: str,
        weight: str,
        bias: str | None,
        output: str,
        said: str,
        transposed: bool,
        settings: dict[str, Any],
    ) -> None:
        """settings: stride, padding, dilation, groups and, if transposed, output_padding."""
        name = self.weight(weight)
        shape = self.tensors[name].shape
        if len(shape) not in (3, 4):
            raise ValueError("a convolution of something else than images and signals")
        groups = settings.get("groups", 1)
        first, second = shape[0], shape[1] * groups
        inside, outside = (first, second) if transposed else (second, first)
        full = {
            "in_channels": inside,
            "out_channels": outside,
            "kernel_size": one(shape[2:]),
            **{k: v if k == "groups" else one(v) for k, v in settings.items()},
            "bias": bias is not None,
        }
        weights = {"weight": name}
        if bias is not None:
            weights["bias"] = self.weight(bias)
        kind = f"Conv{'Transpose' if transposed else ''}{len(shape) - 2}d"
        self.step(kind, [x], output, said, full, weights)

    def batch_norm(self, x: str, roles: dict[str, str], output: str, said: str, eps: float) -> None:
        """roles: weight, bias, running_mean, running_var, as far as there are."""
        weights = {role: self.weight(name) for role, name in roles.items()}
        size = len(self.tensors[weights["running_mean"]])
        settings = {"num_features": size, "eps": eps, "affine": "weight" in weights}
        kind = "BatchNorm1d" if self.rank(x) in (2, 3) else "BatchNorm2d"
        self.step(kind, [x], output, said, settings, weights)

    def scale(
        self, x: str, output: str, said: str, factor: float = 1.0, shift: float = 0.0
    ) -> None:
        if (factor, shift) == (1.0, 0.0):
            self.same(output, x)
        else:
            self.step("Scale", [x], output, said, {"factor": factor, "shift": shift})

    def reshape(self, x: str, output: str, said: str, sizes: Sequence[int | None]) -> None:
        """sizes: without the batch; None or -1 for the one that follows from the others."""
        known = [-1 if s is None else int(s) for s in sizes]
        before = self.shape(x)
        if before is not None and list(before[1:]) == known and None not in before[1:]:
            self.same(output, x)
        elif len(known) == 1:
            self.step("Flatten", [x], output, said)
        else:
            self.step("Reshape", [x], output, said, {"sizes": known})

    def part(self, x: str, output: str, said: str, start: int, stop: int) -> None:
        """The values start to stop of the first dimension after the batch."""
        self.step("Split", [x], output, said, {"start": start, "stop": stop})

    def joined(self, inputs: Sequence[str], output: str, said: str, axis: int) -> None:
        """Values side by side along a dimension, with the batch."""
        rank = self.rank(output) or self.rank(inputs[0])
        if axis < 0 and rank is None:
            raise ValueError("an unknown shape")
        axis = axis + (rank or 0) if axis < 0 else axis
        if any(self.is_weight(x) for x in inputs):
            raise ValueError("a weight put beside values")
        self.step("Concat", list(inputs), output, said, {"axis": axis})

    def finish(self, outputs: Sequence[str]) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
        """The operations, and the names of the network's outputs; tensors become as used."""
        for name, turned in self._turned.items():
            if turned:
                self.tensors[name] = self.tensors[name].T.contiguous()
        final = tuple(self.value(o) for o in outputs)
        operations = needed(fold(needed(self.operations, final), final, self.tensors), final)
        used = {w for o in operations for w in o.weights.values()}
        for name in self._numbers - used:
            self.tensors.pop(name, None)
        return tuple(operations), final

    def known_sizes(self) -> dict[str, tuple[int | None, ...]]:
        """Sizes of the operations' values, with the batch, as far as the file says."""
        return {self.value(name): tuple(shape) for name, shape in self.shapes.items() if shape}

    def spend(self, name: str) -> None:
        """Say that a weight went into another one; it stays one only if an operation uses it."""
        self._numbers.add(self._seen[name][0])


def needed(operations: Sequence[Operation], outputs: Sequence[str]) -> list[Operation]:
    """The operations without those whose values nobody needs."""
    makers = {o.output: o for o in operations}
    wanted, waiting = set(outputs), list(outputs)
    while waiting:
        maker = makers.get(waiting.pop())
        new = set(maker.inputs) - wanted if maker else set()
        wanted |= new
        waiting += new
    return [o for o in operations if o.output in wanted]


def said_place(name: str, place: int, of: int) -> str:
    """Where an operation stands in a file, for messages."""
    return f"{short(name)}, operation {place} of {of}"


def one(sizes: Any) -> Any:
    """A size for both directions as one number, else a list."""
    if isinstance(sizes, int | float):
        return sizes
    values = list(sizes)
    return values[0] if len(set(values)) == 1 else values
