"""The steps of one training: the family's own loss, recorded once and replayed.

A step of a small network is dozens of operations of a few microseconds each; what autograd and
Python do around them takes as long. So the operations of one step, forward and backward, are
recorded (see program.py) and replayed on each batch. The recording is of the family's own code;
where that cannot be recorded, or a replay and a plain step differ, steps are plain for good.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from aecore.datasets import Batches, Split
from aecore.evaluation.batches import labels_for
from aecore.models import LatentModel
from aecore.models.losses import objective
from aecore.training.optimiser import Adam
from aecore.training.program import NotReplayable, Program, record

log = logging.getLogger(__name__)
MOST_BYTES = 32 << 20  # that a recording may keep; a process has many runs
FEWEST_STEPS = 50  # of an epoch for which a recording pays
TOLERANCE = 1e-5  # relative, between the gradients of a plain step and of its replay
_SIMPLE = (bool, int, float, str, tuple, type(None))


class Steps:
    """Takes the steps of a training on one device, with Adam.

    free_bits: see `objective`. A full batch is replayed, a smaller last one is plain: which step is
    which depends on nothing but the settings, so that a run is the same however often it is
    interrupted.
    """

    def __init__(
        self,
        model: LatentModel,
        optimizer: Adam,
        split: Split,
        generator: torch.Generator,
        batch_size: int,
        free_bits: float = 0.0,
    ):
        self.model, self.optimizer, self.split = model, optimizer, split
        self.generator, self.batch_size, self.free_bits = generator, batch_size, free_bits
        self.parameters = list(model.parameters())
        device = generator.device
        self.replayable = device.type == "cpu" and len(split) // batch_size >= FEWEST_STEPS
        self.program: Program | None = None
        self._gradients: list[Tensor | None] = []  # the program's results but the loss
        self._checked = False
        self._recorded_for: tuple = ()
        # What changes from step to step is given in the same tensors each time.
        self._weight, self._capacity = torch.ones((), device=device), torch.zeros((), device=device)
        self._given: tuple[float, float | None] = (1.0, None)
        self._batches: Batches | None = None
        self._labels: Tensor | None = None
        self._total, self._steps = torch.zeros((), device=device), 0

    def begin_epoch(self) -> None:
        """The next step is compared with a plain one, and recorded anew if the model changed."""
        self._checked = False

    def mean_loss(self) -> float:
        """Mean loss of the steps since the last call, of which there is at least one."""
        mean = float(self._total) / self._steps
        self._total.zero_()
        self._steps = 0
        return mean

    def forget_losses(self) -> None:
        """The next mean is of steps to come alone."""
        self._total.zero_()
        self._steps = 0

    def loss_again(self, index: Tensor, drawn: Tensor, limited: bool) -> float:
        """The loss on a batch with the weights as they are and the noise that a generator's state
        `drawn` gives, as the last step's; model and generator stay as they are."""
        begun = _State(self.model, self.generator)
        self.generator.set_state(drawn)
        try:
            labels = labels_for(self.model, self.split, index)
            terms = self.model.loss_terms(self.split.batch(index), self.generator, labels)
            capacity = self._capacity if limited else None
            return float(objective(terms, self._weight, self.free_bits, capacity).detach())
        finally:
            begun.put_back()

    def take(self, index: Tensor, kl_weight: float, capacity: float | None) -> Tensor:
        """Move the weights by one step on the examples at `index`; the loss before it, ()."""
        if (kl_weight, capacity) != self._given:
            self._weight.fill_(kl_weight)
            if capacity is not None:
                self._capacity.fill_(capacity)
            self._given = (kl_weight, capacity)
        self._steps += 1
        # Numbers below 1e-38 count as 0 meanwhile, on this thread. A weight whose gradient stays 0
        # has a memory in Adam that shrinks until it is that small, where a processor takes a
        # hundred times as long for each: a quarter of a run at small batches.
        torch.set_flush_denormal(True)
        try:
            if self.replayable and len(index) == self.batch_size:
                loss = self._replayed(index, capacity is not None)
                if loss is not None:
                    return loss
            x = self.split.batch(index)
            labels = labels_for(self.model, self.split, index)
            loss, *gradients = self._plain(x, labels, capacity is not None)
            self.optimizer.advance(gradients)
            assert loss is not None
            self._total += loss.detach()
            return loss.detach()
        finally:
            torch.set_flush_denormal(False)

    def _replayed(self, index: Tensor, limited: bool) -> Tensor | None:
        """A step by replay; None where there is no recording that could be replayed."""
        replayed = not self._checked and self._check(self._fetch(index), limited)
        program = self.program
        if program is None:
            return None
        # One block for all: what is entered and left between large products costs 20 us each time.
        with torch.inference_mode():
            if not replayed:
                self._fetch(index)
                program.replay()
            loss = program.results[0]
            assert loss is not None
            self._total.add_(loss)
            if self.optimizer.advance_again(self._gradients):
                return loss
        self.optimizer.advance(self._gradients)
        return loss

    # The family's loss -------------------------------------------------------------------------

    def _plain(self, x: Tensor, labels: Tensor | None, limited: bool) -> list[Tensor | None]:
        """The loss on a batch and the gradient of each weight, None for one that has none."""
        terms = self.model.loss_terms(x, self.generator, labels)
        capacity = self._capacity if limited else None
        loss = objective(terms, self._weight, self.free_bits, capacity)
        found = iter(torch.autograd.grad(loss, self._learning(), allow_unused=True))
        gradients = [next(found) if p.requires_grad else None for p in self.parameters]
        # Adam's kernel goes through a weight and its gradient side by side.
        pairs = zip(self.parameters, gradients, strict=True)
        return [loss, *(_laid_out_as(p, g) for p, g in pairs)]

    def _learning(self) -> list[nn.Parameter]:
        return [p for p in self.parameters if p.requires_grad]

    def _fetch(self, index: Tensor) -> Tensor:
        """Put a batch into the memory that the recording reads."""
        if self._batches is None:
            self._batches = Batches(self.split, self.batch_size)
        if self.model.conditional:
            labels = labels_for(self.model, self.split, index)
            if labels is not None:
                self._labels = labels if self._labels is None else self._labels.copy_(labels)
        return self._batches.fetch(index)

    # Recording ---------------------------------------------------------------------------------

    def _check(self, x: Tensor, limited: bool) -> bool:
        """Have a recording that does on this batch what a plain step does, or none for good.

        Returns whether its results are those of this batch.
        """
        self._checked = True
        before = self._in_python()
        try:
            if self.program is None or before != self._recorded_for:
                self.program = self._record(x, limited)
                self._gradients = self.program.results[1:]
                self._recorded_for = before
            reason = self._difference(self.program, x, limited)
            if self._in_python() != before:
                reason = "the model counts its steps"
        except NotReplayable as found:
            reason = str(found)
        if reason:
            log.info("%s: steps are not replayed, %s", self.model.family, reason)
            self.program, self.replayable = None, False
        return not reason

    def _record(self, x: Tensor, limited: bool) -> Program:
        """Recorded on other values than those that it is checked on. The same examples in another
        order would not do: the gradients are sums over them."""
        begun, batch, labels = _State(self.model, self.generator), x.clone(), self._labels
        told = None if labels is None else labels.clone()
        x.copy_(batch.flip(0, -1)).mul_(0.75)
        if labels is not None and told is not None:
            labels.copy_(told.flip(0))
        torch.rand(1, generator=self.generator)  # other noise, too
        try:
            return record(lambda: self._plain(x, labels, limited), self.generator, MOST_BYTES)
        finally:
            begun.put_back()
            x.copy_(batch)
            if labels is not None and told is not None:
                labels.copy_(told)

    def _difference(self, program: Program, x: Tensor, limited: bool) -> str:
        """What differs between a plain step on this batch and its replay; "" if nothing does, and
        then all is as the replay left it."""
        begun = _State(self.model, self.generator)
        plain = self._plain(x, self._labels, limited)
        expected = _State(self.model, self.generator)
        begun.put_back()
        with torch.inference_mode():
            program.replay()
        difference = ""
        if not torch.equal(self.generator.get_state(), expected.drawn):
            difference = "a replay draws other random numbers"
        else:
            pairs = [*zip(plain, program.results, strict=True)]
            pairs += [(value, buffer) for buffer, value in expected.buffers]
            if not all(_alike(a, b) for a, b in pairs):
                difference = "a replay has other gradients"
        if difference:
            begun.put_back()
        return difference

    def _in_python(self) -> tuple:
        """What in a model a recording cannot see: plain values, and which tensors there are."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return (
            *((t.data_ptr(), t.requires_grad) for t in tensors),
            *(
                (name, value)
                for module in self.model.modules()
                for name, value in vars(module).items()
                if isinstance(value, _SIMPLE)
            ),
        )


class _State:
    """What a generator and a model's buffers were when this was made, besides its weights."""

    def __init__(self, model: LatentModel, generator: torch.Generator):
        self.generator, self.drawn = generator, generator.get_state()
        self.buffers = [(b, b.clone()) for b in model.buffers()]

    def put_back(self) -> None:
        self.generator.set_state(self.drawn)
        with torch.no_grad():
            for buffer, value in self.buffers:
                buffer.copy_(value)


def _laid_out_as(weight: Tensor, gradient: Tensor | None) -> Tensor | None:
    if gradient is None or gradient.stride() == weight.stride():
        return gradient
    return torch.empty_strided(weight.shape, weight.stride()).copy_(gradient)


def _alike(plain: Tensor | None, replayed: Tensor | None) -> bool:
    if plain is None or replayed is None:
        return plain is replayed
    if not plain.is_floating_point():
        return torch.equal(plain, replayed)
    size = float(plain.detach().abs().max()) if plain.numel() else 0.0
    return torch.allclose(plain, replayed, rtol=TOLERANCE, atol=TOLERANCE * size, equal_nan=True)
