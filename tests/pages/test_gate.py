"""What stands before the app: cookies, origins, and the bytes that people bring."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from pages.shell import gate, uploads
from pages.shell import streamlit_internals as internals
from pages.shell.gate import Headers, OwnOrigin
from pages.shell.owner import COOKIE, OwnerCookie, owner_in
from pages.shell.uploads import EACH, UploadBudget
from tests.loops import completed

ANNA, BERT = "a" * 32, "b" * 32
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def ask(
    middleware: Any, headers: dict[str, str], body: Sequence[bytes] = (), **scope: Any
) -> Answer:
    """What a browser gets from an app behind a middleware; the app takes the body and says so."""
    took: list[bytes] = []

    async def app(scope: dict, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            took.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(b"".join(took))})

    async def both() -> Answer:
        parts, sent = list(body) or [b""], []

        async def receive() -> dict:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: dict) -> None:
            sent.append(message)

        raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        whole = {"type": "http", "method": "GET", "path": "/", "headers": raw, "scheme": "http"}
        await middleware(app)(whole | scope, receive, send)
        return sent[0]["status"], sent[0]["headers"], sent[1]["body"]

    return completed(both())


# Cookies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jar",
    [
        f"{COOKIE}={ANNA}",
        f'prefs={{"theme": "dark", "tabs": [1, 2]}}; {COOKIE}={ANNA}',
        f'last seen=a b c; odd="half; {COOKIE}={ANNA}; =x; {"y" * 500}',
        f"{COOKIE}=; {COOKIE}=not-an-id; {COOKIE}={ANNA}; {COOKIE}={BERT}",
        f'{COOKIE}="{ANNA}"',
    ],
)
def test_an_owner_is_found_in_any_jar_and_kept(jar: str):
    assert owner_in([jar]) == ANNA
    _, headers, _ = ask(OwnerCookie, {"cookie": jar, "accept": "text/html"})
    assert dict(headers)[b"set-cookie"].decode().startswith(f"{COOKIE}={ANNA};")


@pytest.mark.parametrize(
    ("scheme", "told", "secure"),
    [("http", "", False), ("https", "", True), ("http", "https", True), ("http", "http", False)],
)
def test_a_new_browser_gets_a_cookie_that_no_script_reads(scheme: str, told: str, secure: bool):
    sent = {"accept": "text/html"} | ({"x-forwarded-proto": told} if told else {})
    status, headers, _ = ask(OwnerCookie, sent, scheme=scheme)
    cookie = dict(headers)[b"set-cookie"].decode()
    assert status == 200
    assert owner_in([cookie])
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) is secure
    assert dict(headers)[b"cache-control"] == b"no-store"


# Origins -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://host:8501"}, 200),
        ({"origin": "https://host:8501"}, 200),  # TLS ends at a proxy
        ({"origin": "http://host:8502"}, 403),
        ({"origin": "http://host"}, 403),
        ({"origin": "http://localhost:8501"}, 403),
        ({"origin": "http://127.0.0.1:8501"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://host:no"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
    ],
)
def test_only_the_own_host_and_port_are_let_in(headers: dict[str, str], status: int):
    assert ask(OwnOrigin, {"host": "host:8501"} | headers)[0] == status


def test_what_is_set_for_streamlit_holds_here_too(monkeypatch):
    options = {"server.enableCORS": True, "server.corsAllowedOrigins": ["http://other:1"]}
    monkeypatch.setattr(gate.st, "get_option", options.__getitem__)
    assert ask(OwnOrigin, {"host": "host", "origin": "http://other:1"})[0] == 200
    assert ask(OwnOrigin, {"host": "host", "origin": "http://other:2"})[0] == 403
    options["server.enableCORS"] = False
    assert ask(OwnOrigin, {"host": "host", "origin": "http://other:2"})[0] == 200


def test_pages_load_from_their_own_origin_alone():
    told = {k: v.decode() for k, v in ask(Headers, {"host": "host:8501"})[1]}
    policy = told[b"content-security-policy"]
    assert "img-src 'self' data: blob:;" in policy
    assert "connect-src 'self' ws://host:8501 wss://host:8501;" in policy
    assert "'sha256-" in policy  # Streamlit's one inline script
    assert told[b"referrer-policy"] == "same-origin"
    odd = {k: v.decode() for k, v in ask(Headers, {"host": "a; img-src *"})[1]}
    assert "img-src *" not in odd[b"content-security-policy"]
    media = dict(ask(Headers, {"host": "host"}, path="/base/media/0ab.html")[1])
    assert media[b"content-security-policy"] == b"default-src 'none'; sandbox"


# Uploads -----------------------------------------------------------------------------------


@pytest.fixture
def lying(monkeypatch) -> dict[str, list[int]]:
    """Files that lie in memory, by session; small limits, and room on the disk."""
    found: dict[str, list[int]] = {}
    monkeypatch.setattr(internals, "uploaded", lambda: found)
    monkeypatch.setattr(internals, "forget_uploads", found.pop)
    monkeypatch.setattr(internals, "rerun", lambda session: None)
    monkeypatch.setattr(uploads, "MOST_OF_ONE", 100_000)
    monkeypatch.setattr(uploads, "MOST_OF_ALL", 150_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 40))
    return found


def put(session: str, body: list[bytes], length: int | None = None) -> Answer:
    headers = {} if length is None else {"content-length": str(length)}
    path = f"/base/_stcore/upload_file/{session}/f1"
    return ask(UploadBudget, headers, body, method="PUT", path=path)


PART = bytes(10_000)


def test_a_session_may_bring_so_much_in_all_its_files(lying):
    assert put("anna", [PART] * 5)[::2] == (200, b"50000")
    lying["anna"] = [60_000]
    status, _, text = put("anna", [PART] * 5)
    assert status == 413
    assert b"take a file away" in text
    assert put("bert", [PART] * 5)[0] == 200


@pytest.mark.parametrize("whose", ["anna", None], ids=["one person", "no cookie"])
def test_tabs_of_one_person_count_together(lying, whose, monkeypatch):
    lying |= {"tab 1": [60_000], "bert": [1]}
    people = {"tab 1": whose, "tab 2": whose, "bert": "bert"}
    monkeypatch.setattr(internals, "open_tabs", lambda who: people)
    status, _, text = put("tab 2", [PART] * 5)
    assert status == 413
    assert (b"without a cookie" in text) is (whose is None)
    assert put("bert", [PART] * 5)[0] == 200


def test_all_together_may_bring_so_much(lying):
    lying |= {"anna": [90_000], "bert": [40_000]}
    status, _, text = put("carl", [PART] * 5)
    assert status == 413
    assert b"try again when others" in text


def test_what_is_announced_as_too_large_is_refused_before_it_is_taken(lying):
    assert put("anna", [PART], length=300_000)[0] == 413


def test_empty_files_count_too(lying):
    lying["anna"] = [0] * (100_000 // EACH + 1)
    assert put("anna", [b""])[0] == 413


def test_the_disks_reserve_holds_for_uploads(lying, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    status, _, text = put("anna", [PART])
    assert status == 413
    assert b"disk" in text


def test_a_refusal_is_said_once_on_the_page_and_nothing_stays_counted(lying, monkeypatch):
    lying["anna"] = [100_000]
    put("anna", [PART])
    monkeypatch.setattr(internals, "session_id", lambda: "anna")
    assert "take a file away" in (uploads.refusal() or "")
    assert uploads.refusal() is None
    assert not uploads._arriving


def test_files_of_a_closed_tab_go_after_a_while(lying, monkeypatch):
    lying |= {"anna": [1], "bert": [1]}
    open_tabs = {"anna", "bert"}
    monkeypatch.setattr(internals, "connected", lambda: open_tabs)
    uploads.look(0)
    open_tabs.remove("bert")
    uploads.look(1)
    open_tabs.add("bert")  # a short break of the line
    uploads.look(2)
    open_tabs.remove("bert")
    uploads.look(3)
    uploads.look(2 + uploads.LEFT)
    assert set(lying) == {"anna", "bert"}
    uploads.look(3 + uploads.LEFT)
    assert set(lying) == {"anna"}
