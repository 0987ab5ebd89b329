"""Faults planted in files, found by name when the file is opened."""

from __future__ import annotations

import io
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
    """A sigmoid for targets between -1 and 1, and pixels that nobody divided by 255."""
    e = corpus.ENTRIES["Encoder and Decoder classes, ELU"]
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
    assert "wrong-range" in names(open_files([file_of(corpus.train(raw, images).state_dict())]))


@pytest.mark.parametrize("gone", ["fc1.weight", "fc21.weight", "fc3.weight", "fc4.weight"])
def test_a_missing_weight(vae, gone):
    left = {k: v for k, v in vae.items() if k != gone}
    if gone.startswith("fc2"):
        # Without one of two heads a way through the rest is left, and named for what it is.
        found = open_files([file_of(left)], datasets.load("mnist"))
        fault = next(f for f in found.given if f.name == "missing-tensor")
        assert fault.level == "broken"
        assert gone in fault.title
        return
    with pytest.raises(InspectionError) as error:
        open_files([file_of(left)], datasets.load("mnist"))
    assert error.value.finding == "missing-tensor"
    assert gone in str(error.value)


def test_a_missing_layer_and_a_missing_bias(vae):
    left = {k: v for k, v in vae.items() if not k.startswith("fc3")}
    with pytest.raises(InspectionError) as error:
        open_files([file_of(left)], datasets.load("mnist"))
    assert error.value.finding == "missing-tensor"
    left = {k: v for k, v in vae.items() if k != "fc3.bias"}
    found = open_files([file_of(left)])
    assert "missing-tensor" in names(found)
    assert any("fc3" in f.title for f in found.given)


def test_not_a_number(vae):
    broken = {k: v.clone() for k, v in vae.items()}
    broken["fc3.weight"][3, 2] = float("nan")
    found = open_files([file_of(broken)])
    fault = next(f for f in found.given if f.name == "not-a-number")
    assert fault.level == "broken"
    assert "fc3.weight" in fault.evidence


def test_a_tensor_too_many(vae):
    found = open_files([file_of(vae | {"classifier.weight": torch.zeros(10, 20)})])
    assert "unused-tensors" in names(found)
    assert found.reading.unused == ("classifier.weight",)
    assert not found.reading.sure


def test_overruling_takes_another_reading(vae):
    found, data = open_files([file_of(vae)]), datasets.load("mnist")
    contents = open_contents([file_of(vae)])
    recipes = recipes_of(found.reading)
    other = overrule(contents, data, "model.pt", recipes, 1)
    assert other.reading.chosen == 1
    assert other.card.origin["ranking"] == found.card.origin["ranking"]
    first = overrule(contents, data, "model.pt", recipes, 0)
    assert first.card.origin == found.card.origin
    assert other.model.spec.options != found.model.spec.options
    assert not other.reading.sure


def test_described_by_hand(vae):
    contents = open_contents([file_of(vae)])
    encoder = ["Flatten()", "Linear(784, 400)", "ReLU()", "Linear(400, 40)"]
    decoder = ["Linear(20, 400)", "ReLU()", "Linear(400, 784)", "Sigmoid()"]
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
