"""Files of other programs get the sentence that brings their weights over, and it works."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPRegressor

from aecore.errors import CheckpointError
from aecore.inspection.files.reading import read
from tests.inspection.files import network, saved


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(name, b"{}")
    return file.getvalue()


FOREIGN = {
    "model.h5": (b"\x89HDF\r\n\x1a\n" + bytes(600) + b"keras_version", "m.export('model.onnx'"),
    "data.h5": (b"\x89HDF\r\n\x1a\n" + bytes(600), "h5py"),
    "model.keras": (archive("metadata.json", "config.json", "model.weights.h5"), "m.export("),
    "saved_model.pb": (b"\x08\x01\x12\x80\x04" + bytes(90), "--saved-model"),
    "frozen.pb": (b"\n\x12\n\x05input" + bytes(90), "--graphdef"),
    "model.ckpt.data-00000-of-00001": (bytes(200), "TensorFlow checkpoint"),
    "model.tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(90), "--tflite"),
    "params.msgpack": (b"\x81\xa6params\x82" + bytes(90), "safetensors.flax"),
    "language.gguf": (b"GGUF\x03" + bytes(90), "language model"),
    "weights.npz": (archive("a.npy", "b.npy"), "numpy.load(FILE).items()"),
    "weight.npy": (b"\x93NUMPY\x01\x00" + bytes(90), "numpy.load(FILE)"),
    "model.joblib": (b"\x78\x9c" + bytes(90), "joblib.load(FILE)"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_it_is_named_with_the_way_over(name):
    content, way = FOREIGN[name]
    with pytest.raises(CheckpointError) as caught:
        read(content, name)
    assert way in str(caught.value)
    assert len(str(caught.value)) < 400


def rescued(lines: str, **given) -> dict[str, torch.Tensor]:
    """What the lines of a message write, read again."""
    file = io.BytesIO()
    # Our own words, with the places that they leave open filled in.
    exec(lines.replace("'weights.pt'", "file"), given | {"torch": torch, "file": file})
    return read(file.getvalue(), "weights.pt").tensors


def lines_of(content: bytes, name: str) -> str:
    """The call of torch.save in a message."""
    with pytest.raises(CheckpointError) as caught:
        read(content, name)
    text = str(caught.value)
    begin = text.index("torch.save(")
    return text[begin : text.index("'weights.pt')") + len("'weights.pt')")]


def test_the_way_over_from_scikit_learn():
    x = np.random.default_rng(0).random((40, 6))
    m = MLPRegressor(hidden_layer_sizes=(4, 2, 4), max_iter=3).fit(x, x)
    tensors = rescued(lines_of(pickle.dumps(m), "model.pkl"), m=m)
    assert [tuple(t.shape) for t in tensors.values()][::2] == [(4, 6), (2, 4), (4, 2), (6, 4)]


def test_the_way_over_from_numpy():
    arrays = {"fc.weight": np.ones((3, 4), np.float32)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    tensors = rescued(lines_of(file.getvalue(), "w.npz"), numpy=np, FILE=file)
    assert tensors["fc.weight"].shape == (3, 4)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_way_over_from_torchscript():
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(network("dense"), torch.rand(2, 64)), file)
    content = file.getvalue()
    tensors = rescued(lines_of(content, "w.pt"), FILE=io.BytesIO(content))
    assert tensors.keys() == network("dense").state_dict().keys()
    assert saved(tensors)
