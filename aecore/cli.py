"""python -m aecore datasets | presets | families | train | inspect | export, each with --json."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.errors import AecoreError, CheckpointError, DatasetError
from aecore.export.registry import all_ways, take_out, way
from aecore.export.subject import Subject
from aecore.models import all_families, family
from aecore.models.presets import PRESETS, bare, preset
from aecore.models.registry import options_of
from aecore.runs import checkpoints
from aecore.runs.recording import Recording
from aecore.training.events import EpochDone, Failed, StepDone
from aecore.training.loop import train
from aecore.training.state import TrainState
from aecore.types import Option, TrainConfig, options_in, whole_number
from aecore.writing import write_or_say

BAR = 30
#: Where the flags of `train` put what they are given: fields of TrainConfig, a family's options.
CONFIG, OPTION = "config.", "option."


def main(argv: list[str] | None = None) -> None:
    """Run the command line; a mistake a person made ends it with one sentence and status 2."""
    try:
        args = _parsed(sys.argv[1:] if argv is None else argv)
        result = args.run(args)
    except AecoreError as error:
        print(f"aecore: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("aecore: stopped.", file=sys.stderr)
        raise SystemExit(130) from None
    # A reader that has seen enough (head, less) closes the pipe; that is no error.
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(result)) if args.json else _show(result)
        sys.stdout.flush()


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="aecore", description="Small autoencoders.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.add_argument("--json", action="store_true", help="print one JSON value")
        sub.set_defaults(run=run)
        return sub

    sub = command("datasets", _datasets, "List the datasets, or download one.")
    sub.add_argument("--fetch", metavar="NAME", help="download this dataset")
    command("presets", _presets, "List the presets.")
    command("families", _families, "List the model families with their options.")
    train_command = command(
        "train",
        _train,
        "Train a preset, or a family with its options, on a dataset. With --preset or --family, "
        "--help also lists that family's options.",
    )
    chosen = train_command.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--preset", help="a name that `presets` lists")
    chosen.add_argument("--family", help="a name that `families` lists, its options as given here")
    _add_data(train_command)
    train_command.add_argument(
        "--latent-dim", type=int, help="another latent size than the preset's"
    )
    train_command.add_argument("--name", help="a name for the card")
    train_command.add_argument("--out", type=Path, help="write the checkpoint to this file")
    _add_flags(train_command, TrainConfig, CONFIG)
    sub = command("export", _export, "Take a model out, for use elsewhere.")
    sub.add_argument("file", type=Path)
    ways = all_ways()
    *names, last = ways
    sub.add_argument("--to", required=True, help=f"{', '.join(names)} or {last}")
    sub.add_argument("--out", type=Path, required=True, help="a file, or a folder that is there")
    told = ", ".join(name for name, way in ways.items() if way.per_label)
    sub.add_argument("--label", type=int, help=f"what a conditional model is told ({told})")
    sub = command(
        "inspect", _inspect, "Check up a trained model from any file: verdict and report."
    )
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or encoder and decoder")
    its_data = sub.add_mutually_exclusive_group()
    its_data.add_argument(
        "--dataset", help="the data it was trained on; found by the sizes if not given"
    )
    its_data.add_argument(
        "--data", type=Path, metavar="DATA", help="or your own: a zip of images, an .npz, a table"
    )
    sub.add_argument("--label", metavar="COLUMN", help="the classes in the table of --data")
    sub.add_argument("--html", type=Path, metavar="OUT", help="write the report as one HTML file")
    sub.add_argument("--beside", type=Path, metavar="FILE", help="another model's figures beside")
    if argv[:1] == ["train"]:
        _add_options_of_family(train_command, argv[1:])
    return parser.parse_args(argv)


def _add_options_of_family(command: argparse.ArgumentParser, argv: list[str]) -> None:
    """Flags for the options of the family that a command line of `train` names.

    Raises UnknownNameError where it names none that there is.
    """
    first = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    first.add_argument("--preset")
    first.add_argument("--family")
    with contextlib.suppress(argparse.ArgumentError):  # the whole parser says it better
        named, _ = first.parse_known_args(argv)
        if named.preset or named.family:
            chosen = preset(named.preset) if named.preset else bare(named.family)
            cls = family(chosen.family)
            _add_flags(command.add_argument_group(f"options of {cls.family}"), cls.Options, OPTION)


def _add_flags(place: argparse._ActionsContainer, cls: type, prefix: str) -> None:
    """A flag for each field of a dataclass; one that is not given is not in the namespace.

    A name that another flag has already is reached as --option-NAME.
    """
    for option in options_in(cls):
        name = option.name.replace("_", "-")
        try:
            _add_flag(place, f"--{name}", option, prefix)
        except argparse.ArgumentError:
            _add_flag(place, f"--option-{name}", option, prefix)


def _add_flag(place: argparse._ActionsContainer, flag: str, option: Option, prefix: str) -> None:
    about = [option.help or "", f"One of {', '.join(map(str, option.choices))}."]
    about = " ".join(about if option.choices else about[:1]).replace("%", "%%")
    where, missing = prefix + option.name, argparse.SUPPRESS
    if option.kind == "flag":
        action = argparse.BooleanOptionalAction
        place.add_argument(flag, action=action, dest=where, default=missing, help=about)
        return

    def read(text: str) -> Any:
        # A shell's line has no lines: there a semicolon ends one.
        return option.read(text.replace(";", "\n") if option.kind == "lines" else text)

    kind = option.kind.upper()
    place.add_argument(flag, type=read, metavar=kind, dest=where, default=missing, help=about)


def _given(args: argparse.Namespace, prefix: str) -> dict[str, Any]:
    """The values of the flags with a prefix that were given, by field."""
    values = vars(args).items()
    return {k.removeprefix(prefix): v for k, v in values if k.startswith(prefix)}


def _add_data(command: argparse.ArgumentParser) -> None:
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


def _own_data(args) -> datasets.Dataset | None:
    """The file given with --data, read; None where a dataset is named."""
    if args.data is not None:
        from aecore.datasets.own.reading import from_file

        return from_file(args.data, label=args.label)
    if args.label is not None:
        raise DatasetError("--label names a column of the table given with --data; give that too.")
    return None


def _datasets(args) -> list[dict[str, Any]]:
    if args.fetch is None:
        return [_described(s) for s in datasets.all_sources().values()]
    source = datasets.source(args.fetch)
    if source.fetch is None:
        print(f"{source.title} needs no download: it is on this machine.", file=sys.stderr)
    else:
        # Also where its files are there: damaged ones are replaced.
        source.fetch(_download_bar())
        print(file=sys.stderr)
    return [_described(source)]


def _described(source: datasets.Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "shape": list(source.spec.shape),
        "kind": source.spec.kind,
        "about": source.about,
        "licence": source.licence,
        "generated": source.generated,
        "ready": source.ready(),
        "megabytes": round(source.megabytes, 1),
    }


def _download_bar() -> Callable[[int, int], None]:
    """Reports a download on standard error: a line redrawn on a terminal, else one each tenth."""
    terminal, shown = sys.stderr.isatty(), -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        share = done / max(total, 1)
        step = int(share * (1000 if terminal else 10))
        if step == shown:
            return
        shown = step
        print(
            f"{chr(13) if terminal else ''}[{'#' * round(BAR * share):<{BAR}}] "
            f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB ",
            end="" if terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    return report


def _presets(args) -> list[dict[str, Any]]:
    return [
        {
            "name": p.name,
            "title": p.title,
            "family": p.family,
            "latent_dim": p.latent_dim,
            "options": p.options,
            "epochs": p.config.epochs,
            "about": p.about,
        }
        for p in PRESETS.values()
    ]


def _families(args) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": cls.title,
            "about": bare(name).about,
            "options": {option.name: option.default for option in options_in(cls.Options)},
        }
        for name, cls in all_families().items()
    ]


def _train(args) -> dict[str, Any]:
    chosen = preset(args.preset) if args.preset else bare(args.family)
    given, options = _given(args, CONFIG), _given(args, OPTION)
    dataclasses.replace(chosen.config, **given).check()  # before anything is downloaded
    own = _own_data(args)
    spec = chosen.spec(datasets.source(args.dataset).spec if own is None else own.spec)
    spec = dataclasses.replace(spec, options=spec.options | options)
    options_of(spec)
    if args.latent_dim is not None:
        spec = dataclasses.replace(spec, latent_dim=args.latent_dim)
    if args.out is not None:
        _try_to_write(args.out)
    data = datasets.load(args.dataset) if own is None else own
    examples = min(given.get("limit") or len(data.train), len(data.train))
    config = dataclasses.replace(chosen.training(examples), **given)
    state = TrainState.fresh(spec, config.seed)
    recording = Recording()
    for event in train(spec, config, data, state=state):
        recording.add(event)
        _progress(event, recording)
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


def _export(args) -> dict[str, Any]:
    per_label = way(args.to).per_label
    found = checkpoints.load(args.file)
    model, data = found.model, datasets.load(found.card.dataset)
    if model.spec.data.shape != data.spec.shape:
        raise CheckpointError(
            f"The file says that its model was trained on {data.name}, but it takes examples of "
            f"another shape, {model.spec.data.shape}."
        )
    if per_label and model.conditional and args.label is not None:
        whole_number("--label", args.label, 0, data.spec.classes - 1)
        model = model.given(args.label)
    made = take_out(Subject(model, found.card, data), args.to)
    parts = made.parts if args.out.is_dir() else {"": made.content}
    files = [write_or_say(args.out / name, text) for name, text in parts.items()]
    return {
        "files": [str(f) for f in files],
        "checked": made.checked,
        "largest_difference": made.difference,
        "seconds": round(made.seconds, 2),
    }


def _try_to_write(path: Path) -> None:
    """Find out before the work, not after it, that a file cannot be written."""
    if not path.name or os.path.isdir(path):
        raise CheckpointError(f"{path} is a folder: add the name of a file to it.")
    write_or_say(path.with_name(f".try-{path.name}"), b"").unlink()


def _inspect(args) -> dict[str, Any]:
    from aecore.inspection.command import chosen_data, inspect_files, verdict_text

    if args.html is not None:
        _try_to_write(args.html)
    data = chosen_data(args.dataset, args.data, args.label)
    result = inspect_files(args.files, data, args.html, args.beside)
    if not args.json:
        result["text"] = verdict_text(result)
    return result


def _progress(event, recording: Recording) -> None:
    """A progress bar on standard error: a line redrawn on a terminal, else one per epoch."""
    if isinstance(event, Failed):
        print(f"\n{event.message}", file=sys.stderr)
        return
    terminal, started = sys.stderr.isatty(), recording.started
    if started is None or not isinstance(event, EpochDone | StepDone):
        return
    if isinstance(event, StepDone) and not terminal:
        return
    epochs = started.epochs
    total = epochs * started.steps_per_epoch
    done = 1.0 if event.step == 0 else min(1.0, event.step / total)
    left = event.seconds * (1 - done) / max(done, 1e-9)
    if isinstance(event, EpochDone):
        error = event.metrics["mse"]
    else:
        error = recording.probes[-1][2] if recording.probes else float("nan")
    bar = "#" * round(BAR * done)
    print(
        f"{chr(13) if terminal else ''}[{bar:<{BAR}}] epoch {event.epoch}/{epochs}  "
        f"held-out MSE {error:.4f} (PCA {started.pca_test_mse:.4f})  "
        f"{event.images_per_second:,.0f} images/s  {left:.0f} s left ",
        end="" if terminal else "\n",
        file=sys.stderr,
        flush=True,
    )


def _show(result: Any) -> None:
    if isinstance(result, dict) and "text" in result:
        print(result["text"])
        return
    for item in result if isinstance(result, list) else [result]:
        for key, value in item.items():
            print(f"{key:>22}  {json.dumps(value) if isinstance(value, dict | list) else value}")
        if isinstance(result, list):
            print()
