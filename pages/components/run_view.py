"""The canvas of a run: its figures, curves, reconstructions and latent map, while they come.

The canvas is kept and only repainted, from the run's stream while it lives (run_stream.py). What
the page around it shows changes seldom, and it runs again when it does: `run_scene` asks for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

from aecore.figures.examples import kind_of
from aecore.pad.browser_code import joined
from aecore.runs.store import Run
from pages.components import parts
from pages.components.run_figures import Ending, scene_of, told_of
from pages.components.run_frame import key_of, news
from pages.components.run_stream import address_of
from pages.shell import session

_HERE = Path(__file__).parent
_canvas = component(
    "run_view",
    html='<div class="rv"></div>',
    css=(_HERE / "run_view.css").read_text("utf-8"),
    js=parts.code(joined(_HERE / "run_view.js")),
)
_scene = component("run_scene", js=joined(_HERE / "run_scene.js"))


def run_canvas(
    run: Run,
    token: str | None,
    polls: bool,
    key: str = "run_canvas",
    back: Callable[[int], None] | None = None,
) -> None:
    """Figures, the network, loss curves, reconstructions and the latent map of a run, as far as it
    is.

    token: of the watch link by which somebody other than its owner looks. polls: whether the page
    brings what is new, because the run's stream does not reach this browser. back: called with an
    epoch to go back to, by its button on the curve; None where nobody here may.
    """
    stream = address_of(run, token)
    # Of a live run the same at each run of the page, which Streamlit then does not send again.
    data: dict[str, Any] = {"run": key_of(run), "kind": kind_of(run.spec.data), "stream": stream}
    data["mine"] = back is not None
    if stream is None or polls:
        data["frame"] = frame_of_run(run)
    asked = _canvas(key=key, data=data, on_back_change=_nothing)
    request = asked.back
    if back is not None and isinstance(request, Mapping) and request.get("run") == data["run"]:
        epoch = request.get("epoch")
        if isinstance(epoch, int) and not isinstance(epoch, bool):
            back(epoch)


def frame_of_run(run: Run) -> dict[str, Any]:
    """Everything that the canvas shows, as plain JSON."""
    jobs = session.jobs()
    kept = jobs.store.epochs(run)
    return news(run, told_of(run, jobs.store.all(), jobs.ahead_of(run), Ending(), kept), None)[0]


def run_scene(run: Run, polls: bool, key: str = "run_scene") -> bool:
    """Run this part of the page again when what it depends on changes; shown nowhere.

    polls: as for `run_canvas`; returns the same, as the browser has found it to be by now.
    """
    data = {"run": key_of(run), "scene": scene_of(run), "polls": polls}
    asked = _scene(key=key, data=data, on_scene_change=_nothing, on_stream_change=_nothing)
    return polls if asked.stream is None else asked.stream == "none"


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
