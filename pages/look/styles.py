"""A conditional model: the label that it is told, and one hand's style across all labels."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
import torch

from aecore.figures import images, palette
from aecore.figures.examples import Version, frame_of, gallery, legend, panel, panel_width
from pages.components import pad_data
from pages.components.drawing import drawing
from pages.components.pad_data import Told
from pages.shell.plain_text import plain
from pages.shell.session import Hand

ROWS, LABELS = 6, 20  # of the grid: rows, and columns at most


@dataclass(frozen=True)
class Styles:
    """Held-out examples, decoded with each label: rows of the split (n,), x (n, *shape), their own
    labels (n,), and the answers x_hat (n, labels, *shape)."""

    rows: torch.Tensor
    x: np.ndarray
    labels: np.ndarray
    x_hat: np.ndarray


def choose_label(held: Hand) -> Hand:
    """For a conditional model, the label that it is told: everything below works on what it then
    is. Another model comes back as it is."""
    if not held.model.conditional:
        return held
    names = held.data.class_names
    chosen = st.segmented_control(
        "What the decoder is told",
        range(len(names)),
        default=0,
        required=True,
        format_func=lambda label: plain(names[label]),
        key=f"told_{held.data.name}",
        help="The latent numbers then hold the style alone. The map shows the held-out examples "
        "of this class.",
    )
    return pad_data.told(held, chosen or 0)


def styles(held: Hand) -> None:
    """One hand's style across all labels: held-out examples' codes, decoded with each label."""
    if not isinstance(held, Told):
        return
    frame = frame_of(held.data)
    st.subheader("One hand's style across all labels", anchor=False)
    st.caption(
        f"Each row takes the latent numbers of one held-out {frame.thing} (on the left) and "
        "decodes them with each label in turn: the label gives the content, the code the style."
    )
    if st.button("Others", icon=":material/casino:", key="other_styles"):
        st.session_state["styles_seed"] = st.session_state.get("styles_seed", 0) + 1
    names = held.data.class_names[:LABELS]
    found = _decoded(held, len(names), st.session_state.get("styles_seed", 0))
    if frame.kind == "image":
        _as_pictures(found, names)
    else:
        _as_plots(held, found, names)


@torch.inference_mode()
def _decoded(held: Told, n: int, seed: int) -> Styles:
    """Some held-out examples of different labels, drawn with a seed, with the first n labels."""
    model, test = held.whole.model, held.whole.data.test
    classes = test.labels if test.labels is not None else torch.zeros(len(test), dtype=torch.long)
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))
    # Hands that wrote different things show best that the style is what stays.
    _, first = np.unique(classes[order].numpy(), return_index=True)
    rows = order[torch.from_numpy(np.sort(first)[:ROWS])]
    x, own = test.batch(rows), classes[rows]
    z = model.encode(x, own).mu.repeat_interleave(n, 0)
    x_hat = model.decode(z, torch.arange(n).repeat(len(rows))).numpy()
    return Styles(rows, x.numpy(), own.numpy(), x_hat.reshape(len(rows), n, *x[0].shape))


def _as_plots(held: Told, found: Styles, names: tuple[str, ...]) -> None:
    """Lines or bars: a plot for each example, with one line or bar a label."""
    frame = frame_of(held.data)
    entries = [(name, palette.class_color(c)) for c, name in enumerate(names)]
    panels = []
    for i, row, label in zip(found.rows, found.x_hat, found.labels, strict=True):
        answers = zip(entries, row, strict=True)
        versions = [Version(name, values, color) for (name, color), values in answers]
        title = f"The style of no. {int(i)} ({held.whole.data.class_names[label]})"
        panels.append(panel(frame, versions, title))
    drawing(legend(entries) + gallery(panels, panel_width(frame)), key="styles")


def _as_pictures(found: Styles, names: tuple[str, ...]) -> None:
    """Images: a row for each example, the original on its left."""
    height, width = found.x.shape[2:]
    columns = len(names) + 2
    blank = np.full((height, width, 3), 128, np.uint8)
    pictures = []
    for original, row in zip(found.x, found.x_hat, strict=True):
        pictures += [images.as_image(original), blank, *(images.as_image(v) for v in row)]
    enlarge = images.enlargement((width + 1) * columns, 900)
    grid = images.grid(pictures, columns, enlarge=enlarge)
    # The column between originals and answers is a gap.
    side = (width + 1) * enlarge
    grid[:, side : 2 * side, 3] = 0
    st.image(grid, width="stretch", alt="Each example in the style of every class")
    heads = "".join(f"<span>{escape(name)}</span>" for name in ("original", "", *names))
    st.html(
        f'<div style="display:grid;grid-template-columns:repeat({columns},minmax(0,1fr));'
        f'text-align:center;font-size:clamp(.5rem,1.2vw,.9rem);opacity:.8">{heads}</div>'
    )
