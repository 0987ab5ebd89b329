"""Compress: the coder beside entropy, its axes beside PCA's, formats beside their files' bytes."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats

from aecore.errors import ConfigError
from aecore.lab.about import About, LabSubject
from aecore.lab.coding import Coder, Turn, in_eight_bits, turn_of
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone
from aecore.lab.experiments import compress
from aecore.lab.picture_formats import (
    FORMATS,
    as_bytes,
    jpeg_scan,
    raw_lzma,
    read_back,
    tiled,
    untiled,
    written,
)
from aecore.lab.rate_training import Density, price_of, trained_for_rate
from aecore.lab.registry import experiment
from aecore.lab.running import planned, run
from aecore.lab.training import trained
from aecore.models import build
from aecore.runs import checkpoints
from aecore.training.state import TrainState
from aecore.types import DataSpec, ModelSpec, TrainConfig


@pytest.fixture(scope="module")
def known(digits):
    """A model of 8 numbers that knows the small digits a little."""
    spec = ModelSpec("dense-ae", digits.spec, 8, {"hidden": (32,)})
    state = TrainState.fresh(spec, 0)
    config = TrainConfig(epochs=30, batch_size=32, learning_rate=3e-3, device="cpu")
    for _ in trained(spec, config, digits, LabControl(), state):
        pass
    return state.model


@pytest.fixture(scope="module")
def found(digits, known):
    options = compress.CompressOptions(images=300, learned=1400, prices=(), error=0.03)
    one, subject = experiment("compress"), LabSubject(digits, known)
    events = run(one, options, subject)
    values = {e.task: e.values for e in events if isinstance(e, LabDone)}
    return values, one.tell(options, About.of(subject), values)


def codes(n: int, seed: int = 0) -> np.ndarray:
    """Codes of three numbers of unlike widths, the last of which never changes."""
    drawn = np.random.default_rng(seed).normal(size=(n, 3))
    return drawn * [2.0, 0.3, 0.0]


# The coder -------------------------------------------------------------------------------------


def test_ideal_bits_are_the_entropy_of_what_was_counted():
    y = codes(20_000)
    coder = Coder.fit(y, 0.5)
    symbols = coder.symbols(y)
    by_hand = 0.0
    for column in np.rint(y / 0.5).T:
        _, counts = np.unique(column, return_counts=True)
        by_hand += stats.entropy(counts, base=2)
    assert coder.bits(symbols).mean() == pytest.approx(by_hand, rel=2e-3)


def test_a_file_comes_back_and_takes_what_is_ideal():
    coder = Coder.fit(codes(5000), 0.2)
    symbols = coder.symbols(codes(1000, seed=1) * 1.5)  # some beyond all that was counted
    content = coder.write(symbols)
    assert np.array_equal(coder.read(content), symbols)
    ideal = coder.bits(symbols).sum()
    assert 0 <= 8 * (len(content) - coder.head_bytes) - ideal < 0.1 * len(symbols)
    alone = coder.write(symbols[:1])
    assert np.array_equal(coder.read(alone), symbols[:1])


def test_what_is_decoded_is_the_mean_of_what_was_rounded_to_it():
    y = np.array([[0.9], [1.1], [1.3], [2.8], [-0.2]])
    coder = Coder.fit(y, 1.0)
    assert coder.values(coder.symbols(y))[:, 0] == pytest.approx([1.1, 1.1, 1.1, 2.8, -0.2])
    gap = coder.values(np.array([[2]], np.int32))  # from 0 on: nothing was counted at 2
    assert gap[0, 0] == 2.0


@pytest.mark.parametrize(
    "harm", [lambda c: c[:10], lambda c: c + b"x", lambda c: b"XXXX" + c[4:], lambda c: b""]
)
def test_another_file_is_refused(harm):
    coder = Coder.fit(codes(100), 0.5)
    content = coder.write(coder.symbols(codes(10)))
    with pytest.raises(ConfigError, match="file"):
        coder.read(harm(content))
    other = Coder.fit(codes(100), 0.25)
    with pytest.raises(ConfigError, match="step"):
        other.read(content)
    with pytest.raises(ConfigError, match="too small"):
        Coder.fit(codes(100), 1e-7)


# Axes and weights ------------------------------------------------------------------------------


def test_axes_for_a_linear_decoder_feel_all_errors_alike(digits):
    """Of codes that are PCA's scores, mixed: the axes are PCA's again, whatever the mixing."""
    k, generator = 5, np.random.default_rng(0)
    pca = build(ModelSpec("pca", digits.spec, k), 0)
    pca.fit(digits)
    with torch.inference_mode():
        scores = pca.encode(digits.train.batch(slice(None))).mu.numpy()
    mixing = generator.normal(size=(k, k))
    mixed = copy.deepcopy(pca)
    last = next(m for m in mixed.decoder_network().modules() if isinstance(m, torch.nn.Linear))
    with torch.no_grad():
        last.weight.copy_(last.weight @ torch.from_numpy(np.linalg.inv(mixing).T).float())
    z = (scores @ mixing).astype(np.float32)
    with torch.inference_mode():
        straight = mixed.decode(torch.from_numpy(z)).flatten(1).numpy()
        wanted = pca.decode(torch.from_numpy(scores)).flatten(1).numpy()
    assert straight == pytest.approx(wanted, abs=1e-3)
    turn = turn_of(mixed, z)
    y = turn.to(z)
    assert turn.back(y) == pytest.approx(z, abs=1e-3)
    spread = np.cov(y, rowvar=False)
    assert np.diag(spread) * digits.spec.size == pytest.approx(scores.var(0), rel=0.01)
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 1e-3 * spread.max()
    off = generator.normal(size=y.shape) * 0.01
    with torch.inference_mode():
        moved = mixed.decode(torch.from_numpy(turn.back(y + off))).flatten(1).numpy()
    assert np.square(moved - straight).mean() == pytest.approx(
        np.square(off).sum(1).mean(), rel=0.01
    )


def test_a_decoder_in_eight_bits(tiny_ae):
    model = build(tiny_ae, 0)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    small, total = in_eight_bits(model)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    pairs = list(
        zip(small.decoder_network().parameters(), model.decoder_network().parameters(), strict=True)
    )
    for rounded, weight in pairs:
        half = weight.abs().max() / 127 / 2
        assert ((rounded - weight).abs() <= half * 1.001 + 1e-9).all()
        assert len(rounded.unique()) <= 255
    # 3 -> 16 -> 64: a byte each, and 4 for each of the four arrays.
    assert total == (3 * 16 + 16 + 16 * 64 + 64) + 4 * 4


# Formats ---------------------------------------------------------------------------------------


def test_the_head_of_a_jpeg_is_the_same_for_all_of_a_size(mnist):
    pixels = as_bytes(mnist.test.batch(slice(0, 20)).numpy())
    files = [written(one, FORMATS["jpeg"], 30) for one in pixels]
    heads = {content[: len(content) - 2 - jpeg_scan(content)] for content in files}
    assert len(heads) == 1
    assert all(content.endswith(b"\xff\xd9") for content in files)
    assert len({content[-2 - jpeg_scan(content) :] for content in files}) == 20


@pytest.mark.parametrize("shape", [(7, 1, 5, 4), (9, 3, 8, 8)])
def test_tiles_and_files_come_back(shape):
    x = np.random.default_rng(0).random(shape)
    pixels = as_bytes(x)
    assert pixels.transpose(0, 3, 1, 2) / 255 == pytest.approx(x, abs=0.5 / 255)
    picture = tiled(pixels)
    assert np.array_equal(untiled(picture, *pixels.shape[:3]), pixels)
    for name, form in FORMATS.items():
        if form.there:
            back = read_back(written(picture, form, form.levels[-1]), pixels.shape[3])
            assert back.shape == picture.shape
            assert name != "png" or np.array_equal(back, picture)
    assert raw_lzma(np.zeros((100, 28, 28, 1), np.uint8)) < 20


# Training for rate -----------------------------------------------------------------------------


def test_the_density_is_the_logistic_one():
    y = torch.tensor([[0.0, 3.0], [-4.0, 0.5], [2.0, -30.0]])
    density = Density(torch.randn(100, 2, generator=torch.Generator().manual_seed(0)), 0.5)
    middle, scale = density.middle.detach().numpy(), density.scale.exp().detach().numpy()
    law = stats.logistic(middle, scale)
    chance = law.cdf(y.numpy() + 0.25) - law.cdf(y.numpy() - 0.25)
    wanted = -np.log2(np.maximum(chance, 1e-9)).sum(1)
    assert density.bits(y).detach().numpy() == pytest.approx(wanted, rel=1e-3)


def test_a_bit_is_worth_what_finer_rounding_gains():
    """Halving a step costs one bit a number and leaves a quarter of the error: d D / d R."""
    y = np.random.default_rng(0).normal(size=(200_000, 1))
    steps, gained = (0.21, 0.19), []
    for step in steps:
        coder = Coder.fit(y, step)
        symbols = coder.symbols(y)
        gained.append((np.square(coder.values(symbols) - y).mean(), coder.bits(symbols).mean()))
    (d1, r1), (d2, r2) = gained
    assert price_of(0.2) == pytest.approx((d1 - d2) / (r2 - r1), rel=0.1)


def test_training_for_rate_lowers_what_it_is_trained_for(digits, known):
    with torch.inference_mode():
        z = known.encode(digits.train.batch(slice(None))).mu.numpy()
    turn, step = turn_of(known, z), 0.1
    x = digits.test.batch(slice(None))

    def cost(model) -> float:
        with torch.inference_mode():
            train, test = (
                model.encode(some.batch(slice(None))).mu.numpy()
                for some in (digits.train, digits.test)
            )
            coder = Coder.fit(turn.to(train), step)
            symbols = coder.symbols(turn.to(test))
            back = torch.from_numpy(turn.back(coder.values(symbols)))
            error = float((model.decode(back) - x).square().mean())
        return error + price_of(step) * float(coder.bits(symbols).mean())

    after = copy.deepcopy(known)
    *_, share = trained_for_rate(
        after, digits.train, turn, step, price_of(step), 200, 0, LabControl()
    )
    assert share == 1.0
    assert cost(after) < cost(known)
    assert not after.training


# The experiment --------------------------------------------------------------------------------


def test_a_written_file_decodes_to_the_same_error(found, digits):
    values, outcome = found
    model = values["model"]
    assert model["file_error"] == pytest.approx(0.03, rel=0.05)
    assert model["file_bits"] == pytest.approx(model["file_ideal"], abs=0.5)
    n = min(300, len(digits.test))
    assert model["codes"] == pytest.approx(n * model["file_bits"] / 8 + 16)
    ideal = outcome.figure("bits_model")
    assert ideal is not None
    assert ideal.value == pytest.approx(model["file_bits"], rel=0.03)
    assert model["singly_bits"] >= model["file_bits"]


def test_an_autoencoder_needs_fewer_bits_than_pictures_and_cannot_follow_them(found):
    values, outcome = found
    bits = {f.name.removeprefix("bits_"): f.value for f in outcome.figures}
    assert bits["model"] < bits["jpeg_tiled"] < bits["jpeg"]
    assert bits["jpeg"] - bits["jpeg_scan"] > bits["jpeg"] / 2  # most of it is its head
    jpeg, floor = values["jpeg"], values["model"]["floor"]
    assert min(jpeg["tiled_errors"]) < floor < min(values["model"]["turned_errors"]) * 1.02
    saved = (bits["jpeg"] - bits["model"]) / 8
    once = values["model"]["weights"] + values["model"]["beforehand"]
    assert bits_of(outcome, "model_even_jpeg") == math.ceil(once / saved)
    assert "head" in outcome.says


def bits_of(outcome, name: str) -> float:
    figure = outcome.figure(name)
    assert figure is not None
    return figure.value


def test_png_loses_nothing_and_so_is_on_no_logarithmic_axis(found):
    values, outcome = found
    assert min(min(line.y) for line in outcome.charts[0].lines) > 1e-6
    assert values["png"]["errors"] == [0.0]
    assert values["png"]["tiled_errors"] == [0.0]


def test_what_it_is_tried_on_by_the_data():
    one = experiment("compress")
    table = datasets_about("table", (6,))
    names = [t.name for t in planned(one, compress.CompressOptions(prices=()), table)]
    assert names == ["model", "pca"]
    assert one.why_not(datasets_about("table", (3,)))
    assert not one.why_not(table)
    card = checkpoints.read_card(checkpoints.shipped()["conv-ae"])
    about = About("mnist", "MNIST", card.spec.data, 60_000, 10_000, model="mine", latent_dim=8)
    options = compress.CompressOptions()
    assert "beside" in [t.name for t in planned(one, options, about)]
    held = dataclasses.replace(about, model=card.name)
    assert "beside" not in [t.name for t in planned(one, options, held)]


def datasets_about(kind: str, shape: tuple[int, ...]) -> About:
    spec = DataSpec(shape, kind=kind)
    return About("own", "own", spec, 100, 50, model="mine", latent_dim=2)


def test_turning_back_is_exact_without_axes():
    z = codes(10)
    turn = Turn(z.mean(0))
    assert turn.back(turn.to(z)) == pytest.approx(z, abs=1e-6)
