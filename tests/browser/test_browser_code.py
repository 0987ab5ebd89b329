"""The browser's modules: short, each name once over all of them, joined into one that loads
nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aecore.figures import palette
from aecore.pad import browser_code

ROOT = Path(__file__).parents[2]
FOLDERS = [
    browser_code.ASSETS,
    *{path.parent for path in (ROOT / "pages" / "components").rglob("*.js")},
]
MODULES = sorted(path for folder in FOLDERS for path in folder.glob("*.js"))
MAINS = {
    "pad": browser_code.ASSETS / "main.js",
    "network at work": browser_code.ASSETS / "flow_main.js",
    "explorer": browser_code.ASSETS / "explorer_start.js",
    **{
        path.relative_to(ROOT / "pages" / "components").as_posix(): path
        for path in sorted((ROOT / "pages" / "components").rglob("*.js"))
        if "export default" in path.read_text("utf-8")
    },
}
RGB = r"[(\[](\d+), (\d+), (\d+)[)\]]"
LINES, FUNCTION_LINES = 300, 80
TOP_LEVEL = re.compile(
    r"^(?:export )?(?:default )?(?:async )?(?:function\*?|const|let|class) (\w+|[\[{][^=]*[\]}])",
    re.MULTILINE,
)


def names_at_the_top(text: str) -> list[str]:
    return [name for found in TOP_LEVEL.findall(text) for name in re.findall(r"\w+", found)]


def test_signed_values_have_one_pair_of_colours_everywhere():
    said = browser_code.ASSETS / "signed_colors.js", ROOT / "pages" / "components" / "wipe.css"
    ours = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (palette.BELOW, palette.ABOVE)]
    for path in said:
        found = re.findall(RGB, path.read_text("utf-8"))
        assert sorted([int(c) for c in color] for color in found) == sorted(ours), path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_and_checked(path: Path):
    text = path.read_text("utf-8")
    assert text.startswith("// @ts-check\n")
    assert len(text.splitlines()) <= LINES
    for number, line in enumerate(text.splitlines()):
        assert len(line) <= 100, f"{path.name}:{number + 1} is long"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_function_is_longer_than_a_screen_or_two(path: Path):
    lines = path.read_text("utf-8").splitlines()
    for start, line in enumerate(lines):
        # The formatter closes what begins a line where it began.
        opened = re.match(
            r"(\s*)(?:export )?(?:default )?(?:async )?(?:function )?(\w+)\(.*\{$", line
        )
        if not opened or opened[2] in ("if", "for", "while", "switch"):
            continue
        closed = next(i for i in range(start, len(lines)) if lines[i].startswith(opened[1] + "}"))
        assert closed - start < FUNCTION_LINES, f"{path.name}: {opened[2]} is long"


@pytest.mark.parametrize("main", MAINS.values(), ids=MAINS)
def test_joined_it_is_one_module_that_loads_nothing(main: Path, tmp_path: Path):
    text = browser_code.joined(main)
    names = names_at_the_top(text)
    assert sorted(names) == sorted(set(names))
    code = re.sub(r"/\*.*?\*/|^\s*//.*$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"\bimport\b|\bfrom\s+\"|\beval\b|new Function|http", code)
    node = shutil.which("node")
    if node:
        file = tmp_path / "joined.mjs"
        file.write_text(text, "utf-8")
        done = subprocess.run([node, "--check", file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", MAINS)
def test_joined_it_parses_in_a_browser(name: str, chromium):
    page = chromium.new_page()
    source = browser_code.joined(MAINS[name])
    load = """async (source) => {
        const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
        return Object.keys(await import(url));
    }"""
    if name == "explorer":  # it starts at once: a page with nothing in it is said to have failed
        page.set_content('<p id="failed" hidden></p>')
        page.evaluate(load, source)
        page.locator("#failed:not([hidden])").wait_for(state="attached")
    else:
        assert "default" in page.evaluate(load, source)
    page.close()


def test_every_module_of_the_pad_is_in_use():
    mains = (MAINS[name] for name in ("explorer", "network at work"))
    used = {module for main in mains for module in browser_code.modules(main)}
    only_types = {browser_code.ASSETS / "types.js"}
    assert set(browser_code.ASSETS.glob("*.js")) == used | only_types


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return folder / "main.js"


def test_each_module_comes_once_after_those_that_it_imports(tmp_path):
    main = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport start from "./c.js";\n'
        'export { a } from "./a.js";\n\nexport const all = start(b);\n',
        a='/** @import { T } from "./types.js" */\nexport const a = 1;\n',
        b='import {\n  a,\n} from "./a.js";\n\nexport const b = a + 1;\n',
        c='import { a } from "./a.js";\n\nexport default function start(x) {\n  return a + x;\n}\n',
    )
    assert browser_code.joined(main) == (
        "const a = 1;\n\nconst b = a + 1;\n\nfunction start(x) {\n  return a + x;\n}\n\n"
        "export { a };\n\nexport const all = start(b);\n"
    )


def test_circles_and_unknown_ways_to_import_are_refused(tmp_path):
    circle = write(
        tmp_path,
        main='import { a } from "./a.js";\n',
        a='import { all } from "./main.js";\nexport const a = all;\n',
    )
    with pytest.raises(ValueError, match="imports itself"):
        browser_code.joined(circle)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    main = write(
        renamed,
        main='import { b } from "./b.js";\n',
        b='import * as a from "./a.js";\nexport const b = a;\n',
        a="",
    )
    with pytest.raises(ValueError, match=r"b\.js cannot be joined: import \* as a"):
        browser_code.joined(main)
