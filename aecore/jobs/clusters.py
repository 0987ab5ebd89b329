"""The commands `aecore scheduler` and `aecore worker`: a cluster of one's own, on any machines.

Imports no torch by itself: a scheduler needs none.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from aecore.errors import AecoreError, JobError
from aecore.jobs.keys import keys, security
from aecore.machine import cores

PORT = 8786
LOOK = 0.5  # seconds between two looks at the workers
NAMES = ("scheduler", "worker")


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add both commands; command(name, run, about) makes a parser."""
    sub = command("scheduler", _scheduler, "Run the scheduler of a cluster that trains.")
    sub.add_argument("--host", help="the address to listen at; all of them if not given")
    sub.add_argument("--port", type=int, default=PORT, help=f"{PORT} if not given")
    sub = command("worker", _worker, "Run the workers of this machine for a scheduler.")
    sub.add_argument("address", help=f"of the scheduler, as tcp://HOST:{PORT} or tls://HOST:{PORT}")
    sub.add_argument("--processes", type=int, default=0, help="one a core if not given")
    sub.add_argument("--host", help="the address at which the scheduler and other workers reach it")


def main(arguments: list[str]) -> None:
    """One of the two, without what the other commands import; ends with 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="aecore")
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Callable[..., Any], about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(run=run)
        return sub

    add(command)
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except AecoreError as error:
        raise SystemExit(f"aecore: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _scheduler(args: argparse.Namespace) -> None:
    import dask.config

    from aecore.jobs.member import SETTINGS

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    dask.config.set(SETTINGS)
    asyncio.run(_schedule(args.host, args.port))


async def _schedule(host: str | None, port: int) -> None:
    from distributed import Scheduler

    try:
        server = await Scheduler(
            host=host,
            port=port,
            security=security(),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            protocol="tls" if keys() else None,
        )
    except OSError as error:
        raise JobError(f"The scheduler cannot listen at port {port} ({error}).") from error
    print(f"aecore: the scheduler listens at {server.address}", flush=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(server.close()))
    await server.finished()


def _worker(args: argparse.Namespace) -> None:
    from aecore.jobs.processes import Crew

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    if "://" not in args.address:
        raise JobError(
            f"The scheduler's address is tcp://HOST:{PORT} or tls://HOST:{PORT}; it was "
            f"{args.address!r}."
        )
    given, size = keys() or {}, args.processes or cores()
    if args.address.startswith("tls://") and not given:
        logging.warning("AECORE_TLS_CA, _CERT and _KEY are not set: Dask's configuration counts")
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    crew = Crew(size, given, args.host)
    crew.start(args.address)
    print(f"aecore: {size} workers for {args.address}", flush=True)
    try:
        while not ending.wait(LOOK):
            crew.look()
    finally:
        crew.close()
