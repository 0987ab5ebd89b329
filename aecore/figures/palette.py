"""One colour-blind-safe palette: the same class has the same colour on every page.

The colours are chosen to stay apart for every kind of colour vision, on light and on dark; a
second channel (the marker's shape, or the label) always goes with them.
"""

#: Ten class colours near Okabe and Ito's (2008), moved until any two differ by 20 or more (CIE 1976
#: Lab) with normal, protan, deutan and tritan vision (Machado et al. 2009), on light and dark.
CLASSES = (
    *("#005fd5", "#e69f00", "#099653", "#d5a69e", "#58b3f3"),
    *("#ce5700", "#adb359", "#855a65", "#6a59a8", "#879bb5"),
)
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
SYMBOLS_3D = (
    "circle",
    "square",
    "diamond",
    "cross",
    "x",
    "circle-open",
    "square-open",
    "diamond-open",
)
#: What is above 0 and what is below it, wherever signed values are drawn; between them the ground.
#: The browser has the same (aecore/pad/assets/signed_colors.js).
ABOVE, BELOW = "#e06200", "#1a7ac4"
MODEL, PCA, TRAIN, FLOOR = "#0b72c4", "#d55e00", "#009e73", "#8a9099"


def signed_scale() -> list[tuple[float, str]]:
    """From the most negative to the most positive, as a Plotly colour scale."""
    return [(0, BELOW), (0.5, "#eceef1"), (1, ABOVE)]


def class_color(index: int) -> str:
    """The colour of a class; more than ten classes go round again."""
    return CLASSES[index % len(CLASSES)]
