"""A chain with its geometry as two lists of layers, with gaps where only trying can tell."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor, nn

from aecore.inspection.chains import Chain, Link
from aecore.inspection.geometry import Geometry, Setting, between, tells
from aecore.inspection.parts import Part, all_names, head_hint, hint, place
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


def draft(chain: Chain, geometry: Geometry, channels: int, side: int, flat: bool) -> Draft:
    """The two lists of a chain. flat: the data are rows, not images."""
    links, split = chain.links, _split(chain, geometry)
    encoder: list[Layer] = []
    decoder: list[Layer] = []
    maps = not flat
    last = len(links) - 1
    code_maps = None
    holes = tells([link.part for link in links])
    for i, link in enumerate(links):
        half = encoder if i < split else decoder
        setting = geometry.settings[i]
        if link.way == "linear" and (maps or (i == split and code_maps)):
            if i != split:
                half.append(Layer("Flatten()"))
            maps = False
        if setting is not None:
            begin = geometry.sides[i] or _began(links, i)
            if i == split or (not maps and i > 0):
                half.append(Layer(f"Unflatten({link.n_in}, {begin}, {begin})"))
            maps = True
            if setting.before:
                half.append(Layer(gap="enlarge", setting=(setting.before,)))
        two = link.second is not None or (i + 1 <= last and links[i + 1].halved)
        half.append(_layer(link, setting, two))
        side_after = geometry.sides[i + 1]
        if i == split - 1:
            if not two:
                half += _norm_and_curve(link, maps, "code")
            if setting is not None:
                half += _pooling(setting)
                half.append(Layer("Flatten()"))
                code_maps = (link.n_out, side_after)
        elif i < last:
            following = links[i + 1]
            gap = "encoder" if i < split else "decoder"
            if i > split - 1 and link.way == "linear" and following.way != "linear":
                gap = "reshape"
            spot = place(link.part.name)
            joined = spot is not None and spot[0] in holes
            nothing = joined and between(link.part, following.part) == 0
            half += _norm_and_curve(link, maps, gap, nothing)
            if setting is not None:
                half += _pooling(setting)
        else:
            half += _norm_and_curve(link, maps, "")
    head = links[chain.head] if chain.head is not None else None
    size = geometry.sides[split] ** 2 if geometry.settings[split - 1] is not None else 1
    k = links[split - 1].n_out * size // (2 if head is not None and head.second is None else 1)
    parts = [p for link in links for p in (link.part, link.second) if p is not None]
    names = () if head is None else tuple(p.name for p in (head.part, head.second) if p is not None)
    return Draft(
        encoder, decoder, k, head is not None, side, channels, flat, all_names(parts),
        chain.cost + geometry.cost, names,
    )  # fmt: skip


def _began(links: tuple[Link, ...], i: int) -> int:
    """The side of the maps that a flat row becomes."""
    given = links[i - 1].n_out // (2 if links[i].halved else 1)
    return round((given // links[i].n_in) ** 0.5)


def _split(chain: Chain, geometry: Geometry) -> int:
    """The first link of the decoder."""
    links = chain.links
    if chain.head is not None:
        return chain.head + 1
    halves = [hint(link.part.name) for link in links]
    if "decoder" in halves and "encoder" in halves:
        first = halves.index("decoder")
        if first and "encoder" not in halves[first:]:
            return first
    sizes = [
        link.n_out * (geometry.sides[i + 1] or 1) ** 2 for i, link in enumerate(links[:-1])
    ] or [links[0].n_out]
    smallest = min(sizes)
    middle = (len(sizes) - 1) / 2
    best = min(
        (i for i, n in enumerate(sizes) if n == smallest), key=lambda i: (abs(i - middle), i)
    )
    turn = geometry.turn
    if turn is not None and best + 1 > turn and geometry.settings[turn] is not None:
        return turn
    return best + 1


def _layer(link: Link, setting: Setting | None, two: bool) -> Layer:
    part = link.part
    weights = {r: part.tensors[r] for r in ("weight", "bias") if r in part.tensors}
    weights["weight"] = part.weight
    n_out = link.n_out
    if link.second is not None:
        other = link.second
        weights = {r: torch.cat([v, _of(other, r)]) for r, v in weights.items()}
        n_out *= 2
    bias = "" if "bias" in weights else ", bias=False"
    if setting is None:
        return Layer(f"Linear({link.n_in}, {n_out}{bias})", weights=weights, swap=two)
    shape = part.tensors["weight"].shape
    kernel = str(shape[2]) if shape[2] == shape[3] else f"({shape[2]}, {shape[3]})"
    name = "Conv2d" if link.way == "conv" else "ConvTranspose2d"
    more = f", output_padding={setting.output_padding}" if setting.output_padding else ""
    more += f", groups={link.groups}" if link.groups > 1 else ""
    line = (
        f"{name}({link.n_in}, {n_out}, {kernel}, stride={setting.stride}, "
        f"padding={setting.padding}{more}{bias})"
    )
    # A transposed convolution's outputs are its weight's second size: such heads are left as is.
    return Layer(line, weights=weights, swap=two and link.way == "conv")


def _of(part: Part, role: str) -> Tensor:
    if role == "weight":
        return part.weight
    if role in part.tensors:
        return part.tensors[role]
    return torch.zeros(part.weight.shape[0])


def _norm_and_curve(link: Link, maps: bool, gap: str, nothing: bool = False) -> list[Layer]:
    part, found = link.part, []
    curve = [] if nothing or not gap else [Layer(gap=gap)]
    if part.slope is not None:
        slope = part.slope.tensors["weight"]
        curve = [Layer(f"PReLU({slope.numel()})", weights={"weight": slope})]
    if part.norm is None:
        return curve
    line, weights = _norm(part.norm, link, maps)
    if part.norm_after is None and curve and "GROUPS" not in line:
        before, after = (Layer(line, "norm", weights, norm=which) for which in (False, True))
        return [before, *curve, after]
    norm = Layer(line, "norm" if "GROUPS" in line else "", weights)
    found = [*curve, norm] if part.norm_after else [norm, *curve]
    return found


def _norm(norm: Part, link: Link, maps: bool) -> tuple[str, dict[str, Tensor]]:
    own = dict(norm.tensors)
    if norm.kind == "batch":
        affine = "" if "weight" in own else ", affine=False"
        own.setdefault("num_batches_tracked", torch.tensor(0))
        return f"BatchNorm{2 if maps else 1}d({norm.size}{affine})", own
    if norm.kind == "layer":
        return f"LayerNorm({list(own['weight'].shape)})", own
    if not maps:
        return f"LayerNorm({norm.size})", own
    return f"GroupNorm(GROUPS, {norm.size})", own


def _pooling(setting: Setting) -> list[Layer]:
    found = []
    if setting.after is not None:
        found.append(Layer(gap="pool", setting=setting.after))
    if setting.squeeze:
        found.append(Layer(f"AdaptiveAvgPool2d({setting.squeeze})"))
    return found


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
