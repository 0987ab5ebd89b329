"""What `python -m aecore inspect` does: open, examine, and write the report down."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.datasets import Dataset
from aecore.datasets.own.reading import from_file
from aecore.errors import CheckpointError, DatasetError
from aecore.evaluation.metrics import evaluate
from aecore.inspection.apart import Opened, judged, open_files
from aecore.inspection.judging.html import compare_html, to_html
from aecore.inspection.judging.report import Report
from aecore.writing import write_or_say


def inspect_files(
    paths: Sequence[Path], data: Dataset | None, html: Path | None, beside: Path | None
) -> dict[str, Any]:
    """Check a model in one file (or an encoder and a decoder in two) on held-out data.

    data: the model's; a card's own, or found by the sizes, if None. html: where the report goes as
    one file. beside: another model's file, whose figures are put beside. Returns plain values.
    Raises AecoreError with one sentence.
    """
    found, used, report = _examined(paths, data)
    other = None if beside is None else _examined([beside], data)[2]
    result: dict[str, Any] = {"verdict": dict(report.verdict())}
    if found.source is None:
        figures = evaluate(found.model, used.test, found.card.config.seed)
        result["dataset_is_the_same"] = used.fingerprint == found.card.fingerprint
        result["held_out"] = {f"test_{k}": v for k, v in figures.items()}
    result |= {
        "card": found.whole_card.to_json(),
        "parameters": found.model.parameter_count(),
        "report": report.to_json(),
    }
    if other is not None:
        result["beside"] = other.to_json()
    if html is not None:
        name = found.card.name
        if other is None or beside is None:
            text = to_html(report, title=name)
        else:
            text = compare_html(report, other, titles=(name, beside.stem))
        result["html"] = str(write_or_say(html, text.encode()))
    return result


def chosen_data(dataset: str | None, own: Path | None, label: str | None) -> Dataset | None:
    """The data that a person names, or brings in a file: images in a zip, an .npz, a table.

    label: the column of a table that holds the classes. None where neither was given. Raises
    DatasetError or UnknownNameError.
    """
    if own is not None:
        return from_file(own, label=label)
    if label is not None:
        raise DatasetError("--label names a column of the table given with --data; give that too.")
    return None if dataset is None else datasets.load(dataset)


def _examined(paths: Sequence[Path], given: Dataset | None) -> tuple[Opened, Dataset, Report]:
    found = open_files([(p, p.name) for p in paths], given, tell=_progress)
    data = given or datasets.load(found.card.dataset)
    if found.model.spec.data.shape != data.spec.shape:
        raise CheckpointError(
            f"The model takes examples of shape {found.model.spec.data.shape}, but {data.name} has "
            f"shape {data.spec.shape}; choose the data that it was trained on."
        )
    report = judged(found.model, found.whole_card, data, tell=_progress)
    print(file=sys.stderr)
    return found, data, report


def _progress(share: float, what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{what[:60]:<60} {share:4.0%}", end="", file=sys.stderr, flush=True)


def verdict_text(result: dict[str, Any]) -> str:
    """The verdict and its evidence as lines for a terminal."""
    lines = [f"{level:>9}: {text}" for level, text in result["verdict"].items()]
    lines.append("")
    lines += [
        f"{f['level']:>9}: {f['title']}. {f['evidence']}" for f in result["report"]["findings"]
    ]
    lines.append("")
    for figure in result["report"]["figures"]:
        if figure["value"] is not None:
            lines.append(f"{figure['name']:>44}: {figure['value']:.6g} {figure['unit']}".rstrip())
    if "html" in result:
        lines += ["", f"The report is in {result['html']}."]
    return "\n".join(lines)
