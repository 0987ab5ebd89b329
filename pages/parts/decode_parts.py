"""The pieces of the Decode page that stand still: strips and the grid over the plane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
import torch

from aecore.errors import AecoreError
from aecore.export import PadBundle
from aecore.figures import images
from aecore.latent import decode_array, interpolation, manifold_codes, traversal
from pages.parts import session
from pages.parts.session import Hand

STEPS, ROWS, SIDE = 11, 6, 21
MEAN, IMAGE, PRIOR = "the mean code", "an image's code", "a sample of the prior"


def export_button(held: Hand, bundle: PadBundle, html: Callable[..., str]) -> None:
    """The explorer as one file to keep."""
    try:
        st.download_button(
            "Export explorer", lambda: html(bundle, title=held.card.name),
            file_name=f"{held.card.name}.html", mime="text/html", icon=":material/ios_share:",
            help="One HTML file with this map, the sliders and the drawing canvas: it works "
            "without a network, on a phone too.", key="explorer",
        )  # fmt: skip
    except AecoreError as error:
        st.caption(str(error))


def _pick(held: Hand, label: str, start: int, key: str) -> int:
    """A widget that chooses a held-out image by class and number."""
    return int(st.number_input(label, 0, len(held.data.test) - 1, start, key=key))


def _code_of(held: Hand, index: int) -> np.ndarray:
    return session.codes(held).mu[index]


def _image_of(held: Hand, index: int) -> np.ndarray:
    return held.data.test.batch(slice(index, index + 1)).numpy()[0]


def _strip(x: np.ndarray, label: str, note: str = "") -> None:
    left, right = st.columns([1, 6], vertical_alignment="center")
    left.markdown(f"**{label}**" + (f"  \n{note}" if note else ""))
    enlarge = images.enlargement(29 * len(x), 1000)
    right.image(images.grid([images.as_image(v) for v in x], len(x), enlarge=enlarge),
                width="stretch")  # fmt: skip


def traversals(held: Hand) -> None:
    """One strip a latent number: it goes over its range, the others stay."""
    places = st.columns([1.6, 1, 2], vertical_alignment="bottom")
    ways = [MEAN, IMAGE] + ([PRIOR] if held.model.variational else [])
    way = places[0].selectbox("Through", ways, key="through")
    codes = session.codes(held)
    z = codes.mu.mean(0)
    if way == IMAGE:
        with places[1]:
            index = _pick(held, "Held-out image no.", 0, "through_image")
        z = _code_of(held, index)
    elif way == PRIOR:
        if places[1].button("Another", icon=":material/casino:", key="another_prior"):
            st.session_state["prior_seed"] = st.session_state.get("prior_seed", 0) + 1
        generator = torch.Generator().manual_seed(st.session_state.get("prior_seed", 0))
        z = held.model.sample_prior(1, generator)[0].numpy()
    order, ranges, weight = codes.order(), codes.ranges(), codes.informativeness()
    unit = "KL {:.2f} nats" if held.model.variational else "variance {:.2f}"
    for d in order[:ROWS]:
        strip = traversal(z.astype(np.float32), int(d), *ranges[d], STEPS)
        _strip(decode_array(held.model, strip), f"z{d + 1}", unit.format(weight[d]))
    if len(order) > ROWS:
        st.caption(f"The {ROWS} most informative of {len(order)} latent numbers.")


def interpolations(held: Hand) -> None:
    """From one image to another: straight, spherical, and by PCA's scores."""
    places = st.columns([1, 1, 2], vertical_alignment="bottom")
    labels = held.data.test.labels
    second = 1
    if labels is not None:
        second = int(torch.nonzero(labels != labels[0])[0])
    with places[0]:
        a = _pick(held, "From held-out image no.", 0, "from")
    with places[1]:
        b = _pick(held, "to no.", second, "to")
    z_a, z_b = _code_of(held, a), _code_of(held, b)
    for label, spherical in (("Straight", False), ("Spherical", True)):
        _strip(decode_array(held.model, interpolation(z_a, z_b, STEPS, spherical)), label)
    pair = np.stack([_image_of(held, a), _image_of(held, b)])
    scores = held.basis.encode(pair.reshape(2, -1), held.card.spec.latent_dim)
    pca = held.basis.decode(interpolation(scores[0], scores[1], STEPS))
    _strip(pca.reshape(-1, *held.data.spec.shape), f"PCA, k = {held.card.spec.latent_dim}")
    t = np.linspace(0, 1, STEPS, dtype=np.float32).reshape(-1, 1, 1, 1)
    _strip((1 - t) * pair[0] + t * pair[1], "Pixels mixed", "no model")


def manifold(held: Hand) -> None:
    """The decoder's answer everywhere on the plane."""
    ranges = session.codes(held).ranges()
    x = decode_array(held.model, manifold_codes(ranges, SIDE))
    pictures = [images.as_image(v) for v in x]
    left, right = st.columns([3, 2])
    left.image(images.grid(pictures, SIDE, gap=0, enlarge=images.enlargement(28 * SIDE, 900)),
               width="stretch")  # fmt: skip
    (x0, x1), (y0, y1) = ranges
    right.markdown(
        f"Across: z1 from {x0:.1f} to {x1:.1f}. Up: z2 from {y0:.1f} to {y1:.1f}, the ranges that "
        "hold 99 % of the held-out codes. Neighbouring squares are neighbouring codes: where the "
        "drawing changes slowly the decoder has learned a smooth map."
    )
