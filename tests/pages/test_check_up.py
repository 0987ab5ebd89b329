"""A stranger's file on the Check-up page, and then on every other page."""

from __future__ import annotations

import io

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore.inspection.checkup import Opened, open_files
from aecore.jobs import engine
from pages.check import check_reading, check_report
from pages.shell.page import all_pages
from tests.pages.test_kinds import opened, sound

CHECK = "pages/check/check_up.py"
PAGES = list(all_pages())


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
    return engine.engine().upload("nobody", "theirs", stranger.to_bytes()).run_id


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_on_it(path, run_id):
    opened(path, run_id)


def test_the_page_judges_and_says_how_it_was_read(run_id):
    app = opened(CHECK, run_id)
    text = " ".join(m.value for m in app.markdown)
    assert app.subheader[0].value == "theirs"
    report = check_report._reports[run_id, 1]
    assert report.level in ("good", "worrying")
    assert "reading-sure" in {f.name for f in report.findings} or "guess" in app.expander[0].label
    assert "tanh" in str([d.value for d in app.dataframe])
    assert "theirs.pt" in text
    assert next(c.value for c in app.code).startswith("Flatten()\nLinear(784, 64)")


def dropped(name: str, content: bytes) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.run()
    app.switch_page(CHECK).run()
    app.file_uploader(key="check_files").set_value([(name, content, "application/octet-stream")])
    app.run()
    return app


def test_a_dropped_file_is_taken_in_hand(state):
    app = dropped("their network.pt", content_of(state))
    sound(app)
    hand = next(s for s in app.selectbox if s.label == "Model in hand")
    assert engine.engine().get(hand.value).name == "their network"
    assert app.subheader[0].value == "their network"


def test_a_hostile_file_is_one_sentence():
    app = dropped("model.pt", b"hello, I am no model")
    assert not app.exception
    assert len(app.error) == 1
    assert "model.pt" in app.error[0].value


def test_what_is_not_understood_can_be_described(state):
    left = {k: v for k, v in state.items() if k != "3.weight"}
    app = dropped("half.pt", content_of(left))
    assert not app.exception
    assert "3.weight" in app.error[0].value.replace("\\", "")
    assert [t.label for t in app.text_area] == ["Encoder", "Decoder"]


def test_another_reading_takes_its_place(stranger, run_id):
    owner = engine.engine().get(run_id).owner
    check_reading._remember(run_id, stranger)
    before = engine.engine().get(run_id).saved
    from aecore.inspection.checkup import overrule

    engine.engine().reread(owner, run_id, overrule(stranger, 1).to_bytes())
    assert engine.engine().get(run_id).saved == before + 1
    assert engine.engine().checkpoint(run_id).card.origin["chosen"] == 1
