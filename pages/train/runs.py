"""Runs: every run of this browser and the shipped models in one table; compare, keep, delete."""

from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.shell.plain_text import own
from pages.train import run_comparison
from pages.train.run_table import back, compared, how_long, overview, room, upload

PAGE = Page(section="Build", title="Runs", url="runs", icon=":material/list_alt:", place=12)

head(
    "Runs",
    "Your runs and the models that come with the app. Tick one to act on it, two to compare.",
)
pair = compared()
with stage():
    if pair:
        back()
        run_comparison.comparison(pair)
    else:
        overview()
if pair:
    run_comparison.details(pair)
room(session.owner())
upload(session.owner())
explain(
    "**Held-out MSE** is the mean squared error per value on examples that training never saw, of "
    "a denoising model from damaged ones; PCA's of the same size stands beside it, and dashed in "
    "the small curve. **Codes**: some held-out examples by their code, or its two main directions, "
    "in the colour of their class. **Redrawn**: the same held-out examples by each model. A run "
    "belongs to the browser that "
    f"started it and stays when the tab is closed, {own(how_long())}. A checkpoint is one "
    "`.safetensors` file: the weights, and a card that says how they came to be."
)
