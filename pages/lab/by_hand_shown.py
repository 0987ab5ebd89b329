"""Damage done by hand, as its page shows it: networks from a worker, filters asked later."""

from __future__ import annotations

import streamlit as st

from aecore.jobs import hand_views
from aecore.lab import by_hand
from aecore.lab.by_hand import LATER, ROUNDS, TUNED_ON, TYPICAL, ByHand
from aecore.lab.filters import REACH
from aecore.pad import pad_meta
from aecore.wording import capitalised
from pages.components.scribble import Shown, scribble
from pages.shell import session
from pages.shell.computing import apart, in_time
from pages.shell.kept import kept
from pages.shell.plain_text import plain
from pages.shell.session import Hand


@kept()
def _offered(held: Hand) -> ByHand:
    return in_time(hand_views.offered, held.in_hand, session.data_title(held.data.name))


@kept()
def _settings(dataset: str) -> tuple[float, ...]:
    return apart(by_hand.settings, dataset)


def show(held: Hand) -> None:
    """The example, the tools and who mends it; and why something of one's own is not there."""
    found = _offered(held)
    menders = [Shown(m.title, m.learnt, m.network) for m in found.menders]
    menders.append(Shown("Median, 3×3", False))
    menders += [Shown(capitalised(way.title), False, later=i) for i, way in enumerate(LATER)]
    what = "digit" if found.dataset == by_hand.DIGITS else "image"
    shape = found.x.shape[1:]
    names = found.names or ("",) * len(found.rows)
    scribble(
        found.x,
        [
            f"{f'{name}, held' if name else 'Held'}-out {what} no. {row}"
            for name, row in zip(names, found.rows, strict=True)
        ],
        menders,
        lambda seen, hole: apart(by_hand.filtered, shape, _settings(found.dataset), seen, hole),
        rounds=ROUNDS,
        layout=pad_meta.layout(shape, "image", (0.0, 1.0), ()),
        note="Squared error per value to the original, and its PSNR.",
        key="by_hand",
    )
    for sentence in found.left_out:
        st.caption(plain(sentence))


EXPLAINED = (
    "**Who mends.** The denoiser learned to undo Gaussian noise, the convolutional denoiser too; "
    "the plain autoencoder and the VAE were only ever shown clean digits. All run in the browser, "
    "so they answer while you draw. PCA keeps what its first components say. The median takes the "
    "middle one of nine pixels; total variation, wavelets and non-local means (which looks "
    f"{REACH} pixels far) answer when the hand lets go. Their settings are those that are best on "
    f"{TUNED_ON} training examples for Gaussian noise of σ = {TYPICAL.level:g}: nobody tells them "
    "what you did.\n\n"
    "**White and black** strokes are damage that nobody knows of. **A hole or a block**, in blue, "
    "is missing, and known to be: all get 0 there. **Fill by turns** puts each answer into the "
    f"holes, keeps what is known, and asks again, {ROUNDS} times; the error then is of the "
    "holes alone, beside noise in what is known.\n\n"
    "**The error** is the mean squared difference to the original, per value, of values from 0 to "
    "1; the PSNR says the same in decibels, $-10\\log_{10}$ of it. One example says who wins on "
    "this one: the experiment tells it of a thousand."
)
