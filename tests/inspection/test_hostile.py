"""Files that lie, attack or are something else: each gets one sentence, and nothing happens."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import zipfile

import onnx
import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from aecore.errors import CheckpointError
from aecore.inspection.files import limits
from aecore.inspection.files.reading import read
from tests.inspection.files import (
    Payload,
    deep,
    deep_pickle,
    exported,
    legacy,
    network,
    onnx_bytes,
    payload,
    rezipped,
    safetensors,
    saved,
    zipped,
)

STATE = network("dense").state_dict()
NOT_A_SENTENCE = ("Traceback", "Error", "Exception", "\n", "  ", "None", "0x", "<class")


def refused(content, name="w.pt") -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(CheckpointError) as caught:
        read(content, name)
    text = str(caught.value)
    assert text.endswith(".")
    assert ". " not in text.replace("torch. ", "")
    assert not any(word in text for word in NOT_A_SENTENCE), text
    assert 30 < len(text) < 400
    return text


# -- pickles that act ------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [saved, legacy, pickle.dumps])
@pytest.mark.parametrize(
    "place", [lambda p: p, lambda p: {"state_dict": STATE, "x": p}, lambda p: {"a": [p]}]
)
def test_instructions_to_run_something_are_not_followed(write, place, tmp_path):
    marker = tmp_path / "marker"
    text = refused(write(place(payload(marker))))
    assert f"{os.name}.system" in text or "posix.system" in text
    assert "nothing was run" in text
    assert not marker.exists()


@pytest.mark.parametrize(
    "call",
    [
        Payload(eval, "1"),
        Payload(exec, "1"),
        Payload(getattr, "1", "x"),
        Payload(__import__, "os"),
        Payload(subprocess.Popen, "ls"),
        Payload(torch.hub.load, "x", "y"),
        Payload(torch.load, "x"),
        Payload(open, "/etc/passwd"),
    ],
    ids=lambda call: call.call[0].__qualname__,
)
def test_every_way_to_run_something_is_named(call):
    assert "nothing was run" in refused(saved({"w": call}))


def test_names_put_together_on_the_stack_are_seen(tmp_path):
    marker = tmp_path / "marker"
    # "posix" and "system" from the memo, in an order that a plain text search would not find
    text = b"\x80\x04\x8c\x06system\x94\x8c\x05posix\x94h\x01h\x00\x93\x8c"
    command = f"touch {marker}".encode()
    content = text + bytes([len(command)]) + command + b"\x85R."
    hostile = rezipped(saved(STATE), lambda p: {**p, "archive/data.pkl": content})
    assert "posix.system" in refused(hostile)
    assert "posix.system" in refused(content)
    assert not marker.exists()


def test_a_harmless_looking_name_is_torchs_to_refuse():
    hostile = b"\x80\x02ctorch._C\n_set_deterministic_algorithms\n\x88\x85R."
    refused(rezipped(saved(STATE), lambda p: {**p, "archive/data.pkl": hostile}))


# -- programs --------------------------------------------------------------------------------------


def test_a_whole_pickled_model_gives_its_weights_and_is_not_run():
    """Its class stands nowhere here: a stand-in holds what the pickle says, and does nothing."""
    model = network("dense")
    contents = read(saved(model), "w.pt")
    assert list(contents.tensors) == list(model.state_dict())
    assert all(torch.equal(contents.tensors[k], v) for k, v in model.state_dict().items())
    assert "class Dense" in contents.notes[0]
    assert "Linear, GELU, Linear, Linear, ELU, Linear, Sigmoid" in contents.notes[0]
    # The old format keeps its source beside it, which torch's safe reader refuses.
    assert "class Dense" in refused(legacy(model))


@pytest.mark.parametrize("wrap", [lambda m, p: [m, p], lambda m, p: {"model": m, "x": {"y": p}}])
def test_what_acts_beside_a_whole_model_is_still_refused(wrap, tmp_path):
    marker = tmp_path / "marker"
    model = network("dense")
    model.trick = payload(marker)
    for content in (saved(model), saved(wrap(network("dense"), payload(marker)))):
        assert "nothing was run" in refused(content)
    assert not marker.exists()


def test_a_plain_pickle_of_a_model_says_how_to_save_it():
    assert "torch.save(model.state_dict()" in refused(pickle.dumps(nn.Sequential(nn.Linear(2, 2))))


def test_a_lightning_checkpoint_with_classes_of_its_own_is_no_accusation():
    """Hyper-parameters may be objects of any class: they are named, and the weights are read."""
    whole = {
        "pytorch-lightning_version": "2.4",
        "state_dict": STATE,
        "hyper_parameters": {"curve": nn.GELU, "loss": nn.BCELoss(), "lr": 0.1},
    }
    contents = read(saved(whole), "last.ckpt")
    assert contents.form == "lightning"
    assert contents.tensors.keys() == STATE.keys()
    assert contents.facts["hyper_parameters"]["lr"] == 0.1


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_says_how_to_save_it():
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(network("dense"), torch.rand(2, 64)), file)
    text = refused(file.getvalue())
    assert "TorchScript" in text
    assert "state_dict" in text


# -- archives --------------------------------------------------------------------------------------


def test_a_zip_bomb():
    bomb = zipped({"archive/data.pkl": bytes(300 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    assert "compressed" in refused(bomb)


def test_many_small_bombs():
    parts = {f"archive/data/{i}": bytes(1 << 20) for i in range(600)}
    assert "lies" in refused(zipped({"archive/data.pkl": b".", **parts}, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:\\x"])
def test_paths_out_of_the_archive(name):
    content = zipped({"archive/data.pkl": b"x", name: b"x"})
    assert "outside" in refused(content)


def test_two_parts_of_one_name():
    file = io.BytesIO(saved(STATE))
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/data.pkl", b"another")
    assert "two files" in refused(file.getvalue())


def test_a_table_of_contents_that_lies_about_sizes():
    content = bytearray(saved(STATE))
    place = content.rfind(b"PK\x01\x02")
    content[place + 20 : place + 28] = struct.pack("<II", 1 << 31, 1 << 31)
    refused(bytes(content))


def test_a_part_that_is_missing():
    def change(parts):
        return {k: v for k, v in parts.items() if not k.endswith("data/0")}

    refused(rezipped(saved(STATE), change))


def test_archives_of_something_else():
    assert "unpack" in refused(zipped({"readme.txt": b"hello"}))
    assert "NumPy" in refused(zipped({"a.npy": b"x", "b.npy": b"x"}))
    assert "empty" in refused(zipped({}))


# -- torch files that lie --------------------------------------------------------------------------


def test_a_tensor_that_is_larger_than_its_values():
    content = bytearray(saved({"w": torch.zeros(1000)}))
    numbers = content.replace(struct.pack("<H", 1000), struct.pack("<H", 60000))
    assert numbers != content
    refused(bytes(numbers))


def test_a_view_that_would_unfold_to_a_terabyte():
    text = refused(saved({"w": torch.zeros(1).expand(10**6, 10**6)}))
    assert f"{limits.MAX_TENSOR_BYTES >> 20} MB" in text


def test_too_many_tensors():
    text = refused(saved({f"w{i}": torch.zeros(1) for i in range(limits.MAX_TENSORS + 1)}))
    assert "10,000" in text


def test_deep_nesting():
    text = refused(saved(deep(100)))
    assert "deep" in text
    refused(rezipped(saved(STATE), lambda p: {**p, "archive/data.pkl": deep_pickle(300_000)}))


def test_a_mapping_that_holds_itself():
    loop: dict = {"w": torch.zeros(2)}
    loop["model"] = loop
    refused(saved(loop))


def test_the_wrong_byte_order():
    text = refused(rezipped(saved(STATE), lambda p: {**p, "archive/byteorder": b"middle"}))
    assert text
    flag = b"little_endianq"
    content = legacy(STATE)
    place = content.find(flag) + len(flag) + 1
    assert content[place : place + 1] == b"\x88"
    text = refused(content[:place] + b"\x89" + content[place + 1 :])
    assert "orders the bytes" in text
    exported_file = rezipped(exported(network("dense")), lambda p: _swap(p, "byteorder", b"big"))
    assert "orders the bytes" in refused(exported_file, "m.pt2")


def _swap(parts, end, content):
    return {k: content if k.endswith(end) else v for k, v in parts.items()}


def test_files_without_named_weights():
    assert "one bare tensor" in refused(saved(torch.zeros(3)))
    assert "no weights" in refused(saved({"epoch": 3}))
    assert "no named weights" in refused(saved(7))
    assert "plain pickle" in refused(pickle.dumps({"a": 1}))


# -- safetensors that lie --------------------------------------------------------------------------


def entry(shape=(2,), offsets=(0, 8), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("header", "data", "word"),
    [
        ({"w": entry((10**6, 10**6))}, bytes(8), "lies"),
        ({"w": entry((2**61, 2**61), (0, 8))}, bytes(8), "lies"),
        ({"w": entry((10**12,), (0, 4 * 10**12))}, bytes(8), "cut short"),
        ({"w": entry(offsets=(0, 12))}, bytes(12), "lies"),
        ({"w": entry(offsets=(8, 16))}, bytes(8), "cut short"),
        ({"w": entry(offsets=(8, 0))}, bytes(8), "lies"),
        ({"w": entry(offsets=(-8, 0))}, bytes(8), "two numbers"),
        ({"w": entry(), "v": entry()}, bytes(8), "overlaps"),
        ({"w": entry(), "v": entry(offsets=(4, 12))}, bytes(12), "overlaps"),
        ({"w": entry(offsets=(4, 12))}, bytes(12), "gap"),
        ({"w": entry()}, bytes(99), "no tensor"),
        ({"w": entry(dtype="F8_E4M3")}, bytes(8), "type"),
        ({"w": entry(dtype=["F32"])}, bytes(8), "type"),
        ({"w": entry((True, 2))}, bytes(8), "shape"),
        ({"w": entry((-1, -2))}, bytes(8), "shape"),
        ({"w": entry([1] * 70)}, bytes(8), "shape"),
        ({"w": None}, b"", "not described"),
        ({"__metadata__": {"a": 1}}, b"", "texts"),
        ({"x" * 400: entry()}, bytes(8), "300 characters"),
        (b'{"w":1,"w":2}', b"", "twice"),
        (b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "deep"),
        (b'{"w": NaN', b"", "JSON"),
        (b'{"\xff": 1}', b"", "JSON"),
        (b"[1, 2]   ", b"", "names and values"),
    ],
)
def test_safetensors_headers_that_lie(header, data, word):
    assert word in refused(safetensors(header, data), "w.safetensors")


def test_safetensors_with_a_length_that_lies():
    content = save_safetensors(STATE)
    for length in (0, 1, 1 << 20, 1 << 40, (1 << 64) - 1):
        refused(struct.pack("<Q", length) + content[8:], "w.safetensors")


def test_too_many_tensors_in_a_header():
    header = {f"w{i}": entry((0,), (0, 0)) for i in range(limits.MAX_TENSORS + 1)}
    assert "10,000" in refused(safetensors(header), "w.safetensors")


# -- exported programs that lie --------------------------------------------------------------------


def test_weights_that_lie_outside_their_values():
    content = exported(network("dense"))

    def change(parts):
        name = next(k for k in parts if k.endswith("model_weights_config.json"))
        new = parts[name].replace(
            b'"storage_offset": {"as_int": 0}', b'"storage_offset": {"as_int": 9000}'
        )
        assert new != parts[name]
        return {**parts, name: new}

    assert "lies" in refused(rezipped(content, change), "m.pt2")


def test_an_exported_view_that_would_unfold():
    content = exported(network("dense"))

    def change(parts):
        name = next(k for k in parts if k.endswith("model_weights_config.json"))
        text = parts[name].decode()
        text = text.replace('"as_int": 64}', '"as_int": 999999999}').replace(
            '"strides": [{"as_int": 1}]', '"strides": [{"as_int": 0}]'
        )
        return {**parts, name: text.encode()}

    refused(rezipped(content, change), "m.pt2")


def test_an_exported_program_that_is_no_program():
    content = exported(network("dense"))
    for text in (b"{}", b"[]", b"x", b'{"graph_module": {"graph": 1, "signature": 2}}'):
        refused(rezipped(content, lambda p, t=text: _swap(p, "models/model.json", t)), "m.pt2")


def test_an_old_exported_program_whose_weights_act(tmp_path):
    marker = tmp_path / "marker"
    hostile = saved({"w": payload(marker)})
    content = zipped(
        {"serialized_exported_program.json": b"{}", "serialized_state_dict.pt": hostile}
    )
    assert "nothing was run" in refused(content, "old.pt2")
    assert not marker.exists()


# -- ONNX that lies --------------------------------------------------------------------------------


def test_onnx_tensors_that_lie():
    weight = onnx.TensorProto(name="w", data_type=1, dims=[10**6, 10**6], raw_data=bytes(8))
    for dims in ([10**6, 10**6], [3], [-1]):
        weight.dims[:] = dims
        node = onnx.helper.make_node("Gemm", ["x", "w"], ["y"])
        value = onnx.helper.make_tensor_value_info("x", 1, [None, 2])
        graph = onnx.helper.make_graph([node], "g", [value], [], [weight])
        refused(onnx.helper.make_model(graph).SerializeToString(), "m.onnx")


def test_onnx_without_a_network():
    refused(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])).SerializeToString())
    refused(b"\x08\x08" + b"\xff" * 100, "m.onnx")


# -- something else --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"hello, these are my weights\n" * 10, "text"),
        (b"<!DOCTYPE html><html></html>" * 10, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
        (b"\x1f\x8b" + bytes(99), "gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
        (bytes(1000), "header should have 0 bytes"),
        (b"\xff\xfe" * 500, "cannot be told"),
        (b"", "is empty"),
        (b"P", "text"),
        (b"PK", "archive"),
    ],
)
def test_files_of_another_kind(content, word):
    name = "w.safetensors" if word.startswith("header") else "w.bin"
    assert word in refused(content, name)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("write", [saved, legacy, save_safetensors])
def test_files_that_end_too_early(write, share):
    content = write(STATE)
    refused(content[: int(len(content) * share)])


def test_a_file_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.truncate(600 << 20)
    assert "600 MB" in refused(path)


def test_names_of_an_onnx_file_that_are_no_text(tmp_path):
    """Protobuf hands them on as bytes, which stand in no card and no message."""
    content = onnx_bytes(network("dense"), tmp_path / "x.onnx", dynamo=False)
    assert b"encoder.0.weight" in content
    assert "no text" in refused(
        content.replace(b"encoder.0.weight", b"encoder.0.\xff\xfe\xfdght"), "x.onnx"
    )


def test_a_file_that_is_not_there(tmp_path):
    refused(tmp_path / "gone.pt")
    assert "folder" in refused(tmp_path)
