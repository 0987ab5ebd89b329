"""A person's words inside our sentences: printable, short, and counted with the right noun."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text as one line: every control character and line break becomes a space."""
    return "".join(c if c.isprintable() else " " for c in text)


def short(text: str, n: int = 40) -> str:
    """A person's text for a message: one line, printable, at most n characters."""
    text = printable(text).strip()
    return text if len(text) <= n else text[: n - 1] + "…"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number and its noun: '1 row', '1,200 rows'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def capitalised(text: str) -> str:
    """The text with a capital letter first, all else as it is."""
    return text[:1].upper() + text[1:]


_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def nesting(text: bytes) -> int:
    """How many levels deep JSON is nested, counted before it is parsed: the parser recurses.

    Brackets within texts count too, so that only a text full of them could be refused wrongly.
    """
    depth = deepest = 0
    for byte in text.translate(None, delete=_NO_BRACKET):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
