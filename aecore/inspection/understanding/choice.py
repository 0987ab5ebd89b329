"""What shapes leave open, and two lists of layers with gaps for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

import torch
from torch import Tensor, nn

from aecore.inspection.understanding.names import head_hint
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
#: Curves that the decoder's last layer may have besides.
ENDS = {"clamp": "Clamp(0.0, 1.0)"}
#: How pixels in [0, 1] may have been prepared: x * factor + shift.
RANGES = {
    "[0, 1]": (1.0, 0.0),
    "[-1, 1]": (2.0, -1.0),
    "inverted": (-1.0, 1.0),
    "[0, 255]": (255.0, 0.0),
    "[0, 1/255]": (1 / 255, 0.0),
}
STANDARDISED = "mean 0, deviation 1"
#: How maps may be enlarged: the mode of the line, and what follows it there.
ENLARGE = {
    "nearest": ("nearest", ""),
    "bilinear": ("bilinear", ""),
    "bilinear to the corners": ("bilinear", ", align_corners=True"),
}
#: What the second of two heads may be, the usual first.
SECONDS = ("log-variance", "log-deviation", "deviation", "softplus deviation")


@dataclass(frozen=True)
class Choice:
    """What shapes do not tell. Each field is a dimension of the search.

    encoder, decoder, code, reshape: curves of the hidden layers of each half, of the code, and of
    a linear layer whose values become maps. output: the decoder's last curve. given, target: the
    range of what enters, and of what the decoder gives. fit: how another size is reached, "pad" (of
    what leaves the decoder: from the middle), "crop" (from the corner) or "resize". swapped: the
    second head, or half, is mu. norm_after: norms follow the curve. pool, enlarge: which kind.
    groups: of a GroupNorm, 0 for one a channel. second: what the second head is, one of SECONDS.
    interleaved: a layer that gives both heads gives mu and the second of each number side by side,
    instead of all of mu first. told_first: the label stands before the values that it is joined
    to. last_hidden: whether the curve of the encoder also follows the layer before the heads
    ("same" or "none").
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
    second: str = SECONDS[0]
    interleaved: bool = False
    told_first: bool = False
    last_hidden: str = "same"


@dataclass
class Layer:
    """One place in a list: a line with its weights, or a gap.

    gap: "encoder", "decoder", "code", "reshape", "last_hidden" (a curve), "pool", "enlarge",
    "norm", "told" (the label enters here; setting: classes, and the width of an embedding or 0),
    or "". weights: role to values. swap: rows are two halves that may be the wrong way round.
    joined: one layer of the file gives both halves, so they may stand row by row as well. inner,
    shortcut: places inside a block, whose line is then its name alone: "Residual" or "Skip".
    """

    line: str = ""
    gap: str = ""
    weights: dict[str, Tensor] = field(default_factory=dict)
    swap: bool = False
    setting: tuple[int, ...] = ()  # sizes that its line is written with
    norm: bool | None = None  # for a norm: whether after the curve; the other place is left empty
    joined: bool = False
    inner: list[Layer] = field(default_factory=list)
    shortcut: list[Layer] = field(default_factory=list)
    _made: dict[tuple, nn.Module] = field(default_factory=dict)

    def lines(self, choice: Choice) -> str:
        """The line that this place has for a choice; empty for nothing."""
        if self.inner:
            return self._block(choice)
        if not self.gap:
            return self.line
        if self.gap == "norm":
            here = self.norm is None or self.norm == choice.norm_after
            groups = choice.groups or next(iter(self.weights.values())).numel()
            return self.line.replace("GROUPS", str(groups)) if here else ""
        if self.gap == "pool":
            k, stride, *more = self.setting  # the axes, and whether what is left over counts
            kind = f"{'Max' if choice.pool == 'max' else 'Avg'}Pool{more[0] if more else 2}d"
            return f"{kind}({k}, {stride}, 0{', ceil_mode=True' if len(more) > 1 else ''})"
        if self.gap == "enlarge":
            side, *along = self.setting
            if along:  # one axis
                mode = "nearest" if choice.enlarge == "nearest" else "linear"
                return f"Upsample(size={side}, mode='{mode}')"
            mode, corners = ENLARGE[choice.enlarge]
            return f"Upsample(size={(side, side)}, mode='{mode}'{corners})"
        if self.gap == "told":
            width = f", width={self.setting[1]}" if self.setting[1] else ""
            return f"Told({self.setting[0]}{width}{', first=True' if choice.told_first else ''})"
        if self.gap == "last_hidden":
            return CURVES[choice.encoder] if choice.last_hidden == "same" else ""
        curve = getattr(choice, self.gap)
        return CURVES[choice.decoder if curve == "same" else curve]

    def _block(self, choice: Choice) -> str:
        body, shortcut = (
            [line for spot in spots if (line := spot.lines(choice))]
            for spots in (self.inner, self.shortcut)
        )
        if shortcut:
            body.append(f"shortcut=({', '.join(shortcut)},)")
        return f"{self.line}({', '.join(body)})"

    def module(self, choice: Choice) -> nn.Module | None:
        """The layer with its weights for a choice, made once; None for nothing.

        Raises RuntimeError where the weights are not those that the line asks for.
        """
        line = self.lines(choice)
        if not line:
            return None
        turned = self.swap and choice.swapped
        key = (line, turned, self.joined and choice.interleaved)
        if not self.weights and not self.inner:
            return _plain(line)
        if key not in self._made:
            layer = parse_layer(line).requires_grad_(False)
            layer.load_state_dict(self.state(choice), assign=True)
            self._made[key] = layer.eval()
        return self._made[key]

    @property
    def open(self) -> bool:
        """Whether anything about this place is chosen."""
        chosen = bool(self.gap) or "GROUPS" in self.line or self.swap or self.joined
        return chosen or any(spot.open for spot in (*self.inner, *self.shortcut))

    def stamp(self, choice: Choice) -> tuple:
        """Beside its line, what tells this place from others that compute something else."""
        own = (self.swap and choice.swapped, self.joined and choice.interleaved)
        inside = tuple(spot.stamp(choice) for spot in (*self.inner, *self.shortcut))
        return (own, tuple(map(id, self.weights.values())), inside)

    def state(self, choice: Choice) -> dict[str, Tensor]:
        """The weights of the line for a choice, by the names that its layer has for them."""
        if self.inner:
            return _states(self.inner, choice) | _states(self.shortcut, choice, "shortcut.")
        found = dict(self.weights)
        if self.joined and choice.interleaved:
            found = {role: torch.cat([v[0::2], v[1::2]]) for role, v in found.items()}
        if self.swap and choice.swapped:
            found = {role: torch.cat(v.chunk(2)[::-1]) for role, v in found.items()}
        return found


@lru_cache(maxsize=512)
def _plain(line: str) -> nn.Module:
    return parse_layer(line).eval()


def _states(spots: list[Layer], choice: Choice, prefix: str = "") -> dict[str, Tensor]:
    kept = [spot for spot in spots if spot.lines(choice)]
    return {
        f"{prefix}{i}.{role}": value
        for i, spot in enumerate(kept)
        for role, value in spot.state(choice).items()
    }


def every_place(spots: list[Layer]) -> Iterator[Layer]:
    """All places of a list, those inside its blocks as well."""
    for spot in spots:
        yield spot
        yield from every_place(spot.inner)
        yield from every_place(spot.shortcut)


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
    doubts: tuple[str, ...] = ()  # sentences that forbid calling the reading sure
    told: int = 0  # classes of which one is told beside the values; 0 for none
    side_out: int = 0  # side of the maps that the decoder gives, where it is not `side`
    alone: bool = False  # a decoder alone: the encoder's list is empty, k numbers enter
    second_said: bool = False  # the file itself says what the second head is
    notes: tuple[str, ...] = ()  # sentences worth saying that forbid nothing
    _gaps: set[str] | None = None

    def gaps(self) -> set[str]:
        """Which dimensions of a Choice matter here."""
        if self._gaps is None:
            self._gaps = self._find_gaps()
        return self._gaps

    def _find_gaps(self) -> set[str]:
        both = self._places()
        found = {x.gap for x in both if x.gap and x.gap not in ("norm", "told")}
        if any(x.gap == "norm" and x.norm is not None for x in both):
            found.add("norm_after")
        if any("GROUPS" in x.line for x in both):
            found.add("groups")
        if any(x.gap == "told" for x in both):
            found.add("told_first")
        if self.variational and not self.second_said:
            found.add("second")
        if any(x.swap for x in both):
            found.add("swapped")
        if any(x.joined for x in both):
            found.add("interleaved")
        return found

    def _places(self) -> list[Layer]:
        return [*every_place(self.encoder), *every_place(self.decoder)]

    def possible_groups(self) -> list[int]:
        """Numbers of groups that every GroupNorm's channels divide into; 0 for one a channel."""
        channels = [x.weights["weight"].numel() for x in self._places() if "GROUPS" in x.line]
        found = [g for g in (1, 8, 4, 16, 32, 2) if all(c % g == 0 for c in channels)]
        return [*found, 0]

    def relevant(self, choice: Choice) -> Choice:
        """The choice with every dimension that does not matter here at its default."""
        gaps = self.gaps() | {"output", "given", "target"}
        if "reshape" in gaps:
            gaps.add("decoder")
        if "last_hidden" in gaps:
            gaps.add("encoder")
        if self.resized or self.side_out:
            gaps.add("fit")
        idle = {f.name: f.default for f in fields(Choice) if f.name not in gaps}
        return replace(choice, **idle)


def names_contradict(found: Draft, choice: Choice) -> bool:
    """Whether the heads act the other way round than their names say."""
    if len(found.head_names) != 2 or not choice.swapped:
        return False
    return head_hint(found.head_names[0]) == "mu" or head_hint(found.head_names[1]) == "logvar"
