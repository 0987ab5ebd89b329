"""One node of an ONNX graph with its attributes, and the tensors that ONNX files hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from onnx import numpy_helper
from torch import Tensor

from aecore.errors import CheckpointError
from aecore.inspection.files.limits import Budget
from aecore.wording import short

INTEGER = {2, 3, 4, 5, 6, 7, 9, 12, 13}  # onnx.TensorProto.DataType


class Node:
    """One node of the graph: inputs (None where left out), outputs and attributes by name."""

    def __init__(self, proto: Any, budget: Budget, opset: int = 17):
        self.said = proto.op_type
        self.domain = proto.domain
        self.proto, self.opset = proto, opset
        self.name, self.at = proto.name, ""
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
        raise second_file(entry)
    if any(size < 0 for size in shape):
        raise CheckpointError(f"The tensor {short(name)!r} has a negative size; export it again.")
    before = (budget.tensors, budget.nbytes)
    budget.take(name, shape, 8 if entry.data_type in INTEGER else 4)
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


def location(entry: Any) -> str:
    """The name of the file in which an initialiser's values lie, as the ONNX file says it."""
    return next((pair.value for pair in entry.external_data if pair.key == "location"), "")


def second_file(entry: Any) -> CheckpointError:
    """The sentence for values that lie in a file that was not brought along."""
    named = short(location(entry) or "another file")
    return CheckpointError(
        f"The ONNX file keeps its weights in a second file, {named!r}, so there are none in it; "
        "drop in both files together, or export it again with all weights inside "
        "(external_data=False)."
    )


def _attribute(a: Any, budget: Budget) -> Any:
    kinds = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints"}
    if a.type == 4:
        return as_torch(a.t, budget)
    if a.type not in kinds:
        return None
    value = getattr(a, kinds[a.type])
    if a.type == 3:
        return value.decode("utf-8", "replace")
    if a.type in (1, 6):  # as short as it was written: 1e-05, not what float32 makes of it
        values = [float(str(np.float32(v))) for v in ([value] if a.type == 1 else value)]
        return values[0] if a.type == 1 else values
    return list(value) if a.type > 5 else value
