"""Flags made from the fields of a dataclass: of TrainConfig, and of a family's options."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from aecore.models import family
from aecore.models.presets import bare, preset
from aecore.options import Option, options_in

#: Where the flags of `train` put what they are given: fields of TrainConfig, a family's options.
CONFIG, OPTION = "config.", "option."


def add_options_of_family(command: argparse.ArgumentParser, argv: list[str]) -> None:
    """Flags for the options of the family that a command line of `train` names.

    Raises UnknownNameError where it names none that there is.
    """
    first = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    first.add_argument("--preset")
    first.add_argument("--family")
    with contextlib.suppress(argparse.ArgumentError):  # the whole parser says it better
        named, _ = first.parse_known_args(argv)
        if named.preset or named.family:
            chosen = preset(named.preset) if named.preset else bare(named.family)
            cls = family(chosen.family)
            add_flags(command.add_argument_group(f"options of {cls.family}"), cls.Options, OPTION)


def add_flags(place: argparse._ActionsContainer, cls: type, prefix: str) -> None:
    """A flag for each field of a dataclass; one that is not given is not in the namespace.

    A name that another flag has already is reached as --option-NAME.
    """
    for option in options_in(cls):
        name = option.name.replace("_", "-")
        try:
            _add_flag(place, f"--{name}", option, prefix)
        except argparse.ArgumentError:
            _add_flag(place, f"--option-{name}", option, prefix)


def _add_flag(place: argparse._ActionsContainer, flag: str, option: Option, prefix: str) -> None:
    about = [option.help or "", f"One of {', '.join(map(str, option.choices))}."]
    about = " ".join(about if option.choices else about[:1]).replace("%", "%%")
    where, missing = prefix + option.name, argparse.SUPPRESS
    if option.kind == "flag":
        action = argparse.BooleanOptionalAction
        place.add_argument(flag, action=action, dest=where, default=missing, help=about)
        return

    def read(text: str) -> Any:
        # A shell's line has no lines: there a semicolon ends one.
        return option.read(text.replace(";", "\n") if option.kind == "lines" else text)

    kind = option.kind.upper()
    place.add_argument(flag, type=read, metavar=kind, dest=where, default=missing, help=about)


def given(args: argparse.Namespace, prefix: str) -> dict[str, Any]:
    """The values of the flags with a prefix that were given, by field."""
    values = vars(args).items()
    return {k.removeprefix(prefix): v for k, v in values if k.startswith(prefix)}
