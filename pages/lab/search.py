"""Search by code: a sentence or an image, and who is nearest by all numbers and by few."""

from aecore.lab.registry import experiment
from pages.lab import search_choice, search_run, search_view
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.shell.plain_text import own

PAGE = Page(
    section="Lab",
    title="Search by code",
    url="search",
    icon=":material/search:",
    place=36,
    listed=False,
)

one = experiment("search-by-code")
head(own(one.title), "Who is nearest by all numbers, and who by a code of a few bytes?")
shown = search_choice.result_in_view(one)
with stage():
    asked = search_choice.choose(shown)
    search_view.show(asked)
    search_run.how_far(one, shown, asked)
search_run.link(one, shown)
explain(
    f"{own(one.claim)}\n\n"
    "**Whole** is the search as it is without a code: every number of the example, in four bytes "
    "each, by Euclidean distance. What it finds is called right; beside it stands what a code "
    "finds: PCA's or an autoencoder's numbers, each rounded to a byte, or **one bit a number**, "
    "whether it is above its mean, by how many bits differ (Hamming distance).\n\n"
    "A language model (all-MiniLM-L6-v2) made the 384 numbers of each sentence, so that sentences "
    "which mean the like lie near each other. The sentences are from the documentation of "
    "Python's library (PSF licence). One of seven is held out: no code was fitted to it, and it "
    "is searched for but never found."
)
