"""A person survives: F5, a line that was away for longer than a session lives, a server that is
killed and started again. Nobody does anything but wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import threading
from pathlib import Path

import pytest

from aecore import places
from tests.browser.server import Server

SLOW = 120_000  # milliseconds: continuous integration has two busy cores
SECRET = "the-secret-of-the-teacher"
FORGETS = 2  # seconds after which Streamlit forgets a lost session here


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("runs"),
        STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL=str(FORGETS),
        **{
            places.TEACHER_KEY_VARIABLE: hashlib.sha256(SECRET.encode()).hexdigest(),
            places.URL_VARIABLE: "http://192.168.1.5:8501",
        },
    )
    yield server
    for process in server.stop():
        process.kill()


class Line:
    """The way between browser and server, which can be away: a relay of connections. Chromium's own
    being offline leaves open websockets alone."""

    def __init__(self, port: int):
        self._port, self._away = port, False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = (
                        None if self._away else socket.create_connection(("127.0.0.1", self._port))
                    )
                except OSError:
                    far = None
                if far is None:
                    near.close()
                    continue
                self._open += [near, far]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    @staticmethod
    def _carry(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := a.recv(65_536):
                b.sendall(part)
        for end in (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self._away = True
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def mend(self) -> None:
        self._away = False

    def close(self) -> None:
        self.cut()
        self._listener.close()


@pytest.fixture
def line(server):
    line = Line(server.port)
    yield line
    line.close()


@pytest.fixture
def context(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SLOW)
    yield context
    context.close()


def opened(context, address: str):
    page = context.new_page()
    page.goto(address)
    page.locator("h1").first.wait_for()
    return page


def in_hand(page, title: str) -> None:
    from playwright.sync_api import expect

    box = page.get_by_test_id("stSidebar").get_by_role("combobox").first
    expect(box).to_have_value(title, timeout=SLOW)


def take(page, title: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("combobox").first.click()
    page.get_by_role("option", name=title, exact=True).click()
    in_hand(page, title)


def epochs(page):
    return page.get_by_role("spinbutton", name="Epochs")


def choose(page, server, number: int) -> None:
    """Choose how many epochs, and wait until the server has heard it."""
    epochs(page).fill(str(number))
    epochs(page).press("Enter")
    folder = Path(server.environment["AECORE_RUNS"]) / "visits"
    for _ in range(SLOW // 100):
        if any(f'"epochs": {number}' in file.read_text() for file in folder.iterdir()):
            return
        page.wait_for_timeout(100)
    raise AssertionError("the choice was not noted")


@pytest.mark.timeout(900)
def test_choices_and_the_model_in_hand_come_back(context, server):
    """After F5, and after the server was killed and started again."""
    from playwright.sync_api import expect

    page = opened(context, f"{server.url}/train?dataset=digits")
    take(page, "Deep autoencoder, 3 numbers")
    choose(page, server, 777)
    page.reload()
    in_hand(page, "Deep autoencoder, 3 numbers")
    expect(epochs(page)).to_have_value("777", timeout=SLOW)
    choose(page, server, 778)
    server.kill()
    server.start()
    in_hand(page, "Deep autoencoder, 3 numbers")
    expect(epochs(page)).to_have_value("778", timeout=SLOW)
    # In a new tab at the bare address too; and two tabs may hold different models.
    other = opened(context, f"{server.url}/train")
    in_hand(other, "Deep autoencoder, 3 numbers")
    take(other, "VAE on a plane")
    page.reload()
    in_hand(page, "Deep autoencoder, 3 numbers")


@pytest.mark.timeout(900)
def test_the_run_in_view_comes_back(context, server, line):
    """After the line was away for longer than a session lives, and after kill -9 of the server."""
    page = opened(context, f"{line.url}/train?dataset=digits")
    epochs(page).fill("1000")
    epochs(page).press("Enter")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile("run=r"))
    run = re.search(r"run=(r\w+)", page.url)[1]
    page.get_by_role("button", name="Pause").first.click()
    page.get_by_role("button", name="Resume").first.wait_for()
    line.cut()
    page.wait_for_timeout(1000 * (FORGETS + 3))
    line.mend()
    page.get_by_role("button", name="Resume").first.click()  # by another session, as its owner
    page.get_by_role("button", name="Pause").first.wait_for()
    assert run in page.url

    other = opened(context, f"{line.url}/train")
    other.get_by_role("button", name="Pause").first.wait_for()
    other.close()

    server.kill()
    server.start()
    # The cluster went with the app; the page comes back by itself, with the run, which can go on.
    page.get_by_text("The server was restarted during this run").first.wait_for()
    page.get_by_role("button", name="Train further").wait_for()
    assert run in page.url


def test_the_teachers_page_is_found_by_its_link_alone(context, server):
    from playwright.sync_api import expect

    page = opened(context, f"{server.url}/")
    nav = page.get_by_test_id("stSidebarNav")
    nav.get_by_role("link", name="Train").wait_for()
    assert not nav.get_by_role("link", name="Class").count()
    page.goto(f"{server.url}/teacher")
    page.locator("h1").first.wait_for()
    assert not page.get_by_role("button", name="Close the door").count()
    page.goto(f"{server.url}/{places.TEACHER_LINK}{SECRET}")
    page.get_by_role("button", name="Close the door").click()
    assert SECRET not in page.url
    page.get_by_text("http://192.168.1.5:8501").wait_for()
    box = page.locator("svg.segno").bounding_box()
    assert box["width"] > 300
    assert box["y"] + box["height"] < 720
    page.get_by_role("button", name="Open the door").wait_for()

    stranger = context.browser.new_context()
    late = stranger.new_page()
    late.goto(f"{server.url}/")
    late.get_by_text("The door is closed").wait_for()
    page.get_by_role("button", name="Open the door").click()
    expect(page.get_by_role("button", name="Close the door")).to_be_visible(timeout=SLOW)
    late.goto(f"{server.url}/")
    late.locator("h1").first.wait_for()
    stranger.close()
