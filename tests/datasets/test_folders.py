"""Folders of images in the cache become sources."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from aecore import datasets
from aecore.datasets import registry
from aecore.datasets.sources import folders
from aecore.errors import DatasetError, UnknownNameError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    monkeypatch.setattr(registry, "_kept", type(registry._kept)())
    (tmp_path / "folders").mkdir()
    return tmp_path / "folders"


def fill(folder, n: int, seed: int = 0, shape=(70, 50, 3)):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(n):
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


def test_a_folder_becomes_a_source(root):
    assert "folder-faces" not in datasets.all_sources()
    fill(root / "faces", 40)
    assert next(iter(datasets.all_sources())) == "mnist"
    found = datasets.all_sources()["folder-faces"]
    assert found.spec.shape == (3, 64, 64)
    data = datasets.load("folder-faces")
    assert data.spec == found.spec
    assert (len(data.train), len(data.test)) == (30, 10)
    assert data.train.labels is None
    assert "30 to train on, 10 held out." in data.about


def test_subfolders_are_classes_and_grey_becomes_colour(root):
    fill(root / "set" / "a", 20, 0, (64, 64))
    fill(root / "set" / "b", 20, 1, (64, 64))
    (root / "set" / "empty").mkdir()
    data = datasets.load("folder-set")
    assert data.class_names == ("a", "b")
    assert data.spec.classes == 2
    assert (data.train.x[:, 0] == data.train.x[:, 2]).all()
    b = np.random.default_rng(1).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    wanted = {image.tobytes() for image in b}
    for split in (data.train, data.test):
        for image, label in zip(split.x, split.labels, strict=True):
            assert (image[0].numpy().tobytes() in wanted) == (label == 1)


def test_pixels_are_decoded_once_until_the_folder_changes(root, monkeypatch):
    fill(root / "faces", 30)
    first = datasets.load("folder-faces")
    registry._kept.clear()
    monkeypatch.setattr(folders, "read_images", None)
    assert datasets.load("folder-faces").fingerprint == first.fingerprint
    registry._kept.clear()
    monkeypatch.undo()
    monkeypatch.setenv("AECORE_DATA", str(root.parent))
    fill(root / "faces", 31, seed=5)
    assert datasets.load("folder-faces").fingerprint != first.fingerprint


def test_twice_the_same_image_is_there_once_and_broken_ones_are_left_out(root):
    fill(root / "faces", 30)
    (root / "faces" / "copy.png").write_bytes((root / "faces" / "0.png").read_bytes())
    (root / "faces" / "broken.png").write_bytes(b"no image")
    data = datasets.load("folder-faces")
    assert len(data.train) + len(data.test) == 30
    assert "2 left out" in data.about
    both = torch.cat([data.train.x, data.test.x])
    assert len({image.numpy().tobytes() for image in both}) == 30


def test_a_part_of_many(root, monkeypatch):
    fill(root / "faces", 40)
    monkeypatch.setattr(folders, "MAX_EXAMPLES", 25)
    data = datasets.load("folder-faces")
    assert len(data.train) + len(data.test) == 25


def test_too_few(root):
    fill(root / "faces", 5)
    with pytest.raises(DatasetError, match="5 readable images"):
        datasets.load("folder-faces")


@pytest.mark.parametrize(
    "name", ["folder-", "folder-..", "folder-../x", "folder-/etc", "folder-gone", "folder-.packed"]
)
def test_names_that_cannot_be(root, name):
    fill(root / "faces", 1)
    with pytest.raises(UnknownNameError, match="folder-faces"):
        datasets.load(name)
