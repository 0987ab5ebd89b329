"""Files meant to hurt: each is refused with one sentence, quickly, and takes no memory."""

from __future__ import annotations

import contextlib
import io
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from numpy.lib import format as npy
from PIL import Image

from aecore.datasets import limits
from aecore.datasets.own import apart
from aecore.datasets.own.reading import read_files, read_upload
from aecore.errors import DatasetError
from aecore.workshop import workshop


def zipped(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces its size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def png(seed: int = 0) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def good(n: int = 20) -> dict[str, bytes]:
    return {f"{i}.png": png(i) for i in range(n)}


def array_header(shape, dtype="<f8") -> bytes:
    """An .npy file that announces a shape and holds no value."""
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def npy_text(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("something was unpickled",)


def objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([[Trap()]] * 30, dtype=object), allow_pickle=True)
    return out.getvalue()


def lying(content: bytes, name: bytes, size: int) -> bytes:
    """Change the unpacked size that a zip's two headers announce for its first file."""
    packed = bytearray(content)
    struct.pack_into("<I", packed, packed.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<I", packed, packed.index(b"PK\x01\x02") + 24, size)
    return bytes(packed)


def locked() -> bytes:
    packed = bytearray(zipped(good()))
    at = -1
    while (at := packed.find(b"PK\x01\x02", at + 1)) >= 0:
        packed[at + 8] |= 1
    return bytes(packed)


def webp() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16382).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 40) + b"WEBP" + body + bytes(30)


ZEROS = bytes(150 << 20)

HOSTILE = {
    "empty zip": ("a.zip", b"", "empty"),
    "no zip": ("a.zip", b"hello" * 99, "not a readable zip"),
    "half a zip": ("a.zip", zipped(good())[:3000], "not a readable zip"),
    "a zip without files": ("a.zip", zipped({}), "No image"),
    "a zip of texts": ("a.zip", zipped({"a.txt": b"x"}), "No image"),
    "a zip in a zip": ("a.zip", zipped({"a.zip": zipped(good())}), "No image"),
    "a locked zip": ("a.zip", locked(), "password"),
    "too few images": ("a.zip", zipped(good(19)), "At least 20"),
    "one image twenty times": (
        "a.zip",
        zipped({f"{i}.png": png() for i in range(20)}),
        "At least 20 different",
    ),
    "only broken images": (
        "a.zip",
        zipped({f"{i}.png": b"no" for i in range(30)}),
        "At least 20",
    ),
    "an image of 4 gigapixels": (
        "a.zip",
        zipped(good() | {"big.png": png_header(65_000, 65_000)}),
        "pixels",
    ),
    "an image of 60 megapixels": (
        "a.zip",
        zipped(good() | {"big.png": png_header(10_000, 6_000)}),
        "10,000 x 6,000",
    ),
    "hundreds of large images": (
        "a.zip",
        zipped({f"{i}.png": png_header(7_000, 7_000) for i in range(200)}),
        "thousand million pixels",
    ),
    "a zip bomb": (
        "a.zip",
        zipped(good() | {f"z{i}.png": ZEROS for i in range(8)}),
        "GB of memory",
    ),
    "a program as an image": (
        "a.zip",
        zipped({f"{i}.png": b"%!PS-Adobe-3.0 EPSF-3.0\n" for i in range(30)}),
        "At least",
    ),
    "pickled objects": ("a.npz", zipped({"x.npy": objects()}), "never unpickled"),
    "pickled labels": (
        "a.npz",
        zipped({"x.npy": array_header((30, 4), "<f4") + bytes(480), "y.npy": objects()}),
        "never unpickled",
    ),
    "a bare pickle": ("a.npz", pickle.dumps([1]), "not a readable .npz"),
    "a pickle as an array": ("a.npz", zipped({"x.npy": pickle.dumps([1])}), "damaged"),
    "an array of 8 TB": (
        "a.npz",
        zipped({"x.npy": array_header((1000, 1024, 1024))}),
        "GB of memory",
    ),
    "an array of 2**80 rows": ("a.npz", zipped({"x.npy": array_header((2**80, 2))}), "At most"),
    "a negative shape": ("a.npz", zipped({"x.npy": array_header((-5, 2))}), "damaged"),
    "no rows": ("a.npz", zipped({"x.npy": array_header((0, 28, 28))}), "shape"),
    "one long row": ("a.npz", zipped({"x.npy": array_header((30, 1 << 21))}), "values"),
    "too many rows": ("a.npz", zipped({"x.npy": array_header((100_001, 2))}), "100,000"),
    "five axes": ("a.npz", zipped({"x.npy": array_header((30, 2, 2, 2, 2))}), "shape"),
    "a single number": ("a.npz", zipped({"x.npy": array_header(())}), "shape"),
    "seven channels": (
        "a.npz",
        zipped({"x.npy": array_header((30, 4, 4, 7), "|u1") + bytes(3360)}),
        "channels",
    ),
    "complex numbers": ("a.npz", zipped({"x.npy": array_header((30, 2), "<c16")}), "numbers"),
    "texts": ("a.npz", zipped({"x.npy": array_header((30, 2), "<U5")}), "numbers"),
    "an array cut off": (
        "a.npz",
        zipped({"x.npy": array_header((100, 100)) + bytes(79_000)}),
        "cut off",
    ),
    "code in the header": (
        "a.npz",
        zipped({"x.npy": npy_text("__import__('os').system('true')\n")}),
        "damaged",
    ),
    "a header of nested brackets": (
        "a.npz",
        zipped({"x.npy": npy_text("(" * 9000)}),
        "damaged",
    ),
    "a header without end": (
        "a.npz",
        zipped({"x.npy": npy_text("{'descr': '<f4', " + " " * 60_000)}),
        "damaged",
    ),
    "only missing values": (
        "a.npz",
        zipped({"x.npy": array_header((30, 2), "<f4") + np.full(60, np.nan, "<f4").tobytes()}),
        "At least 20",
    ),
    "1 GB of bytes": (
        "a.npz",
        zipped({"x.npy": array_header((1000, 1000, 1000), "|u1")}),
        "4.0 GB",
    ),
    "a header of 4 GB": (
        "a.npz",
        zipped({"x.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", (1 << 32) - 1) + ZEROS}),
        "damaged",
    ),
    "labels of a gigabyte": (
        "a.npz",
        zipped({"x.npy": array_header((30, 4)), "y.npy": array_header((30,), "<U9999999")}),
        "labels in y are too long|damaged",
    ),
    "thousands of arrays": (
        "a.npz",
        zipped({f"{i}.npy": b"" for i in range(1001)}),
        "more than 1,000 arrays",
    ),
    "a WebP that says 16,383 pixels": ("a.zip", zipped(good() | {"x.webp": webp()}), "16,383 x"),
    "10,000 columns of words": (
        "a.csv",
        (b",".join([b"w%d" % (i % 7) for i in range(10_000)]) + b"\n") * 500,
        "10,000 columns of the table hold words",
    ),
    "millions of blank lines": ("a.csv", b"a,b\n1,2\n" + b"\n" * 5_000_000, "rows that are empty"),
    "ragged millions": ("a.csv", b"a,b\n" + b"1,2,3\n1\n" * 1_000_000, "number of cells"),
    "cells of 200,000 characters": (
        "a.csv",
        b"a,b\n" + (b"1," + b"x" * 200_000 + b"\n") * 9,
        "read",
    ),
    "an empty archive": ("a.npz", zipped({}), "no arrays"),
    "an empty table": ("a.csv", b"", "empty"),
    "blank lines": ("a.csv", b"\n\n  \n", "empty"),
    "empty cells": ("a.csv", b",,,\n,,,\n", "only empty cells"),
    "a line of 20 MB": ("a.csv", b"1," * 10_000_000, "more than 1,048,576 characters"),
    "half of UTF-16": ("a.csv", b"\xff\xfe" + b"\x00\xd8" * 99 + b"a", "No column|no rows"),
    "a header alone": ("a.csv", b"a,b,c\n", "no rows"),
    "a formula": ("a.csv", b"a,b\n1,2\n=cmd|'/c calc'!A0,4\n", "Row 3.*formula"),
    "another formula": ("a.csv", b"a,b\n1,2\n" * 1 + b"@SUM(A1:A9),4\n", "formula"),
    "a formula with a sign": ("a.csv", b"a,b\n1,2\n-HYPERLINK(1),4\n", "formula"),
    "a formula as a header": ("a.csv", b"=1+1,b\n1,2\n", "formula"),
    "a formula among classes": (
        "a.csv",
        b"a,label\n" + b"1,x\n2,y\n" * 20 + b'3,"=HYPERLINK(""http://x"")"\n',
        "formula",
    ),
    "text alone": ("a.csv", b"a,b\n" + b"x,y\n" * 30, "No column of numbers"),
    "always the same": ("a.csv", b"a,b\n" + b"1,2\n" * 30, "No column of numbers"),
    "all missing": ("a.csv", b"a,b\n" + b"NA,\n" * 30, "No column of numbers"),
    "bytes": ("a.csv", bytes(range(256)) * 40, "not text"),
    "an image called table": ("a.csv", png(), "not text"),
    "ragged": ("a.csv", b"a,b,c\n1,2,3\n" + b"1,2,3,4\n1\n" * 30, "number of cells"),
    "no closing quotation mark": ("a.csv", b'a,b\n"' + b"1,2\n" * 60_000, "could not be read"),
    "too many columns": ("a.csv", b",".join([b"1"] * 10_001) + b"\n", "10,001 columns"),
    "too many rows of a table": ("a.csv", b"a\tb\n" + b"1\t2\n" * 100_001, "100,000"),
    "another kind": ("a.exe", b"MZ", "known kind"),
    "no name": ("", b"x", "known kind"),
    "a strange name": ("../../etc/passwd\n\x1b[31m", b"x", "known kind"),
}


MOST_SECONDS, MOST_MEGABYTES = 10, 700


@pytest.mark.parametrize("what", list(HOSTILE))
def test_it_is_refused_in_one_sentence(what):
    name, content, sentence = HOSTILE[what]
    with pytest.raises(DatasetError) as refused:
        apart.look_at(name, content, {})
    said, cost = str(refused.value), workshop().costs[-1]
    assert cost.end == "refused"  # by the reader itself, not because it had to be killed
    assert re.search(sentence, said)
    assert said.isprintable()
    assert said.endswith(".")
    assert len(said) < 400
    assert cost.seconds < MOST_SECONDS
    assert cost.megabytes < MOST_MEGABYTES


def large_array(shape, dtype="<f8", fortran=False) -> bytes:
    """Different rows, nearly all zeros: hundreds of megabytes as a few in an archive."""
    x = np.zeros(shape, dtype)
    x.reshape(len(x), -1)[:, :20] = (np.arange(len(x))[:, None] >> np.arange(20)) & 1
    out = io.BytesIO()
    np.savez_compressed(out, x=np.asfortranarray(x) if fortran else x)
    return out.getvalue()


def frames(form: str) -> bytes:
    images, out = [Image.new("P", (900, 900), i) for i in range(20)], io.BytesIO()
    images[0].save(out, form, save_all=True, append_images=images[1:])
    return out.getvalue()


def blank(mode: str, form: str, **options) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (4000, 4000)).save(out, form, **options)
    return out.getvalue()


#: What may be taken, with what it says; it has to be cheap as well: nothing stands in memory twice.
MOST_MEGABYTES_OF = {"an array of 96 MB": 160, "96 MB of float64 in Fortran's order": 110}
LARGE = {
    "an array of 96 MB": ("a.npz", lambda: large_array((3000, 8000), "<f4"), "signals"),
    "96 MB of float64 in Fortran's order": (
        "a.npz",
        lambda: large_array((1500, 8000), "<f8", True),
        "",
    ),
    "a large table": ("a.npz", lambda: large_array((99_000, 40), "<i8"), "(?i)"),
    "animations": (
        "a.zip",
        lambda: zipped(good(25) | {f"x.{f}": frames(f) for f in ("gif", "webp", "tiff", "png")}),
        "made 28 x 28",
    ),
    "16 megapixels, transparent": (
        "a.zip",
        lambda: zipped(good(25) | {"x.png": blank("RGBA", "PNG"), "y.png": blank("I;16", "PNG")}),
        "made 28 x 28",
    ),
    "16 megapixels as floats and CMYK": (
        "a.zip",
        lambda: zipped(
            good(25)
            | {"x.tif": blank("F", "TIFF", compression="tiff_lzw"), "y.jpg": blank("CMYK", "JPEG")}
        ),
        "made 28 x 28",
    ),
    "a JPEG of a thousand scans": (
        "a.zip",
        lambda: zipped(good(25) | {"x.jpg": many_scans()}),
        "1 image could not be read",
    ),
}


def many_scans() -> bytes:
    content = blank("L", "JPEG", progressive=True)
    at = content.rfind(b"\xff\xda")
    return content[:at] + content[at:-2] * 1000 + content[-2:]


@pytest.mark.parametrize("what", list(LARGE))
def test_what_is_large_is_cheap_too(what):
    name, content, said = LARGE[what]
    try:
        notes = " ".join(apart.look_at(name, content(), {}).own.notes)
    except DatasetError as error:
        notes = str(error)
    cost = workshop().costs[-1]
    assert cost.end in ("made", "refused")
    assert re.search(said, notes)
    assert cost.seconds < MOST_SECONDS
    assert cost.megabytes < MOST_MEGABYTES_OF.get(what, 400)


def test_damaged_exif_costs_at_most_that_image():
    rng, files = np.random.default_rng(0), good(25)
    upright = rng.integers(0, 256, (28, 14, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    out = io.BytesIO()
    Image.fromarray(np.rot90(upright)).save(out, "PNG", exif=exif)
    files["turned.png"] = out.getvalue()
    for i in range(9):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (28, 28), dtype=np.uint8)).save(out, "JPEG", exif=exif)
        damaged = bytearray(out.getvalue())
        at = damaged.find(b"Exif\0\0") + 6
        damaged[at : at + 12] = bytes(range(200, 212))
        files[f"{i}.jpg"] = bytes(damaged)
    own = read_upload("a.zip", zipped(files), size=28)
    assert len(own.dataset.train) + len(own.dataset.test) == 35
    assert any(note.startswith("9 images with an unreadable EXIF block") for note in own.notes)
    x = torch.cat([own.dataset.train.x, own.dataset.test.x])
    want = torch.from_numpy(upright.transpose(2, 0, 1).copy())
    assert any(torch.equal(image[:, :, 7:21], want) for image in x)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npz", lambda: nans(30, 30), r"there are 0 \(30 with missing or infinite values\)"),
        ("a.npz", lambda: nans(30, 20), r"are 10 \(20 with missing or infinite values\)"),
        ("a.zip", lambda: zipped({f"{i}.png": b"no" for i in range(30)}), r"0 \(30 that could not"),
        (
            "a.zip",
            lambda: zipped({f"{i}.png": png() for i in range(20)} | {"x.png": b""}),
            r"is 1 \(1 that could not be read as images, 19 the same as another\)",
        ),
        ("a.csv", lambda: b"a,b\n" + b"1,2\n2,1\n" * 30, r"are 2 \(58 the same as another\)"),
        (
            "a.csv",
            lambda: b"a,b\n" + b"1,2\n2,x\n,3\n3,\n" * 5 + b"5\n" * 7,
            r"with another number of cells than the first row",
        ),
        ("a.csv", lambda: b"a,b,c\n" + b"x,7,\n" * 30, r"all\) numbers: a .*same.*: b .*empty: c"),
    ],
)
def test_too_few_examples_say_where_they_went(name, content, said):
    with pytest.raises(DatasetError, match=said):
        read_upload(name, content())


def nans(n: int, bad: int) -> bytes:
    x, out = np.random.default_rng(0).random((n, 5)), io.BytesIO()
    x[:bad, 2] = np.resize([np.nan, np.inf, 1e39], bad)
    np.savez(out, x=x)
    return out.getvalue()


def test_what_the_zip_says_about_sizes_is_not_believed():
    """A small announced size and 150 MB that come: the image is left out, not unpacked."""
    packed = lying(zipped({"bomb.png": ZEROS} | good(25)), b"bomb.png", 1000)
    own = read_upload("a.zip", packed)
    assert any(note.startswith("1 image could not be read") for note in own.notes)


def test_names_in_a_zip_are_never_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["../../out", "/tmp/out", "C:\\out", "a/../../b", "ok\x1b[31m"]
    files = {f"{names[i % 5]}/{i}.png": png(i) for i in range(40)}
    own = read_upload("a.zip", zipped(files))
    assert len(own.dataset.train) + len(own.dataset.test) == 40
    assert all(name.isprintable() for name in own.dataset.class_names)
    assert list(tmp_path.iterdir()) == []
    assert not list(tmp_path.parent.glob("out*"))


def test_too_many_entries_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(DatasetError, match="far more"):
        read_upload("a.zip", b"PK\x01\x02" * 120_001)
    with pytest.raises(DatasetError, match="more than 1,000 arrays"):
        read_upload("a.npz", b"PK\x01\x02" * 1001)


def test_an_upload_of_more_than_the_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "MAX_UPLOAD", 1 << 20)
    with pytest.raises(DatasetError, match="A file may have 1 MB, and this one has 2 MB"):
        read_upload("a.csv", b"1" * (2 << 20))
    (tmp_path / "a.csv").write_bytes(b"1" * (2 << 20))
    with pytest.raises(DatasetError, match="1 MB"):
        read_upload("a.csv", tmp_path / "a.csv")
    with pytest.raises(DatasetError, match="1 MB"):
        read_files([(f"{i}.png", bytes(100_000)) for i in range(30)])


def test_more_memory_than_the_limit(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 100_000)
    with pytest.raises(DatasetError, match="GB of memory"):
        read_upload("a.zip", zipped(good()), size=128)
    with pytest.raises(DatasetError, match="GB of memory"):
        read_upload("a.csv", b"a,b\n" + b"1,2\n" * 20_000)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_good_file_is_read_or_refused(seed):
    """Random bytes changed anywhere: an answer or a DatasetError, never another error."""
    rng = np.random.default_rng(seed)
    arrays = io.BytesIO()
    np.savez(arrays, x=rng.random((30, 6)), y=np.arange(30) % 3)
    table = "\n".join(f"{a},{b},{c}" for a, b, c in rng.random((30, 3))).encode()
    for name, content in (
        ("a.zip", zipped(good(22))),
        ("a.npz", arrays.getvalue()),
        ("a.csv", table),
    ):
        changed = bytearray(content)
        for at in rng.integers(0, len(changed), 1 + seed):
            changed[at] = rng.integers(0, 256)
        with contextlib.suppress(DatasetError):
            assert len(read_upload(name, bytes(changed)).dataset.test) >= 10
