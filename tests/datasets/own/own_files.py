"""Files as a person might upload them, for several tests."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import torch
from PIL import Image

from aecore.datasets import Dataset

RNG = np.random.default_rng(0)
TABLE = RNG.normal((5.0, -200.0, 0.001), (2.0, 30.0, 0.0001), (60, 3))


def png(array: np.ndarray, form: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, form, **options)
    return out.getvalue()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def npz(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def csv(rows, header="a,b,c", separator=",") -> bytes:
    lines = [header.replace(",", separator)] if header else []
    return "\n".join(lines + [separator.join(map(str, row)) for row in rows]).encode()


def everything(data: Dataset) -> torch.Tensor:
    return torch.cat([data.train.batch(), data.test.batch()])
