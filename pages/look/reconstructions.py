"""Reconstructions: what the model keeps and loses, image by image, beside PCA at the same k."""

import streamlit as st

from aecore.figures.examples import frame_of
from pages.look.comparison import choose_examples, distribution, headline, reconstruct, strips
from pages.look.pair import pair, said_of_match
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page
from pages.shell.plain_text import own

PAGE = Page(
    section="Look",
    title="Reconstructions",
    url="reconstructions",
    icon=":material/compare:",
    place=20,
)

head(
    "Reconstructions",
    "Each held-out example, what the model draws from its code, what PCA draws from as many "
    "numbers, and where the model errs.",
)
held = session.hand()
with stage():
    # What is waited for the first time is waited for where it will stand.
    place, controls = st.container(key="reconstructed"), st.container(key="which_examples")
    with place:
        examples, sampled = choose_examples(held, controls)
        drawn = reconstruct(held, examples, sampled)
        pictures = frame_of(held.data).kind == "image" and len(examples) > 0
        if pictures:
            pair(held, examples, drawn)
        else:
            st.markdown(own(said_of_match(held)))
            strips(held, examples, drawn)
headline(held)
if pictures:
    strips(held, examples, drawn)
said_of_encoder(held.model)
distribution(held)
explain(
    "**MSE** is the mean squared error per value, reconstructions not clipped; lower is better. "
    r"**PSNR** is $-10\log_{10}\mathrm{MSE}$ in decibels of a peak of 1; higher is better. "
    "**SSIM** (structural similarity, window of 7) compares local means, contrasts and patterns; "
    "1 is identical. All are of examples that training never saw. **PCA** is fitted on the same "
    "training examples, with as many components as the model has latent numbers.\n\n"
    "In the **error map** blue is too dark, orange too bright, no colour right. For a VAE the "
    "reconstruction is drawn from the mean of $q(z|x)$, or, on demand, from one sample of it."
)
