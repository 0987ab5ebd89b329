"""One colour-blind-safe palette: the same class has the same colour on every page.

The colours are chosen to stay apart for every kind of colour vision, on light and on dark; a
second channel (the marker's shape, or the label) always goes with them.
"""

from aecore.export.pad_bundle import COLORS

CLASSES = COLORS
SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "cross",
    "x",
    "triangle-up",
    "triangle-down",
    "star",
    "pentagon",
    "hexagon",
)
SYMBOLS_3D = ("circle", "square", "diamond", "cross", "x", "circle-open", "square-open",
              "diamond-open", "circle", "square")  # fmt: skip
MODEL, PCA, TRAIN, FLOOR = "#0b72c4", "#d55e00", "#009e73", "#8a9099"


def class_color(index: int) -> str:
    """The colour of a class; more than ten classes go round again."""
    return CLASSES[index % len(CLASSES)]
