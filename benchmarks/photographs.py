"""Forty colour photographs from a zip until they train, as the app does it; one JSON object.

    python benchmarks/photographs.py [--sides 64 96 128] [--repeat 3]

For each side: seconds from the file to its preview, until it is kept, and until training is first
reported, with PCA beside it; the most memory that this process, its reader and its workers had
together above what they had before, and this process alone (MB). Photographs: pieces of the two
that scikit-learn brings.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images
from uploads import Memory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aecore import datasets, places
from aecore.datasets.own import apart
from aecore.datasets.own.store import keep_for, own_folder
from aecore.jobs.engine import JobEngine
from aecore.models.presets import preset
from aecore.workshop import workshop

NUMBER = 40
PATIENCE = 120.0


def photographs(side: int, seed: int) -> bytes:
    """A zip of different pieces of photographs, side by side pixels each."""
    rng = np.random.default_rng(seed)
    whole = load_sample_images().images
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(NUMBER):
            picture = whole[i % len(whole)]
            top, left = (int(rng.integers(0, n - 200)) for n in picture.shape[:2])
            piece = Image.fromarray(picture[top : top + 200, left : left + 200])
            written = io.BytesIO()
            piece.resize((side, side)).save(written, "JPEG")
            archive.writestr(f"photograph {i}.jpg", written.getvalue())
    return out.getvalue()


def once(engine: JobEngine, side: int, seed: int, which: str) -> dict[str, float]:
    content = photographs(side, seed)
    chosen = {"size": side}
    memory = Memory(os.getpid())
    time.sleep(1.0)
    idle = memory.peak_all
    began = time.perf_counter()
    apart.look_at("photographs.zip", content, chosen)
    seen = time.perf_counter() - began
    name = keep_for(own_folder(), apart.read("photographs.zip", content, chosen), f"b{seed}")
    kept = time.perf_counter() - began
    spec = datasets.source(name).spec
    how = preset(which)
    config = how.training(len(datasets.load(name).train))
    run = engine.submit(f"b{seed}", "Photographs", how.spec(spec), config, name)
    while run.recording.last_step is None and run.recording.epoch is None:
        if run.recording.status in ("failed", "stopped") or time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"It did not train: {run.recording.status} {run.recording.message}")
        time.sleep(0.005)
    trains = time.perf_counter() - began
    memory.close()
    pca = run.recording.started.pca_test_mse
    engine.delete(f"b{seed}", run.run_id)
    return {
        "preview_s": seen,
        "kept_s": kept,
        "trains_s": trains,
        "pca_mse": float(pca),
        "more_mb": memory.peak_all - idle,
        "this_process_mb": memory.peak_app,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96, 128])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--preset", default="conv-ae")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ[places.RUNS_VARIABLE] = os.path.join(folder, "runs")
        os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
        engine = JobEngine(places.runs())
        engine.start()
        workshop().warm(apart.TASK)
        time.sleep(20)  # as in an app that runs: workers and reader are ready
        for side in arguments.sides:
            each = [
                once(engine, side, 1000 * side + i, arguments.preset)
                for i in range(arguments.repeat)
            ]
            found[side] = {
                key: round(statistics.median(one[key] for one in each), 3) for key in each[0]
            }
        engine.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
