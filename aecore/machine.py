"""What the machine has, and how its allocator is told to work; nothing here knows about models."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

#: A training step frees and takes the same megabytes again; having the system hand them out afresh
#: each time costs up to a fifth of the speed. glibc reads these when a process starts (mallopt(3)):
#: blocks of up to 32 MB come from the heap, and up to 256 MB that were freed stay with it.
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}


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


def keep_freed_memory_in_children() -> bool:
    """Have processes that are started from now on keep freed memory for the next step.

    What somebody set stays. Returns whether this process itself was started so.
    """
    told = all(name in os.environ for name in KEPT_MEMORY)
    for name, value in KEPT_MEMORY.items():
        os.environ.setdefault(name, value)
    return told


def restart_to_keep_freed_memory() -> None:
    """Start this command anew where its allocator was not told to keep freed memory.

    Call it first of all: it takes a few milliseconds then, and nothing is lost. Returns, having
    done nothing, in a process that was started so, and where there is no glibc to tell.
    """
    if sys.platform.startswith("linux") and not keep_freed_memory_in_children():
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
