"""Files that say what they compute: following their operations gives what the network gives."""

from __future__ import annotations

import io
import zipfile

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from aecore.errors import CheckpointError
from aecore.inspection.files.reading import read
from tests.inspection.files import compute, example, exported, network, onnx_bytes, saved, zipped

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
def test_operations_compute_what_the_network_does(name, form, tmp_path):
    if (name, form) == ("conv", "onnx, old operations"):
        pytest.skip("a layer norm in parts is not put together again")
    model, x = network(name), example()
    contents = read(written(model, form, tmp_path), "m")
    assert contents.form == ("torch.export" if form.startswith("export") else "onnx")
    assert "Other" not in {o.kind for o in contents.operations}
    outputs = compute(contents, x)
    for found, wanted in zip(outputs, expected(name, model, x), strict=True):
        assert torch.allclose(found, wanted, atol=1e-5)
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


def test_weights_in_a_second_file_are_refused(tmp_path):
    onnx_bytes(network("dense"), tmp_path / "m.onnx", dynamo=False)
    model = onnx.load(tmp_path / "m.onnx")
    onnx.save(
        model,
        tmp_path / "e.onnx",
        save_as_external_data=True,
        location="/etc/passwd.data"[5:],
        size_threshold=0,
    )
    with pytest.raises(CheckpointError, match="second file"):
        read(tmp_path / "e.onnx", "e.onnx")
