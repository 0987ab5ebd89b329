"""Layers of networks: what each is called, and all that is known about it.

`entry` says what is known of a kind of layer, `registry` which kinds there are, `kinds` holds them.
`lines` writes and reads layers as text; `tracing` makes them the operations that a browser runs.
"""

from aecore.models.layers.entry import LayerEntry
from aecore.models.layers.lines import (
    MAX_LAYERS,
    parse_layer,
    parse_layers,
    readable_layers,
    shape_after,
    write_layer,
)
from aecore.models.layers.registry import all_layers, entry_of, register

__all__ = [
    "MAX_LAYERS",
    "LayerEntry",
    "all_layers",
    "entry_of",
    "parse_layer",
    "parse_layers",
    "readable_layers",
    "register",
    "shape_after",
    "write_layer",
]
