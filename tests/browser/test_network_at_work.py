"""What a person does with the network at work: each number on the screen beside torch's."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from aecore.models import registry
from aecore.models.blocks import leaves
from aecore.pad import build_bundle, export_network
from aecore.types import DataSpec, ModelSpec
from tests.browser.flow_page import open_network

K, SIDE = 5, 12


def model_and_bundle(family: str = "dense-ae", k: int = K, **options):
    spec = ModelSpec(family, DataSpec((1, SIDE, SIDE)), k, {"hidden": (20, 14), **options})
    model = registry.build(spec, seed=3).eval()
    x = torch.rand(30, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    x = (x * 255).round() / 255  # as the bundle's bytes have them
    with torch.inference_mode():
        posterior = model.encode(x)
    bundle = build_bundle(
        export_network(model),
        model_id="m",
        model_name="A model",
        codes=posterior.mu.numpy(),
        logvar=None if posterior.logvar is None else posterior.logvar.numpy(),
        images=x.numpy(),
        labels=np.arange(30) % 3,
        class_names=["a", "b", "c"],
    )
    return model, x, bundle


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1000, "height": 620}, reduced_motion="reduce")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield page
    page.close()
    assert not errors


@torch.inference_mode()
def error_of(model, x, *, layer: int | None = None, units=(), held=None) -> float:
    """Squared error per value of x (1, ...) with units of an encoder's leaf at 0, or of latent
    numbers at a value."""

    def quiet(module, given, out):
        out = out.clone()
        out[:, list(units)] = 0
        return out

    network = model.encoder_network()
    hook = network[layer].register_forward_hook(quiet) if layer is not None else None
    z = network(x)[:, : model.spec.latent_dim].clone()
    if hook:
        hook.remove()
    for d, value in (held or {}).items():
        z[:, d] = value
    return float((model.decode(z) - x).square().mean())


def said(page) -> list[float]:
    """The errors that stand beneath the drawing: with everything, and with some silenced."""
    page.wait_for_timeout(100)
    return [float(v) for v in re.findall(r"\d\.\d{4}", page.locator("#flowError").inner_text())]


def test_silencing_a_unit_several_a_layer_and_a_latent_number(page):
    model, x, bundle = model_and_bundle()
    open_network(page, bundle)
    one = x[:1]
    assert said(page) == [pytest.approx(error_of(model, one), abs=6e-5)]
    canvas = page.locator("#flowCanvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")  # to the encoder's second layer
    page.wait_for_timeout(50)
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    plain, quiet = said(page)
    assert plain == pytest.approx(error_of(model, one), abs=6e-5)
    assert quiet == pytest.approx(error_of(model, one, layer=4, units=(4, 5)), abs=6e-5)
    assert "2 silenced" in page.locator("#flowError").inner_text()
    page.get_by_role("button", name="Silence the layer").click()
    assert said(page)[1] == pytest.approx(error_of(model, one, layer=4, units=range(14)), abs=6e-5)
    page.get_by_role("button", name="Let all speak").click()
    assert len(said(page)) == 1
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    mean = bundle.meta["mean"][1]
    assert said(page)[1] == pytest.approx(error_of(model, one, held={1: mean}), abs=6e-5)
    page.locator("#flowStrip button").nth(2).click()  # the same is silenced for another example
    assert said(page)[1] == pytest.approx(error_of(model, x[2:3], held={1: mean}), abs=6e-5)


def test_an_open_unit_says_what_it_adds_up(page):
    model, x, bundle = model_and_bundle()
    open_network(page, bundle)
    page.locator("#flowCanvas").focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    rows = terms_of(page)
    with torch.inference_mode():
        network = model.encoder_network()
        before = network[:3](x[:1])[0]
        weight, bias = network[3].weight[1].detach(), network[3].bias[1].detach()
    terms = (weight * before).numpy()
    largest = np.argsort(-np.abs(terms))[:5]
    number = lambda text: float(text.replace("\u2212", "-"))  # noqa: E731
    assert [row[0] for row in rows[:5]] == [f"unit {i + 1}" for i in largest]
    for row, i in zip(rows[:5], largest, strict=True):
        assert number(row[2]) == pytest.approx(terms[i], abs=6e-3)
    assert number(rows[-2][2]) == pytest.approx(float(bias), abs=6e-3)
    assert number(rows[-1][2]) == pytest.approx(float(terms.sum() + bias), abs=6e-3)


def test_how_much_each_unit_matters(page):
    model, x, bundle = model_and_bundle()
    open_network(page, bundle)
    page.locator("#flowCanvas").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("tab", name="How much each one matters").click()
    text = page.locator("#flowMatterText", has_text="most needed first")
    text.wait_for()
    plain = error_of(model, x[:1])
    changes = [error_of(model, x[:1], layer=4, units=(u,)) - plain for u in range(14)]
    unit, change = re.search(r"no\. (\d+): \+(\d\.\d+)", text.inner_text()).groups()
    assert int(unit) - 1 == int(np.argmax(changes))
    assert float(change) == pytest.approx(max(changes), abs=6e-5)


def test_the_code_is_dragged_without_a_word_to_the_server(page):
    _, _, bundle = model_and_bundle()
    open_network(page, bundle, facts=True)
    canvas = page.locator("#flowCanvas")
    box = canvas.bounding_box()
    # The code's bars are in the middle of the drawing; whichever lies there is dragged.
    asked = page.evaluate("window.sent")  # of the unit that is open at first
    x, y = box["x"] + box["width"] / 2, box["y"] + 150
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=6)
    page.mouse.up()
    said(page)
    assert "the code under the hand" in page.locator("#flowError").inner_text()
    assert page.evaluate("window.sent") == asked
    canvas.click(position={"x": box["width"] / 2, "y": 150})
    name, value = page.evaluate("window.sent")[-1]  # what a unit does is asked once
    assert (name, value["stage"]) == ("asked", 2)


def test_reparameterisation_is_drawn_with_the_numbers_of_torch(page):
    model, x, bundle = model_and_bundle("dense-vae")
    open_network(page, bundle)
    page.get_by_role("button", name="Sample again").click()
    page.wait_for_timeout(100)
    rows = page.locator("#flowNoiseRows tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    found = np.array([[float(v.replace("\u2212", "-")) for v in row[1:]] for row in rows])
    mu, std, eps, z, kl = found.T
    with torch.inference_mode():
        posterior = model.encode(x[:1])
    expected = posterior.kl()[0].sort(descending=True).values.numpy()
    np.testing.assert_allclose(kl, expected, atol=6e-3)
    np.testing.assert_allclose(z, mu + std * eps, atol=2e-2)
    assert np.abs(eps).max() > 0
    assert f"{expected.sum():.1f} nats" in page.locator("#flowNoiseText").inner_text()


def terms_of(page) -> list[list[str]]:
    page.wait_for_timeout(100)
    return page.locator("#flowTerms tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )


@pytest.mark.parametrize("family", ["dense-ae", "conv-ae"])
def test_a_pixel_of_the_output_opens(page, family):
    """What it adds up is torch's, by the pixel that was pressed."""
    options = {"hidden": (20, 14)} if family == "dense-ae" else {"hidden": ()}
    model, x, bundle = model_and_bundle(family, **options)
    open_network(page, bundle, facts=True)
    asked = page.evaluate("window.sent.length")
    place = page.locator(".nw").evaluate(
        """(root, [row, column, side]) => {
            const {x, y, width, height} = root.flow.view.columns.at(-1);
            return {x: x + (column + 0.5) / side * width, y: y + (row + 0.5) / side * height};
        }""",
        [7, 4, SIDE],
    )
    page.locator("#flowCanvas").click(position=place)
    rows = terms_of(page)
    number = lambda text: float(text.replace("\u2212", "-"))  # noqa: E731
    seen: list[torch.Tensor] = []
    network = model.decoder_network()
    last = [m for m in leaves(network) if getattr(m, "weight", torch.zeros(1)).dim() > 1][-1]
    hook = last.register_forward_hook(lambda module, given, out: seen.append(out))
    with torch.inference_mode():
        drawn = network(model.encode(x[:1]).mu)[0].flatten()
    hook.remove()
    at = 7 * SIDE + 4
    assert page.locator("#flowWho").inner_text() == "Output: pixel 7/4"
    gives, has = re.findall(r"\d\.?\d*", page.locator("#flowGives").inner_text())
    assert float(gives) == pytest.approx(float(drawn[at]), abs=6e-3)
    assert float(has) == pytest.approx(float(x[0].flatten()[at]), abs=6e-3)
    assert number(rows[-1][2]) == pytest.approx(float(seen[0].flatten()[at]), abs=6e-3)
    assert page.locator("#flowSilence").is_disabled()  # it is what is compared
    assert page.evaluate("window.sent.length") == asked  # nothing is asked of the server
    page.locator("#flowCanvas").focus()
    page.keyboard.press("PageDown")  # a row further
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(100)
    assert page.locator("#flowWho").inner_text() == "Output: pixel 8/3"


def test_all_that_a_finger_or_the_keyboard_uses_is_large_enough_and_shows_the_focus(chromium):
    _, _, bundle = model_and_bundle("dense-vae")
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    open_network(page, bundle)
    page.wait_for_timeout(1500)  # it has fallen through
    page.locator("#flowCanvas").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")  # to the code, whose numbers have a slider
    tried = set()
    for tab in ("A unit", "How much each one matters", "The noise"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(200)
        for control in page.locator(".nw").locator("button, input, [tabindex='0']").all():
            name = control.evaluate("(e) => e.id || e.name || e.ariaLabel")
            if name in tried or not control.is_visible() or not control.is_enabled():
                continue
            tried.add(name)
            control.evaluate("(e) => e.scrollIntoView({block: 'center'})")
            box = control.bounding_box()
            assert min(box["width"], box["height"]) >= 32, name
            assert changed_by_focus(page, control) >= 2 * min(box["width"], box["height"]), name
    context.close()
    assert {"flowCanvas", "flowZ", "flowBars", "flowSilence", "flowFall", "flowNoiseTab"} <= tried


def changed_by_focus(page, control) -> int:
    """How many pixels look otherwise once the keyboard stands on a control."""
    box = control.bounding_box()
    size = page.viewport_size
    x, y = max(0, box["x"] - 6), max(0, box["y"] - 6)
    width, height = min(box["width"] + 12, size["width"] - x), min(box["height"] + 12, 400)
    clip = {"x": x, "y": y, "width": width, "height": height}
    pictures = []
    page.keyboard.press("Shift")  # from now on the keyboard is used: the focus is shown
    for act in ("blur", "focus"):
        control.evaluate(f"(e) => e.{act}({{preventScroll: true}})")
        page.wait_for_timeout(60)
        picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
        pictures.append(np.asarray(picture, dtype=int))
    before, after = pictures
    return int((np.abs(before - after).max(-1) > 40).sum())
