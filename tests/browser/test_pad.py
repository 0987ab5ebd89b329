"""The pad in Chromium inside Streamlit: what a hand, a key and a rerun do to it."""

from __future__ import annotations

import pytest

APP = """
import numpy as np, streamlit as st, torch
from torch import nn
from aecore.pad import EpochFrame, build_bundle, export_pair, pack_frame, with_epochs
from pages.components.pad import latent_pad

k, n = int(st.query_params.get("k", 2)), 400
rng = np.random.default_rng(int(st.query_params.get("seed", 0)))
codes = rng.normal(size=(n, k)).astype(np.float32)
torch.manual_seed(1)
encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 2 * k))
decoder = nn.Sequential(nn.Linear(k, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
if "nan" in st.query_params:
    nn.init.constant_(decoder[0].bias, float("nan"))
network = export_pair(encoder, decoder, shape=(1, 8, 8), latent_dim=k, variational=True)
model = st.selectbox("Model", ["first", "second"])
bundle = build_bundle(
    None if "server" in st.query_params else network,
    shape=(1, 8, 8), variational=True, model_name=f"the {model} model",
    model_id=f"kin/{model}" if "kin" in st.query_params else model,
    codes=codes, images=rng.random((n, 1, 8, 8)), labels=np.arange(n) % 3,
    class_names=["cat", "dog", "owl"], held_out_errors=rng.random(50),
    why_no_network="This model is too large.",
)
if "time" in st.query_params and model == "first":
    bundle = with_epochs(bundle, available=[1, 2, 3], test_mse=[0.3, 0.2, 0.1])

def travel(epoch):
    with torch.no_grad():
        encoder[1].bias += 1
    past = export_pair(encoder, decoder, shape=(1, 8, 8), latent_dim=k, variational=True)
    return pack_frame(bundle, EpochFrame(epoch, codes[::-1] + 1, past))

start = st.selectbox("Start", [None, 0, 1])
mode = st.query_params.get("mode", "decode")
latent_pad(bundle, key="pad", mode=mode, walk=["cat", "owl"], travel=travel,
           start=None if start is None else codes[start],
           decode=lambda z, epoch: np.full(64, 0.2 if epoch == 2 else 0.5))
"""


@pytest.fixture
def open_pad(new_page, pad_app):
    def open_at(query: str = "", **options):
        page = new_page(**{"viewport": {"width": 1200, "height": 1000}, **options})
        page.goto(f"{pad_app}/?{query}")
        page.locator("#where", has_text="=").wait_for(timeout=60_000)
        return page

    return open_at


pytestmark = pytest.mark.parametrize("pad_app", [APP], indirect=True, scope="module")


def where(page) -> str:
    return page.locator("#where").inner_text()


def settled(page, text: str):
    page.get_by_text(text).wait_for(timeout=60_000)


def big(page) -> list[int]:
    """The decoded image's pixels, as they are on the screen."""
    read = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    return page.locator("#big").evaluate(read)


def draw(page):
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 150, steps=8)
    page.mouse.up()


def test_pointing_decodes_and_leaving_snaps_back(open_pad):
    page = open_pad()
    overlay = page.locator("#overlay")
    home, image = where(page), big(page)
    overlay.hover(position={"x": 100, "y": 100})
    page.wait_for_timeout(100)
    assert where(page) != home
    assert big(page) != image
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    assert (where(page), big(page)) == (home, image)


def test_a_click_chooses_reports_and_escape_undoes(open_pad):
    page = open_pad()
    home = where(page)
    overlay = page.locator("#overlay")
    overlay.click(position={"x": 60, "y": 60})
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    pinned = where(page)
    assert pinned != home
    overlay.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert where(page) != pinned
    page.keyboard.press("Enter")  # the nearest image
    settled(page, "The chosen image")
    page.get_by_role("button", name="Resample").click()
    settled(page, "Decoded from this point")
    for _ in range(4):
        overlay.press("Escape")
    page.wait_for_timeout(100)
    assert where(page) == home


def test_where_a_drag_ends_the_point_stays(open_pad):
    page = open_pad(has_touch=True)
    box = page.locator("#overlay").bounding_box()
    home, image = where(page), big(page)
    page.mouse.move(box["x"] + 50, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 90, steps=5)
    page.mouse.up()
    dragged = where(page)
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    assert where(page) == dragged != home
    assert big(page) != image
    # A finger: pressed, moved, lifted.
    devtools = page.context.new_cdp_session(page)
    for kind, x in (("touchStart", 80), ("touchMove", 140), ("touchMove", 260), ("touchEnd", 0)):
        points = [{"x": box["x"] + x, "y": box["y"] + 150}] if x else []
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_timeout(100)
    lifted = where(page)
    assert lifted != dragged
    page.wait_for_timeout(200)
    assert where(page) == lifted
    page.locator("#overlay").press("Escape")
    page.wait_for_timeout(100)
    assert where(page) == dragged


FAINT_INK = """c => {
    const at = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    let covered = 0;
    for (let i = 3; i < at.length; i += 4) covered += at[i] > 0;
    return covered / (at.length / 4);
}"""


def test_home_begins_with_pictures_and_walks_until_it_is_touched(open_pad):
    page = open_pad("mode=home", reduced_motion="no-preference")
    assert page.get_by_role("button", name="Images").get_attribute("aria-pressed") == "true"
    begun = where(page)
    page.wait_for_timeout(2000)
    on_its_way = where(page)
    assert on_its_way != begun
    assert page.locator("#points").evaluate(FAINT_INK) > 0.5  # the decoded plane lies everywhere
    page.get_by_role("button", name="Images").click()
    page.wait_for_timeout(100)
    touched = where(page)
    assert page.locator("#points").evaluate(FAINT_INK) < 0.5
    page.wait_for_timeout(1500)
    assert where(page) == touched


def test_nothing_walks_against_a_wish_for_less_motion(open_pad):
    page = open_pad("mode=home", reduced_motion="reduce")
    begun = where(page)
    page.wait_for_timeout(1500)
    assert where(page) == begun


def test_dragging_sends_nothing(open_pad):
    page = open_pad("k=5")
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(1)))
    page.reload()
    page.locator("#where", has_text="=").wait_for()
    page.wait_for_timeout(500)
    sent.clear()
    box = page.locator("#overlay").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=30)
    assert sent == []
    page.mouse.up()


def test_sliders_move_one_dimension_and_home_resets_it(open_pad):
    page = open_pad("k=6")
    assert page.locator(".slider").count() == 4
    slider = page.locator(".slider input").first
    label = page.locator(".slider output").first
    before, image = label.inner_text(), big(page)
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(150)
    assert label.inner_text() != before
    assert big(page) != image
    page.keyboard.press("Tab")  # a slider lets go
    assert not slider.evaluate("node => node.matches(':focus')")
    slider.press("Home")
    page.wait_for_timeout(150)
    assert (label.inner_text(), big(page)) == (before, image)
    shown = page.locator(".slider").evaluate_all("rows => rows.map(row => +row.dataset.d)")
    slider.press(str(min(set(range(6)) - set(shown)) + 1))  # folded away: its number unfolds it
    page.wait_for_timeout(150)
    assert page.locator(".slider").count() == 6


def test_a_number_opens_the_fold_again(open_pad):
    page = open_pad("k=6")
    folded = page.locator("#foldedSliders")
    page.locator("#foldText").click()
    folded.locator(".slider").first.wait_for()
    number = int(folded.locator(".slider").first.get_attribute("data-d")) + 1
    page.locator("#foldText").click()
    page.locator("#overlay").press(str(number))
    page.wait_for_timeout(100)
    assert folded.locator("input").first.evaluate("node => node.matches(':focus')")


def test_two_axes_are_never_the_same(open_pad):
    page = open_pad("k=5")
    across, up = page.locator("#axisX"), page.locator("#axisY")
    first, second = across.input_value(), up.input_value()
    across.select_option(second)
    assert (across.input_value(), up.input_value()) == (second, first)


def test_a_press_elsewhere_released_over_the_map_chooses_nothing(open_pad):
    page = open_pad()
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 60)
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] + 12)
    page.wait_for_timeout(100)
    before = where(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
    page.mouse.up()
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    assert where(page) == before


def test_drawing_is_encoded(open_pad):
    page = open_pad()
    page.get_by_role("tab", name="Draw your own").click()
    page.locator("#paper").click(position={"x": 90, "y": 90})  # a dot
    settled(page, "% of the held-out images' errors")
    page.get_by_role("button", name="Clear").click()
    settled(page, "Draw something")
    draw(page)
    settled(page, "% of the held-out images' errors")
    page.get_by_role("button", name="Clear").click()
    settled(page, "Draw something")


def test_a_journey_becomes_a_gif(open_pad, tmp_path):
    from PIL import Image

    page = open_pad()
    overlay = page.locator("#overlay")
    overlay.click(position={"x": 60, "y": 60})
    overlay.click(position={"x": 300, "y": 200})
    page.get_by_role("tab", name="Journeys").click()
    page.get_by_role("button", name="Go", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save GIF").click()
    download.value.save_as(tmp_path / "journey.gif")
    with Image.open(tmp_path / "journey.gif") as gif:
        assert gif.n_frames > 20
        first = gif.convert("L").resize((8, 8), Image.Resampling.NEAREST).tobytes()
    page.get_by_role("button", name="Stop").click()
    page.locator("#pins button").first.click()
    page.mouse.move(2, 2)
    page.wait_for_timeout(150)
    assert list(first) == big(page)[::4]


def test_time_travel_fetches_an_epoch_it_lacks(open_pad):
    page = open_pad("time=1")
    page.get_by_role("tab", name="Time travel").click()
    settled(page, "epoch 3 (newest), held-out error 0.1000")
    page.locator("#epoch").press("ArrowLeft")
    settled(page, "epoch 2, held-out error 0.2000")
    frames = "node => [...node.pad.chosen().frames.keys()]"
    page.wait_for_timeout(1500)
    assert page.locator(".lp").evaluate(frames) == [2]


def test_a_pin_goes_where_its_image_is_now(open_pad):
    page = open_pad("time=1")
    page.get_by_role("button", name="Any image").click()
    page.get_by_role("tab", name="Time travel").click()
    page.locator("#epoch").press("ArrowLeft")
    page.wait_for_timeout(1500)
    page.locator("#epoch").press("ArrowRight")
    page.wait_for_timeout(500)
    z = "({pad}) => [...pad.chosen().z]"
    now = page.locator(".lp").evaluate(z)
    page.get_by_role("button", name="Mean").click()
    page.get_by_role("tab", name="Journeys").click()
    page.locator("#pins button").first.click()
    assert page.locator(".lp").evaluate(z) == now


def test_undo_and_drawings_follow_the_epoch(open_pad):
    page = open_pad("time=1")
    z = "({pad}) => [...pad.chosen().z]"
    index = "({pad}) => pad.chosen().anchor?.index"
    code = "({pad}, i) => [...pad.chosen().frames.get(2).codes.subarray(2 * i, 2 * i + 2)]"
    page.get_by_role("button", name="Any image").click()
    chosen = page.locator(".lp").evaluate(index)
    page.get_by_role("button", name="Mean").click()
    page.get_by_role("tab", name="Time travel").click()
    page.locator("#epoch").press("ArrowLeft")
    settled(page, "epoch 2, held-out error 0.2000")
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Undo").click()
    assert page.locator(".lp").evaluate(index) == chosen
    assert page.locator(".lp").evaluate(z) == page.locator(".lp").evaluate(code, chosen)
    page.get_by_role("tab", name="Draw your own").click()
    draw(page)
    settled(page, "% of the held-out images' errors")
    drawn = page.locator(".lp").evaluate(z)
    page.get_by_role("tab", name="Time travel").click()
    page.locator("#epoch").press("ArrowRight")
    page.wait_for_timeout(300)
    encoded = "({pad}) => [...pad.chosen().network.encode(pad.chosen().anchor.x).mu]"
    assert page.locator(".lp").evaluate(z) == page.locator(".lp").evaluate(encoded)
    assert page.locator(".lp").evaluate(z) != drawn


def test_another_model_ends_the_film_and_the_journey(open_pad):
    page = open_pad("time=1")
    overlay = page.locator("#overlay")
    overlay.click(position={"x": 60, "y": 60})
    overlay.click(position={"x": 300, "y": 200})
    page.get_by_role("tab", name="Journeys").click()
    page.get_by_role("button", name="Go", exact=True).click()
    page.get_by_role("tab", name="Time travel").click()
    page.locator("#film").click()
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="second").click()
    settled(page, "The model changed: this is the second model.")
    page.get_by_role("tab", name="Journeys").click()
    assert page.locator("#play").inner_text() == "Play"
    image = big(page)
    overlay.hover(position={"x": 100, "y": 100})
    page.wait_for_timeout(150)
    assert big(page) != image


def test_the_page_can_say_where_to_go(open_pad):
    page = open_pad()

    def start(name: str) -> str:
        page.get_by_role("combobox", name="Start").click()
        page.get_by_role("option", name=name, exact=True).click()
        page.wait_for_timeout(900)
        return where(page)

    home = where(page)
    first, second = start("0"), start("1")
    assert len({home, first, second}) == 3
    page.locator("#overlay").click(position={"x": 60, "y": 60})
    page.mouse.move(2, 2)
    page.locator("#overlay").press("Escape")
    page.wait_for_timeout(100)
    assert where(page) == second
    assert start("0") == first


def test_a_model_told_another_label_keeps_the_point(open_pad):
    page = open_pad("kin=1")
    page.locator("#overlay").click(position={"x": 60, "y": 60})
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    chosen = where(page)
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="second").click()
    settled(page, "The model changed: this is the second model.")
    page.wait_for_timeout(200)
    assert where(page) == chosen


def test_another_model_is_announced_and_a_rerun_is_not(open_pad):
    page = open_pad()
    overlay = page.locator("#overlay")
    overlay.click(position={"x": 60, "y": 60})
    page.mouse.move(2, 2)
    page.wait_for_timeout(100)
    pinned = where(page)
    assert page.locator("#note").is_hidden()
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="second").click()
    settled(page, "The model changed: this is the second model.")
    page.wait_for_function(
        "([box, before]) => box.innerText !== before",
        arg=[page.locator("#where").element_handle(), pinned],
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nan=1", "contain NaN or infinity"),
        ("server=1", "This model is too large. The server decodes when you click."),
    ],
)
def test_what_cannot_be_decoded_here_is_said(open_pad, query, message):
    page = open_pad(query)
    settled(page, message)
    if "server" in query:
        settled(page, "Decoded from this point")
        assert set(big(page)[::4]) <= {127, 128}
        page.locator("#overlay").hover(position={"x": 60, "y": 60})
        settled(page, "Click to decode here.")
    assert set(big(page)[3::4]) == {0}  # no frozen picture


def test_where_the_server_decodes_it_decodes_the_epoch_that_is_shown(open_pad):
    page = open_pad("server=1&time=1")
    page.get_by_role("tab", name="Time travel").click()
    page.locator("#epoch").press("ArrowLeft")
    settled(page, "epoch 2, held-out error 0.2000")
    settled(page, "Decoded from this point")
    assert set(big(page)[::4]) == {51}


def test_it_fits_a_phone_and_answers_a_finger(open_pad):
    page = open_pad("k=5", viewport={"width": 360, "height": 740}, has_touch=True)
    home = where(page)
    page.locator("#overlay").tap(position={"x": 60, "y": 60})
    page.wait_for_timeout(200)
    assert where(page) != home
    wide = page.locator(".lp").evaluate("node => node.scrollWidth - node.clientWidth")
    assert wide <= 0


def test_on_a_phone_the_picture_stays_in_view_above_the_slider_that_a_finger_moves(open_pad):
    page = open_pad("k=5", viewport={"width": 360, "height": 600}, has_touch=True, is_mobile=True)
    slider = page.locator("#openSliders .slider").last
    slider.evaluate("node => node.scrollIntoView({block: 'end'})")
    picture, moved = page.locator("#big").bounding_box(), slider.bounding_box()
    assert page.locator("#map").bounding_box()["y"] < 0  # it was scrolled that far
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= moved["y"]
    assert moved["y"] + moved["height"] <= 600
    controls = page.locator(".lp button:visible, .lp select:visible, .lp [type=range]:visible")
    assert controls.evaluate_all("all => Math.min(...all.map((c) => c.offsetHeight))") >= 32
