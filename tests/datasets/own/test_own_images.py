"""A person's images: sizes, colours, folders, and what cannot be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from own_files import everything, noise, png, zipped
from PIL import Image

from aecore.datasets.own.reading import read_files, read_upload
from aecore.errors import DatasetError


def test_a_zip_of_grey_images_in_folders():
    files = {f"set/{'ab'[i % 2]}/{i}.png": png(noise(28, 28, seed=i)) for i in range(40)}
    own = read_upload("My set.zip", zipped(files))
    data = own.dataset
    assert (data.spec.shape, data.spec.kind, data.spec.classes) == ((1, 28, 28), "image", 2)
    assert data.class_names == ("a", "b")
    assert (len(data.train), len(data.test)) == (30, 10)
    assert not data.generated
    wanted = {(noise(28, 28, seed=i).tobytes(), i % 2) for i in range(40)}
    found = {
        (x.numpy().tobytes(), int(y))
        for split in (data.train, data.test)
        for x, y in zip(split.x, split.labels, strict=True)
    }
    assert found == wanted


def test_mixed_images_are_fitted_and_padded_in_the_colour_of_their_border():
    wide = np.full((20, 60, 3), (250, 10, 10), np.uint8)
    files = {f"{i}.png": png(noise(30, 30, 3, seed=i)) for i in range(24)}
    files |= {"wide.png": png(wide), "grey.jpg": png(noise(64, 40), "JPEG")}
    own = read_upload("mixed.zip", zipped(files))
    assert own.dataset.spec.shape == (3, 28, 28)
    assert own.dataset.spec.classes == 0
    assert any("28 x 28" in note for note in own.notes)
    x = everything(own.dataset) * 255
    red = torch.tensor([250.0, 10.0, 10.0])[:, None, None].expand(3, 28, 28)
    assert min((image - red).abs().max() for image in x) <= 1


def test_a_line_stays_a_line():
    files = {f"{i}.png": png(noise(28, 28, seed=i)) for i in range(24)}
    files |= {"row.png": png(noise(1, 900)), "column.png": png(noise(900, 1, seed=1))}
    assert len(everything(read_upload("lines.zip", zipped(files)).dataset)) == 26


@pytest.mark.parametrize("size", [28, 32, 64, 96, 128])
def test_the_size_can_be_chosen(size):
    files = {f"{i}.png": png(noise(30, 30, seed=i)) for i in range(20)}
    assert read_upload("a.zip", zipped(files), size=size).dataset.spec.shape == (1, size, size)
    with pytest.raises(DatasetError, match="28, 32, 64, 96 or 128"):
        read_upload("a.zip", zipped(files), size=size + 1)


@pytest.mark.parametrize("side", [20, 28, 47, 90])
def test_images_are_smoothed_as_pillow_does_it(side):
    """An independent oracle: Pillow's bilinear filter, widened where an image is made smaller."""
    files = {f"{i}.png": png(noise(side, side, 3, seed=i)) for i in range(20)}
    data = read_upload("a.zip", zipped(files), size=28).dataset
    found = {tuple(image.flatten().tolist()) for image in (everything(data) * 255).round().int()}
    found = np.array(sorted(found))
    for i in range(20):
        image = Image.fromarray(noise(side, side, 3, seed=i))
        want = np.asarray(image.resize((28, 28), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert np.abs(found - want.reshape(1, -1).astype(int)).max(1).min() <= 1


def test_any_mode_becomes_grey_or_colour():
    sixteen = noise(28, 28).astype(np.uint16) * 257
    transparent = np.zeros((28, 28, 4), np.uint8)
    palette = io.BytesIO()
    Image.fromarray(noise(28, 28, 3)).convert("P").save(palette, "PNG")
    files = {f"{i}.png": png(noise(28, 28, seed=i)) for i in range(1, 21)}
    files |= {"deep.png": png(sixteen), "clear.png": png(transparent), "p.png": palette.getvalue()}
    own = read_upload("a.zip", zipped(files))
    assert own.dataset.spec.shape == (3, 28, 28)
    assert len(everything(own.dataset)) == 23
    x = (everything(own.dataset) * 255).round().to(torch.uint8)[:, 0].numpy()
    assert any((image == noise(28, 28)).all() for image in x)
    assert any((image == 255).all() for image in x)  # what is transparent shows white


def test_broken_images_and_strangers_are_counted():
    files = {f"{i}.png": png(noise(28, 28, seed=i)) for i in range(25)}
    whole = png(noise(28, 28, seed=99))
    files |= {
        "cut.png": whole[: len(whole) // 2],
        "text.png": b"hello",
        "inner.zip": zipped({"x.png": whole}),
        "readme.txt": b"hi",
        "__MACOSX/._1.png": b"\0",
    }
    own = read_upload("a.zip", zipped(files))
    assert len(everything(own.dataset)) == 25
    assert any(note.startswith("2 images could not be read") for note in own.notes)
    assert any(note.startswith("3 other files") for note in own.notes)


def test_a_folder_and_a_list_of_files_give_the_same(tmp_path):
    files = {f"{'ab'[i % 2]}/{i}.png": png(noise(28, 28, seed=i)) for i in range(24)}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "secret.png").symlink_to("/etc/passwd")
    a, b = read_upload("set", tmp_path), read_files(list(files.items()), title="set")
    assert a.dataset.name == b.dataset.name
    assert a.dataset.class_names == ("a", "b")
