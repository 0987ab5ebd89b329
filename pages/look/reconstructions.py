"""Reconstructions: what the model keeps and loses, image by image, beside PCA at the same k."""

from pages.look.comparison import choose_examples, distribution, headline, reconstruct, strips
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

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
    headline(held)
    examples, sampled = choose_examples(held)
    strips(held, examples, reconstruct(held, examples, sampled))
said_of_encoder(held.model)
distribution(held)
explain(
    "**MSE** is the mean squared error per value, reconstructions not clipped; lower is better. "
    r"**PSNR** is $-10\log_{10}\mathrm{MSE}$ in decibels of a peak of 1; higher is better. "
    "**SSIM** (structural similarity, window of 7) compares local means, contrasts and patterns; "
    "1 is identical. All are of examples that training never saw. **PCA** is fitted on the same "
    "training examples, with as many components as the model has latent numbers.\n\n"
    "In the **error map** blue is too dark, red too bright, white right. For a VAE the "
    "reconstruction is drawn from the mean of $q(z|x)$, or, on demand, from one sample of it."
)
