"""Networks that lead one way only: half an autoencoder, a classifier, something else."""

from __future__ import annotations

import itertools
import re
from collections import Counter

from aecore.inspection.understanding.blocks import block_sizes
from aecore.inspection.understanding.kind import Kind, shown
from aecore.inspection.understanding.names import head_hint
from aecore.inspection.understanding.parts import Part, square_side

MAX_CLASSES = 1000
_CLASSIFIER = re.compile(r"classif|logits|(^|[._])(head|cls)[._]|softmax")


def one_way(parts: list[Part]) -> Kind:
    """A decoder, an encoder, a classifier, or a network whose ends differ."""
    net = _UNet.of(parts)
    if net is not None:
        return net
    first, last = parts[0], parts[-1]
    halves = {p.half for p in parts} - {""}
    heads = [
        p
        for p in parts
        if head_hint(p.name) in ("mu", "logvar") and _sizes(p, parts)[1] <= _sizes(p, parts)[0]
    ]
    plain = [p for p in parts if not any(p is h for h in heads)] or parts
    first, last = _ends(plain)
    n_in, n_out = first, last
    entering = parts[0]
    takes: tuple[int | None, ...] = (n_in,) if entering.kind == "linear" else (n_in, None, None)
    if entering.kind != "linear":
        takes = (n_in, *[None] * entering.axes)
    ending = plain[-1]
    gives = (n_out,) if ending.kind == "linear" else (n_out, *[None] * ending.axes)
    said = " + ".join(sorted(halves)) if halves else "no half"
    if {"encoder", "decoder"} <= halves:
        oblong = _oblong(parts)
        if oblong is not None:
            return Kind("other", takes, gives, None, oblong)
        return Kind(
            "other",
            takes,
            gives,
            None,
            f"This network takes {shown(takes)} and gives {shown(gives)}, and its layers do not "
            "join to one way through a code: they branch, skip or meet in a manner that names and "
            "shapes do not tell.",
        )
    opens = _opens(parts, n_in, n_out)
    said_so = 2 * sum(p.half == "decoder" for p in parts) > len(parts)
    if (halves == {"decoder"} and said_so) or (opens and halves != {"encoder"}):
        why = "its names say so" if said_so else "it gives more than it takes"
        return Kind(
            "decoder",
            None,
            gives,
            n_in,
            f"This is a decoder or generator alone ({why}): {n_in:,} numbers become "
            f"{shown(gives)}. The encoder is not in the file.",
        )
    if heads:
        k = int(heads[0].weight.shape[0])
        return Kind(
            "encoder",
            takes,
            None,
            k,
            f"This is an encoder alone: it takes {shown(takes)} and ends in {k} numbers, with "
            f"heads like {heads[0].name!r}. The decoder is not in the file.",
        )
    if n_out == 1:
        return Kind(
            "regressor",
            takes,
            (1,),
            None,
            f"This network ends in one number ({shown(takes)} enter): a score, a regression or a "
            "discriminator, and nothing leads back.",
        )
    labelled = any(_CLASSIFIER.search(p.name.lower()) for p in parts)
    if halves == {"encoder"} and not labelled and (n_out < n_in or entering.axes):
        return Kind(
            "encoder",
            takes,
            None,
            n_out,
            f"This is an encoder alone: {shown(takes)} become {n_out:,} numbers, and nothing leads "
            "back. The decoder is not in the file.",
        )
    conv = any(p.axes for p in parts)
    narrow = n_out <= MAX_CLASSES and (conv or 2 * n_out <= n_in)
    if labelled or (narrow and (conv or n_out in (10, 26, 47, 100, 1000))):
        return Kind(
            "classifier",
            takes,
            (n_out,),
            None,
            f"This is a classifier: {shown(takes)} become {n_out} numbers, one a class, and "
            "nothing leads back.",
        )
    if narrow:
        return Kind(
            "encoder",
            takes,
            None,
            n_out,
            f"This network leads from {shown(takes)} to {n_out} numbers, and nothing leads back: "
            "an encoder alone, or a network for another task.",
        )
    return Kind(
        "other",
        takes,
        gives,
        None,
        f"This network takes {shown(takes)} and gives {shown(gives)} ({said} is named)"
        + ("." if takes == gives else ": it does not give back what it takes."),
    )


def _oblong(parts: list[Part]) -> str | None:
    """What is said of images that are not square, which a linear layer gives away."""
    for conv, linear in itertools.pairwise(parts):
        if conv.axes != 2 or linear.kind != "linear":
            continue
        places, rest = divmod(int(linear.weight.shape[1]), _sizes(conv, parts)[1])
        if not rest and square_side(places) is None:
            return (
                f"This is an autoencoder of images that are not square: {linear.name!r} takes maps "
                f"of {places} places, and the file does not say their height and width."
            )
    return None


def _ends(parts: list[Part]) -> tuple[int, int]:
    """Values or channels that enter the first part and leave the last."""
    if all(p.kind == "linear" for p in parts):
        # In whatever order they stand: what no other gives, and what no other takes.
        takes = Counter(int(p.weight.shape[1]) for p in parts)
        gives = Counter(int(p.weight.shape[0]) for p in parts)
        first, last = [*(takes - gives)], [*(gives - takes)]
        if len(first) == len(last) == 1:
            return first[0], last[0]
    return _sizes(parts[0], parts)[0], _sizes(parts[-1], parts)[1]


def _sizes(part: Part, parts: list[Part]) -> tuple[int, int]:
    """What enters and leaves a part."""
    if part.kind == "block":
        return block_sizes(part)
    shape = tuple(map(int, part.weight.shape[:2]))
    return (shape[0], shape[1]) if _turned(part, parts) else (shape[1], shape[0])


def _opens(parts: list[Part], n_in: int, n_out: int) -> bool:
    """Whether the way leads from few values to many."""
    first, last = parts[0], parts[-1]
    if last.axes:
        return first.kind == "linear" or (_turned(last, parts) and n_in > n_out)
    return first.kind == "linear" and n_out > 2 * n_in


def _turned(part: Part, parts: list[Part]) -> bool:
    """Whether a convolution is a transposed one: by its bias, or by how all of them join."""
    shape, bias = part.weight.shape, part.tensors.get("bias")
    if not part.axes or part.kind == "block":
        return False
    if bias is not None and shape[0] != shape[1]:
        return bias.numel() == shape[1]
    pairs = [(a, b) for a, b in itertools.pairwise(parts) if a.kind == b.kind == "conv"]
    back = all(a.weight.shape[1] == b.weight.shape[0] for a, b in pairs)
    there = all(a.weight.shape[0] == b.weight.shape[1] for a, b in pairs)
    return bool(pairs) and back and not there


class _UNet:
    @staticmethod
    def of(parts: list[Part]) -> Kind | None:
        """Skips from the way down to the way up: layers that take both, joined."""
        conv = [p for p in parts if p.kind == "conv"]
        outs = [int(p.tensors["bias"].numel()) for p in conv if "bias" in p.tensors]
        for before, part in itertools.pairwise(conv):
            given, takes = before.tensors.get("bias"), int(part.weight.shape[1])
            if given is None or before.weight.shape[1] != given.numel():
                continue  # not a transposed one
            rest = takes - int(given.numel())
            if rest > 0 and rest in outs[: conv.index(before)]:
                return Kind(
                    "other",
                    (int(conv[0].weight.shape[1]), None, None),
                    None,
                    None,
                    f"This is a U-Net: {part.name!r} takes {takes} channels, those of the layer "
                    f"before it and {rest} that go by from the way down, so no code holds all.",
                )
        return None
