"""One Chromium for all browser tests: Playwright's sync API can be started only once a process."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.server import Server, wait_for

ROOT = Path(__file__).parents[2]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium: Debian's when there is one, else Playwright's own."""
    # Where CI is set nothing may be skipped: there a missing browser is a failure.
    ci = bool(os.environ.get("CI"))
    playwright = (
        importlib.import_module("playwright.sync_api")
        if ci
        else pytest.importorskip("playwright.sync_api")
    )
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.sync_playwright() as p:
        try:
            browser = p.chromium.launch(executable_path=found, args=ARGUMENTS)
        except playwright.Error as error:
            if ci:
                raise
            pytest.skip(f"no Chromium to test in: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """Makes pages, each in a context of its own (options), on which no script may fail."""
    made = []

    def make(browser=chromium, **options):
        page = browser.new_context(**options).new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        made.append(page)
        return page

    yield make
    for page in made:
        assert page.problems == []
        page.context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app as its own process, with a folder of runs of its own."""
    server = Server(tmp_path_factory.mktemp("runs"))
    yield server
    for process in server.stop():
        process.kill()


@pytest.fixture(scope="module")
def pad_app(request, tmp_path_factory):
    """The address of a Streamlit server that runs the script given by indirect parametrization,
    with the route of what lies beside the app."""
    script = tmp_path_factory.mktemp("pad") / "app.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{request.param}", "utf-8")
    served = script.with_name("served.py")
    served.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport streamlit as st\n"
        "from pages.components import parts\n"
        f"app = st.App({str(script)!r}, routes=[parts.route()])\n",
        "utf-8",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "runner.postScriptGC": "false",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(served)]
    command += [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(command, cwd=script.parent, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)
