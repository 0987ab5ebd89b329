"""What training computes, against the same training written out in plain PyTorch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import pytest
import torch

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError
from aecore.models import build
from aecore.training.control import TrainControl
from aecore.training.loop import (
    EpochDone,
    Finished,
    StepDone,
    TrainState,
    pick_device,
    train,
)
from aecore.types import ModelSpec, TrainConfig

QUICK = TrainConfig(epochs=3, batch_size=256, learning_rate=3e-3, seed=5, device="cpu")


def share_of_the_rate(schedule: str, done: float) -> float:
    """Of the learning rate, at a share `done` of the run. one-cycle: Smith and Topin 2018, from
    1/25 up during three tenths and down to 1/10,000, both along half a cosine."""
    if schedule == "cosine":
        return max((1 + math.cos(math.pi * done)) / 2, 1e-4)
    if schedule == "one-cycle" and done < 0.3:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * done / 0.3)) / 2
    if schedule == "one-cycle":
        return 1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * (done - 0.3) / 0.7)) / 2
    return 1.0


@dataclass
class Plain:
    """What the plain loop reached: the model, each step's loss and learning rate."""

    model: torch.nn.Module
    losses: list[float]
    rates: list[float]


def plain_training(spec: ModelSpec, config: TrainConfig, data: Dataset) -> Plain:
    """The textbook's loop with PyTorch's own Adam, the loss written out term by term."""
    model = build(spec, config.seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    n = min(config.limit or len(data.train), len(data.train))
    steps = math.ceil(n / config.batch_size)
    reached = Plain(model, [], [])
    generator = torch.Generator()
    for epoch in range(config.epochs):
        generator.manual_seed(config.seed * 1_000_003 + epoch)
        model.train()
        model.begin_epoch(epoch)
        order = torch.randperm(n, generator=generator)
        for i in range(steps):
            index = order[i * config.batch_size : (i + 1) * config.batch_size]
            done = epoch + i / steps
            rate = config.learning_rate * share_of_the_rate(config.schedule, done / config.epochs)
            optimiser.param_groups[0]["lr"] = rate
            labels = data.train.labels[index] if model.conditional else None
            terms = model.loss_terms(data.train.batch(index), generator, labels)
            loss = terms.reconstruction.sum() / len(index)
            if terms.penalty is not None:
                loss = loss + terms.penalty.sum() / len(index)
            if terms.kl is not None:
                warm = min(1.0, done / config.kl_warmup_epochs) if config.kl_warmup_epochs else 1.0
                kl = (terms.kl.sum(0) / len(index)).clamp(min=config.free_bits or -math.inf).sum()
                if config.capacity:  # the capacity grows, the weight stays
                    loss = loss + config.beta * (kl - config.capacity * warm).abs()
                else:
                    loss = loss + config.beta * warm * kl
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            reached.losses.append(loss.item())
            reached.rates.append(rate)
    return reached


CASES: dict[str, tuple[str, dict, dict]] = {
    "plain": ("dense-ae", {}, {}),
    "vae": ("dense-vae", {}, {}),
    "part of the data": ("dense-vae", {}, {"limit": 700, "batch_size": 1000}),
    "beta": ("dense-vae", {}, {"beta": 3.0}),
    "warm-up within an epoch": ("dense-vae", {}, {"beta": 2.0, "kl_warmup_epochs": 0.5}),
    "warm-up over epochs": ("dense-vae", {}, {"beta": 2.0, "kl_warmup_epochs": 2.5}),
    "capacity": ("dense-vae", {}, {"beta": 5.0, "capacity": 4.0}),
    "a growing capacity": (
        "dense-vae",
        {},
        {"beta": 5.0, "capacity": 4.0, "kl_warmup_epochs": 2.0},
    ),
    "free bits": ("dense-vae", {}, {"free_bits": 0.5}),
    "cosine": ("dense-vae", {}, {"schedule": "cosine"}),
    "one cycle": ("dense-ae", {}, {"schedule": "one-cycle", "epochs": 4}),
    "told labels": ("conditional-vae", {}, {}),
    "a penalty": ("contractive-ae", {}, {}),
    "noise": ("denoising-ae", {}, {}),
    "layer by layer first": ("stacked-ae", {"pretrain_epochs": 1}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_training_is_the_textbooks_loop(case, digits):
    family, options, changes = CASES[case]
    spec = ModelSpec(family, digits.spec, 2, {"hidden": (12,)} | options)
    config = dataclasses.replace(QUICK, **changes)
    state = TrainState.fresh(spec, config.seed)
    events = list(train(spec, config, digits, state=state))
    assert isinstance(events[-1], Finished)
    expected = plain_training(spec, config, digits)
    reported, last = 0, 0
    for event in events:
        if isinstance(event, StepDone):
            mean = sum(expected.losses[last : event.step]) / (event.step - last)
            assert event.loss == pytest.approx(mean, rel=1e-4), event.step
            reported, last = reported + 1, event.step
    assert last == len(expected.losses)
    assert reported >= config.epochs
    for name, value in expected.model.state_dict().items():
        torch.testing.assert_close(
            state.model.state_dict()[name], value, rtol=1e-3, atol=1e-5, msg=f"{case}: {name}"
        )
    assert state.optimizer["param_groups"][0]["lr"] == pytest.approx(expected.rates[-1])


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle"])
def test_the_learning_rate_over_a_run(schedule, digits, tiny_ae):
    """One step an epoch, so that Adam's memory, which an epoch leaves behind, tells every rate."""
    epochs = 30
    config = dataclasses.replace(
        QUICK, epochs=epochs, batch_size=64, limit=64, learning_rate=0.01, schedule=schedule
    )
    state, rates = TrainState.fresh(tiny_ae, 0), []
    for event in train(tiny_ae, config, digits, state=state):
        if isinstance(event, EpochDone):
            rates.append(state.optimizer["param_groups"][0]["lr"])
    expected = [0.01 * share_of_the_rate(schedule, n / epochs) for n in range(epochs)]
    assert rates == pytest.approx(expected)


def test_a_rate_that_is_set_by_hand_keeps_the_schedule(digits, tiny_ae):
    config = dataclasses.replace(QUICK, epochs=10, batch_size=64, limit=64, schedule="cosine")
    control, state = TrainControl(), TrainState.fresh(tiny_ae, 0)
    for event in train(tiny_ae, config, digits, control, state):
        if isinstance(event, EpochDone):
            rate = state.optimizer["param_groups"][0]["lr"]
            asked = 3e-3 if event.epoch <= 4 else 0.02
            share = share_of_the_rate("cosine", (event.epoch - 1) / 10)
            assert rate == pytest.approx(asked * share), event.epoch
            if event.epoch == 4:
                control.change(learning_rate=0.02)


def test_a_beta_that_is_set_by_hand_keeps_the_warm_up(digits, tiny_vae):
    """From the epoch after it was set: half of the new weight half-way through the warm-up."""
    config = dataclasses.replace(QUICK, epochs=4, batch_size=64, limit=64, kl_warmup_epochs=4.0)
    control, state = TrainControl(), TrainState.fresh(tiny_vae, config.seed)
    generator, weights = torch.Generator(), []
    x = digits.train.first(64).batch()
    before = build(tiny_vae, config.seed).train()
    epoch = 0
    for event in train(tiny_vae, config, digits, control, state):
        if isinstance(event, StepDone):
            generator.manual_seed(config.seed * 1_000_003 + epoch)
            order = torch.randperm(64, generator=generator)
            terms = before.loss_terms(x[order], generator)
            weights.append(
                (event.loss - terms.reconstruction.mean().item()) / terms.kl.sum(1).mean().item()
            )
            before.load_state_dict(state.model.state_dict())
            epoch += 1
        if isinstance(event, EpochDone) and event.epoch == 2:
            control.change(beta=20.0)
    assert weights == pytest.approx([0, 0.25, 0.5 * 20, 0.75 * 20], rel=0.02, abs=0.02)


def test_threads_are_set_while_it_runs(digits, tiny_ae):
    before, control = torch.get_num_threads(), TrainControl()
    try:
        for event in train(tiny_ae, QUICK, digits, control):
            if isinstance(event, EpochDone) and event.epoch == 1:
                assert torch.get_num_threads() == before  # as the process has it
                control.change(threads=before + 1)
            if isinstance(event, EpochDone) and event.epoch == 2:
                assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


# What cannot be


def test_a_model_of_another_shape_is_told_both(digits, tiny_ae):
    table = Dataset(
        "a table",
        dataclasses.replace(digits.spec, shape=(4,), kind="table"),
        *(Split(torch.zeros(8, 4)) for _ in range(2)),
    )
    with pytest.raises(ConfigError) as caught:
        train(tiny_ae, QUICK, table)
    for told in ("(1, 8, 8)", "a table", "(4,)", "choose a model made for this dataset"):
        assert told in str(caught.value)


def test_a_conditional_model_needs_labels(digits):
    spec = ModelSpec("conditional-vae", digits.spec, 2, {"hidden": (8,)})
    plain = Dataset("nameless", digits.spec, Split(digits.train.x), Split(digits.test.x))
    with pytest.raises(ConfigError, match="nameless has none: choose data with labels"):
        train(spec, QUICK, plain)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_missing_is_named(device, digits, tiny_ae, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    config = dataclasses.replace(QUICK, device=device)
    with pytest.raises(ConfigError, match=f"no {device} device; choose auto or cpu"):
        train(tiny_ae, config, digits)


def test_auto_is_the_processor_where_there_is_nothing_else(digits, tiny_ae, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    config = dataclasses.replace(QUICK, device="auto", epochs=1)
    assert next(train(tiny_ae, config, digits)).device == "cpu"


@pytest.mark.parametrize(
    ("cuda", "mps", "taken"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_there_is(cuda, mps, taken, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto").type == taken
    assert pick_device("cpu").type == "cpu"  # whoever asks for it gets it
