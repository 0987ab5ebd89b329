"""Two files as one model: an encoder and a decoder that meet, or a question which of them is meant.

Two files that only lie beside each other are not made one model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents
from aecore.wording import count, short

_ENCODERS = re.compile(r"(^|[^a-z])(enc|encode|encoder)([^a-z]|$)")
_DECODERS = re.compile(r"(^|[^a-z])(dec|decode|decoder|generator)([^a-z]|$)")


class WhichFileError(CheckpointError):
    """Several files that are no encoder and decoder of one model: somebody has to say which."""


@dataclass(frozen=True)
class Ends:
    """What a file's first layer takes and its last ones give: sizes, or channels of maps."""

    takes: int
    takes_maps: bool
    gives: frozenset[int]
    gives_maps: bool


def in_order(files: list[tuple[Contents, str]], together: bool) -> list[tuple[Contents, str]]:
    """The encoder first, the decoder second; by the files' names, or else by sizes.

    together: somebody said that they are one model. Raises WhichFileError where they do not meet
    as encoder and decoder, CheckpointError where which is which cannot be told.
    """
    votes = [_vote(name.lower()) for _, name in files]
    ways = [files, files[::-1]]
    if votes[0] != votes[1]:
        first, second = ways[int(votes[0] > votes[1])]
        if together or (first[0].operations is None) != (second[0].operations is None):
            return [first, second]
        # Where both names say it, what they hold need only not contradict, in whatever order.
        said = sorted(votes) == [-1, 1] and _codes(first[0], True) & _codes(second[0], False)
        if said or _meet(_ends(first[0]), _ends(second[0])):
            return [first, second]
    ends = [_ends(contents) for contents, _ in files]
    fits = [_meet(ends[0], ends[1]), _meet(ends[1], ends[0])]
    if votes[0] == votes[1]:
        growth = [_growth(contents) for contents, _ in files]
        if fits[0] != fits[1]:
            return ways[int(fits[1])]
        if (together or all(fits)) and growth[0] != growth[1]:
            # Read either way round they meet: the encoder is the one that grows narrower.
            return ways[int(growth[0] > growth[1])]
        if together:
            raise CheckpointError(
                "Which of the two files is the encoder cannot be told; put 'encoder' and "
                "'decoder' into their names."
            )
    raise ask([name for _, name in files], _why(ends))


def ask(names: list[str], why: str = "") -> WhichFileError:
    """The question which of several files is meant. why: a sentence that comes before."""
    listed = ", ".join(repr(short(name)) for name in names[:6])
    return WhichFileError(
        f"{why}Open one of {listed} alone; two files are read as one model where they are an "
        "encoder and a decoder that meet in the code."
    )


def _why(ends: list[Ends | None]) -> str:
    said = [_in_words(e) for e in ends if e is not None]
    if len(said) != 2:
        return ""
    return f"The first file {said[0]}, the second {said[1]}. "


def _in_words(ends: Ends) -> str:
    takes = count(ends.takes, "channel" if ends.takes_maps else "number")
    *some, last = sorted(ends.gives)
    gives = "".join(f"{n:,} or " for n in some)
    return (
        f"takes {takes} and gives {gives}{count(last, 'channel' if ends.gives_maps else 'number')}"
    )


def _vote(name: str) -> int:
    return int(bool(_DECODERS.search(name))) - int(bool(_ENCODERS.search(name)))


def _ends(contents: Contents) -> Ends | None:
    """The first and the last weights in the file's order; None where there are none."""
    matrices = [
        t for t in contents.tensors.values() if t.is_floating_point() and t.dim() in (2, 3, 4)
    ]
    if not matrices:
        return None
    first, last = matrices[0], matrices[-1]
    # Which way a convolution goes its weight does not tell: either end may be the one.
    gives = {int(last.shape[0])} if last.dim() == 2 else {int(n) for n in last.shape[:2]}
    takes = int(first.shape[1]) if first.dim() == 2 else int(min(first.shape[:2]))
    return Ends(takes, first.dim() > 2, frozenset(gives), last.dim() > 2)


def _codes(contents: Contents, ends: bool) -> set[int]:
    """Sizes that may be the code: what the layers of the file give (ends), or take. Half of what
    they give counts too: it may be mu and the second head side by side."""
    first, last = set(), set()
    for t in contents.tensors.values():
        if t.is_floating_point() and t.dim() in (2, 3, 4):
            first |= set(t.shape[1:2] if t.dim() == 2 else t.shape[:2])
            last |= set(t.shape[:1] if t.dim() == 2 else t.shape[:2])
    rows = last if ends else first
    return rows | ({n // 2 for n in rows if n % 2 == 0} if ends else set())


def _meet(encoder: Ends | None, decoder: Ends | None) -> bool:
    """Whether the decoder takes the code that the encoder gives, and gives what that takes."""
    if encoder is None or decoder is None:
        return False
    whole = [e.takes in e.gives and e.takes_maps == e.gives_maps for e in (encoder, decoder)]
    if any(whole):
        return False
    if encoder.gives_maps == decoder.takes_maps:
        halves = set() if encoder.gives_maps else {n // 2 for n in encoder.gives if n % 2 == 0}
        code = decoder.takes in encoder.gives | halves
    elif encoder.gives_maps:  # maps are laid out as a row
        code = any(decoder.takes % n == 0 for n in encoder.gives)
    else:  # a row becomes maps
        code = any(n % decoder.takes == 0 for n in encoder.gives)
    if encoder.takes_maps == decoder.gives_maps:
        return code and encoder.takes in decoder.gives
    pixels = max(decoder.gives) if encoder.takes_maps else encoder.takes
    channels = encoder.takes if encoder.takes_maps else min(decoder.gives)
    return code and pixels % channels == 0


def _growth(contents: Contents) -> int:
    """-1 for matrices with fewer outputs than inputs on the whole, 1 for more."""
    matrices = [t for t in contents.tensors.values() if t.dim() == 2]
    wider = sum(t.shape[0] - t.shape[1] for t in matrices)
    return (wider > 0) - (wider < 0)
