"""Events of many runs through one scheduler: python benchmarks/scheduler.py

Real workers (of Dask, without trainings) send what runs send: small messages, and every twentieth
with a map and pictures; two listeners take all of it in, as two replicas of the app do. Prints the
scheduler's memory before, in the middle and after, its processor time for a thousand events, and
how many arrive a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import dask.config
import psutil
from distributed import Client, Worker

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from aecore.jobs.member import SETTINGS
from aecore.jobs.order import TOPIC

PORT = 8799
ADDRESS = f"tcp://127.0.0.1:{PORT}"
SMALL, LARGE = secrets.token_bytes(300), secrets.token_bytes(20_000)  # bytes: as pickled events
AT_ONCE = 500  # events on their way


async def listen(heard: list[int]) -> Client:
    client = await Client(ADDRESS, asynchronous=True, set_as_default=False)

    def take(message) -> None:
        heard[0] += 1

    client.subscribe_topic(TOPIC, take)
    return client


async def measure(runs: int, events: int, scheduler: psutil.Process) -> dict:
    dask.config.set(SETTINGS)
    workers = await asyncio.gather(*(Worker(ADDRESS, nthreads=1, memory_limit=0) for _ in range(4)))
    heard = [[0], [0]]
    listeners = [await listen(each) for each in heard]
    while not all(each[0] for each in heard):  # what is said before they listen is lost
        workers[0].log_event(TOPIC, ("event", "r", "", workers[0].address, 0, SMALL))
        await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)
    for each in heard:
        each[0] = 0
    tokens = [secrets.token_hex(8) for _ in range(runs)]
    memory, seconds, wall = [scheduler.memory_info().rss], scheduler.cpu_times(), time.monotonic()
    sent = 0
    for number in range(1, events + 1):
        for place, token in enumerate(tokens):
            content = LARGE if number % 20 == 0 else SMALL
            worker = workers[place % len(workers)]
            worker.log_event(
                TOPIC, ("event", "r" + token[:12], token, worker.address, number, content)
            )
            sent += 1
            while sent - min(each[0] for each in heard) > AT_ONCE:
                await asyncio.sleep(0.001)
        if number in (events // 2, events):
            memory.append(scheduler.memory_info().rss)
    while min(each[0] for each in heard) < sent:
        await asyncio.sleep(0.01)
    wall, used = time.monotonic() - wall, scheduler.cpu_times()
    busy = used.user + used.system - seconds.user - seconds.system
    for closing in (*listeners, *workers):
        await closing.close()
    return {
        "runs": runs,
        "events": sent,
        "heard": [each[0] for each in heard],
        "scheduler_MB": [round(each / 1e6, 1) for each in memory],
        "scheduler_cpu_ms_per_1000_events": round(1e6 * busy / sent, 1),
        "events_per_second": round(sent / wall),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100, help="of each run")
    args = parser.parse_args()
    command = [sys.executable, "-m", "aecore", "scheduler", "--host", "127.0.0.1"]
    process = subprocess.Popen([*command, "--port", str(PORT)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(4)
        print(json.dumps(asyncio.run(measure(args.runs, args.events, psutil.Process(process.pid)))))
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
