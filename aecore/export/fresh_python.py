"""Run what was written in a fresh interpreter that knows nothing of this project."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from aecore.errors import ExportError
from aecore.export.subject import Outputs, Subject
from aecore.machine import ONE_THREAD

SECONDS = 120
_X, _LABELS, _FOUND = ".x.npy", ".labels.npy", ".found.npz"

#: Executes the cells as the program that they are, then asks its model for its outputs.
_DRIVER = """
import json, sys
cells, arguments = json.load(open(".cells.json", encoding="utf-8"))
sys.argv = arguments
names = {"__name__": "__main__", "__file__": arguments[0]}
for cell in cells:
    exec(compile(cell, arguments[0], "exec"), names)
import numpy, os, torch
model = names["load"]()
x = torch.from_numpy(numpy.load(".x.npy"))
told = ()
if os.path.exists(".labels.npy"):
    told = (names["one_hot"](torch.from_numpy(numpy.load(".labels.npy")), len(x)),)
with torch.no_grad():
    code = model.encode(x, *told)
    code = code if isinstance(code, tuple) else (code,)
    numpy.savez(".found.npz", x_hat=model.decode(code[0], *told), mu=code[0], logvar=code[1:])
assert not any(name.split(".")[0] == "aecore" for name in sys.modules), "it needs this project"
"""


def run_script(subject: Subject, parts: dict[str, bytes], script: str) -> Outputs:
    """Run a script of `parts` with its examples, as a person would, and ask its model for what it
    gives for the subject's held-out examples. Raises ExportError if it fails."""
    arguments = [script, "examples.npy"]
    arguments += ["--labels", "labels.npy"] if subject.labels is not None else []
    return run_cells(subject, parts, [parts[script].decode()], arguments, "The script")


def run_cells(
    subject: Subject, parts: dict[str, bytes], cells: list[str], arguments: list[str], what: str
) -> Outputs:
    """Run pieces of a program in order, in a folder that holds `parts` and nothing else."""
    import json

    with tempfile.TemporaryDirectory(prefix="aecore-") as folder:
        place = Path(folder)
        for name, content in parts.items():
            (place / name).write_bytes(content)
        (place / ".cells.json").write_text(json.dumps([cells, arguments]), "utf-8")
        np.save(place / _X, subject.x.numpy(), allow_pickle=False)
        if subject.labels is not None:
            np.save(place / _LABELS, subject.labels.numpy(), allow_pickle=False)
        _run(place, what)
        with np.load(place / _FOUND, allow_pickle=False) as found:
            logvar = found["logvar"][0] if len(found["logvar"]) else None
            return Outputs(found["mu"], logvar, found["x_hat"])


def _run(place: Path, what: str) -> None:
    # -I: neither the folder, nor PYTHONPATH, nor a person's own packages are looked into.
    command = [sys.executable, "-I", "-c", _DRIVER]
    environment = {**os.environ, **ONE_THREAD}
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{what} is refused: it ran for more than {SECONDS} s here.") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise ExportError(f"{what} is refused: run on its own it failed ({lines[-1][:160]}).")
