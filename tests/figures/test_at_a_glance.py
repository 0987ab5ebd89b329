"""Models and data at a glance: what a card says of them is what they are."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from aecore import datasets
from aecore.figures.images import as_image
from aecore.figures.mosaic import mosaic, two_numbers
from aecore.figures.preview import in_address, preview, rows_of
from aecore.runs import checkpoints


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_what_two_numbers_keep_is_scikit_learns_share(name):
    data = datasets.load(name)
    train, test = (s.batch().flatten(1).double().numpy() for s in (data.train, data.test))
    pca = PCA(2, svd_solver="full").fit(train)
    left = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
    found = two_numbers(data)
    assert found.kept == pytest.approx(1 - left / np.square(test - train.mean(0)).sum(), abs=1e-4)
    assert (found.k, found.count) == (2, len(test))
    if name == "digits":
        row = rows_of(data, 5)[3]
        shown = pca.inverse_transform(pca.transform(test[row : row + 1])).reshape(1, 8, 8)
        off = np.abs(pixels(found.redrawn[3]).astype(int) - as_image(shown).astype(int))
        assert off.max() <= 1


@torch.inference_mode()
def test_a_preview_shows_the_models_own_reconstructions():
    checkpoint = checkpoints.load(checkpoints.shipped()["first-ae"])
    data = datasets.load("mnist")
    found = preview(checkpoint.model, data)
    rows = rows_of(data)
    assert found.named == "0, 4, 9"
    x_hat = checkpoint.model.reconstruct(data.test.batch(torch.from_numpy(rows))).numpy()
    for picture, wanted in zip(found.pictures, x_hat, strict=True):
        assert np.array_equal(pixels(picture), as_image(wanted))
    drawn = np.asarray(Image.open(io.BytesIO(found.map)))
    assert 0.02 < (drawn[..., 3] > 0).mean() < 0.6  # dots on nothing


@pytest.mark.parametrize("name", ["mnist", "signals", "wine"])
def test_a_mosaic_is_a_picture_of_the_datas_kind(name):
    content = mosaic(datasets.load(name))
    png = name == "mnist"
    assert content.startswith(b"\x89PNG" if png else b"<svg ")
    head, _, body = in_address(content).partition(",")
    assert head == f"data:image/{'png' if png else 'svg+xml'};base64"
    assert base64.b64decode(body) == content
