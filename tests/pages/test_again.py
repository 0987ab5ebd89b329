"""What is said once outlasts the runs that the app itself asks for, and no others."""

from streamlit.testing.v1 import AppTest

from pages.shell import again

SCRIPT = """
import streamlit as st
from aecore.errors import AecoreError
from pages.shell import again
again.repeat()
if st.query_params.pop("dataset", None):
    again.say_once(AecoreError("There is no such *thing*."), "Another is taken.")
st.button("By hand")
"""


def test_what_is_said_once_stays_until_somebody_does_something():
    page = AppTest.from_string(SCRIPT)
    page.query_params["dataset"] = "x"
    page.run()
    (first,) = page.error
    assert "no such" in first.value
    assert "*thing*" not in first.value
    for _ in range(2):
        # What a fragment leaves that calls run_again; AppTest runs no fragment by itself.
        page.session_state[again._AGAIN] = True
        page.run()
    assert [error.value for error in page.error] == [first.value]
    page.button[0].click().run()
    assert not page.error
