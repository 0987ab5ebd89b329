"""The package as a stranger gets it: a wheel, installed, used from a folder of his own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import aecore
from aecore import places
from pages.shell.page import all_pages
from tests.browser.server import wait_for

ROOT = places.IMPORT_PATH
TAKEN = ("pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE", "app.py")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """An environment in which only the installed wheel, not this checkout, can be imported."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for name in ("aecore", "checkpoints", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in TAKEN:
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "-q", "--no-deps", "-w", folder / "wheels", source]
    subprocess.run(wheel, check=True, timeout=200, capture_output=True)
    (made,) = (folder / "wheels").glob("aecore-*.whl")
    target = ["--target", folder / "site", made]
    subprocess.run([*pip, "install", "-q", "--no-deps", *target], check=True, capture_output=True)
    shutil.rmtree(source)
    return {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", places.RUNS_VARIABLE)},
        "PYTHONPATH": str(folder / "site"),
        "PATH": f"{folder / 'site' / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def test_it_trains_inspects_and_exports_from_another_folder(installed, tmp_path):
    def aecore_command(*arguments: str) -> dict:
        done = subprocess.run(
            ["aecore", *arguments, "--json"],
            env=installed,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    where = subprocess.run(
        [sys.executable, "-c", "import aecore; print(aecore.__file__)"],
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert where.stdout.startswith(installed["PYTHONPATH"])
    options = ("--dataset", "digits", "--preset", "fast-start", "--epochs", "2")
    trained = aecore_command("train", *options, "--out", "mine.safetensors")
    assert trained["test_mse"] < 0.1
    report = aecore_command("inspect", "mine.safetensors", "--html", "report.html")
    assert report
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    for way, file in (("explorer", "explorer.html"), ("script", "script.zip")):
        aecore_command("export", "mine.safetensors", "--to", way, "--out", file)
        assert (tmp_path / file).stat().st_size > 10_000


def test_shipped_models_travel_along(installed, tmp_path):
    code = "from aecore.runs import checkpoints; print(*sorted(checkpoints.shipped()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == sorted(p.stem for p in (ROOT / "checkpoints").glob("*.safe*"))


def test_it_serves_the_app_from_another_folder(installed, tmp_path):
    """The wheel carries the app, its pages and settings; Ctrl-C ends it and says what is kept."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, runs = tmp_path / "log", tmp_path / "runs"
    with log.open("w") as out:
        server = subprocess.Popen(
            ["aecore", "serve", "--port", str(port), "--runs", runs],
            env=installed | {"PYTHONUNBUFFERED": "1"},
            cwd=tmp_path,
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}")
        said = log.read_text()
        assert f":{port}/aecore/teacher/" in said
        code = "from pages.shell.page import all_pages; print(*all_pages(True))"
        app = f"{installed['PYTHONPATH']}/aecore/app"
        listed = subprocess.run(
            [sys.executable, "-c", code],
            env=installed | {"PYTHONPATH": f"{app}{os.pathsep}{installed['PYTHONPATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert listed.stdout.split() == list(all_pages(teacher=True)), listed.stderr
        assert (Path(app) / ".streamlit/config.toml").is_file()
        for file in all_pages(teacher=True):
            assert (Path(app) / file).is_file()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
    assert f"0 runs kept in {runs}" in log.read_text()


def test_requirements_are_the_one_list():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "dependencies" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": "requirements.txt"}
    assert aecore.__version__


def test_every_requirement_says_why():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in Path(ROOT / name).read_text().splitlines():
            assert line.startswith("-r") or len(line.split("#", 1)[1].split()) >= 2, line
