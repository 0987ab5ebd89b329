"""Which kind of file this is, by its first bytes and not by its name; then its own reader."""

from __future__ import annotations

from typing import BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files.archive import Archive
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.exported import is_exported, read_exported
from aecore.inspection.files.foreign import check_archive, check_foreign
from aecore.inspection.files.onnx_file import read_onnx
from aecore.inspection.files.safetensors_file import read_safetensors
from aecore.inspection.files.torch_file import (
    MAGIC,
    read_plain_pickle,
    read_torch_legacy,
    read_torch_zip,
)
from aecore.wording import short

_READ = ".safetensors, .pt, .pth, .ckpt, .pt2 and .onnx"


def read_file(file: BinaryIO, name: str) -> Contents:
    """Read an open file of any known kind. Raises CheckpointError with one sentence."""
    begin = file.read(64)
    file.seek(0)
    shown = repr(short(name))
    # First: the length that a .safetensors file begins with may look like any of the others' marks.
    if begin[8:9] == b"{" and int.from_bytes(begin[:8], "little") < 1 << 32:
        return read_safetensors(file)
    check_foreign(file, begin, name, shown)
    if begin.startswith(b"PK"):
        return _read_zip(file, shown)
    if begin.startswith(MAGIC):
        return read_torch_legacy(file)
    if begin.startswith(b"\x80"):
        return read_plain_pickle(file)
    if name.lower().endswith(".safetensors"):
        return read_safetensors(file)
    if name.lower().endswith(".onnx") or begin[:1] == b"\x08":
        return read_onnx(file)
    if _is_text(begin):
        raise CheckpointError(
            f"The file {shown} is text and holds no weights; these kinds are read: {_READ}."
        )
    raise CheckpointError(
        f"What kind of file {shown} is cannot be told, or it is damaged at its start; these kinds "
        f"are read: {_READ}."
    )


def _read_zip(file: BinaryIO, shown: str) -> Contents:
    archive = Archive(file)
    names = archive.names()
    if is_exported(names):
        return read_exported(archive)
    if "data.pkl" in names or "constants.pkl" in names:
        return read_torch_zip(file, archive)
    check_archive(names, shown)
    inside = ", ".join(short(n, 24) for n in names[:3])
    raise CheckpointError(
        f"The archive {shown} is not a model's file (it holds {inside}); unpack it and choose the "
        "model inside."
    )


def _is_text(begin: bytes) -> bool:
    printable = set(range(32, 127)) | {9, 10, 13}
    return bool(begin) and all(byte in printable for byte in begin)
