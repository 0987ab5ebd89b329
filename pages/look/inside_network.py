"""Inside, its stage: the network at work."""

from __future__ import annotations

from pages.components.network_at_work import network_at_work
from pages.components.pad_data import Told, bundle_for
from pages.shell.session import Hand


def show(held: Hand) -> None:
    """The drawing of the model in hand; of a conditional one, told its label."""
    told = str(held.data.class_names[held.label]) if isinstance(held, Told) else ""
    network_at_work(bundle_for(held), key="inside_network", told=told)
