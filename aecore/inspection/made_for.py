"""Which data a foreign model was made for: by its size, by what its file says, and by trying."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import torch

from aecore import datasets
from aecore.datasets import Dataset, Source
from aecore.datasets.titles import title_of
from aecore.errors import InspectionError
from aecore.evaluation.batches import batch_for, labels_for
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.kinds import Kind, kind_of
from aecore.inspection.understanding.parts import parts_of, square_side
from aecore.inspection.understanding.understand import Reading
from aecore.models import LatentModel
from aecore.models.families.pca import basis_of

MOST = 4  # datasets that a file is tried with
FIRST, SEEN = 500, 256  # held-out examples looked at; drawings from the prior
# Share of the mean example's error below which nothing speaks for other data; above which the
# error itself does.
PLAIN, WEAK = 0.3, 0.6
# How far what enters the BatchNorms is from their memory, see Candidate.surprise; how far the mean
# drawing from the prior is from the data's mean, as a share of the data's variance.
SURPRISED, ELSEWHERE = 0.4, 0.35

#: Words in a file's name, or in what it says of itself, and the data that they speak for; by the
#: registry's name where there is one.
_WORDS = {
    r"fashion|f_?mnist": "fashion-mnist",
    r"kmnist|kuzushiji|hiragana|japanese": "kmnist",
    r"emnist|letters?|alphabet": "emnist-letters",
    r"qmnist": "qmnist",
    r"usps": "usps",
    r"svhn": "svhn",
    r"cifar": "cifar10",
    r"(?<![a-z])mnist|digits?": "mnist",
    r"celeb|faces?(?![a-z])": "faces",
    r"breast|wdbc": "breast-cancer",
    r"diabetes": "diabetes",
    r"(?<![a-z])wine": "wine",
    r"dsprites?": "dSprites",
    r"omniglot": "Omniglot",
    r"image_?net|imgnet": "ImageNet",
    r"(?<![a-z])fonts?(?![a-z])": "fonts",
    r"fraud|credit": "card transactions",
    r"ecg|cardiac": "heartbeats",
    r"bearing|vibration": "vibrations",
    r"spectro|(?<![a-z])mels?(?![a-z])|audio|speech|music": "sounds",
}
SIDES = (16, 28, 32, 64)  # of images as people enlarge them
_DENOISES = re.compile(r"de_?nois|(?<![a-z])dae(?![a-z])|in_?paint|corrupt|(?<![a-z])noisy")


def words_of(contents: Contents, name: str) -> str:
    """What a file is called and says of itself, in lower case."""
    said = " ".join(_texts(contents.facts))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", f"{name} {said}"[:4000]).lower()


def _texts(facts: Mapping[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        yield str(key)
        if isinstance(value, Mapping):
            yield from _texts(value)
        elif isinstance(value, str):
            yield value


def named_data(text: str) -> list[str]:
    """The data that a text speaks for, the most particular first."""
    found = [name for pattern, name in _WORDS.items() if re.search(pattern, text)]
    # "fashion_mnist" speaks of one of them alone.
    return [n for n in found if n != "mnist"] or found


def denoiser_words(text: str) -> list[str]:
    """A sentence where a text speaks for a denoiser."""
    found = _DENOISES.search(text)
    return [f"The file speaks of {found[0]!r}."] if found else []


def check_kind(kind: Kind) -> None:
    """Raise InspectionError with what a network is that does not lead from data to a code and back.

    A decoder alone can be explored, and goes on.
    """
    ways = {
        "classifier": "Only autoencoders, and decoders alone, are checked here.",
        "regressor": "Only autoencoders, and decoders alone, are checked here.",
        "encoder": "Open it together with the file of its decoder, or open that alone.",
        "recurrent": "Recurrent layers are not run here: their code is a state, step by step.",
        "attention": "Layers of attention are not run here.",
        "quantised": "A code of indices into a codebook is not run here.",
    }
    other = kind.name == "other" and kind.takes and kind.gives and kind.takes != kind.gives
    if kind.name in ways or other:
        more = ways.get(kind.name, "An autoencoder gives back what it takes.")
        raise InspectionError(f"{kind.sentence} {more}", f"is-{kind.name}")


def likely_datasets(contents: Contents, name: str = "") -> list[str]:
    """The data on this machine that a file's sizes point to, the likeliest first.

    name: of the file. Raises InspectionError with the size that it takes, which known data have it,
    and how to get them.
    """
    kind = kind_of(contents)
    ends: list[Shape] = _ends(kind) or _ends_by_parts(contents)
    fitting = [s for s in datasets.all_sources().values() if any(_fits(s, e) for e in ends)]
    said = _said(contents) if kind.name != "decoder" else None
    if said is not None:
        ends = [said]
        fitting = [s for s in fitting if prod(said) in (s.spec.size, s.spec.size + s.spec.classes)]
    # 784 numbers are pixels before they are columns.
    if any(s.spec.kind != "table" for s in fitting):
        fitting = [s for s in fitting if s.spec.kind != "table"]
    named = named_data(words_of(contents, name))
    ready = [s.name for s in fitting if s.ready()]
    if not ready:
        raise InspectionError(_refusal(kind, ends, fitting), "other-data")
    return sorted(ready, key=lambda n: n not in named)[:MOST]


Shape = tuple[int | None, ...]


def _ends(kind: Kind) -> list[Shape]:
    """What a network takes, or gives where it takes nothing of the data's."""
    return [s for s in (kind.takes, kind.gives) if s and any(s)][:1]


def _said(contents: Contents) -> tuple[int, ...] | None:
    """The size of an example where a graph says what enters it; None where that is open."""
    shape = contents.facts.get("input_shape") if contents.operations is not None else None
    if not isinstance(shape, list) or not shape:
        return None
    return tuple(shape) if all(type(n) is int and n > 0 for n in shape) else None


def _ends_by_parts(contents: Contents) -> list[Shape]:
    """The same where the kind is not known: by the first and last layers, or by all."""
    parts, _ = parts_of(contents.tensors, contents.ordered)
    main = [p for p in parts if p.kind in ("linear", "conv")]
    maps = {n for p in main if p.kind == "conv" for n in p.weight.shape[:2] if n in (1, 3)}
    if any(p.kind == "conv" for p in main):
        return [(n, None, None) for n in sorted(maps)]
    takes, gives = ({int(p.weight.shape[i]) for p in main} for i in (1, 0))
    return [(n,) for n in sorted(takes & gives or takes | gives, reverse=True)[:1]]


def _fits(source: Source, end: Shape) -> bool:
    """Whether a network of this end may have been made for examples of this size."""
    spec = source.spec
    if len(end) == 1 and end[0]:
        rows = end[0]
        told = rows - spec.classes if spec.classes > 1 else 0
        if spec.size in (rows, told):
            return True
        side = square_side(rows // spec.shape[0]) if rows % spec.shape[0] == 0 else None
        # Enlarged: 784 pixels that were brought to 1,024.
        return spec.kind == "image" and side in SIDES and spec.shape[1] < side <= 2 * spec.shape[1]
    if len(end) == 2:
        channels, length = end
        whole = channels * length if channels and length else None
        return spec.kind == "signal" and (whole == spec.size or (whole is None and channels == 1))
    if len(end) != 3 or spec.kind != "image" or end[0] != spec.shape[0]:
        return False
    _, side, width = end
    return side is None or (side == width and spec.shape[1] <= side <= 2 * spec.shape[1])


def _refusal(kind: Kind, ends: list[Shape], known: list[Source]) -> str:
    size = " or ".join("×".join("?" if n is None else f"{n:,}" for n in end) for end in ends)
    takes = kind.sentence or f"This network takes examples of the size {size}."
    exact = [s for s in known if not any(_enlarged(s, end) for end in ends)]
    if not exact:
        return (
            f"{takes} None of the data that are known here have that size; bring its own with "
            "--data, or on the page Data."
        )
    have = " and ".join(f"{s.title} ({'×'.join(map(str, s.spec.shape))})" for s in exact[:3])
    several = len(exact) > 1
    return (
        f"{takes} {have} {'have' if several else 'has'} that size and "
        f"{'are' if several else 'is'} not on this machine yet: `aecore datasets --fetch "
        f"{exact[0].name}` or the page Data brings {'one of them' if several else 'it'}; or bring "
        "its own with --data."
    )


def _enlarged(source: Source, end: Shape) -> bool:
    """Whether examples would have to be brought to another size."""
    if len(end) == 3:
        return end[1] is not None and end[1] != source.spec.shape[1]
    return len(end) == 1 and end[0] not in (
        source.spec.size,
        source.spec.size + source.spec.classes,
    )


# -- once it is read -------------------------------------------------------------------------------


@torch.inference_mode()
def share_of_blank(model: LatentModel, data: Dataset) -> float:
    """A model's error on held-out examples, as a share of that of the mean example."""
    rows = slice(0, min(batch_for(model, FIRST), len(data.test)))
    x = data.test.batch(rows)
    error = float((model.reconstruct(x, labels_for(model, data.test, rows)) - x).square().mean())
    blank = float((x - data.train.batch(slice(0, 5000)).mean(0)).square().mean())
    return error / max(blank, 1e-12)


def better_data(reading: Reading, data: Dataset, names: list[str]) -> Dataset | None:
    """Other data of the same shape that the model draws clearly better; None for none."""
    ours = share_of_blank(reading.model, data)
    best: tuple[float, Dataset | None] = (0.8 * ours, None)
    for name in names:
        if name == data.name or datasets.source(name).spec.shape != data.spec.shape:
            continue
        other = datasets.load(name)
        best = min(best, (share_of_blank(reading.model, other), other), key=lambda pair: pair[0])
    return best[1]


def signs_of_other_data(
    reading: Reading, contents: Contents, data: Dataset, name: str, given: bool
) -> list[str]:
    """Sentences that speak for other data of this size than those it was tried on. given: somebody
    said that these are its own; then only the file's own words count."""
    found = []
    named = named_data(words_of(contents, name))
    if named and data.name not in named and data.name in datasets.all_sources():
        found.append(f"The file speaks of {' and '.join(map(title_of, named[:2]))}.")
    if given:
        return found
    if data.name in datasets.all_sources() and datasets.source(data.name).stands_in:
        found.append(
            f"{title_of(data.name)} stand in for the images that it was trained on{_those(data)}."
        )
    if data.spec.kind == "table" and data.name not in named:
        found.append(f"Many tables have {data.spec.size} columns, and nothing names this one.")
    share = reading.candidate.error / max(reading.blank, 1e-12)
    if reading.collapsed or not reading.understood or share < PLAIN:
        return found
    k = reading.model.spec.latent_dim
    if k < data.spec.size and reading.candidate.error < basis_of(data, k).mse(k):
        return found  # what draws them better than PCA of these data was made for them
    if reading.candidate.surprise > SURPRISED:
        found.append("What enters its BatchNorm layers is far from what they saw in training.")
    elsewhere = _mean_elsewhere(reading.model, data, reading.blank)
    if elsewhere > ELSEWHERE:
        found.append("What it draws from the prior is on average unlike these data.")
    if share > WEAK:
        found.append(
            f"Its error is {share:.0%} of that of drawing the mean example for everything."
        )
    return found


def _those(data: Dataset) -> str:
    """How to get known data of the same size, as the end of a sentence."""
    others = [s for s in datasets.all_sources().values() if s.spec.shape == data.spec.shape]
    known = [s for s in others if s.fetch is not None and not s.ready()]
    return f"; `aecore datasets --fetch {known[0].name}` brings {known[0].title}" if known else ""


@torch.inference_mode()
def _mean_elsewhere(model: LatentModel, data: Dataset, blank: float) -> float:
    """Squared distance per value from the mean drawing from the prior to the data's mean, as a
    share of `blank`; 0 for a model without a prior."""
    if not model.variational:
        return 0.0
    z = model.sample_prior(SEEN, torch.Generator().manual_seed(0))
    labels = torch.arange(SEEN) % max(data.spec.classes, 1) if model.conditional else None
    mean = data.train.batch(slice(0, 5000)).mean(0)
    return float((model.decode(z, labels).mean(0) - mean).square().mean()) / max(blank, 1e-12)
