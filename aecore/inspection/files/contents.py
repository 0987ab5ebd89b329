"""What was found in a file: tensors by name, and where the file says it, the operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from aecore.inspection.files.running import GraphCheck


@dataclass(frozen=True)
class Operation:
    """One step of a network whose file says what it does (torch.export, ONNX).

    kind: one of `aecore.models.layers.readable_layers()`, or "Add", "Multiply", "Divide", "Exp",
    "Power", "Random", "Concat", "Reshape", "Pick", "Other". settings: plain numbers, what the line
    of that layer takes (for Reshape and Pick the sizes without the batch, for Pick also the places
    of an example's values that are taken, in order). weights: role (weight, bias, running_mean,
    running_var) to the name of a tensor. inputs, output: names of values; the network's own input
    is "input", a second one "told". said: what the file calls the operation; at: its name there and
    the how-manieth of the file's operations it is; why: what about it is not understood.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    settings: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    said: str = ""
    at: str = ""
    why: str = ""

    @property
    def place(self) -> str:
        """The operation and where it stands, for messages."""
        return f"{self.said or self.kind!r}{f' ({self.at})' if self.at else ''}"


@dataclass(frozen=True)
class Contents:
    """A file's contents, copied out of it; nothing of the file was executed.

    form: "safetensors", "torch", "lightning", "torch.export" or "onnx". tensors: on the CPU and
    contiguous; floating-point ones as float32, whole numbers as int64. ordered: the tensors stand
    in the order in which the network's parts were made (false where the format sorts them by
    name). facts: what else the file says of the model, plain JSON values (hyper-parameters, epoch).
    operations, outputs: of files that say what they compute, else None and (); check runs such a
    file's graph as it stands. notes: sentences about what was converted or left out. card: the text
    of this app's own card, where there is one.
    """

    form: str
    tensors: dict[str, Tensor]
    ordered: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
    operations: tuple[Operation, ...] | None = None
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    card: str | None = None
    check: GraphCheck | None = None
    sizes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
