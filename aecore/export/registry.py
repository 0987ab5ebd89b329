"""Every way in which a model can be taken out, by name: what it is, who wants it, what makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from aecore.errors import UnknownNameError
from aecore.export.explorer_file import export_explorer_file
from aecore.export.figure_files import export_figures
from aecore.export.notebook import export_notebook
from aecore.export.onnx_pair import export_onnx
from aecore.export.script import export_script
from aecore.export.subject import Outputs, Subject, TakenOut, compare, file_stem, timed, verdict
from aecore.runs import checkpoints

# Exports take a core for seconds each; the pages of everybody else need the other.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Way:
    """One way out. about: what it is; wanted_by: who wants it; make: raises ExportError where it
    refuses.

    seconds: about how long that takes on a small model. per_label: whether a conditional model
    has to be told a label before. several: whether it is more than one file.
    """

    name: str
    title: str
    about: str
    wanted_by: str
    make: Callable[[Subject], TakenOut]
    seconds: float
    per_label: bool = False
    several: bool = True


def export_checkpoint(subject: Subject) -> TakenOut:
    """The .safetensors file with its card, read back. Raises ExportError if it differs."""
    content = checkpoints.to_bytes(subject.model, subject.card)
    again = Subject(checkpoints.from_bytes(content).model, subject.card, subject.data)
    found: Outputs = again.outputs
    difference = compare(found, subject.outputs, "The checkpoint")
    return TakenOut(
        file_stem(subject.card),
        {f"model{checkpoints.SUFFIX}": content},
        verdict(subject, difference),
        difference,
    )


WAYS = {
    way.name: way
    for way in (
        Way(
            "checkpoint",
            "Checkpoint",
            "One .safetensors file: the weights, and a card that says how they came to be.",
            "For opening it here again, on this or another computer.",
            export_checkpoint,
            0.2,
            several=False,
        ),
        Way(
            "script",
            "Script and weights",
            "A Python file of its own, in plain PyTorch: the network, loading, reconstructing, "
            "sampling, and the training loop that made it; the weights beside it as .pt.",
            "For reading how it works, changing it, using it in a project of your own.",
            export_script,
            3,
        ),
        Way(
            "notebook",
            "Notebook",
            "The same as a Jupyter notebook, with pictures and a word on each step.",
            "For teaching and trying out, cell by cell.",
            export_notebook,
            3,
        ),
        Way(
            "onnx",
            "ONNX",
            "Encoder and decoder as two files in ONNX, a format that many programs and languages "
            "run without PyTorch; any number of examples at once.",
            "For an app, a phone or a service.",
            export_onnx,
            3,
        ),
        Way(
            "explorer",
            "Explorer",
            "One HTML file with the map, the sliders and, for grey images, the drawing canvas; "
            "it needs no network and no server.",
            "For somebody who has a browser and nothing else.",
            export_explorer_file,
            1.5,
            per_label=True,
            several=False,
        ),
        Way(
            "figures",
            "Figures",
            "A zip of tables (CSV) and pictures (PNG): errors, codes, what each latent number "
            "carries, PCA beside it, reconstructions, traversals, samples.",
            "For writing about it: the numbers behind every figure.",
            export_figures,
            4,
        ),
    )
}


def way(name: str) -> Way:
    """The way called `name`, or UnknownNameError."""
    if name not in WAYS:
        raise UnknownNameError("way to take a model out", name[:40], list(WAYS))
    return WAYS[name]


def take_out(subject: Subject, name: str) -> TakenOut:
    """Make an export and open it again. Raises ExportError with the reason it is refused for."""
    chosen = way(name)
    with _one_at_a_time:
        return timed(chosen.make, subject)
