"""The examples that were chosen on a latent map, as pictures, lines or bars."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aecore.evaluation.latent import nearest
from aecore.figures import images, palette
from aecore.figures.examples import INK, Version, frame_of, gallery, legend, panel, panel_width
from pages.components import pad_data, pad_travel
from pages.components.beside_pca import beside, title_of_pca
from pages.components.drawing import drawing
from pages.components.pad import latent_pad
from pages.components.point_map import Chosen
from pages.look.latent_pool import class_of, example_of, pool_of, reconstruction_of
from pages.look.latent_view import View
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

SHOWN, SHOWN_PLOTS = 24, 12
EXAMINED = {"image": 230, "lines": 300, "bars": 430}  # height in CSS pixels, by kind of drawing


def examine(held: Hand, view: View, found: Chosen) -> None:
    """The chosen examples: one with its reconstruction and neighbours, or many at a glance."""
    chosen = found.indices
    frame = frame_of(held.data)
    image = frame.kind == "image"
    with st.container(height=EXAMINED[frame.kind], border=True):
        if not len(chosen):
            st.markdown(
                f"Nothing is chosen yet. Click a point to see its {frame.thing}, what the model "
                "makes of it and its nearest neighbours."
            )
        elif len(chosen) == 1:
            (_one_as_pictures if image else _one_as_plots)(held, int(chosen[0]), view)
        else:
            (_many_as_pictures if image else _many_as_plots)(held, found)


def _picture(x: np.ndarray) -> np.ndarray:
    return images.grid([images.as_image(x)], 1, enlarge=images.enlargement(x.shape[-1], 130))


def _versions(held: Hand, index: int) -> list[Version]:
    """An example as it is, as the model draws it, and as PCA does."""
    x = example_of(held, index)
    pca = held.basis.reconstruct(x.flatten(1).numpy(), beside(held).k).reshape(x.shape[1:])
    return [
        Version("original", x.numpy()[0], INK),
        Version("reconstruction", reconstruction_of(held, index), palette.MODEL),
        Version(title_of_pca(held), pca, palette.PCA),
    ]


def _one_as_pictures(held: Hand, index: int, view: View) -> None:
    """Images: the example in three versions, beside its eight nearest neighbours."""
    pool = pool_of(held, view.size)
    places = st.columns([1, 1, 1, 4])
    for place, version in zip(places, _versions(held, index), strict=False):
        name = plain(version.name)
        place.caption(name.capitalize() if name[0].islower() else name)
        place.image(_picture(version.values), width=130)
    near = nearest(pool.codes, pool.codes[index], 8, skip=index)
    pictures = [images.as_image(example_of(held, int(i)).numpy()[0]) for i in near]
    label = class_of(held, pool, index)
    places[3].caption(
        f"No. {index}{f', class {plain(label)}' if label else ''}: its nearest neighbours by code"
    )
    places[3].image(images.grid(pictures, 8, enlarge=images.enlargement(8 * 29, 560)))
    if pool.labels is not None:
        places[3].caption(
            "Their classes: " + ", ".join(plain(class_of(held, pool, int(i))) for i in near)
        )


def _one_as_plots(held: Hand, index: int, view: View) -> None:
    """Lines or bars: the example in three versions, beside its three nearest neighbours."""
    frame, pool = frame_of(held.data), pool_of(held, view.size)
    versions = _versions(held, index)

    def title(text: str, i: int) -> str:
        label = class_of(held, pool, i)
        return f"{text}, no. {i}" + (f" · {label}" if label else "")

    panels = [panel(frame, versions, title("The chosen", index), between=True)]
    for i in nearest(pool.codes, pool.codes[index], 3, skip=index):
        other = Version("neighbour", example_of(held, int(i)).numpy()[0], palette.TRAIN)
        panels.append(panel(frame, [versions[0], other], title("Neighbour", int(i))))
    about = [(v.name, v.color) for v in versions] + [("nearest neighbours", palette.TRAIN)]
    drawing(legend(about) + gallery(panels, panel_width(frame)), key="examined")


def _evenly_chosen(chosen: np.ndarray, most: int) -> np.ndarray:
    return chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)]


def _say_how_many(chosen: Chosen, shown: np.ndarray, thing: str) -> None:
    st.caption(
        f"{chosen.count:,} {own(thing)}s chosen"
        + (f", {len(shown)} of them shown" if len(shown) < chosen.count else "")
        + (
            ", each with its reconstruction"
            if thing != "image"
            else "; below each its reconstruction"
        )
    )


def _many_as_pictures(held: Hand, chosen: Chosen) -> None:
    """Images: a row of originals above a row of their reconstructions."""
    shown = _evenly_chosen(chosen.indices, SHOWN)
    _say_how_many(chosen, shown, "image")
    x = [example_of(held, int(i)).numpy()[0] for i in shown]
    pictures = [images.as_image(v) for v in (*x, *(reconstruction_of(held, int(i)) for i in shown))]
    enlarge = images.enlargement(29 * len(shown), 1000)
    st.image(images.grid(pictures, len(shown), enlarge=enlarge), width="content")


def _many_as_plots(held: Hand, chosen: Chosen) -> None:
    frame, shown = frame_of(held.data), _evenly_chosen(chosen.indices, SHOWN_PLOTS)
    _say_how_many(chosen, shown, frame.thing)
    panels = [panel(frame, _versions(held, int(i))[:2], f"No. {i}", between=True) for i in shown]
    drawing(gallery(panels, panel_width(frame)), key="examined_many")


def move_on(held: Hand, view: View, chosen: np.ndarray) -> None:
    """The live decoder, at the code of the one chosen example, for who asks for it."""
    wanted = st.toggle(
        "Move on from the chosen point, under your hand",
        key="move_on",
        disabled=len(chosen) != 1,
        help="Shows the decoder live at this point, once a single one is chosen.",
    )
    if not wanted or len(chosen) != 1:
        return
    pool = pool_of(held, view.size)
    if held.model.conditional and pool.labels is not None:
        held = pad_data.told(held, int(pool.labels[chosen[0]]))
    latent_pad(
        pad_data.bundle_for(held, small=True),
        key="pad_latent",
        mode="home",
        start=pool.codes[chosen[0]].tolist(),
        decode=pad_travel.decoder_for(held),
    )
