"""One node of an ONNX graph with its attributes, and the tensors that ONNX files hold."""

from __future__ import annotations

from typing import Any

import torch
from onnx import numpy_helper
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.limits import Budget
from aecore.wording import short

_INTEGER = {2, 3, 4, 5, 6, 7, 9, 12, 13}  # onnx.TensorProto.DataType


class Node:
    """One node of the graph: inputs (None where left out), outputs and attributes by name."""

    def __init__(self, proto: Any, budget: Budget):
        self.said = proto.op_type
        self.domain = proto.domain
        self.inputs = [name or None for name in proto.input]
        self.outputs = list(proto.output)
        self.attributes = {a.name: _attribute(a, budget) for a in proto.attribute}

    @property
    def x(self) -> str:
        return self.needed(0)

    @property
    def out(self) -> str:
        return self.outputs[0]

    def needed(self, index: int) -> str:
        """An input that the operation cannot do without. Raises ValueError."""
        name = self.input(index)
        if name is None:
            raise ValueError("an input is missing")
        return name

    def input(self, index: int) -> str | None:
        return self.inputs[index] if index < len(self.inputs) else None


def as_torch(entry: Any, budget: Budget) -> Tensor | None:
    """An initialiser's values; raises CheckpointError for lies, limits and other files."""
    name, shape = entry.name, tuple(entry.dims)
    if entry.data_location == 1 or entry.external_data:
        raise CheckpointError(
            "The ONNX file keeps its weights in a second file, which is not read; export it again "
            "with all weights inside (external_data=False)."
        )
    if any(size < 0 for size in shape):
        raise CheckpointError(f"The tensor {short(name)!r} has a negative size; export it again.")
    before = (budget.tensors, budget.nbytes)
    budget.take(name, shape, 8 if entry.data_type in _INTEGER else 4)
    budget.tensors, budget.nbytes = before
    try:
        array = numpy_helper.to_array(entry)
    except Exception as error:  # numpy and onnx have many words for a length that is wrong
        raise CheckpointError(
            f"The file is damaged: the tensor {short(name)!r} has not as many values as its shape "
            f"{short(str(list(shape)))} needs."
        ) from error
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        budget.notes.append(f"The tensor {short(name)!r} holds no plain numbers, so left out.")
        return None
    return budget.tensor(name, torch.from_numpy(array.copy()))


def _attribute(a: Any, budget: Budget) -> Any:
    kinds = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints"}
    if a.type == 4:
        return as_torch(a.t, budget)
    if a.type not in kinds:
        return None
    value = getattr(a, kinds[a.type])
    if a.type == 3:
        return value.decode("utf-8", "replace")
    return list(value) if a.type > 5 else value
