"""Whose a run or an opened file is, and who may look at it: the one place where that is asked.

Everybody may do everything with what ships. What somebody trained, uploaded or opened is its
owner's. Its owner can give a watch link, whose token lets whoever has it look while it stands:
at the curves, the reconstructions, the latent space and the pad. A watcher takes nothing away.
Ids in addresses and in a page's code open nothing by themselves.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from aecore.errors import AecoreError, InspectionError, JobError, UnknownNameError
from aecore.jobs.engine import JobEngine, engine
from aecore.runs import checkpoints
from aecore.runs.run import has_cookie, passing_owner
from aecore.runs.store import ID_PATTERN, Run, owner_key
from pages.shell import opened_files
from pages.shell.opened_files import OpenedFile
from pages.shell.owner import new_owner, owner_in

WATCH = "watch"  # query parameter
MOST_TOKENS = 20  # of watch links that are followed again in another session
_OWNER, _TOKENS = "owner", "watch_tokens"
LOOK_ONLY = (
    "You watch this run by its owner's link: you can look at all of it, and neither steer it nor "
    "take its model, its data or its figures away."
)


def owner() -> str:
    """Who this browser is: its cookie's hash, or an id of this session's own without a cookie."""
    cookie = owner_in(st.context.headers.get_all("Cookie"))
    if cookie is not None:
        return owner_key(cookie)
    return passing_owner(st.session_state.setdefault(_OWNER, new_owner()))


def jobs() -> JobEngine:
    """The job engine that all sessions share."""
    return engine()


def owns(run: Run) -> bool:
    """Whether this browser started the run: only then may it steer it, or take it out."""
    return run.owner == owner()


def watch(token: str) -> Run:
    """Follow a watch link: the run, which this session may look at from now on. Raises JobError."""
    run = jobs().watched(token)
    if run is None:
        raise JobError(
            "This watch link opens nothing: its owner has ended the sharing, or it is incomplete; "
            "ask for a new one."
        )
    tokens = st.session_state.setdefault(_TOKENS, [])
    if token not in tokens:
        tokens.append(token)
        note(tokens=tokens[-MOST_TOKENS:])
    return run


def remembered() -> dict[str, Any]:
    """What was noted of this browser's person, also by a session that is lost or on a server that
    was restarted; nothing of who has no cookie. The watch links that were followed hold again."""
    who = owner()
    if not has_cookie(who):
        return {}
    visits = jobs().library.quota.visits
    visits.came(who)
    found = visits.remembered(who)
    tokens = found.get("tokens")
    if isinstance(tokens, list):
        st.session_state.setdefault(_TOKENS, [t for t in tokens if isinstance(t, str)])
    return found


def note(**values: Any) -> None:
    """Note something for this person's next session: values of JSON, None to forget one."""
    who = owner()
    if has_cookie(who):
        jobs().library.quota.visits.note(who, **values)


def watched() -> dict[str, str]:
    """The runs of others that this session may look at now, each with its token."""
    found = ((token, jobs().watched(token)) for token in st.session_state.get(_TOKENS, []))
    return {run.run_id: token for token, run in found if run is not None and not owns(run)}


def run_of(run_id: str) -> Run:
    """A run that this browser may look at. Raises JobError."""
    run = jobs().get(run_id)
    if not owns(run) and run_id not in watched():
        raise JobError("This run is its owner's; ask for its watch link.")
    return run


def file_of(ref: str) -> OpenedFile:
    """A file that this browser opened. Raises InspectionError."""
    found = opened_files.get(ref)
    if found.owner != owner():
        raise InspectionError("This file was opened by somebody else, who has not kept it.")
    return found


def version_of(ref: str) -> int:
    """A number that changes with the weights behind a ref. Raises AecoreError where there is no
    such model, or where this browser may not look at it."""
    if ID_PATTERN.fullmatch(ref):
        return run_of(ref).saved
    if opened_files.PATTERN.fullmatch(ref):
        return file_of(ref).version
    known = checkpoints.shipped()
    if ref not in known:
        raise UnknownNameError("model", ref[:40], list(known))
    return 0


def owner_of(ref: str) -> str | None:
    """Whose the model behind a ref is, None for what ships; of one that may be looked at."""
    if ID_PATTERN.fullmatch(ref):
        return run_of(ref).owner
    return file_of(ref).owner if opened_files.PATTERN.fullmatch(ref) else None


def taking_refused(ref: str) -> str | None:
    """Why nothing of a model may be taken away by this browser, None where it may."""
    try:
        version_of(ref)
        mine = not ID_PATTERN.fullmatch(ref) or owns(run_of(ref))
    except AecoreError as error:
        return str(error)
    return None if mine else LOOK_ONLY
