"""Every page, run as Streamlit runs it, with every kind of model and every kind of bad link."""

import dataclasses
import json
import time

import pytest
from streamlit.testing.v1 import AppTest

from aecore.models.presets import PRESETS
from aecore.runs import checkpoints
from aecore.training.events import Changed
from pages.shell.page import all_pages
from pages.train.run_comparison import differences

PAGES = list(all_pages())


def open_page(path: str = "pages/home.py", **query: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if path != "pages/home.py":
        app.switch_page(path).run()
    return app


def param(app: AppTest, name: str) -> str:
    value = app.query_params[name]
    return value[0] if isinstance(value, list) else value


def sound(app: AppTest) -> None:
    assert not app.exception, app.exception[0].message
    assert not app.error, app.error[0].value


def wait_for_end(app: AppTest) -> AppTest:
    for _ in range(240):
        if any(b.label == "New run" for b in app.button):
            return app
        time.sleep(0.25)
        app.run()
    raise AssertionError("the run did not end")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("model", checkpoints.shipped())
def test_page_shows_each_kind_of_shipped_model(path: str, model: str):
    app = open_page(path, model=model)
    sound(app)
    assert app.title[0].value
    assert param(app, "model") == model
    assert app.sidebar.selectbox[0].value == model


def test_model_chosen_in_the_sidebar_follows_to_other_pages():
    app = open_page()
    app.sidebar.selectbox[0].set_value("deep-ae-32").run()
    app.switch_page("pages/look/reconstructions.py").run()
    sound(app)
    assert param(app, "model") == "deep-ae-32"
    assert "32 latent numbers" in app.sidebar.caption[0].value


def test_unknown_model_in_the_link_is_said_and_the_default_taken():
    app = open_page(model="no-such-model")
    assert not app.exception
    assert "no model called 'no-such-model'" in app.error[0].value
    assert app.sidebar.selectbox[0].value == "vae-plane"


@pytest.mark.parametrize("model", ["r000000000000", "../../etc/passwd", "<script>", "r" * 500])
def test_hostile_model_in_the_link_is_one_sentence(model: str):
    app = open_page(model=model)
    assert not app.exception
    assert len(app.error) == 1
    assert len(app.error[0].value) < 400


@pytest.mark.parametrize(
    ("query", "word"),
    [({"preset": "nope"}, "preset"), ({"dataset": "nope"}, "dataset"), ({"run": "nope"}, "run")],
)
def test_unknown_names_in_the_link_of_train_are_one_sentence(query: dict, word: str):
    app = AppTest.from_file("../../app.py", default_timeout=60).run()
    app.switch_page("pages/train/train.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert word in app.error[0].value
    assert "nope" in app.error[0].value


@pytest.mark.parametrize("preset", list(PRESETS))
def test_choices_draw_every_preset(preset: str):
    app = open_page("pages/train/train.py")
    app.radio[0].set_value(preset).run()
    sound(app)
    assert not app.button(key="start").disabled


@pytest.mark.parametrize("widths", ["-1", "0", "99999", "a, b", "1 " * 50])
def test_absurd_widths_disable_start_with_a_sentence(widths: str):
    app = open_page("pages/train/train.py")
    app.text_input[0].set_value(widths).run()
    assert not app.exception
    assert len(app.error) == 1
    assert next(b for b in app.button if b.label == "Start training").disabled


@pytest.fixture(scope="module")
def trained() -> AppTest:
    app = open_page("pages/train/train.py")
    app.selectbox[0].set_value("digits").run()
    app.number_input[0].set_value(2).run()
    app.button(key="start").click().run()
    return wait_for_end(app)


def test_run_trains_and_is_in_hand_on_every_page(trained: AppTest):
    sound(trained)
    run_id = param(trained, "run")
    trained.run()
    assert param(trained, "model") == run_id
    for path in PAGES:
        trained.switch_page(path).run()
        sound(trained)
        assert param(trained, "model") == run_id


def figures_of(app: AppTest) -> dict[str, str]:
    """The figures of the run in view, as its canvas shows them; none where there is no run."""
    canvases = [e.proto for e in app.get("bidi_component") if e.proto.component_name == "run_view"]
    data = json.loads(canvases[0].json) if canvases else {}
    return {f["label"]: f["value"] for f in data["frame"]["figures"]} if data else {}


def train_page_at(**query: str) -> AppTest:
    """The Train page in a browser of its own, at an address."""
    other = AppTest.from_file("../../app.py", default_timeout=60).run()
    other.switch_page("pages/train/train.py")
    other.query_params.clear()
    for name, value in query.items():
        other.query_params[name] = value
    return other.run()


def shared(trained: AppTest) -> tuple[str, str]:
    """The run's id, and the token that its owner's press of the button gives."""
    run_id = param(trained, "model")
    trained.switch_page("pages/train/train.py").run()
    if "Make a watch link" in [b.label for b in trained.button]:
        next(b for b in trained.button if b.label == "Make a watch link").click().run()
    sound(trained)
    link = next(c.value for c in trained.code if "watch=" in c.value)
    return run_id, link.partition("watch=")[2]


@pytest.mark.parametrize("name", ["run", "model"])
def test_the_id_of_anothers_run_opens_nothing(trained: AppTest, name: str):
    other = train_page_at(**{name: param(trained, "model")})
    assert not other.exception
    assert [e.value for e in other.error if "ask for its watch link" in e.value]
    assert not figures_of(other)
    assert other.sidebar.selectbox[0].value == "vae-plane"


def test_who_has_the_watch_link_looks_and_neither_steers_nor_takes(trained: AppTest):
    run_id, token = shared(trained)
    other = train_page_at(watch=token)
    sound(other)
    assert figures_of(other)["State"] == "Finished"
    assert "neither steer it nor take" in other.info[0].value
    for label in ("Pause", "Step", "Epoch", "Stop", "Keep name"):
        assert next(b for b in other.button if b.label == label).disabled
    taking = ("Download", "Train further", "Export explorer", "CSV", "Prepare")
    for path in PAGES:
        other.switch_page(path).run()
        sound(other)
        assert other.sidebar.selectbox[0].value == run_id
        assert param(other, "watch") == token
        assert "model" not in other.query_params
        assert not [b.label for b in other.get("download_button")]
        assert not [b.label for b in other.button if b.label in taking]


def test_a_withdrawn_link_opens_nothing_and_ends_what_is_watched(trained: AppTest):
    _, token = shared(trained)
    other = train_page_at(watch=token)
    next(b for b in trained.button if b.label == "End sharing").click().run()
    for who in (other.run(), train_page_at(watch=token)):
        assert not who.exception
        assert who.error
        assert who.sidebar.selectbox[0].value == "vae-plane"
    assert shared(trained)[1] != token  # another link is another token


def run_rows(app: AppTest) -> list[dict]:
    """The rows of the list of runs, as the browser gets them."""
    found = next(e for e in app.get("bidi_component") if e.proto.component_name == "run_list")
    return json.loads(found.proto.json)["rows"]


def test_runs_page_lists_own_runs_and_all_shipped_models(trained: AppTest):
    trained.switch_page("pages/train/runs.py").run()
    sound(trained)
    rows = run_rows(trained)
    assert sum(row["state"] == "Ready" for row in rows) == len(checkpoints.shipped())
    assert "Finished" in {row["state"] for row in rows}
    assert not any(name in json.dumps(rows) for name in ("dense-ae", '"mnist', "own-"))
    fresh = open_page("pages/train/runs.py")
    assert {row["state"] for row in run_rows(fresh)} == {"Ready"}


def test_changes_while_a_model_trained_are_differences():
    card = checkpoints.read_card(checkpoints.shipped()["first-ae"])
    changed = dataclasses.replace(
        card,
        changes=[
            Changed("learning_rate", 0.001, 0.01, 1, 600),
            Changed("learning_rate", 0.001, 0.01, 2, 900),  # a resumed run says it again
            Changed("learning_rate", 0.01, 0.005, 6, 4000),
        ],
    )
    words = "0.001 to 0.01 in epoch 2, to 0.005 in epoch 7"
    assert differences(card, changed) == [("Learning rate, changed while it trained", "–", words)]


def test_what_differs_between_two_models_is_said_in_words():
    cards = [checkpoints.read_card(path) for path in checkpoints.shipped().values()]
    plain, denoising = (
        next(card for card in cards if card.spec.family == name)
        for name in ("dense-ae", "conv-denoising-ae")
    )
    rows = differences(plain, denoising)
    assert ("Noise level", "–", "0.5") in rows
    assert ("Channels", "–", "32, 64") in rows
    assert not any("_" in name or a == b for name, a, b in rows)
    back = differences(denoising, plain)
    assert sorted(back) == sorted((name, b, a) for name, a, b in rows)
    assert differences(plain, plain) == []
