"""Hostile and damaged files of people's own data, through the way that the app reads them.

    python benchmarks/fuzz_data.py --files 1000 [--images FOLDER] [--seed 0]
    python benchmarks/fuzz_data.py --worst

The first changes good zips of photographs, arrays and tables at random, inside and outside of their
archive; the second makes the largest and most twisted files that come to mind. Both print how many
were read, refused in a sentence, or were not (which must not be), and the worst seconds and MB.
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aecore.datasets.own import apart
from aecore.errors import AecoreError
from aecore.workshop import workshop

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--images", type=Path, help="a folder with photographs of your own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worst", action="store_true", help="the worst by design, one by one")
    parser.add_argument("--only", default="", help="of the worst, those whose name holds this")
    args = parser.parse_args()
    files = worst() if args.worst else changed(args.files, args.seed, args.images)
    seconds = megabytes = 0.0
    ends: Counter[str] = Counter()
    for what, name, content in (one for one in files if args.only in one[0]):
        began = time.perf_counter()
        try:
            answer = content()
            found = apart.look_at(name, answer, {})
            said = f"read: {found.train:,} + {found.test:,}"
        except AecoreError as error:
            said = str(error)
        cost = workshop().costs[-1]
        ends[cost.end] += 1
        seconds, megabytes = max(seconds, cost.seconds), max(megabytes, cost.megabytes)
        if args.worst or cost.end not in ("made", "refused") or cost.seconds > 10:
            size = len(answer) / 1e6
            print(
                f"{what:34} {size:7.1f} MB  {cost.seconds:6.2f} s  {cost.megabytes:5.0f} MB  "
                f"({time.perf_counter() - began:.1f} s)  {cost.end}: {said[:150]}",
                flush=True,
            )
    print(f"{sum(ends.values())} files: {dict(ends)}")
    print(f"worst: {seconds:.2f} s of the processor, {megabytes:.0f} MB above the idle process")


# -- damaged at random -----------------------------------------------------------------------------

Named = tuple[str, str, Callable[[], bytes]]


def changed(number: int, seed: int, folder: Path | None) -> Iterator[Named]:
    """Good files with some of their bytes changed, cut, repeated or moved."""
    rng = np.random.default_rng(seed)
    photographs = _photographs(folder)
    print(f"{len(photographs)} photographs to start from")
    for i in range(number):
        kind = ("zip", "zip", "npz", "csv")[i % 4]
        members = {"zip": _images, "npz": _arrays, "csv": _table}[kind](rng, photographs)
        if kind == "csv" or rng.random() < 0.3:
            content = _damage(rng, members["table"] if kind == "csv" else _zipped(members))
        else:
            for name in rng.permutation(list(members))[: rng.integers(1, len(members) + 1)]:
                members[name] = _damage(rng, members[name])
            content = _zipped(members)
        yield f"{kind} {i}", f"file.{kind}", lambda content=content: content


def _photographs(folder: Path | None) -> list[tuple[str, bytes]]:
    places = [] if folder is None else [folder]
    try:
        import skimage
        import sklearn.datasets

        places += [Path(str(p.__file__)).parent for p in (skimage, sklearn.datasets)]
    except ImportError:
        print("scikit-image and scikit-learn bring photographs, and are not here")
    found = [p for place in places for p in sorted(place.rglob("*"))]
    return [(p.name, p.read_bytes()) for p in found if p.suffix.lower() in SUFFIXES]


def _images(rng: np.random.Generator, photographs: list[tuple[str, bytes]]) -> dict[str, bytes]:
    members = {}
    for i in range(22):
        form = str(rng.choice(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]))
        out = io.BytesIO()
        image = Image.fromarray(rng.integers(0, 256, (24, 31, 3), dtype=np.uint8))
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(1, 9))
        image.save(out, form, **({"exif": exif} if form in ("JPEG", "PNG", "WEBP") else {}))
        members[f"{'ab'[i % 2]}/{i}.{form.lower()}"] = out.getvalue()
    for at in rng.integers(0, max(len(photographs), 1), 3 if photographs else 0):
        name, content = photographs[at]
        members[f"a/{name}"] = content
    return members


def _arrays(rng: np.random.Generator, _) -> dict[str, bytes]:
    n = int(rng.integers(25, 60))
    shape = [(n, 9), (n, 60), (n, 8, 8), (n, 8, 8, 3), (n, 3, 8, 8)][rng.integers(5)]
    x = (rng.random(shape) * 255).astype(str(rng.choice(["u1", "<f4", "<f8", ">i2", "<f2", "?"])))
    arrays = {"x.npy": np.asfortranarray(x) if rng.random() < 0.3 else x, "y.npy": np.arange(n) % 3}
    members = {}
    for name, array in arrays.items():
        out = io.BytesIO()
        np.save(out, array)
        members[name] = out.getvalue()
    return members


def _table(rng: np.random.Generator, _) -> dict[str, bytes]:
    separator = str(rng.choice([",", ";", "\t"]))
    rows = [["a", "b", "größe", "label"]]
    rows += [[f"{v:.4g}" for v in rng.normal(size=3)] + [f"class {i % 3}"] for i in range(60)]
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    return {"table": "\n".join(separator.join(row) for row in rows).encode(encoding)}


def _damage(rng: np.random.Generator, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        at, length = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 64))
        match rng.integers(0, 7):
            case 0:
                data[at : at + length] = rng.bytes(min(length, len(data) - at))
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * int(rng.integers(1, 200))
            case 3:
                del data[at:]
            case 4:  # sizes and counts are small numbers in headers: make them large
                where = int(rng.integers(0, min(len(data), 300) + 1))
                data[where : where + 4] = struct.pack("<I", int(rng.integers(1 << 20, 1 << 32)))
            case 5:
                data[at:at] = rng.choice([b"\0", b'"', b"\n", b"\xff", b"=", b"\xff\xda"])
            case 6:
                data[at : at + 1] = bytes([int(rng.integers(256))])
        if not data:
            return b"\0"
    return bytes(data)


def _zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


# -- the worst by design ---------------------------------------------------------------------------


def worst() -> Iterator[Named]:
    """Files at and beyond every limit."""
    for what, shape, dtype, fortran in (
        ("1 GB of bytes", (1000, 1000, 1000), "|u1", False),
        ("at the limit, float64", (12_400, 8_000), "<f8", False),
        ("at the limit, float64, Fortran", (12_400, 8_000), "<f8", True),
        ("at the limit, int64 images", (10_000, 96, 96), "<i8", False),
        ("at the limit, truth values", (12_400, 80, 100), "|b1", False),
        ("at the limit, channels last", (8_000, 64, 64, 3), "<f4", False),
        ("at the limit, channels last, Fortran", (8_000, 64, 64, 3), "<f8", True),
        ("at the limit, a table", (99_000, 1000), "<f8", False),
        ("at the limit, long rows", (90, 1 << 20), "<f2", False),
    ):
        kind = "npz"
        yield f"array: {what}", f"a.{kind}", lambda a=(shape, dtype, fortran): _large_array(*a)
    yield "npz of 2 million entries", "a.npz", lambda: _entries(2_000_000)
    yield "zip of 120,000 empty images", "a.zip", lambda: _entries(110_000, b"%06d.png")
    yield "npz with a header of 1 GB", "a.npz", _long_header
    yield from _worst_images()
    yield from _worst_tables()


def _large_array(shape: tuple[int, ...], dtype: str, fortran: bool) -> bytes:
    """Rows that differ, nearly all zeros, so that 800 MB are 1 MB in the archive."""
    x = np.zeros(shape, dtype)
    rows = x.reshape(len(x), -1)
    rows[:, :20] = (np.arange(len(x))[:, None] >> np.arange(20)) & 1
    out = io.BytesIO()
    np.savez_compressed(out, x=np.asfortranarray(x) if fortran else x)
    return out.getvalue()


def _entries(number: int, name: bytes = b"%06d.npy") -> bytes:
    """An archive that lists the same few bytes many times."""
    data = zlib.compress(b"\0")[2:-4]
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(b"\0"), len(data), 1, 1, 0
    )
    entries = bytearray()
    head = struct.pack("<4s6H3I", b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(b"\0"), len(data), 1)
    for i in range(number):
        own = name % i
        entries += head + struct.pack("<5H2I", len(own), 0, 0, 0, 0, 0, 0) + own
    begin = len(local) + 1 + len(data)
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, number & 0xFFFF, number & 0xFFFF, len(entries), begin, 0
    )
    return local + b"x" + data + bytes(entries) + end


def _long_header() -> bytes:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (30, 4)}"
    member = b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 30) + text + b" " * ((1 << 30) - 100)
    return _zipped({"x.npy": member})


def _saved(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _with_good(bad: dict[str, bytes]) -> bytes:
    rng = np.random.default_rng(0)
    good = {
        f"good/{i}.png": _saved(
            Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)), "PNG"
        )
        for i in range(25)
    }
    return _zipped(good | bad)


def _worst_images() -> Iterator[Named]:
    large = (7000, 7000)  # 49 megapixels
    for what, mode, form, options in (
        ("PNG, RGBA", "RGBA", "PNG", {}),
        ("PNG, 16 bits", "I;16", "PNG", {}),
        ("PNG, palette with transparency", "P", "PNG", {"transparency": 0}),
        ("PNG, one bit", "1", "PNG", {}),
        ("TIFF, float", "F", "TIFF", {"compression": "tiff_lzw"}),
        ("TIFF, 32 bits", "I", "TIFF", {"compression": "tiff_deflate"}),
        ("TIFF, CMYK", "CMYK", "TIFF", {"compression": "tiff_lzw"}),
        ("JPEG, progressive", "RGB", "JPEG", {"progressive": True, "subsampling": 0}),
        ("JPEG, CMYK", "CMYK", "JPEG", {}),
        ("WebP", "RGBA", "WEBP", {"method": 0}),
        ("GIF", "P", "GIF", {}),
        ("BMP", "RGB", "BMP", {}),
    ):

        def make(mode=mode, form=form, options=options) -> bytes:
            return _with_good(
                {f"bad.{form.lower()}": _saved(Image.new(mode, large), form, **options)}
            )

        yield f"49 megapixels: {what}", "a.zip", make
    frames = [Image.new("P", (1500, 1500), i) for i in range(60)]
    for form in ("GIF", "WEBP", "TIFF", "PNG"):
        options = {"save_all": True, "append_images": frames[1:]}
        yield (
            f"60 frames: {form}",
            "a.zip",
            lambda form=form, options=options: _with_good(
                {f"bad.{form.lower()}": _saved(frames[0], form, **options)}
            ),
        )
    yield "WebP that says 16,383 x 16,383", "a.zip", lambda: _with_good({"bad.webp": _lying_webp()})
    yield "TIFF with tiles of 4 gigapixels", "a.zip", lambda: _with_good({"bad.tif": _lying_tiff()})
    yield "JPEG of 5,000 scans", "a.zip", lambda: _with_good({"bad.jpg": _many_scans()})
    yield "EXIF: damaged in 25 of 50", "a.zip", _damaged_exif
    yield "PNG with 60 MB of text", "a.zip", lambda: _with_good({"bad.png": _text_bomb()})
    yield (
        "40 PNG of 49 megapixels, RGB",
        "a.zip",
        lambda: _zipped(
            {f"{i}.png": _blank_png(7000, 7000, i) for i in range(40)}, zipfile.ZIP_STORED
        ),
    )


def _blank_png(width: int, height: int, shade: int) -> bytes:
    """One colour throughout, without a full image here."""
    packer = zlib.compressobj(9)
    row = b"\0" + bytes([shade, 2 * shade, 3 * shade]) * width
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _lying_webp() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes([0, 0, 0, 0])
    body += (16382).to_bytes(3, "little") * 2
    body += b"VP8L" + struct.pack("<I", 5) + b"\x2f" + b"\xff\xff\xff\x0f"
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _lying_tiff() -> bytes:
    good = bytearray(_saved(Image.new("RGB", (64, 64)), "TIFF", compression="tiff_deflate"))
    at = good.find(struct.pack("<HH", 278, 3))  # rows a strip
    if at >= 0:
        good[at : at + 12] = struct.pack("<HHII", 278, 4, 1, 0xFFFFFFF0)
    return bytes(good)


def _many_scans() -> bytes:
    content = _saved(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    at = content.rfind(b"\xff\xda")
    return content[:at] + content[at:-2] * 5000 + content[-2:]


def _damaged_exif() -> bytes:
    rng, members = np.random.default_rng(0), {}
    for i in range(50):
        exif = Image.Exif()
        exif[0x0112] = 6
        image = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
        content = bytearray(_saved(image, "JPEG", exif=exif))
        if i % 2:
            at = content.find(b"Exif\0\0") + 6
            content[at : at + 20] = rng.bytes(20)
        members[f"{i}.jpg"] = bytes(content)
    return _zipped(members)


def _text_bomb() -> bytes:
    good = _saved(Image.new("RGB", (40, 40)), "PNG")
    body = b"Comment\0\0" + zlib.compress(bytes(60 << 20))
    text = (
        struct.pack(">I", len(body))
        + b"zTXt"
        + body
        + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    )
    return good[:33] + text + good[33:]


def _worst_tables() -> Iterator[Named]:
    def rows(row: bytes, size: int, head: bytes = b"") -> bytes:
        return head + row * (size // len(row))

    full = 199 << 20
    words = b",".join(b"w%d" % (i % 7) for i in range(10_000)) + b"\n"
    yield "table: 10,000 columns of words", "a.csv", lambda: rows(words, full)
    half = b",".join([b"w"] * 990 + [b"1"] * 10) + b"\n"
    yield "table: 990 columns of words", "a.csv", lambda: rows(half, full)
    yield (
        "table: cells of 130,000 characters",
        "a.csv",
        lambda: rows(b"1," + b"x" * 130_000 + b"\n", full),
    )
    yield "table: 1,000,000 rows", "a.csv", lambda: rows(b"1.25,2.5,x\n", 11_000_000)
    yield "table: 200 MB of one-digit numbers", "a.csv", lambda: _digits(99_000, 1000)
    yield "table: all different words", "a.csv", _different_words
    yield (
        "table: NUL bytes",
        "a.csv",
        lambda: rows(b"1,2\0,3\n", 50_000_000, b"a,b,c\n" + b"1,2,3\n" * 1000),
    )
    yield (
        "table: a BOM and mixed separators",
        "a.csv",
        lambda: rows(b"1;2,5\t3\n1,2;3\n", 50_000_000, b"\xef\xbb\xbfa;b,c\n"),
    )
    yield "table: open quotation marks", "a.csv", lambda: rows(b'1,"2\n', full, b"a,b\n")
    yield "table: nothing but separators", "a.csv", lambda: rows(b",,,,,,,,\n", full)
    yield "table: blank lines", "a.csv", lambda: rows(b" \n", full)
    yield "table: ragged", "a.csv", lambda: rows(b"1,2\n1,2,3\n1\n", full, b"a,b\n")
    yield "table: UTF-16", "a.csv", lambda: ("a,b\n" + "1,2\n" * 5_000_000).encode("utf-16")
    yield "table: decimal commas", "a.csv", lambda: rows(b"1,5;2,25;3,125\n", full, b"a;b;c\n")


def _digits(n: int, width: int) -> bytes:
    cells = np.random.default_rng(0).integers(48, 58, (n, width, 2), dtype=np.uint8)
    cells[:, :, 1] = ord(",")
    cells[:, -1, 1] = ord("\n")
    return cells.tobytes()


def _different_words() -> bytes:
    head = ",".join(f"c{i}" for i in range(900)) + "\n"
    rows = (",".join(f"w{row * 900 + i}" for i in range(900)) for row in range(20_000))
    return (head + "\n".join(rows)).encode()


if __name__ == "__main__":
    main()
