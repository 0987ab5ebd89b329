"""A result to take away: its numbers as CSV, its figures as PNG, and a notebook that runs it."""

from __future__ import annotations

import io
import json
import math

from PIL import Image

from aecore.export.csv_tables import csv_text
from aecore.export.notebook import notebook_json
from aecore.export.subject import zipped
from aecore.figures import images
from aecore.figures.chart import Pictures
from aecore.figures.chart_files import png
from aecore.lab.outcome import Outcome
from aecore.lab.predicting import difference, drawn_over
from aecore.lab.record import Record

NOTEBOOK, FIGURES = "experiment.ipynb", "figures.csv"


def file_stem(record: Record) -> str:
    """What a download of it is called, without its ending."""
    data = record.about.dataset
    return record.experiment + (f"-{data.partition('-')[0]}" if data else "")


def tables(outcome: Outcome) -> dict[str, bytes]:
    """Every number of an outcome as CSV files: figures, charts and tables."""
    shown = outcome.figures
    columns = {
        "figure": [f.name for f in shown],
        "about": [f.title for f in shown],
        "value": [float(f.value) for f in shown],
        "unit": [f.unit for f in shown],
        "split": [f.split for f in shown],
        "expected from": [math.nan if f.band is None else float(f.band[0]) for f in shown],
        "expected to": [math.nan if f.band is None else float(f.band[1]) for f in shown],
    }
    found = {FIGURES: csv_text(columns)}
    found |= {f"{chart.name}.csv": csv_text(chart.columns()) for chart in outcome.charts}
    found |= {f"{table.name}.csv": csv_text(table.columns) for table in outcome.tables}
    return {name: text.encode() for name, text in found.items()}


def drawings(record: Record, outcome: Outcome) -> dict[str, bytes]:
    """Every chart, with what was predicted, and all pictures as PNG files."""
    asked = record.of().asks(record.chosen(), record.about) if record.guess else None
    charts = outcome.charts
    if asked is not None:
        charts = tuple(drawn_over(chart, asked, record.guess) for chart in charts)
    found = {f"{chart.name}.png": png(chart) for chart in charts}
    return found | {f"{shown.name}.png": picture(shown) for shown in outcome.pictures}


def picture(shown: Pictures) -> bytes:
    """Pictures as one PNG, unsmoothed; what is not there yet is left out."""
    rows, columns = shown.images.shape[:2]
    each = shown.images.reshape(rows * columns, *shown.images.shape[2:])
    drawn = [images.as_image(one) for one in each]
    grid = images.grid(drawn, columns, 1, images.enlargement(drawn[0].shape[1] * columns, 800))
    out = io.BytesIO()
    Image.fromarray(grid).save(out, "PNG")
    return out.getvalue()


def notebook(record: Record, outcome: Outcome) -> bytes:
    """A notebook that says what was found, and runs the experiment again with aecore installed."""
    one, about = record.of(), record.about
    asked = one.asks(record.chosen(), about) if record.guess else None
    said = [outcome.says, difference(asked, record.guess, outcome) if asked is not None else ""]
    lines = [
        f"{f.title}: **{f.value:.5g}** {f.unit} ({f.split})" + _expected(f.band)
        for f in outcome.figures
    ]
    found = "\n".join(f"- {line}" for line in lines)
    data = (
        f"from aecore import datasets\n\nsubject = LabSubject(datasets.load({about.dataset!r}))"
        if one.uses == "data"
        else "from pathlib import Path\n\nfrom aecore import datasets\n"
        "from aecore.runs import checkpoints\n\n"
        'known = checkpoints.load(Path("model.safetensors"))  # the model that it was run on\n'
        "subject = LabSubject(datasets.load(known.card.dataset), known.model, known.card)"
        if one.uses == "model"
        else "subject = LabSubject()"
    )
    cells = [
        ("markdown", f"# {one.title}\n\n{one.question}\n\n{' '.join(filter(None, said))}"),
        ("markdown", f"## What was found\n\n{found}"),
        ("markdown", "## Run it again\n\nWith the package `aecore` installed."),
        (
            "code",
            "from aecore.lab.about import About, LabSubject\n"
            "from aecore.lab.events import LabDone\n"
            "from aecore.lab.registry import experiment, options_from\n"
            f"from aecore.lab.running import run\n{data}",
        ),
        (
            "code",
            f"one = experiment({record.experiment!r})\n"
            f"options = options_from(one, {_as_code(record.options)})\n"
            "done = {}\n"
            "for event in run(one, options, subject):\n"
            "    if isinstance(event, LabDone):\n"
            "        done[event.task] = event.values\n"
            "outcome = one.tell(options, About.of(subject), done)\n"
            "for figure in outcome.figures:\n"
            "    print(figure.name, figure.value, figure.unit, figure.split)",
        ),
    ]
    return notebook_json(cells)


def _as_code(options: dict) -> str:
    return repr(json.loads(json.dumps(options)))


def _expected(band: tuple[float, float] | None) -> str:
    return "" if band is None else f", expected {band[0]:.4g} to {band[1]:.4g}"


def everything(record: Record) -> bytes:
    """All of it as one zip. Raises AecoreError."""
    outcome = record.outcome()
    parts = tables(outcome) | drawings(record, outcome)
    parts |= {file.name: file.content for file in outcome.files}
    return zipped(parts | {NOTEBOOK: notebook(record, outcome)})
