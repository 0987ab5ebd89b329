"""Inside: what this family of models is for, shown on the model in hand."""

from pages.look import inside_sections
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

PAGE = Page(section="Look", title="Inside", url="inside", icon=":material/troubleshoot:", place=23)

head(
    "Inside",
    "What the model in hand has learned, looked at in the way that suits its family: units, "
    "styles, directions, columns, and the causes behind generated data.",
)
held = session.hand()
with stage():
    shown = [section(held) for section in inside_sections.SECTIONS if section.fits(held)]
    if not shown:
        inside_sections.nothing(held)
said_of_encoder(held.model)
explain(
    "**Units** of a sparse autoencoder: each code unit adds one drawing, its *atom*; an example is "
    "the sum of the few whose units fire.\n\n"
    "**Style and content**: a conditional VAE is told the class, so its latent numbers are left "
    "for what all classes share, such as slant and thickness.\n\n"
    "**Principal angles** compare what a linear decoder can draw with PCA's subspace: all near 0° "
    "means the same subspace, although the latent numbers themselves may differ.\n\n"
    "**Columns** of a table: R² says how much of a column's variance comes back on held-out rows, "
    "and the correlation which latent numbers move with it.\n\n"
    "**Factors**: generated data come with the true causes of each example. R² says how much of a "
    "cause one latent number alone explains on held-out examples, by a curve of degree 5."
)
