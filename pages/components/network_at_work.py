"""The network at work: a drawing of the model in hand that runs in the browser under the hand.

It takes the pad's own bundle (aecore/pad), so what a page shows of both is fetched once. Nothing
crosses the connection while a hand is on it; only the facts of a layer's units, which take all
held-out examples, are asked of the server, once a layer. A model over the browser's budget is
computed on the server whenever a hand lets go: what was chosen goes there, what each layer gives
comes back; and how much each unit of a layer matters, where somebody presses for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from aecore.pad import PadBundle, served
from aecore.pad.browser_code import flow_markup, flow_script, flow_style, joined
from pages.components import parts
from pages.components.network_question import Question, question_of
from pages.shell.layout import guarded

_network = component(
    "network_at_work", html=flow_markup(), css=flow_style(), js=parts.code(flow_script())
)
_answer = component(
    "network_at_work_answer", js=joined(Path(__file__).with_name("network_answer.js"))
)

#: Heights of the drawing itself, in CSS pixels.
HEIGHT, COMPACT_HEIGHT = 286, 200

#: The index of a stage (aecore/models/stages.py) -> facts of its units as unit_facts.py packs them.
Facts = Callable[[int], tuple[dict[str, Any], dict[str, np.ndarray]]]

#: What was chosen -> what is asked of it, of a model that the browser does not run.
Serve = Callable[[Question], served.Answer]


def network_at_work(
    bundle: PadBundle,
    *,
    key: str,
    compact: bool = False,
    height: int | None = None,
    facts: Facts | None = None,
    serve: Serve | None = None,
    told: str = "",
) -> None:
    """Show the network, in a fragment of its own.

    compact: the drawing and its strip alone, without what a unit does.
    height: of the drawing, in CSS pixels.
    facts: what its units do on held-out examples; without it that part is left out.
    serve: called on release only, for a model over the browser's budget.
    told: the label that a conditional model is told, in words.
    """
    options = {
        "name": key,
        "compact": compact,
        "height": height or (COMPACT_HEIGHT if compact else HEIGHT),
        "facts": facts is not None,
        "told": told,
    }
    st.fragment(guarded(_show))(bundle, key, options, facts, serve)


def _show(
    bundle: PadBundle,
    key: str,
    options: dict[str, Any],
    facts: Facts | None,
    serve: Serve | None,
) -> None:
    with st.container(gap=None):  # the answer takes no place
        asked = _network(
            key=key,
            data={"meta": bundle.meta, **parts.offered(bundle.arrays), "options": options},
            on_asked_change=_nothing,
            on_chosen_change=_nothing,
            on_tried_change=_nothing,
            on_lost_change=_nothing,  # a part: this very rerun offers it again
        )
        about = {"name": key, "id": bundle.meta["id"]}
        for slot, sent in (("run", asked.chosen), ("matter", asked.tried)):
            question = question_of(sent, bundle.meta)
            if serve is not None and question is not None:
                meta, arrays = serve(question)
                _say(f"{key}_{slot}", {**about, "token": question.token, **meta}, arrays)
            elif serve is not None:
                _say(f"{key}_{slot}")
        stage = _stage(asked.asked, bundle)
        if facts is not None and stage is not None:
            meta, arrays = facts(stage)
            _say(f"{key}_answer", {**about, "stage": stage, **meta}, arrays)
        elif facts is not None:
            _say(f"{key}_answer")


def _say(
    slot: str, meta: dict[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None
) -> None:
    """Hand an answer to the drawing. Without one the last stays: a rerun for another reason must
    not take it away before the browser has seen it."""
    if meta is not None:
        st.session_state[slot] = {"meta": meta, **(arrays or {})}
    _answer(key=f"{slot}s", data=st.session_state.get(slot, {"meta": {"name": ""}}))


def _stage(asked: Any, bundle: PadBundle) -> int | None:
    """The stage that a browser asks about, or None for anything else."""
    network = bundle.meta["network"] or bundle.meta["served"]
    stage = asked.get("stage") if isinstance(asked, Mapping) else None
    known = range(len(network["stages"])) if network else ()
    return stage if isinstance(stage, int) and stage in known else None


def _nothing() -> None:
    """Streamlit asks for a callback to know the name of a value; the rerun is enough."""
