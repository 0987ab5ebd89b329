"""What a link, a file or a page on another port of this host can do to a browser that uses the app.

Cookies go to every port of a host. So there is a listener on another one, as anybody on the machine
may start it, and nothing of the app may ever be heard there.
"""

from __future__ import annotations

import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from aecore.runs import checkpoints
from pages.shell.owner import COOKIE
from pages.shell.page import all_pages
from pages.shell.plain_text import JOINER
from tests.browser.server import HEADINGS

SLOW = 120_000


class Listener(ThreadingHTTPServer):
    """A web server on another port of the same host; heard: the paths that it was asked for."""

    def __init__(self):
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/page":
            self.server.heard.append(self.path)  # pyright: ignore
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(SLOW)
    yield page
    context.close()


def hostile(place: str) -> list[str]:
    """Names that are an image, links or icons to Streamlit; short, as long ones are shown cut."""
    return [
        f"![x](//{place}/a) :smile:",
        f"http://{place}/b :material/home:",
        f"<img src=//{place}/c>",
        f"[d](//{place}/d) $x$ www.d.de",
    ]


def opened(page, address: str) -> None:
    page.goto(address)
    page.locator("h1").first.wait_for()
    page.get_by_test_id("stSidebar").get_by_text("Model in hand").wait_for()
    page.wait_for_timeout(300)


def carries_nothing(page, place: str) -> None:
    """Nothing on the page points to the other port, and what was named is no picture of it."""
    assert page.locator(f"[src*='{place}'], [href*='{place}'], [href*='www.d.de']").count() == 0
    assert page.get_by_test_id("stMain").locator("[aria-label='home icon']").count() == 0
    assert "😄" not in page.locator("body").inner_text()


ADDRESSES = (
    *("?model={}", "train?run={}", "train?watch={}", "train?dataset={}"),
    *("train?preset={}", "train?family={}", "data?dataset={}"),
)


@pytest.mark.parametrize("n", range(len(ADDRESSES)), ids=ADDRESSES)
def test_names_in_the_address_are_text(page, server, listener, n: int):
    names = hostile(listener.place)
    name = names[n % len(names)]
    opened(page, f"{server.url}/{ADDRESSES[n].format(quote(name, safe=''))}")
    alert = page.get_by_role("alert").first
    alert.wait_for()
    if "watch" not in ADDRESSES[n]:  # a token is not said again
        assert name[:18] in alert.inner_text().replace(JOINER, "")
    carries_nothing(page, listener.place)
    assert listener.heard == []


def test_names_in_files_are_text_on_every_page(page, server, listener, tmp_path):
    name = " ".join(hostile(listener.place))[:190]
    content = checkpoints.shipped()["deep-ae-3"].read_bytes()
    card = dataclasses.replace(checkpoints.read_header(content)[0], name=name)
    file = tmp_path / "model.safetensors"
    file.write_bytes(checkpoints.with_card(content, card))
    opened(page, f"{server.url}/runs")
    page.get_by_text("Open a checkpoint file").click()
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_url("**model=r*")
    for there in all_pages().values():
        pages = page.get_by_test_id("stSidebarNav")
        if there.listed:
            pages.get_by_role("link", name=there.title, exact=True).click()
        else:
            pages.get_by_role("link", name="Experiments", exact=True).click()
            page.get_by_role("heading", name="To play with").wait_for()
            main = page.get_by_test_id("stMain")
            main.get_by_role("link", name=there.title, exact=True).last.click()
        heading = HEADINGS.get(there.url, there.title)
        page.locator("h1").first.get_by_text(heading).wait_for()
        page.get_by_text("What am I looking at?").wait_for()
        page.wait_for_timeout(500)
        carries_nothing(page, listener.place)
    assert listener.heard == []


def test_names_in_a_table_are_text(page, server, listener, tmp_path):
    one, two, three, _ = hostile(listener.place)
    rows = [f"{i % 7},{i % 5},{'a' if i % 2 else three}" for i in range(60)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join([f"{one},{two},class", *rows]), "utf-8")
    opened(page, f"{server.url}/data")
    page.get_by_role("tab", name="Your own data").click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Keep it and train").wait_for()
    page.get_by_text("Classes: ").wait_for()
    carries_nothing(page, listener.place)
    assert listener.heard == []


ASKS = """async ({ app, session }) => {
  const socket = await new Promise((done) => {
    const tried = new WebSocket(`ws://${app}/_stcore/stream`, ["streamlit"]);
    tried.onopen = () => done("open");
    tried.onerror = () => done("refused");
  });
  const asked = async (path, options) => {
    try {
      const answer = await fetch(`http://${app}${path}`, { credentials: "include", ...options });
      return answer.type === "opaque" ? "opaque" : answer.status;
    } catch (error) { return "refused"; }
  };
  const image = await new Promise((done) => {
    const tried = new Image();
    tried.onload = () => done("shown");
    tried.onerror = () => done("refused");
    tried.src = `http://${app}/favicon.png`;
  });
  return {
    socket,
    image,
    put: await asked("/_stcore/upload_file/a/b", { method: "PUT", body: "x" }),
    get: await asked("/_stcore/health", {}),
    frame: await asked("/aecore/live/r000000000000", { mode: "no-cors" }),
  };
}"""


def test_a_page_on_another_port_reaches_nothing(page, server, listener):
    opened(page, server.url)  # there is a cookie now, which goes along
    page.goto(f"http://{listener.place}/page")
    found = page.evaluate(ASKS, {"app": server.url.removeprefix("http://")})
    assert found == dict.fromkeys(("socket", "image", "put", "get", "frame"), "refused")


def test_a_cookie_jar_of_other_apps_keeps_its_owner(page, server, listener):
    def owner() -> list[str]:
        return [c["value"] for c in page.context.cookies() if c["name"] == COOKIE]

    page.goto(f"http://{listener.place}/page")  # another app, on another port of the host
    for entry in ('prefs={"theme": "dark", "tabs": [1, 2]}', "last seen=a b c", 'odd="half'):
        page.evaluate("entry => { document.cookie = `${entry}; path=/`; }", entry)
    opened(page, server.url)  # the others' are older now, and sent before ours
    (before,) = owner()
    opened(page, f"{server.url}/runs")
    assert owner() == [before]
    (cookie,) = [c for c in page.context.cookies() if c["name"] == COOKIE]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
