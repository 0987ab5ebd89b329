"""A model as a Jupyter notebook: the script's pieces as cells, with what each of them is."""

from __future__ import annotations

import json

from aecore.export import fresh_python
from aecore.export.script import (
    companions,
    imports_of,
    read_text,
    training,
)
from aecore.export.script_model import (
    EXAMPLES_FILE,
    LABELS_FILE,
    WEIGHTS_FILE,
    Wording,
    constants,
    definitions,
    functions,
    model_class,
    wording,
)
from aecore.export.subject import Subject, TakenOut, compare, file_stem, verdict

NOTEBOOK_FILE = "model.ipynb"
Cell = tuple[str, str]  # "markdown" or "code", its text


def export_notebook(subject: Subject) -> TakenOut:
    """model.ipynb, model.pt and examples; the code cells are run in order in a fresh interpreter.

    Raises ExportError as export_script does.
    """
    words = wording(subject)
    cells = notebook_cells(subject, words)
    parts = {NOTEBOOK_FILE: notebook_json(cells), **companions(subject, words)}
    code = [text for kind, text in cells if kind == "code"]
    found = fresh_python.run_cells(subject, parts, code, ["notebook"], "The notebook")
    difference = compare(found, subject.outputs, "The notebook")
    how = "its cells run in order in a fresh Python"
    return TakenOut(
        f"{file_stem(subject.card)}-notebook", parts, verdict(subject, difference, how), difference
    )


def notebook_cells(subject: Subject, words: Wording) -> list[Cell]:
    """All cells in order."""
    learnt, spec = training(subject, words), words.spec
    made = [*definitions(words), model_class(words)]
    using = [*functions(words), read_text(words)]
    head = f'WEIGHTS = "{WEIGHTS_FILE}"\n{constants(words)}'
    taught = [learnt.constants, *learnt.functions] if learnt.constants else learnt.functions
    everything = "\n".join([head, *made, *using, *taught])
    told, given = "", ""
    if words.conditional:
        labels = f'labels = torch.from_numpy(np.load("{LABELS_FILE}"))'
        told, given = f"{labels}\ntold = one_hot(labels, len(x))\n", ", told"
    code = "z, logvar" if words.variational else "z"
    new = f"sample(model, {'len(x)' if words.conditional else 8}{given})"
    new = new if words.variational else f"sample(model, x{given}, 8)"
    image = spec.data.kind == "image" and len(spec.data.shape) == 3
    cells: list[Cell] = [
        (
            "markdown",
            f"# {words.name}\n\n{words.title}: {spec.data.size:,} values become {spec.latent_dim} "
            f"and {spec.data.size:,} again. Beside this notebook lie its weights, "
            f"`{WEIGHTS_FILE}`, and a few held-out examples, `{EXAMPLES_FILE}`. It needs PyTorch "
            f"and NumPy. {subject.provenance}".strip(),
        ),
        ("code", f"{imports_of(everything)}\n\n{head}"),
        ("markdown", "## The model"),
        ("code", "\n\n\n".join(made)),
        ("markdown", "## The trained weights, and what can be done with them"),
        ("code", "\n\n\n".join(using) + "\n\n\nmodel = load()\nmodel"),
        ("markdown", "Held-out examples, their codes, and the mean squared error a value."),
        (
            "code",
            f'x = read("{EXAMPLES_FILE}")\n'
            f"{told}"
            f"with torch.no_grad():\n    {code} = model.encode(x{given})\n"
            f"x_hat = reconstruct(model, x{given})\n"
            "print(tuple(x.shape), tuple(z.shape), (x_hat - x).square().mean().item())",
        ),
    ]
    if image and spec.data.shape[0] in (1, 3):
        cells += [
            (
                "markdown",
                "Above the examples, in the middle what the model makes of them, below "
                "newly sampled ones.",
            ),
            ("code", f"{_PICTURES}strip(x, x_hat, {new})"),
        ]
    else:
        cells += [("markdown", "New examples."), ("code", f"{new}[:2]")]
    about, before = learnt.origin, ""
    if learnt.constants:
        if not subject.provenance:
            about += " The numbers and the loop are the same as those that made the weights above."
        before = f"# {learnt.origin}\n"
    cells += [
        ("markdown", f"## Training\n\n{about}"),
        ("code", before + "\n\n\n".join(taught)),
        ("markdown", f"Set `TRAIN` to train a new one, on all of your own data {words.x}."),
        (
            "code",
            "TRAIN = False\nif TRAIN:\n    model, losses = "
            f"train(x{', labels' if words.conditional else ''})",
        ),
    ]
    return cells


_PICTURES = """from PIL import Image


def strip(*rows: Tensor) -> Image.Image:
    \"\"\"Rows of eight pictures, unsmoothed.\"\"\"
    lines = [torch.cat(list(row[:8].clamp(0, 1)), dim=2) for row in rows]
    picture = torch.cat(lines, dim=1).mul(255).byte().permute(1, 2, 0).squeeze(2).numpy()
    image = Image.fromarray(picture)
    return image.resize((image.width * 3, image.height * 3), Image.Resampling.NEAREST)


"""


def notebook_json(cells: list[Cell]) -> bytes:
    """Cells as the JSON of a notebook, nbformat 4.5."""
    made = []
    for i, (kind, text) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell-{i}", "metadata": {}}
        cell["source"] = text.splitlines(keepends=True)
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1).encode()
