"""`aecore serve`: the app for a class, with its address and QR code, and the teacher's own link."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aecore import places
from aecore.cli.addresses import addresses, free_port
from aecore.errors import ConfigError
from aecore.figures.qr import qr_lines

PORT = 8501
#: The secret of the teacher's link, for who wants the same at each start; else a new one is made.
TEACHER_VARIABLE = "AECORE_TEACHER"


def add_serve_flags(command: argparse.ArgumentParser) -> None:
    """What a teacher may say; nothing of it is needed."""
    command.add_argument("--port", type=int, help=f"listen here (otherwise {PORT} or the next)")
    command.add_argument(
        "--url", help="the address that people open, where it is another: of a proxy, a name"
    )
    command.add_argument("--runs", type=Path, help="folder of the runs (otherwise AECORE_RUNS)")


def serve_command(args: argparse.Namespace) -> dict[str, Any]:
    """Say where people and the teacher go, and become the server. Raises ConfigError."""
    if not (places.APP / "app.py").is_file():
        raise ConfigError(
            f"The app is not in {places.APP}: install the wheel of this project, or start this "
            "in its folder."
        )
    port = free_port(args.port, PORT)
    found = addresses()
    urls = [f"http://{address}:{port}" for address in found]
    url = _checked(args.url) if args.url else (urls[0] if urls else f"http://localhost:{port}")
    secret = os.environ.get(TEACHER_VARIABLE) or secrets.token_urlsafe(24)
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", secret):
        raise ConfigError(
            f"{TEACHER_VARIABLE} must have 16 or more letters and digits, and nothing else: who "
            "guesses it may end everybody's runs."
        )
    runs = (args.runs or places.runs()).absolute()
    _say(url, [u for u in urls if u != url], f"{url}/{places.TEACHER_LINK}{secret}", port, runs)
    environment = dict(os.environ) | {
        places.RUNS_VARIABLE: str(runs),
        places.URL_VARIABLE: url,
        # The server knows the secret's hash alone: what it is stands on this terminal only.
        places.TEACHER_KEY_VARIABLE: hashlib.sha256(secret.encode()).hexdigest(),
    }
    environment.pop(TEACHER_VARIABLE, None)
    _become(
        [sys.executable, "-m", "streamlit", "run", str(places.APP / "app.py"), *_options(port)],
        environment,
    )
    return {}


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"--url must be an address as https://name.school/ae; it was {url!r}.")
    return url.rstrip("/")


def _options(port: int) -> list[str]:
    """What holds for a class; all else is in .streamlit/config.toml beside app.py."""
    return [
        f"--server.port={port}",
        "--server.address=0.0.0.0",
        "--server.headless=true",
        # Its welcome asks the internet for an address, and waits for it where there is none.
        "--logger.hideWelcomeMessage=true",
    ]


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Be the server from here on: what ends this process ends it, and nothing is left over."""
    sys.stdout.flush()
    if os.name == "nt":  # there the shell would not wait for what takes this process's place
        raise SystemExit(subprocess.run(command, env=environment).returncode)
    os.execve(command[0], command, environment)


def _say(url: str, others: list[str], teacher: str, port: int, runs: Path) -> None:
    print(qr_lines(url, sys.stdout.isatty()))
    print(f"\n  For the class    {url}")
    if urlsplit(url).hostname == "localhost":
        print("                   (no network was found: this machine alone can open it)")
    for other in others:
        print(f"  or perhaps       {other}")
    print(f"  For you alone    {teacher}")
    print(f"  On this machine  http://localhost:{port}")
    print(f"  Runs are kept in {runs}")
    print("\n  It answers in a few seconds. Ctrl-C ends it.\n")
