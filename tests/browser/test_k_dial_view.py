"""The dial of k in Chromium inside Streamlit: what a hand on it shows, without the server."""

from __future__ import annotations

import pytest

APP = """
import numpy as np
from aecore.figures.chart import Axis, Chart, Line
from aecore.pad import pad_meta
from pages.components.k_dial import Drawn, k_dial

x = np.zeros((2, 1, 8, 8), np.float32)
x[1] = 0.2
drawn = [Drawn(np.stack([x + s, x + 2 * s]), np.full((2, 2), [[s, 2 * s]]),
               [f"all {s}", f"all {2 * s}"], ["50 %", "60 %"]) for s in (0.1, 0.3)]
axis = Axis("k", log=True, ticks=(1.0, 2.0))
lines = Line("AE", (1.0, 2.0), (0.5, 0.2)), Line("PCA", (1.0, 2.0), (0.6, 0.3), "pca")
charts = tuple(Chart(n, n, axis, Axis("y"), lines) for n in ("error", "meaning"))
k_dial(x, ["one", "two"], [1, 2], *drawn, charts=charts, heads=("all", "found"), note="unit",
       start=0, layout=pad_meta.layout((1, 8, 8), "image", (0.0, 1.0), []), key="dial")
"""
GREY = "canvas => canvas.getContext('2d').getImageData(4, 4, 1, 1).data[0]"
LARGE = "all => all.map((mark) => Number(mark.getAttribute('r')) > 4)"


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_one_turn_redraws_the_digit_by_both_and_marks_the_place(chromium, pad_app):
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(pad_app)
    page.locator("#strip button").first.wait_for(timeout=60_000)

    def grey(which: str) -> float:
        return page.locator(f"#{which}").evaluate(GREY) / 255

    def close(*expected: float) -> bool:
        found = [grey(which) for which in ("original", "model", "pca")]
        return all(abs(a - b) < 0.01 for a, b in zip(found, expected, strict=True))

    assert close(0, 0.1, 0.3)
    page.locator("#dial").focus()
    page.keyboard.press("End")
    assert close(0, 0.2, 0.6)
    assert page.locator("#dialText").inner_text().endswith("k: 2")
    assert page.locator("#error circle").evaluate_all(LARGE) == [False, True, False, True]
    # The line goes through the marks of the stop, down to the axis.
    ends = page.locator("#error .here").get_attribute("points").split()
    marked = float(page.locator("#error circle").nth(1).get_attribute("cx"))
    assert [float(end.split(",")[0]) for end in ends] == pytest.approx([marked, marked])
    assert float(ends[1].split(",")[1]) - float(ends[0].split(",")[1]) > 100
    page.locator("#strip button").nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert close(0.2, 0.4, 0.8)
    assert page.locator("#modelOne").inner_text() == "0.2000"
    assert page.locator("#pcaAll").inner_text() == "all 0.6"
    assert problems == []
    page.close()
