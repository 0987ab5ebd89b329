"""Values that are left out or moved, put into the layer that gives them: its rows."""

from __future__ import annotations

from dataclasses import replace

from aecore.errors import InspectionError
from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.graph_chain import Step
from aecore.inspection.understanding.graph_layers import ROWS
from aecore.models.layers import entry_of, parse_layer

_WEIGHTED = ("Linear(", "Conv1d(", "Conv2d(")


def with_rows(steps: list[Step]) -> list[Step]:
    """The steps with every choice of values made within the layer before it.

    Raises InspectionError where another than a curve stands between.
    """
    found: list[Step] = []
    for step in steps:
        if step.layer.line == ROWS:
            _choose(found, step)
        else:
            found.append(step)
    return found


def _choose(found: list[Step], step: Step) -> None:
    index = step.layer.weights["index"]
    for at in range(len(found) - 1, -1, -1):
        layer = found[at].layer
        if layer.line.startswith(_WEIGHTED) and "groups=" not in layer.line:
            size = layer.weights["weight"].shape[0]
            if len(index) and int(index.max()) < size:
                weights = {role: value[index] for role, value in layer.weights.items()}
                line = layer.line.replace(f", {size}", f", {len(index)}", 1)
                found[at] = replace(found[at], layer=Layer(line, weights=weights), value="")
                for i in range(at + 1, len(found)):  # what they were called is now more than this
                    found[i] = replace(found[i], value="")
                found.append(Step(Layer(), step.value, step.where))
                return
            break
        if layer.line and not _is_curve(layer):
            break
    raise InspectionError(
        f"The network goes on with a part of its values alone, at {step.where}, and no layer "
        "stands before it that could give only these."
    )


def _is_curve(layer: Layer) -> bool:
    if layer.weights or layer.inner:
        return False
    known = entry_of(parse_layer(layer.line))
    return known is not None and known.curve is not None
