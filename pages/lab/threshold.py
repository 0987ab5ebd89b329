"""Draw the line: a threshold on the scores of a result, and what it lets through."""

from aecore.lab.registry import experiment
from pages.lab import choosing, result, threshold_line
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page

PAGE = Page(
    section="Lab",
    title="Draw the line",
    url="threshold",
    icon=":material/rule:",
    place=33,
    listed=False,
)

head("Draw the line", "Where does unusual begin? Drag the line, and see what it lets through.")
one = experiment("unusual")
shown = choosing.in_view(one) or choosing.latest(one)
live = shown is not None and shown.run is not None and shown.run.live
found = {} if shown is None or live else threshold_line.cases(shown.record)
with stage():
    if shown is not None and live:
        result.show(one, shown)
    elif shown is None or not found:
        threshold_line.nothing_yet(one, shown)
    else:
        threshold_line.show(found, shown)
if shown is not None and found:
    threshold_line.link(shown)
explain(
    "The score of an example is the autoencoder's **squared error**: it learnt what is usual, and "
    "should draw badly what is not. Whatever lies above the line raises an alarm.\n\n"
    "**The line suggested** is chosen without knowing anything strange, as one has to: on usual "
    "examples that were kept from the training, so that the share of false alarms that the "
    "experiment allows lies above it. What each line does is counted on **other** examples, the "
    "held-out ones, usual and strange. The cheapest line is found on these very examples, and so "
    "looks better than it can be.\n\n"
    "**The cost** is that of 1,000 examples of which 5 % are strange: "
    "$1000\\,(0.95\\, c_a\\, p_a + 0.05\\, c_m\\, p_m)$, with the share $p_a$ of the usual ones "
    "above the line, the share $p_m$ of the strange ones below it, and what each mistake costs."
)
