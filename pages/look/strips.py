"""Ways through the latent space, decoded step by step: strips, and the grid over the plane."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from aecore.evaluation.latent import decode_array, interpolation, manifold_codes, traversal
from aecore.figures import images
from aecore.figures.examples import (
    course,
    frame_of,
    gallery,
    gradation_legend,
    legend,
    panel,
    panel_width,
)
from pages.components import pad_data
from pages.components.beside_pca import beside, title_of_pca
from pages.components.drawing import drawing
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

STEPS, ROWS, SIDE = 11, 6, 21
MEAN, EXAMPLE, PRIOR = "the mean code", "an example's code", "a sample of the prior"


def _pick(held: Hand, label: str, start: int, key: str) -> int:
    """A widget that chooses a held-out example by its number."""
    last = len(held.data.test) - 1
    key = f"{key}_{held.data.name}_{last}"
    return int(st.number_input(own(label), 0, last, min(start, last), key=key))


def _code_of(held: Hand, index: int) -> np.ndarray:
    return pad_data.codes_of(held).mu[index]


def _example(held: Hand, index: int) -> np.ndarray:
    return held.data.test.batch(slice(index, index + 1)).numpy()[0]


def _show(held: Hand, ways: list[tuple[str, str, np.ndarray]], ends: tuple[str, str, str]) -> None:
    """Ways through the latent space, decoded: (label, note, x (steps, *shape)) each.

    Pictures become strips; lines and bars one plot a way, in a gradation between the named ends.
    """
    frame = frame_of(held.data)
    if frame.kind == "image":
        for label, note, x in ways:
            _strip(x, label, note)
        return
    panels = [
        panel(frame, course(frame, x, ends), f"{label} · {note}" if note else label)
        for label, note, x in ways
    ]
    if frame.kind == "bars":
        about = legend([(v.name, v.color) for v in course(frame, ways[0][2], ends)])
    else:
        about = gradation_legend(ends[0], ends[2])
    drawing(about + gallery(panels, panel_width(frame) + 20), key="ways")
    if frame.kind == "bars":
        st.caption(
            f"Bars go from the column's mean. The figures are those of “{plain(ends[0])}”, in the "
            "column's own unit; under the pointer stand all three."
        )


def _strip(x: np.ndarray, label: str, note: str = "") -> None:
    left, right = st.columns([1, 6], vertical_alignment="center")
    left.markdown(f"**{plain(label)}**" + (f"  \n{plain(note)}" if note else ""))
    enlarge = images.enlargement(29 * len(x), 1000)
    grid = images.grid([images.as_image(v) for v in x], len(x), enlarge=enlarge)
    words = f"{label}{note and f', {note}'}: {len(x)} images, step by step"
    right.image(grid, width="stretch", alt=words)


def traversals(held: Hand) -> None:
    """One strip a latent number: it goes over its range, the others stay."""
    places = st.columns([1.6, 1, 2], vertical_alignment="bottom")
    ways = [MEAN, EXAMPLE] + ([PRIOR] if held.model.variational else [])
    way = places[0].selectbox("Through", ways, key="through")
    codes, thing = pad_data.codes_of(held), frame_of(held.data).thing
    z = codes.mu.mean(0)
    if way == EXAMPLE:
        with places[1]:
            index = _pick(held, f"Held-out {thing} no.", 0, "through_example")
        z = _code_of(held, index)
    elif way == PRIOR:
        if places[1].button("Another", icon=":material/casino:", key="another_prior"):
            st.session_state["prior_seed"] = st.session_state.get("prior_seed", 0) + 1
        generator = torch.Generator().manual_seed(st.session_state.get("prior_seed", 0))
        z = held.model.sample_prior(1, generator)[0].numpy()
    order, ranges, weight = codes.order(), codes.ranges(), codes.informativeness()
    unit = "KL {:.2f} nats" if held.model.variational else "variance {:.2f}"
    found = []
    for d in order[:ROWS]:
        low, high = ranges[d]
        codes_along = traversal(z.astype(np.float32), int(d), low, high, STEPS)
        x_hat = decode_array(held.model, codes_along)
        found.append((f"z{d + 1}", unit.format(weight[d]), x_hat))
    _show(held, found, ("low end of its range", "middle", "high end"))
    if len(order) > ROWS:
        st.caption(f"The {ROWS} most informative of {len(order)} latent numbers.")


def interpolations(held: Hand) -> None:
    """From one image to another: straight, spherical, and by PCA's scores."""
    places = st.columns([1, 1, 2], vertical_alignment="bottom")
    labels = held.data.test.labels
    other = [] if labels is None else torch.nonzero(labels != labels[0])[:1].flatten().tolist()
    second, thing = (other or [1])[0], frame_of(held.data).thing
    with places[0]:
        a = _pick(held, f"From held-out {thing} no.", 0, "from")
    with places[1]:
        b = _pick(held, "to no.", second, "to")
    z_a, z_b = _code_of(held, a), _code_of(held, b)
    ways = [
        (label, "", decode_array(held.model, interpolation(z_a, z_b, STEPS, spherical)))
        for label, spherical in (("Straight", False), ("Spherical", True))
    ]
    pair = np.stack([_example(held, a), _example(held, b)])
    scores = pad_data.basis_for(held).encode(pair.reshape(2, -1), beside(held).k)
    pca = pad_data.basis_for(held).decode(interpolation(scores[0], scores[1], STEPS))
    ways.append((title_of_pca(held), "", pca.reshape(-1, *pair[0].shape)))
    t = np.linspace(0, 1, STEPS, dtype=np.float32).reshape(-1, *[1] * pair[0].ndim)
    mixed = "Pixels mixed" if thing == "image" else "Values mixed"
    ways.append((mixed, "no model", (1 - t) * pair[0] + t * pair[1]))
    _show(held, ways, (f"no. {a}", "half way", f"no. {b}"))


def has_plane(held: Hand) -> bool:
    """Whether the whole latent space can be drawn as a grid of pictures."""
    return held.card.spec.latent_dim == 2 and frame_of(held.data).kind == "image"


def manifold(held: Hand) -> None:
    """The decoder's answer everywhere on the plane."""
    ranges = pad_data.codes_of(held).ranges()
    x = decode_array(held.model, manifold_codes(ranges, SIDE))
    pictures = [images.as_image(v) for v in x]
    left, right = st.columns([3, 2])
    left.image(
        images.grid(pictures, SIDE, gap=0, enlarge=images.enlargement(28 * SIDE, 900)),
        width="stretch",
    )
    (x0, x1), (y0, y1) = ranges
    right.markdown(
        f"Across: z1 from {x0:.1f} to {x1:.1f}. Up: z2 from {y0:.1f} to {y1:.1f}, the ranges that "
        "hold 99 % of the held-out codes. Neighbouring squares are neighbouring codes: where the "
        "drawing changes slowly the decoder has learned a smooth map."
    )
