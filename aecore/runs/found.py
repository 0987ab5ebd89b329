"""What a run's folder says, whatever somebody, a full disk or another version left in it."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import stat
import time
from pathlib import Path
from typing import Any

from aecore.errors import AecoreError
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.recording import ENDED, LIVE
from aecore.runs.replica import REPLICA
from aecore.runs.run import (
    EARLY_FILE,
    EPOCHS_FOLDER,
    FACTS_FILE,
    KINDS,
    MODEL_FILE,
    NO_SPEC,
    WATCH_PATTERN,
    Run,
    restore,
)
from aecore.types import ModelSpec, TrainConfig
from aecore.writing import clean_name

FACTS_FORMAT = 2  # 1 had the owner's cookie in it
MAX_FACTS_BYTES = 1 << 20
MAX_MESSAGE = 2000
MAX_OWNER = 200
_EPOCH_FILE = re.compile(r"([0-9]{1,9})\.safetensors")
_TOKEN = re.compile("[0-9a-f]{16}")
_OWNER = re.compile(r'"owner": ?"([0-9a-f]{32}|[0-9a-f]{64})"')


class _Unreadable(Exception):
    """Why a file says nothing; the words go into a sentence."""


def read_run(folder: Path) -> tuple[Run | None, str]:
    """A run from its folder, and a sentence of what is wrong there, "" if nothing is.

    Of what is damaged, as much as the rest tells: a model's card says what a run was, a past
    epoch's file stands in for its newest. No run where nothing says whose it is. Only sizes and
    headers are read.
    """
    owner, facts, wrong = _facts(folder / FACTS_FILE)
    file, card, wrong_model = _newest(folder)
    if owner is None:
        where = f"; its model is {file.name} there" if file else ""
        return None, f"The run in {folder} does not say whose it is ({wrong}){where}."
    try:
        if wrong:
            raise _Unreadable(wrong)
        run = _told(folder, owner, facts)
    except _Unreadable as error:
        wrong = str(error)
        run = Run(folder.name, owner, "Damaged run", NO_SPEC, TrainConfig(), "", "damaged")
        run.created = _changed(folder)
        if card is not None:
            run.name = clean_name(card.name) or "Run"
            run.kind, run.spec = "training", card.spec
            run.config, run.dataset = card.config, card.dataset
        run.recording.status = "failed"
    run.end_seen = True
    if card is not None and file is not None:
        _with_model(run, folder, file, card)
    run.early = _early(folder, run)
    run.notice = _notice(run, folder, wrong, wrong_model, card)
    if run.kind == "damaged":
        run.recording.message = run.notice
    return run, run.notice and f"The run {run.name!r} in {folder}: {run.notice}"


def read_facts(folder: Path) -> Run | None:
    """The run that run.json describes, without its model; None where it cannot be read."""
    owner, facts, wrong = _facts(folder / FACTS_FILE)
    if owner is None or wrong:
        return None
    try:
        return _told(folder, owner, facts)
    except _Unreadable:
        return None


def _early(folder: Path, run: Run) -> int:
    """The examples behind the weights from inside the epoch after a run's newest; 0 for none."""
    try:
        card = _card(folder / EARLY_FILE)
    except _Unreadable:
        return 0
    return card.images_seen if card.epochs_done == run.saved_epoch else 0


def epoch_files(folder: Path) -> dict[int, Path]:
    """The files of a run's past epochs, by epoch, in order."""
    try:
        paths = list((folder / EPOCHS_FOLDER).iterdir())
    except OSError:
        return {}
    found = {int(m[1]): p for p in paths if (m := _EPOCH_FILE.fullmatch(p.name))}
    return dict(sorted(found.items()))


def _facts(path: Path) -> tuple[str | None, dict[str, Any], str]:
    """Whose run it is where that can be read, what run.json says, and what is wrong with it."""
    text = ""
    try:
        text = _text(path)
        facts = json.loads(text)
        if not isinstance(facts, dict):
            raise _Unreadable(f"{path.name} is no JSON object")
        owner = facts.get("owner")
        if not isinstance(owner, str) or not 0 < len(owner) <= MAX_OWNER:
            raise _Unreadable(f"{path.name} names no owner")
        if facts.get("format", 1) not in (1, FACTS_FORMAT):
            raise _Unreadable(f"{path.name} was written by a newer version of this app")
        return owner, facts, ""
    except (_Unreadable, ValueError, RecursionError) as error:
        # Owners are written first, so that a file cut short still tells.
        said = _OWNER.search(text[:4096])
        wrong = str(error) if isinstance(error, _Unreadable) else f"{path.name} is damaged"
        return (said[1] if said else None), {}, wrong


def _text(path: Path) -> str:
    _check_file(path, MAX_FACTS_BYTES)
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise _Unreadable(f"{path.name} cannot be read: {error.strerror or error}") from error


def _check_file(path: Path, largest: int) -> None:
    """Raise _Unreadable unless a plain file of a sensible size lies there: opening a pipe waits."""
    try:
        found = path.stat()
    except OSError as error:
        inner = path.parent / path.parent.name
        if inner.is_dir():
            raise _Unreadable(
                f"there is no {path.name}, but another run's folder inside; move its files up"
            ) from error
        raise _Unreadable(f"there is no {path.name}") from error
    if not stat.S_ISREG(found.st_mode):
        raise _Unreadable(f"{path.name} is no file")
    if found.st_size > largest:
        raise _Unreadable(f"{path.name} has {found.st_size:,} bytes, at most {largest:,} are read")


def _newest(folder: Path) -> tuple[Path | None, Card | None, str]:
    """The newest checkpoint whose header can be read, its card, and what is wrong with newer."""
    try:
        return folder / MODEL_FILE, _card(folder / MODEL_FILE), ""
    except _Unreadable as error:
        wrong = str(error)
    for path in reversed(epoch_files(folder).values()):
        try:
            return path, _card(path), wrong
        except _Unreadable:
            continue  # an older one may do
    return None, None, wrong


def _card(path: Path) -> Card:
    _check_file(path, checkpoints.MAX_FILE_BYTES)
    try:
        return checkpoints.read_card(path)
    except AecoreError as error:
        raise _Unreadable(str(error)) from error
    except RecursionError as error:
        raise _Unreadable("its card is nested too deep") from error


def _told(folder: Path, owner: str, facts: dict[str, Any]) -> Run:
    """The run that run.json describes, each value checked; raises _Unreadable."""
    texts: dict[str, str] = {}
    for key in ("name", "kind", "dataset", "status", "message"):
        value = facts.get(key)
        if not isinstance(value, str) or len(value) > MAX_MESSAGE:
            raise _Unreadable(f"{FACTS_FILE} has no readable {key}")
        texts[key] = value
    if texts["kind"] not in KINDS:
        raise _Unreadable(f"{FACTS_FILE} is of the unknown kind {texts['kind'][:40]!r}")
    try:
        spec = ModelSpec.from_json(facts.get("spec"))
        options_of(spec)
        config = TrainConfig.from_json(facts.get("config"))
    except AecoreError as error:
        raise _Unreadable(f"{FACTS_FILE} describes no possible run: {error}") from error
    except RecursionError as error:
        raise _Unreadable(f"{FACTS_FILE} is nested too deep") from error
    created, watch = facts.get("created"), facts.get("watch", "")
    if isinstance(created, bool) or not isinstance(created, int | float):
        created = math.nan
    plausible = 0 <= created < time.time() + 86_400  # NaN and infinity fail too
    run = Run(
        folder.name,
        owner,
        clean_name(texts["name"]) or "Run",
        spec,
        config,
        texts["dataset"],
        "training" if texts["kind"] == "damaged" else texts["kind"],
        float(created) if plausible else _changed(folder),
        watch if isinstance(watch, str) and WATCH_PATTERN.fullmatch(watch) else "",
    )
    leader, token, worker = (str(facts.get(key, "")) for key in ("leader", "token", "worker"))
    run.leader = leader if REPLICA.fullmatch(leader) else ""
    run.token = token if _TOKEN.fullmatch(token) else ""
    run.worker = worker[:200] or None
    run.received = -1 if run.token else 0  # nothing was heard of its order yet
    run.remark = str(facts.get("remark", ""))[:MAX_MESSAGE]
    run.recording.status = texts["status"] if texts["status"] in (*LIVE, *ENDED) else "failed"
    run.recording.message = texts["message"]
    return run


def _with_model(run: Run, folder: Path, file: Path, card: Card) -> None:
    """Take what the newest readable checkpoint says into a run."""
    if file.parent != folder:
        # Files of past epochs have no curve in them: their own figures make it.
        cards = []
        for path in epoch_files(folder).values():
            try:
                cards.append(_card(path))
            except _Unreadable:
                continue  # what is wrong with the newest is said already
        rows = [c.newest for c in cards if c.newest and c.epochs_done <= card.epochs_done]
        card, run.file = dataclasses.replace(card, history=rows), file
    restore(run, card)
    run.saved, run.saved_epoch = 1, card.epochs_done


def _notice(run: Run, folder: Path, wrong: str, wrong_model: str, card: Card | None) -> str:
    parts = []
    if wrong:
        parts.append(f"What was written about this run cannot be read ({wrong}).")
    had = bool(list(epoch_files(folder))) or (folder / MODEL_FILE).exists()
    if wrong_model and had:
        parts.append(f"Its newest checkpoint cannot be read ({wrong_model.rstrip('.')}).")
        if run.file is not None and card is not None:
            parts.append(f"This is the run as it was after epoch {card.epochs_done}.")
            parts.append(f"Epochs that can be had: {_in_words(list(epoch_files(folder)))}.")
        else:
            left = "only be deleted" if run.kind == "damaged" else "be deleted, or trained anew"
            parts.append(f"No epoch of it can be had; it can {left}.")
    elif wrong and card is not None:
        parts.append("What is shown comes from its model, which is whole.")
    elif wrong:
        parts.append("It has no model either; it can only be deleted.")
    return " ".join(parts)


def _in_words(epochs: list[int]) -> str:
    if len(epochs) > 8:
        return f"{len(epochs)} from {epochs[0]} to {epochs[-1]}"
    return ", ".join(str(epoch) for epoch in epochs)


def _changed(folder: Path) -> float:
    """When a folder was changed last; now, if that cannot be told."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()
