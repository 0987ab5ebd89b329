"""`aecore lab`: list the experiments, or run one in this process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.cli.bars import BAR
from aecore.cli.flags import OPTION, add_flags, given
from aecore.cli.training import own_data, try_to_write
from aecore.errors import AecoreError, ConfigError
from aecore.lab.about import About, LabSubject
from aecore.lab.events import (
    LabDone,
    LabEvent,
    LabFailed,
    LabFinished,
    LabLook,
    LabStarted,
    LabStopped,
)
from aecore.lab.experiment import Experiment
from aecore.lab.record import Record, figures_of
from aecore.lab.registry import all_experiments, experiment, options_from, plain_options
from aecore.lab.running import run
from aecore.lab.taking_out import everything
from aecore.options import options_in
from aecore.runs import checkpoints
from aecore.writing import write_or_say


def add_lab(command: Callable[..., argparse.ArgumentParser], argv: list[str]) -> None:
    """Add the command; command(name, run, about) makes a parser. The options of the experiment that
    argv names become flags."""
    sub = command(
        "lab",
        lab_command,
        "List the experiments, or run one. With a name, --help lists its options.",
    )
    sub.add_argument("name", nargs="?", help="an experiment that `lab` alone lists")
    data = sub.add_mutually_exclusive_group()
    data.add_argument("--dataset", help="the data; MNIST, or the model's own, if not given")
    data.add_argument("--data", type=Path, metavar="FILE", help="or your own")
    sub.add_argument("--label", metavar="COLUMN", help="of the table in --data: its classes")
    sub.add_argument("--model", type=Path, help="a checkpoint, for an experiment on a model")
    sub.add_argument("--out", type=Path, metavar="ZIP", help="write tables, figures and a notebook")
    named = [word for word in argv[1:2] if not word.startswith("-")]
    if argv[:1] == ["lab"] and named:
        one = experiment(named[0])
        add_flags(sub.add_argument_group(f"options of {one.name}"), one.Options, OPTION)


def lab_command(args: argparse.Namespace) -> Any:
    """What the command prints: the list, or the figures of a run."""
    if args.name is None:
        return [_described(one) for one in all_experiments().values()]
    one = experiment(args.name)
    options = options_from(one, given(args, OPTION))
    if args.out is not None:
        try_to_write(args.out)
    subject, title = _subject(args, one)
    record = Record(one.name, plain_options(options), About.of(subject, title))
    for event in run(one, options, subject, title=title):
        _take_in(record, event)
    if record.state != "finished" or not record.done:
        raise AecoreError(next(iter(record.failed.values()), "The experiment was stopped."))
    result: dict[str, Any] = {
        "experiment": one.name,
        "options": record.options,
        "data": record.about.dataset or None,
        "figures": figures_of(record),
        "says": record.outcome().says,
        "failed": record.failed,
        "seconds": round(record.seconds, 2),
    }
    if args.out is not None:
        result["file"] = str(write_or_say(args.out, everything(record)))
    return result


def _described(one: Experiment) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "question": one.question,
        "uses": one.uses,
        "seconds": round(one.seconds(one.Options())),
        "options": {option.name: option.default for option in options_in(one.Options)},
    }


def _subject(args: argparse.Namespace, one: Experiment) -> tuple[LabSubject, str]:
    """What to run it on, and what the data are called."""
    if args.model is not None and one.uses != "model":
        raise ConfigError(f"{one.title} works on no model; leave --model out.")
    if one.uses == "nothing":
        return LabSubject(), ""
    known = None
    if one.uses == "model":
        known = checkpoints.load(args.model or checkpoints.shipped()["first-ae"])
    own = own_data(args)
    name = args.dataset or (known.card.dataset if known is not None else "mnist")
    data = datasets.load(name) if own is None else own
    title = datasets.source(name).title if own is None else own.name
    if known is None:
        return LabSubject(data), title
    return LabSubject(data, known.model, known.card), title


def _take_in(record: Record, event: LabEvent) -> None:
    """Take an event into the record, and say on standard error how far it is."""
    match event:
        case LabStarted():
            record.planned = len(event.tasks)
        case LabDone():
            record.done[event.task] = event.values
            _bar(record, event.task)
        case LabFailed():
            record.failed[event.task] = event.message
            print(f"\n{event.task}: {event.message}", file=sys.stderr)
        case LabFinished() | LabStopped():
            record.state = "finished" if isinstance(event, LabFinished) else "stopped"
            record.seconds = event.seconds
            print(file=sys.stderr)
        case LabLook():
            return


def _bar(record: Record, task: str) -> None:
    terminal = sys.stderr.isatty()
    over = len(record.done) + len(record.failed)
    bar = "#" * round(BAR * over / max(record.planned, 1))
    print(
        f"{chr(13) if terminal else ''}[{bar:<{BAR}}] {over} of {record.planned}, {task:<20}",
        end="" if terminal else "\n",
        file=sys.stderr,
        flush=True,
    )
