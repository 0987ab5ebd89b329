"""Sparse features: draw a digit and see which are active, turn one, look through all of them."""

from aecore.lab.registry import experiment
from pages.lab import choosing, features_shown, features_today, features_turned, result
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

PAGE = Page(
    section="Lab",
    title="Sparse features",
    url="sparse-features",
    icon=":material/grain:",
    place=38,
    listed=False,
)

head(
    "Sparse features",
    "A layer as a few features at a time: draw, see which are active, turn one and watch.",
)
one, held = experiment("sparse-features"), session.hand()
shown = choosing.in_view(one) or choosing.latest(one)
live = shown is not None and shown.run is not None and shown.run.live
found = None if shown is None or live else features_shown.features_of(shown)
fits = found is not None and features_shown.fits(found, held)
with stage():
    if shown is not None and live:
        result.show(one, shown)
    elif shown is None or found is None:
        features_shown.nothing_yet(one, held)
    elif not fits:
        features_shown.other_model(one, found, held)
    else:
        features_turned.turned(found, held)
        features_turned.controls(found, shown, held)
said_of_encoder(held.model)
if found is not None and fits:
    features_turned.cards(found, held)
features_today.today()
explain(
    "A **top-k sparse autoencoder** with one hidden layer is trained on what a layer of the model "
    "in hand gives for the training examples, $h$: $a = \\mathrm{TopK}(W_e (h - b) + c)$, "
    "$\\hat h = b + \\sum_j a_j d_j$ with $|d_j| = 1$. There are more **features** $j$ than units, "
    "but only the $k$ strongest are active for an example, the others are 0.\n\n"
    "**What a feature draws** is the difference in what comes out with it and without it, all else "
    "of the layer as it is. **Turning** it adds $(s - a_j)\\, d_j$ to the layer, what the features "
    "leave unexplained included, and the rest of the network does what it does.\n\n"
    "A feature is **dead** when it is never among the strongest. Nothing then pulls it back: it "
    "gets no gradient. A second loss has the dead ones alone explain what the others left over, "
    "which revives most of them (Gao et al. 2024)."
)
