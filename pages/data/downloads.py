"""Downloads: one thread a dataset, whoever presses, and the panel that shows how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from aecore.datasets import Source
from aecore.errors import AecoreError
from pages.shell import session
from pages.shell.again import run_again
from pages.shell.layout import guarded
from pages.shell.plain_text import own, plain

POLL = 1.0  # seconds between two looks at a download


class Halted(Exception):
    """Ends a download from within, because its owner pressed Stop."""


@dataclass
class Download:
    """One download: who started it and how far it is. Its thread writes, pages read."""

    owner: str
    total: int
    done: int = 0
    first: int | None = None  # bytes that were here when it began
    started: float = field(default_factory=time.monotonic)
    running: bool = True
    message: str = ""  # why it did not succeed
    halt: threading.Event = field(default_factory=threading.Event)

    def report(self, done: int, total: int) -> None:
        if self.halt.is_set():
            raise Halted
        if self.first is None:
            self.first = done
        self.done, self.total = done, total

    @property
    def seconds_left(self) -> float | None:
        """From the speed so far; None before there is one."""
        come, passed = self.done - (self.first or 0), time.monotonic() - self.started
        return (self.total - self.done) * passed / come if come > 0 and passed > 1 else None


_lock = threading.Lock()
_downloads: dict[str, Download] = {}


def begin(source: Source, owner: str) -> Download:
    """Start a download, or return the one under way: there is one a dataset in this process."""
    with _lock:
        known = _downloads.get(source.name)
        if known is not None and known.running:
            return known
        job = _downloads[source.name] = Download(owner, round(source.megabytes * 1e6))
    threading.Thread(
        target=_run, args=(source.fetch, job), name=f"aecore-download-{source.name}", daemon=True
    ).start()
    return job


def _run(fetch: Callable, job: Download) -> None:
    try:
        fetch(job.report)
    except Halted:
        job.message = "Stopped; the next download goes on from there."
    except AecoreError as error:
        job.message = str(error)
    except OSError as error:
        job.message = f"The download did not succeed ({error.strerror or error}); try again."
    except BaseException:
        job.message = "The download did not succeed; the server's log says why."
        raise
    finally:
        job.running = False


def panel(source: Source) -> None:
    """Where a dataset that is not here yet can be had: a button, then how far it is."""
    job = _downloads.get(source.name)
    live = job is not None and job.running
    st.fragment(guarded(_panel), run_every=POLL if live else None)(source, live)


def _panel(source: Source, was_live: bool) -> None:
    job = _downloads.get(source.name)
    if was_live and (job is None or not job.running):
        run_again()  # the whole page: the examples, or the button again
    if job is not None and job.running:
        _progress(source, job)
        return
    if st.button(
        f"Download ({source.megabytes:,.0f} MB)",
        icon=":material/cloud_download:",
        type="primary",
        width="stretch",
        key=f"download_{source.name}",
    ):
        begin(source, session.owner())
        st.rerun()
    if job is not None and job.message:
        if job.halt.is_set():
            st.info(plain(job.message), icon=":material/pause_circle:")
        else:
            st.error(plain(job.message), icon=":material/cloud_off:")
    else:
        st.caption(
            "It is downloaded once, checked against the sums that its authors publish, and then "
            "here for everybody who uses this server."
        )
    with st.expander("Without a network", icon=":material/wifi_off:"):
        st.markdown(own(source.how_to_get()))


def _progress(source: Source, job: Download) -> None:
    mine = job.owner == session.owner()
    left = job.seconds_left
    time_left = "" if left is None else f", {_duration(left)} left"
    st.progress(
        min(1.0, job.done / max(job.total, 1)),
        f"{job.done / 1e6:,.1f} of {job.total / 1e6:,.1f} MB{time_left}",
    )
    if not mine:
        st.info(
            f"{plain(source.title)} is being downloaded by another session; it will be here for "
            "all.",
            icon=":material/group:",
        )
    elif job.halt.is_set():
        st.caption("It stops at the next bytes that come, or after half a minute without any.")
    elif st.button(
        "Stop",
        icon=":material/stop:",
        width="stretch",
        key=f"halt_{source.name}",
        help="What has come stays: the next download goes on there.",
    ):
        job.halt.set()
        st.rerun(scope="fragment")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
