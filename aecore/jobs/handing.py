"""From where a run goes on, and the order that says so to a worker."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from aecore.jobs.order import Order
from aecore.runs import checkpoints
from aecore.runs.card import Card
from aecore.runs.store import Run, RunStore


def to_resume(store: RunStore, run: Run, here: bool) -> tuple[Card | None, bytes | Path | None]:
    """What a run goes on from, read in full once: its card, and the bytes, or where they lie for
    workers of this machine (`here`). None for the very beginning. Raises CheckpointError."""
    early = store.early(run)
    if early is not None:
        return checkpoints.read_header(early)[0], early
    if not run.has_model:
        return None, None
    content = store.content(run)
    card = checkpoints.from_bytes(content).card
    if card.epochs_done == 0:
        return None, None
    if run.file is not None:  # a past epoch's, which stands in for a damaged one: no curve
        card = dataclasses.replace(card, history=run.recording.history)
        return card, checkpoints.with_card(content, card)
    return card, store.newest_file(run) if here and run.content is None else content


def order_of(run: Run, resume: bytes | Path | None, as_it_stood: bool = False) -> Order:
    """The order to train a run, under its present token.

    as_it_stood: paused if it is, with the learning rate and beta as somebody changed them.
    """
    asked = {change.name: change.after for change in run.recording.changes}
    return Order(
        run.run_id,
        run.token,
        run.name,
        run.spec,
        run.config,
        run.dataset,
        resume,
        run.owner,
        paused=as_it_stood and run.recording.status == "paused",
        changed=asked if as_it_stood else {},
    )


def where_in_words(card: Card | None, run: Run) -> str:
    """From where it goes on, as the end of a sentence."""
    if card is None:
        return "from its beginning, of which nothing was kept yet"
    if card.images_seen == run.early:
        return f"from within epoch {card.epochs_done + 1}"
    return f"from epoch {card.epochs_done}"
