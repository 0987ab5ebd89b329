"""Residual blocks: several layers whose result is added to what enters them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from aecore.inspection.understanding.names import place, words
from aecore.inspection.understanding.numbering import tells
from aecore.inspection.understanding.parts import Part, out_sizes

_NAMED = re.compile(r"res(id|block|layer|unit|net|stack|\d|s?$)|basic_?block|bottleneck_?block")
_SHORT = re.compile(r"(short_?cut|skip|down_?sample|identity|residual_conv|res_conv|proj)")
MAX_INNER = 4  # layers of one block
GUESSED = 2.4  # what blocks cost that shapes allow and nothing names


def arrangements(parts: list[Part]) -> list[tuple[float, list[Part]]]:
    """The parts with those of each residual block as one, and what that reading costs.

    Where names tell of blocks, those come first; where only shapes allow it, last.
    """
    named, sure = _grouped(parts, by_name=True)
    found: list[tuple[float, list[Part]]] = []
    if named is not None:
        found.append((0.0, named))
    if named is None or not sure:
        found.append((0.0 if named is None else 0.6, parts))
    guessed = _by_shape(parts) if named is None else None
    if guessed is not None:
        found.append((GUESSED, guessed))
    return found


def readings(parts: list[Part]) -> list[tuple[float, list[Part]]]:
    """The arrangements, each also with bare matrices the other way round, and what it costs."""
    found = []
    for cost, these in arrangements(parts):
        found.append((cost, these))
        bare = {
            p for p in these if p.kind == "linear" and not p.names["weight"].endswith(".weight")
        }
        if bare:
            turned = [replace(p, transposed=not p.transposed) if p in bare else p for p in these]
            found.append((cost, turned))
    return found


def block_sizes(part: Part) -> tuple[int, int]:
    """Channels or values that enter a block and leave it."""
    first, last = part.inner[0], part.inner[-1]
    return _sizes(first, first.way)[0], _sizes(last, last.way)[1]


def _grouped(parts: list[Part], by_name: bool) -> tuple[list[Part] | None, bool]:
    """The parts with blocks, None where there are none; and whether names leave no doubt."""
    sure, taken = True, set()
    blocks: list[Part] = []
    for prefix, strong in _prefixes(parts):
        inside = [
            p
            for p in parts
            if p.name.startswith(prefix + ".") and id(p) not in taken and p.kind != "embedding"
        ]
        short = [p for p in inside if _SHORT.search(p.name[len(prefix) + 1 :].lower())]
        body = [p for p in inside if p not in short]
        block = _block(prefix, body, short)
        if block is None:
            continue
        sure = sure and strong
        taken |= {id(p) for p in inside}
        blocks.append(block)
    if not blocks:
        return None, True
    return _replaced(parts, blocks, taken), sure


def _prefixes(parts: list[Part]) -> Iterator[tuple[str, bool]]:
    """Prefixes that may be one block each, those with a shortcut first, and whether they say so."""
    with_short, named, alike = [], [], []
    for part in parts:
        steps = part.name.split(".")
        for j in range(len(steps) - 1, 0, -1):
            prefix, own, rest = ".".join(steps[:j]), steps[j - 1].lower(), steps[j].lower()
            if _SHORT.match(rest):
                with_short.append((prefix, True))
            if _NAMED.search(own) or any(_NAMED.search(s.lower()) for s in steps[: j - 1]):
                named.append((prefix, True))
            elif own.isdecimal() and re.match(r"(conv|fc|lin|linear|block|body)_?\d*$", rest):
                alike.append((prefix, False))
    # The innermost prefix first: a stack of blocks is not one block.
    order = dict.fromkeys([*with_short, *sorted(named, key=lambda n: -n[0].count(".")), *alike])
    return iter(order)


def _block(name: str, body: list[Part], short: list[Part]) -> Part | None:
    """One block of these layers, or None where what it gives cannot be added to what enters."""
    if not 1 <= len(body) <= MAX_INNER or len(short) > 1 or (len(body) == 1 and short):
        return None
    if len({(p.kind == "linear") for p in (*body, *short)}) > 1:
        return None
    if any(p.kind == "block" for p in (*body, *short)):
        return None
    ways = _ways(body)
    if ways is None:
        return None
    n_in, n_out = _sizes(body[0], ways[0])[0], _sizes(body[-1], ways[-1])[1]
    if short:
        way = _ways(short)
        if way is None or _sizes(short[0], way[0]) != (n_in, n_out):
            return None
        short[0].way = way[0]
    elif n_in != n_out:
        return None
    for part, way in zip(body, ways, strict=True):
        part.way = way
    first = min((*body, *short), key=lambda p: p.index)
    names = {f"{p.name} {r}": n for p in (*body, *short) for r, n in p.names.items()}
    return Part(name, "block", names, {}, first.index, half=first.half, inner=body, shortcut=short)


def _ways(body: list[Part]) -> list[str] | None:
    """How each layer is used, so that they join one another; plain convolutions first."""
    choices: list[list[str]] = [[]]
    for part in body:
        kinds = ["linear"] if part.kind == "linear" else ["conv", "transposed"]
        choices = [
            [*so_far, way]
            for so_far in choices
            for way in kinds
            if _sizes(part, way)[1] in out_sizes(part)
            and (not so_far or _sizes(body[len(so_far) - 1], so_far[-1])[1] == _sizes(part, way)[0])
        ]
    said = any({"t", "transpose", "deconv", "up"} & {*words(p.name)} for p in body)
    return (choices[-1] if said else choices[0]) if choices else None


def _sizes(part: Part, way: str) -> tuple[int, int]:
    shape = part.weight.shape
    return (shape[0], shape[1]) if way == "transposed" else (shape[1], shape[0])


def _by_shape(parts: list[Part]) -> list[Part] | None:
    """Every layer that keeps its size as a block of its own; two alike in a row as one.

    Layers of a list with holes, which tell of curves between them, run one after the other.
    """
    running = tells(parts)
    blocks: list[Part] = []
    taken: set[int] = set()

    def may(part: Part) -> bool:
        if part.kind not in ("linear", "conv"):
            return False
        spot, shape = place(part.name), part.weight.shape
        alone = spot is None or spot[0] not in running
        return alone and shape[0] == shape[1] and shape[0] in out_sizes(part)

    for i, first in enumerate(parts):
        if id(first) in taken or not may(first):
            continue
        body = [first]
        for second in parts[i + 1 : i + 2]:
            alike = may(second) and second.kind == first.kind and second.half == first.half
            if alike and second.weight.shape == first.weight.shape:
                body.append(second)
        block = _block(first.name, body, [])
        if block is not None:
            taken |= {id(p) for p in body}
            blocks.append(block)
    return _replaced(parts, blocks, taken) if blocks else None


def _replaced(parts: list[Part], blocks: list[Part], taken: set[int]) -> list[Part]:
    """The parts with blocks in place of theirs, numbered anew."""
    kept = [p for p in parts if id(p) not in taken]
    joined = sorted([*kept, *blocks], key=lambda p: p.index)
    numbered, n = [], 0
    for part in joined:
        numbered.append(part if part.kind == "embedding" else replace(part, index=n))
        n += part.kind != "embedding"
    return numbered
