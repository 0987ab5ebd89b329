"""The network at work of a model that is too large for the browser, computed on the workers."""

from __future__ import annotations

from aecore.jobs import views
from aecore.pad import PadBundle
from aecore.pad.served import Answer
from pages.components.network_at_work import Serve
from pages.components.network_question import Question
from pages.components.pad_data import model_of_z
from pages.shell.computing import apart
from pages.shell.session import Hand


def server_for(held: Hand, bundle: PadBundle) -> Serve | None:
    """What answers for a model over the browser's budget; None where the browser runs it, or where
    its layers cannot be drawn."""
    if bundle.meta["served"] is None:
        return None
    one, mean = model_of_z(held).in_hand, tuple(bundle.meta["mean"])

    def serve(question: Question) -> Answer:
        if question.matter is not None:
            asked = question.entered, question.chosen, mean, question.matter
            return apart(views.matter_at_work, one, *asked)
        return apart(views.at_work, one, question.entered, question.chosen, mean)

    return serve
