"""A person's table: separators, encodings, labels, gaps, units, and the split."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from own_files import TABLE, csv, everything

from aecore.datasets.own.reading import column_names, read_upload
from aecore.errors import DatasetError


def test_a_path_is_read_like_its_bytes(tmp_path):
    (tmp_path / "t.csv").write_bytes(csv(TABLE))
    a, b = read_upload("t.csv", tmp_path / "t.csv"), read_upload("t.csv", csv(TABLE))
    assert a.dataset.name == b.dataset.name
    with pytest.raises(DatasetError, match="cannot be read"):
        read_upload("t.csv", tmp_path / "gone.csv")


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


def test_decimal_commas_are_no_separators_without_a_header_either():
    text = csv(TABLE, header="", separator=";").replace(b".", b",")
    want = read_upload("t.csv", csv(TABLE, header="")).dataset
    assert torch.equal(read_upload("t.csv", text).dataset.train.x, want.train.x)


@pytest.mark.parametrize("cells", [2, 4, 9])
def test_a_long_or_short_row_right_below_the_header_is_left_out(cells):
    head, *rows = csv(TABLE).splitlines()
    text = b"\n".join([head, b",".join([b"7"] * cells), *rows])
    own = read_upload("t.csv", text)
    assert len(everything(own.dataset)) == 60
    assert own.notes == ("1 row with too many or too few cells were left out.",)


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
    from aecore.datasets.own import csv_table

    monkeypatch.setattr(csv_table, "_CELLS", 20)  # five rows a block
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
