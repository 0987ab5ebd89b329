"""Damage by hand: who mends what, and filters that answer as they do elsewhere."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from aecore.datasets import load
from aecore.errors import ConfigError
from aecore.lab import by_hand
from aecore.lab.about import LabSubject
from aecore.lab.by_hand import LATER, ROUNDS, filtered, offered, settings
from aecore.models import build
from aecore.models.presets import preset
from aecore.runs import checkpoints
from pages.components.scribble import asked_in


def shipped(name: str) -> LabSubject:
    known = checkpoints.load(checkpoints.shipped()[name])
    return LabSubject(load(known.card.dataset), known.model, known.card)


def titles(found: by_hand.ByHand) -> list[str]:
    return [mender.title for mender in found.menders]


def test_of_digits_the_shipped_models_mend_and_the_one_in_hand_once():
    of_digits = [*by_hand.SHIPPED.values(), "PCA, 64 numbers"]
    assert titles(offered(shipped("denoising-ae"), "MNIST")) == of_digits
    found = offered(shipped("conv-ae"), "MNIST")
    assert titles(found) == [
        *of_digits[:-1],
        "Convolutional autoencoder, in hand",
        of_digits[-1],
    ]
    assert found.left_out == ()
    assert found.names == tuple("0123456789" * 2)
    assert len(set(found.rows)) == by_hand.EXAMPLES
    (said,) = offered(shipped("conditional-vae"), "MNIST").left_out
    assert "told the class" in said


def test_own_images_are_mended_by_ones_own_model_and_pca_alone(digits):
    model = build(preset("fast-start").spec(digits.spec, 4), 0)
    card = dataclasses.replace(shipped("first-ae").card, name="Mine", dataset=digits.name)
    found = offered(LabSubject(digits, model, card), "Digits")
    assert titles(found) == ["Mine, in hand", f"PCA, {digits.spec.size - 1} numbers"]
    assert found.x.shape[1:] == digits.spec.shape
    assert torch.equal(torch.from_numpy(found.x), digits.test.batch(torch.tensor(found.rows)))


def test_what_no_hand_can_draw_on_gives_way_to_digits_and_says_so():
    data = load("signals")
    model = build(preset("fast-start").spec(data.spec, 4), 0)
    found = offered(LabSubject(data, model, shipped("first-ae").card), "Signals")
    assert found.dataset == by_hand.DIGITS
    assert titles(found) == [*by_hand.SHIPPED.values(), "PCA, 64 numbers"]
    assert found.left_out[0].startswith("Signals cannot be scribbled on")


def test_filters_answer_as_elsewhere_and_leave_what_is_known():
    x = load("mnist").test.first(1).batch(slice(None)).numpy()
    seen = np.rint(255 * x).astype(np.uint8)
    chosen = settings("mnist")

    def asked(seen: bytes, hole: bytes) -> np.ndarray:
        return filtered((1, 28, 28), chosen, seen, hole)

    answers = asked(seen.tobytes(), b"")
    for way, setting, answer in zip(LATER, chosen, answers, strict=True):
        assert np.allclose(answer, way.apply(x, setting)[0], atol=1e-5)
        assert setting in way.tried
    hole = np.zeros_like(seen)
    hole[..., 10:16, 12:18] = 1
    damaged = np.where(hole, 0, seen)
    mended = asked(damaged.tobytes(), hole.tobytes())
    known = (damaged / 255).astype(np.float32)
    assert np.allclose(mended[:, hole[0] == 0], known[0][hole[0] == 0], atol=1e-6)
    by_hand_of_tv = known
    for _ in range(ROUNDS):
        answer = LATER[0].apply(by_hand_of_tv, chosen[0])
        by_hand_of_tv = np.where(hole == 0, known, answer)
    assert np.allclose(mended[0], by_hand_of_tv[0], atol=1e-5)
    assert not np.allclose(mended[0], asked(damaged.tobytes(), b"")[0], atol=0.02)
    for wrong in ((b"", b""), (seen.tobytes(), b"1")):
        with pytest.raises(ConfigError, match="784 values"):
            asked(*wrong)


def test_what_a_browser_says_is_checked():
    right = {"token": "a", "pixels": "AAAA", "hole": ""}
    assert asked_in(right, 3) == ("a", b"\0\0\0", b"")
    assert asked_in(right | {"hole": "AQAB"}, 3) == ("a", b"\0\0\0", b"\1\0\1")
    for wrong in (
        None,
        [],
        {},
        right | {"token": ""},
        right | {"token": "a" * 65},
        right | {"token": 7},
        right | {"pixels": "AAA"},
        right | {"pixels": "AA=="},
        right | {"pixels": "A" * 1000},
        right | {"pixels": "é" * 4},
        right | {"hole": "AAA"},
        right | {"hole": ["AAAA"]},
    ):
        assert asked_in(wrong, 3) is None
