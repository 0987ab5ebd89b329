"""Settings of allocator and threads reach the processes that train, and do what they are for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aecore import machine
from aecore.places import IMPORT_PATH

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")

# Memory that stays with the process after 20 MB were taken and freed, in MB.
STAYS = """
import numpy, os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
numpy.ones(1)
before = resident()
taken = numpy.ones(20_000_000, numpy.uint8)
del taken
print(resident() - before)
"""


def python(*arguments: str, kept: bool = False) -> str:
    """What a fresh interpreter prints, started with the settings or without."""
    environment = {k: v for k, v in os.environ.items() if k not in machine.TRAINING}
    environment |= machine.TRAINING if kept else {}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=IMPORT_PATH,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@linux
def test_freed_memory_stays_with_the_process():
    assert float(python("-c", STAYS)) < 5
    assert float(python("-c", STAYS, kept=True)) > 15
    restarted = f"from aecore import machine\nmachine.restart_for_training()\n{STAYS}"
    assert float(python("-c", restarted)) > 15


@linux
def test_started_anew_once_with_the_same_words():
    code = (
        "import os, sys\nfrom aecore import machine\n"
        "os.environ['ROUND'] = os.environ.get('ROUND', '') + 'x'\n"
        "machine.restart_for_training()\n"
        "print(os.environ['ROUND'], sys.argv[1:], *(os.environ[n] for n in machine.TRAINING))"
    )
    values = " ".join(machine.TRAINING.values())
    words = ["two words", "--x='ü'", ""]
    assert python("-c", code, *words) == f"xx {words} {values}\n"
    assert python("-c", code, *words, kept=True) == f"x {words} {values}\n"


@linux
def test_the_command_line_starts_itself_anew():
    assert python("-m", "aecore", "--help") == python("-m", "aecore", "--help", kept=True)
    assert "train" in python("-m", "aecore", "--help")


def test_what_somebody_set_stays(monkeypatch):
    name, other, *_ = machine.TRAINING
    monkeypatch.setenv(name, "12345")
    monkeypatch.delenv(other, raising=False)
    assert not machine.prepare_for_training()
    assert os.environ[name] == "12345"
    assert os.environ[other] == machine.TRAINING[other]
    assert machine.prepare_for_training()


@linux
def test_the_app_and_the_command_line_compute_on_one_thread():
    """Set before torch is loaded, or they would not count; by default it takes all cores."""
    threads = "import os, torch; print(torch.get_num_threads(), os.environ['OMP_WAIT_POLICY'])"
    assert python("-c", f"import app; {threads}").splitlines()[-1] == "1 PASSIVE"
    restarted = f"from aecore import machine; machine.restart_for_training(); {threads}"
    assert python("-c", restarted) == "1 PASSIVE\n"
