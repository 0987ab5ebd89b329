"""The worker processes: an embedded Dask cluster, or a running one by its address."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from aecore import places
from aecore.errors import JobError
from aecore.jobs import orders
from aecore.jobs.order import Order
from aecore.machine import cores, keep_freed_memory_in_children
from aecore.runs.store import Run

log = logging.getLogger(__name__)
ANSWER_TIMEOUT = 5.0  # seconds; Dask itself tries for 30 to reach a worker that is gone
CLUSTER_VARIABLE = "AECORE_CLUSTER"


class Workers:
    """Where orders are carried out. Nothing of Dask is imported, or started, before `start`.

    address: of a running Dask scheduler; None embeds one worker process per core.
    """

    def __init__(self, address: str | None = None):
        self.address = address
        self._client: Any = None
        self._cluster: Any = None
        self._starting = threading.Lock()
        self._closed = False

    @property
    def client(self) -> Any:
        """Dask's client. Raises JobError before `start` and after `close`."""
        if self._client is None:
            raise JobError("The worker processes are not running; start the app again.")
        return self._client

    def start(self) -> None:
        """Connect to the cluster, starting the embedded one; once, later calls return at once.

        Raises JobError if no scheduler answers at the address.
        """
        with self._starting:
            if self._client is None and not self._closed:
                self._client = self._embedded() if self.address is None else self._remote()
                from aecore.jobs.prewarm import Prewarm

                self._client.register_plugin(Prewarm())

    def _remote(self) -> Any:
        from distributed import Client

        try:
            return Client(self.address, timeout="10s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise JobError(
                f"No Dask scheduler answers at {self.address} ({error}); start it, or unset "
                f"{CLUSTER_VARIABLE} to train on this machine."
            ) from error

    def _embedded(self) -> Any:
        import dask.config
        from distributed import Client, LocalCluster, SubprocessCluster

        dask.config.set({"distributed.scheduler.allowed-failures": 0})  # see prepare_environment
        options = {"n_workers": cores(), "threads_per_worker": 1, "dashboard_address": None}
        prepare_environment()
        if os.name == "nt":
            self._cluster = LocalCluster(processes=True, **options)
        else:
            # Not LocalCluster: its workers are spawned children, and a child spawned from a
            # Streamlit script runs app.py again.
            self._cluster = SubprocessCluster(**options)
        return Client(self._cluster, set_as_default=False)

    def submit(self, order: Order) -> Any:
        """Hand an order to a free worker, or to the queue; returns Dask's future of its outcome."""
        return self.client.submit(orders.carry_out, order, pure=False, retries=0)

    def ask(self, run: Run, function: Callable, *args: Any) -> Any:
        """Call a function on the event loop of the worker that computes a run.

        Raises JobError if it does not answer.
        """
        try:
            answers = self.client.run(
                function, *args, workers=[run.worker], callback_timeout=ANSWER_TIMEOUT
            )
            return answers[run.worker]
        except (OSError, KeyError, ValueError, TimeoutError) as error:
            raise JobError(f"The worker of the run {run.name!r} does not answer.") from error

    def close(self) -> None:
        """End the embedded cluster, or leave the other one."""
        self._closed = True
        with self._starting:
            for end, patience in ((self._client, 2), (self._cluster, 5)):
                if end is None:
                    continue
                try:
                    end.close(timeout=patience)
                except Exception:  # on its way down it may answer with anything; the server ends
                    log.warning("closing %s", end, exc_info=True)


def prepare_environment() -> None:
    """What worker processes, which inherit the environment, read their settings from."""
    # A killed worker must fail its run: Dask's default would silently train it again from step 0.
    os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"
    # Before Dask's own setting, by which every worker gives freed memory back at once.
    keep_freed_memory_in_children()
    paths = [str(places.IMPORT_PATH), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def is_loss(future: Any) -> bool:
    """Whether a task ended because its worker process did."""
    return type(future.exception()).__name__ in ("KilledWorker", "CommClosedError")
