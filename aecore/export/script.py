"""A model as a Python script of its own: plain PyTorch, beside its weights as a .pt file."""

from __future__ import annotations

import ast
import io
import textwrap
from dataclasses import dataclass

import numpy as np

from aecore.export import fresh_python
from aecore.export.layer_source import as_pt, plain_weights
from aecore.export.script_loss import loss, loss_functions
from aecore.export.script_model import (
    EXAMPLES_FILE,
    LABELS_FILE,
    MODEL_FILE,
    WEIGHTS_FILE,
    Wording,
    constants,
    definitions,
    functions,
    model_class,
    plain_text,
    wording,
)
from aecore.export.script_training import Recipe, loop, pca_fit, training_constants
from aecore.export.subject import Subject, TakenOut, compare, file_stem, verdict

#: What a script may import, in groups, and the name by which it uses each.
_IMPORTS = (
    (
        ("import argparse", "argparse"),
        ("import math", "math"),
        ("from collections.abc import Sequence", "Sequence"),
        ("from pathlib import Path", "Path"),
    ),
    (
        ("import numpy as np", "np"),
        ("import torch", "torch"),
        ("from torch import Tensor, nn", "Tensor"),
        ("from torch.nn import functional as F", "F"),
    ),
)


def export_script(subject: Subject) -> TakenOut:
    """model.py, model.pt and some held-out examples, run in a fresh interpreter and compared.

    Raises ExportError where a layer cannot be written, or where the script does not give what the
    model gives.
    """
    words = wording(subject)
    text = script_text(subject, words)
    parts = {MODEL_FILE: text.encode(), **companions(subject, words)}
    found = fresh_python.run_script(subject, parts, MODEL_FILE)
    difference = compare(found, subject.outputs, "The script")
    parts["README.txt"] = _readme(subject, words).encode()
    how = "run in a fresh Python without this app"
    return TakenOut(
        f"{file_stem(subject.card)}-script", parts, verdict(subject, difference, how), difference
    )


def companions(subject: Subject, words: Wording) -> dict[str, bytes]:
    """What lies beside a script or a notebook: the weights, and examples to try them on."""
    parts = {
        WEIGHTS_FILE: as_pt(plain_weights(subject.model, words.layers)),
        EXAMPLES_FILE: as_npy(subject.trial_examples()),
    }
    labels = subject.trial_labels()
    return parts if labels is None else parts | {LABELS_FILE: as_npy(labels)}


def as_npy(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def script_text(subject: Subject, words: Wording) -> str:
    """The whole script."""
    learnt = training(subject, words)
    head = f'WEIGHTS = Path(__file__).with_name("{WEIGHTS_FILE}")\n{constants(words)}'
    if learnt.constants:
        head += f"\n\n# {learnt.origin}\n{learnt.constants}"
    pieces = [
        head,
        *definitions(words),
        model_class(words),
        *functions(words),
        *learnt.functions,
        read_text(words),
        _main(words),
        'if __name__ == "__main__":\n    main()',
    ]
    body = "\n\n\n".join(pieces)
    return f'"""{_about(subject, words)}"""\n\n{imports_of(body)}\n\n{body}\n'


def imports_of(body: str) -> str:
    """The imports that a text needs, grouped."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    groups = [[line for line, name in group if name in used] for group in _IMPORTS]
    lines = [["from __future__ import annotations"], *groups]
    return "\n\n".join("\n".join(group) for group in lines if group)


@dataclass(frozen=True)
class Training:
    """How a model is trained, as texts: where the numbers come from (a sentence), the numbers, and
    the functions. The numbers are empty for a model that is fitted in one step."""

    origin: str
    constants: str
    functions: list[str]


def training(subject: Subject, words: Wording) -> Training:
    """The texts of a model's training."""
    if subject.model.closed_form:
        about = "scikit-learn fits it; nothing is trained by steps."
        return Training(about, "", [pca_fit(words)])
    recipe = Recipe.of(subject, words)
    return Training(
        recipe.origin(subject.card),
        training_constants(recipe),
        [*loss_functions(recipe), loss(recipe), loop(recipe)],
    )


def read_text(words: Wording) -> str:
    """`read`: examples from an .npy file."""
    return f'''def read(path: str) -> Tensor:
    """Examples {words.x} from an .npy file; bytes become {words.values}."""
    x = np.load(path)
    return torch.from_numpy(x.astype(np.float32) / (255 if x.dtype == np.uint8 else 1))'''


def _about(subject: Subject, words: Wording) -> str:
    spec = words.spec
    data = plain_text(subject.card.dataset)
    shape = " x ".join(map(str, spec.data.shape))
    fits = ", and scikit-learn to fit anew" * subject.model.closed_form
    labels = f" --labels {LABELS_FILE}" if words.conditional else ""
    foreign = subject.provenance
    as_this_one = "" if foreign else ", as this one was"
    about = (
        f"{shape} values become {spec.latent_dim} number{'s' * (spec.latent_dim != 1)} and "
        f"{shape} values again. This file needs PyTorch and NumPy{fits}."
    )
    about += f" {foreign}" * bool(foreign)
    uses = [
        ("", f"load {WEIGHTS_FILE} and say what goes in and comes out"),
        (f" {EXAMPLES_FILE}{labels}", f"reconstruct examples {words.x}, {words.values}"),
        (f" {EXAMPLES_FILE}{labels} --train", f"train a new one on them{as_this_one}"),
    ]
    shown = [f"    python {MODEL_FILE}{use}\n        {what}" for use, what in uses]
    made = f"looked at with {data}" if foreign else f"trained on {data}"
    title = f"{words.name}: {words.title.lower()}, {made}."
    return "\n".join([title, "", textwrap.fill(about, 98), "", *shown, ""])


def _main(words: Wording) -> str:
    told = ", told" if words.conditional else ""
    labelled = words.conditional
    lines = [
        "parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])",
        'parser.add_argument("examples", nargs="?", help="an .npy file of examples")',
        *(
            ['parser.add_argument("--labels", help="an .npy file of their labels")']
            if labelled
            else []
        ),
        'parser.add_argument("--train", action="store_true", help="train a new model on them")',
        "args = parser.parse_args()",
        "model = load()",
        "x = read(args.examples) if args.examples else torch.zeros(2, *SHAPE)",
    ]
    if labelled:
        lines += [
            "labels = torch.from_numpy(np.load(args.labels)) if args.labels else None",
            "told = one_hot(labels, len(x))",
        ]
    if words.variational:
        lines.append(f"z, _ = model.encode(x{told})")
    else:
        lines.append(f"z = model.encode(x{told})")
    new = (
        f"sample(model, {'len(x)' if labelled else 4}{told})"
        if words.variational
        else f"sample(model, x{told}, 4)"
    )
    train = "train(x, labels)" if labelled else "train(x)"
    lines += [
        f"x_hat, new = reconstruct(model, x{told}), {new}",
        "weights = sum(p.numel() for p in model.parameters())",
        'print(f"{type(model).__name__}, {weights:,} weights")',
        'print(f"x {tuple(x.shape)} -> z {tuple(z.shape)} -> x_hat {tuple(x_hat.shape)}")',
        'print(f"sampled: {tuple(new.shape)}")',
        "if args.examples:",
        "    error = (x_hat - x).square().mean()",
        '    print(f"mean squared error a value of {len(x)} examples: {error:.6f}")',
        f"if args.examples and args.train{' and args.labels' * labelled}:",
        f"    model, _ = {train}",
        f"    error = (reconstruct(model, x{told}) - x).square().mean()",
        '    print(f"trained anew, mean squared error a value: {error:.6f}")',
    ]
    body = "\n".join("    " + line for line in lines)
    return (
        f'def main() -> None:\n    """The command line that the top of this file shows."""\n{body}'
    )


def _readme(subject: Subject, words: Wording) -> str:
    return (
        f"{words.name}\n\n`python {MODEL_FILE} {EXAMPLES_FILE}` loads {WEIGHTS_FILE} and "
        f"reconstructs {EXAMPLES_FILE}, {len(subject.trial_examples())} held-out examples of "
        f"{subject.card.dataset}; it needs PyTorch and NumPy. Where the numbers came from stands "
        f"in {MODEL_FILE}, with "
        + (
            f"a loop that trains new ones. {subject.provenance}"
            if subject.provenance
            else "the loop that trains them anew."
        )
        + "\n"
    )
