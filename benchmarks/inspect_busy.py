"""The check-up on a quiet and on a busy machine: the same reading, and how many seconds more.

    python benchmarks/inspect_busy.py [FILE ...] [--burning 2]

Each file is read by `aecore inspect FILE --json` twice: alone, and while as many processes as
`--burning` says burn a core each. Without files: a dense and a convolutional network of about a
million parameters, a variational one and one that is told the class. Exits with 1 where the two
answers differ in anything but the seconds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.check_up import convolutional, dense  # noqa: E402
from tests.inspection.corpus import ENTRIES, train  # noqa: E402

STEPS = 300
#: What has to be the same: the verdict, the figures to the last digit, the network.
COMPARED = ("level", "understood", "sure", "verdict", "metrics", "parameters", "card")


def networks(folder: Path) -> list[Path]:
    """A few networks, trained for a moment and saved as state dicts."""
    from aecore import datasets

    data = datasets.load("mnist").train
    x, labels = data.batch(slice(0, 6000)), data.labels[:6000]
    files = []
    for name in ("PyTorch example VAE fc1 fc21 fc22 fc3 fc4", "conditional VAE by an embedding"):
        state = train(ENTRIES[name], x, labels).state_dict()
        files.append(_saved(state, folder / f"{ENTRIES[name].style}.pt"))
    for name, make in (("dense", dense), ("convolutional", convolutional)):
        torch.manual_seed(0)
        net = make()
        adam = torch.optim.Adam(net.parameters(), 2e-3)
        for _ in range(STEPS):
            batch = x[torch.randint(len(x), (64,))]
            given = batch.flatten(1) if name == "dense" else batch
            loss = (net(given) - batch).square().flatten(1).sum(1).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
        files.append(_saved(net.state_dict(), folder / f"{name}.pt"))
    return files


def _saved(state: dict, path: Path) -> Path:
    content = io.BytesIO()
    torch.save(state, content)
    path.write_bytes(content.getvalue())
    return path


@contextmanager
def burning(n: int) -> Iterator[None]:
    """n processes that do nothing but keep a core busy."""
    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def inspected(path: Path) -> tuple[dict, float]:
    """What the command says of a file, and after how many seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "aecore", "inspect", str(path), "--json"]
    quiet = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        return {"refused": done.stderr.strip()}, seconds
    return json.loads(done.stdout), seconds


def comparable(answer: dict) -> str:
    """The answer without the moment at which it was made."""
    kept = {key: answer[key] for key in (*COMPARED, "refused") if key in answer}
    if "card" in kept:
        kept["card"] = {key: value for key, value in kept["card"].items() if key != "made"}
    return json.dumps(kept, sort_keys=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--burning", type=int, default=os.cpu_count() or 2)
    asked = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        files = [f.resolve() for f in asked.files] or networks(Path(folder))
        print(f"{'quiet':>8} {'busy':>8}  the same  sure")
        for path in files:
            calm, seconds = inspected(path)
            with burning(asked.burning):
                pressed, more = inspected(path)
            same = comparable(calm) == comparable(pressed)
            different += not same
            sure = "sure" if calm.get("sure") else calm.get("refused", "")[:60] or "not sure"
            word = "yes" if same else "NO"
            print(f"{seconds:7.1f}s {more:7.1f}s  {word:>8}  {sure:>8}  {path.name}", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
