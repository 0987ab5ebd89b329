"""A browser's session over Streamlit's own websocket: what it sends, and how long answers take."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import requests
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

PATIENCE = 300.0  # seconds for one rerun


@dataclass
class Session:
    """One open tab. `elements` holds what is on the page, `texts` the words of alerts and bars."""

    host: str  # name:port
    page: str = ""
    query: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    received: int = 0
    elements: dict[str, Any] = field(default_factory=dict)  # by the place on the page
    hash: str = ""
    widgets: dict[str, WidgetState] = field(default_factory=dict)

    async def open(self) -> Session:
        """Ask for the page as a browser does (which brings the cookies), then connect."""
        await asyncio.to_thread(self._visit)
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        token = self.cookies.get("_streamlit_xsrf", "")
        self.socket = await websockets.connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=["streamlit", token] if token else ["streamlit"],
            additional_headers={"Cookie": jar},
            origin=f"http://{self.host}",
            max_size=None,
            open_timeout=60,
            ping_timeout=None,
        )
        return self

    def _visit(self) -> None:
        with requests.Session() as browser:
            browser.cookies.update(self.cookies)
            page = f"http://{self.host}/{self.page}?{self.query}"
            browser.get(page, headers={"Accept": "text/html"}, timeout=60).raise_for_status()
            browser.get(f"http://{self.host}/_stcore/health", timeout=60)
            browser.get(f"http://{self.host}/_stcore/host-config", timeout=60)
            self.cookies = dict(browser.cookies.items())

    async def rerun(self) -> float:
        """Run the page and wait until it has run; seconds."""
        message = BackMsg()
        script = message.rerun_script
        script.query_string, script.page_name = self.query, self.page
        script.page_script_hash = self.hash
        script.widget_states.widgets.extend(self.widgets.values())
        begun = time.monotonic()
        await self.socket.send(message.SerializeToString())
        await asyncio.wait_for(self._until_done(), PATIENCE)
        return time.monotonic() - begun

    async def _until_done(self) -> None:
        """Until a script run has finished that was not ended for another one."""
        while True:
            message = await self._next()
            kind = message.WhichOneof("type")
            finished = ForwardMsg.FINISHED_SUCCESSFULLY
            if kind == "script_finished" and message.script_finished == finished:
                return

    async def _next(self) -> ForwardMsg:
        data = await self.socket.recv()
        self.received += len(data)
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.elements.clear()
        elif kind == "navigation":
            self.hash = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            place = ".".join(map(str, message.metadata.delta_path))
            self.elements[place] = message.delta.new_element
        return message

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
        await self.socket.send(message.SerializeToString())
        while True:
            answer = await asyncio.wait_for(self._next(), PATIENCE)
            if answer.WhichOneof("type") == "file_urls_response":
                urls = answer.file_urls_response.file_urls[0]
                break
        status = await asyncio.to_thread(self._put, urls.upload_url, content, name)
        if status < 300:
            state = WidgetState(id=uploader.id)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.size, info.file_id = name, len(content), urls.file_id
            info.file_urls.CopyFrom(urls)
            self.widgets[uploader.id] = state
        return status

    def _put(self, url: str, content: bytes, name: str) -> int:
        return requests.put(
            f"http://{self.host}{url}",
            files={"file": (name, content)},
            headers={"X-Xsrftoken": self.cookies.get("_streamlit_xsrf", "")},
            cookies=self.cookies,
            timeout=PATIENCE,
        ).status_code

    async def close(self) -> None:
        await self.socket.close()
