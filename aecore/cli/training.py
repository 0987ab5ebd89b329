"""`aecore train`: a preset or a family, on a dataset or a person's own file."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.cli.bars import training_bar
from aecore.cli.flags import CONFIG, OPTION, given
from aecore.errors import AecoreError, CheckpointError, DatasetError
from aecore.models.presets import bare, preset
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.writing import write_or_say


def add_data(command: argparse.ArgumentParser) -> None:
    """What to train on: a dataset by its name, or a person's own file."""
    either = command.add_mutually_exclusive_group()
    either.add_argument("--dataset", default="mnist")
    either.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="your own: a zip or a folder of images, an .npz of arrays, or a table as .csv",
    )
    command.add_argument("--label", metavar="COLUMN", help="of the table in --data: its classes")


def own_data(args) -> datasets.Dataset | None:
    """The file given with --data, read; None where a dataset is named."""
    if args.data is not None:
        from aecore.datasets.own.reading import from_file

        return from_file(args.data, label=args.label)
    if args.label is not None:
        raise DatasetError("--label names a column of the table given with --data; give that too.")
    return None


def train_command(args) -> dict[str, Any]:
    chosen = preset(args.preset) if args.preset else bare(args.family)
    chosen_config, options = given(args, CONFIG), given(args, OPTION)
    dataclasses.replace(chosen.config, **chosen_config).check()  # before anything is downloaded
    own = own_data(args)
    spec = chosen.spec(datasets.source(args.dataset).spec if own is None else own.spec)
    spec = dataclasses.replace(spec, options=spec.options | options)
    options_of(spec)
    if args.latent_dim is not None:
        spec = dataclasses.replace(spec, latent_dim=args.latent_dim)
    checkpoints.check_trainable(spec)
    if args.out is not None:
        try_to_write(args.out)
    data = datasets.load(args.dataset) if own is None else own
    examples = min(chosen_config.get("limit") or len(data.train), len(data.train))
    config = dataclasses.replace(chosen.training(examples), **chosen_config)
    state = TrainState.fresh(spec, config.seed)
    recording = Recording()
    for event in train(spec, config, data, state=state):
        recording.add(event)
        training_bar(event, recording)
    print(file=sys.stderr)
    card, started = recording.card(args.name or chosen.name, spec, config, data), recording.started
    assert started is not None  # training that cannot start has raised
    if own is not None:
        card = dataclasses.replace(card, note=own.about)  # the file's name is in it
    result = {
        "preset" if args.preset else "family": chosen.name,
        "dataset": data.name,
        "latent_dim": spec.latent_dim,
        "epochs": recording.summary["epochs_done"],
        "parameters": started.parameters,
        "device": started.device,
        "train_mse": recording.summary["metrics"].get("train_mse"),
        **{k: v for k, v in card.metrics.items() if k.startswith("test_")},
        "pca_test_mse": recording.summary["pca_test_mse"],
        "seconds_to_beat_pca": recording.summary["seconds_to_beat_pca"],
        "images_per_second": recording.summary["images_per_second"],
        "seconds": recording.summary["seconds"],
    }
    if args.out is not None:
        result["file"] = str(checkpoints.save(args.out, state.model, card))
    if recording.status == "failed":
        raise AecoreError(recording.message)
    return result


def try_to_write(path: Path) -> None:
    """Find out before the work, not after it, that a file cannot be written."""
    if not path.name or os.path.isdir(path):
        raise CheckpointError(f"{path} is a folder: add the name of a file to it.")
    write_or_say(path.with_name(f".try-{path.name}"), b"").unlink()
