"""Start with `streamlit run app.py`. This file is the launcher and the router.

Streamlit imports it once to find `app`: then it is the launcher, which starts and stops the job
engine. It runs it again for every session and interaction: then it is the router.
"""

from streamlit import runtime

if runtime.exists():
    from pages.parts.router import route

    route()
else:
    from pages.parts.launcher import make_app

    app = make_app(__file__)
