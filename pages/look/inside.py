"""Inside: what this family of models is for, shown on the model in hand."""

from pages.look import inside_network, inside_sections
from pages.look.styles import choose_label
from pages.shell import session
from pages.shell.layout import explain, head, said_of_encoder, stage
from pages.shell.page import Page

PAGE = Page(section="Look", title="Inside", url="inside", icon=":material/troubleshoot:", place=23)

head(
    "Inside",
    "The model in hand at work: choose an example or draw one, drag the code, press any unit.",
)
held = session.hand()
with stage():
    inside_network.show(choose_label(held))
said_of_encoder(held.model)
for section in inside_sections.SECTIONS:
    if section.fits(held):
        section(held)
explain(
    "**The drawing** runs in your browser. A cell is what one unit gives for this example: orange "
    "above 0, blue below, as strong as the strongest among some held-out examples. A line is a "
    "weight times the activation that it carries, the strongest of each layer. A **silenced** unit "
    "gives 0; a silenced latent number is held at its mean over the held-out examples (a unit of a "
    "sparse code at 0). What a deeper unit **looks for** is the linear map that the network is "
    "around this example, exact where all curves are of straight pieces, such as ReLU.\n\n"
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
