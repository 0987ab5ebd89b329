"""One printed page: text, lines, dots and pictures, as a PDF file.

Written directly (PDF 1.4, ISO 32000-1): the fonts are those that every reader has, so that text
stays text and a page takes some 50 kB. Lengths are points, 72 an inch; y goes up from the bottom.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

from aecore.errors import ExportError

WIDTH, HEIGHT = 595.28, 841.89  # A4
Color = tuple[float, float, float]
BLACK: Color = (0.1, 0.1, 0.12)
# Helvetica's widths in thousandths of its size, from the space to the tilde (Adobe's AFM file).
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(*[556] * 10, 278, 278, 584, 584, 584, 556, 1015),
    *(667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833),
    *(722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611),
    *(278, 278, 278, 469, 556, 333),
    *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833),
    *(556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500),
    *(334, 260, 334, 584),
)
_OTHER = 556  # what any other letter is taken for
_BOLD = 1.07  # bold letters are about so much wider
_SAID = str.maketrans({"−": "-", "≥": ">=", "≤": "<=", "→": "to", "\N{NO-BREAK SPACE}": " "})


def width_of(text: str, size: float, bold: bool = False) -> float:
    """About how wide a text is."""
    units = (_WIDTHS[ord(c) - 32] if 32 <= ord(c) <= 126 else _OTHER for c in text)
    return sum(units) * size / 1000 * (_BOLD if bold else 1)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """A text as lines of at most that width; a longer word stands alone."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class PdfPage:
    """A page of A4 that is drawn on, then written; title: what readers show as its name."""

    def __init__(self, title: str):
        self.title = title
        self._drawn: list[str] = []
        self._pictures: list[np.ndarray] = []

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10,
        *,
        bold: bool = False,
        color: Color = BLACK,
        align: str = "left",
    ) -> None:
        """A line of text; x, y: its left end, middle or right end (align) on the base line."""
        shown = text.translate(_SAID).encode("cp1252", "replace")
        wide = width_of(shown.decode("cp1252"), size, bold)
        x -= {"left": 0.0, "middle": wide / 2, "right": wide}[align]
        self._add(
            f"BT {_rgb(color)} rg /F{2 if bold else 1} {size:g} Tf {x:.2f} {y:.2f} Td "
            f"<{shown.hex()}> Tj ET"
        )

    def box(self, x: float, y: float, wide: float, tall: float, color: Color) -> None:
        self._add(f"{_rgb(color)} rg {x:.2f} {y:.2f} {wide:.2f} {tall:.2f} re f")

    def line(
        self,
        points: Sequence[tuple[float, float]],
        color: Color = BLACK,
        wide: float = 1.0,
        dashed: bool = False,
    ) -> None:
        """A line through points."""
        first, *rest = [f"{x:.2f} {y:.2f}" for x, y in points]
        dash = "[4 3] 0 d" if dashed else "[] 0 d"
        way = " ".join(f"{p} l" for p in rest)
        self._add(f"{_rgb(color)} RG {wide:g} w 1 j {dash} {first} m {way} S")

    def polygon(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        first, *rest = [f"{x:.2f} {y:.2f}" for x, y in points]
        self._add(f"{_rgb(color)} rg {first} m {' '.join(f'{p} l' for p in rest)} h f")

    def dots(self, points: Sequence[tuple[float, float]], color: Color, wide: float = 2.0) -> None:
        """Round dots of one colour."""
        each = " ".join(f"{x:.1f} {y:.1f} m {x:.1f} {y:.1f} l" for x, y in points)
        self._add(f"{_rgb(color)} RG {wide:g} w 1 J [] 0 d {each} S 0 J")

    def picture(self, x: float, y: float, wide: float, tall: float, pixels: np.ndarray) -> None:
        """Pixels, uint8 (h, w, 3), unsmoothed, with its lower left corner at x, y."""
        self._pictures.append(np.ascontiguousarray(pixels))
        name = f"/P{len(self._pictures)}"
        self._add(f"q {wide:.2f} 0 0 {tall:.2f} {x:.2f} {y:.2f} cm {name} Do Q")

    def _add(self, operators: str) -> None:
        self._drawn.append(operators)

    def content(self) -> bytes:
        """The file."""
        pictures = "".join(f"/P{i + 1} {8 + i} 0 R " for i in range(len(self._pictures)))
        fonts = [
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
            for name in ("Helvetica", "Helvetica-Bold")
        ]
        title = self.title.encode("utf-16-be").hex()
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents 4 0 R "
                f"/Resources << /Font << /F1 5 0 R /F2 6 0 R >> /XObject << {pictures}>> >> >>"
            ).encode(),
            _stream("", "\n".join(self._drawn).encode()),
            *(font.encode() for font in fonts),
            f"<< /Title <feff{title}> /Producer (aecore) >>".encode(),
            *map(_picture, self._pictures),
        ]
        return _file(objects)


def _rgb(color: Color) -> str:
    return " ".join(f"{v:.3g}" for v in color)


def color_of(code: str) -> Color:
    """'#0b72c4' as shares of red, green and blue."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _stream(about: str, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    head = f"<< {about}/Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    return head.encode() + packed + b"\nendstream"


def _picture(pixels: np.ndarray) -> bytes:
    height, width, _ = pixels.shape
    about = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB "
        "/BitsPerComponent 8 /Interpolate false "
    )
    return _stream(about, pixels.tobytes())


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 7 0 R >>\nstartxref\n{table}\n"
        "%%EOF\n"
    ).encode()
    return bytes(out)


# Opened again ------------------------------------------------------------------------------------


def pictures_in(content: bytes) -> list[np.ndarray]:
    """The pictures of such a file, uint8 (h, w, 3) each, by its own table of contents. Raises
    ExportError where that leads nowhere."""
    found = re.search(rb"startxref\n(\d+)\n%%EOF\n$", content)
    listed = content[int(found[1]) :] if found else b""
    places = [int(p) for p in re.findall(rb"(\d{10}) 00000 n ", listed)]
    pictures = []
    for number, place in enumerate(places, 1):
        if not content.startswith(f"{number} 0 obj\n".encode(), place):
            raise ExportError("The page is refused: its table of contents is wrong.")
        head = re.split(rb"stream\n|endobj\n", content[place:], maxsplit=1)[0]
        size = re.search(rb"/Subtype /Image /Width (\d+) /Height (\d+)", head)
        if size:
            start = place + len(head) + len(b"stream\n")
            length = int(re.search(rb"/Length (\d+)", head)[1])  # pyright: ignore
            pixels = np.frombuffer(zlib.decompress(content[start : start + length]), np.uint8)
            pictures.append(pixels.reshape(int(size[2]), int(size[1]), 3))
    if not places:
        raise ExportError("The page is refused: it has no table of contents.")
    return pictures
