"""What every model family promises; a new one is tested unasked."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from aecore.errors import AecoreError, ConfigError
from aecore.models import LatentModel, all_families, build
from aecore.models.losses import objective
from aecore.models.registry import options_of, shape_only
from aecore.options import Option, options_in
from aecore.runs import checkpoints
from aecore.runs.checkpoints import Card
from aecore.training.events import EpochDone, Finished
from aecore.training.loop import train
from aecore.types import ModelSpec, TrainConfig

FAMILIES = sorted(all_families())
BATCH = 12


def choices() -> list[tuple[str, str, object]]:
    """(family, option, value) for every choice of every family, and a few layer widths."""
    found = []
    for name, cls in all_families().items():
        for f in options_in(cls.Options):
            values = {"flag": (True, False)}.get(f.kind, f.choices)
            if f.kind == "widths":
                # An image of 8 x 8 pixels can be halved three times; there is no none of it.
                values = ((9,), (12, 7, 5)) + (((),) if f.name == "hidden" else ())
            if f.name == "mistake":
                continue  # most cannot run, which test_mistakes.py holds them to
            found += [(name, f.name, value) for value in values]
    return found


def spec_for(family: str, data, **options) -> ModelSpec:
    """A small model of the family; where a choice forbids the default loss, with another."""
    known = _options(family)
    options = {k: v for k, v in options.items() if k in known and v in (known[k].choices or (v,))}
    for extra in ({}, {"loss": "mse"}):
        spec = ModelSpec(family, data.spec, 3, options | extra)
        try:
            build(spec)
            return spec
        except ConfigError:
            continue
    raise AssertionError(f"no {family} can be built with {options}")


def _options(family: str) -> dict[str, Option]:
    return {option.name: option for option in options_in(all_families()[family].Options)}


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture
def x(digits) -> torch.Tensor:
    return digits.train.batch(slice(0, BATCH))


@pytest.fixture
def model(family, digits) -> LatentModel:
    made = build(spec_for(family, digits, hidden=(16,)), seed=1)
    if made.closed_form:
        made.fit(digits)
    return made


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shapes_and_finite(model, x):
    posterior = model.encode(x)
    assert posterior.mu.shape == (BATCH, 3)
    assert (posterior.logvar is not None) == model.variational
    x_hat = model.decode(posterior.sample(seeded(0)))
    assert x_hat.shape == x.shape
    terms = model.loss_terms(x, seeded(0))
    assert terms.reconstruction.shape == (BATCH,)
    assert (terms.reconstruction >= 0).all()
    if model.variational:
        assert terms.kl.shape == (BATCH, 3)
        assert (terms.kl >= 0).all()
    else:
        assert terms.kl is None
    for value in (posterior.mu, x_hat, terms.reconstruction, objective(terms)):
        assert torch.isfinite(value).all()
    assert model.sample_prior(5, seeded(0)).shape == (5, 3)


def test_takes_a_single_example(model, x):
    one = model.reconstruct(x[:1])
    torch.testing.assert_close(one, model.reconstruct(x)[:1], rtol=1e-5, atol=1e-6)


def test_networks_agree_with_encode_and_decode(model, x):
    posterior = model.encode(x)
    parts = [posterior.mu] if posterior.logvar is None else [posterior.mu, posterior.logvar]
    assert torch.equal(model.encoder_network()(x), torch.cat(parts, 1))
    assert torch.equal(model.decoder_network()(posterior.mu), model.decode(posterior.mu))


def test_says_what_it_measures_beside_the_error(model, x):
    found = model.extra_metrics(x, seeded(0))
    assert list(found) == [figure.name for figure in model.figures]
    for figure in model.figures:
        assert found[figure.name].shape == (BATCH,)
        assert figure.sentence.format(1.5) != figure.sentence
        assert figure.unit


def test_sees_damage_only_where_it_says_so(model, x):
    assert torch.equal(model.damage(x, seeded(0)), x) != model.denoises
    assert bool(model.damage_in_words) == model.denoises


def test_says_its_loss_for_scripts(model):
    assert model.closed_form or (type(model).says_its_loss() and model.loss_source() is not None)


def test_same_seed_same_numbers(model, family, digits, x):
    first, second, other = (build(model.spec, seed=s) for s in (7, 7, 8))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    if not model.closed_form:
        assert not torch.equal(first.reconstruct(x), other.reconstruct(x))
    one, again, another = (model.loss_terms(x, seeded(s)) for s in (3, 3, 4))
    assert torch.equal(one.reconstruction, again.reconstruction)
    draws = model.variational or model.stochastic
    assert torch.equal(one.reconstruction, another.reconstruction) != draws
    assert torch.equal(model.sample_prior(4, seeded(2)), model.sample_prior(4, seeded(2)))


def test_no_global_random_numbers(family, digits, x):
    spec = spec_for(family, digits, hidden=(16,), init="orthogonal")
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    model = build(spec, seed=5)
    model.train()
    model.loss_terms(x, seeded(0))
    model.sample_prior(4, seeded(0))
    from_elsewhere = (
        "what is random is drawn from the generator given, not by nn.Dropout or the like"
    )
    assert torch.equal(torch_before, torch.random.get_rng_state()), from_elsewhere
    assert np.array_equal(numpy_before, np.random.get_state()[1]), from_elsewhere


def test_spec_goes_to_json_and_back(model):
    text = json.dumps(model.spec.to_json())
    back = ModelSpec.from_json(json.loads(text))
    assert back == model.spec
    assert options_of(back) == model.options


def test_shape_only_takes_no_memory(model):
    shape = shape_only(model.spec)
    assert all(p.is_meta for p in shape.parameters())
    assert {k: v.shape for k, v in shape.state_dict().items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer"])
def test_checkpoint_round_trip_is_exact(family, normalisation, digits, x):
    spec = spec_for(family, digits, hidden=(16,), normalisation=normalisation)
    model = build(spec, seed=1)
    if model.closed_form:
        model.fit(digits)
    else:
        model.train()  # so that running means and variances are not at their start
        with torch.no_grad():
            model.loss_terms(x, seeded(0))
        model.eval()
    card = Card("A name", spec, TrainConfig(), digits.name, digits.fingerprint)
    found = checkpoints.from_bytes(checkpoints.to_bytes(model, card))
    assert found.card == card
    assert found.model.spec == spec
    assert not found.model.training
    assert torch.equal(found.model.encode(x).mu, model.encode(x).mu)
    assert torch.equal(found.model.reconstruct(x), model.reconstruct(x))
    for name, value in model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


@pytest.mark.parametrize(("family", "option", "value"), choices())
def test_every_choice_trains_a_step(family, option, value, digits, x):
    spec = spec_for(family, digits, **{"hidden": (16,), option: value})
    model = build(spec, seed=2).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = last = None
    for _ in range(20):
        loss = objective(model.loss_terms(x, seeded(0)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = float(loss.detach())
        first = last if first is None else first
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert last < first
    assert any(not torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_trains_through_the_one_loop(family, digits):
    spec = spec_for(family, digits, hidden=(16,))
    events = list(train(spec, TrainConfig(epochs=1, batch_size=64, device="cpu"), digits))
    assert isinstance(events[-1], Finished)
    done = next(e for e in events if isinstance(e, EpochDone))
    assert done.probe.latent_map.shape == (len(digits.test), 2)
    variational = all_families()[family].variational
    assert {"kl", "reconstruction", "active_units"} <= set(done.metrics) or not variational


@pytest.mark.parametrize("latent_dim", [0, -1, 5000, True, 2.0, "2", None])
def test_impossible_latent_dim(family, latent_dim, digits):
    with pytest.raises(ConfigError, match="latent_dim"):
        build(ModelSpec(family, digits.spec, latent_dim))


def test_unknown_option(family, digits):
    with pytest.raises(ConfigError, match="nonsense"):
        build(ModelSpec(family, digits.spec, 2, {"nonsense": 1}))


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": (0,)},
        {"hidden": (5000,)},
        {"hidden": (-3, 8)},
        {"hidden": (8.5,)},
        {"hidden": "8"},
        {"hidden": 8},
        {"hidden": (8,) * 13},
        {"activation": "swish"},
        {"activation": None},
        {"activation": ["relu"]},
        {"normalisation": 1},
        {"init": "ones"},
        {"output": "softmax"},
        {"loss": "mae"},
    ],
    ids=str,
)
@pytest.mark.parametrize("family", ["dense-ae", "dense-vae"])
def test_impossible_options(family, options, digits):
    with pytest.raises(ConfigError) as caught:
        build(ModelSpec(family, digits.spec, 2, options))
    assert len(str(caught.value)) < 300


def test_unknown_family_lists_the_known(digits):
    with pytest.raises(AecoreError, match="dense-ae"):
        build(ModelSpec("dense", digits.spec, 2))


def test_a_model_too_large_is_refused_before_memory_is_taken(mnist):
    with pytest.raises(ConfigError, match="weights"):
        build(ModelSpec("dense-ae", mnist.spec, 32, {"hidden": (4096,) * 8}))
