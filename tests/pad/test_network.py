"""The exporter: folding, offsets and counts against a second reading of the same description."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from aecore.errors import ExportError
from aecore.export.explorer_file import unpacked
from aecore.models import registry
from aecore.pad import (
    DECODE_BUDGET_MACS,
    EpochFrame,
    build_bundle,
    export_explorer,
    export_network,
    export_pair,
    pack_frame,
    with_epochs,
)
from aecore.types import DataSpec, ModelSpec


def dense_reading(network, part: str, x: np.ndarray) -> np.ndarray:
    """Run a dense network from its description alone, as the format says: an oracle."""
    for op in network.meta[part]:
        if op["op"] == "linear":
            n_in, n_out = op["in"], op["out"]
            w = network.weights[op["w"] : op["w"] + n_in * n_out].reshape(n_out, n_in)
            x = w @ x + network.weights[op["b"] : op["b"] + n_out]
        else:
            assert op["op"] == "activation"
            x = np.maximum(x, 0) if op["kind"] == "relu" else 1 / (1 + np.exp(-x))
    return x


@torch.no_grad()
def test_batch_norm_is_folded_and_offsets_lead_to_the_weights():
    options = {"hidden": (12, 7), "normalisation": "batch"}
    model = registry.build(ModelSpec("dense-vae", DataSpec((1, 5, 4)), 3, options), seed=1)
    generator = torch.Generator().manual_seed(2)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
    network = export_network(model)
    kinds = [op["op"] for op in network.meta["encoder"] + network.meta["decoder"]]
    assert set(kinds) == {"linear", "activation"}  # nothing left to normalise
    assert network.meta["encoder_macs"] == 20 * 12 + 12 * 7 + 7 * 6
    assert network.meta["decoder_macs"] == 3 * 7 + 7 * 12 + 12 * 20
    assert network.weights.dtype == np.float32
    assert network.weights.size == network.meta["weights"]
    json.dumps(network.meta, allow_nan=False)
    x, z = torch.rand(1, 1, 5, 4, generator=generator), torch.randn(1, 3, generator=generator)
    q = model.encode(x)
    expected = torch.cat([q.mu, q.logvar], 1)[0].numpy()
    np.testing.assert_allclose(
        dense_reading(network, "encoder", x.ravel().numpy()), expected, atol=1e-5
    )
    np.testing.assert_allclose(
        dense_reading(network, "decoder", z[0].numpy()), model.decode(z).ravel().numpy(), atol=1e-5
    )


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        (
            nn.Linear(6, 2),
            nn.Sequential(nn.Linear(2, 6), nn.Softmin(1)),
            "decoder contains a Softmin",
        ),
        (nn.Linear(6, 3), nn.Linear(2, 6), "encoder returns 3 numbers, expected 2"),
        (nn.Linear(6, 2), nn.Linear(2, 5), r"decoder returns shape \(5,\), expected \(6,\)"),
        (nn.Linear(5, 2), nn.Linear(2, 6), "its last size should be 5"),
        (nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(2, 6), "running statistics"),
    ],
)
def test_what_the_browser_cannot_run_is_refused_in_a_sentence(encoder, decoder, message):
    with pytest.raises(ExportError, match=message):
        export_pair(encoder, decoder, shape=(6,), latent_dim=2)


def small_bundle(**changes):
    rng = np.random.default_rng(0)
    x = rng.random((50, 1, 8, 8), np.float32)
    components = np.linalg.qr(rng.normal(size=(64, 3)))[0].T.astype(np.float32)
    mean = x.reshape(50, -1).mean(0)
    scores = (x.reshape(50, -1) - mean) @ components.T
    mix = rng.normal(size=(3, 3))
    arguments = {
        "model_id": "m",
        "model_name": "a model",
        "codes": scores @ mix + 0.5,
        "images": x,
        "labels": np.arange(50) % 4,
        "class_names": "abcd",
        "held_out_errors": rng.random(30),
        "pca": (components, mean),
    }
    encoder, decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), nn.Linear(3, 64)
    for part in (encoder[1], decoder):
        nn.init.uniform_(part.weight, -1, 1, generator=torch.Generator().manual_seed(0))
        nn.init.zeros_(part.bias)
    network = export_pair(encoder, decoder, shape=(1, 8, 8), latent_dim=3)
    return build_bundle(network, **{**arguments, **changes}), scores


def test_the_bundle_maps_codes_to_pca_scores_and_ranks_dimensions():
    bundle, scores = small_bundle()
    codes = bundle.arrays["codes"].reshape(50, 3)
    matrix, offset = np.split(bundle.arrays["pca"][3 * 64 + 64 :], [9])
    np.testing.assert_allclose(codes @ matrix.reshape(3, 3).T + offset, scores, atol=5e-3)
    dimensions = bundle.meta["dimensions"]
    assert [d["score"] for d in dimensions] == sorted(codes.var(0).tolist(), reverse=True)
    assert bundle.meta["errors"] == sorted(bundle.meta["errors"])
    assert dimensions[0]["bar"] == 100
    json.dumps(bundle.meta, allow_nan=False)
    assert bundle.meta["id"] == small_bundle()[0].meta["id"]
    assert bundle.meta["id"] != small_bundle(model_id="n")[0].meta["id"]


def test_dead_dimensions_and_kl_are_told():
    rng = np.random.default_rng(1)
    mu = np.column_stack([rng.normal(size=2000), np.zeros(2000)]).astype(np.float32)
    logvar = np.column_stack([np.full(2000, -3.0), np.zeros(2000)])
    bundle = build_bundle(
        None, model_id="v", model_name="v", shape=(4,), variational=True, codes=mu, logvar=logvar
    )
    alive, dead = bundle.meta["dimensions"]
    assert (alive["dead"], dead["dead"], dead["index"]) == (False, True, 1)
    q = torch.distributions.Normal(torch.tensor(mu), torch.tensor(logvar / 2).exp().float())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean(0)
    assert alive["score"] == pytest.approx(kl[0].item(), rel=1e-5)
    assert dead["score"] == pytest.approx(0, abs=1e-6)
    assert (dead["low"], dead["high"]) == (-3, 3)  # the prior's range, not an empty slider


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": np.zeros(5)}, "latent_dim"),
        ({"codes": np.zeros((50, 2))}, "codes have 2 dimensions, the network 3"),
        ({"labels": [1, 2]}, "labels holds 2 numbers, expected 50"),
        ({"images": np.zeros((50, 7))}, "expected at most 50 examples of 64 values"),
        ({"pca": (np.zeros((2, 64)), np.zeros(64))}, "PCA has components of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ExportError, match=message):
        small_bundle(**changes)


def test_a_decoder_over_the_budget_is_left_to_the_server():
    with torch.device("meta"):
        big = nn.Sequential(nn.Linear(3, 60_000), nn.Linear(60_000, 64))
        pair = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), big
    pair = [part.to_empty(device="cpu") for part in pair]
    network = export_pair(*pair, shape=(1, 8, 8), latent_dim=3)
    assert network.meta["decoder_macs"] > DECODE_BUDGET_MACS
    bundle = build_bundle(network, model_id="b", model_name="big", codes=np.eye(3))
    assert bundle.meta["network"] is None
    assert "w" not in bundle.arrays
    assert "4.0 million multiply-adds" in bundle.meta["note"]
    with pytest.raises(ExportError, match="explorer"):
        export_explorer(bundle, title="")


def test_epochs_travel_with_the_bundle():
    bundle, _ = small_bundle()
    codes = bundle.arrays["codes"].reshape(50, 3)
    timed = with_epochs(bundle, available=[1, 2], test_mse=[0.2, 0.1])
    time = timed.meta["time"]
    assert (time["available"], time["test_mse"]) == ([1, 2], [0.2, 0.1])
    frame = pack_frame(timed, EpochFrame(2, codes + 1))
    assert (frame.meta["epoch"], frame.meta["base"]) == (2, timed.meta["id"])
    low, high = np.array(frame.meta["spans"]).T
    assert (low < codes.min(0) + 1.01).all()
    assert (high > codes.max(0) + 0.99).all()
    assert timed.meta["panels"] == ["sliders", "draw", "journey", "time"]
    np.testing.assert_array_equal(frame.arrays["frame_codes"], codes.ravel() + 1)
    assert timed.meta["id"] != bundle.meta["id"]
    with pytest.raises(ExportError, match="Epoch 1 has codes of shape"):
        pack_frame(timed, EpochFrame(1, codes[:3]))


def test_the_explorer_holds_everything_within_three_megabytes():
    """The textbook VAE's size, with 5,000 points and 1,500 digits."""
    digits = np.load(Path(registry.__file__).parents[1] / "datasets" / "sources" / "mnist.npz")
    images = digits["test_images"][:1500, None]
    options = {"hidden": (400,)}
    model = registry.build(ModelSpec("dense-vae", DataSpec((1, 28, 28)), 20, options), seed=0)
    codes = np.random.default_rng(0).normal(size=(5000, 20)).astype(np.float32)
    bundle = build_bundle(
        export_network(model), model_id="t", model_name="t", codes=codes, images=images
    )
    page = export_explorer(bundle, title="<b>textbook</b>")
    assert len(page.encode()) <= 3_000_000
    assert "<b>textbook" not in page
    assert not re.findall(r"""(?:src|href)=|url\(|@import|https?:""", page)
    found = unpacked(page)
    assert found.keys() == bundle.arrays.keys()
    for name, array in bundle.arrays.items():
        np.testing.assert_allclose(found[name], array.ravel(), rtol=1e-3, atol=1e-6)


def test_a_table_travels_with_its_range_and_its_columns():
    x = np.random.default_rng(2).uniform(-3, 5, (40, 64)).astype(np.float32)
    columns = [(f"c{i}", i, 2.0) for i in range(64)]
    span = (-3.0, 5.0)
    components, mean = np.linalg.qr(x.T)[0].T[:3], x.mean(0)
    scores = (x - mean) @ components.T
    bundle, _ = small_bundle(
        codes=scores,
        images=x,
        labels=None,
        value_range=span,
        columns=columns,
        pca=(components, mean),
        kind="table",
    )
    assert bundle.meta["range"] == [-3, 5]
    assert bundle.meta["layout"]["columns"][5] == {"name": "c5", "mean": 5.0, "std": 2.0}
    back = -3 + bundle.arrays["images"].reshape(40, 64) / 255 * 8
    np.testing.assert_allclose(back, x, atol=8 / 255 / 2 + 1e-5)
    # The fit from codes to scores is the identity, as the codes are the scores.
    matrix, offset = np.split(bundle.arrays["pca"][3 * 64 + 64 :], [9])
    np.testing.assert_allclose(matrix.reshape(3, 3), np.eye(3), atol=0.02)
    np.testing.assert_allclose(offset, 0, atol=0.05)
    with pytest.raises(ExportError, match="2 columns for 64 values"):
        small_bundle(columns=columns[:2])
