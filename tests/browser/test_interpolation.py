"""The way between two codes is the same in Python, which draws it on paper, and in the browser."""

from __future__ import annotations

import json
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import arrays

from aecore.evaluation.latent import interpolation
from aecore.pad.browser_code import pad_script

STEPS, PAIRS = 5, 60
RUN = """(pairs) => pairs.map(([a, b, spherical]) => Array.from({length: STEPS}, (_, i) =>
    [...pad.interpolate(a, b, i / (STEPS - 1), spherical)]))""".replace("STEPS", str(STEPS))
NODE = f"""
import {{ readFileSync }} from "node:fs";
const pad = await import(process.argv[2]);
const run = {RUN};
process.stdout.write(JSON.stringify(run(JSON.parse(readFileSync(0, "utf8")))));
"""

values = st.floats(-50, 50, width=32) | st.sampled_from([0.0, 1e-7, -1e-3, 1.0, -1.0])
pair = st.integers(1, 8).flatmap(
    lambda k: st.tuples(*[arrays(np.float32, k, elements=values)] * 2, st.booleans())
)


@pytest.fixture(scope="module")
def in_browser(request, tmp_path_factory):
    """Runs many pairs at once: under Node where there is one, else in Chromium."""
    node = shutil.which("node")
    if not node:
        page = request.getfixturevalue("chromium").new_page()
        page.evaluate(
            """async (source) => {
                const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
                window.pad = await import(url);
            }""",
            pad_script(),
        )
        yield lambda pairs: page.evaluate(RUN, pairs)
        page.close()
        return
    folder = tmp_path_factory.mktemp("interpolation")
    (folder / "pad.mjs").write_text(pad_script(), "utf-8")
    (folder / "run.mjs").write_text(NODE, "utf-8")

    def run(pairs: list) -> list:
        done = subprocess.run(
            [node, folder / "run.mjs", (folder / "pad.mjs").as_uri()],
            input=json.dumps(pairs),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield run


def at_the_edge(a: np.ndarray, b: np.ndarray) -> bool:
    """Where rounding decides: whether codes are parallel, one has no length, or which of all ways
    leads to the opposite."""
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) < 2e-6:
        return min(lengths) > 5e-7
    cosine = np.clip(np.dot(a.astype(float), b.astype(float)) / np.prod(lengths), -1, 1)
    return cosine < 1e-3 - 1 or 1e-8 < 1 - cosine < 1e-5


# Each example starts a process and holds many pairs.
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(pair, min_size=PAIRS // 4, max_size=PAIRS))
def test_python_and_javascript_go_the_same_way(in_browser, pairs):
    pairs = [(a, b, spherical) for a, b, spherical in pairs if not at_the_edge(a, b)]
    found = in_browser([[a.tolist(), b.tolist(), spherical] for a, b, spherical in pairs])
    for (a, b, spherical), way in zip(pairs, found, strict=True):
        expected = interpolation(a, b, STEPS, spherical)
        # Python's shares are in float32, and near opposite codes the sine divides them.
        size = max(np.abs(a).max(), np.abs(b).max(), 1e-3)
        np.testing.assert_allclose(np.array(way), expected, atol=2e-3 * size, rtol=0)


def test_the_length_is_between_those_of_the_ends(in_browser):
    a, b = np.float32([2, 0.1]), np.float32([-1, 0.1])
    (way,) = in_browser([[a.tolist(), b.tolist(), True]])
    lengths = np.linalg.norm(np.array(way), axis=1)
    ends = np.linalg.norm(a), np.linalg.norm(b)
    np.testing.assert_allclose(lengths, np.linspace(*ends, STEPS), rtol=1e-5)
