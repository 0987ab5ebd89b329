"""One run, one .safetensors file: the weights as tensors, everything else as a JSON card.

Nothing is ever unpickled. A file is checked in full before memory is taken for its weights.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from aecore.errors import AecoreError, CheckpointError, ConfigError
from aecore.models import LatentModel, build
from aecore.models.registry import MAX_PARAMETERS, shape_only
from aecore.places import SHIPPED
from aecore.runs.card import Card
from aecore.training.state import TrainState, Within
from aecore.types import ModelSpec
from aecore.writing import write_or_say

SUFFIX = ".safetensors"
CARD_KEY = "aecore_card"
MAX_CARD_BYTES = 8 << 20
#: Weights of a model that is trained here: with Adam's two memories its file must be readable.
MAX_TRAINED = 40_000_000
MAX_FILE_BYTES = 4 * max(3 * MAX_TRAINED, MAX_PARAMETERS) + (32 << 20)
_ADAM = "adam."  # prefix of Adam's memory in a file that can be resumed
_WITHIN = {"within.batches": "I64", "within.generator": "U8"}  # where inside of an epoch it stands
_MOST_STATE = 1 << 14  # bytes of a generator's state: PyTorch's take 16 and 5,056


@dataclass(frozen=True)
class Checkpoint:
    """A model in evaluation mode and its card; optimizer is Adam's memory where it was kept.

    within: where inside of the epoch after the card's a training stood whose weights these are.
    """

    model: LatentModel
    card: Card
    optimizer: dict | None = None
    within: Within | None = None

    def state(self) -> TrainState:
        """The state to go on training from."""
        card = self.card
        return TrainState(
            self.model,
            card.epochs_done,
            self.optimizer,
            card.images_seen,
            card.seconds,
            card.seconds_to_beat_pca,
            self.within,
        )


def to_bytes(
    model: LatentModel, card: Card, optimizer: dict | None = None, within: Within | None = None
) -> bytes:
    """The whole checkpoint as the bytes of a .safetensors file."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    if optimizer is not None:
        for index, memory in optimizer["state"].items():
            for key, value in memory.items():
                tensors[f"{_ADAM}{index}.{key}"] = torch.as_tensor(value).cpu().contiguous()
    if within is not None:
        tensors["within.batches"] = torch.tensor(within.batches)
        tensors["within.generator"] = within.generator.cpu()
    return save_tensors(tensors, {CARD_KEY: card.to_text()})


def with_card(content: bytes, card: Card, memory: bool = True) -> bytes:
    """The same file with another card, and without Adam's memory unless `memory`.

    content: a file that `from_bytes` reads. Its weights are copied as they lie; none is read.
    """
    length = int.from_bytes(content[:8], "little")
    header, weights = json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
    entries: dict[str, Any] = {"__metadata__": {CARD_KEY: card.to_text()}}
    pieces, end = [], 0
    del header["__metadata__"]
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if memory or not (name.startswith(_ADAM) or name in _WITHIN):
            begin, until = entry["data_offsets"]
            pieces.append(weights[begin:until])
            entries[name] = entry | {"data_offsets": [end, end := end + until - begin]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def save(path: Path | str, model: LatentModel, card: Card) -> Path:
    """Write a checkpoint; the file appears whole or not at all. Raises CheckpointError."""
    return write_or_say(Path(path), to_bytes(model, card))


def load(path: Path | str) -> Checkpoint:
    """Read a checkpoint file; raises CheckpointError with one sentence if it is not ours."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _too_large(size)
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"The file {path} could not be read ({error.strerror or error})."
        ) from error
    return from_bytes(content)


def from_bytes(content: bytes) -> Checkpoint:
    """Read a checkpoint from a file's bytes. Raises CheckpointError for anything not as it should.

    Order matters: sizes, header, card, the model's shape without memory, each tensor's name, type
    and shape, and only then the weights.
    """
    card, listed = read_header(content)
    try:
        expected = {k: v for k, v in shape_only(card.spec).state_dict().items()}
        _check_tensors(expected, listed)
        model = build(card.spec, seed=None)
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"The file is damaged: {error}.") from error
    except CheckpointError:
        raise
    except AecoreError as error:
        raise CheckpointError(f"The file's card describes no possible model: {error}") from error
    weights = {k: v for k, v in tensors.items() if k in expected}
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise CheckpointError(
            "The file's weights contain values that are not numbers; the run that made it "
            "diverged. Choose an earlier file of it."
        )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:  # a header that says two things of one name
        raise CheckpointError("The file is damaged: its header contradicts itself.") from error
    return Checkpoint(model.eval(), card, _optimizer(card, model, tensors), _within(tensors))


def read_card(path: Path | str) -> Card:
    """A checkpoint file's card alone, without reading its weights. Raises CheckpointError, also for
    a file that was cut short."""
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            length = int.from_bytes(start, "little")
            content = start + file.read(min(length, MAX_CARD_BYTES + 1))
    except OSError as error:
        raise CheckpointError(
            f"The file {path} could not be read ({error.strerror or error})."
        ) from error
    card, listed = read_header(content)
    if size != len(content) + _weights_end(listed):
        raise CheckpointError("The file is damaged: it ends before its weights do, or after.")
    return card


def read_header(content: bytes) -> tuple[Card, dict[str, dict]]:
    """A file's card and its list of tensors ({name: {dtype, shape}}), without its weights."""
    size = len(content)
    if size > MAX_FILE_BYTES:
        raise _too_large(size)
    foreign = CheckpointError(
        "This is not one of this app's checkpoints: expected a .safetensors file with an aecore "
        "card. Choose a file that was saved or downloaded here, or bring it to the page Check-up."
    )
    length = int.from_bytes(content[:8], "little")
    if size < 10 or content[8:9] != b"{":
        raise foreign
    if length > size - 8:
        raise CheckpointError("The file is damaged: it ends before its header does.")
    if length > MAX_CARD_BYTES:
        raise CheckpointError(f"The file's header has {length:,} bytes; at most 8 MB are read.")
    try:
        header = json.loads(content[8 : 8 + length])
        raw = header.pop("__metadata__")[CARD_KEY]
        card = json.loads(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise foreign from error
    try:
        return Card.from_json(card), header
    except CheckpointError:
        raise
    except AecoreError as error:
        raise CheckpointError(f"The file's card describes no possible model: {error}") from error


def _weights_end(listed: dict[str, dict]) -> int:
    """Where a header says that the weights end, counted from its own end."""
    try:
        ends = [int(entry["data_offsets"][1]) for entry in listed.values()]
    except (TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
        raise CheckpointError("The file is damaged: its header names no places.") from error
    return max(ends, default=0)


def check_trainable(spec: ModelSpec) -> int:
    """How many weights a model to be trained has; raises ConfigError beyond MAX_TRAINED.

    What trains must be kept with Adam's memory, to go on with: that is three times its weights.
    """
    model = shape_only(spec)
    size = sum(t.numel() for t in (*model.parameters(), *model.buffers()))
    if size > MAX_TRAINED:
        raise ConfigError(
            f"This model has {size:,} weights; at most {MAX_TRAINED:,} are trained, so that it can "
            "be kept and gone on with. Make its layers narrower, or its examples smaller."
        )
    return size


def room_of(weights: int) -> int:
    """Bytes of the file of a model with so many weights, with Adam's memory."""
    return 12 * weights + (1 << 20)


def shipped() -> dict[str, Path]:
    """The trained models that come with the project, by name."""
    return dict(_in(SHIPPED, SHIPPED.stat().st_mtime_ns)) if SHIPPED.is_dir() else {}


@lru_cache(maxsize=4)
def _in(folder: Path, _changed: int) -> dict[str, Path]:
    # A page asks for them a dozen times, and a class opens many pages at once.
    return {p.stem: p for p in sorted(folder.glob(f"*{SUFFIX}"))}


def _check_tensors(expected: dict[str, torch.Tensor], listed: dict[str, dict]) -> None:
    for name, tensor in expected.items():
        entry = listed.get(name)
        if not isinstance(entry, dict):
            raise CheckpointError(f"The file has no weights called {name!r}, which its card needs.")
        if entry.get("shape") != list(tensor.shape):
            raise CheckpointError(
                f"The weights {name!r} have shape {str(entry.get('shape'))[:40]}, but the file's "
                f"card needs {list(tensor.shape)}."
            )
    for name, entry in listed.items():
        if name in _WITHIN and name not in expected:
            if not isinstance(entry, dict) or entry.get("dtype") != _WITHIN[name]:
                raise CheckpointError("The file does not say where inside its epoch it stands.")
            continue
        if name not in expected and not name.startswith(_ADAM):
            raise CheckpointError(f"The file has weights {name[:40]!r} that its card knows not.")
        counter = name in expected and expected[name].dtype == torch.int64
        wanted = "I64" if counter else "F32"
        if not isinstance(entry, dict) or entry.get("dtype") != wanted:
            kind = "64-bit whole" if counter else "32-bit floating-point"
            raise CheckpointError(f"The weights {name[:40]!r} are not {kind} numbers.")


def _optimizer(card: Card, model: LatentModel, tensors: dict[str, torch.Tensor]) -> dict | None:
    """Adam's state_dict, if the file holds its memory: all of it, in the parameters' shapes."""
    found = {name for name in tensors if name.startswith(_ADAM)}
    if not found:
        return None
    parameters = list(model.parameters())
    state: dict[int, dict] = {}
    for index, parameter in enumerate(parameters):
        shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        for key, shape in shapes.items():
            name = f"{_ADAM}{index}.{key}"
            if name not in found or tensors[name].shape != shape:
                raise CheckpointError("The file's training memory does not fit its model.")
            state.setdefault(index, {})[key] = tensors[name]
    if len(found) != 3 * len(parameters):
        raise CheckpointError("The file's training memory does not fit its model.")
    optimizer = torch.optim.Adam(parameters, lr=card.config.learning_rate, fused=True)
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def _within(tensors: dict[str, torch.Tensor]) -> Within | None:
    """Where inside of an epoch the file stands, if it says so: all of it, of a sensible size."""
    found = [tensors[name] for name in _WITHIN if name in tensors]
    if not found:
        return None
    if len(found) != 2 or found[0].shape != () or not 0 < found[1].numel() <= _MOST_STATE:
        raise CheckpointError("The file does not say where inside its epoch it stands.")
    batches = int(found[0])
    if not 0 <= batches < 1 << 40:
        raise CheckpointError("The file stands at no possible place inside its epoch.")
    return Within(batches, found[1])


def _too_large(size: int) -> CheckpointError:
    return CheckpointError(
        f"The file has {size / 1e6:,.0f} MB; at most {MAX_FILE_BYTES / 1e6:,.0f} MB are read."
    )
