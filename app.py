"""Start with `streamlit run app.py`. This file is the launcher and the router.

Streamlit imports it once for `app`: then it is the launcher, which starts and stops the job
engine. It runs it again for every session and interaction: then it is the router.
"""

import streamlit as st

from pages.shell.streamlit_internals import in_script_run

if in_script_run():
    from pages.shell.router import route

    route()
else:
    from aecore.machine import prepare_for_training

    prepare_for_training()  # before anything imports NumPy or torch
    from pages.shell.launcher import launcher_options

    # Streamlit looks for this very call in the source; behind a function it would not be found.
    app = st.App(__file__, **launcher_options())
