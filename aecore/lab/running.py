"""Run an experiment in this process, one task after the other: in a notebook, a test, a command."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from aecore.errors import AecoreError, ConfigError, Interrupted
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.events import (
    LabDone,
    LabEvent,
    LabFailed,
    LabFinished,
    LabLook,
    LabStarted,
    LabStopped,
)
from aecore.lab.experiment import Experiment, Task
from aecore.options import check_options


def planned(experiment: Experiment, options: Any, about: About) -> list[Task]:
    """The tasks of a run. Raises ConfigError for options that cannot be, and where the question
    makes no sense for these data."""
    check_options(options)
    why_not = experiment.why_not(about)
    if why_not:
        raise ConfigError(why_not)
    tasks = experiment.tasks(options, about)
    names = [task.name for task in tasks]
    if not names or len(set(names)) != len(names):
        raise ConfigError(f"{experiment.title}: these options give no tasks, or one of them twice.")
    return tasks


def done(
    experiment: Experiment, task: Task, options: Any, subject: LabSubject, control: LabControl
) -> Iterator[LabLook | LabDone]:
    """Do one task; ends with LabDone. Raises Interrupted where it is stopped, and AecoreError."""
    began, look = time.perf_counter(), None
    with control.between():
        for look in experiment.work(task, options, subject, control):
            if look.share < 1:
                yield LabLook(task.name, look.values, look.share)
            control.give_way()
    if look is None:
        raise ConfigError(f"{experiment.title}: the part {task.name} gave no result.")
    yield LabDone(task.name, look.values, time.perf_counter() - began)


def run(
    experiment: Experiment,
    options: Any,
    subject: LabSubject,
    control: LabControl | None = None,
    title: str = "",
) -> Iterator[LabEvent]:
    """Run an experiment, yielding what happens. The same seed gives the same numbers.

    title: what people call the data. Raises ConfigError before the first event if it cannot be.
    """
    control = control or LabControl()
    tasks = planned(experiment, options, About.of(subject, title))
    return _events(experiment, tasks, options, subject, control)


def _events(
    experiment: Experiment,
    tasks: list[Task],
    options: Any,
    subject: LabSubject,
    control: LabControl,
) -> Iterator[LabEvent]:
    began = time.perf_counter()
    yield LabStarted({task.name: task.weight for task in tasks})
    for task in tasks:
        try:
            yield from done(experiment, task, options, subject, control)
        except Interrupted:
            yield LabStopped(time.perf_counter() - began)
            return
        except AecoreError as error:
            yield LabFailed(task.name, str(error))
    yield LabFinished(time.perf_counter() - began)
