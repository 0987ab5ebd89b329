"""--data on the command line: a person's own file is read, trained on, and named in the card."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage
import sklearn.datasets

from aecore.cli import main
from aecore.datasets.own.reading import from_file, own_folder
from aecore.errors import DatasetError
from aecore.runs import checkpoints

# Files that somebody else made, in the packages of the tests.
SKLEARN = Path(sklearn.datasets.__file__).parent
IRIS = SKLEARN / "data" / "iris.csv"
CANCER = SKLEARN / "data" / "breast_cancer.csv"
PHOTOGRAPHS = sorted(
    path
    for folder in (SKLEARN / "images", Path(skimage.__file__).parent / "data")
    for path in folder.rglob("*")
    if path.suffix in (".png", ".jpg", ".gif", ".tif", ".webp")
)
QUICK = ["--preset", "fast-start", "--epochs", "1", "--latent-dim", "2", "--device", "cpu"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_table_of_somebody_elses(runs):
    data = from_file(IRIS, label="virginica")
    flowers, species = sklearn.datasets.load_iris(return_X_y=True)
    whole = np.concatenate(
        [
            np.column_stack([data.original_units(split.batch().double()), split.labels])
            for split in (data.train, data.test)
        ]
    )
    # One flower was measured twice alike; it is kept once.
    want = np.unique(np.column_stack([flowers, species]), axis=0)
    assert len(whole) == len(want) == 149
    assert np.allclose(whole[np.lexsort(whole.T[::-1])], want[np.lexsort(want.T[::-1])], atol=1e-5)
    assert data.class_names == ("0", "1", "2")
    assert not own_folder().exists()


def test_a_table_whose_first_line_is_no_header_is_one_sentence():
    with pytest.raises(DatasetError, match="another number of cells than the first row"):
        from_file(CANCER)


def test_it_is_trained_on_and_named_in_the_card(runs, tmp_path, capsys):
    out = tmp_path / "flowers.safetensors"
    main(["train", *QUICK, "--data", str(IRIS), "--label", "virginica", "--out", str(out)])
    main(["train", *QUICK, "--data", str(IRIS), "--label", "virginica", "--json"])
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    data, card = from_file(IRIS, label="virginica"), checkpoints.load(out).card
    assert told["dataset"] == card.dataset == data.name
    assert card.fingerprint == data.fingerprint
    assert card.spec.data == data.spec
    assert card.note == "Own data from iris.csv: 127 to train on, 22 held out."


def test_photographs_in_a_zip(runs, tmp_path):
    packed = tmp_path / "photographs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in PHOTOGRAPHS:
            archive.write(path, path.name)
    if len(PHOTOGRAPHS) < 20:
        with pytest.raises(DatasetError, match=f"At least 20.*{len(PHOTOGRAPHS)}"):
            from_file(packed)
        return
    data = from_file(packed)
    assert data.spec.shape[0] == 3
    assert len(data.train) + len(data.test) <= len(PHOTOGRAPHS)


def test_arrays_in_an_npz(runs, tmp_path):
    digits = sklearn.datasets.load_digits()
    np.savez(tmp_path / "digits.npz", x=digits.images, y=digits.target)
    data = from_file(tmp_path / "digits.npz")
    assert data.spec.shape == (1, 8, 8)
    assert len(data.class_names) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "gone.csv"], "cannot be read"),
        (["--data", str(IRIS), "--label", "smell"], "no column 'smell'"),
        (["--label", "smell"], "give that too"),
        (["--data", str(IRIS), "--dataset", "digits"], "not allowed with"),
        (["--data", __file__], "not of a known kind"),
    ],
)
def test_mistakes_are_one_sentence(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", *QUICK, *arguments])
    assert ended.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in last
    assert len(last) < 400
