"""What `python -m aecore inspect` does: open, examine, and write the report down."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.datasets import Dataset
from aecore.datasets.own.reading import from_file
from aecore.datasets.titles import title_of
from aecore.errors import CheckpointError, DatasetError
from aecore.evaluation.metrics import evaluate
from aecore.inspection.apart import NotUnderstoodError, Opened, Source, judged, open_files
from aecore.inspection.judging.html import compare_html, to_html
from aecore.inspection.judging.refused import refused
from aecore.inspection.judging.report import Report
from aecore.inspection.judging.standing import Standing
from aecore.runs import checkpoints
from aecore.writing import write_or_say

#: Figures of a report by the names that metrics have everywhere here.
METRICS = {
    "test_mse": "test_mse",
    "own_mse": "test_own_mse",
    "nelbo": "test_nelbo",
    "reconstruction": "test_reconstruction",
    "kl": "test_kl",
    "active_units": "active_units",
    "denoised_mse": "test_denoised_mse",
    "train_mse": "train_mse",
    "pca_mse": "pca_mse",
    "mean_mse": "mean_mse",
}


def inspect_files(
    paths: Sequence[Path],
    data: Dataset | None,
    html: Path | None,
    beside: Path | None,
    save: Path | None = None,
) -> dict[str, Any]:
    """Check a model in one file (or an encoder and a decoder in two) on held-out data.

    data: the model's; a card's own, or found by the sizes, if None. html: where the report goes as
    one file. beside: another model's file, whose figures are put beside. save: where the model goes
    as a checkpoint of this app. Returns plain values; where the file could be read and its network
    not be told these say so ("understood"). Raises AecoreError with one sentence.
    """
    name = " and ".join(path.stem for path in paths)
    try:
        found, used, report = _examined(paths, data)
    except NotUnderstoodError as error:
        print(file=sys.stderr)
        if save is not None:
            raise CheckpointError(
                f"There is nothing to save as {save.name}: the network is not understood. {error}"
            ) from error
        report = refused(str(error), error.kind, error.what, error.finding)
        return _told(report) | _written(html, to_html(report, title=name))
    other = None if beside is None else _examined([beside], data)[2]
    result = _told(report)
    if found.source is None:
        figures = evaluate(found.model, used.test, found.card.config.seed)
        result["dataset_is_the_same"] = used.fingerprint == found.card.fingerprint
        result["held_out"] = {f"test_{k}": v for k, v in figures.items()}
    result |= {
        "card": found.whole_card.to_json(),
        "parameters": found.model.parameter_count(),
    }
    if other is not None:
        result["beside"] = other.to_json()
    if html is not None:
        name = found.card.name
        if other is None or beside is None:
            text = to_html(report, title=name)
        else:
            text = compare_html(report, other, titles=(name, beside.stem))
        result |= _written(html, text)
    if save is not None:
        if not report.understood:
            raise CheckpointError(
                f"There is nothing to save as {save.name}: no reading of the file draws these data."
            )
        result["saved"] = str(write_or_say(save.with_suffix(checkpoints.SUFFIX), found.to_bytes()))
    return result


def _told(report: Report) -> dict[str, Any]:
    """The verdict, and the figures of a network that is understood, by name."""
    figures = [f for f in report.figures if f.key in METRICS and f.value is not None]
    told = figures if report.understood else []
    return {
        "level": report.level,
        "understood": report.understood,
        "sure": report.sure,
        "verdict": dict(report.verdict()),
        "metrics": {METRICS[f.key]: f.value for f in told},
        "units": {METRICS[f.key]: f"{f.unit}, {f.about}".lstrip(", ") for f in told},
        "report": report.to_json(),
    }


def _written(html: Path | None, text: str) -> dict[str, str]:
    return {} if html is None else {"html": str(write_or_say(html, text.encode()))}


def chosen_data(dataset: str | None, own: Path | None, label: str | None) -> Dataset | None:
    """The data that a person names, or brings in a file: images in a zip, an .npz, a table.

    label: the column of a table that holds the classes. None where neither was given. Raises
    DatasetError or UnknownNameError.
    """
    if own is not None:
        return from_file(own, label=label)
    if label is not None:
        raise DatasetError(
            "A column of classes is named for the table given with --data; give that too."
        )
    return None if dataset is None else datasets.load(dataset)


def opened(paths: Sequence[Path], given: Dataset | None) -> tuple[Opened, Dataset]:
    """The model in one file, or in two, of this app or of anybody, and the data it is for.

    Raises AecoreError with one sentence, also where no reading of it draws its data.
    """
    found, data = _opened(paths, given)
    if not Standing.of(found.card.origin).understood:
        raise NotUnderstoodError(
            f"No reading of this file draws {title_of(data.name)}, so there is no model to take "
            "out; say with --dataset or --data what it was trained on.",
            "not-understood",
            found.source or Source((), found.card.name, data),
        )
    return found, data


def _opened(paths: Sequence[Path], given: Dataset | None) -> tuple[Opened, Dataset]:
    found = open_files([(p, p.name) for p in paths], given, tell=_progress)
    data = given or datasets.load(found.card.dataset)
    if found.model.spec.data.shape != data.spec.shape:
        raise CheckpointError(
            f"The model takes examples of shape {found.model.spec.data.shape}, but "
            f"{title_of(data.name)} has shape {data.spec.shape}; choose the data that it was "
            "trained on."
        )
    return found, data


def _examined(paths: Sequence[Path], given: Dataset | None) -> tuple[Opened, Dataset, Report]:
    found, data = _opened(paths, given)
    report = judged(found.model, found.whole_card, data, tell=_progress)
    print(file=sys.stderr)
    return found, data, report


def _progress(share: float, what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{what[:60]:<60} {share:4.0%}", end="", file=sys.stderr, flush=True)


def verdict_text(result: dict[str, Any]) -> str:
    """The verdict and its evidence as lines for a terminal."""
    lines = [f"{level:>14}: {text}" for level, text in result["verdict"].items()]
    lines.append("")
    lines += [
        f"{f['level']:>14}: {f['title']}. {f['evidence']}" for f in result["report"]["findings"]
    ]
    lines.append("")
    for figure in result["report"]["figures"]:
        if figure["value"] is not None:
            lines.append(f"{figure['name']:>44}: {figure['value']:.6g} {figure['unit']}".rstrip())
    for key, what in (("html", "The report"), ("saved", "The model, as a checkpoint of this app,")):
        if key in result:
            lines += ["", f"{what} is in {result[key]}."]
    return "\n".join(lines)
