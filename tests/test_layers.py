"""Imports go strictly down the list of layers; only app.py and pages/ know Streamlit."""

from __future__ import annotations

import ast
import functools
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pages.shell.page import all_pages

ROOT = Path(__file__).resolve().parents[1]

# From the bottom up. A module imports only what stands before it. A new module gets its place here.
LAYERS = (
    "errors",
    "places",
    "wording",
    "internals",
    "writing",
    "options",
    "types",
    "machine",
    "byte_cache",
    "workshop",
    "datasets",
    "models",
    "evaluation",
    "training",
    "runs",
    "figures",
    "pad",
    "export",
    "inspection",
    "lab",
    "jobs",
    "cli",
    "__main__",
)
CORE = sorted((ROOT / "aecore").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions and for type checking."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their package in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if is_module(full) else node.module)
    return found


def ours(path: Path) -> set[str]:
    return {n for n in imports(path) if n.split(".")[0] in ("aecore", "pages", "app")}


def layer(name: str) -> int:
    """Place of a module in LAYERS; the bare package, which holds the version, is below all."""
    parts = name.split(".")
    return -1 if len(parts) == 1 else LAYERS.index(parts[1])


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_imports_go_down(path):
    own = module_name(path)
    assert own == "aecore" or own.split(".")[1] in LAYERS, f"give {own} a place in LAYERS"
    for other in ours(path):
        assert other.split(".")[0] == "aecore", f"{own} imports {other}"
        same_package = own.split(".")[:2] == other.split(".")[:2]
        assert same_package or layer(other) < layer(own), f"{own} imports {other}, which is above"


def test_no_circles_inside_packages():
    graph = {module_name(path): ours(path) - {module_name(path)} for path in CORE}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_knows_no_user_interface(path):
    for name in imports(path):
        assert name.split(".")[0] not in ("streamlit", "pages", "app")


def test_types_and_errors_import_nothing_of_ours():
    assert ours(ROOT / "aecore/errors.py") == set()
    assert ours(ROOT / "aecore/types.py") == {"aecore.errors", "aecore.options"}


@pytest.mark.parametrize("path", PAGES, ids=module_name)
def test_rooms_of_pages_do_not_look_into_each_other(path):
    """The shell and the components are for all; a room's pieces are for its own pages."""
    own = module_name(path)
    place = place_of_page(own)
    for other in ours(path):
        if other.split(".")[0] == "aecore" or other == "pages":
            continue
        same_room = own.split(".")[:2] == other.split(".")[:2]
        assert same_room or place_of_page(other) < place, f"{own} imports {other}"


def place_of_page(name: str) -> int:
    """Shell 1, components 2, rooms 3; what starts and shows them all, 4 and 5."""
    tops = {"pages.shell.router": 4, "pages.shell.launcher": 4, "app": 5}
    if name in tops:
        return tops[name]
    return {"shell": 1, "components": 2}.get(name.partition(".")[2].partition(".")[0], 3)


def test_no_circles_among_pages():
    graph = {module_name(path): ours(path) - {module_name(path)} for path in PAGES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


STORYBOARDS = [path for path in PAGES if "\nPAGE = Page(" in path.read_text()]


def test_every_page_is_a_storyboard():
    assert {p.relative_to(ROOT).as_posix() for p in STORYBOARDS} == set(all_pages(teacher=True))


@pytest.mark.parametrize("path", STORYBOARDS, ids=lambda p: p.stem)
def test_pages_are_storyboards(path):
    """No class is defined in a page, and none grows beyond what one reads at a sitting."""
    text = path.read_text()
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree_of(path)))
    assert len(text.splitlines()) <= 160


READS = """
import json, sys
from pathlib import Path
ROOT = Path.cwd()
seen = set()
def watch(event, args):
    if event != "open" or not isinstance(args[0], (str, bytes)):
        return
    path = Path(args[0] if isinstance(args[0], str) else args[0].decode())
    if not path.is_relative_to(ROOT) or path.suffix in (".py", ".pyc"):
        return
    if "__pycache__" in path.parts:
        return
    frame, asked = sys._getframe(1), []
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT):
            asked.append(str(file.relative_to(ROOT)))
        frame = frame.f_back
    if asked:
        seen.add((tuple(dict.fromkeys(asked)), str(path.relative_to(ROOT))))
sys.addaudithook(watch)
import importlib
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from aecore import datasets
from aecore.export.registry import all_ways
all_ways()
datasets.load("mnist")
print("READ " + json.dumps(sorted(seen)))
"""


@pytest.fixture(scope="module")
def files_read() -> list[tuple[list[str], str]]:
    """(modules that asked, the nearest first; file opened), from importing everything and MNIST."""
    names = [module_name(p) for p in CORE if p.stem != "__main__"]
    names += [module_name(p) for p in PAGES if p not in STORYBOARDS and p.stem != "app"]
    done = subprocess.run(
        [sys.executable, "-c", READS, json.dumps(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(x for x in done.stdout.splitlines() if x.startswith("READ "))
    return [(asked, name) for asked, name in json.loads(line[5:])]


def test_files_that_are_read_lie_below_too(files_read):
    """A file read is an import by another name: it belongs to who asks or to a floor below.

    Who hands a path down asks for it: a module of the pages may have the core read its script.
    """
    assert any(name.endswith(".js") for _, name in files_read)
    assert any(name.endswith(".npz") for _, name in files_read)
    for asked, name in files_read:
        assert any(may_read(reader, name) for reader in asked), f"{asked[0]} reads {name}"


def may_read(reader: str, name: str) -> bool:
    by, of = Path(reader).parts, Path(name).parts
    if of[0] != "aecore":
        return by[:-1] == of[:-1] or of[0] == "checkpoints"
    if by[0] != "aecore":
        return True  # pages stand above all of it
    reader_layer, owner_layer = by[1].removesuffix(".py"), of[1]
    return LAYERS.index(owner_layer) <= LAYERS.index(reader_layer)


@pytest.mark.parametrize(
    ("reader", "name", "allowed"),
    [
        ("aecore/pad/explorer.py", "pages/components/pad.js", False),
        ("aecore/export/explorer_file.py", "aecore/pad/assets/main.js", True),
        ("aecore/datasets/sources/mnist.py", "aecore/pad/assets/main.js", False),
        ("pages/components/pad.py", "aecore/pad/assets/main.js", True),
        ("pages/look/inside.py", "pages/components/run_view.js", False),
    ],
)
def test_who_may_read_what(reader, name, allowed):
    assert may_read(reader, name) is allowed


@pytest.mark.parametrize("path", CORE + PAGES, ids=module_name)
def test_one_module_knows_where_things_lie(path):
    """Nobody climbs from his own file to a neighbour's: an installed package has no such tree."""
    text = path.read_text()
    assert ".parents[" not in text
    assert ".parent.parent" not in text


def test_the_formatter_decides():
    everything = [*CORE, *PAGES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    marks = ["# fmt: " + word for word in ("skip", "off")]
    assert not [p.name for p in everything if any(mark in p.read_text() for mark in marks)]


@pytest.mark.parametrize("path", PAGES, ids=module_name)
def test_one_module_says_who_may_look_at_a_run(path):
    """Pages get a run from pages.shell.access, which asks whose it is; an id alone is nothing."""
    if module_name(path) in ("pages.shell.access", "pages.components.run_stream"):
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("get", "store"):
            found = ast.unparse(node)
            assert found not in ("session.jobs().get", "jobs().get", "engine().get"), found


@pytest.mark.parametrize("path", CORE + PAGES, ids=module_name)
def test_nothing_is_swallowed(path):
    """No bare except, no handler that does nothing, no suppress of everything; and who catches
    everything raises it, logs it or says it."""
    everything = {"Exception", "BaseException"}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass))
            if everything & {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}:
                assert any(uses_error(n, node.name) for s in node.body for n in ast.walk(s))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            assert not everything & {ast.unparse(argument) for argument in node.args}


def uses_error(node: ast.AST, name: str | None) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).startswith("log.")
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Name) and node.id == name)
