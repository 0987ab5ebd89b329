"""Where runs train: an embedded Dask cluster, or a running one by its address, kept in reach."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from aecore.errors import JobError
from aecore.jobs import orders
from aecore.jobs.keys import security
from aecore.jobs.order import TOPIC, Order
from aecore.runs.store import Run

log = logging.getLogger(__name__)
CLUSTER_VARIABLE = "AECORE_CLUSTER"
ANSWER_TIMEOUT = 5.0  # seconds; Dask itself tries for 30 to reach a worker that is gone
LOOK = 0.25  # seconds between two looks at the processes and the connection
BEAT = 1.0  # seconds between two questions to the scheduler, how it and its workers are
HUNG_SCHEDULER = 15.0  # seconds without an answer, after which it is given up, and all start anew
HUNG = 30.0  # seconds without a sign of life of a worker: some libraries compute long at a stretch
RETRY = 5.0  # seconds between two tries to reach a cluster
PATIENCE = 90.0  # seconds that a caller waits for workers to come up


class Workers:
    """The cluster, kept up by a thread of its own. Nothing of Dask is imported before `start`.

    address: of a running Dask scheduler; None embeds one worker process per core. The thread
    starts or reaches the cluster, notices within a second that it is gone and within HUNG seconds
    that a part of it hangs, and begins anew. on_event: called with each message that workers send,
    on Dask's own thread. on_silent: called with the address of a worker that is gone or was given
    up, and why. on_connected: called each time that there is a cluster.
    """

    def __init__(
        self,
        address: str | None = None,
        on_event: Callable[[Any], None] = lambda message: None,
        on_silent: Callable[[str, str], None] = lambda address, why: None,
        on_connected: Callable[[], None] = lambda: None,
    ):
        self.address = address
        self._on_event, self._on_silent = on_event, on_silent
        self._on_connected = on_connected
        self._client: Any = None
        self.present: tuple[str, ...] = ()  # the workers' addresses, as last told
        self._embedded: Any = None
        self._changed = threading.Condition()
        self._failures, self._error = 0, ""
        self._wanted, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    # For those who have something to do -----------------------------------------------------

    @property
    def client(self) -> Any:
        """Dask's client. Raises JobError where no cluster is connected right now."""
        client = self._client
        if client is None or client.status != "running":
            raise JobError("The training workers are not there just now; try again in a moment.")
        return client

    def start(self) -> None:
        """Wait until the cluster is there, starting it first; returns at once where it is.

        Raises JobError if it does not come.
        """
        with self._changed:
            if self._closing.is_set():
                return
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._keep, name="aecore-cluster", daemon=True
                )
                self._thread.start()
            before = self._failures
            self._wanted.set()
            self._changed.wait_for(
                lambda: self._up() or self._failures > before or self._closing.is_set(), PATIENCE
            )
            if not self._up() and not self._closing.is_set():
                raise JobError(self._error or "The training workers did not start; try again.")

    def _up(self) -> bool:
        return self._client is not None and self._client.status == "running"

    @property
    def outlives(self) -> bool:
        """Whether the cluster goes on without this process."""
        return self.address is not None

    def submit(self, order: Order, where: str | None = None) -> Any:
        """Hand an order to the worker at an address, or to another where that is gone; returns
        Dask's future of its end.

        It belongs to the cluster then: it is carried out even if this process is gone.
        """
        from distributed import fire_and_forget

        client, key = self.client, _key(order.token)
        place = {} if where is None else {"workers": [where], "allow_other_workers": True}
        future = client.submit(orders.carry_out, order, key=key, pure=False, retries=0, **place)
        fire_and_forget(future)
        return future

    def knows(self, token: str) -> bool:
        """Whether the scheduler has an order that is not over. Raises JobError."""
        try:
            return bool(self.client.run_on_scheduler(orders.known, [_key(token)]))
        except (OSError, TimeoutError, AttributeError, RuntimeError, ValueError) as error:
            raise JobError("The training workers' scheduler does not answer.") from error

    def cancel(self, token: str, future: Any) -> None:
        """End an order wherever it is; nothing happens where it is not, or nobody is reached.

        future: as `submit` gave it, if this process did.
        """
        from distributed import Future

        try:
            if future is None and not self.knows(token):
                return
            # It belongs to the cluster too, which would carry it out without us.
            self.client.cancel([future or Future(_key(token), client=self.client)], force=True)
        except (JobError, OSError, TimeoutError, AttributeError, RuntimeError) as error:
            log.info("cancelling %s: %s", token, error)

    def say(self, kind: str, run_id: str, token: str, who: str, *rest: Any) -> None:
        """Tell all processes that listen to this cluster; nothing happens where it is away: they
        look for themselves, a little later."""
        try:
            if self._client is not None:
                self._client.log_event(TOPIC, (kind, run_id, token, who, *rest))
        except (OSError, TimeoutError, AttributeError, RuntimeError, ValueError) as error:
            log.info("saying %s of %s: %s", kind, run_id, error)

    def everywhere(self, function: Callable, *args: Any) -> dict[str, Any]:
        """What a function says on the event loop of each worker, by its address.

        Raises JobError where the cluster does not answer.
        """
        try:
            return self.client.run(
                function,
                *args,
                on_error="ignore",
                callback_timeout=ANSWER_TIMEOUT,
            )
        except (OSError, TimeoutError, AttributeError, RuntimeError, ValueError) as error:
            raise JobError("The training workers do not answer.") from error

    def ask(self, run: Run, function: Callable, *args: Any, patience: float = ANSWER_TIMEOUT):
        """Call a function on the event loop of the worker that computes a run.

        Raises JobError if it does not answer within `patience` seconds.
        """
        worker = run.worker
        try:
            answers = self.client.run(function, *args, workers=[worker], callback_timeout=patience)
            return answers[worker]
        except (OSError, KeyError, ValueError, TimeoutError, AttributeError, RuntimeError) as error:
            # The last two are what a client says that is being closed.
            raise JobError(f"The worker of the run {run.name!r} does not answer.") from error

    def why_ended(self, worker: str | None) -> str:
        """Why a worker process was ended here; a general sentence where it was not."""
        reasons = {} if self._embedded is None else self._embedded.reasons
        return reasons.get(worker or "", "The worker process of this run was ended from outside.")

    def close(self) -> None:
        """End the embedded cluster, or leave the other one; also one that is just starting."""
        self._closing.set()
        self._wanted.set()
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(PATIENCE)

    # On the thread that keeps it ------------------------------------------------------------

    def _keep(self) -> None:
        while not self._closing.is_set():
            self._wanted.clear()
            try:
                self._connect()
            except Exception as error:  # whatever Dask or the system says: it is tried again
                self._failed(error)
                self._part()
                self._wanted.wait(RETRY)
                continue
            with self._changed:
                self._changed.notify_all()
            self._on_connected()
            lost = self._watch()
            if lost:
                log.warning("%s What follows waits for the next.", lost)
            self._part()

    def _failed(self, error: Exception) -> None:
        told = str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error}"
        if told != self._error:
            log.warning("no training workers: %s", told, exc_info=not isinstance(error, JobError))
        with self._changed:
            self._error, self._failures = told, self._failures + 1
            self._changed.notify_all()

    def _connect(self) -> None:
        from distributed import Client

        # That a connection broke is said here in a sentence, by Dask's client with a traceback.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)

        if self.address is None:
            from aecore.jobs.processes import Embedded

            self._embedded = Embedded(self._closing)
            client = Client(
                self._embedded.start(),
                security=self._embedded.security,
                timeout="30s",
                set_as_default=False,
            )
        else:
            try:
                client = Client(
                    self.address, timeout="10s", set_as_default=False, security=security()
                )
            except (OSError, TimeoutError, ValueError) as error:
                raise JobError(
                    f"No Dask scheduler answers at {self.address} ({error}); start it, or unset "
                    f"{CLUSTER_VARIABLE} to train on this machine."
                ) from error
        from aecore.jobs.prewarm import Prewarm

        client.subscribe_topic(TOPIC, self._on_event)
        client.register_plugin(Prewarm())
        self.present = tuple(client.scheduler_info()["workers"])
        self._client = client

    def _watch(self) -> str:
        """Look after the cluster until it is lost, which is said, or to be closed: ""."""
        asked = answered = time.monotonic()
        signs: dict[str, tuple[float, float]] = {}
        while not self._closing.wait(LOOK):
            if self._embedded is not None and (lost := self._embedded.look()):
                return lost
            if self._client.status != "running":
                return "The connection to the training workers' scheduler broke."
            now = time.monotonic()
            if now - asked < BEAT:
                continue
            asked = now
            try:
                told = self._client.sync(
                    self._client.scheduler.identity, callback_timeout=ANSWER_TIMEOUT
                )
            except (OSError, TimeoutError, AttributeError, RuntimeError):
                silent = time.monotonic() - answered
                if silent > HUNG_SCHEDULER:
                    return f"The training workers' scheduler has not answered for {silent:.0f} s."
                continue
            answered = time.monotonic()
            self.present = tuple(told["workers"])
            self._look_for_silent(told["workers"], signs)
        return ""

    def _look_for_silent(self, workers: dict[str, Any], signs: dict) -> None:
        """Give up workers whose signs of life, that the scheduler saw, are HUNG seconds old.

        By this process's own clock, which stands still while the machine sleeps.
        """
        now = time.monotonic()
        for address in signs.keys() - workers.keys():
            del signs[address]
            self._on_silent(address, self.why_ended(address))
        for address, about in workers.items():
            last, since = signs.get(address, (None, now))
            if about["last_seen"] != last:
                signs[address] = (about["last_seen"], now)
            elif now - since > HUNG:
                why = f"The worker process of this run did not answer for {HUNG:g} seconds."
                if self._embedded is not None:
                    self._embedded.end(address, why)
                self._on_silent(address, why)

    def _part(self) -> None:
        """Leave the client and end the processes, whatever state they are in."""
        client, self._client = self._client, None
        embedded, self._embedded = self._embedded, None
        if client is not None and client.status == "running":
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):
                client.unsubscribe_topic(TOPIC)
        if embedded is not None:
            embedded.close()
        if client is not None:
            # Apart: it waits for a scheduler that may be gone.
            threading.Thread(target=_leave, args=(client,), daemon=True).start()


def _key(token: str) -> str:
    """What Dask calls an order."""
    return f"aecore-{token}"


def _leave(client: Any) -> None:
    try:
        client.close(timeout=2)
    except Exception:  # on its way down it may answer with anything
        log.warning("closing %s", client, exc_info=True)


def is_loss(future: Any) -> bool:
    """Whether a task ended because its worker process did."""
    return type(future.exception()).__name__ in ("KilledWorker", "CommClosedError")
