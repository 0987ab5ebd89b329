"""Damage done by hand: held-out examples to scribble on, and the ways to mend them.

Networks leave here as a browser runs them, so that they answer under the hand; filters that take
milliseconds are asked when the hand lets go.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from aecore.datasets import Dataset, load
from aecore.errors import ConfigError, ExportError
from aecore.lab.about import LabSubject
from aecore.lab.filters import FILTERS, Filter, tuned
from aecore.lab.mending import Damage
from aecore.models.presets import preset
from aecore.models.registry import build
from aecore.pad.network import BrowserNetwork, export_network
from aecore.runs import checkpoints
from aecore.types import DataSpec

DIGITS = "mnist"  # whose models ship
SHIPPED = {
    "denoising-ae": "Denoiser",
    "conv-denoising": "Convolutional denoiser",
    "first-ae": "Plain autoencoder",
    "vae-textbook": "VAE, 20 numbers",
}
COMPONENTS = 64
EXAMPLES = 20
SIDE = 64  # pixels of an example, at most
MOST_MACS = 5_000_000  # multiply-adds both ways, with which a browser still follows a hand
TYPICAL = Damage("gaussian", 0.3)  # by which the filters choose their settings
TUNED_ON = 20  # training examples
ROUNDS = 10  # in which holes are filled
LATER = tuple(way for way in FILTERS if way.name in ("tv", "wavelets", "nlm"))


@dataclass(frozen=True)
class Mender:
    """A network that mends. learnt: it is no linear one (PCA)."""

    title: str
    network: BrowserNetwork
    learnt: bool = True


@dataclass(frozen=True)
class ByHand:
    """What one scribbles on, and who mends. dataset: its name. rows: of held-out examples; names:
    their classes, empty where they have none; x: (n, *shape) in [0, 1]. left_out: why data or the
    model in hand are not among them, a sentence each."""

    dataset: str
    rows: tuple[int, ...]
    names: tuple[str, ...]
    x: np.ndarray
    menders: tuple[Mender, ...]
    left_out: tuple[str, ...]


def fits(spec: DataSpec) -> bool:
    """Whether a hand can scribble on such examples: small grey images with values in [0, 1]."""
    grey = spec.kind == "image" and len(spec.shape) == 3 and spec.shape[0] == 1
    return grey and spec.bounded and max(spec.shape) <= SIDE and min(spec.shape[1:]) >= 3


def offered(subject: LabSubject, title: str) -> ByHand:
    """Examples of the data in hand, or digits where a hand can draw on none of theirs; the model in
    hand and PCA, and of digits the shipped models.

    title: what people call the data in hand.
    """
    assert subject.data is not None
    data, left_out = subject.data, []
    if not fits(data.spec):
        left_out.append(
            f"{title} cannot be scribbled on: that takes grey images of at most {SIDE}×{SIDE} "
            "pixels. Here are digits instead, and the shipped models."
        )
        data = load(DIGITS)
    menders = _shipped() if data.name == DIGITS else []
    if data is subject.data:
        mender, why_not = _in_hand(subject)
        if mender is not None and all(m.title != mender.title for m in menders):
            menders.append(mender)
        left_out += [why_not] if why_not else []
    menders.append(_components(data))
    rows = _rows(data)
    labels, names = data.test.labels, data.class_names
    classes = () if labels is None or not names else tuple(names[int(labels[r])] for r in rows)
    x = data.test.batch(torch.tensor(rows)).numpy()
    return ByHand(data.name, tuple(rows), classes, x, tuple(menders), tuple(left_out))


def _shipped() -> list[Mender]:
    files = checkpoints.shipped()
    return [
        Mender(title, export_network(checkpoints.load(files[name]).model))
        for name, title in SHIPPED.items()
        if name in files
    ]


def _in_hand(subject: LabSubject) -> tuple[Mender | None, str]:
    """The model in hand; or why it is not among those that mend."""
    model, card, data = subject.model, subject.card, subject.data
    if model is None or card is None or data is None:
        return None, ""
    name = card.name
    shipped = {checkpoints.read_card(p).name: n for n, p in checkpoints.shipped().items()}
    if data.name == DIGITS and shipped.get(name) in SHIPPED:
        return None, ""  # it is there already
    if model.conditional:
        return None, f"The model in hand, {name}, is not here: it has to be told the class."
    try:
        network = export_network(model)
    except ExportError:
        return None, f"The model in hand, {name}, is not here: a browser cannot run its layers."
    if network.meta["encoder_macs"] + network.meta["decoder_macs"] > MOST_MACS:
        return None, f"The model in hand, {name}, is not here: it is too large to follow a hand."
    return Mender(f"{name}, in hand", network), ""


def _components(data: Dataset) -> Mender:
    k = min(COMPONENTS, data.spec.size - 1, len(data.train) - 1)
    model = build(preset("pca").spec(data.spec, k), 0)
    model.fit(data)
    return Mender(f"PCA, {k} numbers", export_network(model.eval()), learnt=False)


def _rows(data: Dataset) -> list[int]:
    """Of each class as many, in turn; the first ones where there are no classes."""
    n, labels = min(EXAMPLES, len(data.test)), data.test.labels
    if labels is None:
        return list(range(n))
    order = [torch.nonzero(labels == label)[:, 0].tolist() for label in labels.unique()]
    turns = range(max(map(len, order)))
    return [rows[turn] for turn in turns for rows in order if turn < len(rows)][:n]


# When the hand lets go ------------------------------------------------------------------------


def filtered(
    shape: tuple[int, ...], settings: tuple[float, ...], seen: bytes, hole: bytes
) -> np.ndarray:
    """What the filters of LATER make of one example, (ways, *shape) float32.

    settings: of each of them. seen: a byte a value, over [0, 1]. hole: as many, not 0 where a value
    is known to be missing: then the others are kept and the answer goes in again, ROUNDS times;
    empty for none. Raises ConfigError where they are not as long as an example.
    """
    size = prod(shape)
    if len(seen) != size or len(hole) not in (0, size):
        raise ConfigError(f"An example has {size} values, but {len(seen)} came.")
    x = np.frombuffer(seen, np.uint8).reshape(1, *shape).astype(np.float32) / 255
    known = np.frombuffer(hole, np.uint8).reshape(x.shape) == 0 if hole else np.zeros(x.shape, bool)
    answers = []
    for way, setting in zip(LATER, settings, strict=True):
        answer = x
        for _ in range(ROUNDS if hole else 1):
            answer = np.where(known, x, way.apply(answer, setting))
        answers.append(answer[0])
    return np.stack(answers).astype(np.float32)


def settings(dataset: str) -> tuple[float, ...]:
    """Of each filter of LATER the setting that is best for TYPICAL noise on training examples."""
    x = load(dataset).train.first(TUNED_ON).batch(slice(None))
    seen = TYPICAL.seen(x, 0).numpy()

    def best(way: Filter) -> float:
        return tuned(way.apply, way.tried, x.numpy(), seen)

    return tuple(best(way) for way in LATER)
