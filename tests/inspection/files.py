"""Files as people and attackers make them: small networks in every form, and traps."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecore.inspection.files.contents import Contents
from aecore.models.layers import readable_layers


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 16), nn.GELU(), nn.Linear(16, 3))
        self.decoder = nn.Sequential(nn.Linear(3, 16), nn.ELU(), nn.Linear(16, 64), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x.view(-1, 64))).view(-1, 1, 8, 8)


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(64, 16), nn.Linear(16, 2), nn.Linear(16, 2)
        self.fc3, self.fc4 = nn.Linear(2, 16), nn.Linear(16, 64)

    def forward(self, x):
        h = F.relu(self.fc1(x.view(-1, 64)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.ZeroPad2d(1), nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4), nn.LeakyReLU(0.1)),
            *(nn.Conv2d(4, 8, 3, 1, 1, bias=False), nn.MaxPool2d(2), nn.SiLU(), nn.Flatten()),
            *(nn.Linear(32, 6), nn.LayerNorm(6), nn.Tanh()),
        )
        self.lift = nn.Linear(3, 32)
        self.decoder = nn.Sequential(
            *(nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.GroupNorm(2, 4), nn.PReLU(4)),
            *(nn.Upsample(scale_factor=2), nn.Conv2d(4, 1, 3, padding="same"), nn.Dropout(0.2)),
        )
        self.register_buffer("mean", torch.tensor([0.25]))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)

    def forward(self, x):
        mu, logvar = self.encoder((x - self.mean) / 0.5).chunk(2, 1)
        h = self.lift(mu).view(x.size(0), 8, 2, 2)
        return self.decoder(h) * 0.5 + self.mean, mu, logvar


NETWORKS: dict[str, type[nn.Module]] = {"dense": Dense, "vae": Vae, "conv": Conv}


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


def example() -> Tensor:
    return torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def saved(value: object, **options: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def legacy(value: object) -> bytes:
    return saved(value, _use_new_zipfile_serialization=False)


def exported(model: nn.Module, dynamic: bool = True, decomposed: bool = False) -> bytes:
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(model, (example(),), dynamic_shapes=shapes)
        file = io.BytesIO()
        torch.export.save(program.run_decompositions() if decomposed else program, file)
    return file.getvalue()


def onnx_bytes(model: nn.Module, path: Path, dynamo: bool, opset: int | None = None) -> bytes:
    options: dict = {"input_names": ["x"], "opset_version": opset}
    if dynamo:
        options |= {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False}
    else:
        options |= {"dynamic_axes": {"x": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (example(),), path, dynamo=dynamo, verbose=False, **options)
    return path.read_bytes()


def compute(contents: Contents, x: Tensor) -> list[Tensor]:
    """Follow the operations: the outputs for x, (B, ...). Random values are zeros."""
    values = {"input": x}
    for o in contents.operations or ():
        inputs = [values[name] for name in o.inputs]
        weights = {role: contents.tensors[name] for role, name in o.weights.items()}
        values[o.output] = STEPS.get(o.kind, _layer)(o, inputs, weights)
    return [values[name] for name in contents.outputs]


def _layer(o, inputs, weights):
    if o.kind == "Pad":
        return readable_layers()["Pad"].layer(o.settings["n"])(inputs[0])
    layer = readable_layers()[o.kind].layer(**o.settings).eval()
    layer.load_state_dict(weights, strict=False)
    assert {n for n, _ in layer.named_parameters()} <= set(weights)
    return layer(inputs[0])


STEPS: dict[str, Callable] = {
    "Add": lambda o, i, w: i[0] + (w["bias"] if w else i[1]),
    "Multiply": lambda o, i, w: i[0] * (w["weight"] if w else i[1]),
    "Exp": lambda o, i, w: i[0].exp(),
    "Random": lambda o, i, w: torch.zeros_like(i[0]),
    "Reshape": lambda o, i, w: i[0].reshape(-1, *o.settings["sizes"]),
    "Split": lambda o, i, w: i[0][:, o.settings["start"] : o.settings["stop"]],
}


# -- traps -----------------------------------------------------------------------------------------


class Payload:
    """Pickles to a call of a function."""

    def __init__(self, function: Callable, *arguments: object):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def payload(marker: Path) -> Payload:
    return Payload(os.system, f"touch {marker}")


def zipped(parts: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind) as archive:
        warnings.simplefilter("ignore")
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def rezipped(content: bytes, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> bytes:
    """An archive with its parts changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped(change(parts))


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def deep(levels: int) -> dict:
    value: dict = {"w": torch.zeros(2)}
    for _ in range(levels):
        value = {"state_dict": value}
    return value


def deep_pickle(levels: int) -> bytes:
    return pickle.PROTO + b"\x02" + b"]" * levels + b"a" * (levels - 1) + b"."
