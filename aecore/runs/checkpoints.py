"""One run, one .safetensors file: the weights as tensors, everything else as a JSON card.

Nothing is ever unpickled. A file is checked in full before memory is taken for its weights.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import aecore
from aecore.errors import AecoreError, CheckpointError
from aecore.models import LatentModel, build
from aecore.models.registry import shape_only
from aecore.places import SHIPPED
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig
from aecore.writing import write_or_say

SUFFIX = ".safetensors"
CARD_KEY = "aecore_card"
CARD_FORMAT = 1
MAX_FILE_BYTES = 512 << 20
MAX_CARD_BYTES = 8 << 20
MAX_ORIGIN_BYTES = 1 << 16
_ADAM = "adam."  # prefix of Adam's memory in a file that can be resumed


@dataclass(frozen=True)
class Card:
    """What a checkpoint says of itself. history: one row of figures per epoch.

    origin: of a model read from somebody's file, what that file was and how it was read: plain JSON
    values; empty for models trained here.
    """

    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str
    fingerprint: str
    epochs_done: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    seconds_to_beat_pca: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(
        default_factory=lambda: {"aecore": aecore.__version__, "torch": str(torch.__version__)}
    )

    @property
    def newest(self) -> dict[str, float]:
        """The figures of the weights in this file, in the form of a row of history."""
        if not self.metrics:
            return {}
        metrics = dict(self.metrics)
        if "pca_test_mse" in metrics:
            metrics["pca_mse"] = metrics.pop("pca_test_mse")
        reached = {"epoch": self.epochs_done, "images_seen": self.images_seen}
        return reached | {"seconds": self.seconds} | metrics

    note: str = ""
    origin: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        plain["spec"], plain["config"] = self.spec.to_json(), self.config.to_json()
        return {"format": CARD_FORMAT, **plain}

    @classmethod
    def from_json(cls, value: Any) -> Card:
        """Check every field; raises CheckpointError (or ConfigError from the parts)."""
        if not isinstance(value, dict) or value.get("format") != CARD_FORMAT:
            raise CheckpointError(
                f"The file's card has format {str(_get(value, 'format'))[:20]!r}; this version "
                f"reads format {CARD_FORMAT}."
            )
        numbers = {k: _number(value, k) for k in ("epochs_done", "images_seen", "seconds")}
        beat = value.get("seconds_to_beat_pca")
        history = value.get("history", [])
        if not isinstance(history, list) or len(history) > 10_000:
            raise CheckpointError("The card's history must be a list of at most 10,000 epochs.")
        return cls(
            name=_text(value, "name"),
            spec=ModelSpec.from_json(value.get("spec")),
            config=TrainConfig.from_json(value.get("config")),
            dataset=_text(value, "dataset"),
            fingerprint=_text(value, "fingerprint"),
            epochs_done=int(numbers["epochs_done"]),
            images_seen=int(numbers["images_seen"]),
            seconds=numbers["seconds"],
            seconds_to_beat_pca=None if beat is None else _number(value, "seconds_to_beat_pca"),
            metrics=_figures(value.get("metrics", {})),
            history=[_figures(row) for row in history],
            made=_text(value, "made"),
            versions={str(k)[:40]: str(v)[:40] for k, v in _dict(value, "versions").items()},
            note=_text(value, "note", 2000),
            origin=_origin(value.get("origin", {})),
        )


@dataclass(frozen=True)
class Checkpoint:
    """A model in evaluation mode and its card; optimizer is Adam's memory where it was kept."""

    model: LatentModel
    card: Card
    optimizer: dict | None = None

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
        )


def to_bytes(model: LatentModel, card: Card, optimizer: dict | None = None) -> bytes:
    """The whole checkpoint as the bytes of a .safetensors file."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    if optimizer is not None:
        for index, memory in optimizer["state"].items():
            for key, value in memory.items():
                tensors[f"{_ADAM}{index}.{key}"] = torch.as_tensor(value).cpu().contiguous()
    return save_tensors(tensors, {CARD_KEY: json.dumps(_clean(card.to_json()), allow_nan=False)})


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
    weights = {k: v for k, v in tensors.items() if not k.startswith(_ADAM)}
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise CheckpointError(
            "The file's weights contain values that are not numbers; the run that made it "
            "diverged. Choose an earlier file of it."
        )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:  # a header that says two things of one name
        raise CheckpointError("The file is damaged: its header contradicts itself.") from error
    return Checkpoint(model.eval(), card, _optimizer(card, model, tensors))


def read_card(path: Path | str) -> Card:
    """A checkpoint file's card alone, without reading its weights. Raises CheckpointError."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            content = start + file.read(min(length, MAX_CARD_BYTES + 1))
    except OSError as error:
        raise CheckpointError(
            f"The file {path} could not be read ({error.strerror or error})."
        ) from error
    return read_header(content)[0]


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


def shipped() -> dict[str, Path]:
    """The trained models that come with the project, by name."""
    return {p.stem: p for p in sorted(SHIPPED.glob(f"*{SUFFIX}"))}


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


def _too_large(size: int) -> CheckpointError:
    return CheckpointError(
        f"The file has {size / 1e6:,.0f} MB; at most {MAX_FILE_BYTES / 1e6:,.0f} MB are read."
    )


def _clean(value: Any) -> Any:
    """Replace what JSON has no word for (infinities, NaN) by None."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: dict, key: str, longest: int = 200) -> str:
    text = value.get(key, "")
    if not isinstance(text, str) or len(text) > longest:
        raise CheckpointError(f"The card's {key} must be a text of at most {longest} characters.")
    return text


def _dict(value: dict, key: str) -> dict:
    found = value.get(key, {})
    if not isinstance(found, dict) or len(found) > 100:
        raise CheckpointError(f"The card's {key} must be a short list of names and values.")
    return found


def _origin(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or len(json.dumps(value)) > MAX_ORIGIN_BYTES:
        raise CheckpointError(
            f"The card's origin must be names and values of at most {MAX_ORIGIN_BYTES:,} bytes."
        )
    return value


def _number(value: dict, key: str) -> float:
    number = value.get(key, 0)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise CheckpointError(f"The card's {key} must be a number.")
    if not 0 <= number < 1e15:  # NaN fails this too
        raise CheckpointError(f"The card's {key} is out of range.")
    return float(number)


def _figures(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > 100:
        raise CheckpointError("The card's figures must be names with numbers.")
    out = {}
    for key, number in value.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise CheckpointError(f"The card's figure {str(key)[:40]!r} is not a number.")
        if not abs(number) < 1e15:
            raise CheckpointError(f"The card's figure {str(key)[:40]!r} is out of range.")
        out[str(key)[:40]] = number
    return out
