"""The browser's side of the pad as texts: its modules joined into one, its style, its markup.

There is no build step: the modules under `assets/` import one another as browsers, Node and type
checkers expect, and here they are put one after another, so that a component or a single file
can hold them all without loading anything.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from aecore.places import PACKAGE

ASSETS = PACKAGE / "pad" / "assets"

# A component of a page may take modules of the pad, wherever pages lie once they are installed.
_FROM = r'from\s+"(?P<place>\./|\.\./\.\./aecore/pad/assets/)(?P<file>\w+\.js)";\n'
_IMPORT = re.compile(rf"^import\s+(?:\w+|\{{[^}}]*\}})\s+{_FROM}", re.MULTILINE)
_PASSED_ON = re.compile(rf"^export\s+(?P<names>\{{[^}}]*\}})\s+{_FROM}", re.MULTILINE)
_EXPORT = re.compile(r"^export (?:default )?(?=(?:async )?function|const|let|class)", re.MULTILINE)
_TYPES = re.compile(r"^/\*\* @import .*\*/\n|^// @ts-check\n", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def modules(main: Path) -> list[Path]:
    """Every module that `main` needs, itself last, each after those that it imports.

    Raises ValueError where modules import one another in a circle.
    """
    order: list[Path] = []
    under_way: list[Path] = []

    def visit(module: Path) -> None:
        if module in order:
            return
        if module in under_way:
            raise ValueError(f"{module.name} imports itself by way of others.")
        under_way.append(module)
        text = module.read_text("utf-8")
        for pattern in (_IMPORT, _PASSED_ON):
            for found in pattern.finditer(text):
                folder = module.parent if found["place"] == "./" else ASSETS
                visit(folder / found["file"])
        under_way.pop()
        order.append(module)

    visit(main)
    return order


@cache
def joined(main: Path) -> str:
    """One module that exports what `main` exports and imports nothing.

    Names at the top level have to be unique over all modules (tests/browser/test_browser_code.py).
    Raises ValueError for a way to import or export that is not understood here.
    """
    texts = []
    for module in modules(main):
        text = _TYPES.sub("", _IMPORT.sub("", module.read_text("utf-8")))
        if module == main:
            rest = _PASSED_ON.sub(r"export \g<names>;\n", text)
        else:
            rest = _EXPORT.sub("", _PASSED_ON.sub("", text))
            left = _LEFT.search(rest)
            if left:
                raise ValueError(f"{module.name} cannot be joined: {left[0]}")
        texts.append(rest.strip() + "\n")
    return "\n".join(texts)


def pad_script() -> str:
    """The pad as one module; its default export is what Streamlit calls a component with."""
    return joined(ASSETS / "main.js")


def explorer_script() -> str:
    """The pad and what starts it in an explorer file."""
    return joined(ASSETS / "explorer_start.js")


def flow_script() -> str:
    """The network at work as one module, as `pad_script`."""
    return joined(ASSETS / "flow_main.js")


def styled(sheet: Path) -> str:
    """A drawing's style sheet, behind what all drawings share."""
    return (ASSETS / "base.css").read_text("utf-8") + sheet.read_text("utf-8")


def flow_style() -> str:
    """The style sheet of the network at work."""
    return styled(ASSETS / "flow.css")


def flow_markup() -> str:
    """The elements of the network at work."""
    return (ASSETS / "flow.html").read_text("utf-8")


def pad_style() -> str:
    """The pad's style sheet."""
    return styled(ASSETS / "style.css")


def pad_markup() -> str:
    """The pad's elements."""
    return (ASSETS / "markup.html").read_text("utf-8")
