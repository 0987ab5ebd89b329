"""A stranger's file on the Check-up page, and then on every other page."""

from __future__ import annotations

import io

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore.errors import AecoreError
from aecore.inspection.apart import Opened, open_files, overrule
from aecore.inspection.origin import given_by
from aecore.jobs import engine
from aecore.runs import checkpoints
from pages.check import check_keeping, check_report
from pages.shell import access, opened_files, session
from pages.shell.page import all_pages
from tests.pages.test_kinds import opened, sound

CHECK = "pages/check/check_up.py"
PAGES = list(all_pages())


@pytest.fixture(autouse=True)
def owner(monkeypatch) -> str:
    """Who every browser here is."""
    monkeypatch.setattr(access, "owner", lambda: "a" * 64)
    return "a" * 64


def content_of(state: dict) -> bytes:
    saved = io.BytesIO()
    torch.save(state, saved)
    return saved.getvalue()


@pytest.fixture(scope="module")
def state(mnist) -> dict:
    """A small network of another hand, trained for a moment."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(784, 64),
        nn.Tanh(),
        nn.Linear(64, 6),
        nn.Linear(6, 64),
        nn.Tanh(),
        nn.Linear(64, 784),
        nn.Sigmoid(),
    )
    x = mnist.train.batch(slice(0, 3000)).flatten(1)
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    for batch in [*x.split(50)] * 3:
        adam.zero_grad()
        (net(batch) - batch).square().sum(1).mean().backward()
        adam.step()
    return net.state_dict()


@pytest.fixture(scope="module")
def stranger(state) -> Opened:
    return open_files([(content_of(state), "theirs.pt")])


@pytest.fixture(scope="module")
def run_id(stranger) -> str:
    return engine.engine().library.upload("a" * 64, "theirs", stranger.to_bytes()).run_id


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_on_it(path, run_id):
    opened(path, run_id)


def test_the_page_judges_and_says_how_it_was_read(run_id):
    app = opened(CHECK, run_id)
    text = " ".join(m.value for m in app.markdown)
    assert app.subheader[0].value == "theirs"
    report = report_on(run_id)
    assert report.level in ("good", "worrying")
    assert "reading-sure" in {f.name for f in report.findings} or "guess" in app.expander[0].label
    assert "tanh" in str([d.value for d in app.dataframe])
    assert "theirs.pt" in text
    assert next(c.value for c in app.code).startswith("Flatten()\nLinear(784, 64)")


def report_on(ref: str):
    return check_report._reports.get(check_report._content(session.hand_of(ref)))


def dropped(name: str, content: bytes) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.run()
    app.switch_page(CHECK).run()
    app.file_uploader(key="check_files").set_value([(name, content, "application/octet-stream")])
    app.run()
    return app


def in_hand(app: AppTest) -> str:
    return next(s for s in app.selectbox if s.label == "Model in hand").value


@pytest.fixture
def parsed(monkeypatch) -> list[int]:
    """One entry for each checkpoint that is parsed after the default model."""
    opened(CHECK, session.DEFAULT_MODEL)
    found, read = [], checkpoints.from_bytes
    monkeypatch.setattr(checkpoints, "from_bytes", lambda *given: found.append(1) or read(*given))
    return found


def keep_button(app: AppTest):
    return next((b for b in app.button if b.label == "Keep it"), None)


def test_a_dropped_file_is_taken_in_hand_and_written_when_it_is_kept(state, parsed):
    runs = set(engine.engine().store.runs)
    app = dropped("their network.pt", content_of(state))
    sound(app)
    ref = in_hand(app)
    assert opened_files.PATTERN.fullmatch(ref)
    assert app.subheader[0].value == "their network"
    assert report_on(ref).findings
    app.switch_page("pages/look/reconstructions.py").run()
    sound(app)
    assert in_hand(app) == ref
    # The model itself went from page to page; nothing was written or parsed.
    assert set(engine.engine().store.runs) == runs
    assert parsed == [1]
    found = opened_files.get(ref).opened
    app.switch_page(CHECK).run()
    keep_button(app).click().run()
    sound(app)
    assert parsed == [1]
    kept = in_hand(app)
    assert engine.engine().get(kept).name == "their network"
    assert session.hand_of(kept).model is found.model
    assert keep_button(app) is None
    with pytest.raises(AecoreError, match="drop it in again"):
        opened_files.get(ref)
    # What was found while reading it outlives the server's memory.
    opened_files.forget(kept)
    card = engine.engine().library.checkpoint(kept).card
    assert given_by(card) == found.given
    assert {f.name for f in found.given} <= {f.name for f in report_on(kept).findings}


def test_one_of_our_own_files_is_parsed_once(parsed):
    path = checkpoints.shipped()["first-ae"]
    app = dropped(path.name, path.read_bytes())
    sound(app)
    assert opened_files.PATTERN.fullmatch(in_hand(app))
    assert len(parsed) == 1


def test_a_file_that_is_forgotten_says_so():
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.query_params["model"] = opened_files.new_ref()
    app.run()
    assert not app.exception
    assert "drop it in again" in app.error[0].value


def test_who_did_not_bring_a_file_does_not_see_it(stranger):
    ref = opened_files.new_ref()
    opened_files.remember(ref, stranger, "somebody else", 1)
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.query_params["model"] = ref
    app.run()
    assert not app.exception
    assert "opened by somebody else" in app.error[0].value
    assert in_hand(app) == session.DEFAULT_MODEL


def test_another_reading_of_a_file_not_kept(state):
    app = dropped("theirs.pt", content_of(state))
    ref = in_hand(app)
    choice = next(s for s in app.selectbox if s.label == "Take another reading")
    choice.select(1).run()
    next(b for b in app.button if b.label == "Read it so").click().run()
    sound(app)
    assert in_hand(app) == ref
    assert opened_files.get(ref).version == 2
    assert opened_files.get(ref).opened.card.origin["chosen"] == 1
    assert report_on(ref)


def test_a_hostile_file_is_one_sentence():
    app = dropped("model.pt", b"hello, I am no model")
    assert not app.exception
    assert len(app.error) == 1
    assert "model.pt" in app.error[0].value


def test_what_is_not_understood_can_be_described(state):
    app = dropped("half.pt", content_of({k: v for k, v in state.items() if k < "3"}))
    sound(app)
    assert not app.error
    # The verdict stands in a component; nothing is in hand, and the model by hand is the way on.
    assert in_hand(app) == session.DEFAULT_MODEL
    assert [t.label for t in app.text_area] == ["Encoder", "Decoder"]


def test_two_files_that_are_no_pair_are_asked_about(state):
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.run()
    app.switch_page(CHECK).run()
    files = [(name, content_of(state), "application/octet-stream") for name in ("a.pt", "b.pt")]
    app.file_uploader(key="check_files").set_value(files)
    app.run()
    sound(app)
    assert "alone" in app.warning[0].value
    labels = [b.label for b in app.button]
    assert "Read them as encoder and decoder" in labels
    next(b for b in app.button if b.label == "Open b.pt").click().run()
    sound(app)
    assert app.subheader[0].value == "b"


def test_another_reading_takes_its_place(stranger, mnist, owner):
    run_id = engine.engine().library.upload(owner, "theirs", stranger.to_bytes()).run_id
    before = engine.engine().get(run_id).saved
    check_keeping.replace(run_id, overrule(stranger, 1, mnist))
    assert engine.engine().get(run_id).saved == before + 1
    assert engine.engine().library.checkpoint(run_id).card.origin["chosen"] == 1
    assert session.hand_of(run_id).card.origin["chosen"] == 1
