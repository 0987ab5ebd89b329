"""The dial of beta in Chromium: what a hand on it, or on the plane, shows without the server."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.evaluation.latent import decode_array
from aecore.lab import beta_dial

MEAN = """canvas => {
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 0; i < all.length; i += 4) sum += all[i];
  return sum / (all.length / 4) / 255;
}"""
CONTENT = "canvas => canvas.toDataURL()"


@pytest.fixture
def page(new_page, server):
    page = new_page(viewport={"width": 1280, "height": 720})
    page.sent = []
    page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: page.sent.append(frame))
    )
    page.goto(f"{server.url}/beta-dial")
    page.locator("#strip button").first.wait_for(timeout=120_000)
    page.wait_for_timeout(1000)
    assert page.sent
    return page


def drawn(page, which: str) -> float:
    return page.locator(f"#{which}").evaluate(MEAN)


def test_a_turn_redraws_plane_mosaic_and_digit_and_asks_nothing_of_the_server(page):
    said, digits, models = beta_dial.facts(), beta_dial.digits(0), beta_dial.models()
    del page.sent[:]
    dial = page.locator("#dial")
    seen = []
    for key, stop in (("Home", 0), ("End", len(models) - 1)):
        dial.focus()
        page.keyboard.press(key)
        seen.append([page.locator(f"#{one}").evaluate(CONTENT) for one in ("map", "mosaic")])
        # What the browser decodes is what the model does.
        expected = decode_array(models[stop], digits.mu[stop][:1])[0]
        assert drawn(page, "redrawn") == pytest.approx(float(expected.mean()), abs=0.004)
        error = np.square(expected - digits.x[0]).mean()
        assert page.locator("#redrawnText").inner_text() == f"Redrawn, {error:.4f}"
        wanted = beta_dial.says(said, said.stops[stop], with_noise=True)
        assert page.locator("#says").inner_text() == wanted
        radii = page.locator("#error circle").evaluate_all(
            "all => all.map((mark) => Number(mark.getAttribute('r')) > 4)"
        )
        assert radii == [i == stop for i in range(len(models))]
    assert all(a != b for a, b in zip(*seen, strict=True))
    # With a mouse too, and without the noise, another digit, another place.
    box = dial.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    assert page.locator("#dialText").inner_text().endswith("beta 3")
    before = page.locator("#map").evaluate(CONTENT)
    page.locator("#fed").uncheck()
    assert page.locator("#map").evaluate(CONTENT) != before
    assert page.locator("#says").inner_text() == beta_dial.says(said, said.stops[4], False)
    page.locator("#strip button").nth(3).click()
    assert page.locator("#original").get_attribute("aria-label").startswith("The original: 3")
    page.wait_for_timeout(300)
    assert page.sent == []


def test_what_is_under_the_hand_is_drawn(page):
    start = [stop.beta for stop in beta_dial.facts().stops].index(1.0)
    low, high = beta_dial.planes().windows[start]
    box = page.locator("#mosaic").bounding_box()
    share = np.array([0.9, 0.1])
    at = share * [box["width"], box["height"]]
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    z = [low[0] + share[0] * (high[0] - low[0]), high[1] - share[1] * (high[1] - low[1])]
    expected = decode_array(beta_dial.models()[start], np.array([z], np.float32))
    assert drawn(page, "pointed") == pytest.approx(float(expected.mean()), abs=0.01)
    said = ", ".join(f"{v:.1f}" for v in z).replace("-", "\N{MINUS SIGN}")
    assert page.locator("#pointedText").inner_text() == f"At {said}"


def test_on_a_phone_nothing_is_wider_than_it(page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for one in ("map", "mosaic", "dial", "says", "figures"):
        box = page.locator(f"#{one}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    sides = page.locator("#strip button").evaluate_all(
        "all => all.map((o) => o.getBoundingClientRect()).map((r) => Math.min(r.width, r.height))"
    )
    assert min(sides) >= 32
    # The plane that the dial changes stays in view with it.
    page.locator("#dial").scroll_into_view_if_needed()
    assert page.locator("#map").bounding_box()["y"] >= 0
