"""The patches of photographs: what is held out shares no pixel with what is trained on."""

from __future__ import annotations

import numpy as np
import sklearn.datasets

from aecore.datasets.sources import patches


def test_no_pixel_is_on_both_sides(monkeypatch):
    rows, columns = (np.arange(n) // patches.TILE for n in (427, 640))
    # Every tile has a grey of its own, so a patch tells which tiles it was cut from.
    photo = np.repeat((5 * (6 * rows[:, None] + columns) + 20)[..., None], 3, 2).astype(np.uint8)
    monkeypatch.setattr(sklearn.datasets, "load_sample_image", lambda name: photo)
    monkeypatch.setattr(patches, "TRAIN", 400)
    monkeypatch.setattr(patches, "TEST", 200)
    data = patches.load_patches()
    train, test = (set(split.x.unique().tolist()) for split in (data.train, data.test))
    assert len(train) > 10
    assert len(test) > 3
    assert not train & test
