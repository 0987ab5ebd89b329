"""Data: look at what can be trained on, download more, bring your own."""

import streamlit as st

from pages.components.own_data import mine
from pages.data import gallery, own_files
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page

PAGE = Page(section="Build", title="Data", url="data", icon=":material/database:", place=11)

head(
    "Data",
    "What the models here learn from. Look at the examples, download more, or bring your own.",
)
shown, own = st.tabs(
    [":material/database: Datasets", ":material/upload_file: Your own data"], key="data_tabs"
)
with shown, stage():
    gallery.gallery(mine())
with own:
    own_files.uploader()
    own_files.kept()
explain(
    "A **dataset** is many examples of one shape. Most are trained on; some are **held out**: no "
    "model sees them while it learns, so that the error on them says what it makes of examples "
    "that are new to it.\n\n"
    "**Images** and **signals** have values from 0 to 1. The columns of a **table** have many "
    r"units, so each is shifted and scaled to mean 0 and standard deviation 1, $(x - m) / s$, "
    "with $m$ and $s$ of the training rows; here they are shown in their own units.\n\n"
    "**Generated** data were made by a program, not measured. In return it is known what each "
    "example was made from, and one can see whether a code finds it again.\n\n"
    "**Classes** are not needed to learn: an autoencoder only sees the examples. They colour the "
    "maps, and serve to test the codes."
)
