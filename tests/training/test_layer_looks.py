"""What a look says of the layers, computed anew with plain torch; single steps before and after."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from aecore.models import build
from aecore.models.stages import activations, stages_of
from aecore.training.control import TrainControl
from aecore.training.events import EpochDone, Finished, Paused, Preparing, Started, StepDone
from aecore.training.layer_looks import LayerView
from aecore.training.loop import TrainState, train
from aecore.types import ModelSpec, TrainConfig

CONFIG = TrainConfig(epochs=1, batch_size=40, learning_rate=3e-3, seed=2, device="cpu")


def weights_of(model) -> list[list[torch.Tensor]]:
    return [[p.detach().clone() for p in stage.parameters] for stage in stages_of(model)]


@pytest.fixture(scope="module")
def run(digits):
    """The start of a run, and its looks, each with the weights as they were."""
    spec = ModelSpec("dense-ae", digits.spec, 3, {"hidden": (16,)})
    state, started, looks = TrainState.fresh(spec, 0), None, []
    first = weights_of(state.model)
    longer = dataclasses.replace(CONFIG, epochs=3)
    for event in train(spec, longer, digits, state=state):
        if isinstance(event, Started):
            started = event
        probe = getattr(event, "probe", None)
        if probe is not None:
            model = build(spec).eval()
            model.load_state_dict(state.model.state_dict())
            looks.append((probe.layers, model))
    return started, first, looks


def test_a_look_shows_what_one_example_does_in_each_layer(run, digits):
    started, _, looks = run
    place = np.unique(digits.test.labels.numpy(), return_index=True)[1][started.pictured]
    x = digits.test.batch(slice(place, place + 1))
    entering = started.entering
    np.testing.assert_allclose(entering.values / 255, x.flatten(), atol=1 / 255)
    assert entering.shape == (1, 8, 8)
    assert len(looks) > 1
    for layers, model in looks:
        with torch.no_grad():
            expected = activations(model, x, stages_of(model))
        assert [look.part for look in layers] == ["encoder", "encoder", "decoder", "decoder"]
        for look, values in zip(layers, expected, strict=True):
            shown = look.low + look.values / 255 * (look.high - look.low)
            assert look.low <= 0 <= look.high
            np.testing.assert_allclose(
                shown, values.flatten(), atol=(look.high - look.low) / 255 + 1e-6
            )


def test_a_look_says_how_far_each_layer_moved_since_the_one_before(run):
    _, before, looks = run
    for layers, model in looks:
        now = weights_of(model)
        for look, was, weights in zip(layers, before, now, strict=True):
            old, new = (torch.cat([p.flatten() for p in some]) for some in (was, weights))
            expected = (new - old).norm() / old.norm()
            assert look.change == pytest.approx(float(expected), rel=1e-4)
            assert look.moved is None
        before = now


@pytest.mark.parametrize("family", ["dense-ae", "dense-vae", "denoising-ae"])
def test_a_single_step_shows_its_loss_before_and_after_and_changes_nothing_else(digits, family):
    """Step by step the weights are those of a run that nobody watched."""
    spec = ModelSpec(family, digits.spec, 2, {"hidden": (16,)})
    control, state = TrainControl(paused=True, pause_limit=5), TrainState.fresh(spec, 0)
    order = torch.randperm(
        len(digits.train), generator=torch.Generator().manual_seed(CONFIG.seed * 1_000_003)
    )
    steps, weights = [], [weights_of(state.model)]
    for event in train(spec, CONFIG, digits, control, state):
        if isinstance(event, StepDone):
            steps.append(event)
            weights.append(weights_of(state.model))
        if len(steps) == 3:
            control.stop()
        elif isinstance(event, Paused):
            control.step()
    plain = TrainState.fresh(spec, 0)
    control = TrainControl()
    for event in train(spec, CONFIG, digits, control, plain):
        if isinstance(event, StepDone):
            break
    for ours, theirs in zip(weights[1], weights_of(plain.model), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for i, step in enumerate(steps):
        assert step.after < step.loss or i > 0
        x = digits.train.batch(order[40 * i : 40 * i + 40])
        if family == "dense-ae":
            for loss, of in ((step.loss, weights[i]), (step.after, weights[i + 1])):
                model = build(spec)
                put(model, of)
                with torch.no_grad():
                    expected = model.loss_terms(x).reconstruction.mean()
                assert loss == pytest.approx(float(expected), rel=1e-5)
        for look, was, now in zip(step.probe.layers, weights[i], weights[i + 1], strict=True):
            change = now[0] - was[0]
            each = torch.cat([change, (now[1] - was[1])[:, None]], 1).norm(dim=1)
            if len(look.shape) == 1:  # pixels that come out are a picture, and no units
                each = each[: len(look.moved)]  # of a code mu alone
                expected = each / each.max() * 255
                np.testing.assert_allclose(look.moved, expected, atol=1)
            both = torch.cat([change.flatten(), now[1] - was[1]])
            assert look.share_moved == pytest.approx(float((both != 0).float().mean()))


def put(model, weights: list[list[torch.Tensor]]) -> None:
    with torch.no_grad():
        for stage, some in zip(stages_of(model), weights, strict=True):
            for p, value in zip(stage.parameters, some, strict=True):
                p.copy_(value)


def test_a_run_that_is_stepped_goes_on_like_one_that_is_not(digits, tiny_vae):
    """Also where steps are replayed, in a longer epoch, and noise is drawn."""
    ends = []
    for stepped in (True, False):
        control, state = TrainControl(paused=stepped, pause_limit=5), TrainState.fresh(tiny_vae, 0)
        config = TrainConfig(epochs=1, batch_size=10, seed=2, device="cpu")
        waits = 0
        for event in train(tiny_vae, config, digits, control, state):
            if isinstance(event, Paused):
                waits += 1
                control.step() if waits < 3 else control.resume()
        ends.append(state.model.state_dict())
        assert isinstance(event, Finished)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


CASES = {
    "maps": ("conv-vae", {"channels": (16, 32)}),
    "deep": ("dense-ae", {"hidden": (512, 256, 128, 64)}),
    "sparse": ("sparse-ae", {"active": 5}),
    "told": ("conditional-vae", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_layers_of_a_look_are_at_most_20_kb(mnist, case):
    family, options = CASES[case]
    model = build(ModelSpec(family, mnist.spec, 20, options)).eval()
    view = LayerView(mnist.test.batch(slice(0, 1)), 7)
    view.mark(model)
    looks = view.look(model, one_step=True)
    sent = sum(len(look.values) + (0 if look.moved is None else len(look.moved)) for look in looks)
    assert (
        sent * 4 / 3 + len(json.dumps([look.shape for look in looks])) + 200 * len(looks) < 20_000
    )
    weights = [stage.parameters for stage in stages_of(view._told(model))]
    assert [look.change for look in looks] == [0 if some else None for some in weights]
    assert all(len(look.values) == np.prod(look.shape) for look in looks)


def test_every_kind_of_event_with_a_look_has_the_layers(digits, tiny_ae):
    found = [e for e in train(tiny_ae, CONFIG, digits) if not isinstance(e, Preparing)]
    assert all(e.probe.layers for e in found if isinstance(e, EpochDone))
