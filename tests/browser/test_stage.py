"""Every page at the sizes that it is looked at in: its stage is complete above the fold, nothing
goes wrong and nobody is kept out.

A page is opened once a size, and the tests ask what was seen there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest

from aecore.places import TEACHER_KEY_VARIABLE
from pages.shell.page import all_pages
from pages.shell.teacher import COOKIE
from tests.browser.server import Server

URLS = [page.url for page in all_pages(teacher=True).values()]
# A projector, a laptop in the dark, a phone.
SIZES: dict[str, dict] = {
    "1280x720": {"viewport": {"width": 1280, "height": 720}},
    "1366x768": {"viewport": {"width": 1366, "height": 768}, "color_scheme": "dark"},
    "360x740": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}
SLOW = 120_000  # milliseconds: continuous integration has two busy cores
SECRET = "the teacher's"
# What has been drawn stays where it is: nothing runs, nothing waits, the stage keeps its size.
SETTLED = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const waits = "[data-testid=stSpinner], [data-testid=stSkeleton], [data-stale=true]";
  const stage = document.querySelector(".st-key-stage")?.getBoundingClientRect();
  const now = stage && [stage.top, stage.bottom].join();
  window.stageSame = now && window.stageBefore === now ? (window.stageSame ?? 0) + 1 : 0;
  window.stageBefore = now;
  const still = app.dataset.testScriptState === "notRunning" && !document.querySelector(waits);
  const waiting = /is being computed/.test(stage?.innerText ?? "");
  return still && !waiting && window.stageSame > 2;
}"""
# Tall enough to be what one looks at; in components too, whose parts lie in shadow trees.
MEASURED = """() => {
  const stage = document.querySelector(".st-key-stage");
  const found = [];
  const walk = (node) => {
    for (const child of node.children) {
      const box = child.getBoundingClientRect();
      if (child.matches("canvas, img, svg, table") && box.width >= 96 && box.height >= 40)
        found.push(box);
      if (child.shadowRoot) walk(child.shadowRoot);
      walk(child);
    }
  };
  walk(stage);
  const main = document.querySelector("[data-testid=stMain]");
  return {
    bottom: stage.getBoundingClientRect().bottom,
    picture: found.length ? found[0].bottom : null,
    wider: main.scrollWidth - main.clientWidth,
    wrong: [...document.querySelectorAll("[data-testid=stException], [data-testid=stAlert]")]
      .map((box) => box.innerText),
  };
}"""
# What a finger misses: controls that are not hit 15 px left, right, above or below their middle,
# wherever their label, or the row that ticks them, takes the touch for them. Links within sentences
# and what is disabled are no matter.
MISSED = """() => {
  const roles = ["button", "tab", "slider", "radio", "checkbox", "switch"];
  const all = ["button", "select", "input", "summary", ...roles.map((r) => `[role=${r}]`)].join();
  const missed = [];
  const above = (node) => node.assignedSlot ?? node.parentNode ?? node.host;
  const controls = (node) => [...node.children].flatMap((child) => [
    ...(child.matches(all) ? [child] : []),
    ...(child.shadowRoot ? controls(child.shadowRoot) : []),
    ...controls(child),
  ]);
  const deepest = (x, y) => {
    let found = document.elementFromPoint(x, y);
    while (found?.shadowRoot) {
      const within = found.shadowRoot.elementFromPoint(x, y);
      if (!within || within === found) break;
      found = within;
    }
    return found;
  };
  for (const control of controls(document.querySelector("[data-testid=stMain]"))) {
    const style = getComputedStyle(control);
    if (control.disabled || control.type === "file" || style.visibility === "hidden") continue;
    if (control.type === "range" || control.closest("[aria-hidden=true], [inert]")) continue;
    const owner = (control.matches("input") && control.closest("label, [role=row]")) || control;
    // Streamlit's tools of a picture are there for who points at it.
    if (!owner.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    owner.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = owner.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const hit = (dx, dy) => {
      for (let node = deepest(x + dx, y + dy); node; node = above(node))
        if (node === owner || node === control || node.control === control) return true;
      return false;
    };
    if (!hit(0, 0)) continue;  // something lies over it, or it is out of a list that is pushed
    const way = [[-15, 0], [15, 0], [0, -15], [0, 15]].filter((by) => !hit(...by));
    if (way.length) missed.push(`${owner.outerHTML.slice(0, 160)} ${box.width}x${box.height}`);
  }
  return missed;
}"""
# The button in the sidebar does the same, and asks for the full screen, which changes the window.
PRESENT = "(on) => document.documentElement.classList.toggle('presenting', on)"
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
}
# Streamlit's own list of pages has headings between its items. What is ours has no excuse.
THEIRS = {"list", "listitem"}
BARRED = """async (options) => {
  const { violations } = await axe.run(options);
  return violations.map(({ id, impact, nodes }) => ({
    id, impact,
    nodes: nodes.map(({ target, html }) => ({
      html,
      where: target.flat().join(" "),
      nav: target.length === 1 && typeof target[0] === "string" &&
        Boolean(document.querySelector(target[0])?.closest("[data-testid=stSidebarNav]")),
    })),
  }));
}"""


@dataclass
class Seen:
    """What stood on a page: pixels from the top of the window."""

    bottom: float
    picture: float | None
    wider: float
    wrong: list[str]
    heard: list[str] = field(default_factory=list)
    barred: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    presented: dict = field(default_factory=dict)  # the same in larger type, on a projector


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    key = hashlib.sha256(SECRET.encode()).hexdigest()
    server = Server(tmp_path_factory.mktemp("runs"), **{TEACHER_KEY_VARIABLE: key})
    yield server
    for process in server.stop():
        process.kill()


@pytest.fixture(scope="module")
def look(chromium, server):
    """Open a page at a size, once for all tests."""
    axe = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    contexts, seen = {}, {}

    def at(url: str, size: str) -> Seen:
        if size not in contexts:
            contexts[size] = chromium.new_context(**SIZES[size])
            contexts[size].add_cookies([{"name": COOKIE, "value": SECRET, "url": server.url}])
        if (url, size) not in seen:
            seen[url, size] = _look(contexts[size].new_page(), server.url, url, axe)
        return seen[url, size]

    yield at
    for context in contexts.values():
        context.close()


def _look(page, address: str, url: str, axe: str) -> Seen:
    heard: list[str] = []

    page.set_default_timeout(SLOW)
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(f"{address}/{'' if url == 'home' else url}")
    page.locator(".st-key-stage").wait_for()
    page.wait_for_function(SETTLED, polling=400)
    page.wait_for_timeout(600)  # what is new has faded in
    for _ in range(40):  # a picture comes when its script has what it draws
        measured = page.evaluate(MEASURED)
        if measured["picture"] is not None:
            break
        page.wait_for_timeout(500)
    seen = Seen(**measured, heard=heard)
    if page.viewport_size["width"] < 640:  # the same page as at the first size
        seen.missed = page.evaluate(MISSED)
        page.close()
        return seen
    if page.viewport_size == SIZES["1280x720"]["viewport"]:
        seen.presented = _presented(page)
    page.evaluate(axe)
    for _ in range(3):  # a part that runs again while axe looks is faded for a moment
        seen.barred = _barred(page)
        if not seen.barred:
            break
        page.wait_for_timeout(1500)
        page.wait_for_function(SETTLED, polling=400)
    page.close()
    return seen


def _presented(page) -> dict:
    """What stands there while presenting; the page is as it was afterwards."""
    page.evaluate(PRESENT, True)
    page.wait_for_function(SETTLED, polling=400)
    page.wait_for_timeout(600)
    measured = page.evaluate(MEASURED)
    page.evaluate(PRESENT, False)
    page.wait_for_function(SETTLED, polling=400)
    return measured


def _barred(page) -> list[str]:
    found_here = []
    for found in page.evaluate(BARRED, AXE):
        ours = [n for n in found["nodes"] if not (n["nav"] and found["id"] in THEIRS)]
        if ours and found["impact"] in ("serious", "critical"):
            nodes = "; ".join(f"{n['where'][-80:]} {n['html'][:160]}" for n in ours[:4])
            found_here.append(f"{found['impact']} {found['id']}: {nodes}")
    return found_here


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("url", URLS)
def test_stage_is_complete_above_the_fold(look, url: str, size: str):
    seen, height = look(url, size), SIZES[size]["viewport"]["height"]
    if "is_mobile" in SIZES[size]:
        assert seen.picture is not None, "the stage has no picture"
        assert seen.picture <= height
    else:
        assert seen.bottom <= height


@pytest.mark.parametrize("url", URLS)
def test_stage_is_complete_while_presenting(look, url: str):
    seen = look(url, "1280x720").presented
    assert seen["bottom"] <= 720
    assert seen["wider"] <= 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("url", URLS)
def test_nothing_goes_wrong_and_nothing_scrolls_sideways(look, url: str, size: str):
    seen = look(url, size)
    assert seen.wider <= 0
    assert not seen.wrong
    assert not seen.heard


@pytest.mark.parametrize("size", [size for size in SIZES if "is_mobile" not in SIZES[size]])
@pytest.mark.parametrize("url", URLS)
def test_nobody_is_kept_out(look, url: str, size: str):
    assert not look(url, size).barred, "\n".join(look(url, size).barred)


@pytest.mark.parametrize("url", URLS)
def test_a_finger_hits_every_control(look, url: str):
    missed = look(url, "360x740").missed
    assert not missed, "\n".join(missed)
