"""Graphs of every style are read as what they compute, or refused with the operation's place."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.reading import read
from aecore.inspection.understanding.building import model_of
from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import Choice
from aecore.inspection.understanding.computed import draft_of, plan_of
from aecore.inspection.understanding.graph_check import Difference, compared
from aecore.inspection.understanding.understand import ranges_of
from tests.inspection.graph_styles import ONE_HOT, REFUSED, STYLES, TOLD, drawn

ALL = STYLES | TOLD
SHAPE = (1, 8, 8)
#: Styles that ONNX's new exporter writes in another way than the old one.
NEW = (
    "curves, the others",
    "layer norm over maps",
    "border reflected",
    "residual, shortcut",
    "VAE, interleaved",
    "VAE, softplus",
    "told by one-hot of whole numbers",
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits")


def written(name: str, make, form: str, folder: Path) -> bytes:
    net, x = drawn(make), torch.rand(3, *SHAPE)
    labels = torch.eye(10)[:3] if name in ONE_HOT else torch.arange(3)
    given = (x, labels) if name in TOLD else (x,)
    sizes = tuple({0: torch.export.Dim("batch")} for _ in given)
    path = folder / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form == "export":
            file = io.BytesIO()
            torch.export.save(torch.export.export(net, given, dynamic_shapes=sizes), file)
            return file.getvalue()
        if form == "onnx":
            options: dict = {"dynamo": True, "dynamic_shapes": sizes, "external_data": False}
        else:
            names = ["x", "y"][: len(given)]
            options = {"dynamo": False, "opset_version": int(form.split()[-1])}
            options |= {"input_names": names, "dynamic_axes": {n: {0: "batch"} for n in names}}
        torch.onnx.export(net, given, path, verbose=False, **options)
    return path.read_bytes()


def difference(read_as: Contents, file: Contents, data: Dataset) -> Difference | None:
    """How far the model that is made of some contents is from the graph of a file."""
    plan = plan_of(read_as, data.spec.shape)
    choice = Choice(output=plan.ends_in, given="[-1, 1]", target="[-1, 1]")
    found = Candidate(plan.draft, plan.draft.relevant(choice), torch.zeros(1))
    return compared(model_of(found, data, ranges_of(data)), file, data)


# One form each, in turn: PyTorch takes longer to write a file than this app to read it.
CASES = [(name, ("export", "opset 13")[i % 2]) for i, name in enumerate(ALL)]
CASES += [(name, "onnx") for name in NEW]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_reading_computes_what_its_graph_does(name, form, digits, tmp_path):
    contents = read(written(name, ALL[name], form, tmp_path), "m")
    found = difference(contents, contents, digits)
    assert found is not None
    assert found.same, found
    draft = draft_of(contents, SHAPE)
    assert not draft.gaps() - {"second"}  # nothing of the network itself is left to try
    assert not {n for n in contents.tensors if "num_batches" not in n} - draft.used


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_named_with_its_place(name, tmp_path):
    make, word, form = REFUSED[name]
    contents = read(written(name, make, form, tmp_path), "m")
    with pytest.raises(InspectionError, match=word) as refusal:
        draft_of(contents, SHAPE)
    assert re.search(r"operation \d+ of \d+", str(refusal.value))


# What each of these loses, or reads otherwise, is what a translator might: (style, kind, settings).
LOST = [
    ("curves, every other", "Hardtanh", {"min_val": -0.1}),
    ("curves, the others", "LeakyReLU", {"negative_slope": 0.01}),
    ("batch norm, its own eps", "BatchNorm2d", {"eps": 1e-5}),
    ("mean pool, border not counted", "AvgPool2d", {"count_include_pad": True}),
    ("enlarged, bilinear corners", "Upsample", {"align_corners": False}),
    ("ends clamped", "Hardtanh", {"max_val": 0.05}),
    ("cropped", "Crop", {"top": 0}),
]


@pytest.mark.parametrize(("name", "kind", "settings"), LOST)
def test_a_setting_that_is_lost_is_seen_and_its_place_told(name, kind, settings, digits, tmp_path):
    contents = read(written(name, ALL[name], "export", tmp_path), "m")
    wrong = tuple(
        replace(o, settings=o.settings | settings) if o.kind == kind else o
        for o in contents.operations or ()
    )
    assert wrong != contents.operations
    contents = replace(contents, operations=wrong)
    found = difference(contents, contents, digits)
    assert found is not None
    assert not found.same
    assert found.where == next(o.place for o in wrong if o.kind == kind)


@pytest.mark.parametrize(
    ("name", "kind", "new"),
    [
        ("VAE, heads apart", "Exp", "Softplus"),  # another deviation
        ("VAE, log-deviation", "Exp", "Softplus"),
        ("VAE, softplus", "Softplus", "Exp"),
    ],
)
def test_a_second_head_that_is_read_otherwise_is_seen(name, kind, new, digits, tmp_path):
    contents = read(written(name, ALL[name], "export", tmp_path), "m")
    wrong = tuple(
        replace(o, kind=new, settings={}) if o.kind == kind else o
        for o in contents.operations or ()
        if not (name == "VAE, heads apart" and o.kind == "Scale")
    )
    wrong = tuple(
        replace(o, inputs=tuple("linear_2" if x == "mul" else x for x in o.inputs)) for o in wrong
    )
    found = difference(replace(contents, operations=wrong), contents, digits)
    assert found is not None
    assert not found.same


def test_an_encoder_and_a_decoder_alone_are_called_that(tmp_path):
    for sizes, said in (((64, 3), "encoder-alone"), ((3, 10), "decoder-alone")):
        net = nn.Sequential(nn.Linear(sizes[0], 8), nn.ReLU(), nn.Linear(8, sizes[1]))
        file = io.BytesIO()
        torch.export.save(torch.export.export(net, (torch.rand(2, sizes[0]),)), file)
        with pytest.raises(InspectionError, match=f"{said.split('-')[0]} alone") as refusal:
            draft_of(read(file.getvalue(), "m.pt2"), SHAPE)
        assert refusal.value.finding == said
