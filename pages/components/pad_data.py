"""From the model in hand to the live decoder's data, built once for all sessions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aecore.evaluation.latent import Codes
from aecore.jobs import in_hand, views
from aecore.jobs.in_hand import InHand
from aecore.models.families.pca import PCABasis
from aecore.pad import PadBundle
from pages.shell import session
from pages.shell.computing import apart, prepared
from pages.shell.kept import kept
from pages.shell.session import Hand

MAP_POINTS, MAP_IMAGES = 3000, 1500
HOME_POINTS, HOME_IMAGES = 1500, 800
BUNDLES = 128 << 20  # bytes of the pads' data that are kept for all sessions


@dataclass(frozen=True)
class Told(Hand):
    """A conditional model with one label said for good, which makes it a model of z alone, and
    only the held-out examples of that class. `whole` is the model in hand itself."""

    label: int
    whole: Hand

    @property
    def in_hand(self) -> InHand:
        """The same, as aecore computes with it."""
        whole = self.whole.in_hand
        return InHand(self.model, self.card, self.data, whole.key, self.label, whole)


def whole_of(held: Hand) -> Hand:
    """The model in hand itself: told a label or not, it is the same."""
    return held.whole if isinstance(held, Told) else held


def basis_for(held: Hand) -> PCABasis:
    """PCA of all the data that a model was trained on: told a label or not, it is the same."""
    return whole_of(held).basis


def told(held: Hand, label: int) -> Told:
    """A conditional model in hand, told a label."""
    model, card, data = in_hand.told(held.model, held.card, held.data, label)
    return Told(f"{held.ref}/{label}", held.version, model, card, data, label, held)


def codes_of(held: Hand) -> Codes:
    """Codes of every held-out example of a hand."""
    return session.codes(held)


def model_of_z(held: Hand) -> Hand:
    """What the pad can show: of a conditional model the first class, until a label is chosen."""
    return told(held, 0) if held.model.conditional else held


@kept(spinner="The map is being drawn …", most_bytes=BUNDLES)
def bundle_for(held: Hand, small: bool = False) -> PadBundle:
    """The pad's data for a model; small sends fewer points, for a quick first page."""
    held = model_of_z(held)
    if small:
        return make_bundle(held, (HOME_POINTS, HOME_IMAGES), with_errors=False)
    return make_bundle(held, (MAP_POINTS, MAP_IMAGES))


def is_bundled(held: Hand) -> bool:
    """Whether bundle_for would give this at once; if not, it is begun."""
    held = model_of_z(held)
    return bundle_for.known(held) or is_made(held, (MAP_POINTS, MAP_IMAGES))


def _mark_of(ref: str) -> str:
    """What tells models apart in the browser, and in the files that are made of what it shows."""
    whole, slash, label = ref.partition("/")
    return hashlib.blake2b(whole.encode(), digest_size=6).hexdigest() + slash + label


def make_bundle(held: Hand, sizes: tuple[int, int], with_errors: bool = True) -> PadBundle:
    """Bundle a model with the first held-out examples of its data, sizes = (points, images).

    with_errors: of all of them.
    """
    return apart(views.bundle, *_asked(held, sizes, with_errors))


def is_made(held: Hand, sizes: tuple[int, int], with_errors: bool = True) -> bool:
    """Whether make_bundle would give this at once; if not, it is begun."""
    return prepared(views.bundle, *_asked(held, sizes, with_errors))


def _asked(
    held: Hand, sizes: tuple[int, int], with_errors: bool
) -> tuple[InHand, str, int, int, bool]:
    return held.in_hand, _mark_of(held.ref), *sizes, with_errors
