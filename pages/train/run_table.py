"""The pieces of the Runs page."""

from __future__ import annotations

import streamlit as st

from aecore.errors import AecoreError
from aecore.inspection.apart import check_own
from aecore.runs import checkpoints, quota
from aecore.runs.checkpoints import SUFFIX
from aecore.runs.run import has_cookie
from aecore.runs.store import ID_PATTERN, Run
from aecore.wording import count
from pages.components.in_turn import in_turn
from pages.shell import access, session
from pages.shell.layout import guarded
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain, say
from pages.train.run_rows import YOURS, Listing, listing, run_list

LOOK = 2.0  # seconds between two looks at runs that train, and at pictures that are to come
_COMPARED = "compared"


def compared() -> list[str]:
    """The two models that are being compared; none while the list is shown."""
    pair = st.session_state.get(_COMPARED, [])
    try:
        ready = [_is_ready(ref) for ref in pair]
    except AecoreError:  # deleted meanwhile
        ready = [False]
    if not all(ready):
        st.session_state.pop(_COMPARED)
        return []
    return pair


def back() -> None:
    """The button that ends a comparison."""
    st.button(
        "All runs", icon=":material/arrow_back:", on_click=st.session_state.pop, args=(_COMPARED,)
    )


def overview() -> None:
    """The list of runs, with what can be done with those that are ticked above it."""
    found = listing()
    watched = found.live or found.to_come
    st.fragment(guarded(_overview), run_every=LOOK if watched else None)(watched)


def _overview(watched: bool) -> None:
    tools = st.container(key="run_tools", horizontal=True, vertical_alignment="center", gap="small")
    found = listing()
    refs = run_list(found.rows)
    with tools:
        if len(refs) == 1:
            actions(refs[0])
        elif refs:
            _to_compare(refs)
        else:
            _start(found)
    if (found.live or found.to_come) != watched:
        st.rerun()


def _start(found: Listing) -> None:
    """What to do where nothing is ticked, and what goes on now."""
    if st.button("Train a new model", icon=":material/add:", type="primary"):
        session.view_run(None)
        st.switch_page(file_of("train"))
    now = [row for row in found.rows if row["live"]]
    for row in now[:2]:
        if st.button(f"Watch {plain(row['name'])}", icon=":material/monitoring:"):
            _watch(row["ref"])
    if now:
        st.caption(own(f"{count(len(now), 'run')} of yours under way."))
    elif not any(row["group"] == YOURS for row in found.rows):
        st.caption("You have trained nothing yet: six seconds are enough for a first model.")
    else:
        st.caption("Nothing trains now. Tick a model to act on it, two to compare them.")


def _to_compare(refs: list[str]) -> None:
    ready = len(refs) == 2 and all(map(_is_ready, refs))
    if st.button(
        "Compare these two",
        icon=":material/compare_arrows:",
        type="primary",
        disabled=not ready,
    ):
        st.session_state[_COMPARED] = sorted(refs, key=_age)
        st.rerun()
    if len(refs) > 2:
        st.caption("Two at a time can be compared: untick the others.")
    elif not ready:
        st.caption("One of them has no model yet; wait for its first epoch.")


def _age(ref: str) -> float:
    """For an order: the oldest run first, what ships last."""
    return access.run_of(ref).created if ID_PATTERN.fullmatch(ref) else float("inf")


def _is_ready(ref: str) -> bool:
    return access.run_of(ref).has_model if ID_PATTERN.fullmatch(ref) else True


def _watch(ref: str) -> None:
    session.view_run(ref)
    st.switch_page(file_of("train"), query_params={session.RUN: ref})


def actions(ref: str) -> None:
    """What can be done with one model."""
    run = access.run_of(ref) if ID_PATTERN.fullmatch(ref) else None
    ready = run is None or run.has_model
    if st.button(
        "Take in hand",
        icon=":material/front_hand:",
        type="primary",
        disabled=not ready,
        help="Every page then works on this model.",
        key=f"take_{ref}",
    ):
        session.take_in_hand(ref)
        st.rerun()
    if ready:
        st.download_button(
            "Download",
            lambda: _content(ref),
            file_name=f"{session.title_of(ref)}{SUFFIX}",
            icon=":material/download:",
            on_click="ignore",
            key=f"download_{ref}",
        )
    if run is None:
        return
    if st.button("Watch", icon=":material/monitoring:", key=f"watch_{ref}"):
        _watch(ref)
    title = session.title_of(ref)
    with st.popover("Rename", icon=":material/edit:"):
        name = st.text_input("New name", title, max_chars=60, key=f"name_{ref}")
        if st.button("Rename", key=f"rename_{ref}"):
            session.jobs().library.rename(session.owner(), ref, name)
            st.rerun()
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete **{plain(title)}** and its files? This cannot be undone.")
        if st.button("Delete", type="primary", key=f"delete_{ref}"):
            _delete(run)
            st.rerun()
    if run.recording.message and run.recording.message != run.notice:
        st.caption(plain(run.recording.message))


def room(owner: str) -> None:
    """How much of what one person may keep is used, once that is worth a word; and the runs that
    need one: damaged, or not on the disk."""
    for run in session.jobs().runs(owner):
        if run.notice:
            st.warning(
                f"**{plain(session.title_of(run.run_id))}**: {plain(run.notice)}",
                icon=":material/warning:",
            )
    count, used = session.jobs().library.quota.used(owner)
    most = f"{quota.MAX_BYTES / 1e6:,.0f} MB; up to {quota.MAX_RUNS} are kept"
    if count and has_cookie(owner):
        st.caption(
            f"Your {'run takes' if count == 1 else f'{count:,} runs take'} {used / 1e6:,.1f} of "
            f"{most}, each {own(how_long())}."
        )
    elif count:
        st.caption(
            "Your browser sends no cookie: when this tab is closed, nobody finds its runs again, "
            f"and they go after a day. All who send none have {count:,}, of {used / 1e6:,.1f} of "
            f"{most}. Allow cookies for this address, and your runs are your own."
        )


def how_long() -> str:
    """How long runs are kept, as part of a sentence."""
    try:
        days = quota.keep_days()
    except AecoreError:  # whoever runs the server reads it in the log; no run goes meanwhile
        return "for as long as the server keeps it"
    if days == float("inf"):
        return "until you delete it"
    return f"until you have not been here for {days:g} days"


def _content(ref: str) -> bytes:
    if ID_PATTERN.fullmatch(ref):
        return session.jobs().library.download(ref)
    return checkpoints.shipped()[ref].read_bytes()


def _delete(run: Run) -> None:
    session.jobs().delete(session.owner(), run.run_id)
    if session.hand_ref() == run.run_id:
        session.take_in_hand(session.DEFAULT_MODEL)
    session.forget_run(run.run_id)


def upload(owner: str) -> None:
    """Open a checkpoint that was saved or downloaded before."""
    with st.expander("Open a checkpoint file", icon=":material/upload_file:"):
        file = st.file_uploader("A .safetensors file of this app", type=None, key="upload")
        if file is None or st.session_state.get("uploaded") == file.file_id:
            return
        st.session_state["uploaded"] = file.file_id
        content = file.getvalue()
        try:
            in_turn(
                lambda tell, place: check_own(
                    content, file.name, who=owner, tell=tell, place=place
                ),
                "Reading it …",
            )
            run = session.jobs().library.upload(owner, file.name, content)
        except AecoreError as error:
            say(error)
            return
        session.take_in_hand(run.run_id)
        st.rerun()
