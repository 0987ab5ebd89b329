"""Where things lie: what ships with the package, and what people make on this machine."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path

RUNS_VARIABLE = "AECORE_RUNS"
PACKAGE = Path(str(importlib.resources.files("aecore")))
#: What a child process needs on its path to import the same code.
IMPORT_PATH = PACKAGE.parent
# A checkout has the trained models beside the package, an installed wheel inside it.
_CHECKOUT = (IMPORT_PATH / "app.py").exists()
SHIPPED = IMPORT_PATH / "checkpoints" if _CHECKOUT else PACKAGE / "shipped"


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
