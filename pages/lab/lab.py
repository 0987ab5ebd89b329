"""The laboratory: its experiments as cards."""

import streamlit as st

from pages.lab import experiment_cards, myths
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page

PAGE = Page(section="Lab", title="Experiments", url="lab", icon=":material/science:", place=30)

head(
    "Experiments",
    "Questions about autoencoders that you answer by running them. Say what you expect first.",
)
with stage():
    experiment_cards.cards(on_stage=True)
experiment_cards.cards(on_stage=False)
left, right = st.columns([3, 1], gap="large")
with left:
    myths.myths()
with right:
    myths.more()
    myths.style()
explain(
    "An **experiment** trains small models, or takes the one in hand, and measures them beside "
    "honest peers on examples that no model saw. Before it runs you may draw what you expect: it "
    "is locked in, and drawn over what comes out.\n\n"
    "It runs in the background, in many small parts, in what everybody's trainings leave over; the "
    "same seed gives the same numbers. What is done is shown at once, and stays when you stop it."
)
