"""A model's notebook: valid, and its cells run in order."""

import json

import nbformat
import pytest

from aecore.export.notebook import export_notebook, notebook_cells, notebook_json
from aecore.export.script_model import wording
from aecore.export.subject import TOLERANCE
from tests.export.subjects import FAMILIES, subject_of


@pytest.mark.parametrize("family", FAMILIES)
def test_notebook_is_valid_and_its_code_compiles(family, digits):
    subject = subject_of(family, digits)
    cells = notebook_cells(subject, wording(subject))
    nbformat.validate(nbformat.reads(notebook_json(cells).decode(), as_version=4))
    kinds = [kind for kind, _ in cells]
    assert kinds[0] == "markdown"
    for kind, text in cells:
        if kind == "code":
            compile(text, "cell", "exec")


@pytest.mark.parametrize("family", ["conditional-vae"])
def test_cells_are_run_before_it_is_offered(family, digits):
    made = export_notebook(subject_of(family, digits))
    assert made.difference <= TOLERANCE
    assert "256 held-out images" in made.checked
    assert json.loads(made.parts["model.ipynb"])["nbformat"] == 4
    assert made.file_name.endswith(".zip")


def test_tables_have_no_pictures():
    from aecore import datasets

    subject = subject_of("dense-ae", datasets.load("wine"))
    made = export_notebook(subject)
    assert b"PIL" not in made.parts["model.ipynb"]
