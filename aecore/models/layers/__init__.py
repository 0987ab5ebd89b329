"""Layers of networks: what each is called, and all that is known about it."""

from aecore.models.layers.lines import KNOWN, parse_layer, parse_layers, shape_after, write_layer

__all__ = ["KNOWN", "parse_layer", "parse_layers", "shape_after", "write_layer"]
