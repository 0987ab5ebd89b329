"""How much of a person's own data is taken, and what their readers hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

import numpy as np

from aecore.errors import DatasetError

MAX_UPLOAD = 200 << 20  # bytes of a file as it comes
MAX_EXAMPLES = 100_000
# Bytes of all values as float32, which they become for PCA, maps and batches, if not before.
MAX_BYTES = 400_000_000
MAX_UNPACKED = 1_000_000_000  # bytes of all image files of an archive, unpacked one at a time
MAX_VALUES = 1 << 20  # numbers in one example, as DataSpec.check allows
MAX_COLUMNS = 10_000
MAX_CLASSES = 1_000
MAX_PIXELS = 50_000_000  # of one image as it comes
MAX_ALL_PIXELS = 2_000_000_000  # of all images as they come: half a minute of decoding
MIN_EXAMPLES = 20
CHUNK = 1 << 20  # bytes that are read, values that are worked on, at a time


@dataclass
class Raw:
    """What a reader found: x (n, *shape), uint8 or float32; a table's values in their own units.

    x_test and labels_test: a held-out split that the file brought along. labels: (n,) int64.
    names: the files that images came from. notes: one sentence for each thing that was left out,
    filled in or guessed. lost: why examples are not among them, and how many.
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
    lost: dict[str, int] = field(default_factory=dict)


def check_examples(n: int, what: str) -> None:
    """Raise DatasetError for more examples than are taken. what: their plural."""
    if n > MAX_EXAMPLES:
        raise DatasetError(
            f"At most {MAX_EXAMPLES:,} {what} are taken, and there are {n:,}; "
            "upload a part of them."
        )


def check_values(n: int, most: int | None = None) -> None:
    """Raise DatasetError for more numbers, over all examples, than `most` bytes of float32 hold.

    most: MAX_BYTES where it is not given.
    """
    most = MAX_BYTES if most is None else most
    if 4 * n > most:
        raise DatasetError(
            f"The data hold {n / 1e6:,.0f} million numbers, which take {4 * n / 1e9:,.1f} GB of "
            f"memory, and at most {most / 1e9:,.1f} GB are allowed; upload fewer or smaller "
            "examples."
        )


def check_enough(n: int, raw: Raw) -> None:
    """Raise DatasetError for fewer different examples than are needed; it says where they went."""
    if n >= MIN_EXAMPLES:
        return
    lost = ", ".join(f"{number:,} {why}" for why, number in raw.lost.items() if number)
    raise DatasetError(
        f"At least {MIN_EXAMPLES} different examples are needed, and there "
        f"{'is' if n == 1 else 'are'} {n}{f' ({lost})' if lost else ''}; add more."
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
    while piece := file.read(CHUNK):
        size += len(piece)
        if size > most:
            raise DatasetError(
                f"A file inside the archive unpacks to more than the {most:,} bytes that it should "
                "have; the archive is damaged or a trap."
            )
        pieces.append(piece)
    return b"".join(pieces)
