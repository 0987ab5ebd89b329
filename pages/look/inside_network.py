"""Inside, its stage: the network at work, with what its units do on held-out examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.pad.described import described
from pages.components.network_at_work import network_at_work
from pages.components.network_served import server_for
from pages.components.pad_data import Told, bundle_for, model_of_z
from pages.components.unit_facts import facts_at
from pages.shell.session import Hand


def show(held: Hand) -> None:
    """The drawing of the model in hand; of a conditional one, told its label."""
    bundle = bundle_for(held)

    def facts(stage: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        found = described(model_of_z(held).model)[stage]
        one = found.stage
        return facts_at(held, one.part, one.leaf, found.shape, bundle.meta["images"])

    told = str(held.data.class_names[held.label]) if isinstance(held, Told) else ""
    network_at_work(
        bundle, key="inside_network", facts=facts, serve=server_for(held, bundle), told=told
    )
