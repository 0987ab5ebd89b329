"""Models leave torch here: as data for the browser and as a single HTML file."""

from aecore.export.browser import DECODE_BUDGET_MACS, BrowserNetwork, export_network, export_pair
from aecore.export.explorer import export_explorer
from aecore.export.pad_bundle import EpochFrame, PadBundle, build_bundle, with_frames

__all__ = [
    "DECODE_BUDGET_MACS",
    "BrowserNetwork",
    "EpochFrame",
    "PadBundle",
    "build_bundle",
    "export_explorer",
    "export_network",
    "export_pair",
    "with_frames",
]
