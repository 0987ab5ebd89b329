"""The pages that look at a model, with one of each kind of data and of each odd family."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aecore import datasets
from aecore.jobs import engine
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig
from pages.shell import access

ME = "b" * 64
LINEAR = {"hidden": (16,), "output": "linear"}
#: What to train: data, family, latent numbers, options.
MODELS = {
    "signals": ("signals", "dense-vae", 3, {"hidden": (16,), "loss": "mse"}),
    "wine": ("wine", "dense-ae", 2, LINEAR),
    "wine, more numbers than columns": ("wine", "dense-ae", 16, LINEAR),
    "diabetes without labels": ("diabetes", "dense-ae", 3, LINEAR),
    "damaged wine": ("wine", "denoising-ae", 2, {**LINEAR, "level": 0.5}),
    "damaged digits": ("digits", "denoising-ae", 4, {"hidden": (16,), "level": 0.5}),
    "told digits": ("digits", "conditional-vae", 2, {"hidden": (16,)}),
    "told signals": ("signals", "described-conditional-vae", 2, {}),
}
ALONE = {"alone": ("digits", "decoder-alone", 2, {})}
RECONSTRUCTIONS, LATENT, DECODE = (
    f"pages/look/{name}.py" for name in ("reconstructions", "latent_space", "decode")
)


@pytest.fixture(autouse=True)
def owner(monkeypatch) -> None:
    """Every browser here is the one that brought the models."""
    monkeypatch.setattr(access, "owner", lambda: ME)


def uploaded(what: str) -> str:
    """Train for an epoch, bring the file to the app, and return the run's id."""
    name, family, latent_dim, options = (MODELS | ALONE)[what]
    data = datasets.load(name)
    spec = ModelSpec(family, data.spec, latent_dim, options)
    config = TrainConfig(epochs=1, limit=300)
    state, recording = TrainState.fresh(spec, 0), Recording()
    for event in train(spec, config, data, state=state):
        recording.add(event)
    card = recording.card(what, spec, config, data)
    content = checkpoints.to_bytes(state.model, card)
    return engine.engine().library.upload(ME, what, content).run_id


def opened(path: str, run_id: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=90)
    app.query_params["model"] = run_id
    app.run()
    sound(app)
    app.switch_page(path).run()
    sound(app)
    return app


def sound(app: AppTest) -> None:
    assert not app.exception, app.exception[0].message
    assert not app.error, app.error[0].value


@pytest.fixture(scope="module")
def run_of():
    made = {}

    def run_id(what: str) -> str:
        if what not in made:
            made[what] = uploaded(what)
        return made[what]

    return run_id


@pytest.mark.parametrize("what", MODELS)
def test_reconstructions(run_of, what: str):
    app = opened(RECONSTRUCTIONS, run_of(what))
    metrics = [m.label for m in app.metric]
    bounded, image = "wine" not in what and "diabetes" not in what, "digits" in what
    assert ("PSNR, mean" in metrics) == bounded
    assert ("SSIM, mean" in metrics) == image
    text = " ".join(m.value for m in app.markdown)
    if "damaged" in what:
        assert ("Damaged, as it sees it" if image else "From damaged data") in text
    for order in ("worst", "best", "one of each class"):
        app.button_group(key="show").set_value(order).run()
        sound(app)
    if "told" in what:
        app.button_group(key="code").set_value("one sample").run()
        sound(app)
    classes = datasets.load(MODELS[what][0]).class_names
    if classes:
        app.selectbox(key=f"class_{MODELS[what][0]}").set_value(classes[1]).run()
        sound(app)


@pytest.mark.parametrize("what", MODELS)
def test_decode(run_of, what: str):
    app = opened(DECODE, run_of(what))
    told = "told" in what
    if told:
        app.button_group(key=f"told_{MODELS[what][0]}").set_value(1).run()
        sound(app)
    assert any("style across all labels" in s.value for s in app.subheader) == told
    app.selectbox(key="through").set_value("an example's code").run()
    sound(app)
    group = app.button_group(key="on_paper")
    assert ("The whole plane" in group.options) == (what == "told digits")
    group.set_value("Interpolation").run()
    sound(app)


@pytest.mark.parametrize("what", MODELS)
@pytest.mark.parametrize("chosen", [[0], [0, 3, 5]])
def test_latent_space_shows_what_is_chosen(run_of, what: str, chosen: list[int], monkeypatch):
    from pages.components.point_map import Chosen
    from pages.look import latent_maps

    found = Chosen(np.array(chosen), len(chosen))
    monkeypatch.setattr(latent_maps, "_chosen", lambda key: found)
    app = opened(LATENT, run_of(what))
    text = " ".join(m.value for m in (*app.markdown, *app.caption))
    assert "Nothing is chosen yet" not in text
    if len(chosen) > 1:
        assert "3 images chosen" in text or "3 examples chosen" in text
    assert app.toggle(key="move_on").disabled == (len(chosen) > 1)
    if len(chosen) == 1:
        app.toggle(key="move_on").set_value(True).run()
        sound(app)


def test_a_decoder_alone_says_whose_encoder_it_has(run_of):
    app = opened(DECODE, run_of("alone"))
    assert any("The encoder was made here" in c.value for c in app.caption)


def test_home_shows_what_is_no_image(run_of):
    for what in ("wine", "signals", "told digits"):
        opened("pages/home.py", run_of(what))


@pytest.mark.parametrize("what", MODELS)
def test_inside_tells_a_table_by_its_columns(run_of, what: str):
    app = opened("pages/look/inside.py", run_of(what))
    tables = [s.value for s in app.subheader if "each column" in s.value]
    assert len(tables) == (MODELS[what][0] in ("wine", "diabetes"))
    if tables:
        shown = app.dataframe[0].value
        data = datasets.load(MODELS[what][0])
        assert sorted(shown["column"]) == sorted(c.name for c in data.columns)
        assert (shown["kept"] <= 100).all()
        if MODELS[what][2] >= data.spec.size:  # PCA keeps everything
            assert shown.iloc[:, 2].to_numpy() == pytest.approx(100)


#: Pages that speak of the model in hand alone.
OF_MODELS = (
    *("pages/home.py", "pages/look/reconstructions.py", "pages/look/latent_space.py"),
    *("pages/look/inside.py", "pages/look/decode.py", "pages/check/take_out.py"),
)
#: Words of other data than those in hand, which stand on these pages for good.
ELSEWHERE = re.compile(
    r"on MNIST digits|for grey images|<[^>]*>|data:image\S*|image_\w+", re.IGNORECASE
)


def said(element) -> str:
    """What an element of a page says to people; of components of our own the code is no text."""
    return "" if element.type == "bidi_component" else ELSEWHERE.sub("", str(element.proto))


@pytest.mark.parametrize("what", ["signals", "wine", "damaged wine"])
@pytest.mark.parametrize("path", OF_MODELS)
def test_a_table_and_a_signal_are_no_images(run_of, what: str, path: str):
    app = opened(path, run_of(what))
    texts = [said(element) for element in app.main]
    assert any("held-out" in text or "as a" in text for text in texts)
    for text in texts:
        found = re.search(r".{0,60}\b(?:image|digit)s?\b.{0,40}", text, re.IGNORECASE)
        assert not found, found[0]
