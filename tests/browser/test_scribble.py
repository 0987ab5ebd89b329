"""Damage by hand in Chromium inside Streamlit: strokes, holes by turns, the server's answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter

APP = """
import numpy as np, torch
from torch import nn
from aecore.pad import pad_meta
from aecore.pad.network import export_pair
from pages.components.scribble import Shown, scribble

# x_hat = x / 2 + 1 / 4, whose fixed point is 1 / 2; and one that gives back what it gets.
half, same = nn.Linear(64, 64), nn.Linear(64, 64)
with torch.no_grad():
    for layer, by, more in ((half, 0.5, 0.25), (same, 1.0, 0.0)):
        layer.weight.copy_(by * torch.eye(64)); layer.bias.fill_(more)
pair = [export_pair(nn.Flatten(), nn.Sequential(layer, nn.Unflatten(1, (1, 8, 8))),
                    shape=(1, 8, 8), latent_dim=64) for layer in (half, same)]

def later(seen, hole):
    return np.frombuffer(seen, np.uint8).astype(np.float32)[None] / 255 + (0.1 if hole else 0.0)

x = np.zeros((3, 1, 8, 8), np.float32)
x[1], x[2] = 1.0, 0.6
scribble(x, ["none", "all", "grey"],
         [Shown("Half", True, pair[0]), Shown("Same", True, pair[1]), Shown("Median", False),
          Shown("Later", False, later=0)],
         later, rounds=10, layout=pad_meta.layout((1, 8, 8), "image", (0.0, 1.0), []),
         note="unit", key="scribble")
"""
PIXELS = """canvas => [...canvas.getContext('2d').getImageData(0, 0, 8, 8).data]
    .filter((_, i) => i % 4 === 0)"""
ERRORS = "all => all.map((b) => parseFloat(b.textContent))"


@pytest.fixture
def opened(new_page, pad_app):
    page = new_page(viewport={"width": 1000, "height": 800})
    page.goto(pad_app)
    page.locator("#answers figure").first.wait_for(timeout=60_000)
    return page


def pixels(page, which) -> np.ndarray:
    found = page.locator("#paper") if which is None else page.locator("#answers canvas").nth(which)
    return np.array(found.evaluate(PIXELS), float).reshape(8, 8) / 255


def errors(page) -> list[float]:
    page.wait_for_function(
        """() => {
            const all = [];
            const walk = (node) => {
                all.push(...node.querySelectorAll("figcaption b"));
                for (const inner of node.querySelectorAll("*"))
                    if (inner.shadowRoot) walk(inner.shadowRoot);
            };
            walk(document);
            return all.length === 4 && all.every((b) => b.textContent !== "…");
        }"""
    )
    return page.locator("figcaption b").evaluate_all(ERRORS)


def drag(page, points) -> None:
    box = page.locator("#paper").bounding_box()
    for i, (across, down) in enumerate(points):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        if i == 0:
            page.mouse.down()
    page.wait_for_timeout(150)


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_a_stroke_is_mended_while_it_is_drawn_and_by_the_server_when_it_ends(opened):
    page = opened
    assert errors(page) == [0.0625, 0, 0, 0]
    assert "Nothing is damaged yet" in page.locator("#said").inner_text()
    page.locator("#thick").click()
    drag(page, [(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)])
    seen = pixels(page, None)
    assert seen[3:5, 1:7].min() > 0.4  # white, before it is let go
    assert seen[:2].max() == seen[6:].max() == 0
    assert np.allclose(pixels(page, 0), seen / 2 + 0.25, atol=0.01)
    assert np.allclose(pixels(page, 2), median_filter(seen, 3), atol=0.005)
    assert page.locator("figcaption b").last.inner_text() == "…"  # nobody has asked the server
    page.mouse.up()
    found = errors(page)
    left = np.square(seen).mean()
    expected = [np.square(seen / 2 + 0.25).mean(), left, np.square(median_filter(seen, 3)).mean()]
    assert found == pytest.approx([*expected, left], abs=2e-3)
    assert page.locator("figure.best").count() == 1
    said = page.locator("#said").inner_text()
    winner = ["Half", "Same", "Median", "Later"][int(np.argmin(found))]
    assert said.startswith(f"{winner} wins here")
    page.locator("[name=black]").click()
    drag(page, [(0.1, 0.5), (0.5, 0.5), (0.9, 0.5)])
    page.mouse.up()
    assert errors(page)[1] < 0.3 * found[1]  # soft edges stay a little
    page.locator("#clean").click()
    assert errors(page)[1] == 0


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_a_hole_is_filled_by_turns_and_what_is_known_stays(opened):
    page = opened
    page.locator("#strip button").first.focus()
    page.keyboard.press("ArrowLeft")  # from the first round to the last: all is .6
    assert page.locator("#turns").is_disabled()
    page.locator("#block").focus()
    page.keyboard.press("Enter")
    once = errors(page)
    assert once[1] == pytest.approx(0.36 * 9 / 64, abs=2e-3)  # a block of 3 × 3 pixels of .6
    assert once[0] > 0
    page.locator("#turns").click()
    page.wait_for_timeout(1500)
    filled = pixels(page, 0)
    in_hole = np.abs(filled - 0.6) > 0.02
    assert in_hole.sum() == 9
    assert filled[in_hole] == pytest.approx(0.5 * (1 - 2**-10), abs=0.005)
    assert errors(page)[0] == pytest.approx((0.6 - 0.4995) ** 2 * 9 / 64, abs=1e-4)
    # The server was told of the hole.
    assert errors(page)[3] != once[3]


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
def test_noise_follows_its_slider_by_key_and_the_next_example_keeps_it(opened):
    page = opened
    page.locator("#noise").focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    sigma = float(page.locator("#noise").input_value()) / 100
    assert sigma >= 0.3 - 1e-9
    seen = pixels(page, None)
    assert 0.2 < (seen > 0).mean() < 0.8  # half of it is below 0, and cut off
    page.locator("#after").click()
    assert page.locator("#paper").get_attribute("aria-label").startswith("all")
    assert pixels(page, None).std() > 0.05
    assert "as it is" in page.locator("#said").inner_text() or page.locator("figure.best").count()
