"""Where things lie: what ships with the package, and what people make on this machine."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path

RUNS_VARIABLE = "AECORE_RUNS"
#: What `aecore serve` tells the app: the address that people open, and the hash of the secret in
#: the teacher's link.
URL_VARIABLE, TEACHER_KEY_VARIABLE = "AECORE_URL", "AECORE_TEACHER_KEY"
TEACHER_LINK = "aecore/teacher/"  # from the app's address; the secret follows
PACKAGE = Path(str(importlib.resources.files("aecore")))
#: What a child process needs on its path to import the same code.
IMPORT_PATH = PACKAGE.parent
# A checkout has the trained models beside the package, an installed wheel inside it.
_CHECKOUT = (IMPORT_PATH / "app.py").exists()
#: The folder of app.py and its pages, for who starts them.
APP = IMPORT_PATH if _CHECKOUT else PACKAGE / "app"
SHIPPED = IMPORT_PATH / "checkpoints" if _CHECKOUT else PACKAGE / "shipped"


def door_closed() -> Path:
    """The file that says, while it is there, that nobody new is let in."""
    return runs() / "door-closed"


def cache() -> Path:
    """aecore's folder in the user's cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "aecore"


def runs() -> Path:
    """The folder of runs and own data: AECORE_RUNS, else beside app.py or in the user's cache."""
    chosen = os.environ.get(RUNS_VARIABLE)
    if chosen:
        return Path(chosen)
    return IMPORT_PATH / "runs" if _CHECKOUT else cache() / "runs"
