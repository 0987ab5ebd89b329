"""The exported explorer in Chromium: one file, no network."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from aecore.pad import build_bundle, export_explorer, export_pair


@pytest.mark.parametrize("exact", [False, True])
def test_the_explorer_decodes_from_a_file(exact, chromium, tmp_path):
    decoder = nn.Sequential(nn.Linear(3, 64), nn.Unflatten(1, (1, 8, 8)))
    network = export_pair(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), decoder, shape=(1, 8, 8), latent_dim=3
    )
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(50, 3))
    bundle = build_bundle(
        network, model_id="m", model_name="m", codes=codes, images=rng.random((50, 1, 8, 8))
    )
    file = tmp_path / "explorer.html"
    file.write_text(export_explorer(bundle, title="<Explorer>", exact=exact), "utf-8")
    context = chromium.new_context(viewport={"width": 360, "height": 740}, offline=True)
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(file.as_uri())
    page.locator("#where", has_text="=").wait_for()
    decoded = page.locator(".lp").evaluate(
        "({pad}) => [...pad.chosen().network.decode(pad.chosen().z)]"
    )
    w, b = (p.detach().numpy() for p in decoder[0].parameters())
    np.testing.assert_allclose(
        decoded, w @ codes.mean(0) + b, atol=1e-5 if exact else 2e-3
    )  # else half precision
    assert page.get_by_role("heading", name="<Explorer>").is_visible()
    assert problems == []
    context.close()
