"""How the model in hand was read from somebody's file, and ways to read it otherwise."""

from __future__ import annotations

from typing import Any

import streamlit as st

from aecore.inspection import apart
from aecore.inspection.judging.standing import Standing
from pages.check import check_by_hand, check_keeping
from pages.components.in_turn import in_turn
from pages.shell import session
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand


def how_it_was_read(held: Hand) -> None:
    """For a model from somebody's file: its reading, the rivals, and ways to overrule."""
    origin = held.card.origin
    if not origin:
        return
    standing = Standing.of(origin)
    icon = ":material/check_circle:" if standing.sure else ":material/help_center:"
    title = "How the file was read" + ("" if standing.sure else ": part of it is a guess")
    if not standing.understood:
        title = "Not understood: the ways on"
    with st.expander(title, icon=icon, expanded=not standing.understood):
        if not standing.understood:
            st.markdown(own(_WAYS_ON))
        st.markdown(_about(origin))
        left, right = st.columns(2, gap="large")
        options = held.card.spec.options
        for cell, half in ((left, "encoder"), (right, "decoder")):
            cell.markdown(f"**{half.capitalize()}**")
            cell.code("\n".join(options.get(half, ())), language=None)
        _ranking(held, origin)
        _by_hand_again(held)


_WAYS_ON = (
    "- **Other data**: choose above, under “Trained on”, what it was made for, or bring them on "
    "the page Data.\n"
    "- **Another reading**: take one from the list below, or describe the network by hand.\n"
    "- **A file that says how it computes**: `torch.export.save(torch.export.export(model, (x,)), "
    "'model.pt2')`, or `torch.onnx.export(model, (x,), 'model.onnx')`, for one example x."
)


def _about(origin: dict[str, Any]) -> str:
    tensors = len(origin.get("tensors", []))
    unused = origin.get("unused", [])
    parts = [
        f"**{plain(str(origin.get('file', 'a file')))}** · {plain(str(origin.get('form', '')))} · "
        f"{tensors} tensors, "
        + ("all used" if not unused else f"{len(unused)} not used: {plain(', '.join(unused[:6]))}")
    ]
    parts += [plain(str(n)) for n in origin.get("notes", [])]
    if origin.get("by_hand"):
        parts.append("Described by hand.")
    if origin.get("understood") is not False:  # else what is open stands in the verdict
        parts += [f":material/help: {plain(str(d))}" for d in origin.get("doubts", [])]
    facts = origin.get("facts") or {}
    if facts:
        said = ", ".join(f"{k}: {v}" for k, v in list(facts.items())[:8])
        parts.append(f"The file says: {plain(said)}")
    return "  \n".join(parts)


def _ranking(held: Hand, origin: dict[str, Any]) -> None:
    ranked = origin.get("ranking") or []
    if not ranked:
        return
    names = list(dict.fromkeys(k for row in ranked for k in row["words"]))
    rows = [
        {
            "": "taken" if i == origin.get("chosen") else str(i + 1),
            "error": row["error"],
            **{n: row["words"].get(n, "") for n in names},
        }
        for i, row in enumerate(ranked)
    ]
    st.markdown("**Readings that were tried**, the likeliest first")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"error": st.column_config.NumberColumn("held-out MSE", format="%.5f")},
    )
    found = check_keeping.opened_as(held.ref)
    source = None if found is None else found.source
    if found is None or not source or not source.recipes or not check_keeping.may_change(held.ref):
        st.caption("To read it otherwise, drop in the file again.")
        return
    cells = st.columns([3, 1], vertical_alignment="bottom")
    most = min(len(ranked), len(source.recipes))
    chosen = cells[0].selectbox(
        "Take another reading",
        range(most),
        index=int(origin.get("chosen", 0)),
        format_func=lambda i: (
            f"{i + 1}: " + "; ".join(f"{k} {v}" for k, v in ranked[i]["words"].items())
        ),
        key=f"overrule_{held.ref}_{held.version}",
    )
    if cells[1].button(
        "Read it so",
        width="stretch",
        disabled=chosen == origin.get("chosen"),
        key=f"overrule_go_{held.ref}",
    ):
        other = in_turn(
            lambda tell, place: apart.overrule(
                found, chosen, held.data, who=session.owner(), tell=tell, place=place
            ),
            "Reading it so …",
        )
        check_keeping.replace(held.ref, other)
        st.rerun()


def _by_hand_again(held: Hand) -> None:
    found = check_keeping.opened_as(held.ref)
    if found is None or found.source is None or found.source.graph:
        return
    if not check_keeping.may_change(held.ref):
        return
    if not st.toggle("Describe it by hand", key=f"by_hand_{held.ref}"):
        return
    card = held.card
    other = check_by_hand.form(
        found.source, card.dataset, held.ref, card.spec, held.model.variational
    )
    if other is not None:
        check_keeping.replace(held.ref, other)
        st.rerun()
