"""How quick the live decoder is under a dragging hand, in headless Chromium; prints JSON.

python benchmarks/pad.py                      standalone: the component in a bare page
python benchmarks/pad.py --url http://...     a page of the running app that shows the pad
python benchmarks/pad.py --seconds 120        the drag of the heap measurement
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from aecore.models import registry  # noqa: E402
from aecore.pad import BrowserNetwork, build_bundle, export_network, export_pair  # noqa: E402
from aecore.pad.browser_code import pad_markup, pad_script, pad_style  # noqa: E402
from aecore.types import DataSpec, ModelSpec  # noqa: E402

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
]
START = """async ({source, bundle}) => {
    const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
    const {default: latentPad} = await import(url);
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    const kinds = {float32: Float32Array, int16: Int16Array, uint8: Uint8Array};
    const data = {meta: bundle.meta, options: {panels: ["draw"], height: 440, report: false}};
    for (const [name, {type, values}] of Object.entries(bundle.arrays)) {
        data[name] = new kinds[type](bytes(values));
    }
    latentPad({data, parentElement: document});
}"""
# Time every frame, and every decoding and encoding that the hand causes; of a frame that encodes,
# all that is done in it.
WATCH = """(root) => {
    const {network} = root.pad.chosen(), ask = requestAnimationFrame.bind(window);
    const watch = window.watch = {decode: [], encoder: [], encode: [], frames: []};
    const timed = (inner, into, counts = () => true) => (...args) => {
        const start = performance.now(), before = watch.encoder.length, result = inner(...args);
        if (into.length < 20000 && counts(before)) into.push(performance.now() - start);
        return result;
    };
    network.decode = timed(network.decode, watch.decode);
    network.encode = timed(network.encode, watch.encoder);
    window.requestAnimationFrame = (act) =>
        ask(timed(act, watch.encode, (before) => watch.encoder.length > before));
    const tick = (now) => { watch.frames.push(now); ask(tick); };
    ask(tick);
}"""
# A batch divides away the clock's grain of 0.1 ms.
BATCHES = """(root) => {
    const {network, z} = root.pad.chosen(), times = [];
    for (let i = 0; i < 200; i++) {
        const start = performance.now();
        for (let j = 0; j < 10; j++) network.decode(z);
        times.push((performance.now() - start) / 10);
    }
    return times.slice(50);
}"""


def dense() -> BrowserNetwork:
    """The textbook VAE, 784-400-20-400-784."""
    spec = ModelSpec("dense-vae", DataSpec((1, 28, 28)), 20, {"hidden": (400,)})
    return export_network(registry.build(spec, seed=0))


def convolutional() -> BrowserNetwork:
    """A transposed-convolution decoder just within the budget of multiply-adds, its mirror before
    it."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 4, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(32 * 49, 16),
    )
    decoder = nn.Sequential(
        nn.Linear(16, 32 * 49),
        nn.Unflatten(1, (32, 7, 7)),
        nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 24, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 1, 3, padding=1),
        nn.Sigmoid(),
    )
    return export_pair(encoder, decoder, shape=(1, 28, 28), latent_dim=16)


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "n": len(values)}


def open_standalone(page: Page, network: BrowserNetwork) -> None:
    """The component alone, with 5,000 points and 1,500 images."""
    k = network.meta["latent_dim"]
    rng = np.random.default_rng(0)
    bundle = build_bundle(
        network,
        model_id="benchmark",
        model_name="benchmark",
        codes=rng.normal(size=(5000, k)),
        images=rng.integers(0, 255, (1500, 1, 28, 28), dtype=np.uint8),
        labels=rng.integers(0, 10, 5000),
        class_names=[str(digit) for digit in range(10)],
        pca=(rng.normal(size=(k, 784)), rng.random(784)),
    )
    arrays = {
        name: {"type": str(array.dtype), "values": base64.b64encode(array.tobytes()).decode()}
        for name, array in bundle.arrays.items()
    }
    page.set_content(f"<style>{pad_style()}</style>{pad_markup()}")
    about = {"source": pad_script(), "bundle": {"meta": bundle.meta, "arrays": arrays}}
    page.evaluate(START, about)


def drag(page: Page, seconds: float) -> int:
    """Drag in circles over the map; returns how many moves were made."""
    box = page.locator("#overlay").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    end, moves = time.monotonic() + seconds, 0
    page.mouse.move(x, y)
    page.mouse.down()
    while time.monotonic() < end:
        angle = moves / 15
        reach = 0.4 * np.sin(moves / 97)
        page.mouse.move(x + box["width"] * reach * np.cos(angle), y + 120 * np.sin(angle))
        moves += 1
    page.mouse.up()
    return moves


def heap(page: Page) -> float:
    """Live JavaScript heap in MB, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return used


def frames_per_second(page: Page, seconds: float) -> dict[str, float]:
    page.evaluate("watch.frames.length = 0")
    drag(page, seconds)
    times = np.array(page.evaluate("watch.frames"))
    gaps = np.diff(times)
    return {
        "fps": round(1000 * len(gaps) / (times[-1] - times[0]), 1),
        "frame_p95_ms": round(float(np.percentile(gaps, 95)), 1),
    }


def draw(page: Page) -> tuple[list[float], list[float]]:
    """Draw for a while; returns the time of each encoding, in ms, and that of all the work in its
    frame: the reconstruction, the error, the neighbours, and the point on the map.

    The first stroke warms the engine up and is not counted.
    """
    tab = page.get_by_role("tab", name="Draw your own")
    if tab.is_visible():
        tab.click()
    paper = page.locator("#paper")
    if not paper.is_visible():
        return [], []
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    for stroke in range(4):
        page.mouse.move(box["x"] + 60, box["y"] + 40 + 40 * stroke)
        page.mouse.down()
        for i in range(60):
            page.mouse.move(box["x"] + 60 + 2 * i, box["y"] + 40 + 40 * stroke + i % 9)
        page.mouse.up()
        if not stroke:
            page.wait_for_timeout(200)
            page.evaluate("watch.encode.length = watch.encoder.length = 0")
    page.wait_for_timeout(200)
    return page.evaluate("watch.encoder"), page.evaluate("watch.encode")


def measure(page: Page, seconds: float, sent: list[int]) -> dict:
    pad = page.locator(".lp")
    page.locator("#where", has_text="=").wait_for(timeout=60_000)
    page.wait_for_timeout(1000)
    batches = pad.evaluate(BATCHES)
    pad.evaluate(WATCH)
    drag(page, 2)  # the engine warms up
    before, messages = heap(page), len(sent)
    speed = frames_per_second(page, min(seconds, 10))
    drag(page, max(0, seconds - 10))
    result = {
        "decode": percentiles(batches),
        "decode_while_dragging": percentiles(page.evaluate("watch.decode")),
        **speed,
        "websocket_messages_in_drag": len(sent) - messages,
        "heap_growth_mb": round(heap(page) - before, 2),
        "drag_seconds": seconds,
    }
    encodings, with_all = draw(page)
    if encodings:
        result["encode_while_drawing"] = percentiles(encodings)
        result["drawing_encoded_and_all_redrawn"] = percentiles(with_all)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", help="a page of the running app instead of the bare component")
    parser.add_argument("--seconds", type=float, default=120, help="length of the drag")
    options = parser.parse_args()
    texts = {"js": pad_script(), "css": pad_style(), "html": pad_markup()}
    sizes = {kind: len(text.encode()) for kind, text in texts.items()}
    report: dict = {"code_bytes": sizes}
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=ARGUMENTS)
        report["browser"] = browser.version
        sent: list[int] = []

        def new_page() -> Page:
            page = browser.new_page(viewport={"width": 1280, "height": 1100})
            page.on("websocket", lambda ws: ws.on("framesent", lambda _: sent.append(1)))
            return page

        if options.url:
            page = new_page()
            start = time.monotonic()
            page.goto(options.url)
            page.locator("#where", has_text="=").wait_for(timeout=60_000)
            page.locator("#overlay").hover(position={"x": 90, "y": 90})
            report["opened_to_first_decode_s"] = round(time.monotonic() - start, 2)
            report["app"] = measure(page, options.seconds, sent)
        else:
            for name, network in (("dense", dense()), ("convolutional", convolutional())):
                page = new_page()
                open_standalone(page, network)
                macs = {"decoder_macs": network.meta["decoder_macs"]}
                seconds = options.seconds if name == "dense" else min(10, options.seconds)
                report[name] = macs | measure(page, seconds, sent)
                page.close()
        browser.close()
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
