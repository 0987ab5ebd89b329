"""Take the README's pictures of a running app again: python scripts/make_pictures.py URL

Needs Chromium. The check-up's picture is of a file from outside and is taken by hand.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
SIZE = {"width": 1280, "height": 820}


def pad(page: Page) -> None:
    page.locator("#where", has_text="=").wait_for()
    page.wait_for_timeout(1500)


def hover(page: Page, across: float, down: float) -> None:
    box = page.locator("#overlay").bounding_box()
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=5)
    page.wait_for_timeout(500)


def home(page: Page, url: str) -> None:
    page.goto(url)
    pad(page)
    hover(page, 0.3, 0.72)


def train(page: Page, url: str) -> None:
    page.goto(f"{url}/train?preset=vae-plane")
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("passed PCA", exact=False).or_(page.locator("#where", has_text="=")).wait_for()
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.wait_for_timeout(1000)


def reconstructions(page: Page, url: str) -> None:
    page.goto(f"{url}/reconstructions?model=vae-textbook")
    page.locator("h1").wait_for()
    page.wait_for_timeout(4000)


def latent(page: Page, url: str) -> None:
    page.goto(f"{url}/latent-space?model=vae-plane")
    page.locator(".js-plotly-plot canvas").first.wait_for()
    page.wait_for_timeout(4000)


def inside(page: Page, url: str) -> None:
    page.goto(f"{url}/inside?model=shapes-vae")
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(3000)


def draw(page: Page, url: str) -> None:
    page.goto(f"{url}/decode?model=vae-textbook")
    pad(page)
    page.get_by_role("tab", name="Draw your own").click()
    paper = page.locator("#paper")
    paper.evaluate("node => node.scrollIntoView({block: 'end'})")
    page.wait_for_timeout(300)
    box = paper.bounding_box()
    strokes = [(0.3, 0.25), (0.7, 0.22), (0.45, 0.8)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in strokes]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    page.mouse.up()
    page.wait_for_timeout(800)


def main() -> None:
    url = sys.argv[1].rstrip("/")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for take in (home, train, reconstructions, latent, inside, draw):
            page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
            take(page, url)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.convert("RGB").quantize(256).save(DOCS / f"{take.__name__}.png", optimize=True)
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
