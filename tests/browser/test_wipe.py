"""The wipe in Chromium inside Streamlit: what a hand on the handle and on the dial shows."""

from __future__ import annotations

import pytest

APP = """
import numpy as np
from aecore.pad import pad_meta
from pages.components.wipe import Dial, wipe

x = np.zeros((3, 1, 8, 8), np.float32)
x[1] = 0.2
errors = np.full((3, 3), [[0.3], [0.2], [0.1]])
dial = Dial([1, 2, 5], np.stack([x + 0.5, x + 0.6, x + 0.7]), errors,
            ["0.31", "0.21", "0.11"], 1, 2, "PCA needs 5 numbers.")
wipe([("Original", x), ("This model", x + 1)], dial, captions=["one", "two", "three"],
     errors=np.array([0.01, 0.02, 0.03]), held_out="0.02",
     layout=pad_meta.layout((1, 8, 8), "image", (0.0, 1.0), []), key="wipe")
"""
GREY = """(canvas, share) => {
    const context = canvas.getContext("2d");
    return context.getImageData(canvas.width * share, 20, 1, 1).data[0];
}"""

pytestmark = pytest.mark.parametrize("pad_app", [APP], indirect=True)


def test_the_handle_parts_two_versions_and_the_dial_changes_pca(chromium, pad_app):
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(pad_app)
    page.locator("#strip button").first.wait_for(timeout=60_000)
    picture = page.locator("#picture")

    def grey(share: float) -> int:
        return picture.evaluate(GREY, share)

    assert (grey(0.3), grey(0.7)) == (0, 255)  # the original on the left, the model on the right
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 100, steps=4)
    page.mouse.up()
    assert grey(0.3) == 255
    page.locator("#at").focus()
    page.keyboard.press("End")
    assert grey(0.7) == 0
    page.keyboard.press("Home")
    page.locator("#match").click()  # shows PCA
    assert page.locator("#right").inner_text() == "PCA, k = 5"
    assert abs(grey(0.7) - 0.7 * 255) <= 1
    page.locator("#dial").focus()
    page.keyboard.press("Home")
    assert page.locator("#right").inner_text() == "PCA, k = 1"
    assert abs(grey(0.7) - 0.5 * 255) <= 1
    assert page.locator("#pcaOne").inner_text() == "0.3000"
    assert page.locator("#pcaAll").inner_text() == "0.31"
    page.locator("#strip button").nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#which").inner_text() == "two"
    assert abs(grey(0.7) - 0.7 * 255) <= 1
    page.locator("#errors").click()  # half too bright: red, half seen through
    assert picture.evaluate(
        "c => { const d = c.getContext('2d').getImageData(c.width * .7, 20, 1, 1).data;"
        " return d[0] > d[2] && d[3] > 110 && d[3] < 145; }"
    )
    assert problems == []
    page.close()
