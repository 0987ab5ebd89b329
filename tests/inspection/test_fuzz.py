"""Hundreds of damaged files: each is refused or read, in time and within memory; nothing breaks."""

from __future__ import annotations

import io
import random
import re
import struct
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import save as save_safetensors

from aecore.errors import AecoreError
from aecore.inspection.files import reading
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.reading import read
from aecore.models import build
from aecore.runs import checkpoints
from aecore.types import TrainConfig
from tests.inspection.files import exported, legacy, network, onnx_bytes, saved, zipped

FILES = 540
_ODD = [0, 1, 2, 127, 128, 255, 65535, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, 10**12]
_TEXTS = [b"-1", b"0", b"1e400", b"NaN", b"null", b"[]", b"{}", b'""', b"true", b"1" * 400]


@pytest.fixture(scope="module")
def originals(tmp_path_factory, tiny_ae) -> dict[str, bytes]:
    """One file of every form, by its name."""
    reading.warm()
    folder = tmp_path_factory.mktemp("fuzz")
    state = network("conv").state_dict()
    lightning = {
        "pytorch-lightning_version": "2.4",
        "epoch": 3,
        "state_dict": {f"model.{k}": v for k, v in state.items()},
        "hyper_parameters": {"lr": 0.1, "hidden": [3, 4]},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
    }
    card = checkpoints.Card("mine", tiny_ae, TrainConfig(epochs=1), "digits", "abc")
    return {
        "bare.safetensors": save_safetensors(state),
        "mine.safetensors": checkpoints.to_bytes(build(tiny_ae, seed=0), card),
        "state.pt": saved(state),
        "old.pth": legacy(state),
        "last.ckpt": saved(lightning),
        "conv.pt2": exported(network("conv")),
        "vae.pt2": exported(network("vae")),
        "conv.onnx": onnx_bytes(network("conv"), folder / "c.onnx", dynamo=False),
        "vae.onnx": onnx_bytes(network("vae"), folder / "v.onnx", dynamo=True),
    }


# -- ways to damage a file -------------------------------------------------------------------------


def flip_bits(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    new = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        place = rng.randrange(len(new))
        if rng.random() < 0.5:  # the beginning is where structure is
            place = rng.randrange(min(len(new), 2000))
        new[place] ^= 1 << rng.randrange(8)
    return bytes(new)


def cut(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(1, len(data)) for _ in range(2))
    return rng.choice([data[:a], data[a:], data[:a] + data[b:]])


def splice(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    other = rng.choice(others)
    start, place = rng.randrange(len(other)), rng.randrange(len(data))
    piece = other[start : start + rng.choice([4, 40, 400, 4000])]
    return data[:place] + piece + data[place + rng.choice([0, len(piece)]) :]


def swap_formats(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    other = rng.choice(others)
    place = rng.choice([4, 8, 64, len(other) // 2])
    return other[:place] + data[rng.choice([0, place]) :]


def texts(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Change numbers that are written as text, as in headers and graphs."""
    found = list(re.finditer(rb"\d+|\"[a-z_]{3,20}\"", data[:200_000]))
    for match in sorted(rng.sample(found, min(len(found), 3)), key=lambda m: -m.start()):
        new = rng.choice([*_TEXTS, *(str(n).encode() for n in _ODD)])
        data = data[: match.start()] + new + data[match.end() :]
    return data


def numbers(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Put odd numbers where binary ones may stand."""
    new = bytearray(data)
    for _ in range(rng.choice([1, 3])):
        kind = rng.choice(["<B", "<H", "<I", "<Q", ">I"])
        size = struct.calcsize(kind)
        place = rng.randrange(max(1, min(len(new) - size, 3000)))
        if rng.random() < 0.4:  # the end is where archives have their table
            place = max(0, len(new) - size - rng.randrange(600))
        new[place : place + size] = struct.pack(kind, rng.choice(_ODD) % (1 << (8 * size)))
    return bytes(new)


def zip_fields(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Change a field of an archive's headers."""
    places = [m.start() for m in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06|\x06\x06)", data)]
    if not places:
        return numbers(data, others, rng)
    new, place = bytearray(data), rng.choice(places)
    kind = rng.choice(["<H", "<I"])
    start = place + rng.choice([4, 6, 8, 10, 14, 18, 20, 22, 24, 26, 28, 30, 42])
    new[start : start + struct.calcsize(kind)] = struct.pack(
        kind, rng.choice(_ODD) % (1 << (8 * struct.calcsize(kind)))
    )
    return bytes(new[: len(data)])


WAYS = [flip_bits, cut, splice, swap_formats, texts, numbers, zip_fields]


def inside(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Damage a part of an archive and pack it well again, so that check sums are right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    structured = [n for n in parts if n.endswith((".pkl", ".json")) and len(parts[n]) > 40]
    name = rng.choice(structured)
    way = rng.choice(WAYS)
    return zipped({**parts, name: way(parts[name], others, rng)})


def damaged(originals: dict[str, bytes]) -> list[tuple[str, bytes]]:
    rng = random.Random(0)
    others, made = list(originals.values()), []
    while len(made) < FILES:
        name = list(originals)[len(made) % len(originals)]
        data = originals[name]
        way = rng.choice([*WAYS, inside, inside, inside] if data[:2] == b"PK" else WAYS)
        label = name if rng.random() < 0.9 else rng.choice(list(originals))
        made.append((label, way(data, others, rng)))
    return made


# -- the test --------------------------------------------------------------------------------------


def test_the_originals_are_read(originals):
    for name, data in originals.items():
        assert read(data, name).tensors


def outcome(file: tuple[str, bytes]) -> tuple[float, Contents | str]:
    begun = time.monotonic()
    try:
        found: Contents | str = read(file[1], file[0])
    except AecoreError as error:
        found = str(error)
    return time.monotonic() - begun, found


def test_damaged_files_break_nothing(originals, record_property):
    files = damaged(originals)
    box = reading.sandbox()
    box.costs.clear()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(outcome, files))
    assert len(files) >= 500
    assert len(box.costs) == sum(bool(data) for _, data in files)
    longest, largest = max(c.seconds for c in box.costs), max(c.megabytes for c in box.costs)
    refused = [found for _, found in outcomes if isinstance(found, str)]
    record_property("files", len(files))
    record_property("refused", len(refused))
    record_property("longest_seconds", longest)
    record_property("largest_megabytes", largest)
    print(
        f"\n{len(files)} files, {len(refused)} refused, longest {longest:.2f} s "
        f"({max(s for s, _ in outcomes):.2f} with the wait), largest {largest:.0f} MB"
    )
    assert longest < 10
    assert max(seconds for seconds, _ in outcomes) < 12
    assert largest < 1000
    assert 0.3 * len(files) < len(refused) < len(files)
    for text in refused:
        assert text.endswith(".")
        assert "\n" not in text
        assert not re.search(r"Traceback|Error\b|Exception|0x[0-9a-f]{6}|site-packages", text), text
    # A reader that falls is caught too, but should be rare: most damage has a sentence of its own.
    assert sum("broke its reader" in text for text in refused) < 0.02 * len(files)
