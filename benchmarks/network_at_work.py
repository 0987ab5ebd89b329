"""How quick the network at work is under a dragging hand, in headless Chromium; prints JSON.

python benchmarks/network_at_work.py                  the component on a bare page
python benchmarks/network_at_work.py --url http://... the app's page Inside
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from aecore.pad import BrowserNetwork, build_bundle  # noqa: E402
from benchmarks.pad import ARGUMENTS, convolutional, dense  # noqa: E402
from tests.browser.flow_page import open_network  # noqa: E402

# Each frame's time, and how long its work took until the browser had painted it: what is posted
# in a frame arrives behind its style, layout and painting.
WATCH = """() => {
    const ask = requestAnimationFrame.bind(window), watch = window.watch = {frames: [], work: []};
    const {port1, port2} = new MessageChannel();
    port1.onmessage = ({data}) => watch.work.push(performance.now() - data);
    window.requestAnimationFrame = (act) => ask((now) => {
        port2.postMessage(performance.now());
        act(now);
    });
    window.plainly = ask;
    const tick = (now) => { watch.frames.push(now); ask(tick); };
    ask(tick);
}"""
RUNS = "(root) => root.flow.view.runs.decoder"
# A driver's mouse waits for the page after each move, and gets to 30 a second; a hand is quicker.
HAND = """(root, seconds) => new Promise((done) => {
    const slider = root.querySelector("#flowZ"), begin = performance.now();
    const [low, high] = [Number(slider.min), Number(slider.max)];
    const ask = window.plainly;
    const move = (now) => {
        const share = 0.5 + 0.33 * Math.sin((now - begin) / 300);
        slider.value = low + share * (high - low);
        slider.dispatchEvent(new Event("input"));
        if (now - begin < 1000 * seconds) ask(move);
        else slider.dispatchEvent(new Event("change")), done();
    };
    ask(move);
})"""
CODE_STAGE = "(root) => root.flow.view.flow.codeStage - (root.flow.view.open?.stage ?? 0)"
# From the press of the key to the end of the frame that shows it, but for the wait between them
# for the screen.
SILENCE = """async (root) => {
    const canvas = root.querySelector("#flowCanvas"), times = [];
    for (let i = 0; i < 40; i++) {
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
        const before = window.watch.work.length, start = performance.now();
        canvas.dispatchEvent(new KeyboardEvent("keydown", {key: "k", bubbles: true}));
        const pressed = performance.now() - start;
        await new Promise((done) => {
            const look = () => window.watch.work.length > before ? done() : setTimeout(look, 0);
            look();
        });
        times.push(pressed + window.watch.work.at(-1));
    }
    return times;
}"""


def bundle_of(network: BrowserNetwork):
    """The network with random points and images."""
    k = network.meta["latent_dim"]
    rng = np.random.default_rng(0)
    return build_bundle(
        network,
        model_id="benchmark",
        model_name="benchmark",
        codes=rng.normal(size=(3000, k)),
        images=rng.integers(0, 255, (200, 1, 28, 28), dtype=np.uint8),
        labels=rng.integers(0, 10, 3000),
        class_names=[str(digit) for digit in range(10)],
    )


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2), "n": len(values)}


def drag(page: Page, seconds: float) -> None:
    """Drag the open latent number to and fro with a real mouse."""
    box = page.locator("#flowZ").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    end, side = time.monotonic() + seconds, 1
    while time.monotonic() < end:
        page.mouse.move(x + side * box["width"] / 3, y, steps=20)
        side = -side
    page.mouse.up()


def measure(page: Page, seconds: float) -> dict:
    page.evaluate(WATCH)
    canvas = page.locator("#flowCanvas")
    canvas.focus()
    for _ in range(page.locator(".nw").evaluate(CODE_STAGE)):
        page.keyboard.press("ArrowRight")  # a latent number is open, as who drags it has it
    page.wait_for_timeout(400)
    drag(page, 2)  # the engine warms up
    before = page.locator(".nw").evaluate(RUNS)
    page.evaluate("watch.frames.length = watch.work.length = 0")
    page.locator(".nw").evaluate(HAND, seconds)
    times = np.array(page.evaluate("watch.frames"))
    drawn = page.locator(".nw").evaluate(RUNS) - before
    gaps = np.diff(times)
    result = {
        # Pictures of the hand's code, and all frames that the browser could make.
        "drawn_fps": round(1000 * drawn / (times[-1] - times[0]), 1),
        "fps": round(1000 * len(gaps) / (times[-1] - times[0]), 1),
        "frame_p95_ms": round(float(np.percentile(gaps, 95)), 1),
        "work_of_a_frame": percentiles(page.evaluate("watch.work")),
    }
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    result["knock_out_to_picture"] = percentiles(page.locator(".nw").evaluate(SILENCE))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", help="the app's page Inside instead of the bare component")
    parser.add_argument("--seconds", type=float, default=8, help="length of the drag")
    options = parser.parse_args()
    report: dict = {}
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=ARGUMENTS)
        report["browser"] = browser.version
        if options.url:
            sent: list[int] = []
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.on("websocket", lambda ws: ws.on("framesent", lambda _: sent.append(1)))
            page.goto(options.url)
            page.locator("#flowError", has_text="quared error").wait_for(timeout=60_000)
            page.wait_for_timeout(2000)
            page.locator("#flowCanvas").focus()
            for _ in range(page.locator(".nw").evaluate(CODE_STAGE)):
                page.keyboard.press("ArrowRight")
            page.wait_for_timeout(3000)
            before = len(sent)
            report["app"] = measure(page, options.seconds)
            report["websocket_messages_in_drag"] = len(sent) - before
        else:
            for name, network in (("dense", dense()), ("convolutional", convolutional())):
                page = browser.new_page(viewport={"width": 1000, "height": 620})
                open_network(page, bundle_of(network))
                page.wait_for_timeout(1500)
                macs = {part: network.meta[part] for part in ("encoder_macs", "decoder_macs")}
                report[name] = macs | measure(page, options.seconds)
                page.close()
        browser.close()
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
