"""A person's own data: what good files give, what is said of them, and where they are kept."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aecore import datasets
from aecore.datasets import registry
from aecore.datasets.own import column_names, keep, own_folder, read_files, read_upload
from aecore.datasets.own_store import notes_of
from aecore.errors import DatasetError, UnknownNameError

RNG = np.random.default_rng(0)
TABLE = RNG.normal((5.0, -200.0, 0.001), (2.0, 30.0, 0.0001), (60, 3))


def png(array: np.ndarray, form: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, form, **options)
    return out.getvalue()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def npz(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def csv(rows, header="a,b,c", separator=",") -> bytes:
    lines = [header.replace(",", separator)] if header else []
    return "\n".join(lines + [separator.join(map(str, row)) for row in rows]).encode()


def everything(data) -> torch.Tensor:
    return torch.cat([data.train.batch(), data.test.batch()])


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(registry, "_kept", type(registry._kept)())
    return tmp_path / "runs"


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


@pytest.mark.parametrize("size", [28, 32, 64, 128])
def test_the_size_can_be_chosen(size):
    files = {f"{i}.png": png(noise(30, 30, seed=i)) for i in range(20)}
    assert read_upload("a.zip", zipped(files), size=size).dataset.spec.shape == (1, size, size)
    with pytest.raises(DatasetError, match="28, 32, 64 or 128"):
        read_upload("a.zip", zipped(files), size=size + 1)


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


def test_a_path_is_read_like_its_bytes(tmp_path):
    (tmp_path / "t.csv").write_bytes(csv(TABLE))
    a, b = read_upload("t.csv", tmp_path / "t.csv"), read_upload("t.csv", csv(TABLE))
    assert a.dataset.name == b.dataset.name
    with pytest.raises(DatasetError, match="cannot be read"):
        read_upload("t.csv", tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (noise(30, 28, 28), (1, 28, 28)),
        (noise(30, 16, 12, 3), (3, 16, 12)),
        (noise(30, 3, 16, 12), (3, 16, 12)),
        (noise(30, 16, 12, 1), (1, 16, 12)),
        (noise(30, 28, 28) / 255, (1, 28, 28)),
        (np.asfortranarray(noise(30, 28, 28) / 255), (1, 28, 28)),
        (noise(30, 28, 28).astype(">f8"), (1, 28, 28)),
        (noise(30, 28, 28).astype(np.int64), (1, 28, 28)),
    ],
)
def test_an_npz_of_images(x, shape):
    data = read_upload("a.npz", npz(x=x, y=np.arange(30) % 3)).dataset
    assert (data.spec.shape, data.spec.kind, data.spec.classes) == (shape, "image", 3)
    assert data.class_names == ("0", "1", "2")
    ours = {row.numpy().tobytes() for row in (everything(data) * 255).round().to(torch.uint8)}
    values = np.round(np.ascontiguousarray(x) * (255 if x.max() <= 1 else 1)).astype(np.uint8)
    if x.ndim == 4 and x.shape[1] != shape[0]:
        values = values.transpose(0, 3, 1, 2)
    assert ours == {np.ascontiguousarray(row).tobytes() for row in values}


def test_an_npz_with_its_own_held_out_split_keeps_it():
    x, t = noise(40, 8, 8), noise(12, 8, 8, seed=1)
    t[0] = x[0]
    own = read_upload("a.npz", npz(x_train=x, y_train=np.arange(40) % 2, x_test=t,
                                   y_test=np.arange(12) % 2))  # fmt: skip
    assert np.array_equal(own.dataset.test.x[:, 0], t)
    assert np.array_equal(own.dataset.train.x[:, 0], x[1:])
    assert own.dataset.test.labels.tolist() == [0, 1] * 6
    assert any("twice" in note for note in own.notes)


def test_binary_images_are_black_and_white():
    for x in (noise(30, 8, 8) > 127, (noise(30, 8, 8) > 127).astype(np.uint8)):
        assert set(everything(read_upload("a.npz", npz(x=x)).dataset).unique().tolist()) == {0, 1}


def test_rows_of_numbers_are_tables_or_signals():
    table = read_upload("a.npz", npz(data=TABLE)).dataset
    assert (table.spec.kind, table.spec.shape) == ("table", (3,))
    own = read_upload("a.npz", npz(x=RNG.normal(size=(40, 100)) * 7))
    assert own.dataset.spec.kind == "signal"
    assert (everything(own.dataset).min(), everything(own.dataset).max()) == (0, 1)
    assert any("scaled" in note for note in own.notes)
    as_signal = read_upload("a.npz", npz(data=TABLE), kind="signal").dataset
    assert as_signal.spec.kind == "signal"
    with pytest.raises(DatasetError, match="image"):
        read_upload("a.npz", npz(data=TABLE), kind="image")


def test_missing_values_in_arrays_are_left_out_and_said():
    x = RNG.random((40, 8, 8))
    x[3, 0, 0], x[5, 1, 1] = np.nan, np.inf
    own = read_upload("a.npz", npz(x=x))
    assert len(everything(own.dataset)) == 38
    assert own.notes[0].startswith("2 examples with missing or infinite values")


def test_a_table_comes_back_in_its_units():
    data = read_upload("t.csv", csv(TABLE)).dataset
    assert [c.name for c in data.columns] == ["a", "b", "c"]
    back = np.concatenate([data.original_units(s.batch()).numpy() for s in (data.train, data.test)])
    back, want = (np.array(sorted(rows.tolist())) for rows in (back, TABLE.astype(np.float32)))
    assert np.allclose(back, want, rtol=1e-5)
    x = data.train.x.double()
    assert x.mean(0).abs().max() < 1e-5


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_separators_and_encodings(separator, encoding):
    text = csv(TABLE, "größe,b,c", separator).decode().encode(encoding)
    own = read_upload("t.csv", text)
    assert own.dataset.columns[0].name == "größe"
    assert len(everything(own.dataset)) == 60
    assert any("Latin-1" in note for note in own.notes) == (encoding == "latin-1")


def test_decimal_commas():
    text = csv(TABLE, separator=";").replace(b".", b",")
    a, b = read_upload("t.csv", text).dataset, read_upload("t.csv", csv(TABLE)).dataset
    assert torch.equal(a.train.x, b.train.x)


def test_no_header():
    data = read_upload("t.csv", csv(TABLE, header="")).dataset
    assert [c.name for c in data.columns] == ["column 1", "column 2", "column 3"]
    assert len(everything(data)) == 60


def test_labels_are_guessed_chosen_or_refused():
    rows = [(*row, "xyz"[i % 3], i % 2) for i, row in enumerate(TABLE)]
    text = csv(rows, "a,b,c,sort,flag")
    assert column_names(text) == ("a", "b", "c", "sort", "flag")
    guessed = read_upload("t.csv", text)
    assert guessed.dataset.class_names == ("x", "y", "z")
    assert any("'sort'" in note for note in guessed.notes)
    assert guessed.dataset.spec == dataclasses.replace(guessed.dataset.spec, shape=(4,), classes=3)
    chosen = read_upload("t.csv", text, label="flag").dataset
    assert chosen.class_names == ("0", "1")
    assert [c.name for c in chosen.columns] == ["a", "b", "c"]
    assert read_upload("t.csv", text, label="").dataset.spec.classes == 0
    with pytest.raises(DatasetError, match=r"no column 'nope'.*sort"):
        read_upload("t.csv", text, label="nope")
    with pytest.raises(DatasetError, match="cannot be the classes"):
        read_upload("t.csv", text, label="a")


def test_labels_stay_with_their_rows_over_many_blocks(monkeypatch):
    from aecore.datasets import own_csv

    monkeypatch.setattr(own_csv, "_CELLS", 20)  # five rows a block
    rows = [(i, i * i, "even" if i % 2 == 0 else "odd", 7) for i in range(50)]
    rows += [(i, i * i, "1", 7) for i in range(50, 55)]  # a block whose words look like numbers
    data = read_upload("t.csv", csv(rows, "i,square,label,same")).dataset
    assert data.class_names == ("1", "even", "odd")
    for split in (data.train, data.test):
        i = data.original_units(split.x.double())[:, 0].round().long()
        want = torch.where(i >= 50, 0, 1 + i % 2)
        assert torch.equal(split.labels, want)


def test_gaps_are_dropped_or_filled_and_said():
    rows = [[*row] for row in TABLE]
    rows[4][1], rows[5][0], rows[6][2] = "", "NA", "inf"
    own = read_upload("t.csv", csv(rows))
    assert len(everything(own.dataset)) == 57
    assert any(note.startswith("3 rows with missing values") for note in own.notes)
    assert any(note.startswith("1 infinite value") for note in own.notes)
    filled = read_upload("t.csv", csv(rows), missing="mean")
    assert len(everything(filled.dataset)) == 60
    assert any("mean" in note for note in filled.notes)
    x = filled.dataset.original_units(everything(filled.dataset).double())
    mean = np.delete(TABLE[:, 1], 4).mean()
    assert (x[:, 1] - mean).abs().min() < 1e-3


def test_useless_columns_and_ragged_rows_are_said():
    rows = [(*row, 7, f"id-{i}") for i, row in enumerate(TABLE)] + [(1, 2)]
    own = read_upload("t.csv", csv(rows, "a,b,c,constant,name"))
    assert len(own.dataset.columns) == 3
    notes = " ".join(own.notes)
    assert "constant" in notes
    assert "name" in notes
    assert "1 row with too many or too few cells" in notes


def test_the_split_is_the_same_every_time_and_disjoint():
    text = csv(np.concatenate([TABLE, TABLE[:7]]))
    a, b = read_upload("t.csv", text), read_upload("t.csv", text)
    assert a.dataset.fingerprint == b.dataset.fingerprint
    assert a.dataset.name == b.dataset.name
    assert (len(a.dataset.train), len(a.dataset.test)) == (50, 10)
    assert any(note.startswith("7 examples that are there twice") for note in a.notes)
    rows = [{row.numpy().tobytes() for row in s.x} for s in (a.dataset.train, a.dataset.test)]
    assert not rows[0] & rows[1]


def test_kept_data_are_loaded_by_name(runs):
    own = read_upload("t.csv", csv([(*r, "ab"[i % 2]) for i, r in enumerate(TABLE)], "a,b,c,y"))
    name = keep(own_folder(), own)
    assert own_folder() == runs / "data"
    assert [p.name for p in own_folder().iterdir()] == [f"{name}.npz"]
    data = datasets.load(name)
    for f in dataclasses.fields(data):
        if f.name not in ("train", "test"):
            assert getattr(data, f.name) == getattr(own.dataset, f.name)
    assert data.fingerprint == own.dataset.fingerprint
    assert torch.equal(data.test.labels, own.dataset.test.labels)
    assert datasets.load(name) is data
    assert datasets.source(name).spec == data.spec
    assert datasets.source(name).title == "t.csv"
    assert notes_of(name) == own.notes
    assert name not in datasets.sources()
    assert keep(own_folder(), own) == name


def test_another_process_loads_the_same(runs):
    name = keep(own_folder(), read_upload("t.csv", csv(TABLE)))
    code = f"from aecore import datasets; print(datasets.load({name!r}).fingerprint)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == datasets.load(name).fingerprint


def test_only_the_latest_stay_in_memory(runs):
    names = [keep(own_folder(), read_upload("t.csv", csv(TABLE + i))) for i in range(10)]
    first = datasets.load(names[0])
    for name in names[1:8]:
        datasets.load(name)
    assert datasets.load(names[0]) is first
    for name in names[8:]:
        datasets.load(name)
    assert len(registry._kept) == registry.FAMILY_KEPT
    assert datasets.load(names[0]) is first  # used a moment ago
    assert names[1] not in registry._kept


@pytest.mark.parametrize(
    "name", ["own-", "own-../../etc/x", "own-0123456789AB", "own-0123456789ab/", "own-" + "0" * 13]
)
def test_names_that_cannot_be(runs, name):
    with pytest.raises(UnknownNameError):
        datasets.load(name)


def test_data_that_are_gone_or_damaged(runs):
    with pytest.raises(DatasetError, match="upload them again"):
        datasets.load("own-0123456789ab")
    name = keep(own_folder(), read_upload("t.csv", csv(TABLE)))
    path = own_folder() / f"{name}.npz"
    content = path.read_bytes()
    meta = json.dumps({"format": 1, "name": name})
    for damaged in (
        b"", content[:500], content[: len(content) // 2], b"no zip" * 50,
        npz(meta=np.frombuffer(meta.encode(), np.uint8)), npz(x=np.zeros(3)),
        npz(meta=np.array([{"a": 1}], dtype=object)),
        content.replace(b'"classes": 0', b'"classes": 2'),
    ):  # fmt: skip
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="damaged; upload"):
            datasets.load(name)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="AECORE_RUNS"):
        keep(tmp_path / "file", read_upload("t.csv", csv(TABLE)))
