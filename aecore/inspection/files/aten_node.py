"""One line of a torch.export graph, and its arguments by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Ref(str):
    """The name of a value or weight, as opposed to a text."""


@dataclass(frozen=True)
class Node:
    """One line of the graph; args by name: Ref, numbers, None for open sizes, lists of them."""

    target: str
    args: dict[str, Any]
    outputs: list[str]

    @property
    def said(self) -> str:
        return self.target.removeprefix("torch.ops.")

    @property
    def name(self) -> str:
        """`linear` of torch.ops.aten.linear.default."""
        return self.said.removeprefix("aten.").split(".")[0]

    @property
    def x(self) -> str:
        return next(self.args[k] for k in ("self", "input", "x") if k in self.args)

    @property
    def out(self) -> str:
        return self.outputs[0]

    def refs(self) -> list[str]:
        """Every value that it takes."""
        flat = [v for a in self.args.values() for v in (a if isinstance(a, list) else [a])]
        return [v for v in flat if isinstance(v, Ref)]
