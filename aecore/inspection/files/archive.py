"""A zip archive whose table of contents is checked before anything is taken out of it."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files.limits import MAX_ENTRIES, MAX_FILE_BYTES
from aecore.wording import short


class Archive:
    """An archive's files by the name below its own top folder (torch puts all into one)."""

    def __init__(self, file: BinaryIO):
        """Check the table of contents. Raises CheckpointError with one sentence."""
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, OSError) as e:
            raise _damaged("its table of contents cannot be read") from e
        infos = self._zip.infolist()
        _check(infos, size)
        tops = {info.filename.split("/", 1)[0] for info in infos}
        only = len(tops) == 1 and all("/" in info.filename for info in infos)
        self.top = f"{tops.pop()}/" if only else ""
        self._infos = {info.filename.removeprefix(self.top): info for info in infos}

    def names(self) -> list[str]:
        return list(self._infos)

    def size(self, name: str) -> int:
        """Bytes of a file of the archive."""
        return self._infos[name].file_size

    def read(self, name: str, most: int) -> bytes:
        """A file's bytes; raises CheckpointError beyond `most`, if damaged or if there is none."""
        info = self._infos.get(name)
        if info is None:
            raise _damaged(f"the part {short(name)!r} is missing")
        if info.file_size > most:
            raise CheckpointError(
                f"The part {short(name)!r} of the file has {info.file_size:,} bytes, and at most "
                f"{most:,} are read; save only the weights."
            )
        try:
            with self._zip.open(info) as part:
                # What the table of contents says is not believed: one byte more would show.
                content = part.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise _damaged(f"the part {short(name)!r} cannot be unpacked") from error
        except (NotImplementedError, RuntimeError) as error:  # encrypted, or an unknown method
            raise _damaged(f"the part {short(name)!r} is packed in an unknown way") from error
        if len(content) > info.file_size:
            raise _damaged(f"the part {short(name)!r} unpacks to more than it should have")
        return content


def _check(infos: list[zipfile.ZipInfo], size: int) -> None:
    if not infos:
        raise CheckpointError("The archive is empty; choose a file that holds a model.")
    if len(infos) > MAX_ENTRIES:
        raise CheckpointError(
            f"The archive holds {len(infos):,} files, and at most {MAX_ENTRIES:,} are read; this "
            "is not a model's file."
        )
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise CheckpointError(
                f"The archive holds a file called {short(name)!r}, which would be written outside "
                "its folder when unpacked; nothing was unpacked, and the file should be deleted."
            )
        if name in seen:
            raise CheckpointError(
                f"The archive holds two files called {short(name)!r}, and only one could be meant; "
                "it is damaged or a trap."
            )
        seen.add(name)
        if info.compress_type != zipfile.ZIP_STORED and info.file_size > 1 << 20:
            raise CheckpointError(
                f"The archive's part {short(name)!r} is compressed to unpack to "
                f"{info.file_size:,} bytes, which models' files never are; unpack the archive and "
                "choose the model inside."
            )
    total = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if packed > size or total > MAX_FILE_BYTES:
        raise CheckpointError(
            f"The archive promises {total:,} bytes and has {size:,} itself, so its table of "
            "contents lies; it is damaged or a trap."
        )


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError(f"The file is a damaged archive: {reason}; copy or download it again.")
