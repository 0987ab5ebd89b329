"""The view of a run in Chromium, given what a stream would bring: the network while it learns, a
step's loss before and after, and the way back to the best epoch."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from aecore.pad.browser_code import joined

COMPONENTS = Path(__file__).parents[2] / "pages" / "components"
MOUNT = """async ([source, page]) => {
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const { default: runView } = await import(url);
  window.sent = [];
  window.show = (page) => runView({
    data: page, parentElement: document.body,
    setTriggerValue: (name, value) => window.sent.push([name, value]),
  });
  window.show(page);
}"""
INK = """c => {
  const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
  let sums = {ink: 0, blue: 0, green: 0};
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 8) continue;
    sums.ink += 1;
    if (data[i + 2] > data[i] + 60 && data[i + 2] > data[i + 1] + 40) sums.blue += 1;
    if (data[i + 1] > data[i] + 60 && data[i + 1] > data[i + 2] + 20) sums.green += 1;
  }
  return sums;
}"""


def b64(values) -> str:
    return base64.b64encode(np.asarray(values, np.uint8).tobytes()).decode()


def layer(part: str, n: int, change: float | None, **more) -> dict:
    values = b64(np.linspace(0, 255, n))
    shape = {"part": part, "shape": [n], "of": n, "values": values, "low": 0.0, "high": 1.0}
    return {**shape, "change": change, **more}


def frame(error: float, **more) -> dict:
    """Everything that a view shows of a run at an error; PCA's is 0.05, the mean's 0.2."""
    picture = {"part": "decoder", "shape": [1, 4, 4], "of": 1, "low": 0.0, "high": 1.0}
    picture |= {"values": b64(np.linspace(0, 255, 16)), "change": 0.002}
    return {
        "after": "1",
        "reset": True,
        "run": "r/1",
        "kind": "image",
        "shape": [1, 4, 4],
        "figures": [],
        "words": "",
        "live": True,
        "damaged": False,
        "colors": ["#08c"],
        "heldout": [[100, 0.2], [200, error]],
        "whole": [[100, 0.15], [200, error]],
        "mean": 0.2,
        "pca": 0.05,
        "pca_name": "PCA-2",
        "passed": None,
        "total": 400,
        "sample": b64(range(16)),
        "x_hat": b64(range(16)),
        "pca_sample": b64(range(16)),
        "count": 1,
        "entering": {**picture, "part": "input", "change": None},
        "layers": [layer("encoder", 12, 0.03), layer("encoder", 2, 0.01), picture],
        "step": 1,
        "alone": None,
        "best": [100, 0.15, 1],
        "back": True,
        **more,
    }


@pytest.fixture
def mounted(chromium):
    context = chromium.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.set_content(
        "<style>.rv{display:grid;width:900px}canvas{width:400px}</style><div class=rv>"
    )
    page.add_style_tag(path=COMPONENTS / "run_view.css")
    yield page
    assert page.problems == []
    context.close()


def shown(page, data: dict, mine: bool = True, first: bool = False) -> None:
    given = {"run": "r/1", "kind": "image", "stream": None, "mine": mine, "frame": data}
    if first:
        page.evaluate(MOUNT, [joined(COMPONENTS / "run_view.js"), given])
    else:
        page.evaluate("page => window.show(page)", given)
    page.wait_for_timeout(1000)  # a pulse takes .7 s


def network(page):
    return page.locator("canvas[aria-label^='The network']")


def test_the_hourglass_fills_on_the_way_to_pca_and_turns_green_past_it(mounted):
    shown(mounted, frame(0.1), first=True)
    assert "50 % of the way to PCA-2" in network(mounted).get_attribute("aria-label")
    half = network(mounted).evaluate(INK)
    assert half["blue"] > 300
    shown(mounted, frame(0.07, step=2))
    more = network(mounted).evaluate(INK)
    assert more["ink"] >= half["ink"] > 0
    shown(mounted, frame(0.04, step=3))
    assert "full: past PCA-2" in network(mounted).get_attribute("aria-label")
    assert network(mounted).evaluate(INK)["green"] > more["green"] + 300


def test_a_step_alone_shows_its_loss_before_and_after_and_what_moved(mounted):
    moved = [layer("encoder", 12, 0.03, moved=b64(range(0, 240, 20)), share_moved=0.25)]
    data = frame(0.1, step=1234, alone=[1234, 41.5, 40.25], layers=moved)
    shown(mounted, data, first=True)
    label = network(mounted).get_attribute("aria-label")
    assert "Step 1,234: loss on its batch 41.50 \u2192 40.25" in label
    assert "only 25 % of the weights moved" in label
    shown(mounted, frame(0.1, step=1300, alone=[1234, 41.5, 40.25]))
    assert "loss on its batch" not in network(mounted).get_attribute("aria-label")


def test_the_way_back_to_the_best_epoch_is_a_button_for_its_owner(mounted):
    shown(mounted, frame(0.16), first=True)
    button = mounted.get_by_role("button", name="Go back here: epoch 1")
    box = button.bounding_box()
    chart = mounted.locator("canvas[aria-label^='Held-out']").bounding_box()
    assert chart["x"] <= box["x"]
    assert box["x"] + box["width"] <= chart["x"] + chart["width"]
    assert box["height"] >= 32
    button.click()
    assert mounted.evaluate("window.sent") == [["back", {"epoch": 1, "run": "r/1"}]]
    assert button.is_disabled()  # until something comes of it
    shown(mounted, frame(0.16), mine=False)
    assert button.is_hidden()
    shown(mounted, frame(0.16, back=False))
    assert button.is_hidden()
