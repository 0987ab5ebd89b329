"""The browser's engine from Python: in one Node process for all cases, else in Chromium."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aecore.pad import browser_code

#: (operations, weights, x (n, values)) -> (n, values), as the browser computes them.
Engine = Callable[[list[dict[str, Any]], np.ndarray, np.ndarray], np.ndarray]

_NODE = """
import { createInterface } from "node:readline";
import { compile } from "./engine.mjs";
for await (const line of createInterface({ input: process.stdin })) {
    const { ops, weights, x } = JSON.parse(line);
    const run = compile(ops, Float32Array.from(weights), x[0].length);
    console.log(JSON.stringify(x.map((row) => [...run(Float32Array.from(row))])));
}
"""
_LOAD = """async (source) => {
    window.pad = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
}"""
_RUN = """({ops, weights, x}) => {
    const run = pad.compile(ops, Float32Array.from(weights), x[0].length);
    return x.map((row) => [...run(Float32Array.from(row))]);
}"""


def source() -> str:
    """The text of one JavaScript module that exports `compile`."""
    return browser_code.pad_script()


def _case(ops: list[dict[str, Any]], weights: np.ndarray, x: np.ndarray) -> dict[str, Any]:
    return {"ops": ops, "weights": weights.tolist(), "x": x.tolist()}


@contextlib.contextmanager
def in_node(node: str, folder: Path) -> Iterator[Engine]:
    """One process for all cases; node: the program, folder: an empty one."""
    (folder / "engine.mjs").write_text(source(), "utf-8")
    (folder / "cases.mjs").write_text(_NODE, "utf-8")
    command, pipe = [node, "cases.mjs"], subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as process:

        def run(ops: list[dict[str, Any]], weights: np.ndarray, x: np.ndarray) -> np.ndarray:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(_case(ops, weights, x)) + "\n")
            process.stdin.flush()
            return np.array(json.loads(process.stdout.readline()))

        try:
            yield run
        finally:
            process.kill()


@contextlib.contextmanager
def in_page(chromium: Any) -> Iterator[Engine]:
    """The same in a page of a browser, where there is no Node."""
    page = chromium.new_page()
    page.evaluate(_LOAD, source())
    yield lambda ops, weights, x: np.array(page.evaluate(_RUN, _case(ops, weights, x)))
    page.close()
