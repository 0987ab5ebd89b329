"""Latent space: where the encoder puts held-out images, beside PCA's scores of the same images."""

from pages.look.latent_examples import examine, move_on
from pages.look.latent_maps import maps
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
    "Every point is an example: on the left where this model's encoder puts it, on the "
    "right where PCA does. Click a point, or draw a lasso around some.",
)
held = session.hand()
with stage():
    view = choose_view(held)
    chosen = maps(held, view)
said_of_encoder(held.model)
examine(held, view, chosen)
move_on(held, view, chosen)
quality(held)
explain(
    "The axes are latent numbers, or two or three directions of them: **PCA of the codes** turns "
    "the codes so that most spread is seen; **t-SNE** bends them so that neighbours stay "
    "neighbours (distances between groups then mean nothing).\n\n"
    "**kNN accuracy**: how often the 5 nearest neighbours by code have an example's class; the "
    "first half of the held-out examples votes on the second. **Trustworthiness** (0 to 1): "
    "whether neighbours by code are neighbours as data. **Silhouette** (−1 to 1): how far apart "
    "the classes lie. The same three for PCA's scores with as many numbers."
)
