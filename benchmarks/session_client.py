"""A browser's session over Streamlit's own websocket: what it sends, and how long answers take.

A `Session` behaves as Streamlit's page in a browser does: fragments run again by themselves as
often as the server says, an address that the server changes is kept, messages that it keeps are
not sent twice, pictures are fetched. It draws nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from benchmarks.browser import PATIENCE, Browser

WHOLE = ""  # the page itself, among the ids of its fragments
KEPT_RUNS = 2  # Streamlit's maxCachedMessageAge
ERROR = 1  # of Alert.Format


@dataclass
class Session:
    """One open tab. `elements` holds what is on the page by its place; `reruns` the seconds of each
    answer: (page, "whole" | "fragment" | "opened", seconds).

    host: name:port. browser: whose tab it is; a new one where none is given. heard: called with
    each element that comes, after it was put in its place.
    """

    host: str
    page: str = ""
    query: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    browser: Browser | None = None
    heard: Callable[[Any], None] | None = None
    automatic: bool = False  # whether fragments run again by themselves
    elements: dict[str, Any] = field(default_factory=dict)
    hash: str = ""
    widgets: dict[str, WidgetState] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # hashes of pages by their address
    reruns: list[tuple[str, str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dropped: int = 0  # websockets that ended without our asking

    def __post_init__(self) -> None:
        self.browser = self.browser or Browser(self.host, self.cookies)
        self._fragments: dict[str, str] = {}  # of elements, by place
        self._intervals: dict[str, tuple[float, asyncio.Task]] = {}
        self._asked: dict[str, tuple[str, float]] = {}  # answers that are out: (kind, since)
        self._kept: dict[str, tuple[Any, str, int]] = {}  # messages: element, fragment, run
        self._runs = 0
        self._done: list[tuple[str, asyncio.Future]] = []  # who waits for which fragment
        self._urls: dict[str, asyncio.Future] = {}
        self._pictures: set[str] = set()
        self._tasks: set[asyncio.Task] = set()
        self._over = False

    @property
    def received(self) -> int:
        """Bytes over this browser's websockets."""
        return self._browser.received["websocket"]

    @property
    def _browser(self) -> Browser:
        assert self.browser is not None
        return self.browser

    async def open(self, assets: bool = False) -> Session:
        """Ask for the page as a browser does (which brings the cookies), then connect."""
        await self._browser.visit(self.page, self.query, assets)
        self.cookies = self._browser.cookies
        token = self.cookies.get("_streamlit_xsrf", "")
        counts = self._browser.received

        class Counted(ClientConnection):
            def data_received(self, data: bytes) -> None:
                counts["websocket"] += len(data)  # as they come: packed, if they are
                super().data_received(data)

        self.socket = await websockets.connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=[Subprotocol(name) for name in ("streamlit", token) if name],
            additional_headers={"Cookie": self._browser.cookie()},
            origin=Origin(f"http://{self.host}"),
            max_size=None,
            open_timeout=60,
            ping_timeout=None,
            create_connection=Counted,
        )
        self._spawn(self._read())
        return self

    async def open_again(self) -> float:
        """Connect anew after the websocket ended, and have the page run; seconds. The server may
        be another: nothing that it was told before is known there."""
        self._kept.clear()
        self._asked.clear()
        self._done.clear()
        self.elements.clear()
        await self.open()
        return await self.rerun("opened again")

    async def rerun(self, kind: str = "whole") -> float:
        """Run the page and wait until it has run; seconds."""
        return await self._answered(WHOLE, kind)

    async def press(self, label: str) -> float:
        """Press the button with this label, and wait until the page has run; seconds."""
        place, button = self._find("button", lambda found: found.label == label, label)
        state = WidgetState(id=button.id, trigger_value=True)
        return await self._act(state, self._fragments.get(place, WHOLE))

    def choose(self, label: str, value: str | float) -> None:
        """Set a number or a choice by its label; the next rerun says it. A choice's value is as
        the page words it. Raises LookupError where there is none."""
        for kind in ("number_input", "slider", "selectbox"):
            for found in self.found(kind):
                if found.label == label:
                    state = self.widgets[found.id] = WidgetState(id=found.id)
                    if kind == "slider":
                        state.string_array_value.data.append(str(value))
                    elif kind == "selectbox":
                        state.string_value = str(value)
                    elif found.data_type == found.INT:
                        state.int_value = int(value)
                    else:
                        state.double_value = float(value)
                    return
        raise LookupError(f"No choice is called {label!r} on the page {self.page or 'home'}.")

    async def trigger(self, component: str, name: str, value: str = "true") -> float:
        """What a component's `setTriggerValue(name, value)` does; value is JSON."""
        place, found = self._find(
            "bidi_component",
            lambda found: found.component_name.rpartition(".")[2] == component,
            component,
        )
        state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{found.id}__events")
        state.json_trigger_value = f'[{{"event": "{name}", "value": {value}}}]'
        return await self._act(state, self._fragments.get(place, WHOLE))

    async def go(self, page: str) -> float:
        """Follow the link to another page in the sidebar; seconds until it has run."""
        self.hash, self.query, self.page = self.pages[page], "", page
        self._stop_timers()
        return await self.rerun("opened")

    def _find(self, kind: str, wanted: Callable[[Any], bool], called: str) -> tuple[str, Any]:
        """The first element of a kind that is wanted, and its place. Raises LookupError."""
        for place, element in self.elements.items():
            if element.WhichOneof("type") == kind and wanted(getattr(element, kind)):
                return place, getattr(element, kind)
        raise LookupError(f"There is no {kind} {called!r} on the page {self.page or 'home'}.")

    def texts(self) -> list[str]:
        """What its page says, and its buttons' labels, in the order of the page."""
        said = [
            element.alert.body or "?"
            for element in self.elements.values()
            if self._is_alert(element)
        ]
        return said + [f"[{found.label}]" for found in self.found("button")]

    @staticmethod
    def _is_alert(element: Any) -> bool:
        return element.WhichOneof("type") == "alert"

    def found(self, kind: str) -> list[Any]:
        """The elements of a kind on the page, in its order."""
        there = self.elements.values()
        return [getattr(e, kind) for e in there if e.WhichOneof("type") == kind]

    async def upload(self, content: bytes, name: str) -> int:
        """Put a file into the page's first uploader; the status of the answer."""
        uploader = self.found("file_uploader")[0]
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        answer = self._urls[name] = asyncio.get_running_loop().create_future()
        await self.socket.send(message.SerializeToString())
        urls = await asyncio.wait_for(answer, PATIENCE)
        line = b"--aecore-benchmark"
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        kind = "Content-Type: application/octet-stream"
        body = b"\r\n".join([line, head.encode(), kind.encode(), b"", content, line + b"--", b""])
        headers = {
            "Content-Type": "multipart/form-data; boundary=aecore-benchmark",
            "X-Xsrftoken": self.cookies.get("_streamlit_xsrf", ""),
        }
        status, _ = await self._browser.ask("PUT", urls.upload_url, headers, body)
        if status < 300:
            state = WidgetState(id=uploader.id)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.size, info.file_id = name, len(content), urls.file_id
            info.file_urls.CopyFrom(urls)
            self.widgets[uploader.id] = state
        return status

    async def close(self) -> None:
        self._over = True
        self._stop_timers()
        await self.socket.close()
        for task in list(self._tasks):
            task.cancel()

    # What a browser sends -----------------------------------------------------------------

    async def _send(
        self, fragment: str, kind: str, more: WidgetState | None = None, timer: bool = False
    ) -> None:
        message = BackMsg()
        script = message.rerun_script
        script.query_string, script.page_name = self.query, "" if self.hash else self.page
        script.page_script_hash, script.fragment_id = self.hash, fragment
        script.is_auto_rerun = timer
        script.cached_message_hashes.extend(self._kept)
        script.widget_states.widgets.extend(self.widgets.values())
        if more is not None:
            script.widget_states.widgets.append(more)
        self._asked.setdefault(fragment, (kind, time.monotonic()))
        await self.socket.send(message.SerializeToString())

    async def _act(self, state: WidgetState, fragment: str) -> float:
        return await self._answered(fragment, "fragment" if fragment else "whole", state)

    async def _answered(self, fragment: str, kind: str, more: WidgetState | None = None) -> float:
        done = asyncio.get_running_loop().create_future()
        self._done.append((fragment, done))
        begun = time.monotonic()
        await self._send(fragment, kind, more)
        await asyncio.wait_for(done, PATIENCE)
        return time.monotonic() - begun

    async def _again(self, fragment: str, interval: float) -> None:
        """Ask for a fragment at its interval, whether or not it has answered: so do browsers."""
        while True:
            await asyncio.sleep(interval)
            await self._send(fragment, "fragment", timer=True)

    def _stop_timers(self) -> None:
        for _, task in self._intervals.values():
            task.cancel()
        self._intervals.clear()

    # What it hears ------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                message = ForwardMsg()
                message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                self._take(message)
        except websockets.ConnectionClosed:
            pass
        if not self._over:
            self.dropped += 1
            self.errors.append("the websocket was closed")
            self._stop_timers()
            for done in (*(done for _, done in self._done), *self._urls.values()):
                if not done.done():
                    done.set_exception(ConnectionError("the websocket was closed"))

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            if message.delta.WhichOneof("type") == "new_element":
                element, fragment = message.delta.new_element, message.delta.fragment_id
                if message.metadata.cacheable:
                    self._kept.setdefault(message.hash, (element, fragment, self._runs))
                self._place(message.metadata.delta_path, element, fragment)
        elif kind == "ref_hash":
            element, fragment, _ = self._kept[message.ref_hash]
            self._kept[message.ref_hash] = element, fragment, self._runs
            self._place(message.metadata.delta_path, element, fragment)
        elif kind == "new_session":
            if not message.metadata.run.fragment_ids:
                self.elements.clear()
                self._fragments.clear()
                self._stop_timers()
        elif kind == "script_finished":
            self._finished(message)
        elif kind == "navigation":
            self.hash = message.navigation.page_script_hash
            self.pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun" and self.automatic:
            self._set_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                held = self._intervals.pop(fragment, None)
                if held:
                    held[1].cancel()
        elif kind == "file_urls_response":
            answer = message.file_urls_response
            self._urls.pop(answer.response_id).set_result(answer.file_urls[0])

    def _set_timer(self, fragment: str, interval: float) -> None:
        held = self._intervals.get(fragment)
        if held and held[0] == interval:
            return
        if held:
            held[1].cancel()
        self._intervals[fragment] = interval, self._spawn(self._again(fragment, interval))

    def _place(self, path: Any, element: Any, fragment: str) -> None:
        place = ".".join(map(str, path))
        self.elements[place] = element
        if fragment:
            self._fragments[place] = fragment
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message[:200]}")
        elif kind == "alert" and element.alert.format == ERROR:
            self.errors.append(element.alert.body[:200])
        elif kind == "imgs":
            for picture in element.imgs.imgs:
                if picture.url.startswith("/media/") and picture.url not in self._pictures:
                    self._pictures.add(picture.url)
                    self._spawn(self._fetch(picture.url))
        if self.heard is not None:
            self.heard(element)

    async def _fetch(self, url: str) -> None:
        with suppress(OSError):  # the page went on, and the picture with it
            await self._browser.get(url)

    def _finished(self, message: ForwardMsg) -> None:
        ids, status = list(message.metadata.run.fragment_ids), message.script_finished
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.errors.append("a script could not be compiled")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return  # another run follows, and that is what was asked for
        self._forget(ids)
        at, answered = time.monotonic(), ids or list(self._asked)
        for fragment in answered:
            kind, since = self._asked.pop(fragment, ("", 0.0))
            if kind:
                self.reruns.append((self.page, kind, at - since))
        for fragment, done in self._done:
            if (not ids or fragment in ids) and not done.done():
                done.set_result(None)
        self._done = [(fragment, done) for fragment, done in self._done if not done.done()]

    def _forget(self, fragments: list[str]) -> None:
        """Give up messages that were not on the page for some runs."""
        self._runs += 1
        for key, (_, fragment, run) in list(self._kept.items()):
            if (not fragments or fragment in fragments) and self._runs - run > KEPT_RUNS:
                del self._kept[key]

    def _spawn(self, job: Any) -> asyncio.Task:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
