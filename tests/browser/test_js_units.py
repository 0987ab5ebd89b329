"""The engine's unit tests in JavaScript, under Node where there is one, else in Chromium."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "pad" / "engine.test.mjs"
PAD = ROOT / "aecore" / "pad" / "assets" / "latent_pad.js"
RUN = """async ([pad, tests]) => {
    const load = (source) =>
        import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
    return (await load(tests)).run(await load(pad));
}"""


def test_engine_units(request):
    node = shutil.which("node")
    if node:
        done = subprocess.run([node, "--test", TESTS], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        page = request.getfixturevalue("chromium").new_page()
        assert page.evaluate(RUN, [PAD.read_text(), TESTS.read_text()]) == []
        page.close()


def test_code_stays_small_and_needs_no_network():
    texts = [PAD.with_suffix(f".{kind}").read_text("utf-8") for kind in ("js", "css", "html")]
    assert sum(len(text.encode()) for text in texts) <= 60_000
    source = texts[0]
    assert "http" not in source
    assert "import " not in source.replace("important", "")
