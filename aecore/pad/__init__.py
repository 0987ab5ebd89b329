"""Models leave torch here: as data for the browser and as a single HTML file."""

from aecore.pad.bundle import EpochFrame, PadBundle, build_bundle, with_frames
from aecore.pad.explorer import export_explorer
from aecore.pad.network import DECODE_BUDGET_MACS, BrowserNetwork, export_network, export_pair

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
