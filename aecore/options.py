"""What a person may choose: the fields of a frozen dataclass, and the values that they can have.

Forms, flags of the command line and checks all read `options_in`, so that none of them looks at an
annotation by itself.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aecore.errors import ConfigError

#: A field's type, resolved, and what is asked for. A Literal, and any field with `choices` in its
#: metadata, is a "choice".
OPTION_KINDS: dict[Any, str] = {
    bool: "flag",
    int: "whole",
    float: "number",
    str: "text",
    tuple[int, ...]: "widths",
    tuple[str, ...]: "lines",
}
MOST_WIDTHS = 12
LARGEST = 10**9  # of a number whose field gives no range


def whole_number(name: str, value: Any, low: float, high: float) -> int:
    """Return value if it is a whole number in [low, high]; else raise ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{name} must be a whole number from {low:,} to {high:,}; it was {in_short(value)}."
        )
    return value


@dataclass(frozen=True)
class Option:
    """One field that a person may choose, its annotation resolved.

    kind: of OPTION_KINDS, or "choice" (one of `choices`). span: lowest and highest number, of each
    width too. metadata: the field's own: label, help, choices, range, format, step, digits, most
    and item (of a list: how many it may have, and what one is called), variational (it means
    something to variational models only); all of it may be missing.
    """

    name: str
    kind: str
    default: Any
    choices: tuple[Any, ...]
    span: tuple[float, float]
    metadata: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What a form calls it."""
        return self.metadata.get("label") or self.name.replace("_", " ").capitalize()

    @property
    def help(self) -> str | None:
        """A sentence about it."""
        return self.metadata.get("help")

    @property
    def variational(self) -> bool:
        """Whether only variational models know what to do with it."""
        return self.metadata.get("variational", False)

    def check(self, value: Any) -> None:
        """Raise ConfigError, naming the field, for a value that it cannot have."""
        if self.kind == "choice":
            if value not in self.choices:
                raise self._refused(f"one of {', '.join(map(str, self.choices))}", value)
        elif self.kind == "widths":
            most, what = self.metadata.get("most", MOST_WIDTHS), self.metadata.get("item", "width")
            if not isinstance(value, tuple) or len(value) > most:
                raise self._refused(f"a list of at most {most} {what}s", value)
            for one in value:
                whole_number(f"Each {what} in {self.name}", one, *self.span)
        elif self.kind == "lines":
            if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
                raise self._refused("a list of lines of text", value)
        elif self.kind == "whole":
            whole_number(self.name, value, *self.span)
        elif self.kind == "number":
            low, high = self.span
            number = isinstance(value, int | float) and not isinstance(value, bool)
            # Comparing comes first: NaN fails it, and a whole number may be too large for a float.
            if not number or not low <= value <= high:
                raise self._refused(f"a number from {low:g} to {high:g}", value)
        elif self.kind == "flag":
            if not isinstance(value, bool):
                raise self._refused("true or false", value)
        elif not isinstance(value, str):
            raise self._refused("a text", value)

    def read(self, text: str) -> Any:
        """The value that a text of a form or of the command line stands for, not yet checked.

        Raises ConfigError where it stands for none.
        """
        if self.kind == "choice":
            return next((c for c in self.choices if str(c) == text), text)
        if self.kind == "widths":
            return read_widths(text)
        if self.kind == "lines":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        if self.kind in ("whole", "number"):
            try:
                return int(text) if self.kind == "whole" else float(text)
            except ValueError:
                self.check(text)
        return text

    def _refused(self, wanted: str, value: Any) -> ConfigError:
        return ConfigError(f"{self.name} must be {wanted}; it was {in_short(value)}.")


@functools.cache
def options_in(cls: type) -> tuple[Option, ...]:
    """The fields of a dataclass of plain values, in order; annotations may be text or types.

    Raises TypeError, for whoever wrote the class, where a field has no default or a type of which
    no form can be made.
    """
    hints = get_type_hints(cls)
    return tuple(_option(cls, f, hints[f.name]) for f in dataclasses.fields(cls))


def _option(cls: type, f: dataclasses.Field, hint: Any) -> Option:
    where = f"{cls.__name__}.{f.name}"
    choices = f.metadata.get("choices", get_args(hint) if get_origin(hint) is Literal else ())
    if not choices and hint not in OPTION_KINDS:
        raise TypeError(
            f"{where} is a {hint}; an option is a bool, int, float, str, tuple[int, ...] or "
            "tuple[str, ...], or has choices."
        )
    if f.default is dataclasses.MISSING:
        raise TypeError(f"{where} needs a default: the form starts there.")
    kind = "choice" if choices else OPTION_KINDS[hint]
    span = f.metadata.get("range", (1 if kind == "widths" else -LARGEST, LARGEST))
    return Option(f.name, kind, f.default, tuple(choices), span, f.metadata)


def check_options(options: Any) -> None:
    """Raise ConfigError naming the first field of a dataclass whose value it cannot have."""
    for option in options_in(type(options)):
        option.check(getattr(options, option.name))


def read_widths(text: str) -> tuple[int, ...]:
    """The whole numbers of a text: '256, 128' or, as the lessons write layers, '256-128'."""
    parts = [p for p in re.split(r"[,;\s]+|(?<=\d)-(?=\d)", text) if p]
    if not all(p.isdecimal() for p in parts):
        raise ConfigError(
            f"Hidden widths must be whole numbers with commas between, like 256, 128; "
            f"the text was {text[:40]!r}."
        )
    return tuple(int(p) for p in parts)


def in_short(value: Any) -> str:
    """A value as a sentence can quote it: at most 60 characters, whatever it is."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= 60 else text[:57] + "..."
