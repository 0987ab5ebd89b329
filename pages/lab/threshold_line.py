"""The line through the scores of a result: dragged, counted, and what lies on its wrong sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from aecore.figures.chart import Pictures
from aecore.figures.examples import thing_of
from aecore.lab.about import About, LabSubject
from aecore.lab.drawing_the_line import RARE, Judged, Scores
from aecore.lab.experiment import Experiment, Task, Values
from aecore.lab.experiments.unusual import ALL, ONE
from aecore.lab.record import Record
from pages.components.line_slider import line_slider
from pages.components.pictures_view import pictures_view
from pages.lab import first_run
from pages.lab.choosing import LAB, RESULT, Shown
from pages.lab.experiment_cards import about_time
from pages.shell import session
from pages.shell.layout import guarded
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain

HIGH = 250.0  # pixels of the chart
PRICE = 156  # and of a field: two stand beside each other on a phone
GAP = 0.5  # the grey where no picture is: places stay as they are, and nothing there looks blank
_PEERS = {"pca": "PCA's error", "knn": "nearest neighbours"}


@dataclass(frozen=True)
class Case:
    """What is usual, in words; the scores, and all else that was kept. key: of its controls."""

    title: str
    key: str
    scores: Scores
    values: Values


def cases(record: Record) -> dict[str, Case]:
    """What a result has scores of, by the names of its tasks; {} for one of an earlier version."""
    found = {}
    for task in record.of().tasks(record.chosen(), record.about):
        values = record.done.get(task.name, {})
        if "usual_scores" in values:
            names = ("apart_scores", "usual_scores", "strange_scores")
            scores = Scores(*(np.asarray(values[name]) for name in names))
            key = f"{record.created:.0f}_{task.name}"
            found[task.name] = Case(_title(task, record.about), key, scores, values)
    return found


def _title(task: Task, about: About) -> str:
    if task.values["arm"] == ALL:
        return f"All are usual, what is foreign is not (k = {task.values['k']})"
    c = task.values["class"]
    name = about.classes[c] if c < len(about.classes) else str(c)
    return f"Only {name} is usual" if task.values["arm"] == ONE else f"All but {name} are usual"


def show(found: Mapping[str, Case], shown: Shown) -> None:
    """The stage, in a fragment: a line that is dragged runs nothing else of the page."""
    st.fragment(guarded(_show))(found, shown.record)


def _show(found: Mapping[str, Case], record: Record) -> None:
    which, prices = st.columns([6, 4], vertical_alignment="bottom")
    row = prices.container(horizontal=True, horizontal_alignment="right")
    name = which.selectbox(
        own(f"What is usual, {plain(record.about.title)}"),
        list(found),
        format_func=lambda name: plain(found[name].title),
        key=f"line_case_{record.created:.0f}",
    )
    options = record.chosen()
    missed = row.number_input(
        "One missed costs", 0.0, 1e6, float(options.missed), key="line_missed", width=PRICE
    )
    alarm = row.number_input("An alarm costs", 0.0, 1e6, 1.0, key="line_alarm", width=PRICE)
    case = found[name or next(iter(found))]
    suggested = case.scores.suggested(options.alarms)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        line = _dragged(case, suggested, (missed, alarm))
    with right:
        thing = "examples" if record.about.spec is None else f"{thing_of(record.about.spec)}s"
        _said(case, line, (missed, alarm), suggested, thing)
        _pictures(case, line)
    apart = len(case.scores.apart)
    st.caption(
        own(
            f"The line suggested: {options.alarms:g} % of {apart:,} usual {thing} that trained "
            f"nothing lie above it. All lines are judged on others, held out."
        )
    )


def _dragged(case: Case, suggested: float, prices: tuple[float, float]) -> float:
    """The histograms, and beneath their axis the slider of the line; gives the newest line."""
    scores, key = case.scores, f"line_at_{case.key}"
    low, high = scores.span
    start = min(max(suggested, low), high)
    axis = ("autoencoder's error", "mean squared error per value")
    line_slider(
        scores.histogram(start, suggested, axis, ("usual", "strange")),
        scores,
        float(st.session_state.get(key, start)),
        suggested,
        prices,
        name=case.key,
        high=HIGH,
        key="line_slider",
        moved=lambda line: st.session_state.update({key: line}),
    )
    return float(st.session_state.get(key, start))


def _said(
    case: Case, line: float, prices: tuple[float, float], suggested: float, thing: str
) -> None:
    """What the line does, beside the one suggested, the cheapest, and other scores."""
    scores = case.scores
    now = scores.judged(line, *prices)
    best = scores.judged(scores.cheapest(*prices), *prices)
    chosen = scores.judged(suggested, *prices)
    st.caption(own(_counts(now, chosen, best, thing) + " " + _peers(case.values, now.shares[0])))


def _counts(now: Judged, suggested: Judged, best: Judged, thing: str) -> str:
    return (
        f"**{now.found:,} of {now.strange:,}** strange held-out {thing} caught, **{now.raised:,} "
        f"of {now.usual:,}** usual ones flagged wrongly: a cost of {now.cost:,.0f} for 1,000 "
        f"{thing}, {100 * RARE:g} % strange. The line suggested costs {suggested.cost:,.0f}, the "
        f"cheapest, known only afterwards, {best.cost:,.0f}."
    )


def _peers(values: Values, raised: float) -> str:
    """What other scores catch where they raise as many false alarms."""
    said = []
    for key, name in _PEERS.items():
        _, alarms, caught = np.asarray(values[f"{key}_curve"])
        said.append(f"{name} {np.interp(raised, alarms, caught):.1f} %")
    return f"Caught by others at as many false alarms: {', '.join(said)}."


def _pictures(case: Case, line: float) -> None:
    """Strange ones below the line, the best drawn first; usual ones above it, the worst first."""
    values = case.values
    if "through" not in values:
        return
    through = np.asarray(values["through_scores"]) <= line
    flagged = np.asarray(values["flagged_scores"]) > line
    kinds = [kind for kind, ok in zip(values["through_kinds"], through, strict=True) if ok]
    foreign = f": {', '.join(kinds)}" if len(set(values["through_kinds"])) > 1 and kinds else ""
    for name, title, there in (
        ("through", f"Let through, drawn best{foreign}", through),
        ("flagged", "Flagged wrongly, drawn worst", flagged),
    ):
        images = np.asarray(values[name], np.float32) / 255
        images[:, ~there] = GAP
        said = title if there.any() else f"{title}: none"
        rows = ("held out", "as drawn")
        pictures_view(Pictures(name, said, images, rows, (), said), f"line_{name}")


# Before and after ----------------------------------------------------------------------------


def nothing_yet(one: Experiment, shown: Shown | None) -> None:
    """What to do where there are no scores: have them computed."""
    data = session.hand().data
    about = About.of(LabSubject(data), session.data_title(data.name))
    options = one.Options(vae=False)
    what = "No scores yet" if shown is None else "This result has no scores in it"
    first_run.nothing_yet(
        one,
        options,
        about,
        words=f"**{what}.** Autoencoders learn what is usual in **{plain(about.title)}**, each "
        "class alone and all but each, and score held-out examples by how badly they draw them. It "
        f"runs for {about_time(one.seconds(options))}; then you draw the line.",
        label="Find the scores",
        key="line",
    )


def link(shown: Shown) -> None:
    """The way to the figures of the same result."""
    if shown.mine:
        st.page_link(
            file_of("experiment"),
            label="Figures and charts of this result",
            icon=":material/show_chart:",
            query_params={LAB: shown.record.experiment, RESULT: shown.result},
        )
