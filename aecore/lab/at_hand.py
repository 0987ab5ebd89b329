"""Models that an experiment starts from: one that ships, or one trained once a process."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict

from aecore.datasets import Dataset
from aecore.datasets.registry import when_gone
from aecore.lab.control import LabControl
from aecore.lab.training import last_epoch, trained
from aecore.models import LatentModel
from aecore.models.presets import Preset
from aecore.runs import checkpoints
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

MOST = 12  # trained models that are kept, the longest unused given up first
_POLL = 0.1  # seconds between two questions whether to stop, while somebody else trains

Key = tuple[str, str, str]

_lock = threading.Lock()
_models: OrderedDict[Key, LatentModel] = OrderedDict()  # the latest used last
_training: dict[Key, threading.Lock] = {}


def shipped_model(one: Preset, data: Dataset) -> LatentModel | None:
    """The model that ships for this preset, if it was trained on these very data."""
    path = checkpoints.shipped().get(one.name)
    if path is None or checkpoints.read_card(path).fingerprint != data.fingerprint:
        return None
    return checkpoints.load(path).model


def trained_model(
    spec: ModelSpec, config: TrainConfig, data: Dataset, control: LabControl
) -> LatentModel:
    """A model trained as asked, in evaluation mode, once a process; nobody may change it.

    Raises what `trained` raises.
    """
    key = (data.name, data.fingerprint, json.dumps([spec.to_json(), config.to_json()]))
    with _lock:
        busy = _training.setdefault(key, threading.Lock())
    while True:
        # Apart: whoever trains it takes turns with those who wait.
        with control.apart():
            mine = busy.acquire(timeout=_POLL)
        if mine:
            break
        control.give_way()
    try:
        found = _remembered(key)
        if found is None:
            state = TrainState.fresh(spec, config.seed)
            last_epoch(trained(spec, config, data, control, state))
            found = state.model
            _remember(key, found)
        return found
    finally:
        busy.release()


def _remembered(key: Key) -> LatentModel | None:
    with _lock:
        if key in _models:
            _models.move_to_end(key)
        return _models.get(key)


def _remember(key: Key, model: LatentModel) -> None:
    with _lock:
        _models[key] = model
        while len(_models) > MOST:
            gone, _ = _models.popitem(last=False)
            _training.pop(gone, None)


@when_gone
def forget(name: str) -> None:
    """Give up what was trained on data that are gone."""
    with _lock:
        for key in [key for key in _models if key[0] == name]:
            del _models[key]
            _training.pop(key, None)
