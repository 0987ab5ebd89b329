"""Home: what this is, and a model decoding by itself, then under one's hand."""

import streamlit as st

from aecore import datasets
from aecore.models.presets import PRESETS
from aecore.wording import count
from pages.components import pad_data, pad_travel
from pages.components.network_at_work import network_at_work
from pages.components.network_served import server_for
from pages.components.pad import latent_pad
from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page, file_of
from pages.shell.plain_text import own, plain

PAGE = Page(title="Home", url="home", icon=":material/home:", place=0)
THINGS = {"image": "image", "signal": "signal", "table": "row of a table"}
WALK = ("0", "6", "9", "7")  # a ring on the map, with the loop of the 6 and the hook of the 9
QUICK, QUICK_DATA = "fast-start", "mnist"

held = session.hand()
spec, digits = held.data.spec, held.data.class_names == tuple("0123456789")
thing = "digit" if digits else THINGS.get(spec.kind, "example")
numbers = count(held.card.spec.latent_dim, "number")
head(
    "Autoencoders, live",
    f"An autoencoder squeezes each {own(thing)}, {own(count(spec.size, 'value'))}, into "
    f"{own(numbers)} and draws it again from them. Touch the map to draw from any point.",
)
bundle = pad_data.bundle_for(held, small=True)
with stage():
    latent_pad(
        bundle,
        key="pad_home",
        mode="home",
        height=240,
        walk=WALK if digits else (),
        decode=pad_travel.decoder_for(held),
    )
    serve = server_for(held, bundle)
    network_at_work(bundle, key="flow_home", compact=True, height=150, serve=serve)
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
if row.button(
    "Train your own in six seconds",
    type="primary",
    icon=":material/play_arrow:",
    help=f"{own(PRESETS[QUICK].title)} on {plain(datasets.source(QUICK_DATA).title)}: "
    "a network of your own, which you watch while it learns.",
):
    chosen, examples = PRESETS[QUICK], len(datasets.load(QUICK_DATA).train)
    run = session.jobs().submit(
        session.owner(),
        chosen.title,
        chosen.spec(datasets.source(QUICK_DATA).spec),
        chosen.training(examples),
        QUICK_DATA,
    )
    session.view_run(run.run_id)
    st.switch_page(file_of("train"))
row.page_link(file_of("reconstructions"), label="What this model keeps", icon=":material/compare:")
row.page_link(file_of("decode"), label="Sliders, drawing, journeys", icon=":material/tune:")
one = (
    ""
    if not held.model.conditional
    else (f" This model is told the class; here it is told **{plain(held.data.class_names[0])}**.")
)
explain(
    f"Each small picture or dot is a held-out {own(thing)}, one that the model never saw in "
    "training, put where the **encoder** places it; its colour is its class, which the model was "
    "never told."
    f"{one} Behind them, faint, is what the **decoder** draws at each place; the large picture is "
    "what it draws at the point, which walks by itself until you touch it. Between two groups it "
    "draws what lies between them.\n\n"
    "For a code of more than two numbers the map shows two of them; the others stay as they are."
)
