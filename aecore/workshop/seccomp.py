"""seccomp: system calls that work on a file never needs fail from here on (Linux on x86-64).

PyPI's `pyseccomp` is of 2021 and needs a library of the system, so the filter is written out: for
each call a comparison and an answer, as in seccomp(2) and linux/filter.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2  # of prctl
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X86_64 = 0xC000003E
_X32 = 0x40000000  # numbers from here on are another way to the same calls
_THREAD = 0x00010000  # CLONE_THREAD
_NUMBER, _PROCESSOR, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data

_REFUSED = {
    # the network, and other processes by sockets
    *(41, 42, 43, 49, 50, 53, 288),  # socket connect accept bind listen socketpair accept4
    # new programs and processes (clone: below)
    *(57, 58, 59, 322),  # fork vfork execve execveat
    # other processes' memory, signals and handles
    *(101, 129, 297, 310, 311, 424, 434, 438),  # ptrace *sigqueueinfo process_vm_* pidfd_*
    # memory that outlives the process
    *(29, 64, 68, 240),  # shmget semget msgget mq_open
    # changing files: creat link unlink rename mkdir rmdir symlink mknod truncate, and their *at
    *(76, 82, 83, 84, 85, 86, 87, 88, 133, 258, 259, 263, 264, 265, 266, 316),
    # chmod chown utime setxattr
    *(90, 91, 92, 93, 94, 132, 188, 189, 190, 235, 260, 261, 268, 280, 452),
    # the system: mount chroot pivot_root swapon reboot modules kexec namespaces bpf and the like
    *(155, 161, 165, 166, 167, 169, 175, 246, 272, 298, 304, 308, 313, 321, 323),
    # keys, and calls that go round a filter
    *(248, 249, 250, 425, 426, 427),
    160,  # setrlimit; prlimit64: below
}
_UNKNOWN = (435, 437)  # clone3 openat2: their flags lie where a filter cannot look
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def possible() -> bool:
    """Whether the filter fits this machine."""
    return sys.platform.startswith("linux") and platform.machine() in ("x86_64", "AMD64")


def restrict() -> bool:
    """Put this process under the filter, for good; whether it holds.

    It may go on reading, computing and starting threads of its own; to open for writing, to start
    or signal another process, and to use the network fail with EPERM.
    """
    if not possible():
        return False
    program = b"".join(_program(os.getpid()))
    text = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return libc.prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(head), 0, 0) == 0


def _program(pid: int) -> list[bytes]:
    refuse, allow = _step(_RETURN, _ERRNO | errno.EPERM), _step(_RETURN, _ALLOW)
    program = [
        _step(_LOAD, _PROCESSOR),
        _step(_EQUAL, _X86_64, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        refuse,
    ]
    for number in sorted(_REFUSED):
        program += [_step(_EQUAL, number, 0, 1), refuse]
    for number in _UNKNOWN:
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    program += _only(56, _argument(0), _ANY_BIT, _THREAD)  # clone
    for number in (62, 200, 234):  # kill tkill tgkill: itself, as abort() does
        program += _only(number, _argument(0), _EQUAL, pid)
    for number, flags in ((2, 1), (257, 2)):  # open openat
        program += _unless(number, _argument(flags), _WRITING)
    program += [  # prlimit64: asking is allowed, setting is not
        _step(_EQUAL, 302, 0, 6),
        _argument(2),
        _step(_EQUAL, 0, 0, 3),
        _argument(2, high=True),
        _step(_EQUAL, 0, 0, 1),
        allow,
        refuse,
    ]
    return [*program, allow]


def _only(number: int, load: bytes, test: int, value: int) -> list[bytes]:
    """Allow a call only where the loaded argument passes a test."""
    tail = [load, _step(test, value, 0, 1), _step(_RETURN, _ALLOW)]
    return [_step(_EQUAL, number, 0, 4), *tail, _step(_RETURN, _ERRNO | errno.EPERM)]


def _unless(number: int, load: bytes, bits: int) -> list[bytes]:
    """Refuse a call where the loaded argument has any of these bits."""
    tail = [load, _step(_ANY_BIT, bits, 0, 1), _step(_RETURN, _ERRNO | errno.EPERM)]
    return [_step(_EQUAL, number, 0, 4), *tail, _step(_RETURN, _ALLOW)]


def _argument(index: int, high: bool = False) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * index + 4 * high)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
