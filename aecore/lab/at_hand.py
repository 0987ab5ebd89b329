"""Models that an experiment starts from: one that ships, or one trained once a process."""

from __future__ import annotations

import json

from aecore.datasets import Dataset
from aecore.lab.control import LabControl
from aecore.lab.once import Once
from aecore.lab.training import USUAL, in_proportion, last_epoch, trained
from aecore.models import LatentModel
from aecore.models.presets import Preset
from aecore.runs import checkpoints
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

MOST = 12  # trained models that are kept, the longest unused given up first

_models: Once[LatentModel] = Once(MOST)


def shipped_model(one: Preset, data: Dataset) -> LatentModel | None:
    """The model that ships for this preset, if it was trained on these very data."""
    path = checkpoints.shipped().get(one.name)
    if path is None or checkpoints.read_card(path).fingerprint != data.fingerprint:
        return None
    return checkpoints.load(path).model


def model_of(
    one: Preset, data: Dataset, epochs: int, seed: int, control: LabControl, usual: int = USUAL
) -> LatentModel:
    """A preset's model for these data: the one that ships, else one trained for so many epochs; of
    few examples in proportion more, as the preset's own training takes more beside `usual`.

    Raises what `trained` raises.
    """
    found = shipped_model(one, data)
    if found is not None:
        return found
    config = in_proportion(one, data.train, epochs, seed, usual)
    return trained_model(one.spec(data.spec), config, data, control)


def trained_model(
    spec: ModelSpec, config: TrainConfig, data: Dataset, control: LabControl
) -> LatentModel:
    """A model trained as asked, in evaluation mode, once a process; nobody may change it.

    Raises what `trained` raises.
    """
    key = (data.name, data.fingerprint, json.dumps([spec.to_json(), config.to_json()]))

    def make() -> LatentModel:
        state = TrainState.fresh(spec, config.seed)
        last_epoch(trained(spec, config, data, control, state))
        return state.model

    return _models.get(key, control, make)
