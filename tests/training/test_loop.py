"""The training loop as a stream of events: reproducible, steerable, and honest when it fails."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError
from aecore.evaluation.metrics import evaluate
from aecore.models import all_families
from aecore.models.presets import preset
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.control import TrainControl
from aecore.training.events import (
    EpochDone,
    Failed,
    Finished,
    Paused,
    Preparing,
    Started,
    StepDone,
    Stopped,
)
from aecore.training.loop import train
from aecore.training.schedule import kl_capacity, kl_weight
from aecore.training.state import TrainState
from aecore.types import TrainConfig

QUICK = TrainConfig(epochs=2, batch_size=64, seed=3, device="cpu")


def run(spec, config, data, **given) -> tuple[list, TrainState]:
    """All events of a training from its start on, and what it reached."""
    state = given.pop("state", None) or TrainState.fresh(spec, config.seed)
    events = train(spec, config, data, state=state, **given)
    return [e for e in events if not isinstance(e, Preparing)], state


def weights(state: TrainState) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in state.model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def epochs(events) -> list[EpochDone]:
    return [e for e in events if isinstance(e, EpochDone)]


# The story that the events tell


def test_story(tiny_vae, digits):
    events, state = run(tiny_vae, QUICK, digits)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert {type(e) for e in events[1:-1]} == {StepDone, EpochDone}
    steps = [e.step for e in events[1:-1]]
    assert steps == sorted(steps)
    assert events[0].steps_per_epoch == 24
    assert [e.epoch for e in epochs(events)] == [1, 2]
    assert [e.images_seen for e in epochs(events)] == [1500, 3000]
    assert [e.step for e in epochs(events)] == [24, 48]
    assert state.epochs_done == 2
    assert not state.model.training
    assert events[-1].summary["images_seen"] == 3000


def test_events_are_plain_data(tiny_vae, digits):
    def check(value):
        if dataclasses.is_dataclass(value):
            value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            return all(check(v) for v in value.values())
        if isinstance(value, tuple):
            return all(check(v) for v in value)
        if isinstance(value, np.ndarray):
            return value.nbytes < 100_000
        return value is None or isinstance(value, int | float | str)

    assert all(check(event) for event in run(tiny_vae, QUICK, digits)[0])


def test_started_shows_one_of_each_class_and_pcas_answer(tiny_ae, digits):
    started = run(tiny_ae, QUICK, digits)[0][0]
    assert started.sample.shape == started.pca_sample.shape == (10, 64)
    shown = [
        int(np.flatnonzero((digits.test.x.flatten(1).numpy() == row).all(1))[0])
        for row in started.sample
    ]
    assert sorted(digits.test.labels[shown].tolist()) == list(range(10))
    assert started.pca_test_mse < started.mean_test_mse


def test_metrics_add_up(tiny_vae, digits):
    events, state = run(tiny_vae, QUICK, digits)
    for event in epochs(events):
        found = event.metrics
        assert found["nelbo"] == pytest.approx(found["reconstruction"] + found["kl"])
        assert event.probe.heldout_mse == pytest.approx(found["mse"], rel=1e-4)  # 297 are all
    with torch.inference_mode():
        x = digits.test.batch(slice(None))
        mse = float((state.model.reconstruct(x) - x).square().mean())
    assert epochs(events)[-1].metrics["mse"] == pytest.approx(mse, rel=1e-5)


@pytest.mark.parametrize("family", ["dense-ae", "dense-vae"])
def test_learns(family, digits, tiny_ae):
    spec = dataclasses.replace(tiny_ae, family=family)
    config = dataclasses.replace(QUICK, epochs=6, learning_rate=3e-3)
    events = run(spec, config, digits)[0]
    losses = [e.loss for e in events if isinstance(e, StepDone)]
    assert losses[-1] < 0.8 * losses[0]
    errors = [e.metrics["mse"] for e in epochs(events)]
    assert errors[-1] < errors[0]
    assert errors[-1] < events[0].mean_test_mse


def test_passes_pca_on_mnist(mnist, mnist_basis):
    """A known result: the fast start at k=2 passes PCA of the same size within 20,000 images."""
    chosen = preset("fast-start")
    config = dataclasses.replace(chosen.config, epochs=1, limit=20_000, device="cpu")
    events = run(chosen.spec(mnist.spec, 2), config, mnist)[0]
    done = epochs(events)[-1]
    assert done.metrics["mse"] < mnist_basis.mse(2) < done.pca_test_mse + 0.0003
    assert 0 < done.seconds_to_beat_pca < done.seconds
    first = next(e for e in events if isinstance(e, StepDone) and e.probe is not None)
    assert first.probe.heldout_mse > first.probe.pca_mse  # not from the start: it was learned


def test_pca_itself_is_a_training(digits, mnist):
    spec = preset("pca").spec(digits.spec, 8)
    events, state = run(spec, QUICK, digits)
    assert [type(e) for e in events] == [Started, EpochDone, Finished]
    done = events[1]
    assert done.metrics["mse"] == pytest.approx(done.pca_test_mse, rel=1e-4)
    assert state.epochs_done == 1


# Same seed, same numbers


def test_same_seed_same_numbers(tiny_vae, digits):
    first, a = run(tiny_vae, QUICK, digits)
    again, b = run(tiny_vae, QUICK, digits)
    other, c = run(tiny_vae, dataclasses.replace(QUICK, seed=4), digits)
    assert same(weights(a), weights(b))
    assert not same(weights(a), weights(c))
    assert [e.metrics for e in epochs(first)] == [e.metrics for e in epochs(again)]
    assert [e.loss for e in first if isinstance(e, StepDone)] == [
        e.loss for e in again if isinstance(e, StepDone)
    ]
    assert epochs(first)[0].metrics != epochs(other)[0].metrics


def test_watching_changes_nothing(tiny_vae, digits):
    """Pausing and stepping through a run, with a look after every step, gives the same weights."""
    control = TrainControl(paused=True)
    state = TrainState.fresh(tiny_vae, QUICK.seed)
    for granted, event in enumerate(train(tiny_vae, QUICK, digits, control, state)):
        if isinstance(event, Paused):
            control.step() if granted < 40 else control.resume()
    assert same(weights(state), weights(run(tiny_vae, QUICK, digits)[1]))


def test_training_draws_nothing_global(tiny_vae, digits):
    before = torch.random.get_rng_state()
    run(tiny_vae, QUICK, digits)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("family", [n for n, c in all_families().items() if not c.closed_form])
@pytest.mark.parametrize("normalisation", ["none", "batch"])
@pytest.mark.parametrize("within", [False, True], ids=["an epoch's end", "within an epoch"])
def test_resumed_equals_uninterrupted(within, family, normalisation, tiny_ae, digits):
    """Through a checkpoint's bytes, weights and Adam's memory included: equal to the last bit."""
    known = {f.name for f in dataclasses.fields(all_families()[family].Options)}
    asked = {"hidden": (16,), "normalisation": normalisation, "pretrain_epochs": 1}
    if normalisation != "none" and "normalisation" not in known:
        pytest.skip("the family has no normalisation")
    options = {name: value for name, value in asked.items() if name in known}
    spec = dataclasses.replace(tiny_ae, family=family, data=digits.spec, options=options)
    config = dataclasses.replace(QUICK, epochs=4, batch_size=32)
    whole, expected = run(spec, config, digits)
    started = whole[0]
    state, recording = TrainState.fresh(spec, config.seed), Recording()
    for event in train(spec, config, digits, state=state):
        recording.add(event)
        if within and isinstance(event, StepDone) and event.epoch == 2:
            place, memory = state.now()
            assert 0 < place.batches < started.steps_per_epoch
            card = recording.card("half way", spec, config, digits)
            card = dataclasses.replace(card, images_seen=event.images_seen, seconds=event.seconds)
            kept = checkpoints.to_bytes(state.model, card, memory, place)
            break
        if not within and isinstance(event, EpochDone) and event.epoch == 2:
            card = recording.card("half way", spec, config, digits)
            kept = checkpoints.to_bytes(state.model, card, state.optimizer)
            break
    found = checkpoints.from_bytes(kept)
    assert found.card.epochs_done == 2
    rest, reached = run(spec, config, digits, state=found.state())
    assert same(weights(reached), weights(expected))
    assert [e.epoch for e in epochs(rest)] == [3, 4]
    assert [e.metrics for e in epochs(rest)] == [e.metrics for e in epochs(whole)[2:]]
    assert rest[0].first_epoch == 2
    assert epochs(rest)[-1].step == epochs(whole)[-1].step


# Control


class Watched:
    """A training on another thread, as the app has it; `until` waits for an event, not a time."""

    def __init__(self, spec, data, config=None, **given):
        self.control = TrainControl(**given)
        self.state = TrainState.fresh(spec, 0)
        self.seen: list = []
        self._new = threading.Condition()
        config = config or TrainConfig(epochs=1000, batch_size=16, device="cpu")
        stream = train(spec, config, data, self.control, self.state)
        self._thread = threading.Thread(target=self._watch, args=(stream,), daemon=True)
        self._thread.start()

    def _watch(self, stream) -> None:
        for event in stream:
            with self._new:
                self.seen.append(event)
                self._new.notify_all()

    def until(self, wanted: Callable, start: int = 0):
        """The first event from `start` on for which wanted(event) is true."""
        with self._new:
            found = self._new.wait_for(
                lambda: next((e for e in self.seen[start:] if wanted(e)), None), timeout=20
            )
        assert found is not None, f"never came; the last was {self.seen[-1:]}"
        return found

    def is_a(self, kind, start: int = 0):
        return self.until(lambda e: isinstance(e, kind), start)

    def end(self):
        self.control.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.seen[-1]


@pytest.fixture
def watched(tiny_vae, digits):
    made = Watched(tiny_vae, digits)
    made.is_a(StepDone)
    yield made
    made.end()


def test_pause_step_resume(watched):
    watched.control.pause()
    paused = watched.is_a(Paused)
    for n in (1, 2):
        mark = len(watched.seen)
        watched.control.step()
        step = watched.is_a(StepDone, mark)
        assert step.step == paused.step + n
        assert step.probe is not None  # whoever steps wants to see what each step does
        assert watched.is_a(Paused, mark).step == paused.step + n
    mark = len(watched.seen)
    watched.control.resume()
    assert watched.is_a(EpochDone, mark)


def test_to_the_end_of_the_epoch(watched):
    watched.control.pause()
    watched.is_a(Paused)
    mark = len(watched.seen)
    watched.control.epoch()
    paused = watched.is_a(Paused, mark)
    done = watched.is_a(EpochDone, mark)
    assert paused.step == done.step
    looks = [e for e in watched.seen[mark:] if isinstance(e, StepDone) and e.probe is not None]
    assert len(looks) < 20  # at full speed, not with a look at every step


def test_pauses_cost_no_time(watched):
    watched.control.pause()
    before = watched.is_a(Paused).seconds
    watched.control.wait(0.3)
    mark = len(watched.seen)
    watched.control.step()
    assert watched.is_a(StepDone, mark).seconds - before < 0.25


@pytest.mark.parametrize("paused", [False, True])
def test_stop(paused, watched):
    if paused:
        watched.control.pause()
        watched.is_a(Paused)
    last = watched.end()
    assert isinstance(last, Stopped)
    assert last.summary["steps"] >= 1
    assert all(torch.isfinite(v).all() for v in watched.state.model.state_dict().values())


def test_the_figures_of_a_stopped_run_are_of_its_weights(digits, tiny_vae):
    made, recording = Watched(tiny_vae, digits, paused=True), Recording()
    made.is_a(Paused)
    for _ in range(3):
        mark = len(made.seen)
        made.control.step()
        made.is_a(Paused, mark)
    last = made.end()
    for event in made.seen:
        recording.add(event)
    assert last.within is not None
    assert last.within.epoch == made.state.epochs_done
    figures = evaluate(made.state.model, digits.test)
    assert last.within.metrics == pytest.approx(figures)
    assert recording.newest["test_mse"] == pytest.approx(figures["mse"])
    assert not recording.history
    card = recording.card("stopped", tiny_vae, TrainConfig(), digits)
    assert card.metrics["test_mse"] == pytest.approx(figures["mse"])
    assert card.newest == pytest.approx(recording.newest)


def test_a_run_that_starts_paused_does_nothing(tiny_vae, digits):
    made = Watched(tiny_vae, digits, paused=True)
    assert made.is_a(Paused).step == 0
    before = weights(made.state)
    assert isinstance(made.end(), Stopped)
    assert same(weights(made.state), before)


def test_a_forgotten_pause_ends(tiny_vae, digits):
    made = Watched(tiny_vae, digits, paused=True, pause_limit=0.05)
    assert made.is_a(Stopped)


def test_change_of_learning_rate_and_beta(watched):
    watched.is_a(EpochDone)  # by then the code says something and the KL is some nats
    watched.control.pause()
    watched.is_a(Paused)
    watched.control.change(learning_rate=1e-6)
    before = weights(watched.state)
    mark = len(watched.seen)
    watched.control.step()
    slow = watched.is_a(Paused, mark)
    moved = max(float((v - before[k]).abs().max()) for k, v in weights(watched.state).items())
    assert 0 < moved < 3e-6  # Adam moves a weight by about the learning rate
    watched.control.change(beta=1000.0)
    mark = len(watched.seen)
    watched.control.step()
    step = watched.is_a(StepDone, mark)
    usual = next(e.loss for e in reversed(watched.seen[:mark]) if isinstance(e, StepDone))
    assert step.step == slow.step + 1
    assert step.loss > 2 * usual


@pytest.mark.parametrize(
    "values", [{"learning_rate": 0}, {"learning_rate": math.nan}, {"beta": -1}, {"beta": 1e9}]
)
def test_impossible_changes(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        TrainControl().change(**values)


@pytest.mark.parametrize(
    ("warmup", "at", "weight"), [(0, 0, 2.0), (2, 0, 0.0), (2, 0.5, 0.5), (2, 2, 2.0), (2, 9, 2.0)]
)
def test_kl_warm_up(warmup, at, weight):
    config = dataclasses.replace(QUICK, beta=2.0, kl_warmup_epochs=warmup)
    assert kl_weight(config, at) == pytest.approx(weight)
    assert kl_weight(config, at, beta=4.0) == pytest.approx(2 * weight)
    # With a capacity it is that which grows.
    config = dataclasses.replace(config, capacity=3.0)
    assert kl_weight(config, at) == 2.0
    assert kl_capacity(config, at) == pytest.approx(3.0 * weight / 2.0)


def test_a_larger_beta_buys_a_smaller_kl(tiny_vae, digits):
    config = dataclasses.replace(QUICK, epochs=8, learning_rate=3e-3)
    kl = [
        epochs(run(tiny_vae, dataclasses.replace(config, beta=beta), digits)[0])[-1].metrics["kl"]
        for beta in (0.1, 1, 10)
    ]
    assert kl[0] > kl[1] > kl[2]


# Going wrong


def test_divergence_is_a_sentence_and_keeps_the_last_good_weights(tiny_ae, digits):
    spec = dataclasses.replace(tiny_ae, options={"hidden": (64, 64), "output": "linear"})
    config = dataclasses.replace(QUICK, epochs=20, learning_rate=1.0)
    events, state = run(spec, config, digits)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "Try a learning rate of 0.1" in failed.message
    assert all(torch.isfinite(v).all() for v in state.model.state_dict().values())


@pytest.mark.parametrize("where", ["weight", "memory"])
def test_not_a_number(where, tiny_vae, digits):
    """A weight, or Adam's memory of it, becomes NaN between two steps."""
    state, good = TrainState.fresh(tiny_vae, 0), None
    stream = train(tiny_vae, QUICK, digits, state=state)
    events = []
    for event in stream:
        events.append(event)
        if isinstance(event, EpochDone) and event.epoch == 1:
            good = weights(state)
            poison = next(state.model.parameters()).data
            if where == "memory":
                poison = state.optimizer["state"][0]["exp_avg"]
            poison.fill_(math.nan)
    assert isinstance(events[-1], Failed)
    assert "not a number" in events[-1].message
    assert "The weights kept are those after epoch 1, the best so far" in events[-1].message
    assert same(weights(state), good)
    # What is left can be trained on: the poisoned memory is gone.
    config = dataclasses.replace(QUICK, epochs=3)
    assert isinstance(run(tiny_vae, config, digits, state=state)[0][-1], Finished)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (name, value)
        for name, values in {
            "epochs": (0, -1, 10**9, 2.5, "3", None, True),
            "batch_size": (0, -64, 10**6, 1.0),
            "learning_rate": (0, -1e-3, 2.0, math.nan, math.inf, "fast", 10**400),
            "beta": (-1, 1e9, math.nan, None),
            "kl_warmup_epochs": (-1, math.inf),
            "free_bits": (-0.1, 1e6),
            "limit": (-1, 10**12, 0.5),
            "seed": (-1, 2**40, "x"),
            "device": ("gpu", "", None, 0),
        }.items()
        for value in values
    ],
)
def test_impossible_values_name_the_field(field, value, tiny_ae, digits):
    config = dataclasses.replace(QUICK, **{field: value})
    with pytest.raises(ConfigError, match=field) as caught:
        train(tiny_ae, config, digits)
    assert len(str(caught.value)) < 300
    with pytest.raises(ConfigError, match=field):
        TrainConfig.from_json(config.to_json())


def test_config_goes_to_json_and_back():
    config = TrainConfig(epochs=7, beta=0.5, device="cpu", limit=100)
    assert TrainConfig.from_json(config.to_json()) == config
    with pytest.raises(ConfigError, match="nonsense"):
        TrainConfig.from_json({"nonsense": 1})


def test_model_of_another_shape(mnist, tiny_ae):
    with pytest.raises(ConfigError, match="shape"):
        train(tiny_ae, QUICK, mnist)


def test_a_device_that_is_not_there(tiny_ae, digits):
    missing = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(ConfigError, match=missing):
        train(tiny_ae, dataclasses.replace(QUICK, device=missing), digits)


def test_one_example_is_too_few(tiny_ae, digits):
    with pytest.raises(ConfigError, match="at least 2"):
        train(tiny_ae, dataclasses.replace(QUICK, limit=1), digits)


@pytest.mark.parametrize(("limit", "batch_size"), [(2, 1), (5, 64), (65, 64)])
def test_few_examples_and_odd_last_batches(limit, batch_size, tiny_vae, digits):
    config = dataclasses.replace(QUICK, limit=limit, batch_size=batch_size)
    assert isinstance(run(tiny_vae, config, digits)[0][-1], Finished)


def test_data_without_labels(digits, tiny_ae):
    plain = Dataset("digits unlabelled", digits.spec, Split(digits.train.x), Split(digits.test.x))
    events = run(tiny_ae, QUICK, plain)[0]
    assert isinstance(events[-1], Finished)
    assert len(events[0].sample) == 10
