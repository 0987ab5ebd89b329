"""A file of compressed examples: it comes back alike, and hostile bytes get one sentence."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from aecore.errors import CheckpointError
from aecore.evaluation.latent import encode_split
from aecore.jobs.file_views import read_back
from aecore.jobs.in_hand import InHand
from aecore.lab import code_file
from aecore.lab.coding import Coder, Turn, in_eight_bits, turn_of
from aecore.lab.layer_activity import mark_of
from aecore.models import build
from aecore.models.presets import preset
from aecore.runs import checkpoints

N = 40


@pytest.fixture(scope="module")
def model(digits):
    return build(preset("fast-start").spec(digits.spec, 6), 3).eval()


@pytest.fixture(scope="module")
def made(digits, model) -> code_file.CodeMade:
    train, test = (encode_split(model, some).mu for some in (digits.train, digits.test.first(N)))
    turn = turn_of(in_eight_bits(model)[0], train)
    coder = Coder.fit(turn.to(train), 0.2 * float(turn.to(train).std(0).max()))
    return code_file.CodeMade(coder, turn, coder.symbols(turn.to(test)))


@pytest.fixture(scope="module")
def content(digits, model, made) -> bytes:
    shape = tuple(digits.spec.shape)
    return code_file.to_bytes(mark_of(model), digits.fingerprint, shape, made)


def changed(content: bytes, said: dict | None = None, **arrays) -> bytes:
    """The same file with something else in it."""
    length = int.from_bytes(content[:8], "little")
    text = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][code_file.KEY])
    return save(load(content) | arrays, {code_file.KEY: json.dumps(text | (said or {}))})


def test_it_comes_back_as_the_decoder_draws_its_rounded_codes(content, model, made):
    file = code_file.from_bytes(content)
    assert file.n == N
    small, _ = in_eight_bits(model)
    z = made.turn.back(made.coder.values(made.symbols))
    with torch.inference_mode():
        expected = small.decode(torch.from_numpy(z)).numpy()
    assert np.allclose(code_file.read(file, model), expected, atol=1e-4)


def test_axes_as_they_are_come_back_too(digits, model):
    z = encode_split(model, digits.train).mu
    turn = Turn(z.mean(0))
    coder = Coder.fit(turn.to(z), 0.5 * float(z.std()))
    made = code_file.CodeMade(coder, turn, coder.symbols(turn.to(z[:5])))
    whole = code_file.to_bytes(mark_of(model), "", tuple(digits.spec.shape), made)
    file = code_file.from_bytes(whole)
    assert np.array_equal(file.coder.read(file.codes), made.symbols)
    assert code_file.read(file, model).shape == (5, *digits.spec.shape)


def test_its_error_is_said_where_the_originals_are_here(digits, model, content):
    card = checkpoints.read_card(checkpoints.shipped()["first-ae"])
    found = read_back(InHand(model, card, digits), content)
    x = digits.test.first(N).batch(slice(None)).numpy()
    assert found.x is not None
    assert found.errors is not None
    whole = code_file.read(code_file.from_bytes(content), model)
    assert found.errors == pytest.approx(np.square(whole - x).reshape(N, -1).mean(1), rel=1e-4)
    assert np.array_equal(found.x, x[: len(found.x)])
    assert (found.size, found.n) == (len(content), N)
    foreign = read_back(InHand(model, card, digits), changed(content, {"fingerprint": "other"}))
    assert foreign.errors is None
    with pytest.raises(CheckpointError, match="not in hand"):
        read_back(InHand(model, card, digits), changed(content, {"mark": "other"}))


def test_it_names_nothing_but_hashes(content):
    length = int.from_bytes(content[:8], "little")
    said = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][code_file.KEY])
    assert set(said) == {"mark", "fingerprint", "shape", "step"}


def test_only_the_model_that_wrote_it_reads_it(digits, content):
    other = build(preset("fast-start").spec(digits.spec, 6), 4).eval()
    with pytest.raises(CheckpointError, match="another model"):
        code_file.read(code_file.from_bytes(content), other)


def _stream(content: bytes, n: int) -> np.ndarray:
    codes = load(content)["codes"].copy()
    codes[4:8] = np.frombuffer(np.uint32(n).tobytes(), np.uint8)
    return codes


HARMS = {
    "nothing": lambda c: b"",
    "text": lambda c: b"hello, this is no file at all",
    "a pickle": lambda c: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "half": lambda c: c[: len(c) // 2],
    "a header without end": lambda c: (2**63).to_bytes(8, "little") + c[8:],
    "too large": lambda c: c + bytes(code_file.MOST_BYTES),
    "a billion examples": lambda c: changed(c, codes=_stream(c, 4_000_000_000)),
    "no examples": lambda c: changed(c, codes=_stream(c, 0)),
    "vast examples": lambda c: changed(c, {"shape": [100_000, 100_000]}),
    "a negative shape": lambda c: changed(c, {"shape": [-1, 64]}),
    "a shape of words": lambda c: changed(c, {"shape": "abc"}),
    "no step": lambda c: changed(c, {"step": float("nan")}),
    "steps of words": lambda c: changed(c, {"step": "x"}),
    "endless means": lambda c: changed(c, means=np.full_like(load(c)["means"], np.inf)),
    "counts too few": lambda c: changed(c, counts=load(c)["counts"][:-1]),
    "sizes below 0": lambda c: changed(c, sizes=-load(c)["sizes"]),
    "sizes beyond all": lambda c: changed(c, sizes=np.full(6, 2**31 - 1, np.int32)),
    "floats for counts": lambda c: changed(c, counts=load(c)["counts"].astype(np.float32)),
    "axes of another size": lambda c: changed(c, back=np.zeros((3, 3), np.float32)),
    "numbers without end": lambda c: changed(c, low=np.zeros(100_000, np.int64)),
    "another stream": lambda c: changed(c, codes=np.zeros(0, np.uint8)),
    "metadata that is a list": lambda c: save(load(c), {code_file.KEY: "[1, 2]"}),
}


@pytest.mark.parametrize("harm", HARMS)
def test_hostile_bytes_get_one_sentence(content, model, harm):
    began = time.monotonic()
    with pytest.raises(CheckpointError) as said:
        code_file.read(code_file.from_bytes(HARMS[harm](content)), model)
    assert time.monotonic() - began < 2
    assert str(said.value).endswith(".")
    assert "\n" not in str(said.value)


def test_damaged_bytes_do_no_harm(content, model):
    """Whatever is flipped: a sentence, or examples of the right shape; never another error."""
    draw, refused = np.random.default_rng(0), 0
    for _ in range(300):
        bytes_ = bytearray(content)
        for at in draw.integers(0, len(bytes_), draw.integers(1, 4)):
            bytes_[at] = draw.integers(0, 256)
        if draw.random() < 0.2:
            bytes_ = bytes_[: draw.integers(0, len(bytes_))]
        try:
            file = code_file.from_bytes(bytes(bytes_))
            x_hat = code_file.read(file, model)
        except CheckpointError:
            refused += 1
        else:
            assert x_hat.shape == (file.n, *model.spec.data.shape)
    assert 100 < refused < 300
