"""What the workshop's children do for the check-up: understand a file, and judge a model."""

from __future__ import annotations

import logging
import tempfile
from typing import Any, BinaryIO

import numpy as np
import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError, InspectionError
from aecore.inspection import checkup, data_passing
from aecore.inspection.checkup import File, Understood, kind_in_words
from aecore.inspection.files.contents import Contents
from aecore.inspection.files.pairing import WhichFileError
from aecore.inspection.judging import report_passing
from aecore.inspection.judging.report import examine
from aecore.inspection.judging.standing import Standing
from aecore.inspection.origin import given_by
from aecore.inspection.understanding.understand import recipes_of
from aecore.models.families.pca import basis_of
from aecore.runs import checkpoints
from aecore.workshop import Made, Tell

log = logging.getLogger(__name__)


def prepare() -> None:
    """Have in memory, once for all children, the data that ship and what is measured on them."""
    # The first computation without values imports a second and a half of PyTorch, which looks for a
    # folder that it may write to; a child has none.
    tempfile.gettempdir()
    torch.relu(torch.empty(1, device="meta"))
    for source in datasets.all_sources().values():
        if source.fetch is None and source.ready():
            try:
                data = datasets.load(source.name)
                data.fingerprint  # noqa: B018 - it is kept with the data
                basis_of(data)
            except AecoreError as error:  # said when somebody asks for these data
                log.warning("%s", error)


def open_file(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Read and understand. files: one model or the two halves, then the data where they are no
    public ones. arguments: names, data (see `_data`)."""
    tell(0.0, "reading the file")
    brought, name, data = _brought(files, arguments)
    try:
        contents = checkup.open_contents(brought, arguments["together"])
    except WhichFileError as error:
        return Made({"which": str(error)})
    if contents.card is not None:
        made = _made(checkup.own(brought[0][0]), contents)
        return Made(made.about | {"own": True}, made.arrays)
    try:
        found = checkup.open_as(contents, data, name, tell)
    except AecoreError as error:
        kind = error.finding if isinstance(error, InspectionError) else ""
        told = {"failed": str(error), "finding": kind, **kind_in_words(contents)}
        return Made(told | _facts(contents))
    return _made(found, contents)


def parse_own(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Parse a checkpoint of this app, all of it."""
    tell(0.0, "reading the file")
    checkpoints.from_bytes(files[0].read())
    return Made({})


def overrule(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Read the same file as another of its candidates. arguments: also recipes and chosen."""
    tell(0.0, "reading the file")
    brought, name, data = _brought(files, arguments)
    contents = checkup.open_contents(brought, arguments["together"])
    assert data is not None
    tell(0.2, "reading it so")
    recipes, chosen = arguments["recipes"], arguments["chosen"]
    return _made(checkup.overrule(contents, data, name, recipes, chosen), contents, recipes)


def by_hand(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Read a file as somebody described it. arguments: also encoder, decoder (lines), latent_dim
    and variational."""
    tell(0.0, "reading the file")
    brought, name, data = _brought(files, arguments)
    contents = checkup.open_contents(brought, arguments["together"])
    assert data is not None
    described = (arguments[n] for n in ("encoder", "decoder", "latent_dim", "variational"))
    return _made(checkup.by_hand(contents, data, name, *described), contents)


def judge(files: list[BinaryIO], arguments: dict[str, Any], tell: Tell) -> Made:
    """Examine a model. files: its checkpoint, then the data where they are no public ones."""
    found = checkpoints.from_bytes(files[0].read())
    data = _data(files[1:], arguments)
    assert data is not None
    given = given_by(found.card)
    standing = Standing.of(found.card.origin)
    report = examine(found.model, data, given=given, standing=standing, progress=tell)
    return report_passing.pack(report)


def _brought(
    files: list[BinaryIO], arguments: dict[str, Any]
) -> tuple[list[File], str, Dataset | None]:
    """The files with their names, what the model is called, and the data."""
    names = arguments["names"]
    brought: list[File] = list(zip(files, names, strict=False))
    return brought, arguments["title"], _data(files[len(names) :], arguments)


def _data(files: list[BinaryIO], arguments: dict[str, Any]) -> Dataset | None:
    """The data that are named, or lie in the file behind the others; None for none."""
    if files:
        return data_passing.read(files[0])
    return None if arguments["data"] is None else datasets.load(arguments["data"])


def _made(
    found: Understood, contents: Contents, recipes: list[dict[str, Any]] | None = None
) -> Made:
    if recipes is None:
        recipes = [] if found.reading is None else recipes_of(found.reading)
    checkpoint = np.frombuffer(found.to_bytes(), np.uint8)
    return Made({"recipes": recipes, **_facts(contents)}, {"checkpoint": checkpoint})


def _facts(contents: Contents) -> dict[str, Any]:
    """What a person needs to describe the network: tensors and shapes."""
    return {
        "tensors": [[name, list(t.shape)] for name, t in contents.tensors.items()],
        "graph": contents.operations is not None,
    }
