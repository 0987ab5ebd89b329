"""The network at work of a model over the browser's budget: what the server says beside torch's own
hooks, and what a person sees of it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from aecore.models import registry
from aecore.models.blocks import leaves
from aecore.pad import build_bundle, export_network, served, served_matter
from aecore.pad.described import described
from aecore.types import DataSpec, ModelSpec
from pages.components.network_question import question_of
from tests.browser.flow_page import open_network

SPECS = {
    "dense": ModelSpec("dense-vae", DataSpec((1, 28, 28)), 6, {"hidden": (2100, 1024)}),
    "conv": ModelSpec("conv-vae", DataSpec((3, 64, 64)), 5, {"channels": (32, 64, 128)}),
    "table": ModelSpec(
        "dense-ae", DataSpec((13,), "table"), 3, {"hidden": (2048, 2048), "normalisation": "batch"}
    ),
}


def made(name: str):
    """A model over the budget, some examples, and its layers."""
    model = registry.build(SPECS[name], seed=3).eval()
    assert not export_network(model).within_budget
    generator = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
    x = torch.rand(12, *SPECS[name].data.shape, generator=generator)
    return model, (x * 255).round() / 255, described(model)


@torch.no_grad()
def hooked(model, layers, x, silent=(), held=()):
    """What leaves each stage, by torch's hooks; then z and x_hat."""
    found, hooks = {}, []
    for i, one in enumerate(layers):
        network = getattr(model, f"{one.stage.part}_network")()

        def keep(module, given, out, i=i, units=one.units):
            off = [unit for stage, unit in silent if stage == i]
            if off:
                out = out.clone().reshape(len(out), units, -1)
                out[:, off] = 0
                out = out.reshape(found_shape[i])
            found[i] = out
            return out

        layer = list(leaves(network))[one.stage.leaf]
        hooks.append((layer, keep))
    found_shape = {}
    for i, (layer, _) in enumerate(hooks):
        layer.register_forward_hook(lambda m, g, out, i=i: found_shape.update({i: out.shape}))
    handles = [layer.register_forward_hook(keep) for layer, keep in hooks]
    z = model.encoder_network()(x)[:, : model.spec.latent_dim].clone()
    for d, value in held:
        z[:, d] = value
    x_hat = model.decoder_network()(z)
    for handle in handles:
        handle.remove()
    return found, z, x_hat


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("quiet", [False, True])
def test_every_layer_is_what_hooks_find(name, quiet):
    model, x, layers = made(name)
    silent = frozenset({(0, 3), (0, 5), (len(layers) - 2, 1)}) if quiet else frozenset()
    held = ((1, 0.5),) if quiet else ()
    chosen = served.Chosen(silent=silent, held=held, open=(0, -1))
    meta, arrays = served.answer(model, layers, x[:1], chosen, [0.0] * model.spec.latent_dim)
    found, z, x_hat = hooked(model, layers, x[:1], silent, held)
    plain = hooked(model, layers, x[:1])[2]
    at, code = 0, max(i for i, one in enumerate(layers) if one.stage.part == "encoder")
    for i, one in enumerate(layers):
        if i == code:
            np.testing.assert_allclose(arrays["code"], found[i].flatten(), atol=1e-5)
            continue
        wanted = found[i].reshape(one.shape)
        drawn = served.drawn_shape(one.shape)
        if len(drawn) == 3:
            rows, columns = (
                np.linspace(0, n - 1, m).round().astype(int)
                for n, m in zip(one.shape[1:], drawn[1:], strict=True)
            )
            wanted = wanted[: drawn[0]][:, rows][:, :, columns]
        else:
            wanted = wanted.flatten()[: drawn[0]]
        cells = arrays["values"][at : at + np.prod(drawn)]
        at += len(cells)
        scale = meta["scales"][i]
        np.testing.assert_allclose(cells / 127 * scale, wanted.flatten(), atol=scale / 250)
        assert (cells[wanted.flatten() == 0] == 0).all()
    assert at == len(arrays["values"])
    np.testing.assert_allclose(arrays["z"], z[0], atol=1e-5)
    drawn = arrays["x_hat"] / 32767 * meta["drawn_scale"]
    np.testing.assert_allclose(drawn, x_hat.flatten(), atol=1e-4 * meta["drawn_scale"])
    assert meta["error"] == pytest.approx(float((x_hat - x[:1]).square().mean()), rel=1e-4)
    assert meta["plain"] == pytest.approx(float((plain - x[:1]).square().mean()), rel=1e-4)
    assert sum(array.nbytes for array in arrays.values()) < 400_000
    json.dumps(meta)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("stage", [0, 1, -2])
def test_an_open_unit_adds_up_and_links_are_the_strongest(name, stage):
    model, x, layers = made(name)
    stage %= len(layers)
    chosen = served.Chosen(open=(stage, 2), links=12)
    meta, arrays = served.answer(model, layers, x[:1], chosen, [0.0] * model.spec.latent_dim)
    found, _, x_hat = hooked(model, layers, x[:1])
    one, opened = layers[stage], meta["open"]
    values = found[stage].reshape(one.units, -1)[2]
    assert opened["gives"] == pytest.approx(float(values[values.abs().argmax()]), abs=1e-5)
    total = opened["sum"]
    parts = sum(term[3] for term in total["terms"]) + total["rest"] + total["bias"]
    assert parts == pytest.approx(total["total"], abs=1e-4)
    # The curve behind the sum gives what the unit gives.
    assert torch.relu(torch.tensor(total["total"])) == pytest.approx(opened["gives"], abs=1e-4)
    for _, weight, entered, by in total["terms"]:
        assert by == pytest.approx(weight * entered, rel=1e-5)
    assert opened["exact"]
    other = hooked(model, layers, x[:1], [(stage, 2)])[2]
    adds = arrays["adds"] / 127 * opened["adds_scale"]
    np.testing.assert_allclose(
        adds, (x_hat - other).flatten(), atol=opened["adds_scale"] / 200 + 1e-6
    )
    links, by_map = meta["links"][0]
    expected = strongest(model, layers, x[:1], found)
    assert [abs(link[2]) for link in links] == pytest.approx(expected[: len(links)], rel=1e-3)
    assert by_map == (name == "conv")


@pytest.mark.parametrize("name", SPECS)
def test_how_much_each_unit_matters_is_what_silence_does(name):
    model, x, layers = made(name)
    with torch.no_grad():  # so that the example is heard through all layers
        for weights in model.parameters():
            weights.mul_(2)
    mean = [0.3] * model.spec.latent_dim
    code = max(i for i, one in enumerate(layers) if one.stage.part == "encoder")
    plain = hooked(model, layers, x[:1])[2]
    error = float((plain - x[:1]).square().mean())
    for stage in range(len(layers) - 1):
        asked = model, layers, x[:1], served.Chosen(silent=frozenset({(0, 1)})), mean, stage
        meta, arrays = served_matter.matter(*asked)
        units = model.spec.latent_dim if stage == code else layers[stage].units
        assert (meta["units"], meta["tried"]) == (units, units)
        assert meta["plain"] == pytest.approx(error, rel=1e-5)
        assert arrays["tried"].tolist() == list(range(units))
        changes = arrays["changes"]
        some = {0, units // 2, units - 1, int(changes.argmax()), int(changes.argmin())}
        for unit in some:
            quiet = ((), ((unit, mean[unit]),)) if stage == code else (((stage, unit),), ())
            x_hat = hooked(model, layers, x[:1], *quiet)[2]
            change = float((x_hat - x[:1]).square().mean()) - error
            assert changes[unit] == pytest.approx(change, rel=1e-3, abs=1e-7), (stage, unit)
        assert np.abs(changes).max() > 1e-5, stage


def test_of_a_layer_that_is_too_wide_the_most_active_are_tried():
    model, x, layers = made("dense")
    asked = model, layers, x[:1], served.Chosen(), [0.0] * 6, 0
    every = served_matter.matter(*asked)[1]["changes"]
    meta, arrays = served_matter.matter(*asked, most_macs=100 * 10_000_000)
    values = hooked(model, layers, x[:1])[0][0].flatten()
    assert 50 < meta["tried"] < meta["units"]
    left = np.setdiff1d(np.arange(2100), arrays["tried"])
    # Those that are silent change nothing, and cost nothing.
    run = arrays["tried"][values[arrays["tried"]].numpy() > 0]
    assert values[left].max() <= values[run].min()
    np.testing.assert_allclose(arrays["changes"], every[arrays["tried"]], atol=1e-6)


def strongest(model, layers, x, found) -> list[float]:
    """Into the first layer, link by link: what the sums lose without one of their inputs."""
    network = list(leaves(model.encoder_network()))
    run = nn.Sequential(*network[: layers[0].sum_leaf + 1])
    units = layers[0].units
    alive = found[0].reshape(units, -1).abs().sum(1) > 0
    inputs = x.flatten(2).shape[1] if len(layers[0].shape) == 3 else x.numel()
    with torch.no_grad():
        none = run(torch.zeros_like(x)).reshape(units, -1)
        by = []
        for i in range(inputs):
            alone = torch.zeros_like(x)
            if len(layers[0].shape) == 3:
                alone[:, i] = x[:, i]
            else:
                alone.view(-1)[i] = x.view(-1)[i]
            by.append((run(alone).reshape(units, -1) - none).sum(1) * alive)
    return torch.stack(by).abs().flatten().sort(descending=True).values.tolist()


def bundle_of(model, x, layers):
    with torch.inference_mode():
        posterior = model.encode(x)
    return build_bundle(
        export_network(model),
        model_id="m",
        model_name="A model",
        codes=posterior.mu.numpy(),
        logvar=None if posterior.logvar is None else posterior.logvar.numpy(),
        images=x.numpy(),
        served=served.served_meta(model, layers, x),
    )


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1000, "height": 620}, reduced_motion="reduce")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield page
    page.close()
    assert not errors


SAY = """({meta, arrays}) => {
    const kinds = {
        float32: Float32Array, int32: Int32Array, int16: Int16Array, int8: Int8Array,
    };
    const detail = {meta};
    for (const [name, {type, values}] of Object.entries(arrays)) {
        detail[name] = new kinds[type](values);
    }
    document.dispatchEvent(new CustomEvent("aecore-flow-answer", {detail}));
}"""


def answered(page, model, x, layers, bundle, by="chosen", **limit):
    """Answer the last question of the page, as the app does; what was asked."""
    page.wait_for_function("(by) => window.sent.some(([name]) => name === by)", arg=by)
    page.wait_for_timeout(300)
    asked = [value for name, value in page.evaluate("window.sent") if name == by][-1]
    question = question_of(asked, bundle.meta)
    assert question is not None
    entered = question.entered
    one = x[entered : entered + 1] if isinstance(entered, int) else torch.zeros_like(x[:1])
    what = model, layers, one, question.chosen, bundle.meta["mean"]
    if question.matter is None:
        meta, arrays = served.answer(*what)
    else:
        meta, arrays = served_matter.matter(*what, question.matter, **limit)
    about = {"name": "n", "id": bundle.meta["id"], "token": question.token, **meta}
    sent = {k: {"type": str(v.dtype), "values": v.tolist()} for k, v in arrays.items()}
    page.evaluate(SAY, {"meta": about, "arrays": sent})
    page.wait_for_timeout(150)
    return question, meta


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_a_person_chooses_silences_and_opens(page, name):
    model, x, layers = made(name)
    bundle = bundle_of(model, x, layers)
    assert bundle.meta["network"] is None
    assert "w" not in bundle.arrays
    open_network(page, bundle, waits="Being computed")
    assert page.locator("#flowLarge").inner_text().endswith("answers when you let go.")
    _, meta = answered(page, model, x, layers, bundle)
    said = page.locator("#flowError").inner_text
    assert said().endswith(f"{meta['error']:.4f}")
    unit = meta["open"]["unit"]
    assert page.locator("#flowWho").inner_text().startswith("Encoder, layer 1")
    assert f" {unit + 1} of {layers[0].units}" in page.locator("#flowWho").inner_text()
    page.get_by_role("button", name="Silence it").click()
    question, meta = answered(page, model, x, layers, bundle)
    assert question.chosen.silent == {(0, unit)}
    assert said().endswith(f"{meta['plain']:.4f} \u2192 {meta['error']:.4f}, 1 silenced")
    page.locator("#flowStrip button").nth(2).click()
    question, meta = answered(page, model, x, layers, bundle)
    assert question.entered == 2
    assert f"{meta['error']:.4f}" in said()
    # Nothing is asked while a hand is on the code, and one thing when it lets go.
    box = page.locator("#flowCanvas").bounding_box()
    before = page.evaluate("window.sent.length")
    x0, y0 = page.evaluate(
        """() => {
            const {x, y, width, height} = document.querySelector(".nw").flow.view.columns
                .find(({role}) => role === "code");
            return [x + width / 2, y + height / 2];
        }"""
    )
    page.mouse.move(box["x"] + x0, box["y"] + y0)
    page.mouse.down()
    page.mouse.move(box["x"] + x0 + 25, box["y"] + y0, steps=5)
    page.wait_for_timeout(400)
    assert page.evaluate("window.sent.length") == before
    page.mouse.up()
    question, meta = answered(page, model, x, layers, bundle)
    assert page.evaluate("window.sent.length") == before + 1
    assert question.chosen.by == "hand"
    assert len(question.chosen.z) == model.spec.latent_dim
    assert "the code under the hand" in said()


def test_how_much_each_matters_is_asked_at_a_press_and_never_while_dragging(page):
    model, x, layers = made("dense")
    bundle = bundle_of(model, x, layers)
    open_network(page, bundle, waits="Being computed")
    answered(page, model, x, layers, bundle)
    tried = "window.sent.filter(([name]) => name === 'tried').length"
    assert page.evaluate(tried) == 0
    page.get_by_role("tab", name="How much each one matters").click()
    text = page.locator("#flowMatterText").inner_text
    page.locator("#flowMatterText", has_text="Being computed").wait_for()
    question, meta = answered(page, model, x, layers, bundle, "tried", most_macs=10**9)
    assert (question.matter, question.chosen.open) == (0, None)
    _, arrays = served_matter.matter(
        model, layers, x[:1], served.Chosen(), bundle.meta["mean"], 0, most_macs=10**9
    )
    best = int(arrays["tried"][arrays["changes"].argmax()])
    number, change, plain = re.search(r"no\. (\d+): \+(\S+) on (\S+)\)", text()).groups()
    assert int(number) == best + 1
    assert float(change) == pytest.approx(float(arrays["changes"].max()), rel=2e-2)
    assert plain == f"{meta['plain']:.4f}"
    assert f"Tried: the {meta['tried']} most active of 2100; all would take too long." in text()
    # A bar opens its unit, and what is known of the layer stays.
    page.locator("#flowBars").click(position={"x": 0, "y": 40})
    question, _ = answered(page, model, x, layers, bundle)
    assert question.chosen.open == (0, best)
    assert f"no. {best + 1}: " in text()
    assert page.locator("#flowTry").is_hidden()
    # Another example: what was known is of the one before, and nothing is asked by itself.
    page.locator("#flowStrip button").nth(2).click()
    answered(page, model, x, layers, bundle)
    assert page.evaluate(tried) == 1
    page.locator("#flowMatterText", has_text="What was chosen has changed").wait_for()
    page.locator("#flowTry").click()
    question, _ = answered(page, model, x, layers, bundle, "tried")
    assert question.entered == 2
    assert "held-out example 3" in text()
    assert "would take too long" not in text()


def test_what_is_no_question_is_no_question():
    model, x, layers = made("table")
    meta = bundle_of(model, x, layers).meta
    good = {
        **{"index": 0, "drawn": "", "by": "mean", "z": [], "eps": [], "silent": [[0, 1]]},
        **{"held": [[0, 1.5]], "open": [0, -1], "links": 20, "token": "1"},
    }
    assert question_of(good, meta).chosen.silent == {(0, 1)}
    assert question_of({**good, "matter": 1}, meta).matter == 1
    bad = [
        {"index": len(x)},
        {"index": True},
        {"index": -1, "drawn": "AAAA"},
        {"by": "hand", "z": [0.0]},
        {"by": "hand", "z": [0.0, 1.0, float("nan")]},
        {"silent": [[0, 2048]]},
        {"silent": [[9, 0]]},
        {"held": [[3, 0.0]]},
        {"open": [0, -2]},
        {"links": 10_000},
        {"silent": None},
        {"matter": len(meta["served"]["stages"]) - 1},
        {"matter": "0"},
    ]
    for change in bad:
        assert question_of({**good, **change}, meta) is None, change
    assert question_of(good, {**meta, "served": None}) is None
