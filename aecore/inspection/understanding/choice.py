"""What shapes leave open, and two lists of layers with gaps for it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor, nn

from aecore.inspection.understanding.parts import head_hint
from aecore.models.layers import parse_layer

#: Curves that a hidden layer may have, the usual first; the line of each.
CURVES = {
    "ReLU": "ReLU()",
    "LeakyReLU 0.01": "LeakyReLU(0.01)",
    "LeakyReLU 0.2": "LeakyReLU(0.2)",
    "tanh": "Tanh()",
    "sigmoid": "Sigmoid()",
    "ELU": "ELU()",
    "GELU": "GELU()",
    "SiLU": "SiLU()",
    "SELU": "SELU()",
    "softplus": "Softplus()",
    "Mish": "Mish()",
    "LeakyReLU 0.1": "LeakyReLU(0.1)",
    "none": "",
}
#: How pixels in [0, 1] may have been prepared: x * factor + shift.
RANGES = {
    "[0, 1]": (1.0, 0.0),
    "[-1, 1]": (2.0, -1.0),
    "inverted": (-1.0, 1.0),
    "[0, 255]": (255.0, 0.0),
    "[0, 1/255]": (1 / 255, 0.0),
}
STANDARDISED = "mean 0, deviation 1"


@dataclass(frozen=True)
class Choice:
    """What shapes do not tell. Each field is a dimension of the search.

    encoder, decoder, code, reshape: curves of the hidden layers of each half, of the code, and of
    a linear layer whose values become maps. output: the decoder's last curve. given, target: the
    range of what enters, and of what the decoder gives. fit: how another size is reached. swapped:
    the second head, or half, is mu. norm_after: norms follow the curve. pool, enlarge: which kind.
    groups: of a GroupNorm.
    """

    encoder: str = "ReLU"
    decoder: str = "ReLU"
    code: str = "none"
    reshape: str = "same"
    output: str = "sigmoid"
    given: str = "[0, 1]"
    target: str = "[0, 1]"
    fit: str = "pad"
    swapped: bool = False
    norm_after: bool = False
    pool: str = "max"
    enlarge: str = "nearest"
    groups: int = 1


@dataclass
class Layer:
    """One place in a list: a line with its weights, or a gap.

    gap: "encoder", "decoder", "code", "reshape" (a curve), "pool", "enlarge", "norm", or "".
    weights: role to values. swap: rows are two halves that may be the wrong way round.
    """

    line: str = ""
    gap: str = ""
    weights: dict[str, Tensor] = field(default_factory=dict)
    swap: bool = False
    setting: tuple[int, ...] = ()
    norm: bool | None = None  # for a norm: whether after the curve; the other place is left empty
    _made: dict[tuple, nn.Module] = field(default_factory=dict)

    def lines(self, choice: Choice) -> str:
        """The line that this place has for a choice; empty for nothing."""
        if not self.gap:
            return self.line
        if self.gap == "norm":
            here = self.norm is None or self.norm == choice.norm_after
            return self.line.replace("GROUPS", str(choice.groups)) if here else ""
        if self.gap == "pool":
            kind = "MaxPool2d" if choice.pool == "max" else "AvgPool2d"
            return f"{kind}({self.setting[0]}, {self.setting[1]}, 0)"
        if self.gap == "enlarge":
            size = (self.setting[0], self.setting[0])
            return f"Upsample(size={size}, mode='{choice.enlarge}')"
        curve = getattr(choice, self.gap)
        return CURVES[choice.decoder if curve == "same" else curve]

    def module(self, choice: Choice) -> nn.Module | None:
        """The layer with its weights for a choice, made once; None for nothing."""
        line = self.lines(choice)
        if not line:
            return None
        key = (line, self.swap and choice.swapped)
        if key not in self._made:
            layer = parse_layer(line)
            for role, value in self.weights.items():
                if self.swap and choice.swapped:
                    value = torch.cat(value.chunk(2)[::-1])
                if role in dict(layer.named_parameters()):
                    setattr(layer, role, nn.Parameter(value, requires_grad=False))
                else:
                    setattr(layer, role, value)
            self._made[key] = layer.eval()
        return self._made[key]


@dataclass
class Draft:
    """Both halves as lists of places. k: numbers of the code. side: what the network takes.

    channels: of the data it takes. used: names of the tensors that stand in the lists. cost: how
    unusual the reading is. named_swap: the names say that the file's heads are mu, then logvar.
    """

    encoder: list[Layer]
    decoder: list[Layer]
    k: int
    variational: bool
    side: int
    channels: int
    flat: bool
    used: set[str]
    cost: float
    head_names: tuple[str, ...] = ()
    resized: bool = False  # the network takes another size than the data have
    outputs: tuple[str, ...] | None = None  # the last curves that may be; None for all
    loose: bool = False  # no linear layer says which size it takes
    prior: float = 1.0  # at least 1: how much better than others its error has to be
    number: int = 0  # its place among the drafts of its file, always the same
    _gaps: set[str] | None = None

    def gaps(self) -> set[str]:
        """Which dimensions of a Choice matter here."""
        if self._gaps is None:
            self._gaps = self._find_gaps()
        return self._gaps

    def _find_gaps(self) -> set[str]:
        both = (*self.encoder, *self.decoder)
        found = {x.gap for x in both if x.gap and x.gap != "norm"}
        if any(x.gap == "norm" and x.norm is not None for x in both):
            found.add("norm_after")
        if any("GROUPS" in x.line for x in both):
            found.add("groups")
        if any(x.swap for x in both):
            found.add("swapped")
        return found

    def possible_groups(self) -> list[int]:
        """Numbers of groups that every GroupNorm's channels divide into."""
        both = (*self.encoder, *self.decoder)
        channels = [x.weights["weight"].numel() for x in both if "GROUPS" in x.line]
        return [g for g in (1, 8, 4, 16, 32, 2) if all(c % g == 0 for c in channels)]

    def relevant(self, choice: Choice) -> Choice:
        """The choice with every dimension that does not matter here at its default."""
        gaps = self.gaps() | {"output", "given", "target"}
        if "reshape" in gaps:
            gaps.add("decoder")
        if self.resized:
            gaps.add("fit")
        idle = {f.name: f.default for f in fields(Choice) if f.name not in gaps}
        return replace(choice, **idle)


def names_contradict(found: Draft, choice: Choice) -> bool:
    """Whether the heads act the other way round than their names say."""
    if len(found.head_names) != 2 or not choice.swapped:
        return False
    return head_hint(found.head_names[0]) == "mu" or head_hint(found.head_names[1]) == "logvar"


def entry(found: Draft, choice: Choice, shape: tuple[int, ...], ranges: dict) -> list[str]:
    """Lines before the encoder: the range that it was trained on, and its size."""
    # Another size is reached before the range: a border is black in the data.
    lines = _fitting(found, choice, shape, back=False)
    factor, shift = ranges[choice.given]
    if (factor, shift) != (1.0, 0.0):
        lines.append(f"Scale({factor!r}, {shift!r})")
    if found.flat and len(shape) > 1:
        lines.append("Flatten()")
    return lines


def exit_lines(found: Draft, choice: Choice, shape: tuple[int, ...], ranges: dict) -> list[str]:
    """Lines after the decoder's last layer: its curve, its size, and back to the data's range."""
    lines = [CURVES[choice.output]] if CURVES[choice.output] else []
    if len(shape) == 3 and found.side and ends_flat(found):
        lines.append(f"Unflatten({shape[0]}, {found.side}, {found.side})")
    lines += _fitting(found, choice, shape, back=True)
    factor, shift = ranges[choice.target]
    if (factor, shift) != (1.0, 0.0):
        lines.append(f"Scale({1 / factor!r}, {-shift / factor!r})")
    return lines


def ends_flat(found: Draft) -> bool:
    """Whether the decoder ends in a row of values, not in maps."""
    last = [x.line for x in found.decoder if x.line.startswith(("Linear", "Conv"))][-1]
    return last.startswith("Linear")


def _fitting(found: Draft, choice: Choice, shape: tuple[int, ...], back: bool) -> list[str]:
    if len(shape) != 3 or found.side in (0, shape[1]):
        return []
    more = found.side - shape[1]
    if choice.fit == "pad" and more % 2 == 0:
        return [f"Pad({-more // 2})" if back else f"Pad({more // 2})"]
    sides = (shape[1], shape[2]) if back else (found.side, found.side)
    return [f"Resize({sides[0]}, {sides[1]})"]
