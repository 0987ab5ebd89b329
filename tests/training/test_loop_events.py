"""What the events of a training say: when they come, and each figure computed anew."""

from __future__ import annotations

import dataclasses
import math
import threading
import time

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aecore.datasets import Dataset, Split
from aecore.evaluation.metrics import shown
from aecore.models import build
from aecore.training.control import TrainControl
from aecore.training.loop import (
    EpochDone,
    Failed,
    Finished,
    Paused,
    Preparing,
    Started,
    StepDone,
    Stopped,
    TrainState,
    train,
)
from aecore.types import DataSpec, ModelSpec, TrainConfig

CONFIG = TrainConfig(epochs=2, batch_size=40, learning_rate=3e-3, seed=2, device="cpu")


def repeated(split: Split, times: int) -> Split:
    """The split over and over, each time a little darker, so that no two examples are the same."""
    x = torch.cat([split.batch() * (1 - 0.1 * n) for n in range(times)])
    return Split(x, split.labels.repeat(times))


@pytest.fixture(scope="module")
def many(digits) -> Dataset:
    """6,000 examples and 1,188 held-out: more than the loop looks at."""
    return Dataset("many digits", digits.spec, repeated(digits.train, 4), repeated(digits.test, 4))


@pytest.fixture(scope="module")
def spec(digits) -> ModelSpec:
    return ModelSpec("dense-vae", digits.spec, 3, {"hidden": (16,)})


@dataclasses.dataclass
class Seen:
    """An event, and the weights as they were when it came."""

    event: object
    weights: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def seen(spec, many) -> list[Seen]:
    """A run of two epochs of 150 steps."""
    state = TrainState.fresh(spec, CONFIG.seed)
    return [
        Seen(event, {k: v.clone() for k, v in state.model.state_dict().items()})
        for event in train(spec, CONFIG, many, state=state)
    ]


def of(seen: list[Seen], kind: type) -> list:
    return [s.event for s in seen if isinstance(s.event, kind)]


def started_of(events) -> Started:
    """How a training starts; what has to be prepared before is said first."""
    return next(e for e in events if isinstance(e, Started))


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def pca_of(data: Dataset, k: int) -> np.ndarray:
    """Held-out examples as scikit-learn's PCA gives them back, (n, values)."""
    pca = PCA(k).fit(data.train.batch().flatten(1).numpy())
    return pca.inverse_transform(pca.transform(data.test.batch().flatten(1).numpy()))


# When


def test_steps_are_told_in_time(seen):
    """The first step, every 25 without a look, and an epoch's last. Looks at the held-out sample
    come after 1,600 images, then after as many or a fifth of all images seen. An epoch ends with
    one too."""
    steps = [(e.step, e.epoch, e.probe is not None) for e in of(seen, StepDone)]
    looks = (40, 80, 120, 190, 230, 276)  # images: 1,600, 3,200, 4,800; 7,600, 9,200, 11,040
    first = [1, 26, 40, 65, 80, 105, 120, 145, 150]
    second = [175, 190, 215, 230, 255, 276, 300]
    assert steps == [
        (step, epoch, step in looks) for epoch, told in ((0, first), (1, second)) for step in told
    ]


def test_images_and_time_are_counted(seen):
    for event in of(seen, StepDone) + of(seen, EpochDone):
        assert event.images_seen == 40 * event.step
        assert event.images_per_second == pytest.approx(event.images_seen / event.seconds)
    times = [s.event.seconds for s in seen if isinstance(s.event, StepDone | EpochDone)]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 60


# How it starts


def test_started_says_what_is_trained_and_what_to_beat(seen, spec, many):
    started = started_of(s.event for s in seen)
    assert started.parameters == 64 * 16 + 16 + 16 * 6 + 6 + 3 * 16 + 16 + 16 * 64 + 64
    assert (started.epochs, started.steps_per_epoch, started.first_epoch) == (2, 150, 0)
    assert started.device == "cpu"
    assert (started.low, started.high) == (0, 1)
    x = many.test.batch().flatten(1).numpy()
    mean = many.train.batch().flatten(1).numpy().mean(0)
    assert started.mean_test_mse == pytest.approx(((x - mean) ** 2).mean(), rel=1e-4)
    assert started.pca_test_mse == pytest.approx(((x - pca_of(many, 3)) ** 2).mean(), rel=1e-4)
    assert started.map_labels.tolist() == many.test.labels[:1000].tolist()


def expected_sample(labels: list[int]) -> list[int]:
    """The first of each class, by class, and then whatever comes first, ten in all."""
    first = [labels.index(c) for c in sorted(set(labels))]
    return (first + [i for i in range(len(labels)) if i not in first])[:10]


@pytest.mark.parametrize("case", ["ten classes", "three classes", "few", "no labels"])
def test_the_sample_shows_one_of_each_class(case, digits, tiny_ae):
    test = digits.test
    if case == "three classes":
        kept = test.labels >= 7
        test = Split(test.x[kept], test.labels[kept])
    elif case == "few":
        test = Split(test.x[:6], test.labels[:6])
    elif case == "no labels":
        test = Split(test.x)
    data = Dataset(case, digits.spec, digits.train, test)
    started = started_of(train(tiny_ae, CONFIG, data))
    shown = list(range(10)) if test.labels is None else expected_sample(test.labels.tolist())
    x = test.batch().flatten(1).numpy()
    assert np.array_equal(started.sample, as_bytes(x[shown]))
    pca = as_bytes(pca_of(data, 3)[shown]).astype(int)
    assert np.abs(started.pca_sample.astype(int) - pca).max() <= 1  # rounding of a half
    assert started.map_labels.tolist() == ([] if test.labels is None else test.labels.tolist())


def table(scale: float, outlier: float = 0.0) -> Dataset:
    """Columns spread evenly over ± scale, and one example far out."""
    x = torch.linspace(-scale, scale, 4000).unsqueeze(1).repeat(1, 3)
    x[:, 1] = x[:, 1].flip(0)
    x[7] = outlier
    test = torch.tensor([[0.0], [-3.0], [3.0], [99.0], [1.5], [math.nan]]).repeat(1, 3)
    return Dataset(f"table {scale} {outlier}", DataSpec((3,), "table"), Split(x), Split(test))


@pytest.mark.parametrize(
    ("scale", "outlier", "span"),
    [(2.4, 0, (-3, 3)), (2.4, 500.0, (-3, 3)), (0.3, 0, (-1, 1)), (0.3, -80.0, (-1, 1))],
)
def test_a_table_is_drawn_on_whole_numbers_around_nearly_all_its_values(scale, outlier, span):
    data = table(scale, outlier)
    started = started_of(train(ModelSpec("dense-ae", data.spec, 2, {"hidden": (4,)}), CONFIG, data))
    assert (started.low, started.high) == span


def test_values_become_bytes_on_that_scale():
    data = table(2.4)
    started = started_of(train(ModelSpec("dense-ae", data.spec, 2, {"hidden": (4,)}), CONFIG, data))
    # The middle, both ends, far above, three quarters, and what is no number: the low end.
    assert started.sample[:, 0].tolist() == [128, 0, 255, 255, 191, 0]


# Looks and epochs


def looks(seen: list[Seen]) -> list[Seen]:
    return [s for s in seen if getattr(s.event, "probe", None) is not None]


def with_weights(spec: ModelSpec, weights: dict[str, torch.Tensor]):
    model = build(spec, 0).eval()
    model.load_state_dict(weights)
    return model


def test_a_look_is_of_the_weights_as_they_are(seen, spec, many):
    """On the first 1,000 held-out examples: error of the model and of PCA, and the pictures."""
    x = many.test.batch()[:1000]
    flat, pca = x.flatten(1).numpy(), pca_of(many, 3)[:1000]
    shown = expected_sample(many.test.labels[:1000].tolist())
    assert len(looks(seen)) == 8  # six within epochs and two at their ends
    for s in looks(seen):
        with torch.inference_mode():
            x_hat = with_weights(spec, s.weights).reconstruct(x).flatten(1).numpy()
        probe = s.event.probe
        assert probe.heldout_mse == pytest.approx(((x_hat - flat) ** 2).mean(), rel=1e-4)
        assert probe.pca_mse == pytest.approx(((pca - flat) ** 2).mean(), rel=1e-3)
        off = probe.reconstructions.astype(int) - as_bytes(x_hat[shown]).astype(int)
        assert np.abs(off).max() <= 1


def test_the_map_is_of_the_codes_main_directions_and_does_not_turn(seen, spec, many):
    x, previous = many.test.batch()[:1000], None
    for s in looks(seen):
        with torch.inference_mode():
            codes = with_weights(spec, s.weights).encode(x).mu.double().numpy()
        points = s.event.probe.latent_map.astype(float)
        variances = np.linalg.eigvalsh(np.cov(codes.T, ddof=0))
        found = np.linalg.eigvalsh(np.cov(points.T, ddof=0))
        np.testing.assert_allclose(found, variances[-2:], rtol=1e-3)
        if previous is not None:
            # No rotation brings it nearer to the last one (Procrustes): symmetric, positive.
            turn = points.T @ previous
            assert turn[0, 1] == pytest.approx(turn[1, 0], rel=1e-2, abs=1e-3 * np.trace(turn))
            assert np.linalg.eigvalsh((turn + turn.T) / 2).min() > 0
        previous = points


def test_two_latent_numbers_are_their_own_map(digits, tiny_vae):
    state = TrainState.fresh(tiny_vae, 0)
    x = digits.test.batch()
    for event in train(tiny_vae, CONFIG, digits, state=state):
        if isinstance(event, EpochDone):
            with torch.inference_mode():
                mu = state.model.encode(x).mu.numpy()
            np.testing.assert_allclose(event.probe.latent_map, mu, rtol=1e-4, atol=1e-5)


def test_an_epochs_figures(seen, spec, many):
    x = {name: getattr(many, name).batch() for name in ("train", "test")}
    pca = ((pca_of(many, 3) - x["test"].flatten(1).numpy()) ** 2).mean()
    done = [s for s in seen if isinstance(s.event, EpochDone)]
    assert [s.event.epoch for s in done] == [1, 2]
    for s in done:
        model = with_weights(spec, s.weights)
        with torch.inference_mode():
            mse = {k: float((model.reconstruct(v) - v).square().mean()) for k, v in x.items()}
            first = x["train"][:2000]
            sample = float((model.reconstruct(first) - first).square().mean())
        assert s.event.metrics["mse"] == pytest.approx(mse["test"], rel=1e-4)
        assert s.event.train_mse == pytest.approx(sample, rel=1e-4)
        assert abs(sample - mse["train"]) > 1e-3 * sample  # of 2,000, which differ from the rest
        assert s.event.pca_test_mse == pytest.approx(pca, rel=1e-4)


def test_the_draws_of_an_epochs_figures_are_the_seeds(digits, tiny_vae):
    from aecore.evaluation.metrics import evaluate

    config = dataclasses.replace(CONFIG, seed=9, epochs=1)
    state = TrainState.fresh(tiny_vae, 9)
    done = next(e for e in train(tiny_vae, config, digits, state=state) if isinstance(e, EpochDone))
    assert done.metrics == pytest.approx(evaluate(state.model, digits.test, 9))
    assert done.metrics["nelbo"] != evaluate(state.model, digits.test, 0)["nelbo"]


@pytest.fixture
def quick_winner(digits) -> tuple[ModelSpec, TrainConfig]:
    """Passes PCA with one number after some epochs, for all that it is tiny."""
    spec = ModelSpec("dense-ae", digits.spec, 1, {"hidden": (64, 32)})
    return spec, dataclasses.replace(CONFIG, epochs=14, batch_size=32, learning_rate=4e-3, seed=0)


def test_the_moment_at_which_pca_is_passed(quick_winner, digits):
    """It is told once and for all, as soon as the whole held-out split says so."""
    spec, config = quick_winner
    events = [e for e in train(spec, config, digits) if isinstance(e, EpochDone | Finished)]
    done, finished = events[:-1], events[-1]
    won = [e.metrics["mse"] < e.pca_test_mse for e in done]
    assert won.index(True) > 0  # not from the start
    assert won[-1]
    moment = done[-1].seconds_to_beat_pca
    before = done[won.index(True) - 1].seconds
    assert before < moment <= done[won.index(True)].seconds
    for event, passed in zip(done, won, strict=True):
        expected = moment if passed or event.seconds > moment else None
        assert event.seconds_to_beat_pca == expected
    assert finished.summary["seconds_to_beat_pca"] == moment


def test_pca_may_be_passed_within_an_epoch(quick_winner, many):
    """Then the look that saw it is the moment, once all held-out examples agree."""
    spec, config = quick_winner
    config = dataclasses.replace(config, epochs=3, batch_size=40, learning_rate=3e-3)
    x, state = many.test.batch(), TrainState.fresh(spec, config.seed)
    pca, before, found = None, 0.0, None
    for event in train(spec, config, many, state=state):
        if isinstance(event, Started):
            pca = event.pca_test_mse
        if isinstance(event, StepDone) and event.probe is not None:
            with torch.inference_mode():
                whole = float((state.model.reconstruct(x) - x).square().mean())
            if event.probe.heldout_mse < event.probe.pca_mse and whole < pca:
                found = event
                break
            assert state.seconds_to_beat_pca is None
        if isinstance(event, StepDone):
            before = event.seconds
    assert found is not None
    assert before < state.seconds_to_beat_pca <= found.seconds


def test_a_look_at_a_conditional_model_tells_it_the_labels(digits):
    spec = ModelSpec("conditional-vae", digits.spec, 2, {"hidden": (16,)})
    config = dataclasses.replace(CONFIG, epochs=4)
    state = TrainState.fresh(spec, 0)
    x, labels = digits.test.batch(), digits.test.labels
    for event in train(spec, config, digits, state=state):
        if isinstance(event, EpochDone):
            with torch.inference_mode():
                told = float((state.model.reconstruct(x, labels) - x).square().mean())
                untold = float((state.model.reconstruct(x) - x).square().mean())
            assert event.probe.heldout_mse == pytest.approx(told, rel=1e-4)
    assert untold > 1.02 * told  # by then the label says something


# How it ends


def test_the_summary_of_a_run(seen):
    finished, last = seen[-1].event, of(seen, EpochDone)[-1]
    assert isinstance(finished, Finished)
    summary = dict(finished.summary)
    assert summary.pop("metrics") == last.metrics | {
        "train_mse": last.train_mse,
        "pca_mse": last.pca_test_mse,
    }
    assert summary.pop("seconds") >= last.seconds
    assert summary.pop("images_per_second") == pytest.approx(last.images_per_second, rel=0.1)
    assert summary == {
        "epochs_done": 2,
        "steps": 300,
        "images_seen": 12000,
        "seconds_to_beat_pca": last.seconds_to_beat_pca,
        "pca_test_mse": last.pca_test_mse,
    }


@pytest.mark.parametrize(("rate", "lower"), [(1.0, "0.1"), (0.5, "0.05")])
def test_an_explosion_says_where_what_is_kept_and_what_to_try(rate, lower, digits, tiny_ae):
    spec = dataclasses.replace(tiny_ae, options={"hidden": (64, 64), "output": "linear"})
    config = dataclasses.replace(CONFIG, epochs=20, batch_size=64, seed=3, learning_rate=rate)
    events = list(train(spec, config, digits))
    failed, told = events[-1], [e for e in events if isinstance(e, StepDone)]
    assert isinstance(failed, Failed)
    step = failed.summary["steps"]
    assert step >= told[-1].step
    assert f" at step {step}, with a learning rate of {rate:g}. " in failed.message
    assert failed.message.endswith(f"Try a learning rate of {lower}, or a sigmoid output.")


def test_nothing_that_was_hopeless_is_an_event(digits, tiny_ae):
    """Whoever watches sees no epoch whose error is of another order than the mean image's."""
    spec = dataclasses.replace(tiny_ae, options={"hidden": (64, 64), "output": "linear"})
    config = dataclasses.replace(CONFIG, epochs=20, batch_size=64, seed=3, learning_rate=1.0)
    events = list(train(spec, config, digits))
    mean = started_of(events).mean_test_mse
    for event in events:
        if isinstance(event, EpochDone):
            assert event.metrics["mse"] < 30 * mean
        if isinstance(event, StepDone) and event.probe is not None:
            assert event.probe.heldout_mse < 30 * mean


def test_a_look_within_an_epoch_that_is_hopeless_ends_the_run(digits, tiny_ae):
    """A brightness far off: too little for the loss to explode, too much to go on."""
    spec = dataclasses.replace(tiny_ae, options={"hidden": (16,), "output": "linear"})
    control, state = TrainControl(paused=True, pause_limit=5), TrainState.fresh(spec, 0)
    good, events = None, []
    for event in train(spec, CONFIG, digits, control, state):
        if isinstance(event, Preparing):
            continue
        events.append(event)
        if len(events) == 2:
            control.step()
        elif len(events) == 4:
            good = {k: v.clone() for k, v in state.model.state_dict().items()}
            state.model.decoder[2].bias.data.add_(3.0)
            control.step()
    assert [type(e) for e in events] == [Started, Paused, StepDone, Paused, Failed]
    failed = events[-1]
    assert "The held-out error rose to " in failed.message
    mean = shown(events[0].mean_test_mse)
    assert f"times that of drawing the mean for everything ({mean}), at step 2" in failed.message
    # The figures are of the weights that are kept, which no epoch has left.
    assert failed.kept.epoch == failed.summary["epochs_done"] == 0
    with torch.inference_mode():
        x = digits.test.batch()
        assert failed.kept.metrics["mse"] == pytest.approx(
            float((state.model.reconstruct(x) - x).square().mean()), rel=1e-4
        )
    assert failed.summary["metrics"]["mse"] == failed.kept.metrics["mse"]
    assert all(torch.equal(v, good[k]) for k, v in state.model.state_dict().items())


def test_a_mistake_on_purpose_may_run(digits):
    """Its output is no image, so its error says nothing; it is explained after."""
    options = {"hidden": (16,), "mistake": "loss on the code"}
    flat = Dataset(
        "rows of pixels",
        DataSpec((64,), "signal"),
        *(Split(s.x.flatten(1), s.labels) for s in (digits.train, digits.test)),
    )
    spec = ModelSpec("dense-ae", flat.spec, 64, options)
    events = list(train(spec, dataclasses.replace(CONFIG, batch_size=200), flat))
    assert isinstance(events[-1], Finished)


# Going on, and stopping


def test_going_on_counts_from_where_it_was(spec, many):
    state = TrainState.fresh(spec, CONFIG.seed)
    list(train(spec, dataclasses.replace(CONFIG, epochs=1), many, state=state))
    state.seconds = 1000.0
    state.seconds_to_beat_pca = 3.5
    events = list(train(spec, CONFIG, many, state=state))
    assert started_of(events).first_epoch == 1
    steps = [e for e in events if isinstance(e, StepDone)]
    assert steps[0].step == 151
    assert steps[0].images_seen == 6040
    assert 1000 < steps[0].seconds < 1060
    # Looks come at once, and then after 1,600 images more: 7,640, which is step 191.
    assert [e.step for e in steps if e.probe is not None][:2] == [151, 191]
    done = next(e for e in events if isinstance(e, EpochDone))
    assert (done.epoch, done.step, done.images_seen) == (2, 300, 12000)
    assert done.seconds_to_beat_pca == 3.5
    assert state.seconds == events[-1].summary["seconds"] > 1000


def test_a_stop_between_epochs_adds_no_figures(digits, tiny_vae):
    control, events = TrainControl(), []
    for event in train(tiny_vae, CONFIG, digits, control):
        events.append(event)
        if isinstance(event, EpochDone):
            control.stop()
    stopped = events[-1]
    assert isinstance(stopped, Stopped)
    assert stopped.within is None
    assert stopped.summary["epochs_done"] == 1
    assert stopped.summary["metrics"]["mse"] == events[-2].metrics["mse"]


def test_a_stop_within_an_epoch_ends_after_the_step(digits, tiny_vae):
    control, events = TrainControl(), []
    for event in train(tiny_vae, CONFIG, digits, control):
        events.append(event)
        if isinstance(event, StepDone) and event.step == 26:
            control.stop()
    stopped = events[-1]
    assert isinstance(stopped, Stopped)
    assert stopped.summary["steps"] == stopped.within.step == 26
    assert stopped.within.images_seen == 26 * 40
    assert stopped.within.epoch == 0


def test_a_stop_after_the_weights_went_wrong_is_a_failure(digits, tiny_vae):
    """Whoever stops a run keeps weights that can be used, and is told why not the last ones."""
    control, state = TrainControl(), TrainState.fresh(tiny_vae, 0)
    good, last = None, None
    for event in train(tiny_vae, CONFIG, digits, control, state):
        if isinstance(event, EpochDone):
            good = {k: v.clone() for k, v in state.model.state_dict().items()}
        if good is not None and isinstance(event, StepDone):
            next(state.model.parameters()).data.fill_(math.nan)
            control.stop()
        last = event
    assert isinstance(last, Failed)
    assert "not a number" in last.message
    for name, value in state.model.state_dict().items():
        assert torch.equal(value, good[name])


def test_every_step_that_was_asked_for_shows_its_look(digits, tiny_vae):
    """Also one that was asked for before the loop came to wait for it."""
    control, events = TrainControl(paused=True, pause_limit=5), []
    for event in train(tiny_vae, CONFIG, digits, control):
        if not isinstance(event, Preparing | Started):
            events.append(event)
        if len(events) in (1, 2):
            control.step()
        elif len(events) == 4:
            control.stop()
    assert [type(e) for e in events] == [Paused, StepDone, StepDone, Paused, Stopped]
    assert all(e.probe is not None for e in events[1:3])


def test_a_stop_while_it_waits_brings_no_second_pause(digits, tiny_vae):
    control, events = TrainControl(paused=True, pause_limit=5), []
    for event in train(tiny_vae, CONFIG, digits, control):
        if not isinstance(event, Preparing):
            events.append(type(event))
        if isinstance(event, Paused):
            control.stop()
    assert events == [Started, Paused, Stopped]


def test_the_time_of_a_pause_is_no_training_time(digits, tiny_vae):
    control, done = TrainControl(paused=True, pause_limit=5), None
    config = dataclasses.replace(CONFIG, epochs=1)
    began = time.perf_counter()
    for event in train(tiny_vae, config, digits, control):
        if isinstance(event, Paused):
            threading.Timer(0.5, control.resume).start()
        if isinstance(event, EpochDone):
            done = event
    assert done.seconds < time.perf_counter() - began - 0.4
    assert done.seconds > 0


@pytest.mark.parametrize(
    "stop_at",
    [None, EpochDone, StepDone],
)
def test_whichever_way_it_ended_the_model_is_for_looking_at(stop_at, digits, tiny_vae):
    control, state = TrainControl(), TrainState.fresh(tiny_vae, 0)
    for event in train(tiny_vae, CONFIG, digits, control, state):
        if stop_at is not None and isinstance(event, stop_at):
            control.stop()
    assert not state.model.training
