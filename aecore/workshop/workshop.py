"""Hands pieces of work to children, from many threads: turns, progress, time, and the sentence."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import json
import logging
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from aecore.errors import AecoreError
from aecore.machine import cores
from aecore.wording import printable
from aecore.workshop import child, passing
from aecore.workshop.helper import MOST_FILES
from aecore.workshop.helper_process import (
    MOST_BUSY,
    START_SECONDS,
    HelperError,
    HelperProcess,
    command,
    environment,
)
from aecore.workshop.passing import Frames, Nonsense
from aecore.workshop.probe import Walls, try_walls
from aecore.workshop.task import Made, Task, Tell
from aecore.workshop.turns import Place, Turns

log = logging.getLogger(__name__)

TOGETHER = 1300 << 20  # bytes that all children may take at a time
_GRACE = 2.0  # seconds that the helper has to stop a child itself
_BEAT = 0.5  # seconds after which `tell` is called though nothing is new

#: A file for a child: its bytes, its path, or what writes it to an open file.
Content = bytes | Path | Callable[[BinaryIO], object]


@dataclass(frozen=True)
class Cost:
    """What one piece of work took: seconds of the processor, MB above the idle helper process.

    end: "made", "refused" (a sentence of the work's own), "late", "too large", "stumbled",
    "broken" or "doubtful".
    """

    target: str
    end: str
    seconds: float
    megabytes: float


class _Gone(Exception):
    """The helper process died while a child worked."""


class Workshop:
    """Runs tasks in children, a few at a time.

    costs: of the last ones. tried: the walls around them, not `known` before `walls` or `warm`.

    On Linux they are forked from one warm helper process; elsewhere each is a fresh process.
    """

    def __init__(self, at_once: int | None = None, together: int = TOGETHER):
        self.costs: deque[Cost] = deque(maxlen=5000)
        self._turns = Turns(at_once or max(2, cores()), together)
        self._helper = HelperProcess()
        self._numbers = itertools.count()
        self.tried = Walls()
        atexit.register(self.close)

    def length(self) -> tuple[int, int]:
        """How many pieces of work are under way, and how many wait."""
        return self._turns.length()

    def warm(self, *tasks: Task) -> None:
        """Start the helper now, in the background, and have it prepare these tasks."""
        if sys.platform == "linux":
            threading.Thread(
                target=self._warm, args=(tasks,), name="aecore-workshop", daemon=True
            ).start()

    def _warm(self, tasks: Sequence[Task]) -> None:
        with contextlib.suppress(HelperError):  # `run` will say it
            for task in tasks:
                self._helper.send({"target": task.target, "prepare": task.prepare}, [])
            self.walls()

    def run(
        self,
        task: Task,
        files: Sequence[Content] = (),
        arguments: dict[str, Any] | None = None,
        who: str = "",
        tell: Tell | None = None,
        place: Place | None = None,
    ) -> Made:
        """Have a child do a task, and return what it made.

        files: bytes, paths, or what writes them; the target gets them open. arguments: plain JSON.
        who: tells people apart for the turns. tell(share, what): called in this thread as the work
        goes on, at least twice a second; place(ahead): while one waits. What either raises ends
        the work.

        Raises what the target raised if that was an AecoreError; `task.error` with a sentence for a
        death, too much time or memory, and a stumble.
        """
        if len(files) > MOST_FILES:
            raise task.error(f"At most {MOST_FILES} files are worked on together.")
        order = task.order(arguments or {})
        with self._turns.turn(who, task.memory, place):
            try:
                if sys.platform != "linux":
                    return self._in_a_fresh_process(task, order, files, tell)
                try:
                    return self._in_a_fork(task, order, files, tell)
                except _Gone:
                    log.warning("the workshop's helper died; its work begins again")
                    return self._in_a_fork(task, order, files, tell)
            except _Gone as error:
                raise task.broken() from error
            except HelperError as error:
                raise task.error(
                    f"The process that works on files could not be started ({error}); start the "
                    "app again, and make sure that it may start processes."
                ) from error
            except OSError as error:
                raise task.error(
                    f"{task.doing} failed ({error.strerror or 'the system refused'}); try again."
                ) from error

    def close(self) -> None:
        """End the helper process; the next task starts another."""
        self._helper.close()

    def walls(self) -> Walls:
        """Which walls really stand around a child on this machine, found by trying each, once."""
        if not self.tried.known:
            self.tried = try_walls(self.run)
        return self.tried

    @property
    def helper_pid(self) -> int | None:
        """Of the helper process, None while there is none."""
        return self._helper.pid

    # -- Linux -------------------------------------------------------------------------------------

    def _in_a_fork(
        self, task: Task, order: dict[str, Any], files: Sequence[Content], tell: Tell | None
    ) -> Made:
        number = next(self._numbers)
        names = ("target", "prepare", "clock", "longest")
        told = {k: order[k] for k in names} | {"number": number}
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(_opened(json.dumps(order).encode()))]
            opened += [stack.enter_context(_opened(content)) for content in files]
            (results, out), (reports, report) = os.pipe(), os.pipe()
            stack.callback(os.close, results)
            stack.callback(os.close, reports)
            first, *others = (file.fileno() for file in opened)
            try:
                self._helper.send(told, [first, out, report, *others])
            finally:
                os.close(out)
                os.close(report)
            pid = self._helper.pid
            frames, doubt = Frames(task.memory), ""
            try:
                try:
                    # Its own time begins with its first word; the helper may prepare before.
                    limit = task.longest + _GRACE
                    for piece in _pieces(results, START_SECONDS, limit, self._preparing()):
                        frames.feed(piece)
                        _tell(task, frames, tell)
                except Nonsense as error:
                    doubt = str(error)
                    self._helper.stop(number)
                # First what the child had to begin with, then how it ended.
                text = b"".join(_pieces(reports, _GRACE))
            except TimeoutError as error:
                self._helper.close(pid)  # it did not stop its child, so it is stuck itself
                raise task.late() from error
            except BaseException:
                self._helper.stop(number)
                with contextlib.suppress(TimeoutError):  # its turn lasts until it has ended
                    deque(_pieces(reports, _GRACE), maxlen=0)
                raise
        before, _, after = text.partition(b"\n")
        if not after:
            raise _Gone
        ended = json.loads(after)
        grown = max(0, ended["kibibytes"] - int(before or 0)) / 1024
        return self._outcome(task, frames, doubt, ended["late"], ended["seconds"], grown)

    def _preparing(self) -> Callable[[], float]:
        """Says for how long the helper has been at work since now: what it prepares for all takes a
        minute where a whole class wants the cores, and whoever waits meanwhile loses nothing."""
        begun = self._helper.busy()
        return lambda: min(MOST_BUSY, max(0.0, self._helper.busy() - begun))

    # -- elsewhere ---------------------------------------------------------------------------------

    def _in_a_fresh_process(
        self, task: Task, order: dict[str, Any], files: Sequence[Content], tell: Tell | None
    ) -> Made:
        begun = time.monotonic()
        frames, doubt, late = Frames(task.memory), "", False
        with tempfile.TemporaryDirectory(prefix="aecore-") as folder:
            paths = [_written(Path(folder, "order"), json.dumps(order).encode())]
            paths += [_written(Path(folder, f"file{i}"), c) for i, c in enumerate(files)]
            process = subprocess.Popen(
                command(["once", *map(str, paths)]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
            assert process.stdout is not None
            pieces: deque[bytes] = deque()
            reader = threading.Thread(target=_collect, args=(process.stdout, pieces), daemon=True)
            reader.start()
            deadline = begun + task.longest + START_SECONDS
            try:
                while (alive := reader.is_alive()) or pieces:
                    reader.join(0 if pieces else _BEAT)
                    while pieces:
                        frames.feed(pieces.popleft())
                    _tell(task, frames, tell)
                    if alive and time.monotonic() > deadline:
                        late = True
                        break
            except Nonsense as error:
                doubt = str(error)
            finally:
                process.kill()
                process.wait()
                reader.join()
        return self._outcome(task, frames, doubt, late, time.monotonic() - begun, 0.0)

    # -- what came of it ---------------------------------------------------------------------------

    def _outcome(
        self, task: Task, frames: Frames, doubt: str, late: bool, seconds: float, megabytes: float
    ) -> Made:
        end, result = _judged(task, frames, doubt, late)
        self.costs.append(Cost(task.target, end, seconds, megabytes))
        if isinstance(result, AecoreError):
            raise result
        return result


def _judged(task: Task, frames: Frames, doubt: str, late: bool) -> tuple[str, Made | AecoreError]:
    """How it ended (see Cost), and the result or what is to be raised."""
    if late:
        return "late", task.late()
    if frames.result is None and not doubt:
        return "broken", task.broken()
    try:
        if doubt or frames.result is None:
            raise Nonsense(doubt)
        texts, arrays = passing.receive(frames.result)
        if "error" not in texts:
            return "made", Made(passing.parse(texts["about"]), arrays)
        told = passing.parse(texts["error"])
        kinds, sentence, details = told["kind"], str(told["sentence"]), told["details"]
        if kinds == [child.TOO_LARGE]:
            return "too large", task.too_large()
        if kinds == [child.STUMBLED]:
            # Every one is a sentence that somebody has yet to write.
            log.warning("%s: %s\n%s", task.target, sentence, details.get("trace"))
            return "stumbled", task.stumbled()
        return "refused", _error(kinds, sentence, details, task)
    except (Nonsense, KeyError, TypeError, AttributeError) as error:
        log.warning("%s answered nonsense: %r", task.target, error)
        return "doubtful", task.doubtful()


def _error(kinds: list[str], sentence: str, details: dict[str, str], task: Task) -> AecoreError:
    """The error that a child raised: of the nearest class that is known here."""
    known = _classes(AecoreError)
    found = next((known[name] for name in kinds if name in known), task.error)
    text = printable(sentence)[: passing.LONGEST_SENTENCE]
    try:
        error = found(text)
    except TypeError:  # a class that makes its sentence out of parts
        error = found.__new__(found)
        error.args = (text,)
    for name, value in details.items():
        if name.isidentifier() and isinstance(value, str) and name not in dir(AecoreError):
            setattr(error, name, printable(value)[: passing.LONGEST_SENTENCE])
    return error


def _classes(top: type[AecoreError]) -> dict[str, type[AecoreError]]:
    found = {top.__name__: top}
    for one in top.__subclasses__():
        found |= _classes(one)
    return found


def _tell(task: Task, frames: Frames, tell: Tell | None) -> None:
    """Pass on how far a child is; before it said anything, what it is there for."""
    if tell is not None:
        share, what = frames.progress or (0.0, "")
        tell(share, what or task.doing[:1].lower() + task.doing[1:])


def _pieces(
    handle: int,
    seconds: float,
    after: float = 0.0,
    excused: Callable[[], float] = lambda: 0.0,
) -> Iterator[bytes]:
    """What comes through a pipe until the other side closes it, and b"" when nothing came for a
    beat.

    seconds: for all of it; where `after` is given, for the first piece, and `after` for the rest.
    excused: seconds beside, for the first piece. Raises TimeoutError.
    """
    watch = select.poll()
    watch.register(handle, select.POLLIN | select.POLLHUP)
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic() + (excused() if after else 0.0)
        if left <= 0:
            raise TimeoutError
        if not watch.poll(min(left, _BEAT) * 1000):
            yield b""
            continue
        piece = os.read(handle, 1 << 20)
        if not piece:
            return
        if after:
            deadline, after = time.monotonic() + after, 0.0
        yield piece


def _collect(stream: IO[bytes], pieces: deque[bytes]) -> None:
    while piece := stream.read1(1 << 20):  # type: ignore[attr-defined]
        pieces.append(piece)


def _opened(content: Content) -> BinaryIO:
    """A file at its beginning, which a child can read through its handle."""
    if isinstance(content, Path):
        return content.open("rb")
    file = os.fdopen(os.memfd_create("aecore-workshop"), "w+b")
    _fill(file, content)
    file.seek(0)
    return file


def _written(path: Path, content: Content) -> Path:
    """A path at which a child finds the content."""
    if isinstance(content, Path):
        return content
    with path.open("wb") as file:
        _fill(file, content)
    return path


def _fill(file: BinaryIO, content: bytes | Callable[[BinaryIO], object]) -> None:
    if isinstance(content, bytes):
        file.write(content)
    else:
        content(file)
    file.flush()


@functools.cache
def workshop() -> Workshop:
    """The one workshop of this process."""
    return Workshop()
