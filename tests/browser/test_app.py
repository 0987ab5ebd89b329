"""The app as a person starts it and uses it, in a real browser."""

from __future__ import annotations

import re
import time

import pytest
import torch

from pages.shell.page import all_pages
from tests.browser.server import HEADINGS, ROOT, Server

# The default page lives at the root.
PAGES = [
    ("" if page.url == "home" else page.url, HEADINGS.get(page.url, page.title))
    for page in all_pages().values()
]
# What the browser refused because of the page's own policy: nothing, on any page.
MARK = "violates the policy:"
SAY_VIOLATIONS = f"""document.addEventListener("securitypolicyviolation", (event) =>
  console.log("{MARK}", event.effectiveDirective, event.blockedURI, event.sourceFile));"""
SLOW = 120_000  # milliseconds: continuous integration has two busy cores


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("runs"))
    yield server
    left = server.stop()
    for process in left:
        process.kill()
    assert not left, f"processes outlived the app: {left}"


@pytest.fixture
def visit(chromium, server):
    """Open a page of the app in a browser of its own; afterwards nothing may have gone wrong."""
    contexts, wrong = [], []

    def open_page(path: str = "", context=None, **options):
        if context is None:
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
            context.add_init_script(SAY_VIOLATIONS)
            contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if MARK in said.text else None)
        page.set_default_timeout(SLOW)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda r: None if local(r.url, server.url) else wrong.append(f"asked for {r.url}"),
        )
        page.goto(f"{server.url}/{path}")
        page.locator("h1").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def local(url: str, server: str) -> bool:
    return url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))


def metric(page, label: str):
    box = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return box.get_by_test_id("stMetricValue")


def live_figure(page, label: str):
    """A figure of the run in view, which its canvas shows."""
    box = page.locator(".rv-figure").filter(has=page.get_by_text(label, exact=True))
    return box.locator(".rv-value")


def has_text(locator, pattern: str) -> None:
    from playwright.sync_api import expect

    expect(locator).to_have_text(re.compile(pattern), timeout=SLOW)


def epochs(page):
    return page.get_by_role("spinbutton", name="Epochs")


def pixels(page, name: str) -> str:
    return page.locator(f"#{name}").evaluate("c => c.toDataURL()")


# The first test meets a server that nobody has visited: only then would Streamlit serve the
# folder pages/ in its old way.
@pytest.mark.parametrize(("url", "title"), PAGES[::-1])
def test_link_to_a_page_opens_it(visit, url: str, title: str):
    page = visit(url)
    assert page.locator("h1").first.inner_text() == title
    page.get_by_text("What am I looking at?").wait_for()
    assert not page.get_by_text("Page not found").count()
    assert not page.get_by_test_id("stException").count()
    assert not page.get_by_role("alert").count()


@pytest.mark.parametrize(("url", "title"), PAGES)
def test_page_fits_a_phone_in_the_dark(visit, url: str, title: str):
    page = visit(url, viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.get_by_text("What am I looking at?").wait_for()
    wider = page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
    )
    assert wider <= 0


def test_home_decodes_under_the_pointer_without_the_server(visit):
    page = visit()
    overlay = page.locator("#overlay")
    overlay.wait_for()
    page.wait_for_timeout(1500)  # whatever Streamlit still says after drawing
    frames = []
    # Playwright hears only of websockets opened after it listens: count in the page instead.
    page.evaluate(
        """() => {
          window.sent = 0;
          const send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (...data) {
            window.sent += 1;
            return send.apply(this, data);
          };
        }"""
    )
    box = overlay.bounding_box()
    before = pixels(page, "big")
    for share in (0.2, 0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=5)
        page.wait_for_timeout(60)
        frames.append(pixels(page, "big"))
    assert len({before, *frames}) == 5
    assert page.evaluate("() => window.sent") == 0


def test_train_steer_reload_watch_and_use(visit):
    from playwright.sync_api import expect

    page = visit("train?preset=vae-plane")
    started_long(page)
    page.locator(".rv canvas[aria-label^='Held-out error']").wait_for()
    page.get_by_role("button", name="Pause").click()
    has_text(live_figure(page, "State"), "Paused")
    page.get_by_role("button", name="Step", exact=False).first.click()
    has_text(live_figure(page, "State"), "Paused")

    link = page.url
    assert "run=r" in link
    page.reload()
    has_text(live_figure(page, "State"), "Paused")

    visit(link.split("/", 3)[3]).get_by_text("ask for its watch link").wait_for()
    page.get_by_role("button", name="Let others watch").click()
    page.get_by_role("button", name="Make a watch link").click()
    shared = page.get_by_test_id("stCode").get_by_text("watch=").inner_text()
    page.keyboard.press("Escape")
    other = visit(shared.split("/", 3)[3])
    other.get_by_text("neither steer it nor take").first.wait_for()
    has_text(live_figure(other, "State"), "Paused")
    for name in ("Resume", "Step", "Epoch", "Stop"):
        expect(other.get_by_role("button", name=name)).to_be_disabled()

    page.get_by_role("button", name="Resume").click()
    has_text(live_figure(page, "State"), "Training")
    has_text(live_figure(page, "Epoch"), r"^[3-9]|^[1-9]\d")
    page.get_by_role("button", name="Stop").click()
    has_text(live_figure(page, "State"), "Stopped")
    page.get_by_role("button", name="New run").wait_for()
    page.mouse.wheel(0, 3000)
    page.locator("#overlay").wait_for()

    page.get_by_role("link", name="Decode", exact=True).click()
    has_text(page.locator("h1").first, "Decode")
    assert re.search("model=r[0-9a-f]{12}", page.url)
    page.locator("#overlay").wait_for()
    box = page.locator("#overlay").bounding_box()
    page.wait_for_timeout(500)
    before = pixels(page, "big")
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"], steps=5)
    page.wait_for_timeout(200)
    assert pixels(page, "big") != before
    page.mouse.move(2, 2)
    page.get_by_role("tab", name="Time travel").click()
    page.wait_for_timeout(200)
    assert pixels(page, "big") == before
    page.locator("#epoch").press("ArrowLeft")  # an epoch that the page has to ask for
    page.get_by_text(re.compile(r"^epoch \d+, held-out error")).wait_for()
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[page.locator("#big").element_handle(), before],
    )


def started_long(page) -> None:
    """All of MNIST a thousand times: small data are through while a busy machine shows the page."""
    epochs(page).fill("1000")
    epochs(page).press("Enter")
    page.get_by_role("button", name="Start training").click()


class Traffic:
    """What a page is sent, in bytes, and how often it asks its session for anything."""

    def __init__(self, page):
        self.received = self.asked = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.dataReceived", self._data)
        session.on("Network.webSocketFrameReceived", self._frame)
        session.on("Network.webSocketFrameSent", self._sent)

    def _data(self, event: dict) -> None:
        self.received += event["encodedDataLength"]

    def _frame(self, event: dict) -> None:
        self.received += len(event["response"]["payloadData"]) * 3 // 4  # base64

    def _sent(self, event: dict) -> None:
        self.asked += 1


def test_a_live_run_is_sent_as_what_is_new_and_its_page_rests(visit):
    page = visit("train?preset=vae-plane")
    traffic = Traffic(page)
    started_long(page)
    has_text(live_figure(page, "State"), "Training")
    page.locator(".rv canvas[aria-label^='Held-out error']").wait_for()
    page.wait_for_timeout(2000)  # whatever Streamlit still says of the new state
    to_begin, asked, began = traffic.received, traffic.asked, time.monotonic()
    pace = live_figure(page, "Images a second")
    before = pace.inner_text()
    page.wait_for_timeout(5000)
    page.wait_for_function(
        "([cell, before]) => cell.textContent !== before", arg=[pace.element_handle(), before]
    )
    assert traffic.asked == asked
    lesson = to_begin + (traffic.received - to_begin) / (time.monotonic() - began) * 150
    assert to_begin < 1_000_000
    assert lesson < 6_000_000
    page.get_by_role("button", name="Stop").click()
    has_text(live_figure(page, "State"), "Stopped")


def test_where_the_stream_is_kept_back_the_page_brings_what_is_new(visit):
    page = visit("train?preset=vae-plane")
    page.route("**/aecore/live/**", lambda route: route.abort())
    traffic = Traffic(page)
    started_long(page)
    page.locator(".rv canvas[aria-label^='Held-out error']").wait_for()
    has_text(live_figure(page, "State"), "Training")
    page.get_by_role("button", name="Pause").click()
    has_text(live_figure(page, "State"), "Paused")
    page.get_by_role("button", name="Resume").click()
    has_text(live_figure(page, "State"), "Training")
    page.unroute("**/aecore/live/**")
    with page.expect_response(re.compile("/aecore/live/"), timeout=SLOW):
        pass
    page.wait_for_timeout(4000)  # the page learns of it, and runs once more
    asked = traffic.asked
    page.wait_for_timeout(7000)  # more than from one look to the next
    assert traffic.asked == asked
    page.get_by_role("button", name="Stop").click()
    has_text(live_figure(page, "State"), "Stopped")


def test_killed_worker_is_said_and_the_run_goes_on(visit, server):
    page = visit("train?preset=fast-start")
    epochs(page).fill("500")
    epochs(page).press("Enter")
    page.get_by_role("button", name="Start training").click()
    has_text(live_figure(page, "Epoch"), r"^[2-9]")  # the first epoch's weights have been fetched
    for process in server.workers():
        process.kill()
    page.get_by_text("It went on by itself").first.wait_for()
    has_text(live_figure(page, "State"), "Training")
    has_text(live_figure(page, "Epoch"), r"^[2-9]|^[1-9]\d")
    page.get_by_role("button", name="Stop").click()
    has_text(live_figure(page, "State"), "Stopped")


def test_files_that_are_no_checkpoints_get_one_sentence(visit, tmp_path):
    page = visit("runs")
    page.get_by_text("Open a checkpoint file").click()
    hostile = tmp_path / "model.pt"
    torch.save({"weights": torch.zeros(3)}, hostile)
    noise = tmp_path / "noise.safetensors"
    noise.write_bytes(bytes(range(256)) * 40)
    for file in (hostile, noise):
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("alert").get_by_text("not one of this app's checkpoints").wait_for()
        page.get_by_role("button", name=re.compile("Remove|Delete")).last.click()
        page.get_by_role("alert").wait_for(state="detached")
    page.locator("input[type=file]").set_input_files(ROOT / "checkpoints" / "deep-ae-3.safetensors")
    page.wait_for_url(re.compile("model=r[0-9a-f]{12}"))


def test_latent_space_catches_by_lasso_and_shows_a_clicked_image(visit):
    page = visit("latent-space", viewport={"width": 1280, "height": 1200})
    page.locator("#stage[data-renderer]").wait_for()
    page.get_by_text("Silhouette").first.wait_for()
    page.wait_for_timeout(1500)
    box = page.locator("#over").bounding_box()
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4
    page.locator("#lasso").click()
    page.mouse.move(x, y)
    page.mouse.down()
    for dx, dy in ((90, 0), (90, 90), (0, 90), (0, 4)):
        page.mouse.move(x + dx, y + dy, steps=6)
    page.mouse.up()
    page.get_by_text(re.compile("images chosen")).wait_for()
    assert int(page.locator("#caughtText").inner_text().split()[0].replace(",", "")) > 24
    page.locator("#clear").click()
    page.locator("#lasso").click()
    page.locator("#over").focus()
    page.keyboard.press("Enter")
    page.get_by_text("its nearest neighbours by code").wait_for()
