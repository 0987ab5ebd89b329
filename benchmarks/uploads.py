"""Ten people upload the worst files that we know of at once: the app's memory, the others' waiting.

    python benchmarks/uploads.py [--people 10] [--others 5] [--seconds 60]

Starts the app on a free port with a folder of runs of its own. Each of the ten drops one file on
Check-up or Data, over Streamlit's own websocket; meanwhile `others` look at pages, one rerun a
second. Prints one JSON object: peak memory of the app process (resident) and of all its processes
together (proportional), what the whole machine had less, seconds of the others' reruns, and each
file's answer.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import requests

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.session_client import Session  # noqa: E402

MB = 1 << 20


# The files -------------------------------------------------------------------------------------


def zeros_npz() -> bytes:
    """100,000 examples of 1,000 float64 zeros: a megabyte that unpacks to 800."""
    out = io.BytesIO()
    np.savez_compressed(out, x=np.zeros((100_000, 1000)))
    return out.getvalue()


def large_images() -> bytes:
    """Forty blank photographs of 7,000 by 7,000, in a few megabytes."""
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (7000, 7000), "grey").save(picture, "WEBP", quality=1)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(40):
            archive.writestr(f"{i}.webp", picture.getvalue())
    return out.getvalue()


def wide_table() -> bytes:
    """10,000 columns of different words."""
    head = ",".join(f"c{i}" for i in range(10_000))
    rows = (",".join(f"w{r}x{i}" for i in range(10_000)) for r in range(400))
    return "\n".join([head, *rows]).encode()


def many_entries() -> bytes:
    """An archive of 300,000 empty entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(300_000):
            archive.writestr(zipfile.ZipInfo(f"{i}.npy"), b"")
    return out.getvalue()


def large_weights() -> bytes:
    """A state dict of 230 MB."""
    import torch

    out = io.BytesIO()
    width = 5200
    torch.save(
        {
            "encoder.0.weight": torch.zeros(width, 784),
            "encoder.2.weight": torch.zeros(width, width),
            "decoder.0.weight": torch.zeros(width, width),
        },
        out,
    )
    return out.getvalue()


def circle() -> bytes:
    """An ONNX graph, of the size of a digit, whose two sums wait for each other."""
    from onnx import TensorProto, helper, numpy_helper

    image, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 784]) for name in "xy"
    )
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["code"]),
        helper.make_node("Add", ["code", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Gemm", ["b", "v"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.zeros((784, 16), np.float32), "w"),
        numpy_helper.from_array(np.zeros((16, 784), np.float32), "v"),
    ]
    graph = helper.make_graph(nodes, "g", [image], [result], weights)
    return helper.make_model(graph).SerializeToString()


def wide_card() -> bytes:
    """A few kilobytes that announce a network of enormous activations."""
    import torch

    out = io.BytesIO()
    torch.save(
        {
            "encoder.0.weight": torch.zeros(4, 1, 3, 3),
            "encoder.3.weight": torch.zeros(2, 4 * 196),
            "decoder.0.weight": torch.zeros(4 * 196, 2),
            "decoder.2.weight": torch.zeros(4, 1, 64, 64),
        },
        out,
    )
    return out.getvalue()


FILES: list[tuple[str, str, Callable[[], bytes]]] = [
    ("data", "zeros.npz", zeros_npz),
    ("data", "large.zip", large_images),
    ("data", "wide.csv", wide_table),
    ("data", "many.npz", many_entries),
    ("check-up", "large.pt", large_weights),
    ("check-up", "circle.onnx", circle),
    ("check-up", "wide.pt", wide_card),
    ("data", "zeros2.npz", zeros_npz),
    ("check-up", "large2.pt", large_weights),
    ("data", "large2.zip", large_images),
]


# The machine -----------------------------------------------------------------------------------


class Memory:
    """Peaks of memory while it is watched, in MB."""

    def __init__(self, pid: int):
        self.app = psutil.Process(pid)
        self.peak_app = self.peak_all = self.peak_machine = 0.0
        self._free = psutil.virtual_memory().available
        self._end = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._end.wait(0.2):
            total = 0
            for process in [self.app, *self.app.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak_all = max(self.peak_all, total / MB)
            self.peak_app = max(self.peak_app, self.app.memory_info().rss / MB)
            used = self._free - psutil.virtual_memory().available
            self.peak_machine = max(self.peak_machine, used / MB)

    def close(self) -> None:
        self._end.set()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(port: int, runs: str, log) -> subprocess.Popen:
    """The app as the README starts it, when it answers and its workers are up."""
    command = [sys.executable, "-m", "streamlit", "run", str(HERE.parent / "app.py")]
    command += ["--server.port", str(port), "--server.headless", "true"]
    environment = {**os.environ, "AECORE_RUNS": runs}
    app = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=HERE.parent)
    for _ in range(120):
        time.sleep(0.5)
        try:
            if requests.get(f"http://localhost:{port}/_stcore/health", timeout=2).ok:
                return app
        except requests.RequestException:
            continue
    raise SystemExit("The app did not start within a minute.")


# The people ------------------------------------------------------------------------------------


async def upload(host: str, page: str, name: str, content: bytes) -> dict:
    begun = time.monotonic()
    session = await Session(host, page).open()
    await session.rerun()
    try:
        status = await session.upload(content, name)
        if status < 300:
            await session.rerun()
        words = [alert.body for alert in session.found("alert")]
    except (TimeoutError, OSError) as error:
        status, words = 0, [repr(error)]
    await session.close()
    seconds = round(time.monotonic() - begun, 1)
    return {"file": name, "status": status, "seconds": seconds, "says": [w[:160] for w in words]}


async def look(host: str, page: str, until: asyncio.Event, seconds: list[float]) -> None:
    session = await Session(host, page).open()
    await session.rerun()
    while not until.is_set():
        seconds.append(await session.rerun())
        await asyncio.sleep(1.0)
    await session.close()


async def measure(host: str, pid: int, arguments: argparse.Namespace, files: list) -> dict:
    for page in ("", "data", "check-up", "latent-space", "reconstructions"):
        first = await Session(host, page).open()
        await first.rerun()
        await first.close()
    await asyncio.sleep(10)
    done, quiet, busy = asyncio.Event(), [], []
    pages = ["", "data", "latent-space", "reconstructions", "train"][: arguments.others]
    calm = [asyncio.create_task(look(host, page, done, quiet)) for page in pages]
    await asyncio.sleep(arguments.seconds / 4)
    done.set()
    await asyncio.gather(*calm)
    memory, over = Memory(pid), asyncio.Event()
    others = [asyncio.create_task(look(host, page, over, busy)) for page in pages]
    jobs = [upload(host, *file) for file in files[: arguments.people]]
    answers = await asyncio.gather(*jobs)
    over.set()
    await asyncio.gather(*others)
    memory.close()
    return {
        "people": arguments.people,
        "app_mb": round(memory.peak_app),
        "all_processes_mb": round(memory.peak_all),
        "machine_mb_more": round(memory.peak_machine),
        "reruns_quiet_p95_s": _p95(quiet),
        "reruns_p50_s": round(statistics.median(busy), 3),
        "reruns_p95_s": _p95(busy),
        "reruns_max_s": round(max(busy), 3),
        "reruns": len(busy),
        "answers": answers,
    }


def _p95(seconds: list[float]) -> float:
    return round(float(np.percentile(seconds, 95)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--others", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    made = {make: make() for _, _, make in FILES}
    files = [(page, name, made[make]) for page, name, make in FILES]
    port = free_port()
    with tempfile.TemporaryDirectory() as runs, tempfile.TemporaryFile() as log:
        app = start(port, runs, log)
        try:
            found = asyncio.run(measure(f"localhost:{port}", app.pid, arguments, files))
        finally:
            app.terminate()
            try:
                app.wait(20)
            except subprocess.TimeoutExpired:
                app.kill()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
