"""The engine's unit tests in JavaScript, under Node where there is one, else in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from aecore.pad.browser_code import pad_script

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "pad" / "engine.test.mjs"
RUN = """async ([pad, tests]) => {
    const load = (source) =>
        import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
    return (await load(tests)).run(await load(pad));
}"""


def test_engine_units(request, tmp_path):
    node = shutil.which("node")
    if node:
        module = tmp_path / "pad.mjs"
        module.write_text(pad_script(), "utf-8")
        done = subprocess.run(
            [node, "--test", TESTS],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PAD_MODULE": module.as_uri()},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        page = request.getfixturevalue("chromium").new_page()
        assert page.evaluate(RUN, [pad_script(), TESTS.read_text()]) == []
        page.close()
