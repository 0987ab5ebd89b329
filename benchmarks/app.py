"""How quick the app feels, in headless Chromium; prints one JSON object.

python benchmarks/app.py [--repeat 5]

Seconds unless the name says milliseconds; medians. benchmarks/README.md says what each means.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WARM_UP = 20.0  # seconds until all workers have paid for their imports
WHOLE = 60.0  # at most so many until a page has computed all that it shows
COMPUTED = "This is being computed"  # what a page says until then
PAD_READY = """() => {
  const find = (root) => {
    for (const e of root.querySelectorAll("*")) {
      if (e.matches("canvas#big")) return e;
      if (e.shadowRoot) { const f = find(e.shadowRoot); if (f) return f; }
    }
    return null;
  };
  const canvas = find(document);
  if (!canvas || !canvas.width) return false;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((v, i) => i % 4 !== 3 && v > 20);
}"""


class App:
    """The app, started as the README says."""

    def __init__(self, runs: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.began = time.perf_counter()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        self.process = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=ROOT,
            env={**os.environ, "AECORE_RUNS": runs},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.url = f"http://127.0.0.1:{port}/"
        while True:
            try:
                urllib.request.urlopen(f"{self.url}_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(40)


def first_decode(browser, url: str) -> float:
    """Seconds from opening Home to its first decoded image."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(PAD_READY, polling=20, timeout=60_000)
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds


def press_to_point(browser, url: str) -> float:
    """Seconds from pressing start to the first point on the chart."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{url}train?preset=fast-start")
    page.get_by_role("button", name="Start training").wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    began = time.perf_counter()
    page.get_by_role("button", name="Start training").click()
    page.locator(".rv canvas[aria-label^='Held-out error']").wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    page.get_by_role("button", name="New run").wait_for(timeout=120_000)
    page.context.close()
    return seconds


def latent_space(browser, url: str, repeat: int) -> float:
    """Seconds from the click on Latent space to the map of 10,000 points drawn; warm."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(url)
    seconds = []
    for _ in range(repeat + 1):
        page.get_by_role("link", name="Home", exact=True).click()
        page.wait_for_function(PAD_READY, polling=50, timeout=60_000)
        page.wait_for_timeout(1000)
        began = time.perf_counter()
        page.get_by_role("link", name="Latent space", exact=True).click()
        page.locator(".pm #stage[data-renderer]").wait_for(timeout=60_000)
        seconds.append(time.perf_counter() - began)
    page.context.close()
    return statistics.median(seconds[1:])


def reruns(repeat: int) -> dict[str, float]:
    """Milliseconds that the server needs for a rerun of each page, in this process; of the page as
    it stands when all that it computes is there."""
    from streamlit.testing.v1 import AppTest

    from pages.shell.page import all_pages
    from pages.shell.streamlit_internals import navigation_stays

    logging.disable(logging.WARNING)
    found = {}
    with navigation_stays():
        for path, page in all_pages().items():
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
            app.switch_page(path).run()
            until = time.monotonic() + WHOLE
            while any(COMPUTED in c.value for c in app.caption) and time.monotonic() < until:
                time.sleep(0.2)
                app.run()
            times = []
            for _ in range(repeat + 1):
                began = time.perf_counter()
                app.run()
                times.append(time.perf_counter() - began)
            found[page.title] = round(1000 * statistics.median(times[1:]), 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    from playwright.sync_api import sync_playwright

    result = {"load_before": os.getloadavg()[0]}
    runs = tempfile.mkdtemp()
    os.environ["AECORE_RUNS"] = runs
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        starts = []
        for _ in range(3):
            app = App(runs)
            first_decode(browser, app.url)
            starts.append(time.perf_counter() - app.began)
            app.stop()
        result["start_to_home_decoding"] = starts
        app = App(runs)
        first_decode(browser, app.url)
        time.sleep(WARM_UP)
        opened = [first_decode(browser, app.url) for _ in range(repeat)]
        result["home_opened_to_first_decode"] = statistics.median(opened)
        result["latent_space_click_to_drawn"] = latent_space(browser, app.url, repeat)
        points = [press_to_point(browser, app.url) for _ in range(repeat)]
        result["start_pressed_to_first_point"] = points
        app.stop()
        browser.close()
    result["rerun_milliseconds"] = reruns(repeat)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
