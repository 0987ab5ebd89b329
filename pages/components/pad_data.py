"""From the model in hand to the live decoder's data, built once for all sessions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from aecore.datasets import Split
from aecore.errors import ExportError
from aecore.evaluation.latent import Codes, encode_split
from aecore.export.explorer_file import model_bundle
from aecore.export.subject import Subject
from aecore.models.families.pca import PCABasis
from aecore.models.losses import squared_error_per_value
from aecore.pad import PadBundle, export_network
from pages.shell import session
from pages.shell.kept import kept
from pages.shell.session import Hand

MAP_POINTS, MAP_IMAGES = 3000, 1500
HOME_POINTS, HOME_IMAGES = 1500, 800
BUNDLES = 256 << 20  # bytes of the pads' data that are kept for all sessions


@dataclass(frozen=True)
class Told(Hand):
    """A conditional model with one label said for good, which makes it a model of z alone, and
    only the held-out examples of that class. `whole` is the model in hand itself."""

    label: int
    whole: Hand


def whole_of(held: Hand) -> Hand:
    """The model in hand itself: told a label or not, it is the same."""
    return held.whole if isinstance(held, Told) else held


def basis_for(held: Hand) -> PCABasis:
    """PCA of all the data that a model was trained on: told a label or not, it is the same."""
    return whole_of(held).basis


def told(held: Hand, label: int) -> Told:
    """A conditional model in hand, told a label."""
    test, name = held.data.test, held.data.class_names[label]
    if test.labels is not None:
        rows = torch.nonzero(test.labels == label)[:, 0]
        if len(rows) >= 2:  # else nothing of this class is held out: all stay
            test = Split(test.x[rows], test.labels[rows])
    data = replace(held.data, test=test)
    card = replace(held.card, name=f"{held.card.name}, told {name}")
    model = held.model.given(label)
    return Told(f"{held.ref}/{label}", held.version, model, card, data, label, held)


def codes_of(held: Hand) -> Codes:
    """Codes of every held-out example of a hand."""
    return session.codes(held)


def model_of_z(held: Hand) -> Hand:
    """What the pad can show: of a conditional model the first class, until a label is chosen."""
    return told(held, 0) if held.model.conditional else held


@kept(most_bytes=BUNDLES)
def bundle_for(held: Hand, small: bool = False) -> PadBundle:
    """The pad's data for a model; small sends fewer points, for a quick first page."""
    held = model_of_z(held)
    if small:
        codes = encode_split(held.model, held.data.test.first(HOME_POINTS))
        return make_bundle(held, codes, None, (HOME_POINTS, HOME_IMAGES))
    return make_bundle(held, codes_of(held), _held_out_errors(held), (MAP_POINTS, MAP_IMAGES))


def _held_out_errors(held: Hand) -> np.ndarray:
    if not isinstance(held, Told):
        return session.held_out_errors(held)
    with torch.inference_mode():
        x = held.data.test.batch(slice(None))
        return squared_error_per_value(held.model.reconstruct(x), x).numpy()


def _mark_of(ref: str) -> str:
    """What tells models apart in the browser, and in the files that are made of what it shows."""
    whole, slash, label = ref.partition("/")
    return hashlib.blake2b(whole.encode(), digest_size=6).hexdigest() + slash + label


def make_bundle(
    held: Hand, codes: Codes, errors: np.ndarray | None, sizes: tuple[int, int]
) -> PadBundle:
    """Bundle a model with the first held-out examples of its data, sizes = (points, images)."""
    try:
        network, why = export_network(held.model), ""
    except ExportError as error:
        network, why = None, str(error)
    subject = Subject(held.model, held.card, held.data)
    return model_bundle(
        subject,
        basis_for(held),
        codes,
        network=network,
        why_no_network=why,
        model_id=_mark_of(held.ref),
        sizes=sizes,
        errors=errors,
    )
