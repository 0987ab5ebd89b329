"""The app's side of the check-up: files go to children, and what comes back is not believed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper

from aecore.datasets import Dataset
from aecore.errors import AecoreError, CheckpointError, InspectionError
from aecore.inspection import apart
from aecore.inspection.apart import NotUnderstoodError, Opened, judged, open_files, overrule
from aecore.inspection.files.contents import Operation
from aecore.inspection.files.order import check_order
from aecore.inspection.judging import report_passing
from aecore.inspection.judging.html import to_html
from aecore.inspection.judging.report import Report, examine
from aecore.models import build
from aecore.runs import checkpoints
from aecore.types import ModelSpec, TrainConfig
from aecore.workshop import Made, workshop
from tests.inspection.files import exported, network, rezipped, saved


@pytest.fixture(scope="module")
def found(digits) -> Opened:
    return open_files([(saved(network("dense").state_dict()), "their network.pt")], digits)


def test_a_file_comes_back_as_a_checkpoint_with_what_was_found(found, digits):
    assert found.card.name == "their network"
    assert found.card.origin["findings"]
    assert found.given
    assert dict(found.source.tensors)["encoder.0.weight"] == (16, 64)
    assert not found.source.graph
    other = overrule(found, 1, digits)
    assert other.card.origin["chosen"] == 1
    assert other.card.origin["ranking"] == found.card.origin["ranking"]
    assert overrule(other, 0, digits).card.origin == found.card.origin
    with pytest.raises(InspectionError, match="drop in the file again"):
        overrule(dataclasses.replace(found, source=None), 1, digits)


def test_what_is_not_understood_brings_its_tensors(digits):
    state = network("dense").state_dict()
    del state["decoder.0.weight"], state["decoder.0.bias"]
    with pytest.raises(NotUnderstoodError) as caught:
        open_files([(saved(state), "half.pt")], digits)
    source = caught.value.source
    assert "decoder.0.weight" not in dict(source.tensors)
    assert caught.value.kind
    assert caught.value.what in str(caught.value)
    lines = ["Flatten()", "Linear(64, 16)", "GELU()", "Linear(16, 16)"]
    with pytest.raises(InspectionError, match=r"Linear\(16, 16\)"):
        apart.by_hand(source, digits, lines, ["Linear(16, 64)"], 16, False)
    back = ["Linear(3, 16)", "ReLU()", "Linear(16, 64)"]
    whole = open_files([(saved(network("dense").state_dict()), "x.pt")], digits)
    described = apart.by_hand(whole.source, digits, [*lines[:3], "Linear(16, 3)"], back, 3, False)
    assert described.card.origin["by_hand"] is True


def test_data_of_ones_own_reach_the_child_and_no_report_names_them(digits):
    own = dataclasses.replace(digits, name="own-0123456789ab")
    found = open_files([(saved(network("dense").state_dict()), "x.pt")], own)
    assert found.card.dataset == own.name
    report = judged(found.model, found.card, own)
    assert report.about["dataset"] == "own data"
    assert own.name not in json.dumps(report.to_json()) + to_html(report, title="x")


@pytest.mark.parametrize("family", ["pca", "conv-vae", "conditional-vae", "sparse-ae"])
def test_a_report_is_the_same_wherever_it_is_made(family, digits):
    model = build(ModelSpec(family, digits.spec, 3))
    card = checkpoints.Card("mine", model.spec, TrainConfig(epochs=1), "digits", "abc")
    here, there = examine(model, digits), judged(model, card, digits)
    assert {f.name for f in here.findings} == {f.name for f in there.findings}
    assert here.frame == there.frame
    for name, array in here.arrays.items():
        np.testing.assert_allclose(there.arrays[name], array, rtol=1e-4, atol=1e-5)
    # Both go through the same templates.
    assert len(to_html(there, title="x")) == pytest.approx(len(to_html(here, title="x")), rel=0.05)


# -- graphs that go round --------------------------------------------------------------------------


def onnx_graph(nodes: list) -> bytes:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 64])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 64])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [64, 64], np.eye(64).ravel())
    graph = helper.make_graph(nodes, "g", [given], [made], [weight])
    return helper.make_model(graph).SerializeToString()


def circle_of_operations() -> bytes:
    node = helper.make_node
    return onnx_graph(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("Add", ["a", "d"], ["b"]),
            node("Relu", ["b"], ["c"]),
            node("MatMul", ["c", "w"], ["d"]),
            node("Sigmoid", ["d"], ["y"]),
        ]
    )


def circle_of_one() -> bytes:
    node = helper.make_node
    return onnx_graph([node("Relu", ["x"], ["x"]), node("MatMul", ["x", "w"], ["y"])])


def circle_of_names() -> bytes:
    node = helper.make_node
    names = [node("Identity", ["b"], ["a"]), node("Identity", ["a"], ["b"])]
    return onnx_graph([*names, node("MatMul", ["b", "w"], ["y"])])


def circle_of_an_export() -> bytes:
    def turn(parts: dict[str, bytes]) -> dict[str, bytes]:
        name = next(n for n in parts if n.endswith("models/model.json"))
        program = json.loads(parts[name])
        nodes = program["graph_module"]["graph"]["nodes"]
        last = nodes[-1]["outputs"][0]["as_tensor"]["name"]
        first = next(n for n in nodes if "view" in n["target"] or "linear" in n["target"])
        for given in first["inputs"]:
            if "as_tensor" in given["arg"]:
                given["arg"]["as_tensor"]["name"] = last
                break
        return {**parts, name: json.dumps(program).encode()}

    return rezipped(exported(network("dense")), turn)


CIRCLES: dict[str, Callable[[], bytes]] = {
    "operations.onnx": circle_of_operations,
    "one.onnx": circle_of_one,
    "names.onnx": circle_of_names,
    "export.pt2": circle_of_an_export,
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_graph_that_goes_round_ends_at_once(name, digits):
    """`follow` went on for ever in the app, until memory ran out."""
    workshop().costs.clear()
    with pytest.raises(AecoreError) as caught:
        open_files([(CIRCLES[name](), name)], digits)
    assert "circle" in str(caught.value) or "same value" in str(caught.value)
    assert workshop().costs[-1].end == "refused"
    assert workshop().costs[-1].seconds < 5


def test_many_operations_are_no_circle():
    chain = [Operation("ReLU", (f"v{i}" if i else "input",), f"v{i + 1}") for i in range(4000)]
    check_order(chain)
    with pytest.raises(CheckpointError, match="circle"):
        check_order([*chain, Operation("ReLU", ("v4000", "w"), "z"), Operation("Add", ("z",), "w")])


# -- what a child says is not believed -------------------------------------------------------------


@pytest.fixture(scope="module")
def report(digits) -> tuple[Report, Dataset]:
    return examine(build(ModelSpec("dense-ae", digits.spec, 3)), digits), digits


LIES: dict[str, Callable[[Made], object]] = {
    "no findings": lambda m: m.about.pop("findings"),
    "a level": lambda m: m.about["findings"][0].update(level="splendid"),
    "a text": lambda m: m.about["figures"][0].update(name=["x"]),
    "a number": lambda m: m.about["figures"][0].update(value="x"),
    "a field": lambda m: m.about["figures"][0].update(more=1),
    "a shape": lambda m: m.about["about"].update(shape="x"),
    "many rows": lambda m: m.about.update(layers=m.about["layers"] * 2000),
    "no array": lambda m: m.arrays.pop("map"),
    "another array": lambda m: m.arrays.update(more=np.zeros(3)),
    "a size": lambda m: m.arrays.update(shown_x=m.arrays["shown_x"][:3]),
    "an empty one": lambda m: m.arrays.update(samples=m.arrays["samples"][:0]),
    "a huge one": lambda m: m.arrays.update(map=np.zeros((5000, 2))),
    "no numbers": lambda m: m.arrays["samples"].fill(np.nan),
    "a class": lambda m: m.arrays["map_labels"].fill(-1),
    "a dimension": lambda m: m.arrays["traversal_dimensions"].fill(99),
    "another type": lambda m: m.arrays.update(map=m.arrays["map"].astype(int)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_report_that_lies_is_refused(lie, report):
    whole, data = report
    made = report_passing.pack(whole)
    made = Made(json.loads(json.dumps(made.about)), {k: v.copy() for k, v in made.arrays.items()})
    assert report_passing.unpack(made, data).verdict() == whole.verdict()
    LIES[lie](made)
    with pytest.raises(InspectionError, match="nonsense"):
        report_passing.unpack(made, data)


def test_a_checkpoint_that_lies_is_refused(monkeypatch, digits):
    said = {"tensors": [["w", [3]]], "graph": False, "recipes": []}
    for made in (
        Made(said, {"checkpoint": np.frombuffer(b"no checkpoint", np.uint8)}),
        Made(said),
        Made({"tensors": [["w", "x"]], "graph": False}),
        Made({}),
    ):
        monkeypatch.setattr(workshop(), "run", lambda *given, made=made: made)
        with pytest.raises(CheckpointError):
            open_files([(b"x", "x.pt")], digits)
