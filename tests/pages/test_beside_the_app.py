"""What is served beside the pages: a pad's arrays, Streamlit's own files, a packed stream."""

import asyncio
import gzip
import re
import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pages.components import parts, run_stream
from pages.shell.static_kept import StaticKept
from tests.loops import completed


class Client:
    """GETs of an ASGI app, unpacked as a browser does; headers and content as they came."""

    def __init__(self, app: Any):
        self.app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> SimpleNamespace:
        sent = {"accept-encoding": "gzip", **{k.lower(): v for k, v in (headers or {}).items()}}
        came: list[dict] = []
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
        }

        asked = []

        async def receive() -> dict:
            asked.append(True)
            if len(asked) > 1:
                await asyncio.Event().wait()  # it stays
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict) -> None:
            came.append(message)

        completed(self.app(scope, receive, send))
        told = {k.decode().lower(): v.decode() for k, v in came[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in came[1:])
        if told.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return SimpleNamespace(status_code=came[0]["status"], headers=told, content=content)


@pytest.fixture
def parts_client():
    parts._parts.__init__(parts.MOST_BYTES, lambda part: len(part.content))
    return Client(Starlette(routes=[parts.route()]))


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_a_part_is_the_array_whatever_the_browser_takes(parts_client, dtype, accepted):
    array = (np.random.default_rng(0).normal(size=40_000) ** 2).astype(dtype)
    told = parts.offered({"w": array, "small": array[:10]})
    assert np.array_equal(told["small"], array[:10])
    part = told["parts"]["w"]
    answer = parts_client.get("/" + part["at"], headers={"Accept-Encoding": accepted})
    content = np.frombuffer(answer.content, np.uint8)
    if dtype == "float32":  # first bytes first, as parts.js reads them
        content = np.ascontiguousarray(content.reshape(4, -1).T)
    assert np.array_equal(content.ravel().view(part["type"]), array)
    assert "immutable" in answer.headers["cache-control"]


def test_the_same_content_has_one_address_and_another_kind_of_number_another(parts_client):
    zeros = np.zeros(parts.LARGE, np.float32)
    at = parts.offered({"a": zeros, "b": zeros.copy(), "c": zeros.view(np.int16)})["parts"]
    assert at["a"] == at["b"]
    assert at["a"]["at"] != at["c"]["at"]


def test_a_part_given_up_is_none_until_it_is_offered_again(parts_client):
    array = np.ones(parts.LARGE, np.uint8)
    at = "/" + parts.offered({"a": array})["parts"]["a"]["at"]
    parts._parts.pop(at.rpartition("/")[2])
    assert parts_client.get(at).status_code == 404
    assert "/" + parts.offered({"a": array})["parts"]["a"]["at"] == at
    assert parts_client.get(at).content == array.tobytes()
    assert parts_client.get("/aecore/part/" + "0" * 40).status_code == 404


def test_the_code_of_a_component_stays_however_much_is_offered(parts_client):
    module = "export default () => 'π';"
    at = re.findall(r"`(aecore/part/\w+)\?", parts.code(module))
    assert len(at) == 1
    parts._parts.__init__(0, lambda part: len(part.content))
    answer = parts_client.get(f"/{at[0]}")
    assert answer.content.decode() == module
    assert answer.headers["content-type"].startswith("text/javascript")


def test_an_id_that_another_array_got_is_not_taken_for_the_first(parts_client):
    for value in range(50):  # freed memory is given out again at once
        array = np.full(parts.LARGE, value, np.uint8)
        at = "/" + parts.offered({"a": array})["parts"]["a"]["at"]
        assert parts_client.get(at).content == array.tobytes()
        del array


@pytest.fixture
def static_client(tmp_path):
    asked = []
    (tmp_path / "a.js").write_text("let x = 1;\n" * 10_000)
    (tmp_path / "b.png").write_bytes(b"\x89PNG" * 1000)

    async def serve(request):
        asked.append(request.url.path)
        name = request.path_params["name"]
        if not (tmp_path / name).exists():
            return Response("none", status_code=404)
        return FileResponse(tmp_path / name, headers={"Cache-Control": "public, immutable"})

    app = Starlette(routes=[Route("/static/{name}", serve), Route("/other/{name}", serve)])
    return Client(StaticKept(app)), asked, tmp_path


def test_a_static_file_is_read_once_and_comes_compressed_with_its_own_headers(static_client):
    client, asked, folder = static_client
    for _ in range(3):
        answer = client.get("/static/a.js", headers={"Accept-Encoding": "gzip, br"})
        assert answer.content == (folder / "a.js").read_bytes()
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 5_000
        assert answer.headers["cache-control"] == "public, immutable"
        assert "javascript" in answer.headers["content-type"]
    assert asked == ["/static/a.js"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/static/a.js", {"Accept-Encoding": "identity"}),
        ("/static/a.js", {"Accept-Encoding": "gzip", "Range": "bytes=0-9"}),
        ("/static/b.png", {"Accept-Encoding": "gzip"}),
        ("/static/missing.js", {"Accept-Encoding": "gzip"}),
        ("/other/a.js", {"Accept-Encoding": "gzip"}),
    ],
)
def test_what_is_not_meant_is_streamlits_own_answer_each_time(static_client, path, headers):
    client, asked, _ = static_client
    first, second = (client.get(path, headers=headers) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code in (200, 206, 404)
    assert "content-encoding" not in first.headers
    assert len(asked) == 2


def test_each_line_of_a_packed_stream_can_be_read_at_once():
    async def lines():
        for i in range(5):
            yield f"line {i}\n".encode()

    async def read():
        unpacker, texts = zlib.decompressobj(zlib.MAX_WBITS | 16), []
        whole = b""
        async for piece in run_stream._packed(lines()):
            whole += piece
            texts.append(unpacker.decompress(piece).decode())
        assert gzip.decompress(whole) == b"".join([f"line {i}\n".encode() for i in range(5)])
        return texts

    assert completed(read())[:5] == [f"line {i}\n" for i in range(5)]
