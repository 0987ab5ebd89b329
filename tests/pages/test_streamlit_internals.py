"""What the app uses of Streamlit's inside: still there, still doing the same, and dispensable."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import streamlit_internals

ROOT = Path(__file__).parents[2]
# In a process of its own: the switch is one for all sessions.
FRESH = """
from pages.shell import streamlit_internals as internals
Manager = internals.PagesManager
assert Manager.uses_pages_directory is None, "unset until somebody decides"
Manager("app.py", setup_watcher=False)
assert Manager.uses_pages_directory is True, "a folder pages/ is served the old way"
internals.serve_declared_pages_only()
Manager("app.py", setup_watcher=False)
assert Manager.uses_pages_directory is False, "what was said stays"
with internals.navigation_stays():
    Manager.uses_pages_directory = None
    Manager("app.py", setup_watcher=False)
    assert Manager.uses_pages_directory is False
assert not internals.in_script_run()
"""


def says_whether_it_is_in_a_script():
    import streamlit as st

    from pages.shell.streamlit_internals import in_script_run

    st.markdown(f"in a script: {in_script_run()}")


def test_the_names_are_there_and_do_what_they_did():
    subprocess.run([sys.executable, "-c", FRESH], cwd=ROOT, check=True, timeout=60)


def test_a_script_run_is_known():
    assert not streamlit_internals.in_script_run()
    app = AppTest.from_function(says_whether_it_is_in_a_script).run()
    assert app.markdown[0].value == "in a script: True"


def test_without_the_context_the_runtime_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streamlit_internals, "get_script_run_ctx", None)
    app = AppTest.from_function(says_whether_it_is_in_a_script).run()
    assert app.markdown[0].value == "in a script: True"
    assert not streamlit_internals.in_script_run()


@pytest.mark.parametrize("manager", [None, type("Changed", (), {})])
def test_without_the_switch_the_app_starts(monkeypatch, caplog, manager):
    monkeypatch.setattr(streamlit_internals, "PagesManager", manager)
    streamlit_internals.serve_declared_pages_only()
    assert "pages" in caplog.text
    with streamlit_internals.navigation_stays():
        pass


OURS = [
    path
    for path in [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
    if path.name != "streamlit_internals.py"
]
# The documented ways to a component, and to the type of a place that st.container() returns.
PUBLIC = ("streamlit.components.v2", "streamlit.delta_generator")


@pytest.mark.parametrize("path", OURS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_other_file_reaches_inside(path: Path):
    """streamlit.runtime and the like, and underscored names of what is called st."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[0] == "st":
            inside = node.attr.startswith("_") or node.attr == "runtime"
            assert not inside, f"{ast.unparse(node)} is Streamlit's own"
        for name in names:
            assert name in PUBLIC or not name.startswith("streamlit."), f"{name} is Streamlit's own"


def test_uploaded_files_are_seen_and_given_up(monkeypatch: pytest.MonkeyPatch):
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec
    from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

    files = MemoryUploadedFileManager("/upload")
    sessions = WebsocketSessionManager(None, files, None, None)  # pyright: ignore
    runtime = type("R", (), {"uploaded_file_mgr": files, "_session_mgr": sessions})()
    monkeypatch.setattr(streamlit_internals, "_runtime", lambda: runtime)
    files.add_file("s1", UploadedFileRec("f1", "a.pt", "", b"12345"))
    assert streamlit_internals.uploaded() == {"s1": [5]}
    assert streamlit_internals.connected() == set()
    streamlit_internals.rerun("s1")  # nobody there: nothing happens
    streamlit_internals.forget_uploads("s1")
    assert streamlit_internals.uploaded() == {}
    assert "_client_state" in AppSession.__init__.__code__.co_names  # what rerun() asks for


def test_the_page_that_streamlit_serves_is_found():
    assert "<script>" in streamlit_internals.index_page()
