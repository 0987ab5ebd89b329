"""Latent space: where the encoder puts held-out examples, and the way there from PCA's scores."""

import streamlit as st

from pages.look.latent_examples import examine, move_on
from pages.look.latent_maps import maps, said_of_map
from pages.look.latent_quality import quality
from pages.look.latent_view import choose_view
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

PAGE = Page(
    section="Look",
    title="Latent space",
    url="latent-space",
    icon=":material/scatter_plot:",
    place=21,
)

head(
    "Latent space",
    "Every point is an example, where this model's encoder puts it. Let the points go to where PCA "
    "puts them, and back.",
)
held = session.hand()
with stage():
    left, right = st.columns([3, 1])
    with right:
        view = choose_view(held)
        figures = st.container()
    with left:
        chosen = maps(held, view)
said_of_map(held, view)
said_of_encoder(held.model)
examine(held, view, chosen)
move_on(held, view, chosen.indices)
with figures:  # last: the first time they are waited for
    quality(held)
explain(
    "The axes are latent numbers, or two or three directions of them: **PCA of the codes** turns "
    "the codes so that most spread is seen; **t-SNE** bends them so that neighbours stay "
    "neighbours (distances between groups then mean nothing). PCA's axes are swapped and mirrored "
    "where that brings its map nearer to the model's: their order on the map and their signs mean "
    "nothing. Within each **contour** lie half of a class's points.\n\n"
    "**kNN accuracy**: how often the 5 nearest neighbours by code have an example's class; the "
    "first half of the held-out examples votes on the second. **Trustworthiness** (0 to 1): "
    "whether neighbours by code are neighbours as data. **Silhouette** (−1 to 1): how far apart "
    "the classes lie. The same three for PCA's scores with as many numbers."
)
