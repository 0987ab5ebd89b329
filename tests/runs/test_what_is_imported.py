"""Reading a file needs no training loop, and what only passes runs on needs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aecore.places import IMPORT_PATH


def imported(module: str) -> set[str]:
    """Every module that a fresh interpreter holds once it has imported this one."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        cwd=IMPORT_PATH,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def test_reading_a_checkpoint_imports_no_training_loop():
    found = imported("aecore.runs.checkpoints")
    assert "aecore.runs.checkpoints" in found
    assert not {"aecore.training.loop", "aecore.training.optimiser", "aecore.jobs"} & found


@pytest.mark.parametrize("module", ["aecore.jobs.orders", "aecore.training.events"])
def test_what_dasks_scheduler_unpickles_imports_no_torch(module):
    assert "torch" not in imported(module)
