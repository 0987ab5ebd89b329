"""What leaves this server says nothing that opens anything on it, or that is nobody's business."""

from __future__ import annotations

import dataclasses
import io
import sys
import zipfile
from pathlib import Path

import pytest

from aecore import datasets, places
from aecore.datasets.dataset import Dataset
from aecore.datasets.own.kept_file import OwnData, own_folder
from aecore.datasets.own.store import check_access, find_by_fingerprint, keep_for
from aecore.errors import DatasetError
from aecore.export.registry import all_ways, take_out
from aecore.export.subject import Subject
from aecore.models import build
from aecore.pad.bundle import PadBundle
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.library import Library
from aecore.runs.store import RunStore, owner_key
from aecore.types import ModelSpec, TrainConfig
from pages.components import pad_data
from pages.components.pad import explorer_html
from pages.shell.session import Hand

COOKIE = "0123456789abcdef" * 2
OWNER = owner_key(COOKIE)
FILE = "annas-diary-photographs.pt"


@pytest.fixture(scope="module")
def taken(tmp_path_factory, digits: Dataset) -> tuple[dict[str, bytes], list[str]]:
    """Every file that a run on own data can leave in, by name, and what may stand in none."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(places.RUNS_VARIABLE, str(root))
        few = dataclasses.replace(digits, train=digits.train.first(60), test=digits.test.first(40))
        name = keep_for(own_folder(), OwnData(few, (), "Diary"), OWNER)
        data = datasets.load(name)
        spec = ModelSpec("dense-ae", data.spec, 3, {"hidden": (16,)})
        origin = {"file": FILE, "form": "state dict", "facts": {"author": "Anna"}, "sure": True}
        card = Card("Leaves", spec, TrainConfig(), name, data.fingerprint, origin=origin)
        library = Library(RunStore(root))
        run = library.keep(OWNER, build(spec, seed=0).eval(), card)
        model = library.checkpoint(run.run_id).model
        files = {"download": library.download(run.run_id)}
        for way in all_ways():
            made = take_out(Subject(model, card, data), way)
            files |= {f"{way}/{part}": content for part, content in made.parts.items()}
            files[f"{way}/name"] = made.file_name.encode()
        bundle: PadBundle = pad_data.bundle_for(Hand(run.run_id, 1, model, card, data))
        files["explorer button"] = explorer_html(bundle, title=card.name).encode()
        assert find_by_fingerprint(OWNER, data.fingerprint) == name
        with pytest.raises(DatasetError):
            check_access(name, owner_key("f" * 32))
    here = [str(root), str(places.IMPORT_PATH), sys.prefix, str(Path.home())]
    return files, [COOKIE, OWNER, run.run_id, name, name.removeprefix("own-"), FILE, "Anna", *here]


def insides(content: bytes):
    """A file's bytes, and those of what is packed in it."""
    yield content
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield from insides(archive.read(entry))


def test_no_file_names_a_run_its_owner_own_data_or_this_machine(taken):
    files, secrets = taken
    assert len(files) > len(all_ways())
    for name, content in files.items():
        for piece in insides(content):
            for secret in filter(lambda s: len(s) > 3, secrets):
                assert secret.encode() not in piece, f"{name} says {secret!r}"


def test_what_leaves_is_read_again_and_knows_its_data_by_their_fingerprint(taken):
    for name in ("download", "checkpoint/model.safetensors"):
        card = checkpoints.from_bytes(taken[0][name]).card
        assert card.dataset == "own"
        assert card.fingerprint
