"""Files that say what they compute: following their operations gives what the network gives."""

from __future__ import annotations

import io
import json
import zipfile

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from aecore.errors import CheckpointError, InspectionError
from aecore.inspection.files.onnx_file import read_onnx
from aecore.inspection.files.reading import read
from tests.inspection.files import (
    compute,
    example,
    exported,
    network,
    onnx_bytes,
    rezipped,
    saved,
    zipped,
)

FORMS = ("export", "export, fixed batch", "export, decomposed", "onnx", "onnx, old exporter")
FORMS += ("onnx, old operations",)


def written(model: nn.Module, form: str, path) -> bytes:
    if form == "export":
        return exported(model)
    if form == "export, fixed batch":
        return exported(model, dynamic=False)
    if form == "export, decomposed":
        return exported(model, decomposed=True)
    opset = 13 if form == "onnx, old operations" else None
    return onnx_bytes(model, path / "m.onnx", dynamo=form == "onnx", opset=opset)


def expected(name: str, model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What the network gives where its random values are zeros."""
    if name != "vae":
        out = model(x)
        return list(out) if isinstance(out, tuple) else [out]
    _, mu, logvar = model(x)
    return [torch.sigmoid(model.fc4(torch.relu(model.fc3(mu)))), mu, logvar]


@pytest.mark.parametrize("name", ["dense", "vae", "conv"])
@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_operations_and_graph_compute_what_the_network_does(name, form, tmp_path):
    model, x = network(name), example()
    contents = read(written(model, form, tmp_path), "m")
    assert contents.form == ("torch.export" if form.startswith("export") else "onnx")
    assert "Other" not in {o.kind for o in contents.operations}
    wanted = expected(name, model, x)
    # Five examples through a graph that may take three at a time.
    given = torch.cat([x, x[:2]])
    ran = contents.check.compute(given)
    for output, found, right in zip(contents.outputs, compute(contents, x), wanted, strict=True):
        assert torch.allclose(found, right, atol=1e-5)
        assert torch.allclose(ran[output], torch.cat([right, right[:2]]), atol=1e-5)
    used = {w for o in contents.operations for w in o.weights.values()}
    assert {n for n in contents.tensors if "num_batches" not in n} == used
    assert contents.facts["input_shape"] == [1, 8, 8]


@pytest.mark.parametrize("form", ["export", "onnx"])
def test_weights_keep_their_names_and_layout(form, tmp_path):
    model = network("dense")
    found = read(written(model, form, tmp_path), "m").tensors
    for key, value in model.state_dict().items():
        assert torch.equal(found[key], value)


def test_what_is_not_known_is_said(tmp_path):
    class Odd(nn.Module):
        def forward(self, x):
            return torch.cumsum(torch.sin(x), 1)

    contents = read(exported(Odd()), "m.pt2")
    assert [o.kind for o in contents.operations] == ["Other", "Other"]
    assert contents.operations[0].said == "aten.sin.default"
    contents = read(onnx_bytes(Odd(), tmp_path / "m.onnx", dynamo=False), "m.onnx")
    assert "Sin" in [o.said for o in contents.operations]


@torch.no_grad()
def test_an_exported_program_of_an_older_torch():
    model = network("dense")
    with zipfile.ZipFile(io.BytesIO(exported(model))) as archive:
        name = next(n for n in archive.namelist() if n.endswith("models/model.json"))
        program = archive.read(name)
    parts = {
        "serialized_exported_program.json": program,
        "serialized_state_dict.pt": saved(model.state_dict()),
        "serialized_constants.pt": saved({}),
        "version": b"7.3",
    }
    contents = read(zipped(parts), "old.pt2")
    assert torch.allclose(compute(contents, example())[0], model(example()), atol=1e-6)


# -- single ONNX nodes -----------------------------------------------------------------------------


def graph(nodes, weights, inputs=(("x", [None, 4]),)) -> bytes:
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    return helper.make_model(made).SerializeToString()


@torch.no_grad()
def test_a_product_and_a_sum_are_a_linear_layer():
    w, b = torch.rand(4, 3), torch.rand(3)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["y"]),
    ]
    contents = read(graph(nodes, {"w": w.numpy(), "b": b.numpy()}), "m.onnx")
    (layer,) = contents.operations
    assert (layer.kind, layer.weights) == ("Linear", {"weight": "w", "bias": "b"})
    assert torch.equal(contents.tensors["w"], w.T)
    x = torch.rand(2, 4)
    assert torch.allclose(compute(contents, x)[0], x @ w + b)


@torch.no_grad()
def test_alpha_and_beta_go_into_the_weights():
    w, b = torch.rand(4, 3), torch.rand(3)
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=2.0, beta=0.5)]
    contents = read(graph(nodes, {"w": w.numpy(), "b": b.numpy()}), "m.onnx")
    x = torch.rand(2, 4)
    assert torch.allclose(compute(contents, x)[0], 2 * x @ w + 0.5 * b)


@torch.no_grad()
@pytest.mark.parametrize("half_first", [False, True])
def test_gelu_written_out_is_gelu(half_first):
    import numpy as np

    numbers = {"root": 2**0.5, "one": 1.0, "half": 0.5}
    weights = {key: np.array(value, np.float32) for key, value in numbers.items()}
    nodes = [
        helper.make_node("Div", ["x", "root"], ["a"]),
        helper.make_node("Erf", ["a"], ["b"]),
        helper.make_node("Add", ["b", "one"], ["c"]),
    ]
    if half_first:
        nodes += [
            helper.make_node("Mul", ["x", "half"], ["d"]),
            helper.make_node("Mul", ["d", "c"], ["y"]),
        ]
    else:
        nodes += [
            helper.make_node("Mul", ["x", "c"], ["d"]),
            helper.make_node("Mul", ["d", "half"], ["y"]),
        ]
    contents = read(graph(nodes, weights), "m.onnx")
    assert [o.kind for o in contents.operations] == ["GELU"]
    assert contents.tensors == {}


@pytest.fixture
def in_two(tmp_path) -> tuple[bytes, bytes]:
    """An ONNX file whose weights lie in a second one, and that one."""
    onnx_bytes(network("dense"), tmp_path / "m.onnx", dynamo=False)
    model = onnx.load(tmp_path / "m.onnx")
    onnx.save(
        model, tmp_path / "e.onnx", save_as_external_data=True, location="e.data", size_threshold=0
    )
    return (tmp_path / "e.onnx").read_bytes(), (tmp_path / "e.data").read_bytes()


@torch.no_grad()
def test_weights_in_a_second_file_are_asked_for_and_taken(in_two):
    first, second = in_two
    with pytest.raises(CheckpointError, match=r"second file, 'e\.data'.*both files together"):
        read(first, "e.onnx")
    for beside in ({"other.data": second}, {"e.data": second[:100]}):
        with pytest.raises(CheckpointError, match="second file"):
            read_onnx(io.BytesIO(first), beside)
    contents = read_onnx(io.BytesIO(first), {"e.data": second})
    right = network("dense")(example())
    assert torch.allclose(compute(contents, example())[0], right, atol=1e-6)
    (output,) = contents.outputs
    assert torch.allclose(contents.check.compute(example())[output], right, atol=1e-6)


def test_a_second_file_is_never_one_of_the_machine(tmp_path):
    onnx_bytes(network("dense"), tmp_path / "m.onnx", dynamo=False)
    model = onnx.load(tmp_path / "m.onnx")
    entry = model.graph.initializer[0]
    entry.ClearField("raw_data")
    entry.data_location = TensorProto.EXTERNAL
    entry.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(CheckpointError, match="second file"):
        read(model.SerializeToString(), "m.onnx")


@pytest.mark.parametrize(
    "target", ["torch.ops.aten.from_file.default", "posix.system", "torch.ops.aten.save", "eval"]
)
def test_a_graph_calls_nothing_but_operations_on_tensors(target):
    def change(parts):
        name = next(n for n in parts if n.endswith("models/model.json"))
        text = parts[name].decode().replace("torch.ops.aten.gelu.default", target)
        assert target in text
        return parts | {name: text.encode()}

    contents = read(rezipped(exported(network("dense")), change), "m.pt2")
    with pytest.raises(InspectionError, match="operation 3 of"):
        contents.check.compute(example())


def test_a_graph_is_measured_before_memory_is_touched():
    def change(parts):
        name = next(n for n in parts if n.endswith("models/model.json"))
        program = json.loads(parts[name])
        graph = program["graph_module"]["graph"]
        node = next(n for n in graph["nodes"] if "gelu" in n["target"])
        node["target"] = "torch.ops.aten.repeat.default"
        sizes = {"name": "repeats", "arg": {"as_ints": [1 << 20, 1 << 20]}, "kind": 1}
        node["inputs"] = [node["inputs"][0], sizes]
        return parts | {name: json.dumps(program).encode()}

    contents = read(rezipped(exported(network("dense")), change), "m.pt2")
    with pytest.raises(InspectionError, match="more values than are held"):
        contents.check.compute(example())


def test_a_graph_that_runs_others_again_and_again_is_not_run():
    body = helper.make_graph([], "body", [], [])
    nodes = [helper.make_node("Loop", ["", ""], ["y"], body=body)]
    contents = read(graph(nodes, {}), "m.onnx")
    with pytest.raises(InspectionError, match="'Loop'"):
        contents.check.compute(torch.rand(2, 4))
