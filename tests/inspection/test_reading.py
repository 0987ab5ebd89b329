"""Every form in which people keep weights comes back as the same tensors, with what was done."""

from __future__ import annotations

import argparse
import ast
import collections
import io
import pathlib

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn
from torch.nn.utils import prune

from aecore import places
from aecore.errors import CheckpointError
from aecore.inspection.files.pairing import WhichFileError
from aecore.inspection.files.reading import read, read_pair
from aecore.models import build
from aecore.runs import checkpoints
from aecore.types import TrainConfig
from tests.inspection.files import (
    compute,
    example,
    exported,
    legacy,
    network,
    onnx_bytes,
    rezipped,
    saved,
)

STATE = network("dense").state_dict()
FILES = sorted((places.PACKAGE / "inspection/files").glob("*.py"))


def same(contents, state=STATE):
    assert set(contents.tensors) == set(state)
    for name, value in state.items():
        assert torch.equal(contents.tensors[name], value.float()), name
    return contents


# -- forms -----------------------------------------------------------------------------------------


def test_a_bare_safetensors_file():
    contents = same(read(save_safetensors(STATE, {"epoch": "7"}), "w.safetensors"))
    assert (contents.form, contents.ordered, contents.card) == ("safetensors", False, None)
    assert contents.facts == {"epoch": "7"}


def test_a_file_of_this_app_keeps_its_card(tiny_ae):
    model = build(tiny_ae, seed=0)
    card = checkpoints.Card("mine", tiny_ae, TrainConfig(epochs=1), "digits", "abc")
    contents = read(checkpoints.to_bytes(model, card), "mine.safetensors")
    assert '"mine"' in contents.card
    same(contents, model.state_dict())


@pytest.mark.parametrize("write", [saved, legacy])
def test_a_state_dict_keeps_its_order(write):
    contents = same(read(write(STATE), "w.pt"))
    assert (contents.form, contents.ordered) == ("torch", True)
    assert list(contents.tensors) == list(STATE)
    assert contents.notes == ()


def test_a_path_is_read_like_its_bytes(tmp_path):
    (tmp_path / "w.pth").write_bytes(saved(STATE))
    same(read(tmp_path / "w.pth", "w.pth"))


def test_the_name_of_a_file_does_not_decide():
    same(read(saved(STATE), "w.safetensors"))
    same(read(save_safetensors(STATE), "w.pt"))


def test_types_become_float32_and_int64():
    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.bool)
    given = {str(kind): torch.ones(3).to(kind) for kind in kinds}
    for content in (saved(given), save_safetensors(given)):
        found = read(content, "w").tensors
        assert all(bool((v == 1).all()) for v in found.values())
        whole = [k for k, v in found.items() if v.dtype == torch.int64]
        assert sorted(whole) == ["torch.bool", "torch.int8", "torch.uint8"]


def test_nan_and_infinity_are_kept():
    odd = {"w": torch.tensor([1.0, float("nan"), float("inf")])}
    for content in (saved(odd), save_safetensors(odd)):
        found = read(content, "w").tensors["w"]
        assert found[1].isnan()
        assert found[2].isinf()


def test_empty_and_single_valued_tensors():
    given = {"empty": torch.empty(0, 3), "one": torch.tensor(2.5), "steps": torch.tensor(3)}
    found = read(saved(given), "w.pt").tensors
    assert found["empty"].shape == (0, 3)
    assert found["one"] == 2.5
    assert found["steps"] == 3


def test_views_of_one_tensor_come_back_each_with_its_values():
    base = torch.arange(12.0).reshape(3, 4)
    found = read(saved({"a": base, "b": base.T, "c": base[1:, :2]}), "w.pt").tensors
    assert torch.equal(found["b"], base.T)
    assert torch.equal(found["c"], base[1:, :2])
    assert found["b"].is_contiguous()


def test_big_endian_files_are_read_right():
    def change(parts):
        data = next(n for n in parts if n.endswith("data/0"))
        parts[data] = np.frombuffer(parts[data], "<f4").astype(">f4").tobytes()
        parts[next(n for n in parts if n.endswith("byteorder"))] = b"big"
        return parts

    swapped = rezipped(saved({"w": torch.arange(4.0)}), change)
    assert torch.equal(read(swapped, "w.pt").tensors["w"], torch.arange(4.0))


# -- nesting ---------------------------------------------------------------------------------------

WHOLE = (
    *("state_dict", "model", "model_state_dict", "model_state", "net", "network", "ema"),
    *("ema_state_dict", "module", "weights", "params", "autoencoder", "vae", "generator"),
    *("my_own_word",),
)


@pytest.mark.parametrize("key", WHOLE)
def test_weights_are_found_under_a_key(key):
    contents = same(read(saved({"epoch": 12, "loss": 0.5, key: STATE}), "w.pt"))
    assert contents.facts == {"epoch": 12, "loss": 0.5}


def test_weights_are_found_two_levels_down():
    same(read(saved({"checkpoint": {"model": STATE, "note": "x"}, "epoch": 1}), "w.pt"))


@pytest.mark.parametrize(
    ("first", "second"),
    [("encoder", "decoder"), ("encoder_state_dict", "decoder_state_dict"), ("enc", "dec")],
)
@pytest.mark.parametrize("outer", [None, "model"])
def test_two_halves_are_put_together(first, second, outer):
    model = network("dense")
    halves = {first: model.encoder.state_dict(), second: model.decoder.state_dict(), "epoch": 3}
    contents = same(read(saved(halves if outer is None else {outer: halves}), "w.pt"))
    assert contents.facts["epoch"] == 3


def test_the_optimizers_memory_is_left_out_and_said():
    model = network("dense")
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 64)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "lr_scheduler": {}}
    contents = same(read(saved(state), "w.pt"), model.state_dict())
    assert "optimizer" in contents.notes[0]


def test_the_trained_weights_come_before_their_average():
    average = {name: value * 0 for name, value in STATE.items()}
    contents = same(read(saved({"ema": average, "model": STATE}), "w.pt"))
    assert "'model'" in contents.notes[0] or "model was read" in contents.notes[0]
    assert "ema" in contents.notes[0]


def test_a_lightning_checkpoint():
    whole = {
        "epoch": 4,
        "global_step": 900,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"model.{name}": value for name, value in STATE.items()},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.1)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
        "lr_schedulers": [],
        "hyper_parameters": {"latent_dim": 3, "lr": 1e-3, "args": argparse.Namespace(beta=4)},
    }
    contents = same(read(saved(whole), "last.ckpt"))
    assert contents.form == "lightning"
    assert contents.facts["hyper_parameters"] == {"latent_dim": 3, "lr": 1e-3, "args": {"beta": 4}}
    assert contents.facts["epoch"] == 4
    assert any("'model.'" in note for note in contents.notes)


def test_harmless_values_beside_the_weights():
    values = {
        "state_dict": STATE,
        "args": argparse.Namespace(lr=0.1, hidden=[16, 8]),
        "score": np.float64(0.25),
        "step": np.int64(7),
        "mean": np.array([1.0, 2.0]),
        "folder": pathlib.PosixPath("/tmp/runs"),
        "history": collections.defaultdict(list, loss=[1.0, 0.5]),
        "best": torch.tensor(0.5),
    }
    facts = same(read(saved(values), "w.pt")).facts
    assert facts["args"] == {"lr": 0.1, "hidden": [16, 8]}
    assert (facts["score"], facts["step"], facts["best"]) == (0.25, 7, 0.5)
    assert facts["folder"] == "/tmp/runs"
    assert facts["history"] == {"loss": [1.0, 0.5]}


def test_weights_as_numpy_arrays():
    contents = read(saved({name: value.numpy() for name, value in STATE.items()}), "w.pt")
    same(contents)


def test_facts_are_bounded():
    facts = read(saved({"w": STATE, **{f"k{i}": "x" * 999 for i in range(500)}}), "w.pt").facts
    assert len(facts) == 64
    assert all(len(v) <= 200 for v in facts.values())


# -- wrappers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "net.", "module._orig_mod."])
def test_wrappers_are_taken_off_names(prefix):
    contents = same(read(saved({f"{prefix}{k}": v for k, v in STATE.items()}), "w.pt"))
    assert contents.notes


def test_a_prefix_that_not_all_have_stays():
    state = {"model.weight": torch.ones(2, 2), "head.weight": torch.ones(1, 2)}
    assert set(read(saved(state), "w.pt").tensors) == set(state)


def normed(kind: str) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(5, 4), nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 3))
    wrap = {
        "weight_norm": nn.utils.parametrizations.weight_norm,
        "spectral_norm": nn.utils.parametrizations.spectral_norm,
        "old weight_norm": nn.utils.weight_norm,
        "old spectral_norm": nn.utils.spectral_norm,
        "pruning": lambda m: prune.l1_unstructured(m, "weight", 0.5),
    }[kind]
    return nn.Sequential(*(wrap(layer) for layer in layers))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "kind",
    ["weight_norm", "spectral_norm", "old weight_norm", "old spectral_norm", "pruning"],
)
def test_effective_weights_are_computed(kind):
    model = normed(kind)
    for layer in model:  # spectral norm wants a few steps to know its vectors
        for _ in range(20):
            layer(
                torch.rand(2, 5)
                if isinstance(layer, nn.Linear)
                else torch.rand(2, 4, 6, 6)[:, : layer.in_channels]
            )
    model.eval()
    model[0](torch.rand(2, 5)), model[1](torch.rand(2, 3, 6, 6)), model[2](torch.rand(2, 4, 6, 6))
    contents = read(saved(model.state_dict()), "w.pt")
    assert set(contents.tensors) == {f"{i}.{what}" for i in range(3) for what in ("weight", "bias")}
    for i, layer in enumerate(model):
        assert torch.allclose(contents.tensors[f"{i}.weight"], layer.weight, atol=1e-5), i
    assert len(contents.notes) == 3


# -- left out with a note --------------------------------------------------------------------------


def test_odd_tensors_are_left_out_with_a_note():
    state = {
        "w": torch.ones(2),
        "sparse": torch.eye(3).to_sparse(),
        "complex": torch.ones(2, dtype=torch.complex64),
        "meta": torch.empty(3, device="meta"),
    }
    contents = read(saved(state), "w.pt")
    assert set(contents.tensors) == {"w"}
    assert len(contents.notes) == 3
    assert all("left out" in note for note in contents.notes)


# -- pairs -----------------------------------------------------------------------------------------


def test_a_pair_of_state_dicts_by_their_names():
    model = network("dense")
    encoder, decoder = saved(model.encoder.state_dict()), saved(model.decoder.state_dict())
    contents = same(read_pair((decoder, "dec.pt"), (encoder, "enc.pt")))
    assert contents.facts["pair"] is True
    same(read_pair((encoder, "a.pt"), (decoder, "b.pt")))
    same(read_pair((decoder, "a.pt"), (encoder, "b.pt")))


def test_a_pair_of_graphs_is_one_graph(tmp_path):
    model = network("dense")
    encoder = nn.Sequential(nn.Flatten(), model.encoder)
    file = io.BytesIO()
    torch.export.save(torch.export.export(model.decoder, (torch.rand(2, 3),)), file)
    contents = read_pair((file.getvalue(), "decoder.pt2"), (exported(encoder), "encoder.pt2"))
    x_hat, z = compute(contents, example())
    assert torch.allclose(z, encoder(example()), atol=1e-6)
    assert torch.allclose(x_hat, model(example()).flatten(1), atol=1e-6)


def test_pairs_that_are_none(tiny_ae, tmp_path):
    model = network("dense")
    card = checkpoints.Card("mine", tiny_ae, TrainConfig(epochs=1), "digits", "abc")
    mine = checkpoints.to_bytes(build(tiny_ae, seed=0), card)
    with pytest.raises(CheckpointError, match="whole model of this app"):
        read_pair((mine, "a"), (saved(STATE), "b"))
    square = saved({"w": torch.ones(2, 2)})
    with pytest.raises(WhichFileError, match="Open one of 'a', 'b' alone"):
        read_pair((square, "a"), (square, "b"))
    with pytest.raises(CheckpointError, match="cannot be told"):
        read_pair((square, "a"), (square, "b"), together=True)
    # A second, unrelated file beside a whole autoencoder is not made one model with it.
    with pytest.raises(WhichFileError, match="takes 64 numbers and gives 64"):
        read_pair((saved(STATE), "autoencoder.pt"), (saved(STATE), "other.pt"))
    halves = (saved(model.encoder.state_dict()), saved(nn.Linear(9, 64).state_dict()))
    with pytest.raises(WhichFileError, match="takes 9 numbers"):
        read_pair((halves[0], "encoder.pt"), (halves[1], "decoder.pt"))
    assert read_pair((halves[0], "encoder.pt"), (halves[1], "decoder.pt"), together=True).tensors
    graph = onnx_bytes(model, tmp_path / "m.onnx", dynamo=False)
    with pytest.raises(CheckpointError, match="two of the same kind"):
        read_pair((graph, "enc"), (saved(STATE), "dec"))


@pytest.mark.parametrize("first", [0x80, 0x08, ord("P")])
def test_a_header_length_that_looks_like_another_format(first):
    """The length of the header is the first thing in a .safetensors file, and may be any number."""
    tensors = {"fc.weight": torch.zeros(3, 4)}
    for pad in range(300):
        content = save_safetensors(tensors, {"note": "x" * pad})
        # Headers are padded to whole eights: 0x50 and 0x80 are met, 0x08 as well.
        if content[0] == first:
            assert read(content, "model.safetensors").tensors["fc.weight"].shape == (3, 4)
            return
    raise AssertionError("no such length was met")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_readers_know_nothing_of_data(path):
    """The confined process parses files; it has no business with datasets."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("aecore.datasets"), node.module
