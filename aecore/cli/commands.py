"""python -m aecore datasets | presets | families | train | inspect | export | lab | read-back |
serve, each with --json."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from aecore import datasets
from aecore.cli.bars import download_bar
from aecore.cli.flags import CONFIG, add_flags, add_options_of_family
from aecore.cli.lab import add_lab
from aecore.cli.read_back import add_read_back
from aecore.cli.serve import add_serve_flags, serve_command
from aecore.cli.training import add_data, train_command, try_to_write
from aecore.errors import AecoreError
from aecore.export.registry import all_ways, take_out, way
from aecore.export.subject import Subject
from aecore.jobs import clusters
from aecore.models import all_families
from aecore.models.presets import PRESETS, bare
from aecore.options import options_in, whole_number
from aecore.types import TrainConfig
from aecore.writing import write_or_say


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
    trained = command(
        "train",
        train_command,
        "Train a preset, or a family with its options, on a dataset. With --preset or --family, "
        "--help also lists that family's options.",
    )
    chosen = trained.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--preset", help="a name that `presets` lists")
    chosen.add_argument("--family", help="a name that `families` lists, its options as given here")
    add_data(trained)
    trained.add_argument("--latent-dim", type=int, help="another latent size than the preset's")
    trained.add_argument("--name", help="a name for the card")
    trained.add_argument("--out", type=Path, help="write the checkpoint to this file")
    add_flags(trained, TrainConfig, CONFIG)
    sub = command("export", _export, "Take a model out, for use elsewhere.")
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or encoder and decoder")
    _add_its_data(sub, "--column")
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
    _add_its_data(sub, "--label")
    sub.add_argument("--html", type=Path, metavar="OUT", help="write the report as one HTML file")
    sub.add_argument("--beside", type=Path, metavar="FILE", help="another model's figures beside")
    sub.add_argument(
        "--save", type=Path, metavar="OUT", help="write the model down as a checkpoint of this app"
    )
    add_lab(command, argv)
    add_read_back(command)
    add_serve_flags(
        command(
            "serve", serve_command, "Serve the app to a class: address, QR code, teacher's page."
        )
    )
    clusters.add(command)
    if argv[:1] == ["train"]:
        add_options_of_family(trained, argv[1:])
    return parser.parse_args(argv)


def _add_its_data(sub: argparse.ArgumentParser, column: str) -> None:
    """The flags that say which data a model from a file was trained on."""
    its_data = sub.add_mutually_exclusive_group()
    its_data.add_argument(
        "--dataset", help="the data it was trained on; found by the sizes if not given"
    )
    its_data.add_argument(
        "--data", type=Path, metavar="DATA", help="or your own: a zip of images, an .npz, a table"
    )
    sub.add_argument(column, metavar="COLUMN", help="the classes in the table of --data")


def _datasets(args) -> list[dict[str, Any]]:
    if args.fetch is None:
        return [_described(s) for s in datasets.all_sources().values()]
    source = datasets.source(args.fetch)
    if source.fetch is None:
        print(f"{source.title} needs no download: it is on this machine.", file=sys.stderr)
    else:
        # Also where its files are there: damaged ones are replaced.
        source.fetch(download_bar())
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


def _export(args) -> dict[str, Any]:
    from aecore.inspection.command import chosen_data, opened

    per_label = way(args.to).per_label
    found, data = opened(args.files, chosen_data(args.dataset, args.data, args.column))
    model = found.model
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


def _inspect(args) -> dict[str, Any]:
    from aecore.inspection.command import chosen_data, inspect_files, verdict_text

    for path in (args.html, args.save):
        if path is not None:
            try_to_write(path)
    data = chosen_data(args.dataset, args.data, args.label)
    result = inspect_files(args.files, data, args.html, args.beside, args.save)
    if not args.json:
        result["text"] = verdict_text(result)
    return result


def _show(result: Any) -> None:
    if isinstance(result, dict) and "text" in result:
        print(result["text"])
        return
    for item in result if isinstance(result, list) else [result]:
        for key, value in item.items():
            print(f"{key:>22}  {json.dumps(value) if isinstance(value, dict | list) else value}")
        if isinstance(result, list):
            print()
