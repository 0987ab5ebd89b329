"""Sums and products in a file's graph: scalings by numbers, sums with weights, or with values."""

from __future__ import annotations

from aecore.inspection.files.steps import Graph


def combine(g: Graph, how: str, a: str | float, b: str | float, output: str, said: str) -> None:
    """a + b, a - b, a * b or a / b (how: add, sub, mul, div) of values, weights and numbers.

    Raises ValueError for a combination that is none of scaling, adding or multiplying.
    """
    left = g.number(a) if isinstance(a, str) else a
    right = g.number(b) if isinstance(b, str) else b
    if left is not None and right is not None:
        raise ValueError("a computation with constants alone")
    if right is not None and isinstance(a, str):
        factor, shift = {
            "add": (1.0, right),
            "sub": (1.0, -right),
            "mul": (right, 0.0),
            "div": (1.0 / right if how == "div" else 1.0, 0.0),
        }[how]
        g.scale(a, output, said, factor, shift)
    elif left is not None and isinstance(b, str):
        if how == "div":
            g.step("Power", [b], f"{output}.inverse", said, {"exponent": -1.0})
            g.scale(f"{output}.inverse", output, said, left)
            return
        factor, shift = {"add": (1.0, left), "sub": (-1.0, left), "mul": (left, 0.0)}[how]
        g.scale(b, output, said, factor, shift)
    elif not isinstance(a, str) or not isinstance(b, str):
        raise ValueError("neither a value nor a number")
    elif g.is_weight(b):
        tensor = g.values(b)
        if how in ("sub", "div"):
            name = g.changed(b, -tensor if how == "sub" else 1.0 / tensor)
        else:
            name = g.weight(b)
        _with_weight(g, "add" if how in ("add", "sub") else "mul", a, name, output, said)
    elif g.is_weight(a):
        if how == "sub":
            g.scale(b, f"{output}.negative", said, -1.0)
            b = f"{output}.negative"
        elif how == "div":
            raise ValueError("a weight divided by a value")
        _with_weight(g, "mul" if how == "mul" else "add", b, g.weight(a), output, said)
    elif how == "sub":
        g.scale(b, f"{output}.negative", said, -1.0)
        g.step("Add", [a, f"{output}.negative"], output, said)
    elif how == "div":
        g.step("Divide", [a, b], output, said)
    else:
        g.step("Add" if how == "add" else "Multiply", [a, b], output, said)


def _with_weight(g: Graph, how: str, x: str, tensor: str, output: str, said: str) -> None:
    kind, role = ("Add", "bias") if how == "add" else ("Multiply", "weight")
    if not g.tensors[tensor].is_floating_point():
        raise ValueError("whole numbers are not weights")
    g.step(kind, [x], output, said, {}, {role: tensor})
