"""The pad with what is no picture: a signal as a line, a table as bars in its own units."""

from __future__ import annotations

import pytest

APP = """
import numpy as np, streamlit as st, torch
from torch import nn
from aecore.pad import build_bundle, export_pair
from pages.components.pad import latent_pad

table = "table" in st.query_params
size = 5 if table else 32
span = (-3.0, 4.0) if table else (0.0, 1.0)
rng = np.random.default_rng(0)
x = rng.uniform(*span, (60, size)).astype(np.float32)
torch.manual_seed(1)
encoder, decoder = nn.Linear(size, 2), nn.Linear(2, size)
network = export_pair(encoder, decoder, shape=(size,), latent_dim=2)
codes = encoder(torch.from_numpy(x)).detach().numpy()
components = np.linalg.qr(rng.normal(size=(size, 2)))[0].T.astype(np.float32)
bundle = build_bundle(
    network, model_id="m", model_name="m", codes=codes, images=x, value_range=span,
    kind="table" if table else "signal", labels=np.arange(60) % 2, class_names=["a", "b"],
    columns=[(f"column {i}", 10.0 * i, 2.0) for i in range(size)] if table else [],
    pca=(components, x.mean(0)),
)
latent_pad(bundle, key="pad")
"""
pytestmark = pytest.mark.parametrize("pad_app", [APP], indirect=True, scope="module")

TEXTS = """() => {
    window.drawn = [];
    const draw = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        if (this.canvas.id === "big") window.drawn.push(String(text));
        return draw.call(this, text, ...rest);
    };
}"""


@pytest.fixture
def open_pad(new_page, pad_app):
    def open_at(query: str, **options):
        page = new_page(**{"viewport": {"width": 1200, "height": 1000}, **options})
        page.add_init_script(f"({TEXTS})()")
        page.goto(f"{pad_app}/?{query}")
        page.locator("#where", has_text="=").wait_for(timeout=60_000)
        return page

    return open_at


def inked(page, name: str) -> int:
    """How many pixels of a canvas are drawn on."""
    read = (
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        ".filter((v, i) => i % 4 === 3 && v).length"
    )
    return page.locator(f"#{name}").evaluate(read)


@pytest.mark.parametrize("kind", ["signal", "table"])
def test_everything_is_drawn_and_follows_the_pointer(open_pad, kind: str):
    page = open_pad(kind)
    look = "c => c.toDataURL()"
    for name in ("big", "near", "pca"):
        assert inked(page, name) > 100
    before = page.locator("#big").evaluate(look)
    page.locator("#overlay").hover(position={"x": 100, "y": 100})
    page.wait_for_timeout(150)
    assert page.locator("#big").evaluate(look) != before
    assert page.get_by_role("tab", name="Draw your own").is_hidden()
    assert page.locator("#dots").is_hidden()
    page.wait_for_timeout(600)
    strips = page.locator(".slider canvas")
    assert strips.count() == 2
    assert strips.first.evaluate("c => c.width") % 9 == 0
    page.get_by_role("button", name="Any example").click()
    page.get_by_text("The chosen example").wait_for()
    assert page.get_by_text("Its reconstruction").count()


def test_what_is_decoded_has_its_columns_names_and_units(open_pad):
    page = open_pad("table")
    given, values = page.locator(".lp").evaluate(
        "node => { node.pad.chooseImage(7); const { anchor, network, z } = node.pad.chosen();"
        " return [[...anchor.x], [...network.decode(z)]]; }"
    )
    assert all(-3 <= v <= 4 for v in given)
    page.wait_for_timeout(150)
    drawn = page.evaluate("() => window.drawn.slice(-10)")
    assert drawn[::2] == [f"column {i}" for i in range(5)]
    shown = [float(text) for text in drawn[1::2]]
    # In the columns' units: value * std + mean, with std 2 and mean 10 i, to three digits.
    for i, (figure, value) in enumerate(zip(shown, values, strict=True)):
        assert figure == pytest.approx(2 * value + 10 * i, rel=6e-3)


@pytest.mark.parametrize("kind", ["signal", "table"])
def test_it_fits_a_phone(open_pad, kind: str):
    page = open_pad(kind, viewport={"width": 360, "height": 740})
    wide = page.locator(".lp").evaluate("node => node.scrollWidth - node.clientWidth")
    assert wide <= 0
