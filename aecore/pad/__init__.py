"""Models leave torch here: as data for the browser and as a single HTML file."""

from aecore.pad.bundle import PadBundle, build_bundle, with_epochs
from aecore.pad.epoch_frame import EpochFrame, PackedFrame, pack_frame
from aecore.pad.explorer import export_explorer
from aecore.pad.network import DECODE_BUDGET_MACS, BrowserNetwork, export_network, export_pair

__all__ = [
    "DECODE_BUDGET_MACS",
    "BrowserNetwork",
    "EpochFrame",
    "PackedFrame",
    "PadBundle",
    "build_bundle",
    "export_explorer",
    "export_network",
    "export_pair",
    "pack_frame",
    "with_epochs",
]
