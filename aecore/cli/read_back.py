"""`aecore read-back`: decode a file of compressed examples that the experiment Compress wrote."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aecore import datasets
from aecore.cli.training import own_data
from aecore.errors import CheckpointError
from aecore.lab import code_file
from aecore.runs import checkpoints


def add_read_back(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command; command(name, run, about) makes a parser."""
    sub = command("read-back", _read_back, "Decode a file that the experiment compress wrote.")
    sub.add_argument("file", type=Path, help="the compressed examples")
    sub.add_argument("--model", type=Path, required=True, help="the checkpoint that wrote it")
    data = sub.add_mutually_exclusive_group()
    data.add_argument("--dataset", help="the data; the model's own if not given")
    data.add_argument("--data", type=Path, metavar="FILE", help="or your own")
    sub.add_argument("--label", metavar="COLUMN", help="of the table in --data: its classes")


def _read_back(args: argparse.Namespace) -> dict[str, Any]:
    """How large it is, and what it errs where the held-out originals are those of the data."""
    known = checkpoints.load(args.model)
    try:
        content = args.file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{args.file} cannot be read ({error.strerror}).") from error
    file = code_file.from_bytes(content)
    x_hat = code_file.read(file, known.model)
    own = own_data(args)
    data = datasets.load(args.dataset or known.card.dataset) if own is None else own
    result: dict[str, Any] = {
        "examples": file.n,
        "bytes": len(content),
        "bytes_of_codes": len(file.codes),
        "bytes_an_example": round(len(content) / file.n, 2),
    }
    if data.fingerprint == file.fingerprint and len(data.test) >= file.n:
        x = data.test.batch(slice(0, file.n)).numpy()
        error = np.square(x_hat - x, dtype=np.float64).mean()
        result["mse_held_out"] = float(error)
    return result
