"""Files and cards, damaged in ways that a hostile or unlucky hand would damage them."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save as save_safetensors

from aecore.models import build
from aecore.models.layers import readable_layers
from aecore.runs import checkpoints
from aecore.types import DataSpec, ModelSpec, TrainConfig
from tests.inspection.files import exported, legacy, network, onnx_bytes, saved, zipped

DIGITS = DataSpec((1, 8, 8), classes=10)
_ODD = [0, 1, 2, 127, 128, 255, 65535, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, 10**12]
_TEXTS = [b"-1", b"0", b"1e400", b"NaN", b"null", b"[]", b"{}", b'""', b"true", b"1" * 400]


def originals(folder: Path) -> dict[str, bytes]:
    """One file of every form, by its name."""
    state = network("conv").state_dict()
    lightning = {
        "pytorch-lightning_version": "2.4",
        "epoch": 3,
        "state_dict": {f"model.{k}": v for k, v in state.items()},
        "hyper_parameters": {"lr": 0.1, "hidden": [3, 4]},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
    }
    return {
        "bare.safetensors": save_safetensors(state),
        "mine.safetensors": own(ModelSpec("dense-ae", DIGITS, 3, {"hidden": (16,)})),
        "state.pt": saved(state),
        "old.pth": legacy(state),
        "last.ckpt": saved(lightning),
        "conv.pt2": exported(network("conv")),
        "vae.pt2": exported(network("vae")),
        "conv.onnx": onnx_bytes(network("conv"), folder / "c.onnx", dynamo=False),
        "vae.onnx": onnx_bytes(network("vae"), folder / "v.onnx", dynamo=True),
    }


def own(spec: ModelSpec) -> bytes:
    """A checkpoint of this app."""
    card = checkpoints.Card("mine", spec, TrainConfig(epochs=1), "digits", "abc")
    return checkpoints.to_bytes(build(spec, seed=0), card)


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


# -- cards -----------------------------------------------------------------------------------------

_NUMBERS = [0, 1, 2, 3, 8, 30, 300, 3000, 60000, 1 << 20, -1, 0.5, 1e300, float("nan"), None, "x"]
_SIZED = ("Upsample", "Resize", "Pad", "AdaptiveAvgPool2d", "MaxPool2d", "AvgPool2d", "Conv2d")


def card(rng: random.Random) -> bytes:
    """A checkpoint of ours whose card asks for a network of random layers of random sizes."""

    def number() -> str:
        kind = rng.choice(("small", "small", "large", "pair"))
        if kind == "pair":
            return f"({rng.choice(_ODD[:7])}, {rng.choice(_ODD[:7])})"
        return str(rng.randrange(1, 40) if kind == "small" else rng.choice(_ODD))

    def line() -> str:
        name = rng.choice(_SIZED if rng.random() < 0.7 else list(readable_layers()))
        if name == "Upsample":
            return rng.choice((f"Upsample(size={number()})", f"Upsample(scale_factor={number()})"))
        if name == "Conv2d":
            return f"Conv2d(1, 1, {number()}, padding={number()}, stride={number()})"
        return f"{name}({', '.join(number() for _ in range(rng.randrange(3)))})"

    encoder = [*(line() for _ in range(rng.randrange(1, 6))), "AdaptiveAvgPool2d(1)", "Flatten()"]
    options = {"encoder": encoder, "decoder": ["Linear(1, 64)", "Unflatten(1, 8, 8)"]}
    content = own(ModelSpec("described-ae", DIGITS, 1))
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    found = json.loads(header["__metadata__"][checkpoints.CARD_KEY])
    found["spec"]["options"] = options
    weights = {"decoder.0.weight": torch.rand(64, 1), "decoder.0.bias": torch.rand(64)}
    for i, text in enumerate(encoder):
        kernel = re.match(r"Conv2d\(1, 1, (\d{1,4}),", text)
        if kernel is not None:
            side = int(kernel[1])
            weights[f"encoder.{i}.weight"] = torch.rand(1, 1, side, side)
            weights[f"encoder.{i}.bias"] = torch.rand(1)
    for _ in range(rng.choice((0, 0, 1, 2))):
        _change(found, rng)
    text = json.dumps(found)
    return save_safetensors(weights, {checkpoints.CARD_KEY: text})


def _change(value: object, rng: random.Random) -> None:
    """Put something odd in a random place of nested dictionaries and lists."""
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        inner = value[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            value[key] = rng.choice([*_NUMBERS, [], {}, "\u202e![x](//y)", "z" * 3000])  # type: ignore[index]
            return
        value = inner


def files(made: dict[str, bytes], rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Damaged files without end, (name, content): every form in turn, then a card."""
    others, names = list(made.values()), list(made)
    while True:
        for name in (*names, ""):
            if not name:
                yield "card.safetensors", card(rng)
                continue
            data = made[name]
            way = rng.choice([*WAYS, inside, inside, inside] if data[:2] == b"PK" else WAYS)
            yield (name if rng.random() < 0.9 else rng.choice(names)), way(data, others, rng)
