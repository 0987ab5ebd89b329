"""train(spec, config, data, control, state) -> an iterator of events."""

from aecore.training.loop import TrainState, train

__all__ = ["TrainState", "train"]
