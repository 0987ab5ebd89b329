"""The Take out page: what is made is verified first, what is refused says why."""

from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import open_page, sound

PATH = "pages/check/take_out.py"


def texts(app: AppTest) -> str:
    return " ".join(c.value for c in app.caption)


def test_a_script_is_prepared_on_demand():
    app = open_page(PATH, model="first-ae")
    sound(app)
    assert "compared on 256 held-out images" in texts(app)  # the checkpoint
    app.button(key="prepare_script").click().run()
    sound(app)
    assert "fresh Python" in texts(app)


def test_a_conditional_models_explorer_is_made_for_a_label():
    app = open_page(PATH, model="conditional-vae")
    sound(app)
    app.selectbox(key="take_label_conditional-vae").set_value(3).run()
    app.button(key="prepare_explorer").click().run()
    sound(app)
    smaller = ", its weights rounded to 16 bits for a smaller file,"  # it is over 3 MB else
    assert f"the network in it{smaller} compared on 256 held-out images" in texts(app)
    offered = {button.key: button.proto.help for button in app.get("download_button")}
    assert "told-3" in offered["download_explorer"]  # the label is in the file's name


def test_a_refusal_is_a_sentence(monkeypatch):
    from aecore.errors import ExportError
    from pages.check import take_out_cards

    def refuse(function, *arguments):
        raise ExportError("The ONNX pair is refused: for this test.")

    monkeypatch.setattr(take_out_cards, "apart", refuse)
    app = open_page(PATH, model="deep-ae-3")
    app.button(key="prepare_onnx").click().run()
    sound(app)
    assert "refused: for this test" in texts(app)
