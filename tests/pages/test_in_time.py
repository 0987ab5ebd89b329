"""A page that does not wait for what takes long: it ends there, and goes on when it is there."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import computing


def _page():
    import time

    import streamlit as st

    from pages.shell import computing

    st.write("before")
    computing.in_time(time.sleep, 0.8)
    st.write("after")


def _failing_page():
    import streamlit as st

    from aecore.errors import AecoreError
    from pages.shell import computing
    from tests.pages.test_in_time import refuse

    try:
        computing.in_time(refuse, 0.8)
    except AecoreError as error:
        st.error(str(error))


def refuse(seconds):
    from aecore.errors import JobError

    time.sleep(seconds)
    raise JobError("It cannot be.")


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(computing, "GRACE", 0.05)


def test_a_page_ends_where_something_takes_long_and_goes_on_when_it_is_done(hurried):
    app = AppTest.from_function(_page, default_timeout=60).run()
    assert [m.value for m in app.markdown] == ["before"]
    assert app.caption[0].value.endswith("This is being computed …")
    end = time.monotonic() + 30
    while len(app.markdown) < 2 and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert [m.value for m in app.markdown] == ["before", "after"]
    assert not app.caption
    assert not computing._under_way


def test_a_refusal_comes_later_too(hurried):
    app = AppTest.from_function(_failing_page, default_timeout=60).run()
    assert not app.error
    end = time.monotonic() + 30
    while not app.error and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert [e.value for e in app.error] == ["It cannot be."]
    assert not app.exception
