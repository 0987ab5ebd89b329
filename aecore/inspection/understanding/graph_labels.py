"""What a network is told beside an example: the numbers that each label becomes, as a table."""

from __future__ import annotations

import torch
from torch import Tensor

from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.graph_layers import refused
from aecore.inspection.understanding.graph_net import Net

_MOST = 1024  # classes that are tried


class Labels:
    """The label's ways into one network. classes: how many there are, 0 until one is told.

    Whatever a file makes of a label, it is a row of numbers for each: found by running the graph.
    """

    def __init__(self, contents: Contents, net: Net):
        self.check, self.net = contents.check, net
        self.classes = 0
        self.used: set[str] = set()

    def layer(self, value: str, first: bool, o: Operation) -> Layer:
        """The layer that joins a label's value to others. Raises InspectionError."""
        table = self._table(value, o)
        self.classes = len(table)
        before = ", first=True" if first else ""
        if table.shape == (len(table), len(table)) and bool((table == torch.eye(len(table))).all()):
            return Layer(f"Told({len(table)}{before})")
        line = f"Told({len(table)}, {table.shape[1]}{before})"
        return Layer(line, weights={"weight": table})

    def _table(self, value: str, o: Operation) -> Tensor:
        check = self.check
        if check is None or len(check.entries) != 2:
            raise refused(o, "what is joined here depends on nothing that enters")
        entry = check.entries[0 if check.label_first else 1]
        self.used |= {w for op in self.net.needed([value]) for w in op.weights.values()}
        if not entry.whole:
            classes = entry.values
            if classes < 2:
                raise refused(o, "the label enters as one number and not as one of several classes")
            return self._rows(value, torch.eye(classes), o)
        count = self.classes or self._count(value, o)
        return self._rows(value, torch.arange(count), o)

    def _count(self, value: str, o: Operation) -> int:
        """How many labels the graph knows: the first that it does not is an error, or all zeros."""
        low, high = 1, 2
        while high <= _MOST and self._knows(value, high - 1):
            low, high = high, 2 * high
        if high > _MOST:
            raise refused(o, "the label enters as a number and not as one of several classes")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._knows(value, middle - 1) else (low, middle)
        if low < 2:
            raise refused(o, "how many classes there are cannot be told")
        return low

    def _knows(self, value: str, label: int) -> bool:
        try:
            return bool(self._run(value, torch.tensor([label])).any())
        except InspectionError:
            return False

    def _rows(self, value: str, told: Tensor, o: Operation) -> Tensor:
        found = self._run(value, told)
        flat = found.flatten(2)[:, :, 0] if found.dim() > 2 else found
        if found.dim() > 2 and not bool((found.flatten(2) == flat[:, :, None]).all()):
            raise refused(o, "the label is not the same everywhere on the maps that it joins")
        if flat.dim() != 2:
            raise refused(o, "the label's numbers are not a row")
        return flat.float().contiguous()

    def _run(self, value: str, told: Tensor) -> Tensor:
        check = self.check
        assert check is not None
        if value == "told":
            return told
        entry = check.entries[1 if check.label_first else 0]
        x = torch.zeros(len(told), *[size or 1 for size in entry.shape[1:]])
        found = check.compute(x, told, also=(value,), only=True)
        if value not in found:
            raise InspectionError("The label's numbers could not be told.")
        return found[value]
