"""The printed page: its file is a PDF by its own table of contents, and says what is so."""

import re
import zlib

import numpy as np
import pytest
import torch

from aecore import datasets
from aecore.errors import ExportError
from aecore.evaluation.metrics import example_errors, shown
from aecore.export.handout import export_handout, questions
from aecore.export.pdf_page import PdfPage, pictures_in, width_of, wrapped
from aecore.export.subject import Subject
from aecore.figures.images import as_image
from aecore.figures.preview import rows_of
from aecore.models import registry
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.types import ModelSpec, TrainConfig

ADDRESS = "https://lab.example.org/decode?model=first-ae"


@pytest.fixture(scope="module")
def subject() -> Subject:
    found = checkpoints.load(checkpoints.shipped()["first-ae"])
    return Subject(found.model, found.card, datasets.load("mnist"), address=ADDRESS)


def texts(content: bytes) -> list[str]:
    """Every line of text on the page."""
    streams = re.findall(rb"/Length \d+ >>\nstream\n(.*?)\nendstream", content, re.DOTALL)
    drawn = zlib.decompress(streams[0]).decode()
    return [
        bytes.fromhex(found).decode("cp1252") for found in re.findall("<([0-9a-f]+)> Tj", drawn)
    ]


@torch.inference_mode()
def test_the_page_shows_the_model_and_its_figures(subject):
    made = export_handout(subject)
    content = made.content
    assert made.file_name == "the-first-autoencoder-handout.pdf"
    said = texts(content)
    assert {"The first autoencoder", ADDRESS, "To think about"} <= set(said)
    assert "Its error on 10,000 held-out images" in said
    error = float(example_errors(subject.model, subject.data.test).mean())
    assert shown(error) in said
    rows = torch.from_numpy(rows_of(subject.data, 6))
    x = subject.data.test.batch(rows)
    pictures = pictures_in(content)
    assert len(pictures) == 18
    for picture, wanted in zip(pictures, [*x, *subject.model.reconstruct(x)], strict=False):
        assert np.array_equal(picture, as_image(wanted.numpy()))
    assert len([t for t in said if re.match(r"[123]\. ", t)]) == len(questions(subject, error)) == 3


def test_a_page_whose_table_of_contents_lies_is_refused(subject):
    content = export_handout(subject).content
    with pytest.raises(ExportError, match="table of contents"):
        pictures_in(content.replace(b"\n3 0 obj", b"\n\n3 0 obj", 1))
    with pytest.raises(ExportError, match="table of contents"):
        pictures_in(content[:-40])


def test_a_name_in_any_letters_is_a_page(subject):
    page = PdfPage("模型 (x) \\ é")
    page.text(10, 10, "模型 (x) \\ é − 3")
    assert texts(page.content()) == ["?? (x) \\ é - 3"]


def test_lines_fit_and_lose_no_word():
    text = "Which of the images above is redrawn worst? " * 4
    lines = wrapped(text, 200, 10)
    assert all(width_of(line, 10) <= 200 for line in lines)
    assert " ".join(lines).split() == text.split()


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "signals"])
def test_a_table_or_a_signal_says_how_it_is_drawn(name):
    data = datasets.load(name)
    spec = ModelSpec("dense-ae", data.spec, 2, {"hidden": (4,), "output": "linear"})
    model = registry.build(spec, seed=1).eval()
    card = Card("A model", spec, TrainConfig(), data.name, data.fingerprint)
    made = export_handout(Subject(model, card, data))
    said = " ".join(texts(made.content))
    assert not re.search(r"\bimages?\b|picture", said + made.checked)
    if name == "signals":
        assert f"Each is {data.spec.size} values, from left to right." in said
        return
    listed = re.search(r"from the top: (.*?)(?: and (\d+) more)?\.", said)
    names = listed[1].split(", ")
    assert names == [column.name for column in data.columns][: len(names)]
    assert len(names) + int(listed[2] or 0) == data.spec.size
