"""Room on the disk: whoever writes data leaves some of it to everybody's runs."""

from __future__ import annotations

from pathlib import Path

from aecore.errors import DatasetError
from aecore.writing import DISK_RESERVE, disk_room


def has_room(place: Path, size: int) -> bool:
    """Whether the disk that a file or folder lies on, or will, has room for so many bytes more."""
    return size <= disk_room(place)


def check_room(place: Path, size: int) -> None:
    """Raise DatasetError where the disk would have too little left for what others do."""
    if not has_room(place, size):
        free = disk_room(place) + DISK_RESERVE
        raise DatasetError(
            f"The data take {size / 1e6:,.0f} MB, and this server's disk has {free / 1e6:,.0f} MB "
            f"free, of which {DISK_RESERVE / 1e6:,.0f} MB are kept for everybody's runs; choose "
            "smaller data, or delete data of your own first."
        )
