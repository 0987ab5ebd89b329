"""Training as an iterator of events: the one loop that app, command line and tests share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from aecore.datasets import Dataset
from aecore.errors import ConfigError, Interrupted
from aecore.models.families.pca import PCABasis, basis_of, is_ready
from aecore.training.control import TrainControl
from aecore.training.events import (
    Changed,
    EpochDone,
    Failed,
    Finished,
    Paused,
    Preparing,
    Probe,
    Started,
    StepDone,
    Stopped,
    TrainEvent,
)
from aecore.training.going_wrong import Good, better, hopeless, sentence
from aecore.training.looking import View
from aecore.training.measuring import beats_pca, held_out_figures, training_errors
from aecore.training.optimiser import Adam
from aecore.training.schedule import kl_capacity, kl_weight, schedule_factor
from aecore.training.state import TrainState, Within
from aecore.training.steps import Steps
from aecore.types import ModelSpec, TrainConfig

REPORT_EVERY = 25  # steps between two StepDone without a probe
FIRST_PROBE = 1600  # images; the distance between probes grows with the images seen
PAUSE_POLL = 0.5  # seconds between two looks whether a paused run is still wanted


def pick_device(name: str) -> torch.device:
    """The device for a config's `device`; auto takes CUDA, then MPS, then the processor."""
    mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if (name == "cuda" and not torch.cuda.is_available()) or (name == "mps" and not mps):
        raise ConfigError(f"This machine has no {name} device; choose auto or cpu.")
    return torch.device(name)


def train(
    spec: ModelSpec,
    config: TrainConfig,
    data: Dataset,
    control: TrainControl | None = None,
    state: TrainState | None = None,
) -> Iterator[TrainEvent]:
    """Train a model on data, yielding what happens; the model is in `state.model` at any time.

    Same seed, same device, same number of threads: same numbers. Give `state` to reach the
    weights, or to go on from an epoch (it then ends as an uninterrupted run would have).
    Raises ConfigError or UnknownNameError before the first event if something cannot be.
    """
    config.check()
    if spec.data.shape != data.spec.shape:
        raise ConfigError(
            f"The model takes examples of shape {spec.data.shape}, but {data.name} has shape "
            f"{data.spec.shape}; choose a model made for this dataset."
        )
    state = state or TrainState.fresh(spec, config.seed)
    if state.model.conditional and data.train.labels is None:
        raise ConfigError(
            f"A conditional model is told each example's label, but {data.name} has none: choose "
            "data with labels, or a VAE without conditions."
        )
    examples = min(config.limit or len(data.train), len(data.train))
    if examples < 2:
        raise ConfigError(f"Training needs at least 2 examples; there is {examples}.")
    return _Run(config, data.limited(config.limit), control or TrainControl(), state).events()


class _Run:
    """One training run's working memory."""

    basis: PCABasis
    view: View

    def __init__(self, config, data: Dataset, control: TrainControl, state: TrainState):
        self.config, self.data, self.control, self.state = config, data, control, state
        self.device = pick_device(config.device)
        self.model = state.model.to(self.device)
        self.train_split = data.train.to(self.device)
        self.generator = torch.Generator(self.device)
        self.latent_dim = self.model.spec.latent_dim
        self.batch_size = min(config.batch_size, len(data.train))
        self.steps_per_epoch = -(-len(data.train) // self.batch_size)
        self.batches = 0 if state.within is None else state.within.batches  # of this epoch, done
        self.step = state.epochs_done * self.steps_per_epoch + self.batches
        # Who goes on with a run sees at once what it is like.
        self.next_probe = state.images_seen or FIRST_PROBE
        self.last_good = Good.of(self.state)
        # What a run goes on from is good until an epoch of its own is better.
        self.whole = bool(state.epochs_done) and state.within is None
        self.best: Good | None = self.last_good if self.whole else None
        self.last_metrics: dict[str, float] = {}
        self.first_loss: float | None = None
        beta = config.beta if control.beta is None else control.beta
        self.asked = {"learning_rate": self._asked_rate(), "beta": beta}
        self.followed = -1  # version of the control
        self.changes: list[Changed] = []

    # What the outside sees -----------------------------------------------------------------

    def events(self) -> Iterator[TrainEvent]:
        state, config = self.state, self.config
        if not is_ready(self.data, self.latent_dim):
            yield Preparing("PCA of the training examples")
        try:
            # Apart: a fit takes up to a minute, and others of the same data wait for this one.
            with self.control.apart():
                self.basis = basis_of(self.data, self.latent_dim, lambda: self.control.stopped)
        except Interrupted:
            yield Stopped({"metrics": {}, "epochs_done": state.epochs_done, "steps": self.step})
            return
        self.view = View(self.data, self.basis, self.model, config.seed)
        yield Started(
            parameters=self.model.parameter_count(),
            epochs=1 if self.model.closed_form else config.epochs,
            steps_per_epoch=self.steps_per_epoch,
            device=str(self.device),
            pca_test_mse=self.basis.mse(self.view.pca_k),
            mean_test_mse=self.basis.mse(0),
            sample=self.view.sample,
            pca_sample=self.view.pca_sample,
            map_labels=self.view.map_labels,
            first_epoch=state.epochs_done,
            low=self.view.range[0],
            high=self.view.range[1],
            examples=len(self.data.train),
            probed=self.view.size,
            held_out=len(self.data.test),
            pca_k=self.view.pca_k,
            pictured=self.view.pictured,
            entering=self.view.layers.entering(),
        )
        if not self.model.closed_form:
            self._make_optimizer()  # its first import takes a second that is no training
            state.now = self._now
        self.began = self.control.clock() - state.seconds
        if self.model.closed_form:
            self.model.cpu().fit(self.data)
            self.model.to(self.device)
            state.epochs_done, state.images_seen = 1, len(self.data.train)
            yield self._epoch_done()
            yield Finished(self._summary())
            return
        for epoch in range(state.epochs_done, config.epochs):
            ended = yield from self._epoch(epoch)
            if ended:
                return
        self.model.eval()
        yield Finished(self._summary())

    def _epoch(self, epoch: int) -> Iterator[TrainEvent]:
        """Yield an epoch's events; the value of `yield from` is whether the run has ended."""
        # Seeded anew per epoch, so that a resumed run draws what an uninterrupted one draws.
        self.generator.manual_seed(self.config.seed * 1_000_003 + epoch)
        self.model.train()
        self.model.begin_epoch(epoch)
        self.steps.begin_epoch()
        order = torch.randperm(len(self.data.train), generator=self.generator, device=self.device)
        since = 0
        begun = self._go_on_within(epoch)
        for step_in_epoch, index in enumerate(order.split(self.batch_size)[begun:], begun):
            stepping = self.control.stepping
            if not self.control.may_step():
                yield from self._wait()
                if self.control.stopped:
                    yield self._stopped(within=step_in_epoch > 0)
                    return True
                stepping = self.control.stepping
            if self.control.version != self.followed or self.config.schedule != "constant":
                self.followed = self.control.version
                self._apply_control()
                yield from self._changes(epoch)
            at, after = epoch + step_in_epoch / self.steps_per_epoch, None
            if stepping:
                after = self._watched_step(index, at)
            else:
                self._step(index, at)
            since += 1
            self.step += 1
            self.batches = step_in_epoch + 1
            self.state.images_seen += len(index)
            last = step_in_epoch == self.steps_per_epoch - 1
            due = self.control.looks and self.state.images_seen >= self.next_probe
            probing = due or stepping
            if not (probing or last or since >= REPORT_EVERY or self.first_loss is None):
                continue
            loss, since = self.steps.mean_loss(), 0
            if self._diverged(loss):
                yield self._failure(loss, "loss")
                return True
            probe = self._probe(stepping) if probing and not last else None
            if probe is not None and self._hopeless(probe.heldout_mse):
                yield self._failure(probe.heldout_mse, "held-out error")
                return True
            yield StepDone(
                self.step, epoch, self.state.images_seen, *self._pace(), loss, probe, after
            )
        self.control.epoch_ended()
        self.state.epochs_done, self.batches = epoch + 1, 0
        done = self._epoch_done()
        if self._hopeless(done.metrics["mse"]):
            yield self._failure(done.metrics["mse"], "held-out error")
            return True
        if better(self.best, done):
            self.best = Good.of(self.state, done)
        yield done
        return False

    def _go_on_within(self, epoch: int) -> int:
        """The batches of this epoch that are done already; the generator goes on behind them."""
        within, self.state.within = self.state.within, None
        if within is None:
            return 0
        if within.generator.numel() == self.generator.get_state().numel():
            self.generator.set_state(within.generator)
        else:
            # It comes from another kind of device, whose draws none of this one's repeat: new ones,
            # but not the first batches' again.
            again = (self.config.seed * 1_000_003 + epoch) * 1_000_003 + within.batches
            self.generator.manual_seed(again % (1 << 63))
        return within.batches

    def _now(self) -> tuple[Within, dict]:
        return Within(self.batches, self.generator.get_state()), self.optimizer.state_dict()

    # One step ------------------------------------------------------------------------------

    def _make_optimizer(self) -> None:
        self.optimizer = Adam(self.model.parameters(), self.config.learning_rate)
        if self.state.optimizer is not None:
            self.optimizer.load_state_dict(self.state.optimizer)
        self.steps = Steps(
            self.model,
            self.optimizer,
            self.train_split,
            self.generator,
            self.batch_size,
            self.config.free_bits,
        )
        self._apply_control()

    def _step(self, index: torch.Tensor, epochs: float) -> None:
        weight = kl_weight(self.config, epochs, self.control.beta)
        self.steps.take(index, weight, kl_capacity(self.config, epochs))

    def _watched_step(self, index: torch.Tensor, epochs: float) -> float:
        """A single step that somebody waits to see: the loss on its batch after it, with the same
        noise; the loss before it is then all that the steps' mean is of."""
        self.view.layers.mark(self.model)
        self.steps.forget_losses()
        drawn = self.generator.get_state()
        self._step(index, epochs)
        return self.steps.loss_again(index, drawn, kl_capacity(self.config, epochs) is not None)

    def _asked_rate(self) -> float:
        return self.control.learning_rate or self.config.learning_rate

    def _rate(self) -> float:
        """The learning rate of the next step: the schedule's share of what is asked for."""
        done = self.step / (self.config.epochs * self.steps_per_epoch)
        return self._asked_rate() * schedule_factor(self.config.schedule, done)

    def _changes(self, epoch: int) -> Iterator[TrainEvent]:
        """What a person asks for since the last step."""
        beta = self.config.beta if self.control.beta is None else self.control.beta
        for name, now in (("learning_rate", self._asked_rate()), ("beta", beta)):
            if now != self.asked[name]:
                change = Changed(name, self.asked[name], now, epoch, self.state.images_seen)
                self.asked[name] = now
                self.changes.append(change)
                yield change

    def _apply_control(self) -> None:
        rate, threads = self._rate(), self.control.threads
        if rate != self.optimizer.param_groups[0]["lr"]:
            self.optimizer.param_groups[0]["lr"] = rate
        if threads is not None and threads != torch.get_num_threads():
            torch.set_num_threads(threads)

    def _wait(self) -> Iterator[TrainEvent]:
        if self.control.stopped:
            return
        yield Paused(self.step, self._seconds())
        began = time.perf_counter()
        with self.control.apart():
            while not self.control.may_step() and not self.control.stopped:
                self.control.wait(PAUSE_POLL)
                forgotten = time.perf_counter() - began > self.control.pause_limit
                if forgotten or not self.control.wanted():
                    self.control.stop()

    # Looking -------------------------------------------------------------------------------

    def _probe(self, one_step: bool = False) -> Probe:
        """A look at the fixed held-out sample; decides when PCA is passed."""
        self.model.eval()
        probe = self.view.look(self.model, one_step)
        if probe.heldout_mse < probe.pca_mse and self.state.seconds_to_beat_pca is None:
            # The sample says so; only the whole held-out split decides.
            seconds = self._seconds()
            if beats_pca(held_out_figures(self.model, self.data, self.basis, self.config.seed)):
                self.state.seconds_to_beat_pca = seconds
        if not self._hopeless(probe.heldout_mse):
            self.last_good = Good.of(self.state)
        # Dense looks early, where everything happens, sparse ones later: the whole history of
        # a run stays a few dozen points and the looking a few per cent of its time.
        self.next_probe = self.state.images_seen + max(FIRST_PROBE, self.state.images_seen // 5)
        self.model.train()
        return probe

    def _epoch_done(self) -> EpochDone:
        self.model.eval()
        found = held_out_figures(self.model, self.data, self.basis, self.config.seed)
        if beats_pca(found) and self.state.seconds_to_beat_pca is None:
            self.state.seconds_to_beat_pca = self._seconds()
        train_mse, train_denoised = training_errors(self.model, self.data, self.config.seed)
        probe = self._probe()
        if not self.model.closed_form:
            self.state.optimizer = self.optimizer.state_dict()
        seconds, pace = self._pace()
        self.state.seconds = seconds
        done = EpochDone(
            self.state.epochs_done,
            self.step,
            self.state.images_seen,
            seconds,
            pace,
            {k.removeprefix("test_"): v for k, v in found.items() if k.startswith("test_")},
            train_mse,
            found["pca_mse"],
            self.state.seconds_to_beat_pca,
            probe,
            int(found["pca_k"]),
            train_denoised,
            found.get("pca_denoised_mse"),
        )
        self._is_of(done)
        return done

    def _is_of(self, done: EpochDone) -> None:
        """What the summary says is of these figures."""
        names = {"train_mse": done.train_mse, "pca_mse": done.pca_test_mse}
        self.last_metrics = done.metrics | names

    # Endings -------------------------------------------------------------------------------

    def _stopped(self, within: bool) -> Stopped | Failed:
        """The end that a person wanted, with the figures of the weights as they are now."""
        self.model.eval()
        if not within:
            return Stopped(self._summary())
        done = self._epoch_done()
        self.model.eval()  # looking at the sample had it train again
        if self._hopeless(done.metrics["mse"]):
            return self._failure(done.metrics["mse"], "held-out error")
        return Stopped(self._summary(), done)

    def _diverged(self, loss: float) -> bool:
        if not np.isfinite(loss):
            return True
        if self.first_loss is None:
            self.first_loss = abs(loss)
        return abs(loss) > 1000 * max(self.first_loss, 1.0)

    def _hopeless(self, mse: float) -> bool:
        if not self.model.outputs_data:
            return not np.isfinite(mse)  # a mistake on purpose: it may run, and is explained after
        return hopeless(mse, self.basis.mse(0))

    def _failure(self, figure: float, of: str) -> Failed:
        """The end by itself: the best weights are put back, with their own figures."""
        good = self.best or self.last_good
        good.put_back(self.state)
        self.model.eval()
        done = good.done
        if done is None and not (good.epochs_done and self.whole):
            done = self._epoch_done()
            self.model.eval()
            self.state.optimizer = None
        if done is not None:
            self._is_of(done)
        rate, mean = self.config.learning_rate, self.basis.mse(0)
        said = sentence(figure, of, good, done, self.state, self.step, rate, self.changes, mean)
        return Failed(said, self._summary(), done)

    def _summary(self) -> dict:
        seconds, pace = self._pace()
        self.state.seconds = seconds
        return {
            "metrics": self.last_metrics,
            "epochs_done": self.state.epochs_done,
            "steps": self.step,
            "images_seen": self.state.images_seen,
            "seconds": seconds,
            "images_per_second": pace,
            "seconds_to_beat_pca": self.state.seconds_to_beat_pca,
            "pca_test_mse": self.last_metrics.get("pca_mse", self.basis.mse(self.view.pca_k)),
        }

    def _seconds(self) -> float:
        return self.control.clock() - self.began

    def _pace(self) -> tuple[float, float]:
        seconds = self._seconds()
        return seconds, self.state.images_seen / max(seconds, 1e-9)
