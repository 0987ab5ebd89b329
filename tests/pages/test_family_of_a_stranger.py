"""A family that one file adds: in the forms, on the Train page live, and Inside."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from aecore import places
from aecore.jobs import engine
from aecore.models import all_families
from pages.look.inside_sections import SECTIONS


@pytest.fixture(scope="module")
def own_engine(newcomer_family, tmp_path_factory) -> Iterator[str]:
    """Workers that start where the newcomer can be found; gives its name."""
    before, engine._engine = engine._engine, None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(places.RUNS_VARIABLE, str(tmp_path_factory.mktemp("runs")))
        yield newcomer_family
    engine.engine().close()
    engine._engine = before


def sound(app: AppTest) -> None:
    assert not app.exception, app.exception[0].message
    assert not app.error, app.error[0].value


def train_page(**query: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=90).run()
    app.switch_page("pages/train/train.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    return " ".join(m.value for m in app.markdown)


def test_form_has_its_options_with_their_types(newcomer_family):
    def form():
        import streamlit as st

        from aecore.models import family
        from pages.components.options_form import options_form

        st.json(options_form(family("newcomer-dropout").Options, {"calm": False}, "f"))

    app = AppTest.from_function(form).run()
    sound(app)
    (calm,) = app.toggle
    assert (calm.label, calm.value) == ("Short codes", False)
    assert app.number_input[0].label == "Dropout"
    calm.set_value(True).run()
    assert '"calm": true' in app.json[0].value.replace('"calm":true', '"calm": true')


@pytest.mark.parametrize("query", [{"family": "newcomer-dropout"}, {"preset": "newcomer-half"}])
def test_train_page_offers_it(own_engine, query):
    app = train_page(dataset="digits", **query)
    sound(app)
    assert any(t.label == "Short codes" for t in app.toggle)
    assert not app.button(key="start").disabled


def test_any_family_can_be_had_bare(own_engine):
    app = train_page(dataset="digits", family="conv-vae")
    sound(app)
    assert "Convolutional variational autoencoder" in " ".join(app.radio[0].options)
    app = train_page(dataset="wine", family="conv-vae")
    sound(app)
    assert "cannot be given these data" in " ".join(i.value for i in app.info)
    app = train_page(dataset="digits", family="nope")
    assert "no family called 'nope'" in app.error[0].value


def test_it_trains_live_and_has_its_place_inside(own_engine):
    app = train_page(dataset="digits", family=own_engine)
    app.toggle[0].set_value(False).run()
    app.number_input[1].set_value(2).run()  # epochs
    app.button(key="start").click().run()
    end = time.monotonic() + 200  # a worker has to start first
    while not any(b.label == "New run" for b in app.button):
        assert time.monotonic() < end, "the run did not end"
        time.sleep(0.25)
        app.run()
    sound(app)
    assert "A code is **" in words(app)
    run_id = app.query_params["run"]
    run = engine.engine().get(run_id if isinstance(run_id, str) else run_id[0])
    assert run.spec.options["calm"] is False
    assert all("test_code_length" in row for row in run.recording.history)
    for path in ("look/inside", "look/decode", "look/reconstructions", "train/runs"):
        app.switch_page(f"pages/{path}.py").run()
        sound(app)
        if path == "look/inside":
            assert "What this family measures" in [s.value for s in app.subheader]
            assert "A code is **" in words(app)


def test_inside_has_every_view_that_a_family_asks_for():
    from aecore.models import all_families
    from pages.look.inside_sections import SECTIONS

    asked = {key for cls in all_families().values() for key in cls.inside}
    assert asked <= {section.key for section in SECTIONS}


def test_what_families_ask_to_be_shown_inside_is_there():
    """A misspelt key would show nothing, and nobody would be told."""
    keys = {section.key for section in SECTIONS if section.key}
    for name, cls in all_families().items():
        assert set(cls.inside) <= keys, f"{name} asks for more than {sorted(keys)}"
