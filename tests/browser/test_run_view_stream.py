"""The browser's reader of a run's stream: it comes back where it was, rests unseen, says what it
gets. The clock and the network are the test's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aecore.pad.browser_code import joined

ROOT = Path(__file__).parents[2]
READER = ROOT / "pages" / "components" / "run_view_stream.js"
# A server of which the test says what each request gets: lines, and whether it then breaks.
SERVER = """async ([source, answers]) => {
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const { followRun } = await import(url);
  Object.assign(window, { asked: [], lines: [], reach: [], hiddenNow: false });
  window.answers = JSON.parse(answers);
  Object.defineProperty(document, "hidden", { get: () => window.hiddenNow });
  window.fetch = async (url, { signal }) => {
    window.asked.push(url.searchParams.get("after") ?? "");
    const answer = window.answers.shift();
    if (!answer) return new Promise((_, no) => signal.onabort = () => no("aborted"));
    if (answer === "refused") throw new TypeError("refused");
    const text = answer.lines.map((line) => line && JSON.stringify(line)).join("\\n") + "\\n";
    const bytes = new TextEncoder().encode(text);
    let at = 0;
    return new Response(new ReadableStream({
      start(way) {
        window.aborted = false;
        signal.onabort = () => { window.aborted = true; way.error(new Error("aborted")); };
      },
      pull(way) {
        if (at < bytes.length) way.enqueue(bytes.slice(at, at += 7));
        else if (answer.then === "broken") way.error(new TypeError("broken"));
        else if (answer.then === "over") way.close();
      },
    }));
  };
  window.leave = followRun("aecore/live/r1", {
    line: (line) => window.lines.push(line.after),
    reach: (reaches) => window.reach.push(reaches),
  });
}"""


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    page.clock.install(time=1_000_000)
    page.goto("about:blank")
    page.set_content("<base href='http://localhost/'>")
    yield page
    page.close()


def follow(page, answers: list) -> None:
    page.evaluate(SERVER, [joined(READER), json.dumps(answers)])


def turned(page, hidden: bool) -> None:
    """Out of sight, or into it."""
    page.evaluate(
        "hidden => { hiddenNow = hidden; document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def passed(page, seconds: float) -> None:
    """Let time pass, and what came of it be dealt with; long times at once, as in a sleep."""
    if seconds > 30:
        page.clock.fast_forward(round(1000 * (seconds - 1)))
        seconds = 1
    for _ in range(max(1, round(seconds / 0.5))):
        page.clock.run_for(500 if seconds >= 0.5 else round(1000 * seconds))


def said(page, name: str) -> list:
    return page.evaluate(f"() => window.{name}")


def test_it_comes_back_where_it_was_until_the_run_is_over(page):
    last = {"after": "3", "end": True}
    follow(
        page,
        [
            {"lines": ["", {"after": "1"}, {"after": "2"}], "then": "broken"},
            "refused",
            {"lines": ["", last], "then": "over"},
        ],
    )
    passed(page, 8)
    assert said(page, "asked") == ["", "2", "2"]
    assert said(page, "lines") == ["1", "2", "3"]
    passed(page, 60)
    assert len(said(page, "asked")) == 3  # over: nothing asks any more


def test_it_says_when_it_is_kept_back_and_when_it_comes_again(page):
    follow(page, ["refused", "refused", "refused", {"lines": ["", {"after": "1"}], "then": ""}])
    passed(page, 2)
    assert said(page, "reach")[-1] is False
    passed(page, 10)
    assert said(page, "reach")[-1] is True
    assert said(page, "lines") == ["1"]


def test_what_gives_no_sign_of_life_is_asked_for_again(page):
    follow(page, [{"lines": ["", {"after": "1"}], "then": ""}])  # then silence, and no answers
    passed(page, 20)
    assert said(page, "asked") == [""]
    passed(page, 10)
    assert said(page, "asked") == ["", "1"]
    assert said(page, "reach")[-1] is True  # once is no reason to look elsewhere
    passed(page, 10)
    assert said(page, "reach")[-1] is False


def test_out_of_sight_it_rests_and_catches_up_when_seen(page):
    line = {"lines": ["", {"after": "1"}], "then": ""}
    follow(page, [line, {"lines": ["", {"after": "2"}], "then": ""}])
    passed(page, 1)
    page.evaluate(
        "() => { hiddenNow = true; document.dispatchEvent(new Event('visibilitychange')) }"
    )
    passed(page, 4)
    assert not said(page, "aborted")  # who only looks something up comes back to the same
    passed(page, 600)
    assert said(page, "asked") == [""]
    assert said(page, "aborted")
    page.evaluate(
        "() => { hiddenNow = false; document.dispatchEvent(new Event('visibilitychange')) }"
    )
    passed(page, 1)
    assert said(page, "asked") == ["", "1"]
    assert said(page, "lines") == ["1", "2"]
    assert False not in said(page, "reach")


def test_who_leaves_is_sent_nothing_more(page):
    follow(page, [{"lines": ["", {"after": "1"}], "then": ""}])
    passed(page, 1)
    page.evaluate("() => window.leave()")
    passed(page, 60)
    assert said(page, "aborted")
    assert said(page, "asked") == [""]
