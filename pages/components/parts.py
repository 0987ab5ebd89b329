"""Arrays and code beside the app, by the name of their content: a browser fetches each once.

Through the page's own connection the same held-out images would come again with every pad, and
nothing would be compressed. Whoever asks has to know the content's name, which is told in the page
alone. A part may be given up, or be unknown after a restart: then its component asks for a rerun,
which offers it again.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aecore.byte_cache import ByteCache

ADDRESS = "aecore/part/"  # from the app's own; the name of the content follows
MOST_BYTES = 192 << 20  # of all parts that can be had
LARGE = 24 << 10  # bytes from which an array is worth a request of its own
PAYS = 0.9  # what compressing has to bring, as a share; weights hardly shrink
LEVEL = 6  # of gzip: an eighth of a second for the largest pad, once
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


# A module that could not be had is asked for again under another address: browsers keep failures.
_LOADER = """const load = (again) => import(new URL(`{at}?${{again}}`, document.baseURI).href);
const later = (again) => new Promise((go) => setTimeout(go, 700)).then(() => load(again));
const found = await load(0).catch(() => later(1)).catch(() => later(2));
export default found.default;
"""


@dataclass(eq=False)
class _Part:
    content: bytes
    packed: bytes | None = None  # empty where it does not pay
    kind: str = "application/octet-stream"

    def pack(self) -> bytes:
        if self.packed is None:
            packed = gzip.compress(self.content, LEVEL, mtime=0)
            self.packed = packed if len(packed) < PAYS * len(self.content) else b""
        return self.packed


# The browser code of components is wanted for as long as the app runs.
_code: dict[str, _Part] = {}
_parts: ByteCache[str, _Part] = ByteCache(MOST_BYTES, lambda part: len(part.content))
# The name of an array's content by its id, which is another array's once this one has gone.
_names: ByteCache[int, tuple[weakref.ref[np.ndarray], str]] = ByteCache(4096, lambda _: 1)


def offered(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What a component gets in place of arrays: the small ones as they are, and under "parts" for
    each large one where it lies, from the app's address, and what its numbers are ("float32",
    "int16", "uint8")."""
    small = {name: array for name, array in arrays.items() if array.nbytes < LARGE}
    large = {name: _offered(array) for name, array in arrays.items() if name not in small}
    return {**small, "parts": large}


def picture(content: bytes) -> str:
    """Where a picture lies, a whole PNG or SVG file of this project's making, from the app's
    address."""
    name = hashlib.blake2b(content, digest_size=20, key=b"picture").hexdigest()
    if _parts.get(name) is None:
        png = content.startswith(b"\x89PNG")
        packed = b"" if png else None  # a PNG is compressed already
        _parts.put(name, _Part(content, packed, "image/png" if png else "image/svg+xml"))
    return ADDRESS + name


def code(js: str) -> str:
    """A component's module by its address: where it stands is sent with each answer of the page,
    the code itself once to a browser.

    js: a module whose default export draws the component. Gives one with the same default export.
    """
    content = js.encode()
    name = hashlib.blake2b(content, digest_size=20, key=b"code").hexdigest()
    _code[name] = _Part(content, kind="text/javascript")
    return _LOADER.format(at=ADDRESS + name)


def _offered(array: np.ndarray) -> dict[str, str]:
    known = _names.get(id(array))
    name = known[1] if known is not None and known[0]() is array else None
    if name is None or _parts.get(name) is None:
        content = _content(array)
        name = hashlib.blake2b(content, digest_size=20, key=array.dtype.str.encode()).hexdigest()
        if _parts.get(name) is None:
            _parts.put(name, _Part(content))
        _names.put(id(array), (weakref.ref(array), name))
    return {"at": ADDRESS + name, "type": str(array.dtype)}


def _content(array: np.ndarray) -> bytes:
    """An array's bytes; of float32 all first bytes of the numbers, then all second ones: signs and
    exponents next to one another shrink by half, which saves a seventh of all."""
    content = np.ascontiguousarray(array)
    if content.dtype == np.float32:
        return content.view(np.uint8).reshape(-1, 4).T.tobytes()
    return content.tobytes()


def route() -> Route:
    """The route to serve beside the app."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"{f'/{base}' if base else ''}/{ADDRESS}{{name}}", _answer)


async def _answer(request: Request) -> Response:
    name = request.path_params["name"]
    part = _code.get(name) or _parts.get(name)
    if part is None:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    headers, content = dict(HEADERS), part.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = part.packed
        if packed is None:
            packed = await asyncio.to_thread(part.pack)
        if packed:
            content = packed
            headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=part.kind, headers=headers)
