"""Check-up: any trained autoencoder dropped in, an honest verdict out."""

import streamlit as st

from aecore.workshop import workshop
from pages.check import check_files, check_keeping, check_reading, check_report
from pages.shell import session
from pages.shell.layout import explain, head, stage
from pages.shell.page import Page
from pages.shell.plain_text import plain

PAGE = Page(
    section="Check",
    title="Check-up",
    url="check-up",
    icon=":material/stethoscope:",
    place=40,
)

head(
    "Check-up",
    "Drop in a trained autoencoder from anywhere: what it is, how well it does on held-out data, "
    "and what is wrong with it. Nothing in the file is run.",
)
with stage():
    side, verdict = st.columns([1, 2], gap="medium")
with side:
    failure = check_files.bring(verdict)
if failure is None:
    held = session.hand()
    with verdict:
        report = check_report.report_of(held)
        check_report.headline(held, report)
        check_keeping.offer(held)
    with side:
        other = check_report.actions(held, report) if report.understood else None
    check_reading.how_it_was_read(held)
    if report.understood:
        check_report.show(held, other)
else:
    with verdict:
        check_files.refused(failure)
    check_files.ways_on(failure)
explain(
    "**Reading.** The file's bytes go to a process of their own, which reads, understands and "
    f"judges them. On this machine it {plain(workshop().tried.in_words())}; only weights and "
    "figures come back, and are checked. Of a whole pickled model the weights are taken by name, "
    "without its code; TorchScript is refused, because opening it runs code.\n\n"
    "**Understanding.** A state dict holds names and shapes, not the network. The order of layers, "
    "strides and paddings follow from sizes that must meet. Activations, the range of the inputs, "
    "and which head is the mean do not: each candidate is run on 1,000 held-out examples, and the "
    "one with the lowest error is taken. Where another comes near, the page says so and lets you "
    "choose. Where none draws the data clearly better than the mean example does, the verdict is "
    "**not understood**, and the model is blamed for nothing.\n\n"
    "**Judging.** Every finding names what was measured, on which examples, and what it was "
    "compared with: PCA with as many numbers, the mean example, training against held-out error, "
    "the prior, fresh initialisations."
)
