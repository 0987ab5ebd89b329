"""How quick the map of Latent space is under a hand, beside regl-scatterplot in the same headless
Chromium with software GL; prints JSON.

python benchmarks/map.py                              the map alone
python benchmarks/map.py --peer FOLDER                beside it, with `npm install --prefix FOLDER
                                                      regl-scatterplot@1.16 regl pub-sub-es`
python benchmarks/map.py --renderer gl                the graphics card's way, on the processor
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
from playwright.sync_api import Page, Route, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from aecore.figures.palette import CLASSES  # noqa: E402
from aecore.pad import pad_meta  # noqa: E402
from aecore.pad.browser_code import joined  # noqa: E402
from pages.components.point_map import Pictures, points_of  # noqa: E402

COMPONENTS = ROOT / "pages" / "components"
ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WARM_UP = 5000  # milliseconds in which a browser that was started does other things
SIZE = {"width": 1280, "height": 720}
ADDRESS = "http://bench.test/"
WATCH = """() => {
    window.frames_ = [];
    const tick = (now) => { frames_.push(now); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
}"""
OURS = """async ({source, meta, arrays}) => {
    const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
    const {default: pointMap} = await import(url);
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    const kinds = {float32: Float32Array, int16: Int16Array, uint8: Uint8Array};
    const data = {meta};
    for (const [name, {type, values}] of Object.entries(arrays)) {
        data[name] = new kinds[type](bytes(values));
    }
    const start = performance.now();
    pointMap({data, parentElement: document});
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - start;
}"""
THEIRS = """async ({n, colors, width, height}) => {
    const {default: createScatterplot} = await import("/regl-scatterplot.js");
    const seeded = (seed) => () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const random = seeded(7), normal = () => random() + random() + random() - 1.5;
    const points = Array.from({length: n}, (_, i) => {
        const c = i % 10;
        return [0.6 * Math.cos(c) + 0.25 * normal(), 0.6 * Math.sin(c) + 0.25 * normal(), c];
    });
    const canvas = document.querySelector("canvas");
    const start = performance.now();
    const plot = createScatterplot({canvas, width, height, colorBy: "category",
        pointColor: colors, pointSize: n > 30000 ? 2.6 : 3.4, opacity: 0.85});
    await plot.draw(points);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - start;
}"""


def blobs(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two layouts (n, 2) of ten classes, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 10
    middle = np.stack([np.cos(labels), np.sin(labels)], 1)
    spread = rng.normal(size=(2, n, 2))
    return middle + 0.3 * spread[0], middle[:, ::-1] + 0.5 * spread[1], labels


def open_map(page: Page, n: int, renderer: str) -> float:
    """The map alone on a page; milliseconds from its data to its first drawing."""
    model, pca, labels = blobs(n)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (1500, 784), dtype=np.uint8)
    near = rng.integers(0, n, (1500, 8))
    layout = pad_meta.layout((1, 28, 28), "image", (0.0, 1.0), [])
    points = points_of(model, pca, labels, Pictures(images, near, layout, (0.0, 1.0)))
    style = (COMPONENTS / "point_map.css").read_text("utf-8")
    markup = (COMPONENTS / "point_map.html").read_text("utf-8")
    page.set_content(
        f"<style>{style} .pm {{ width: 740px; --st-background-color: #fff }}</style>{markup}"
    )
    meta = {
        "id": "bench",
        "key": "bench",
        "points": n,
        "titles": ["PCA, k = 2", "This model"],
        "axes": [["component 1", "component 2"], ["z1", "z2"]],
        "classes": [{"name": str(i), "color": color} for i, color in enumerate(CLASSES)],
        "thing": "image",
        "heldOut": n,
        "layout": layout,
        "range": [0, 1],
        "size": 784,
        "images": 1500,
        "neighbours": 8,
        "height": 466,
        "renderer": renderer,
    }
    arrays = {
        name: {"type": str(a.dtype), "values": base64.b64encode(a.tobytes()).decode()}
        for name, a in points.arrays.items()
    }
    source = joined(COMPONENTS / "point_map.js")
    return page.evaluate(OURS, {"source": source, "meta": meta, "arrays": arrays})


def open_peer(page: Page, n: int, folder: Path) -> float:
    """The same of regl-scatterplot."""
    modules = folder / "node_modules"
    files = {
        "regl-scatterplot.js": modules / "regl-scatterplot/dist/regl-scatterplot.esm.js",
        "pub-sub-es.js": modules / "pub-sub-es/dist/index.js",
        "regl-itself.js": modules / "regl/dist/regl.min.js",
    }

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        if name == "regl.js":
            route.fulfill(content_type="text/javascript", body="export default createREGL;")
        elif name in files:
            route.fulfill(content_type="text/javascript", body=files[name].read_text("utf-8"))
        else:
            route.fulfill(
                content_type="text/html",
                body='<script src="/regl-itself.js"></script><script type="importmap">'
                '{"imports":{"regl":"/regl.js","pub-sub-es":"/pub-sub-es.js"}}</script>'
                '<div style="width:732px;height:464px"><canvas id="over" '
                'style="width:732px;height:464px"></canvas></div>',
            )

    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS)
    told = {"n": n, "colors": list(CLASSES), "width": 732, "height": 464}
    return page.evaluate(THEIRS, told)


def frames_of(page: Page, seconds: float, wheel: bool) -> float:
    """Frames a second while a hand drags, or turns the wheel."""
    box = page.locator("#over").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    if not wheel:
        page.mouse.down()
        page.mouse.move(x + 10, y + 10)
    page.evaluate("() => { frames_.length = 0; }")
    end, i = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        i += 1
        if wheel:
            page.mouse.wheel(0, 30 * np.sign(np.sin(i / 15)))
        else:
            page.mouse.move(x + 90 * np.sin(i / 20), y + 60 * np.sin(i / 13))
    times = page.evaluate("() => frames_")
    if not wheel:
        page.mouse.up()
    return round((len(times) - 1) / (times[-1] - times[0]) * 1000, 1)


def measured(page: Page, seconds: float, first: float) -> dict[str, float]:
    """First drawing in milliseconds, frames a second of panning and of zooming."""
    page.evaluate(WATCH)
    page.wait_for_timeout(500)
    pan, zoom = frames_of(page, seconds, False), frames_of(page, seconds, True)
    return {"first_draw_ms": round(first), "pan_fps": pan, "zoom_fps": zoom}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--renderer", choices=["", "gl", "raster"], default="")
    parser.add_argument("--seconds", type=float, default=6)
    options = parser.parse_args()
    found = shutil.which("chromium") or shutil.which("google-chrome")
    report: dict[str, dict[str, dict[str, float | str]]] = {}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=ARGUMENTS)
        browser.new_page(viewport=SIZE).wait_for_timeout(WARM_UP)
        for n in (10_000, 70_000):
            page = browser.new_page(viewport=SIZE)
            first = open_map(page, n, options.renderer)
            drawn = page.locator("#stage").get_attribute("data-renderer") or ""
            ours = {"renderer": drawn, **measured(page, options.seconds, first)}
            report[f"{n:,} points"] = {"map": ours}
            page.close()
            if options.peer:
                page = browser.new_page(viewport=SIZE)
                first = open_peer(page, n, options.peer)
                report[f"{n:,} points"]["regl-scatterplot"] = measured(page, options.seconds, first)
                page.close()
        browser.close()
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
