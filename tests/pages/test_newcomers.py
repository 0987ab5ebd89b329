"""One file adds a page, one file adds a way out: found everywhere, with no other file touched.

The files lie in tests/contracts/newcomers; the tests only put that folder on the search path.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pages
from aecore import cli
from aecore.errors import UnknownNameError
from aecore.export import ways
from aecore.export.registry import all_ways
from aecore.runs import checkpoints
from pages.shell.page import all_pages, file_of
from tests.pages.test_pages import open_page, sound

NEWCOMERS = Path(__file__).parents[1] / "contracts" / "newcomers"
PAGE = NEWCOMERS / "pages" / "averages.py"


@pytest.fixture
def new_page(monkeypatch: pytest.MonkeyPatch) -> str:
    """The newcomer among the pages; gives its file, as st.page_link takes it."""
    monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(PAGE.parent)])
    return file_of("newcomer-averages")


@pytest.fixture
def new_way(monkeypatch: pytest.MonkeyPatch) -> str:
    """The newcomer among the ways out; gives its name."""
    monkeypatch.setattr(ways, "__path__", [*ways.__path__, str(NEWCOMERS / "ways")])
    return "newcomer_numpy"


def test_without_them_nothing_of_them_is_there():
    assert "newcomer_numpy" not in all_ways()
    with pytest.raises(UnknownNameError, match="no page called 'newcomer-averages'"):
        file_of("newcomer-averages")


def test_a_page_stands_in_its_place(new_page: str):
    titles = [page.title for page in all_pages().values() if page.section == "Look"]
    assert titles == ["Reconstructions", "Latent space", "Averages", "Decode", "Inside"]


@pytest.mark.parametrize("model", ["vae-plane", "conditional-vae"])
def test_a_page_is_shown_and_works_on_the_model_in_hand(new_page: str, model: str):
    app = open_page(new_page, model=model)
    sound(app)
    assert app.title[0].value == "Averages"
    assert app.metric[0].label == "Mean value"
    assert app.sidebar.selectbox[0].value == model
    app.switch_page("pages/home.py").run()
    sound(app)


LINKING = """\"\"\"A page far from the others, which links to one.\"\"\"

import streamlit as st

from pages.shell.page import Page, file_of

PAGE = Page(title="Links", url="links", icon=":material/link:", place=99)

st.page_link(file_of("newcomer-averages"), label="There")
"""


def test_pages_can_be_linked_to_wherever_they_lie(new_page: str, tmp_path: Path, monkeypatch):
    (tmp_path / "links.py").write_text(LINKING)
    monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(tmp_path)])
    app = open_page(file_of("links"))
    sound(app)
    assert app.get("page_link")[0].proto.page == "newcomer-averages"


def test_a_page_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "__path__", [*pages.__path__, str(tmp_path)])
    for values in ('title="Half"', '"Half"', "title=print()", 'title="x", nonsense=1'):
        folder = tmp_path / str(len(values))
        folder.mkdir()
        (folder / "half.py").write_text(f'"""Half."""\n\nPAGE = Page({values})\n')
        monkeypatch.setattr(pages, "__path__", [str(folder)])
        with pytest.raises(TypeError, match=r"half\.py"):
            all_pages()


def test_a_way_out_is_on_the_page(new_way: str):
    app = open_page("pages/check/take_out.py", model="first-ae")
    sound(app)
    assert any("NumPy archive" in m.value for m in app.markdown)
    app.button(key="prepare_newcomer_numpy").click().run()
    sound(app)
    offered = {button.key: button.proto.help for button in app.get("download_button")}
    assert ".npz" in offered["download_newcomer_numpy"]


def test_a_way_out_is_on_the_command_line(new_way: str, tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["export", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "notebook, checkpoint, handout, script, onnx, newcomer_numpy or figures" in said
    file = checkpoints.shipped()["first-ae"]
    cli.main(["export", str(file), "--to", new_way, "--out", str(tmp_path), "--json"])
    made = json.loads(capsys.readouterr().out)
    with np.load(made["files"][0]) as archive:
        assert set(archive.files) == set(checkpoints.load(file).model.state_dict())
    assert made["largest_difference"] == 0


def test_an_unknown_way_out_names_the_newcomer_too(new_way: str, tmp_path: Path, capsys):
    file = checkpoints.shipped()["first-ae"]
    with pytest.raises(SystemExit):
        cli.main(["export", str(file), "--to", "paper", "--out", str(tmp_path)])
    assert "onnx, newcomer_numpy, figures" in capsys.readouterr().err


def test_no_two_pages_share_an_address_or_a_place():
    declared = list(all_pages().values())
    assert len({page.url for page in declared}) == len(declared)
    assert len({page.place for page in declared}) == len(declared)
