"""Read it back: one's own newest compressed file, one that is opened, and hostile bytes."""

from __future__ import annotations

import dataclasses
import io
import zipfile

import numpy as np
import pytest

from aecore.datasets import load
from aecore.jobs.engine import engine
from aecore.lab.about import About, LabSubject
from aecore.lab.coding_curves import Part, coded
from aecore.lab.record import Record, from_bytes, to_bytes
from aecore.lab.registry import experiment, plain_options
from aecore.lab.taking_out import everything
from aecore.runs import checkpoints
from tests.pages.test_pages import open_page, sound

PAGE, OWNER, RESULT = "pages/lab/read_back.py", "e" * 64, "l0000000022fe"
COMPRESS = "pages/lab/experiment.py"


@pytest.fixture(scope="module")
def record() -> Record:
    """A result of the first autoencoder, of 60 digits."""
    one, known = experiment("compress"), checkpoints.load(checkpoints.shipped()["first-ae"])
    data = load("mnist")
    options = one.Options(images=60, learned=2000, error=0.02, prices=(), beside=False)
    *_, last = coded(Part.of(data, known.model, 2000, 60, 0.02), known.model)
    about = About.of(LabSubject(data, known.model, known.card), "MNIST digits")
    done = {"model": last.values}
    found = Record(one.name, plain_options(options), about, (), done, {}, 1, "finished")
    return from_bytes(to_bytes(found))


@pytest.fixture
def mine(record, monkeypatch):
    monkeypatch.setattr("pages.shell.session.owner", lambda: OWNER)
    store = engine().lab.store
    store.keep(OWNER, RESULT, record)
    yield RESULT
    store.delete(OWNER, RESULT)


def said(app) -> str:
    return " ".join(str(m.value) for m in (*app.markdown, *app.caption))


def pictures(app) -> int:
    found = [e for e in app.get("bidi_component") if e.proto.component_name == "drawing"]
    return sum(e.proto.json.count("<img") for e in found)


def test_without_a_file_there_is_a_way_to_one():
    app = open_page(PAGE)
    sound(app)
    assert "No file yet" in said(app)


def test_ones_own_newest_file_is_read_back_to_the_error_that_was_measured(mine, record):
    app = open_page(PAGE, model="vae-plane")  # another is in hand: the one that wrote it ships
    sound(app)
    values = record.done["model"]
    assert app.metric[2].value == f"{values['file_error']:.4f}"
    assert app.metric[0].value == f"{len(values['file']):,}"
    assert "decoded by **The first autoencoder**" in said(app)
    assert pictures(app) == 16


def test_a_file_taken_from_the_result_is_opened_again(mine, record):
    (file,) = record.outcome().files
    with zipfile.ZipFile(io.BytesIO(everything(record))) as taken:
        assert taken.read(file.name) == file.content
    result = open_page(COMPRESS, lab="compress", result=RESULT)
    sound(result)
    (button,) = [b for b in result.get("download_button") if b.proto.label == file.title]
    assert button.proto.url
    assert file.says in said(result)
    app = open_page(PAGE)
    opened = app.file_uploader(key="read_back_file").set_value([("a", file.content, "")]).run()
    sound(opened)
    assert "The file that you opened" in said(opened)
    assert pictures(opened) == 16


@pytest.mark.parametrize("content", [b"", b"no file", b"\x80\x04cos\nsystem\n."])
def test_hostile_bytes_get_one_sentence(content: bytes):
    app = open_page(PAGE)
    app.file_uploader(key="read_back_file").set_value([("a", content, "")]).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "no file of compressed examples" in app.error[0].value


def test_a_result_of_an_earlier_version_has_no_such_button(mine, record):
    values = {k: v for k, v in record.done["model"].items() if k != "codes"}
    values["file"] = np.zeros(40, np.uint8)
    old, result = dataclasses.replace(record, done={"model": values}), "l0000000022ff"
    store = engine().lab.store
    store.keep(OWNER, result, old)
    app = open_page(COMPRESS, lab="compress", result=result)
    sound(app)
    assert not [b for b in app.get("download_button") if "compressed" in b.proto.label]
    store.delete(OWNER, result)


def test_nobody_else_is_offered_the_file(record):
    store = engine().lab.store
    store.keep(OWNER, RESULT, record)
    app = open_page(COMPRESS, lab="compress", shared=store.share(OWNER, RESULT))
    sound(app)
    assert not app.get("download_button")
    seen = open_page(PAGE, shared=store.share(OWNER, RESULT))  # but can look
    sound(seen)
    assert pictures(seen) == 16
    assert not seen.get("download_button")
    store.delete(OWNER, RESULT)
