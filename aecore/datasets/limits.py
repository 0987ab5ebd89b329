"""How much of a person's own data is taken, and what their readers hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

import numpy as np

from aecore.errors import DatasetError

MAX_UPLOAD = 200 << 20  # bytes of a file as it comes
MAX_EXAMPLES = 100_000
MAX_BYTES = 1 << 30  # of all values once they are decoded
MAX_VALUES = 1 << 20  # numbers in one example, as DataSpec.check allows
MAX_COLUMNS = 10_000
MAX_CLASSES = 1_000
MAX_PIXELS = 50_000_000  # of one image as it comes
MAX_ALL_PIXELS = 8_000_000_000  # of all images as they come: minutes of decoding
MIN_EXAMPLES = 20

_CHUNK = 1 << 20


@dataclass
class Raw:
    """What a reader found: x (n, *shape), uint8 or float32; a table's values in their own units.

    x_test and labels_test: a held-out split that the file brought along. labels: (n,) int64.
    names: the files that images came from. notes: one sentence for each thing that was left out,
    filled in or guessed.
    """

    kind: str
    x: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    x_test: np.ndarray | None = None
    labels_test: np.ndarray | None = None
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_examples(n: int, what: str) -> None:
    """Raise DatasetError for more examples than are taken. what: their plural."""
    if n > MAX_EXAMPLES:
        raise DatasetError(
            f"At most {MAX_EXAMPLES:,} {what} are taken, and there are {n:,}; "
            "upload a part of them."
        )


def check_bytes(n: int) -> None:
    """Raise DatasetError for more decoded bytes than are taken."""
    if n > MAX_BYTES:
        raise DatasetError(
            f"The data would take {n / 1e9:,.1f} GB of memory, and at most "
            f"{MAX_BYTES / 1e9:,.1f} GB are allowed; upload fewer or smaller examples."
        )


def check_upload(size: int) -> None:
    """Raise DatasetError for a file that is empty or too large."""
    if size == 0:
        raise DatasetError("The file is empty; choose one that holds data.")
    if size > MAX_UPLOAD:
        raise DatasetError(
            f"A file may have {MAX_UPLOAD >> 20} MB, and this one has {size / (1 << 20):,.0f} MB; "
            "upload a part of it, or smaller images."
        )


def read_capped(file: IO[bytes], most: int) -> bytes:
    """Read a stream to its end, in pieces; raises DatasetError beyond `most` bytes.

    What a header says about the size is not believed: this counts what really comes.
    """
    pieces, size = [], 0
    while piece := file.read(_CHUNK):
        size += len(piece)
        if size > most:
            raise DatasetError(
                f"A file inside the archive unpacks to more than the {most:,} bytes that it should "
                "have; the archive is damaged or a trap."
            )
        pieces.append(piece)
    return b"".join(pieces)
