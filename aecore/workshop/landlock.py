"""Landlock: from here on this process opens only what it is allowed to (Linux, landlock(7)).

PyPI's `landlock` has been a development release since 2025, so these are the three system calls
themselves. Their numbers are the same on all processors.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1  # flag of _CREATE: only tell the version
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38  # of prctl
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_NET = 0b11  # bind and connect of TCP
_SCOPES = 0b11  # abstract Unix sockets, signals
# File rights that each version knows: everything from executing to ioctl of devices.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LATEST_FILE_RIGHTS = 16


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(_CREATE, None, 0, _VERSION))


def restrict(readable: Iterable[Path]) -> int:
    """Let this process and all that it starts read below these paths, and open nothing else.

    No other file or folder is opened, written, made or removed, no TCP port bound or connected
    (version 4), no abstract socket or process outside reached (version 6). Handles that are open
    stay so. Returns the version that holds, 0 if none does.
    """
    known = version()
    if not known:
        return 0
    libc = _libc()
    files = (1 << _FILE_RIGHTS.get(known, _LATEST_FILE_RIGHTS)) - 1
    handled = [files, *([_NET] if known >= 4 else []), *([_SCOPES] if known >= 6 else [])]
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = libc.syscall(_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return 0
    try:
        for path in readable:
            _allow(libc, ruleset, path)
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(_RESTRICT, ruleset, 0):
            return 0
    finally:
        os.close(ruleset)
    return known


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return  # what is not there need not be allowed
        raise
    try:
        rights = _READ_FILE | (_READ_DIR if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, handle)
        if libc.syscall(_ADD, ruleset, _PATH_BENEATH, rule, 0):
            raise OSError(ctypes.get_errno(), f"Landlock refused a rule for {path}")
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
