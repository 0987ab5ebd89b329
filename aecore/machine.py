"""What the machine has, and how its allocator and threads are told to work; nothing here knows
about models."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator

#: A training step frees and takes the same megabytes again; having the system hand them out afresh
#: each time costs up to a fifth of the speed. glibc reads these when a process starts (mallopt(3)):
#: blocks of up to 32 MB come from the heap, and up to 256 MB that were freed stay with it. Two
#: heaps are enough: else nearly every thread has its own, and of many runs open in a process, of
#: which one computes at a time, each keeps what only that one needs.
KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_ARENA_MAX": "2",
}

#: A run computes on one thread, and threads that wait, where somebody asks for more, sleep. Both
#: are read when a library is loaded. Two threads meet dozens of times in a step of a small network;
#: by default they spin meanwhile, each for the other's core where a third program wants one too,
#: and a run became up to two hundred times slower.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}

#: What a process that trains is started with, where nobody set something else.
TRAINING = KEPT_MEMORY | ONE_THREAD


_blas = threading.Lock()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """One caller at a time, and OpenBLAS with one thread meanwhile: for what multiplies matrices
    inside of OpenMP's threads, as scikit-learn's neighbours, t-SNE and silhouette do.

    scikit-learn asks for that by itself, but of two callers at once only the first is heard, and
    when it is done OpenBLAS has its threads back while the other is still inside of OpenMP's, where
    it may hang. Import what is called before: only libraries that are loaded are told.
    """
    from threadpoolctl import threadpool_limits

    with _blas, threadpool_limits(1, "blas"):
        yield


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # mallopt(3)


def give_memory_back() -> None:
    """Have this process hand freed memory back to the system, where there is a glibc to tell.

    For one in which many threads come and go: glibc gives each a heap of its own, up to eight a
    core, and what a short one leaves in it is nobody else's. Takes the place of KEPT_MEMORY.
    """
    if sys.platform.startswith("linux"):
        # None of these names is there where the system has another C library.
        told = getattr(ctypes.CDLL(None), "mallopt", None)
        if told is not None:
            told(_ARENA_MAX, 2)
            told(_MMAP_THRESHOLD, 1 << 20)
            told(_TRIM_THRESHOLD, 1 << 22)


def trim_memory() -> None:
    """Hand back now what lies free between what is used, which glibc by itself only does at the end
    of a heap. Takes milliseconds, without Python's lock."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def prepare_for_training() -> bool:
    """Have this process compute on one thread, and those that it starts from now on train well.

    What somebody set stays. Call it before NumPy or torch is imported. Returns whether this process
    itself was started with all of `TRAINING`.
    """
    told = all(name in os.environ for name in TRAINING)
    for name, value in TRAINING.items():
        os.environ.setdefault(name, value)
    return told


def restart_for_training() -> None:
    """Start this command anew where its allocator was not told to keep freed memory.

    Call it first of all: it takes a few milliseconds then, and nothing is lost. Returns in a
    process that was started so, and where there is no glibc to tell.
    """
    if not prepare_for_training() and sys.platform.startswith("linux"):
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
