"""How long an experiment of the laboratory takes on workers; prints one JSON object.

python benchmarks/laboratory.py how-many-numbers [--workers 2] [--set few=0 ...] [--dataset mnist]
taskset -c 0 python benchmarks/laboratory.py ten-models
python benchmarks/laboratory.py in-the-app

Seconds from the start to the first values and to the end, on workers that are warm, as the app has
them; on one core alone: taskset -c 0 python -m aecore lab NAME --json. `ten-models`: the ten
autoencoders of "What is unusual?", one for each class, trained and judged in this process without
the peers beside them. `in-the-app`: every experiment in headless Chromium, seconds from the press
on Start until a chart is there, and milliseconds from the press on Stop until the page says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from aecore.machine import prepare_for_training

OWNER = "a" * 64
WARM_UP = 20.0  # seconds until all workers have paid for their imports


def ten_models() -> dict[str, float]:
    """Seconds and mean AUROC in per cent of the ten autoencoders that learn one class each."""
    import numpy as np
    import torch

    from aecore import datasets
    from aecore.lab.about import LabSubject
    from aecore.lab.experiments import unusual
    from aecore.lab.registry import experiment
    from aecore.lab.running import run

    torch.set_num_threads(1)
    unusual._peers = lambda *given: {}
    one, subject = experiment("unusual"), LabSubject(datasets.load("mnist"))
    options = one.Options(held_out=False, foreign=False, vae=False)
    seconds, found = 0.0, []
    for event in run(one, options, subject):
        if type(event).__name__ == "LabDone":
            seconds += event.seconds
            found.append(event.values["error_auroc"][0])
    return {"models": len(found), "seconds": round(seconds, 2), "auroc": float(np.mean(found))}


STOP = """() => new Promise((done) => {
  const said = () => document.querySelector('[data-testid=stMain]').innerText;
  const stop = [...document.querySelectorAll('button')].find((b) => b.innerText.includes('Stop'));
  if (!stop || /stopped after/.test(said())) return done(null);
  const begun = performance.now();
  stop.click();
  const look = () => {
    if (/stopped after/.test(said())) done(performance.now() - begun);
    else if (performance.now() - begun > 8000) done(null);
    else requestAnimationFrame(look);
  };
  look();
})"""


def in_the_app() -> dict[str, dict[str, float | None]]:
    """By experiment: seconds to the first chart, milliseconds until a stop is said."""
    from playwright.sync_api import sync_playwright

    from aecore.lab.registry import all_experiments
    from benchmarks.app import CHROMIUM, WARM_UP, App, first_decode

    found: dict[str, dict[str, float | None]] = {}
    app = App(tempfile.mkdtemp())
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        first_decode(browser, app.url)
        time.sleep(WARM_UP)
        person = browser.new_context(viewport={"width": 1280, "height": 720})
        for name in all_experiments():
            page = person.new_page()
            page.goto(f"{app.url}experiment?lab={name}")
            start = page.get_by_role("button", name="Start")
            start.wait_for(timeout=60_000)
            page.wait_for_timeout(2000)
            began = time.perf_counter()
            start.click()
            page.locator(".ch .wide svg, .ch .planes svg").first.wait_for(timeout=60_000)
            first = round(time.perf_counter() - began, 2)
            page.wait_for_timeout(4000)
            found[name] = {"first_chart_seconds": first, "stop_ms": page.evaluate(STOP)}
            page.wait_for_timeout(1500)
            page.close()
        browser.close()
    app.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=NUMBER")
    asked = parser.parse_args()
    prepare_for_training()
    apart = {"ten-models": ten_models, "in-the-app": in_the_app}.get(asked.name)
    if apart is not None:
        print(json.dumps(apart(), indent=1))
        return

    from aecore import datasets
    from aecore.jobs import processes
    from aecore.jobs.engine import JobEngine
    from aecore.lab.about import About, LabSubject
    from aecore.lab.registry import experiment, options_from

    processes.cores = lambda: asked.workers
    one = experiment(asked.name)
    options = options_from(one, {n: json.loads(v) for n, v in (s.split("=") for s in asked.set)})
    subject = LabSubject() if one.uses == "nothing" else LabSubject(datasets.load(asked.dataset))
    engine = JobEngine(Path(tempfile.mkdtemp()))
    engine.start()
    time.sleep(WARM_UP)
    load, began = os.getloadavg()[0], time.perf_counter()
    run = engine.lab.start(OWNER, one.name, options, About.of(subject), None)
    first = None
    while run.live:
        if first is None and (run.looks or run.record.done):
            first = time.perf_counter() - began
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    result = {
        "experiment": one.name,
        "workers": asked.workers,
        "load_before": load,
        "first_values": None if first is None else round(first, 2),
        "seconds": round(seconds, 1),
        "state": run.record.state,
        "parts": len(run.record.done),
        "failed": run.record.failed,
    }
    print(json.dumps(result, indent=1))
    engine.close()


if __name__ == "__main__":
    main()
