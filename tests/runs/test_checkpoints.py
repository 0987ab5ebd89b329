"""Checkpoints: exact, never half written, and safe to open whoever made them."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import math
import os
import pickle
import random
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as save_tensors

from aecore import datasets
from aecore.errors import CheckpointError
from aecore.evaluation.factors import best_assignment, factor_r2
from aecore.evaluation.latent import encode_split
from aecore.evaluation.metrics import evaluate
from aecore.models import all_families, build
from aecore.models.families.pca import basis_of
from aecore.runs import checkpoints
from aecore.runs.checkpoints import CARD_KEY, Card
from aecore.runs.recording import Recording
from aecore.training.events import EpochDone
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import ModelSpec, TrainConfig

SHIPPED = checkpoints.shipped()


@pytest.fixture(scope="module")
def content(digits) -> bytes:
    """A small VAE after an epoch, with Adam's memory and batch normalisation's counters."""
    spec = ModelSpec("dense-vae", digits.spec, 2, {"hidden": (8,), "normalisation": "batch"})
    config = TrainConfig(epochs=2, batch_size=256, device="cpu")
    state, recording = TrainState.fresh(spec, 0), Recording()
    for event in train(spec, config, digits, state=state):
        recording.add(event)
        if isinstance(event, EpochDone):
            card = recording.card("Small", spec, config, digits)
            return checkpoints.to_bytes(state.model, card, state.optimizer)
    raise AssertionError


def refused(content: bytes) -> str:
    """The one sentence with which a file is refused; any other exception fails the test."""
    with pytest.raises(CheckpointError) as caught:
        checkpoints.from_bytes(content)
    message = str(caught.value)
    assert 20 < len(message) < 400
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def opened(content: bytes) -> tuple[dict, bytes]:
    """A file's header as JSON and its bytes of weights."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def closed(header: dict | str, weights: bytes) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + weights


def with_card(content: bytes, **changes) -> bytes:
    """The same file with entries of its card replaced; `dotted__names` reach inside."""
    header, weights = opened(content)
    card = json.loads(header["__metadata__"][CARD_KEY])
    for name, value in changes.items():
        *path, last = name.split("__")
        target = card
        for key in path:
            target = target[key]
        target[last] = value
    header["__metadata__"][CARD_KEY] = json.dumps(card)
    return closed(header, weights)


def with_tensors(content: bytes, change) -> bytes:
    """The same file with its tensors changed by change(dict)."""
    from safetensors.torch import load

    tensors = load(content)
    change(tensors)
    return save_tensors(tensors, opened(content)[0]["__metadata__"])


# What is ours


def test_round_trip_with_adams_memory(content, digits):
    found = checkpoints.from_bytes(content)
    again = checkpoints.to_bytes(found.model, found.card, found.optimizer)
    assert again == content
    assert checkpoints.from_bytes(again).card == found.card
    assert found.card.fingerprint == digits.fingerprint
    assert found.card.history[0]["epoch"] == 1
    assert found.state().epochs_done == 1
    assert set(found.optimizer["state"]) == set(range(len(list(found.model.parameters()))))


def test_another_card_and_no_memory_without_reading_a_weight(content):
    """Cut from the bytes: to the last bit what writing the model again would give."""
    found = checkpoints.from_bytes(content)
    card = dataclasses.replace(found.card, name='Größer 𝛽 "2"', history=[])
    assert checkpoints.with_card(content, found.card) == content
    other = checkpoints.to_bytes(found.model, card, found.optimizer)
    assert checkpoints.with_card(content, card) == other
    slim = checkpoints.with_card(content, card, memory=False)
    assert slim == checkpoints.to_bytes(found.model, card)
    assert checkpoints.with_card(slim, found.card, memory=False) == checkpoints.to_bytes(
        found.model, found.card
    )


def test_save_and_load(content, tmp_path):
    found = checkpoints.from_bytes(content)
    path = checkpoints.save(tmp_path / "new folder" / "a.safetensors", found.model, found.card)
    assert checkpoints.load(path).card == found.card
    assert [p.name for p in path.parent.iterdir()] == ["a.safetensors"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_header_alone_tells_the_card(content):
    found = checkpoints.from_bytes(content)
    length = int.from_bytes(content[:8], "little")
    assert checkpoints.read_header(content[: 8 + length])[0] == found.card


def test_figures_that_are_no_numbers_are_left_out(content):
    found = checkpoints.from_bytes(content)
    card = dataclasses.replace(found.card, metrics={"test_mse": math.nan, "train_mse": 0.5})
    back = checkpoints.from_bytes(checkpoints.to_bytes(found.model, card)).card
    assert back.metrics == {"train_mse": 0.5}


# What is not


def test_truncated_anywhere(content):
    rng = random.Random(0)
    length = int.from_bytes(content[:8], "little")
    cuts = {0, 1, 7, 8, 9, 10, 100, length, 8 + length, 9 + length, len(content) - 1}
    for cut in cuts | {rng.randrange(len(content)) for _ in range(150)}:
        refused(content[:cut])


def test_appended(content):
    refused(content + b"\0")
    refused(content + content)


def test_random_bytes():
    rng = random.Random(1)
    for _ in range(200):
        n = rng.choice((1, 8, 9, 12, 64, 1000, 40_000))
        refused(rng.randbytes(n))
        # With a plausible start, so that more than the first check is reached.
        refused(n.to_bytes(8, "little") + b"{" + rng.randbytes(n + 20))


def test_flipped_bits(content):
    """Anywhere in the header: refused in a sentence, or still a whole checkpoint."""
    rng = random.Random(2)
    length = int.from_bytes(content[:8], "little")
    outcomes = {True: 0, False: 0}
    for _ in range(1200):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            damaged[rng.randrange(8 + length)] ^= 1 << rng.randrange(8)
        try:
            found = checkpoints.from_bytes(bytes(damaged))
        except CheckpointError:
            outcomes[False] += 1
        else:
            json.dumps(found.card.to_json())
            outcomes[True] += 1
    assert outcomes[False] > 300


class Bomb:
    """Unpickling this would raise; so would looking at it wrongly."""

    def __reduce__(self):
        return (pytest.fail, ("a file was unpickled",))


def foreign_files() -> dict[str, bytes]:
    torch_file, zip_file = io.BytesIO(), io.BytesIO()
    torch.save({"weights": torch.zeros(3)}, torch_file)
    with zipfile.ZipFile(zip_file, "w") as archive:
        archive.writestr("model.pkl", pickle.dumps(Bomb()))
    return {
        "torch": torch_file.getvalue(),
        "zip": zip_file.getvalue(),
        "pickle": pickle.dumps(Bomb()),
        "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "text": b"Dear app, please train this for me.",
        "json": b'{"a": 1}' * 10,
        "empty": b"",
        "zeros": bytes(10_000),
        "safetensors of another program": save_tensors({"w": torch.zeros(3)}),
        "with another's metadata": save_tensors({"w": torch.zeros(3)}, {"format": "pt"}),
        "with an empty card": save_tensors({"w": torch.zeros(3)}, {CARD_KEY: "{}"}),
        "with a card that is no JSON": save_tensors({"w": torch.zeros(3)}, {CARD_KEY: "{"}),
        "with a list for a card": save_tensors({"w": torch.zeros(3)}, {CARD_KEY: "[1]"}),
        "header is a list": closed("[1, 2]", b""),
        "metadata is a list": closed({"__metadata__": [1]}, b""),
        "card is a number": closed({"__metadata__": {CARD_KEY: 5}}, b""),
        "huge header length": (1 << 62).to_bytes(8, "little") + b"{" + bytes(100),
        "largest header length": b"\xff" * 8 + b"{" + bytes(100),
        "header longer than is read": closed('{"a": "' + "x" * (9 << 20) + '"}', b""),
        "header nested deeply": closed('{"a":' * 50_000 + "1" + "}" * 50_000, b""),
        "header with a huge number": closed('{"a": ' + "9" * 100_000 + "}", b""),
        "header not UTF-8": (20).to_bytes(8, "little") + b'{"\xff\xfe":1}' + b" " * 50,
    }


@pytest.mark.parametrize("kind", foreign_files())
def test_foreign_files(kind):
    refused(foreign_files()[kind])


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


BAD_CARDS = [
    {"format": 2},
    {"format": None},
    {"name": 5},
    {"name": "x" * 10_000},
    {"dataset": ["mnist"]},
    {"fingerprint": None},
    {"made": {}},
    {"note": 1},
    {"note": "x" * 100_000},
    {"versions": "1.0"},
    {"versions": {str(i): "" for i in range(1000)}},
    {"epochs_done": "3"},
    {"epochs_done": -1},
    {"epochs_done": math.nan},
    {"epochs_done": math.inf},
    {"images_seen": 10**400},
    {"images_seen": True},
    {"seconds": None},
    {"seconds": [1]},
    {"seconds_to_beat_pca": "soon"},
    {"metrics": [1, 2]},
    {"metrics": {"test_mse": "low"}},
    {"metrics": {"test_mse": math.nan}},
    {"metrics": {"test_mse": math.inf}},
    {"metrics": {"test_mse": 10**400}},
    {"metrics": {"test_mse": {"deep": 1}}},
    {"metrics": {str(i): 0 for i in range(1000)}},
    {"history": "long"},
    {"history": {"epoch": 1}},
    {"history": [1]},
    {"history": [{"epoch": "one"}]},
    {"history": [{"epoch": 1}] * 10_001},
    {"history": nested(900)},
    {"spec": None},
    {"spec": []},
    {"spec": nested(400)},
    {"spec": {"family": "dense-vae"}},
    {"spec__family": "resnet"},
    {"spec__family": "x" * 5000},
    {"spec__family": {"a": 1}},
    {"spec__unknown": 1},
    {"spec__latent_dim": 0},
    {"spec__latent_dim": 10**9},
    {"spec__latent_dim": 2.0},
    {"spec__latent_dim": "2"},
    {"spec__data": [1, 8, 8]},
    {"spec__data__kind": "video"},
    {"spec__data__shape": []},
    {"spec__data__shape": [0, 8]},
    {"spec__data__shape": [-1, -64]},
    {"spec__data__shape": [8.0, 8]},
    {"spec__data__shape": ["8", 8]},
    {"spec__data__shape": [1] * 5000 + [64]},
    {"spec__data__shape": [1, 10**6, 10**6]},
    {"spec__data__shape": [10**400]},
    {"spec__options": [1]},
    {"spec__options__hidden": [10**9]},
    {"spec__options__hidden": [4096] * 12},
    {"spec__options__hidden": [[8]]},
    {"spec__options__hidden": {"8": 8}},
    {"spec__options__hidden": nested(400)},
    {"spec__options__hidden": [16]},
    {"spec__options__activation": 7},
    {"spec__options__" + "x" * 3000: 1},
    {"config": None},
    {"config__epochs": 10**400},
    {"config__learning_rate": math.nan},
    {"config__learning_rate": 10**400},
    {"config__beta": "1"},
    {"config__device": nested(400)},
    {"config__nonsense": 1},
]


@pytest.mark.parametrize("changes", BAD_CARDS, ids=lambda c: str(c)[:60])
def test_cards_that_cannot_be(changes, content):
    refused(with_card(content, **changes))


def test_tensors_that_do_not_fit(content):
    name = "encoder.1.weight"
    bad = {
        "missing": lambda t: t.pop(name),
        "extra": lambda t: t.update(extra=torch.zeros(3)),
        "another shape": lambda t: t.update({name: torch.zeros(9, 64)}),
        "transposed": lambda t: t.update({name: torch.zeros(64, 8)}),
        "half": lambda t: t.update({name: t[name].half()}),
        "double": lambda t: t.update({name: t[name].double()}),
        "whole numbers": lambda t: t.update({name: t[name].long()}),
        "bytes": lambda t: t.update({name: t[name].to(torch.uint8)}),
        "not a number": lambda t: t[name].view(-1)[-1:].fill_(math.nan),
        "infinite": lambda t: t[name].view(-1)[:1].fill_(math.inf),
        "a counter as a float": lambda t: t.update(
            {k: v.float() for k, v in t.items() if k.endswith("num_batches_tracked")}
        ),
        "memory of another shape": lambda t: t.update({"adam.0.exp_avg": torch.zeros(3)}),
        "memory of nothing": lambda t: t.update({"adam.99.exp_avg": torch.zeros(3)}),
        "memory without a step": lambda t: t.pop("adam.0.step"),
        "memory with more": lambda t: t.update({"adam.0.evil": torch.zeros(3)}),
        "memory with a strange index": lambda t: t.update(
            {f"adam.{'9' * 5000}.step": torch.zeros(())}
        ),
        "memory not a number": lambda t: t["adam.0.exp_avg"].fill_(math.nan),
    }
    for what, change in bad.items():
        assert refused(with_tensors(content, change)), what


def test_headers_that_lie(content):
    header, weights = opened(content)
    name = "encoder.1.weight"

    def lie(**entry) -> bytes:
        return closed(header | {name: header[name] | entry}, weights)

    for entry in (
        {"shape": [8, 10**12]},
        {"shape": [8, -64]},
        {"shape": "8, 64"},
        {"shape": None},
        {"dtype": "F999"},
        {"dtype": None},
        {"data_offsets": [0, 10**15]},
        {"data_offsets": [10, 0]},
        {"data_offsets": [0]},
        {"data_offsets": "all"},
        {"data_offsets": header["encoder.1.bias"]["data_offsets"]},
    ):
        refused(lie(**entry))
    refused(closed(header | {name: 5}, weights))
    refused(closed(header | {name: None}, weights))
    # One name twice: readers differ on which one counts.
    text = json.dumps(header)
    other = json.dumps({name: header[name] | {"shape": [64, 8]}})[1:-1]
    refused(closed(text[:-1] + ", " + other + "}", weights))
    refused(closed("{" + other + ", " + text[1:], weights + bytes(4)))


def test_too_large_a_file(content, tmp_path, monkeypatch):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(checkpoints.MAX_FILE_BYTES + 1)  # sparse: takes no disk, is never read
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match="at most"):
        checkpoints.load(path)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing.safetensors", tmp_path, tmp_path / "a" / "b"):
        with pytest.raises(CheckpointError, match="could not be read"):
            checkpoints.load(path)


# Disks that refuse


@pytest.fixture
def found(content) -> checkpoints.Checkpoint:
    return checkpoints.from_bytes(content)


def test_unwritable_folder(found, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match="could not be saved"):
        checkpoints.save(tmp_path / "file" / "a.safetensors", found.model, found.card)


@pytest.mark.parametrize("call", ["write", "replace"])
def test_full_disk_leaves_the_old_file_and_no_half_one(call, found, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"the old one")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.BytesIO):
        write = full

    if call == "write":
        monkeypatch.setattr(os, "fdopen", lambda handle, _: (os.close(handle), Full())[1])
    else:
        monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        checkpoints.save(path, found.model, found.card)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


# What ships


def test_shapes_are_told_by_two_latent_numbers():
    """R² of the position across and down, each by a latent number of its own."""
    found, data = checkpoints.load(SHIPPED["shapes-vae"]), datasets.load("shapes")
    r2 = factor_r2(encode_split(found.model, data.test).mu, data.factors.test)
    told = {data.factors.names[f]: value for _, f, value in best_assignment(r2)}
    assert min(told["x"], told["y"]) >= 0.95


def test_a_model_of_each_family_ships_and_all_are_small():
    families_shipped = {checkpoints.read_card(path).spec.family for path in SHIPPED.values()}
    # PCA is fitted in a second; described networks come from files that people bring.
    made_here = {name for name, cls in all_families().items() if not cls.from_outside} - {"pca"}
    assert families_shipped == made_here
    assert sum(path.stat().st_size for path in SHIPPED.values()) <= 25e6


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request) -> tuple[str, checkpoints.Checkpoint, dict]:
    found = checkpoints.load(SHIPPED[request.param])
    data = datasets.load(found.card.dataset)
    return request.param, found, evaluate(found.model, data.test, found.card.config.seed)


# nelbo, mse: bands around the reference figures; None where there is no such figure.
BANDS = {
    "vae-plane": ((148, 160), (0.040, 0.046)),
    "vae-textbook": ((102, 109), (0.0085, 0.0110)),
    "deep-ae-3": (None, (0.032, 0.041)),
    "deep-ae-32": (None, (0.010, 0.0165)),
    "first-ae": (None, (0.009, 0.0165)),
    "linear-ae": (None, (0.0167, 0.0168 * 1.01)),
    "conv-ae": (None, (0.008, 0.0100)),
    "conv-vae": ((98, 112), (0.009, 0.0140)),
    "denoising-ae": (None, (0.006, 0.010)),
    "conv-denoising": (None, (0.004, 0.010)),
    "k-sparse": (None, (0.007, 0.0090)),
    "contractive": (None, (0.008, 0.0168)),
    "conditional-vae": ((125, 130), (0.028, 0.036)),
    "stacked": (None, (0.010, 0.020)),
    "shapes-vae": ((50, 90), (0.005, 0.015)),
}
# Those for which PCA at the same k is no measure: an overcomplete code, damaged input, sigmoids.
BEYOND_PCA = {"k-sparse", "denoising-ae", "conv-denoising", "linear-ae", "stacked"}


def test_shipped_figures_are_true(shipped):
    """The card's figures, computed anew on the held-out images."""
    _, found, figures = shipped
    assert found.card.fingerprint == datasets.load(found.card.dataset).fingerprint
    for name, value in figures.items():
        assert found.card.metrics[f"test_{name}"] == pytest.approx(value, rel=1e-3), name


def test_shipped_figures_are_good(shipped):
    name, found, figures = shipped
    nelbo, mse = BANDS[name]
    assert mse[0] < figures["mse"] < mse[1]
    basis = basis_of(datasets.load(found.card.dataset))
    if name not in BEYOND_PCA:
        assert figures["mse"] < basis.mse(found.card.spec.latent_dim)
    if "denoised_mse" in figures:
        assert figures["denoised_mse"] < 0.0150  # PCA with 64 numbers: .0305
    if nelbo is not None:
        assert nelbo[0] < figures["nelbo"] < nelbo[1]


def test_shipped_cards_tell_everything(shipped):
    _, found, _ = shipped
    card = found.card
    assert card.epochs_done == card.config.epochs == len(card.history)
    assert card.images_seen == len(datasets.load(card.dataset).train) * card.epochs_done
    assert card.versions["torch"]
    assert Card.from_json(json.loads(json.dumps(card.to_json()))) == card
    assert build(card.spec).parameter_count() == found.model.parameter_count()
