"""Replayed steps against plain ones: every family, to the last bit where kernels are the same."""

from __future__ import annotations

import copy

import pytest
import torch

from aecore.datasets import Batches, Split
from aecore.internals import torch as internals
from aecore.models import LatentModel, all_families, build
from aecore.training import program
from aecore.training import steps as module
from aecore.training.optimiser import Adam
from aecore.training.steps import Steps
from aecore.types import ModelSpec
from tests.contracts.test_models import spec_for

STEPPED = sorted(name for name, cls in all_families().items() if not cls.closed_form)
BATCH = 20


def steps_for(model: LatentModel, split: Split, replayed: bool = True) -> Steps:
    made = Steps(
        model, Adam(model.parameters(), 1e-3), split, torch.Generator().manual_seed(5), BATCH
    )
    made.replayable = made.replayable and replayed
    return made


def trained(model: LatentModel, split: Split, replayed: bool, epochs: int = 2) -> tuple:
    """Losses, weights and Adam's memory after a few steps of some epochs, and how it stepped."""
    own = steps_for(model, split, replayed)
    losses = []
    for epoch in range(epochs):
        own.generator.manual_seed(epoch)
        model.train().begin_epoch(epoch)
        own.begin_epoch()
        order = torch.randperm(len(split), generator=own.generator)
        for n, index in enumerate([*order.split(BATCH)[:6], order[:7]]):
            losses.append(float(own.take(index, 0.1 * n, None)))
    return losses, model.state_dict(), own.optimizer.state_dict()["state"], own


@pytest.mark.parametrize("family", STEPPED)
def test_a_replay_is_a_plain_step(family, digits):
    """Losses, weights, buffers and Adam's memory, with a KL weight that changes at every step, two
    epochs between which a family may change, and a smaller last batch."""
    model = build(spec_for(family, digits, hidden=(16,)), seed=1)
    other = copy.deepcopy(model)
    losses, weights, memory, own = trained(model, digits.train, replayed=True)
    plain, expected, remembered, _ = trained(other, digits.train, replayed=False)
    assert losses == pytest.approx(plain, rel=1e-6)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-7)
    assert memory.keys() == remembered.keys()
    for index, values in remembered.items():
        for key, value in values.items():
            torch.testing.assert_close(memory[index][key], value, rtol=1e-4, atol=1e-9)
    # What is quick today stays so: these alone are made of operations that cannot be recorded.
    assert (own.program is not None) == (family not in PLAIN)


#: Their label is made into yes and no by F.one_hot, which looks at the values in Python.
PLAIN = {"described-conditional-ae", "described-conditional-vae"}


@pytest.mark.parametrize("family", ["dense-vae", "conditional-vae"])
def test_products_by_onednn_are_the_same_but_for_rounding(family, digits, monkeypatch):
    """As on processors where MKL is slow."""
    used = []

    def product(*arguments):
        used.append(1)
        return internals.onednn_product(*arguments)

    monkeypatch.setattr(program, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(program, "onednn_product", product)
    model = build(spec_for(family, digits, hidden=(16,)), seed=1)
    other = copy.deepcopy(model)
    losses, weights, _, own = trained(model, digits.train, replayed=True)
    plain, expected, *_ = trained(other, digits.train, replayed=False)
    assert own.program is not None
    assert len(used) > 100
    assert losses == pytest.approx(plain, rel=1e-5)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-5)


def tiny(digits, **options) -> LatentModel:
    return build(ModelSpec("dense-ae", digits.spec, 3, {"hidden": (16,)} | options), 0).train()


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_normalised_layers_and_both_losses(normalisation, loss, digits):
    options = {"normalisation": normalisation, "loss": loss, "output": "sigmoid"}
    one, two = tiny(digits, **options), tiny(digits, **options)
    own = trained(one, digits.train, replayed=True)[3]
    trained(two, digits.train, replayed=False)
    assert own.program is not None
    for name, value in two.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], value, rtol=1e-5, atol=1e-7)


class Counting(torch.nn.Module):
    """What a recording cannot see: it does something else at each call."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0

    def forward(self, x):
        self.calls += 1
        return self.inner(x) * self.calls


class Peeking(torch.nn.Module):
    """Asks for a value, and goes by it."""

    def forward(self, x):
        return x * 2 if float(x.detach().abs().max()) > 1e-3 else x


class Noisy(torch.nn.Dropout):
    """Draws from PyTorch's own generator, which is everybody's."""


class PastTheDispatcher(torch.nn.Module):
    """Computes in NumPy, which no recording sees."""

    def forward(self, x):
        return x * float(x.detach().numpy().mean() + 1)


@pytest.mark.parametrize("odd", [Counting, Peeking, Noisy, PastTheDispatcher])
def test_what_cannot_be_recorded_steps_plainly(odd, digits, caplog):
    model = tiny(digits)
    model.encoder[1] = Counting(model.encoder[1]) if odd is Counting else model.encoder[1]
    if odd is not Counting:
        model.encoder.insert(2, odd())
    with caplog.at_level("INFO", logger=module.__name__):
        own = trained(model, digits.train, replayed=True)[3]
    assert own.program is None
    assert not own.replayable
    assert "steps are not replayed" in caplog.text


def test_a_broken_replay_is_noticed(digits, caplog, monkeypatch):
    """Whichever operation is lost: the steps are plain, and their numbers right."""
    index, right, whole = torch.arange(BATCH), tiny(digits), steps_for(tiny(digits), digits.train)
    expected = float(steps_for(right, digits.train, replayed=False).take(index, 1.0, None))
    whole.take(index, 1.0, None)
    assert whole.program is not None
    real, lost = module.record, 0

    def lossy(*arguments):
        program = real(*arguments)
        del program._steps[lost]
        return program

    monkeypatch.setattr(module, "record", lossy)
    for lost in range(len(whole.program._steps)):
        caplog.clear()
        broken = tiny(digits)
        own = steps_for(broken, digits.train)
        with caplog.at_level("INFO", logger=module.__name__):
            assert float(own.take(index, 1.0, None)) == expected
        assert own.program is None, lost
        assert "other gradients" in caplog.text
        for a, b in zip(broken.parameters(), right.parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_model_changed_between_epochs_is_recorded_anew(digits):
    model, other = tiny(digits), tiny(digits)
    own = steps_for(model, digits.train)
    plain = steps_for(other, digits.train, replayed=False)
    index = torch.arange(BATCH)
    for changed in (False, True):
        for one, steps in ((model, own), (other, plain)):
            steps.begin_epoch()
            if changed:
                one.encoder[1].weight.requires_grad_(False)
            for _ in range(2):
                steps.take(index, 1.0, None)
    assert own.program is not None
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_denormal_numbers_count_as_zero_within_a_step_alone(digits):
    """Adam's memory of a weight that gets no gradient would end there, and each step in mud."""
    model = tiny(digits)
    own = steps_for(model, digits.train)
    own.take(torch.arange(BATCH), 1.0, None)
    memory = own.optimizer.state[own.parameters[0]]["exp_avg"]
    memory.fill_(1e-39)
    own.take(torch.arange(BATCH), 1.0, None)
    assert not ((memory != 0) & (memory.abs() < 1.2e-38)).any()
    assert float(torch.tensor(1e-20) * torch.tensor(1e-20)) > 0  # here they count


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7), (5,)], ids=str)
@pytest.mark.parametrize("values", [torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize("n", [20, 300])
def test_batches_into_the_same_memory_are_those_of_the_split(shape, values, n, generator):
    drawn = torch.randint(0, 256, (400, *shape), generator=generator, dtype=torch.uint8)
    split = Split(drawn.to(values))
    batches = Batches(split, n)
    for _ in range(2):
        index = torch.randperm(400, generator=generator)[:n]
        assert torch.equal(batches.fetch(index), split.batch(index))
        assert batches.fetch(index) is batches.x


def replayed(compute, x: torch.Tensor, others: list[torch.Tensor]) -> tuple[int, list]:
    """Steps of the program of `compute`, recorded with x, and its results on the others."""
    given = x.clone()
    made = program.record(lambda: [compute(given)], torch.Generator(), 1 << 20)
    found = []
    with torch.inference_mode():
        for other in others:
            given.copy_(other)
            made.replay()
            found.append(made.results[0].clone())
    return len(made._steps), found


def test_what_no_value_changes_is_computed_once_alone(generator):
    def constant(x):
        share = torch.ones_like(x) * 2 / 7  # of shapes alone
        return (x.exp() * share).sum(0)

    def written(x):
        total = torch.zeros_like(x)  # begins as a constant, and does not stay one
        before = total + 1
        total.add_(x)
        return (total * before).sum(0)

    drawn = [torch.randn(6, 3, generator=generator) for _ in range(4)]
    for compute, steps in ((constant, 3), (written, 4)):
        taken, found = replayed(compute, drawn[0], drawn[1:])
        assert taken == steps
        for x, result in zip(drawn[1:], found, strict=True):
            torch.testing.assert_close(result, compute(x))


def test_a_sum_comes_before_what_is_written_over(generator):
    """It is moved to where its values are made, and no further: once changed, they are others."""

    def compute(x):
        y = x * 3
        product = y @ x.T
        first = y.sum(0)
        y.add_(1)
        return torch.cat([first, y.sum(0), product.sum(0), x.mean(1)])

    drawn = [torch.randn(6, 3, generator=generator) for _ in range(3)]
    for x, result in zip(drawn[1:], replayed(compute, drawn[0], drawn[1:])[1], strict=True):
        torch.testing.assert_close(result, compute(x))
