"""How long a stranger's file takes from the drop to the verdict, in headless Chromium; one JSON.

python benchmarks/check_up.py [--repeat 3]

Networks of plain torch, trained for a moment, saved as state dicts; a warm server.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.app import CHROMIUM, WARM_UP, App, first_decode  # noqa: E402

STEPS = 300


def dense() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, 32),
        nn.Linear(32, 256),
        nn.ReLU(),
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.Linear(512, 784),
        nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )


def convolutional() -> nn.Module:
    """About a million parameters, 8 million multiply-adds."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 140),
        nn.ReLU(),
        nn.Linear(140, 20),
        nn.Linear(20, 140),
        nn.ReLU(),
        nn.Linear(140, 3136),
        nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 3, 2, 1, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 3, 2, 1, 1),
        nn.Sigmoid(),
    )


def saved(make, folder: str, seed: int) -> Path:
    """A network trained briefly, as a file; another seed is another file."""
    from aecore import datasets

    torch.manual_seed(seed)
    net, x = make(), datasets.load("mnist").train.batch(slice(0, 12_000))
    adam = torch.optim.Adam(net.parameters(), 2e-3)
    flat = isinstance(net[0], nn.Linear)
    for _ in range(STEPS):
        batch = x[torch.randint(len(x), (64,))]
        adam.zero_grad()
        y = net(batch.flatten(1) if flat else batch)
        (y - batch).square().flatten(1).sum(1).mean().backward()
        adam.step()
    path = Path(folder) / f"{make.__name__}-{seed}.pt"
    torch.save(net.state_dict(), path)
    return path


def drop_to_verdict(browser, url: str, path: Path) -> float:
    """Seconds from dropping a file to its verdict on the screen."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.goto(f"{url}check-up")
    page.locator("main .lines").wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    began = time.perf_counter()
    page.set_input_files("input[type=file]", str(path))
    page.get_by_role("heading", name=path.stem).wait_for(timeout=120_000)
    page.locator("main .lines", has_text="architecture").wait_for(timeout=120_000)
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    from playwright.sync_api import sync_playwright

    result = {"load_before": os.getloadavg()[0]}
    folder = tempfile.mkdtemp()
    files = {
        m.__name__: [saved(m, folder, i) for i in range(repeat)] for m in (dense, convolutional)
    }
    result["parameters"] = {
        m.__name__: sum(p.numel() for p in m().parameters()) for m in (dense, convolutional)
    }
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        app = App(tempfile.mkdtemp())
        first_decode(browser, app.url)
        time.sleep(WARM_UP)
        for name, paths in files.items():
            times = [drop_to_verdict(browser, app.url, path) for path in paths]
            result[f"file_to_verdict_{name}"] = statistics.median(times)
            result[f"file_to_verdict_{name}_all"] = [round(t, 1) for t in times]
        app.stop()
        browser.close()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
