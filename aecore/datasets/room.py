"""Room on the disk: whoever writes data leaves some of it to everybody's runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from aecore.errors import DatasetError

SPARE = 1 << 30  # bytes of the disk that data leave to everybody's runs


def has_room(place: Path, size: int) -> bool:
    """Whether the disk that a file or folder lies on, or will, has room for so many bytes more."""
    return _free(place) - size >= SPARE


def check_room(place: Path, size: int) -> None:
    """Raise DatasetError where the disk would have too little left for what others do."""
    if not has_room(place, size):
        raise DatasetError(
            f"The data take {size / 1e6:,.0f} MB, and this server's disk has "
            f"{_free(place) / 1e6:,.0f} MB free, of which {SPARE / 1e6:,.0f} MB are kept for "
            "everybody's runs; choose smaller data, or delete data of your own first."
        )


def _free(place: Path) -> int:
    there = next((p for p in (place, *place.parents) if p.is_dir()), Path())
    return shutil.disk_usage(there).free
