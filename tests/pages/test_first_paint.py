"""Look and script are in the page itself, and in nothing else that is served."""

from __future__ import annotations

import pytest

from pages.shell.first_paint import STYLE, FirstPaint, script
from tests.loops import completed

PAGE = b"<html><head><style>theirs</style></head><body><div></div></body></html>"


def served(path: str, accept: str, kind: str, status: int = 200, method: str = "GET"):
    """(what the app is asked, status, headers, body) of a request through the middleware."""
    heard, sent = {}, []

    async def app(scope, receive, send):
        heard.update(dict(scope["headers"]))
        length = [(b"content-length", str(len(PAGE)).encode()), (b"etag", b'"theirs"')]
        headers = [(b"content-type", kind.encode()), *length]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE[:20], "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[20:]})

    async def send(message):
        sent.append(message)

    asked = [(b"accept", accept.encode()), (b"accept-encoding", b"gzip"), (b"if-none-match", b"x")]
    scope = {"type": "http", "method": method, "path": path, "headers": asked}
    completed(FirstPaint(app)(scope, None, send))
    body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return heard, sent[0]["status"], dict(sent[0]["headers"]), body


@pytest.mark.parametrize("path", ["/", "/train", "/base/latent-space"])
def test_a_page_has_the_look_behind_theirs(path):
    heard, status, headers, body = served(path, "text/html,*/*", "text/html; charset=utf-8")
    assert status == 200
    assert body == PAGE.replace(b"</body>", STYLE + script().encode() + b"</body>")
    assert int(headers[b"content-length"]) == len(body)
    # Their mark stands for their file alone, and a packed answer could not be added to.
    assert b"etag" not in headers
    assert not {b"accept-encoding", b"if-none-match"} & set(heard)


@pytest.mark.parametrize(
    ("path", "accept", "kind", "status"),
    [
        ("/static/js/index.js", "text/html,*/*", "text/html", 200),
        ("/train", "*/*", "text/html", 200),
        ("/train", "text/html", "application/json", 200),
        ("/train", "text/html", "text/html", 404),
    ],
)
def test_all_else_is_left_as_it_is(path, accept, kind, status):
    _, got, headers, body = served(path, accept, kind, status)
    assert (got, body) == (status, PAGE)
    assert headers[b"etag"] == b'"theirs"'
