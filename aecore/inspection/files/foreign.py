"""Files of other programs, known by their bytes, and how their weights come over."""

from __future__ import annotations

from typing import BinaryIO

from aecore.errors import CheckpointError
from aecore.wording import short

_LOOKED_AT = 1 << 20  # bytes in which a Keras file names itself

_KERAS = (
    "a Keras model, which is not read; where Keras 3 runs, m = keras.saving.load_model(FILE), then "
    "m.predict(x) with a batch of examples, then m.export('model.onnx', format='onnx') writes a "
    "file that is"
)
_SAVED_MODEL = (
    "a TensorFlow SavedModel, which is not read; `python -m tf2onnx.convert --saved-model FOLDER "
    "--output model.onnx` writes a file that is"
)
_FLAX = (
    "weights of JAX (Flax's msgpack), which are not read; there, safetensors.flax.save_file("
    "{'.'.join(k): v for k, v in flatten_dict(params).items()}, 'weights.safetensors') writes a "
    "file that is"
)
_TFLITE = (
    "a TFLite model, which is not read; `python -m tf2onnx.convert --tflite FILE --output "
    "model.onnx` writes a file that is"
)
NUMPY = (
    "holds NumPy arrays, and no model is read from them; torch.save({k: torch.from_numpy(v) for "
    "k, v in numpy.load(FILE).items()}, 'weights.pt') writes a file that is read"
)

#: Beginnings of files that are mistaken for weights, and what to do instead.
_BEGINNINGS = (
    (b"GGUF", "a GGUF file of a language model; choose an autoencoder's weights"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first and choose the file inside"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first and choose the file inside"),
    (b"Rar!", "a RAR archive; unpack it first and choose the file inside"),
    (b"BZh", "compressed with bzip2; unpack it first and choose the file inside"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first and choose the file inside"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first and choose the file inside"),
    (
        b"\x93NUMPY",
        "a NumPy array without names; torch.save({'weight': torch.from_numpy(numpy.load(FILE))}, "
        "'weights.pt') gives it one",
    ),
    (b"\x89PNG", "a picture; choose the file of a model"),
    (b"\xff\xd8\xff", "a picture; choose the file of a model"),
    (b"%PDF", "a PDF document; choose the file of a model"),
    (b"MZ", "a program, which is never run; choose the file of a model"),
    (b"\x7fELF", "a program, which is never run; choose the file of a model"),
    (
        b"version https://git-lfs",
        "only a pointer of Git LFS; fetch the file itself with git lfs pull",
    ),
    (b"<!DOCTYPE", "a web page; download the file itself instead of the page about it"),
    (b"<html", "a web page; download the file itself instead of the page about it"),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def check_foreign(file: BinaryIO, begin: bytes, name: str, shown: str) -> None:
    """Raise CheckpointError, with how to convert it, for a file of a program that is not PyTorch.

    file: open at its start, and left there. begin: its first bytes. shown: its name for messages.
    """
    what = next((w for b, w in _BEGINNINGS if begin.lower().startswith(b.lower())), "")
    lower = name.lower()
    if begin.startswith(b"\x89HDF"):
        what = _hdf5(file)
    elif begin[4:8] == b"TFL3":
        what = _TFLITE
    elif lower.endswith("saved_model.pb") or begin[:3] == b"\x08\x01\x12":
        what = _SAVED_MODEL
    elif ".data-00000-of-" in lower or (lower.endswith(".index") and not begin.startswith(b"PK")):
        what = (
            "part of a TensorFlow checkpoint, which is not read; load it into its model there, and "
            "export that to ONNX with tf2onnx"
        )
    elif lower.endswith(".pb"):
        what = (
            "a TensorFlow graph, which is not read; `python -m tf2onnx.convert --graphdef FILE "
            "--inputs x:0 --outputs y:0 --output model.onnx` writes a file that is"
        )
    elif 0x81 <= begin[0] <= 0x8F and 0xA1 <= begin[1] <= 0xBF:
        what = _FLAX
    elif lower.endswith(".joblib") and begin[:2] in _ZLIB:
        what = (
            "compressed by joblib; where it was made, joblib.dump(joblib.load(FILE), 'plain.pkl') "
            "unpacks it, and the message about that file says how its weights come over"
        )
    if what:
        raise CheckpointError(f"The file {shown} is {what}.")


def _hdf5(file: BinaryIO) -> str:
    content = file.read(_LOOKED_AT)
    file.seek(0)
    if any(mark in content for mark in (b"keras_version", b"model_config", b"layer_names")):
        return _KERAS
    return (
        "an HDF5 file, which is not read; with h5py, torch.save({name: torch.tensor(f[name][()]) "
        "for name in NAMES}, 'weights.pt') brings its arrays over"
    )


def check_archive(names: list[str], shown: str) -> None:
    """The same for the members of a zip."""
    if any(n.endswith(".weights.h5") for n in names) or names == ["model.weights.h5"]:
        raise CheckpointError(f"The file {shown} is {_KERAS}.")
    if names and all(n.endswith(".npy") for n in names):
        raise CheckpointError(f"The file {shown} {NUMPY}.")
    if any(n.endswith("saved_model.pb") for n in names):
        raise CheckpointError(f"The archive {shown} holds {_SAVED_MODEL}.")


def scikit_learn(names: list[tuple[str, str]]) -> str | None:
    """How a pickled estimator's weights come over; None where there is none among the names."""
    found = [name for module, name in names if module.split(".")[0] == "sklearn"]
    if not found:
        return None
    # The estimator stands first; what it holds (optimisers, scalers) after it.
    how = "save arrays of its weights by name with torch.save"
    if found[0].startswith("MLP"):
        how = (
            "torch.save({f'{i}.{n}': torch.tensor(v) for i, (w, b) in enumerate(zip(m.coefs_, "
            "m.intercepts_)) for n, v in (('weight', w.T), ('bias', b))}, 'weights.pt') brings its "
            "layers over"
        )
    return (
        f"The file is a pickled scikit-learn model ({short(found[0])}), which is never opened "
        f"here; {how}."
    )
