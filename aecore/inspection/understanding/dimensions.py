"""What is tried in each dimension that shapes leave open."""

from __future__ import annotations

from dataclasses import replace

from aecore.inspection.understanding.candidates import SELDOM
from aecore.inspection.understanding.choice import CURVES, ENLARGE, STANDARDISED, Choice, Draft

End = tuple[str, str]  # the output's curve, and the range of what comes out

#: (output curve, range of what comes out) that go with what enters; see `_targets`.
_TARGETS = {
    "[0, 1]": [
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
        ("tanh", "[0, 1]"),
        ("sigmoid", "inverted"),
        ("ReLU", "[0, 1]"),
        ("clamp", "[0, 1]"),
    ],
    "[-1, 1]": [
        ("tanh", "[-1, 1]"),
        ("none", "[-1, 1]"),
        ("sigmoid", "[0, 1]"),
        ("sigmoid", "[-1, 1]"),
        ("none", "[0, 1]"),
    ],
    STANDARDISED: [
        ("none", STANDARDISED),
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
        ("tanh", STANDARDISED),
        ("tanh", "[-1, 1]"),
        ("sigmoid", STANDARDISED),
    ],
    "inverted": [
        ("sigmoid", "inverted"),
        ("none", "inverted"),
        ("sigmoid", "[0, 1]"),
        ("tanh", "inverted"),
    ],
    "[0, 255]": [("none", "[0, 255]"), ("sigmoid", "[0, 1]"), ("none", "[0, 1]")],
    "[0, 1/255]": [
        ("none", "[0, 1/255]"),
        ("sigmoid", "[0, 1/255]"),
        ("sigmoid", "[0, 1]"),
        ("none", "[0, 1]"),
    ],
}


_DRAWN = [("sigmoid", "[0, 1]"), ("tanh", "[-1, 1]"), ("none", "[0, 1]"), ("tanh", "[0, 1]")]


def options(draft: Draft, ranges: dict, bounded: bool, heavy: bool) -> dict[str, list]:
    """The values to try in each dimension that matters for this draft."""
    gaps, usual = draft.gaps(), curves(heavy)
    found: dict[str, list] = {}
    for gap in ("encoder", "decoder"):
        if gap in gaps or (gap == "decoder" and "reshape" in gaps):
            found[gap] = usual
    if "code" in gaps:
        found["code"] = ["none", *[c for c in usual if c != "none"]]
    if "reshape" in gaps:
        found["reshape"] = ["same", "none", "ReLU"]
    for gap, values in (
        ("swapped", [False, True]),
        ("interleaved", [False, True]),
        ("told_first", [False, True]),
        ("last_hidden", ["same", "none"]),
        ("norm_after", [False, True]),
        ("pool", ["max", "average"]),
        ("enlarge", list(ENLARGE)),
    ):
        if gap in gaps:
            found[gap] = values
    if "groups" in gaps:
        found["groups"] = draft.possible_groups()
    if bounded and not draft.alone:
        found["given"] = list(ranges)
    if draft.resized:
        found["fit"] = ["pad", "resize"]
    if draft.side_out:
        found["fit"] = ["pad", "crop", "resize"]
    return found


def ends(draft: Draft, choice: Choice, bounded: bool) -> list[End]:
    """The outputs that go with what enters."""
    if draft.alone:
        return _DRAWN if bounded else [("none", "[0, 1]")]
    found = _TARGETS[choice.given] if bounded else [("none", "[0, 1]"), ("tanh", "[0, 1]")]
    if draft.outputs is None:
        return found
    return [end for end in found if end[0] in draft.outputs] or found


def starts(draft: Draft, choice: Choice) -> list[Choice]:
    """The choice with every place that mu and the label may have, and maps with and without curve.

    What is wrong in these leads all else astray.
    """
    found = [choice]
    if "reshape" in draft.gaps():
        found += [replace(c, reshape="none") for c in found]
    for name in ("swapped", "interleaved", "told_first"):
        if name in draft.gaps():
            found += [replace(c, **{name: True}) for c in found]
    return found


def curves(heavy: bool) -> list[str]:
    return [c for c in CURVES if not heavy or SELDOM[c] <= 2.5]
