"""The map of points in Chromium inside Streamlit: what it draws, and what a hand does to it."""

from __future__ import annotations

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import ARGUMENTS

APP = """
import numpy as np, streamlit as st
from aecore.pad import pad_meta
from pages.components.point_map import Pictures, point_map, points_of

n = 1500
rng = np.random.default_rng(0)
labels = np.arange(n) % 2
side = np.where(labels == 0, -1.0, 1.0)  # the first class lies left, with PCA right
spread = rng.normal(size=(2, n, 2)) * 0.12
model = np.stack([side, 0 * side], 1) + spread[0]
pca = np.stack([-side, 0 * side], 1) + spread[1]
near = np.argsort(np.square(model[:60, None] - model[None]).sum(-1), 1)[:, 1:4]
images = rng.integers(0, 255, (60, 64), dtype=np.uint8)
layout = pad_meta.layout((1, 8, 8), "image", (0.0, 1.0), [])
pictures = Pictures(images, near, layout, (0.0, 1.0))
if st.checkbox("Another run"):
    st.text("run again")
chosen = point_map(
    points_of(model, pca, labels, pictures), pictures, key="map", what="it",
    titles=("PCA, k = 2", "This model"), axes=(("component 1", "component 2"), ("z1", "z2")),
    classes=(("cat", "#005fd5"), ("dog", "#e69f00")), thing="image", held_out=n, height=400,
    renderer=st.query_params.get("renderer", ""),
)
if chosen is not None:
    st.session_state.chosen = chosen
if "chosen" in st.session_state:
    found = st.session_state.chosen
    st.text(f"count {found.count} shown {len(found.indices)}")
    st.text(f"labels {sorted(set(labels[found.indices].tolist()))}")
"""
STATE = """(root) => {
    const {cloud, t, camera, contours, renderer} = root.pointMap.map;
    return {t, camera, renderer: renderer.name, contours, pca: [...cloud.pca],
            model: [...cloud.model], classes: [...cloud.classes]};
}"""
# The colour in the middle of a class's points; a name stands there, so a little above it.
COLOR = """(root, at) => {
    const {renderer: {canvas}, width} = root.pointMap.map;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0);
    const [x, y] = [canvas.width * at[0], canvas.height * at[1]];
    const {data} = context.getImageData(x - 14, y - 14, 28, 28);
    const sums = [0, 0, 0];
    for (let i = 0; i < data.length; i++) if (i % 4 < 3) sums[i % 4] += data[i];
    return sums.map((sum) => sum / 784);
}"""
LEFT, RIGHT = [0.16, 0.62], [0.84, 0.62]

pytestmark = pytest.mark.parametrize("pad_app", [APP], indirect=True, scope="module")


@pytest.fixture
def open_map(chromium, new_page, pad_app):
    def open_at(query: str = "", browser=chromium, **options):
        page = new_page(browser, viewport={"width": 900, "height": 700}, **options)
        page.goto(f"{pad_app}/?{query}")
        page.locator("#stage[data-renderer]").wait_for(timeout=60_000)
        page.wait_for_timeout(500)
        return page

    return open_at


def state(page) -> dict:
    return page.locator(".pm").evaluate(STATE)


def is_blue(page, place) -> bool:
    red, _, blue = page.locator(".pm").evaluate(COLOR, place)
    return blue > red + 15


def is_orange(page, place) -> bool:
    red, _, blue = page.locator(".pm").evaluate(COLOR, place)
    return red > blue + 15


def test_points_go_from_the_model_to_pca_and_back(open_map):
    page = open_map()
    assert is_blue(page, LEFT)
    assert is_orange(page, RIGHT)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "(root) => root.pointMap.map.t < 0.9 && root.pointMap.map.t > 0",
        arg=page.locator(".pm").element_handle(),
    )
    page.locator("#toPca[aria-pressed=true]").wait_for(timeout=5000)
    assert state(page)["t"] == 0
    assert is_orange(page, LEFT)
    assert is_blue(page, RIGHT)
    page.locator("#way").focus()
    page.keyboard.press("End")
    page.locator("#toModel[aria-pressed=true]").wait_for()
    page.wait_for_timeout(200)
    assert is_blue(page, LEFT)


def test_who_wants_no_motion_sees_none(open_map):
    page = open_map(reduced_motion="reduce")
    page.locator("#toPca").click()
    assert state(page)["t"] == 0


def test_a_lasso_catches_what_lies_in_it_and_is_drawn(open_map):
    page = open_map()
    page.locator("#legend button", has_text="dog").click()
    page.locator("#lasso").click()
    box = page.locator("#over").bounding_box()
    edge = [(0.01, 0.02), (0.99, 0.02), (0.99, 0.98), (0.01, 0.98), (0.01, 0.05)]
    corners = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in edge]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    # All of the class that is drawn but those few that lie beyond the edge of the map.
    page.get_by_text("labels [0]").wait_for(timeout=10_000)
    text = page.get_by_text("count").inner_text().split()
    assert 720 <= int(text[1]) <= 750
    assert text[3] == "24"
    assert page.locator("#counts li").count() == 1
    assert page.locator("#mosaic").is_visible()
    page.locator("#over").focus()
    page.keyboard.press("Escape")
    page.get_by_text("count 0").wait_for(timeout=10_000)
    assert page.locator("#caught").is_hidden()


def test_pointing_shows_an_example_and_a_click_chooses_it(open_map):
    page = open_map()
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(1)))
    page.reload()
    page.locator("#stage[data-renderer]").wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    sent.clear()
    overlay = page.locator("#over")
    box = overlay.bounding_box()
    place = {"x": box["width"] * LEFT[0], "y": box["height"] / 2}
    overlay.hover(position=place)
    page.locator("#tipText", has_text="cat").wait_for()
    assert sent == []
    overlay.click(position=place)
    page.get_by_text("count 1 shown 1").wait_for(timeout=10_000)
    assert "Nearest by code: cat, cat, cat" in page.locator("#said").inner_text()


def test_moving_sends_nothing_and_stays_when_the_page_runs_again(open_map):
    page = open_map()
    overlay = page.locator("#over")
    box = overlay.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=6)
    page.mouse.up()
    page.wait_for_timeout(400)
    moved = state(page)["camera"]
    assert moved["zoom"] > 1.5
    assert moved["x"] < 0
    # Once the hand rests everything is drawn sharply where it belongs.
    assert page.locator("#points").evaluate("node => node.style.transform") == ""
    page.get_by_text("Another run").click()
    page.get_by_text("run again").wait_for()
    assert state(page)["camera"] == moved
    overlay.focus()
    page.keyboard.press("0")
    assert state(page)["camera"] == {"x": 0, "y": 0, "zoom": 1}


def inside(lines: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Even-odd: whether each of points (n, 2) lies within lines of places (m, 2)."""
    odd = np.zeros(len(points), bool)
    x, y = points.T
    for line in lines:
        for (x0, y0), (x1, y1) in zip(line, np.roll(line, -1, 0), strict=True):
            if y0 != y1:
                crosses = (y0 > y) != (y1 > y)
                odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def test_within_a_contour_lies_half_of_a_class(open_map):
    found = state(open_map())
    classes = np.array(found["classes"])
    for layout, contours in zip(("pca", "model"), found["contours"], strict=True):
        points = np.array(found[layout]).reshape(-1, 2) / 16384
        for index in (1, 2):
            own = [c for c in contours if c["index"] == index]
            lines = [np.array(c["line"]).reshape(-1, 2) for c in own]
            share = inside(lines, points[classes == index]).mean()
            # The density is blurred and laid on a grid: a little more than half.
            assert 0.42 < share < 0.65, (layout, index, share)


def test_the_graphics_card_draws_the_same(chromium, open_map):
    """With a card that is computed on the processor, which alone is taken when asked for."""
    args = [a for a in ARGUMENTS if a != "--disable-gpu"]
    args += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    browser = chromium.browser_type.launch(executable_path=path, args=args)
    try:
        colors = {}
        for renderer in ("gl", "raster"):
            page = open_map(f"renderer={renderer}", browser)
            if state(page)["renderer"] != renderer:
                pytest.skip("this Chromium has no WebGL, not even on the processor")
            page.locator("#lines").click()
            page.wait_for_timeout(300)
            colors[renderer] = pixels(page.locator("#points").screenshot())
            page.close()
        ours, theirs = colors["raster"], colors["gl"]
        inked = (np.abs(ours - 255).sum(-1) > 60, np.abs(theirs - 255).sum(-1) > 60)
        both = (inked[0] & inked[1]).sum() / (inked[0] | inked[1]).sum()
        assert inked[0].sum() > 2000
        assert both > 0.6  # discs of 5 pixels, whose edges fall half a pixel apart
    finally:
        browser.close()


def pixels(png: bytes) -> np.ndarray:
    """A PNG as (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
