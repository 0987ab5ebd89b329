"""Pages run through Streamlit's AppTest, with a job engine of their own."""

import os

import pytest

from aecore import places
from aecore.jobs import engine
from pages.shell import computing
from pages.shell.streamlit_internals import navigation_stays


@pytest.fixture(autouse=True, scope="session")
def runs_folder(tmp_path_factory):
    """Pages under test keep their runs in a folder of their own, and stop their workers."""
    before = os.environ.get(places.RUNS_VARIABLE)
    os.environ[places.RUNS_VARIABLE] = str(tmp_path_factory.mktemp("runs"))
    yield
    if engine._engine is not None:
        engine._engine.close()
    if before is None:
        del os.environ[places.RUNS_VARIABLE]
    else:
        os.environ[places.RUNS_VARIABLE] = before


@pytest.fixture(autouse=True, scope="session")
def navigation():
    """AppTest forgets after each run that the app uses st.navigation, as app.py's launcher says."""
    with navigation_stays():
        yield


@pytest.fixture(autouse=True, scope="session")
def nothing_comes_later():
    """AppTest does not ask again by itself, as a browser does: a page waits for what it shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "GRACE", 3600.0)
        yield


@pytest.fixture(autouse=True)
def nothing_is_recalled():
    """Tests share one browser: what one had in hand or in view is not the next one's."""
    yield
    if engine._engine is not None:
        engine._engine.library.quota.visits.forget(float("inf"), but=set())
