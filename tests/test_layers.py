"""Imports go strictly down the list of layers; only app.py and pages/ know Streamlit."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

from pages.shell.router import SECTIONS

ROOT = Path(__file__).resolve().parents[1]

# From the bottom up. A module imports only what stands before it. A new module gets its place here.
LAYERS = (
    "errors",
    "places",
    "wording",
    "internals",
    "writing",
    "types",
    "machine",
    "datasets",
    "models",
    "evaluation",
    "training",
    "runs",
    "figures",
    "pad",
    "export",
    "inspection",
    "jobs",
    "cli",
    "__main__",
)
# What Dask runs in a worker imports the worker's code there: the scheduler, which unpickles the
# same functions only to pass them on, must not import torch.
LATE = {("aecore.jobs.orders", "aecore.jobs.worker"), ("aecore.jobs.prewarm", "aecore.jobs.worker")}
CORE = sorted((ROOT / "aecore").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions and for type checking."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their package in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if is_module(full) else node.module)
    return found


def ours(path: Path) -> set[str]:
    own = module_name(path)
    return {
        name
        for name in imports(path)
        if name.split(".")[0] in ("aecore", "pages", "app") and (own, name) not in LATE
    }


def page_files() -> set[str]:
    return {entry[0] for entries in SECTIONS.values() for entry in entries}


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
    assert ours(ROOT / "aecore/types.py") == {"aecore.errors"}


STORYBOARDS = [path for path in PAGES if path.relative_to(ROOT).as_posix() in page_files()]


@pytest.mark.parametrize("path", STORYBOARDS, ids=lambda p: p.stem)
def test_pages_are_storyboards(path):
    """No class is defined in a page, and none grows beyond what one reads at a sitting."""
    text = path.read_text()
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(ast.parse(text)))
    assert len(text.splitlines()) <= 160


@pytest.mark.parametrize("path", CORE + PAGES, ids=module_name)
def test_nothing_is_swallowed(path):
    """No bare except, and no handler that does nothing."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass))
