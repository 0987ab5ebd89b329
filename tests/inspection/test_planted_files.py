"""Faults planted in files, found by name when the file is opened."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from aecore import datasets
from aecore.errors import InspectionError
from aecore.inspection.checkup import Understood, by_hand, open_contents, open_files, overrule
from aecore.inspection.origin import given_by
from aecore.inspection.understanding.understand import recipes_of
from aecore.runs.checkpoints import from_bytes
from tests.inspection import corpus


def file_of(state: dict, name: str = "model.pt") -> tuple[bytes, str]:
    saved = io.BytesIO()
    torch.save(state, saved)
    return saved.getvalue(), name


@pytest.fixture(scope="module")
def images(mnist) -> Tensor:
    return mnist.train.batch(slice(0, 6000))


@pytest.fixture(scope="module")
def vae(images) -> dict[str, Tensor]:
    """A VAE with the names of PyTorch's example."""
    e = corpus.ENTRIES["PyTorch example VAE fc1 fc21 fc22 fc3 fc4"]
    return corpus.train(replace(e, steps=300), images).state_dict()


def names(found: Understood) -> set[str]:
    return {f.name for f in found.given if f.level in ("broken", "worrying")}


def test_a_sound_file_has_no_fault(vae):
    found = open_files([file_of(vae)])
    assert found.card.dataset == "mnist"
    assert not names(found)
    # What the card keeps is what the page shows again after a restart.
    again = from_bytes(found.to_bytes())
    assert given_by(again.card) == found.given
    assert again.card.origin["form"] == "torch"


def test_swapped_heads(vae):
    other = {"fc21": "fc22", "fc22": "fc21"}
    swapped = {
        ".".join([other.get(k.split(".")[0], k.split(".")[0]), k.split(".")[1]]): v
        for k, v in vae.items()
    }
    ordered = {k: swapped[k] for k in vae}
    found = open_files([file_of(ordered)])
    assert "swapped-heads" in names(found)
    # It is read the way it works.
    sound = open_files([file_of(vae)])
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(found.model.reconstruct(x), sound.model.reconstruct(x), atol=1e-5)


def test_trained_on_the_wrong_range(images):
    """A sigmoid for targets between -1 and 1 is a fault; pixels from 0 to 255 are only said."""
    e = corpus.ENTRIES["Encoder and Decoder classes, BatchNorm"]
    signed = replace(
        e,
        prepare=lambda x: corpus.flat(corpus.signed(x)),
        undo=corpus.unsigned,
        steps=500,
        lr=1e-3,
    )
    state = corpus.train(signed, images).state_dict()
    assert "wrong-range" in names(open_files([file_of(state)]))
    raw = replace(corpus.ENTRIES["bytes in, pixels out"], steps=500)
    found = open_files([file_of(corpus.train(raw, images).state_dict())])
    assert {f.level for f in found.given if f.name == "wrong-range"} == {"note"}


@pytest.mark.parametrize("gone", ["fc1.weight", "fc21.weight", "fc3.weight", "fc4.weight"])
def test_a_missing_weight(vae, gone):
    left = {k: v for k, v in vae.items() if k != gone}
    # A way through the rest may be left, with another layer's weight; it says what is missing.
    try:
        found = open_files([file_of(left)], datasets.load("mnist"))
    except InspectionError as error:
        said = f"{error.finding}: {error}"
    else:
        said = " ".join(f"{f.name}: {f.title}" for f in found.given)
        assert not found.reading.sure
    assert "missing-tensor" in said
    assert gone in said


def test_a_missing_layer_and_a_missing_bias(vae):
    left = {k: v for k, v in vae.items() if not k.startswith("fc3")}
    with pytest.raises(InspectionError) as error:
        open_files([file_of(left)], datasets.load("mnist"))
    assert error.value.finding in ("missing-tensor", "is-encoder")
    left = {k: v for k, v in vae.items() if k != "fc3.bias"}
    found = open_files([file_of(left)])
    assert any("fc3" in f.title for f in found.given if f.name == "missing-tensor")


def test_not_a_number(vae):
    broken = {k: v.clone() for k, v in vae.items()}
    broken["fc3.weight"][3, 2] = float("nan")
    found = open_files([file_of(broken)])
    fault = next(f for f in found.given if f.name == "not-a-number")
    assert fault.level == "broken"
    assert "fc3.weight" in fault.evidence


def test_a_tensor_too_many(vae):
    found = open_files([file_of(vae | {"classifier.weight": torch.zeros(10, 20)})])
    assert {f.level for f in found.given if f.name == "unused-tensors"} == {"note"}
    assert found.reading.unused == ("classifier.weight",)
    assert not found.reading.sure


def test_overruling_takes_another_reading(vae):
    found, data = open_files([file_of(vae)]), datasets.load("mnist")
    contents = open_contents([file_of(vae)])
    recipes = recipes_of(found.reading)
    other = overrule(contents, data, "model.pt", recipes, 1)
    assert other.reading.chosen == 1
    assert other.card.origin["ranking"] == found.card.origin["ranking"]
    endless = replace(found.reading.candidate, pull=float("inf"))
    json.dumps(recipes_of(replace(found.reading, candidates=(endless,))), allow_nan=False)
    first = overrule(contents, data, "model.pt", recipes, 0)
    assert first.card.origin == found.card.origin
    assert other.model.spec.options != found.model.spec.options
    assert not other.reading.sure


def test_described_by_hand(vae):
    contents = open_contents([file_of(vae)])
    h = len(vae["fc1.weight"])
    encoder = ["Flatten()", f"Linear(784, {h})", "ReLU()", f"Linear({h}, 40)"]
    decoder = [f"Linear(20, {h})", "ReLU()", f"Linear({h}, 784)", "Sigmoid()"]
    found = by_hand(contents, datasets.load("mnist"), "model.pt", encoder, decoder, 20, True)
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    read = open_files([file_of(vae)])
    assert torch.allclose(found.model.reconstruct(x), read.model.reconstruct(x), atol=1e-6)
    assert found.card.origin["by_hand"]
    with pytest.raises(InspectionError, match=r"Linear\(784, 300\)"):
        by_hand(
            contents,
            datasets.load("mnist"),
            "m",
            ["Flatten()", "Linear(784, 300)", "Linear(300, 40)"],
            decoder,
            20,
            True,
        )


def test_other_data_than_it_takes(vae):
    with pytest.raises(InspectionError) as error:
        open_files([file_of(vae)], datasets.load("wine"))
    assert error.value.finding == "other-data"
    assert "784" in str(error.value)
