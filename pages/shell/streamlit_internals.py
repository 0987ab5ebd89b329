"""The one door to what Streamlit keeps to itself: why each name is needed, and what does without.

Streamlit's minor version is pinned in requirements.txt because of these names;
tests/pages/test_streamlit_internals.py fails when one of them changes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit

log = logging.getLogger(__name__)

try:
    from streamlit.runtime.scriptrunner import get_script_run_ctx
except ImportError:
    get_script_run_ctx = None
try:
    from streamlit.runtime.pages_manager import PagesManager
except ImportError:
    PagesManager = None


def in_script_run() -> bool:
    """Whether this code runs for a session, as opposed to being imported by the server.

    app.py is both launcher and router, and no public call says which of them is wanted. Without
    the script run's context, a server that runs already is taken for a session: true but where a
    running server imports app.py.
    """
    if get_script_run_ctx is None:
        from streamlit import runtime

        return runtime.exists()
    return get_script_run_ctx(suppress_warning=True) is not None


def serve_declared_pages_only() -> None:
    """Say before the first session that the app navigates by `st.navigation`.

    Until some session has called it, Streamlit takes a folder called pages/ for its pages and
    skips app.py. Without this switch the very first visit of a fresh server, if it is to another
    page than Home, would show that page bare; from the second on all is well.
    """
    manager = _with_switch()
    if manager is not None:
        manager.uses_pages_directory = False
    else:
        log.warning("Streamlit has changed how pages are found: the first visit may look bare.")


@contextmanager
def navigation_stays() -> Iterator[None]:
    """For tests and benchmarks: AppTest forgets at each run what the launcher has said.

    Without the switch AppTest serves the pages bare from its second run on.
    """
    manager = _with_switch()
    if manager is None:
        yield
        return
    make = manager.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        manager.uses_pages_directory = False
        make(self, *args, **kwargs)

    manager.__init__ = init
    try:
        yield
    finally:
        manager.__init__ = make


def where_the_server_is(urls: list[str]) -> str:
    """A script for Streamlit's page that says at which address its server is: that of the page
    without the page's own name, one of `urls`.

    Streamlit would ask for it below the page's address first, at each link to a page, and only
    when that is not found where it is.
    """
    return (
        "<script>{const way=location.pathname.split('/').filter(Boolean);"
        f"if({json.dumps(urls)}.includes(way.at(-1)))way.pop();"
        "window.__streamlit={BACKEND_BASE_URL:location.origin+'/'+way.join('/')}}</script>"
    )


def index_page() -> str:
    """The page that Streamlit serves at every address, "" where it cannot be found.

    It holds a script inline, which a policy against such scripts has to name. Without it the page
    works: the script only serves search engines.
    """
    path = Path(streamlit.__file__).with_name("static") / "index.html"
    try:
        return path.read_text("utf-8")
    except OSError as error:
        log.warning("Streamlit's page could not be read: %s", error)
        return ""


# Uploaded files: Streamlit's manager holds them by session, and no public call says how many bytes.


def session_id() -> str | None:
    """The id of the session for which this code runs, None outside of one."""
    context = get_script_run_ctx(suppress_warning=True) if get_script_run_ctx else None
    return None if context is None else context.session_id


def uploaded() -> dict[str, list[int]]:
    """The sizes in bytes of the files that lie in memory, by session."""
    runtime = _runtime()
    if runtime is None:
        return {}
    manager = runtime.uploaded_file_mgr
    with manager._lock:
        return {
            session: [len(file.data) for file in files.values()]
            for session, files in manager.file_storage.items()
            if files
        }


def connected() -> set[str]:
    """The ids of the sessions whose tab is open."""
    runtime = _runtime()
    active = [] if runtime is None else runtime._session_mgr.list_active_sessions()
    return {info.session.id for info in active}


def open_tabs(who: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Who sits before each open tab, by session. who: told from an ASGI scope with the headers that
    the tab came with."""
    runtime = _runtime()
    active = [] if runtime is None else runtime._session_mgr.list_active_sessions()
    found = {}
    for info in active:
        context = getattr(info.client, "client_context", None)
        headers = [] if context is None else context.headers
        scope = {"headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers]}
        found[info.session.id] = who(scope)
    return found


def forget_uploads(session: str) -> None:
    """Give up a session's files."""
    runtime = _runtime()
    if runtime is not None:
        runtime.uploaded_file_mgr.remove_session_files(session)


def rerun(session: str) -> None:
    """Run a session's page again, as if its person had done something; from the server's loop.

    Nothing happens where the session is not there.
    """
    runtime = _runtime()
    info = None if runtime is None else runtime._session_mgr.get_active_session_info(session)
    if info is not None:
        before = type(info.session._client_state)()
        before.CopyFrom(info.session._client_state)  # the page it is on, and its widgets
        before.fragment_id = ""
        info.session.request_rerun(before)


def _runtime() -> Any:
    from streamlit import runtime

    return runtime.Runtime.instance() if runtime.exists() else None


def _with_switch() -> Any:
    """Streamlit's class that has the switch, None where it has none."""
    return PagesManager if hasattr(PagesManager, "uses_pages_directory") else None
