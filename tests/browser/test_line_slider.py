"""The line through scores in Chromium: it stands on the chart's axis and follows the hand."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.lab.drawing_the_line import Scores

SCORES = """
draw = np.random.default_rng(0)
scores = Scores(draw.gamma(2, 1, 400).astype(np.float32), draw.gamma(2, 1, 900).astype(np.float32),
                draw.gamma(6, 1, 500).astype(np.float32))
"""
APP = f"""
import numpy as np, streamlit as st
from aecore.lab.drawing_the_line import Scores
from pages.components.line_slider import line_slider
{SCORES}
suggested = scores.suggested(5.0)
alarm = st.number_input("alarm", 0.0, 100.0, 1.0)
line_slider(scores.histogram(suggested, suggested, ("score", "of each"), ("usual", "strange")),
            scores, st.session_state.get("heard", suggested), suggested, (10.0, alarm), name="one",
            high=250.0, key="slider", moved=lambda line: st.session_state.update(heard=line))
st.markdown(f"heard {{st.session_state.get('heard', 'nothing')}}")
"""
#: Where the chart that is seen has its axis and its line, and the slider the middle of its thumb.
PLACES = """root => {
    const seen = [...root.querySelectorAll("svg")].find((s) => s.getBoundingClientRect().width);
    const middle = (box) => box.left + box.width / 2;
    const axis = seen.querySelector('polyline[stroke="currentColor"]').getBoundingClientRect();
    const input = root.querySelector("input");
    const box = input.getBoundingClientRect();
    const share = Number(input.value) / Number(input.max);
    const thumb = parseFloat(getComputedStyle(root).getPropertyValue("--thumb"));
    return {
        axis: [axis.left, axis.right],
        slider: [box.left + thumb / 2, box.right - thumb / 2],
        line: middle([...seen.querySelectorAll("polyline")].at(-1).getBoundingClientRect()),
        thumb: box.left + thumb / 2 + share * (box.width - thumb),
    };
}"""


def scores() -> Scores:
    found: dict = {"np": np, "Scores": Scores}
    exec(SCORES, found)
    return found["scores"]


@pytest.fixture
def opened(new_page, pad_app, request):
    page = new_page(viewport=dict(zip(("width", "height"), request.param, strict=True)))
    page.goto(pad_app)
    page.get_by_text("Your line:").wait_for(timeout=60_000)
    page.wait_for_timeout(300)
    return page


def places(page) -> dict:
    return page.locator(".ls").evaluate(PLACES)


def aligned(page) -> dict:
    found = places(page)
    assert found["slider"] == pytest.approx(found["axis"], abs=0.6)
    step = (found["axis"][1] - found["axis"][0]) / 400
    assert found["thumb"] == pytest.approx(found["line"], abs=step + 0.6)
    return found


SIZES = [(1280, 720), (1366, 768), (600, 800), (360, 740)]


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
@pytest.mark.parametrize("opened", SIZES, indirect=True)
def test_the_line_is_where_the_thumb_is_and_follows_it_at_once(opened):
    page, known = opened, scores()
    first = aligned(page)
    box = page.locator("#line").bounding_box()
    left, right = first["slider"]
    for share in (0.0, 0.3, 0.71, 1.0):
        page.mouse.move(first["thumb"], box["y"] + box["height"] / 2)
        page.mouse.down()
        x = left + share * (right - left)
        page.mouse.move(x, box["y"] + box["height"] / 2, steps=4)
        now = aligned(page)  # the hand has not let go
        assert now["line"] == pytest.approx(x, abs=2)
        low, high = known.span
        at = int(page.locator("#line").input_value()) / 400
        judged = known.judged(low + at * (high - low), 10.0, 1.0)
        raised, found = judged.shares
        expected = [f"{found:.1f} %", f"{raised:.1f} %", f"{judged.cost:,.0f}"]
        assert page.locator("#figures dd").all_inner_texts() == expected
        page.mouse.up()
        first = now


@pytest.mark.parametrize("pad_app", [APP], indirect=True)
@pytest.mark.parametrize("opened", SIZES[:1], indirect=True)
def test_the_page_hears_it_on_release_and_another_price_moves_no_line(opened):
    page, known = opened, scores()
    low, high = known.span
    page.locator("#line").focus()
    page.keyboard.press("End")
    page.get_by_text(f"heard {high}").wait_for()
    page.get_by_label("alarm").fill("5")
    page.keyboard.press("Enter")
    page.locator("#line").focus()
    page.keyboard.press("Home")
    page.get_by_text(f"heard {low}").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#line").input_value() == "0"
    cost = known.judged(low, 10.0, 5.0).cost
    assert page.locator("#figures dd").last.inner_text() == f"{cost:,.0f}"
    page.get_by_role("button", name="Suggested").click()
    page.get_by_text(f"heard {known.suggested(5.0)}").wait_for()
    aligned(page)
