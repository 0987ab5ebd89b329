"""Train: choose, press start, and watch it learn beside PCA."""

import streamlit as st

from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.train.choices import choices
from pages.train.live import live_view

PAGE = Page(section="Build", title="Train", url="train", icon=":material/model_training:", place=10)

head(
    "Train",
    "Choose a model, press start, and watch it learn beside what PCA does with as many numbers.",
)
run = session.run_in_view()
if run is None:
    with stage():
        plans = choices()
    for plan in plans:
        run = session.jobs().submit(
            session.owner(), plan.name, plan.spec, plan.config, plan.dataset
        )
        session.view_run(run.run_id)
    if run is not None:
        st.rerun()
else:
    live_view(run)
explain(
    "**Held-out error** is the mean squared error per value on examples that training never sees: "
    r"$\frac{1}{n}\sum_i (x_i - \hat{x}_i)^2$, values between 0 and 1, reconstructions not "
    "clipped. "
    "**PCA** is the best that *linear* encoding and decoding can do with the same number of "
    "numbers; an autoencoder that has trained too little loses to it. When the error on the "
    "training examples keeps falling and the held-out error rises, the model **over-trains**: it "
    "remembers instead of learning.\n\n"
    "The **latent map** shows where the encoder puts 1,000 held-out examples; for more than two "
    "latent numbers, the two directions in which the codes spread most."
)
