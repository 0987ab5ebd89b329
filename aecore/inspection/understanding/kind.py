"""What is said of a network as a whole: its kind, its ends, a sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What a file's network is.

    name: "autoencoder", "classifier", "decoder", "encoder", "recurrent", "attention", "quantised",
    "regressor" or "other". takes, gives: the shape of one example, None for an open size, or None
    where it is not known. code: numbers of the code, where there is one. sentence: what it is and
    how that is known, for people.
    """

    name: str
    takes: tuple[int | None, ...] | None
    gives: tuple[int | None, ...] | None
    code: int | None
    sentence: str


def count(n: int) -> str:
    return f"{n:,} number{'s' * (n != 1)}"


def shown(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "something"
    if len(shape) == 1:
        return count(shape[0] or 0)
    first = f"{shape[0]} channel{'s' * (shape[0] != 1)}"
    return f"images of {first}" if len(shape) == 3 else f"signals of {first}"
