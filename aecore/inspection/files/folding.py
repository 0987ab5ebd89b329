"""Several operations that are one layer written out, made that layer again.

Exporters write SiLU as x sigmoid(x), GELU with erf, a group norm through an instance norm, a linear
layer as a product and a sum, and borders apart from the convolution that needs them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from torch import Tensor

from aecore.inspection.files.contents import Operation
from aecore.inspection.files.folding_curves import named_curves

#: Layers that take a bias, and what they call its size.
_BIASED = {
    "Linear": "out_features",
    **dict.fromkeys(
        ("Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"),
        "out_channels",
    ),
}


def fold(
    operations: list[Operation], outputs: tuple[str, ...], tensors: dict[str, Tensor]
) -> tuple[Operation, ...]:
    """The operations with every such group as one; tensors lose what no longer is one."""
    operations = named_curves(operations, outputs)
    for change in (_prelus, _sums, _group_norms, _borders, _scales):
        steps = _Steps(operations, outputs, tensors)
        change(steps)
        operations = steps.left()
    return tuple(operations)


class _Steps:
    """Operations by what they make, with how often each value is used."""

    def __init__(
        self, operations: list[Operation], outputs: tuple[str, ...], tensors: dict[str, Tensor]
    ):
        self.all = list(operations)
        self.tensors = tensors
        self.made = {o.output: i for i, o in enumerate(self.all)}
        self.uses = Counter(x for o in self.all for x in o.inputs)
        self.uses.update(outputs)
        self._gone: set[int] = set()

    def maker(self, value: str, kind: str, uses: int | None = 1) -> Operation | None:
        """What makes a value, if it is of a kind and the value is used so often."""
        index = self.made.get(value)
        if index is None or index in self._gone or self.all[index].kind != kind:
            return None
        return self.all[index] if uses is None or self.uses[value] == uses else None

    def chain(self, value: str, *kinds: str) -> list[Operation] | None:
        """What makes a value, what makes that one's first input, and so on: one of each kind.

        None where an operation is of another kind, or its result is used elsewhere as well.
        """
        found = []
        for kind in kinds:
            operation = self.maker(value, kind)
            if operation is None or not operation.inputs:
                return None
            found.append(operation)
            value = operation.inputs[0]
        return found

    def swap(self, last: Operation, new: Operation, *gone: Operation) -> None:
        """Put a new operation in the place of the last of a group, whose others go."""
        self._gone |= {self.made[o.output] for o in gone}
        self.all[self.made[last.output]] = replace(new, output=last.output)

    def left(self) -> list[Operation]:
        return [o for i, o in enumerate(self.all) if i not in self._gone]


def _prelus(steps: _Steps) -> None:
    """x where x > 0 and w x elsewhere."""
    for o in list(steps.all):
        if o.kind != "Other" or not o.said.startswith("aten.where") or len(o.inputs) != 3:
            continue
        test, x, other = o.inputs
        above, scaled = steps.maker(test, "Other"), steps.maker(other, "Multiply")
        positive = above and above.said.startswith("aten.gt") and above.settings.get("than") == 0
        if not above or not positive or not scaled or "weight" not in scaled.weights:
            continue
        if above.inputs == scaled.inputs == (x,):
            name = scaled.weights["weight"]
            steps.tensors[name] = steps.tensors[name].reshape(-1)
            settings = {"num_parameters": steps.tensors[name].numel()}
            new = replace(o, kind="PReLU", inputs=(x,), settings=settings, weights=scaled.weights)
            steps.swap(o, new, above, scaled)


def _sums(steps: _Steps) -> None:
    """A product without bias and the sum after it are one linear layer or convolution."""
    for o in list(steps.all):
        if o.kind != "Add" or len(o.inputs) != 1 or "bias" not in o.weights:
            continue
        bias = steps.tensors[o.weights["bias"]]
        for kind, size in _BIASED.items():
            before = steps.maker(o.inputs[0], kind)
            if before is None or before.settings["bias"] or bias.numel() != before.settings[size]:
                continue
            place = -1 if kind == "Linear" else -1 - int(kind[-2])  # of the channels
            if bias.dim() < -place or bias.shape[place] != bias.numel():
                continue
            steps.tensors[o.weights["bias"]] = bias.reshape(-1)
            new = replace(
                before,
                settings={**before.settings, "bias": True},
                weights={**before.weights, **o.weights},
            )
            steps.swap(o, new, before)


def _group_norms(steps: _Steps) -> None:
    """Groups as channels of an instance norm, then the channels' own weight and bias."""
    for o in list(steps.all):
        if o.kind != "Add" or not o.inputs:
            continue
        chain = steps.chain(o.inputs[0], "Multiply", "Reshape", "GroupNorm", "Reshape")
        if chain is None:
            continue
        product, back, norm, apart = chain
        if "bias" not in o.weights or "weight" not in product.weights:
            continue
        scale, shift = steps.tensors[product.weights["weight"]], steps.tensors[o.weights["bias"]]
        groups = norm.settings["num_groups"]
        if scale.shape != shift.shape or apart.settings["sizes"][0] != groups:
            continue
        plain = [steps.tensors[norm.weights[r]] for r in ("weight", "bias") if r in norm.weights]
        if plain and not (bool((plain[0] == 1).all()) and bool((plain[1] == 0).all())):
            continue
        weights = {"weight": product.weights["weight"], "bias": o.weights["bias"]}
        for name in weights.values():
            steps.tensors[name] = steps.tensors[name].reshape(-1)
        settings = {**norm.settings, "num_channels": scale.numel(), "affine": True}
        new = replace(norm, inputs=apart.inputs, settings=settings, weights=weights)
        steps.swap(o, new, product, back, norm, apart)
        for role in norm.weights.values():
            if not any(role in s.weights.values() for s in steps.left()):
                steps.tensors.pop(role, None)


def _borders(steps: _Steps) -> None:
    """A border of zeros before a convolution or a mean is that layer's padding."""
    for o in list(steps.all):
        if o.kind not in ("Conv1d", "Conv2d", "AvgPool2d"):
            continue
        pad = steps.maker(o.inputs[0], "ZeroPad1d" if o.kind == "Conv1d" else "Pad")
        if pad is None:
            continue
        n, before = pad.settings.get("n", pad.settings.get("padding")), o.settings["padding"]
        if not isinstance(n, int) or n <= 0 or not isinstance(before, int):
            continue
        kernel = o.settings["kernel_size"]
        if o.kind == "AvgPool2d" and (
            before
            or not isinstance(kernel, int)
            or 2 * n > kernel
            or o.settings.get("ceil_mode")
            or not o.settings.get("count_include_pad", True)
        ):
            continue
        new = replace(o, inputs=pad.inputs, settings={**o.settings, "padding": before + n})
        steps.swap(o, new, pad)


def _scales(steps: _Steps) -> None:
    """Two scalings in a row are one."""
    for index, o in enumerate(steps.all):
        first = steps.maker(o.inputs[0], "Scale") if o.kind == "Scale" else None
        if first is None:
            continue
        a, b = first.settings, o.settings
        settings = {
            "factor": a["factor"] * b["factor"],
            "shift": a["shift"] * b["factor"] + b["shift"],
        }
        steps.swap(steps.all[index], replace(o, inputs=first.inputs, settings=settings), first)
