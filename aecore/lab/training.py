"""A model trained for an experiment, giving way to others as the experiment does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from aecore.datasets import Dataset, Split
from aecore.errors import ConfigError, Interrupted
from aecore.lab.control import LabControl
from aecore.models.presets import Preset
from aecore.training.events import EpochDone, Failed, Stopped, TrainEvent
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

USUAL = 3  # epochs that experiments train for if nobody says otherwise


SEEN = 60_000 * 784  # values in an epoch of MNIST, by which a large example counts as several


def in_proportion(
    one: Preset, train: Split, epochs: int, seed: int, usual: int = USUAL
) -> TrainConfig:
    """A preset's training for so many epochs on the processor; of few examples, where an epoch is
    hardly a step, in proportion more of smaller batches, as the preset's own training takes more
    beside `usual`, but no more values in all than as many epochs of MNIST have."""
    config = one.training(len(train))
    if config.epochs > one.config.epochs:
        most = epochs * SEEN // max(1, train.x.numel())
        epochs = max(epochs, min(math.ceil(config.epochs * epochs / usual), most))
    return dataclasses.replace(config, epochs=epochs, seed=seed, device="cpu")


def trained(
    spec: ModelSpec,
    config: TrainConfig,
    data: Dataset,
    control: LabControl,
    state: TrainState,
    looks: bool = False,
) -> Iterator[TrainEvent]:
    """Train as asked, yielding what happens; the model is in `state.model`, in evaluation mode
    when it is over. looks: for events with a `probe` between epochs. Raises Interrupted where it
    is stopped, ConfigError where it goes wrong."""
    for event in train(spec, config, data, control.training(looks), state):
        control.give_way()
        if isinstance(event, Stopped):
            raise Interrupted("The experiment was stopped.")
        if isinstance(event, Failed):
            raise ConfigError(event.message)
        yield event
    state.model.eval()


def last_epoch(events: Iterator[TrainEvent]) -> EpochDone:
    """Go through a training; what its last epoch measured. Raises as `trained` does."""
    last = None
    for event in events:
        last = event if isinstance(event, EpochDone) else last
    if last is None:
        raise ConfigError("A training for an experiment needs at least one epoch.")
    return last
