"""The live decoder of a run: its newest weights, and the epochs before to travel through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from aecore.evaluation.latent import encode_split
from aecore.models.base import LatentModel
from aecore.pad import EpochFrame, PackedFrame, PadBundle, export_network, pack_frame, with_epochs
from aecore.runs import checkpoints
from aecore.runs.store import ID_PATTERN, Run
from aecore.training.state import TrainState
from pages.components.pad import Decode, latent_pad
from pages.components.pad_data import (
    Told,
    bundle_for,
    is_bundled,
    is_made,
    make_bundle,
    model_of_z,
    whole_of,
)
from pages.shell import access, session
from pages.shell.kept import kept
from pages.shell.session import Hand

#: The epochs that can be had, each with its held-out error where that is known.
Epochs = tuple[tuple[int, float | None], ...]
#: Of a run under way: its points are encoded anew at each epoch.
LIVE_POINTS, LIVE_IMAGES = 1500, 600
PADS = 96 << 20  # bytes of runs' pads and past epochs that are kept for all sessions


def run_of(held: Hand) -> Run | None:
    """The run that a model in hand is of, or None for a shipped one."""
    ref = whole_of(held).ref
    return access.run_of(ref) if ID_PATTERN.fullmatch(ref) else None


@kept(most_bytes=PADS)
def _bundle(held: Hand, live: bool) -> PadBundle:
    """The pad's data for a run's newest weights; live: of one under way, with fewer points."""
    if live:
        return make_bundle(held, (LIVE_POINTS, LIVE_IMAGES), with_errors=False)
    return bundle_for(held)


def is_prepared(held: Hand, live: bool) -> bool:
    """Whether the pad of these weights can be shown at once; if not, its data are begun."""
    held = model_of_z(held)
    if _bundle.known(held, live):
        return True
    if live:
        return is_made(held, (LIVE_POINTS, LIVE_IMAGES), with_errors=False)
    return is_bundled(held)


@kept(most_bytes=PADS)
def _travelling(held: Hand, live: bool, epochs: Epochs) -> PadBundle:
    """The same, with the epochs that can be had, each with its held-out error."""
    return with_epochs(_bundle(held, live), [e for e, _ in epochs], [mse for _, mse in epochs])


def _epochs(run: Run, held: Hand) -> Epochs:
    epochs = sorted({0, *session.jobs().store.epochs(run), held.card.epochs_done})
    # The newest row comes last: after a stop within an epoch it is of the weights as they are.
    rows = filter(None, [*run.recording.history, run.recording.newest])
    by_epoch = {int(row["epoch"]): row.get("test_mse") for row in rows}
    return tuple((epoch, by_epoch.get(epoch)) for epoch in epochs)


@kept(most_bytes=PADS)
def _frame(held: Hand, live: bool, epochs: Epochs, epoch: int) -> PackedFrame | None:
    """A past epoch, packed for the pad that shows `_travelling`; None where it is not kept."""
    run = run_of(held)
    file = None if run is None else session.jobs().store.epochs(run).get(epoch)
    if file is None and epoch != 0:
        return None
    model = _untrained(held) if file is None else _past(file, held)
    bundle = _travelling(held, live, epochs)
    sample = held.data.test.first(bundle.meta["points"])
    network = export_network(model) if bundle.meta["network"] else None
    return pack_frame(bundle, EpochFrame(epoch, encode_split(model, sample).mu, network))


def _past(file: Path, held: Hand) -> LatentModel:
    """The model of a past epoch, told what the one in hand is told."""
    model = checkpoints.load(file).model
    return model.given(held.label) if isinstance(held, Told) else model


def _untrained(held: Hand) -> LatentModel:
    """The model of a run before its first step, which its seed gives again."""
    card = held.card
    model = TrainState.fresh(card.spec, card.config.seed).model.eval()
    return model.given(held.label) if isinstance(held, Told) else model


def decoder_for(held: Hand) -> Decode:
    """What decodes on the server, for models that are too large for the browser; an epoch that is
    not kept, or None, is the newest."""
    held, run = model_of_z(held), run_of(held)

    def decode(z: np.ndarray, epoch: int | None) -> np.ndarray:
        past = session.jobs().store.epochs(run) if run and epoch is not None else {}
        if run and epoch == 0 and 0 not in past:
            model = _untrained(held)
        else:
            model = _past(past[epoch], held) if epoch in past else held.model
        with torch.inference_mode():
            return model.decode(torch.from_numpy(z)[None])[0].numpy()

    return decode


def travelling_pad(held: Hand, *, key: str, mode: str, live: bool) -> int:
    """Show the pad of a run, with the epochs that a hand can travel to; the bytes of its arrays.

    live: of a run under way.
    """
    run, held = run_of(held), model_of_z(held)
    epochs = () if run is None else _epochs(run, held)
    bundle = _travelling(held, live, epochs)
    latent_pad(
        bundle,
        key=key,
        mode=mode,
        decode=decoder_for(held),
        travel=lambda epoch: _frame(held, live, epochs, epoch),
    )
    return sum(array.nbytes for array in bundle.arrays.values())
