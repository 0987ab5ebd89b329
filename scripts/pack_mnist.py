"""Pack MNIST's four IDX files into aecore/datasets/sources/mnist.npz.

    python scripts/pack_mnist.py FOLDER_WITH_THE_FOUR_GZ_FILES

The MD5 sums of the unpacked image files are checked first, so that what ships is MNIST.
"""

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "aecore" / "datasets" / "sources" / "mnist.npz"
IMAGE_MD5 = {
    "train": "6bbc9ace898e44ae57da46a324031adb",
    "test": "2646ac647ad5339dbf082846283269ea",
}
PREFIX = {"train": "train", "test": "t10k"}


def read_idx(path: Path) -> tuple[np.ndarray, str]:
    """Return an IDX file's unsigned bytes in their shape, and the MD5 of the unpacked file."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        sys.exit(f"{path} is not an IDX file of unsigned bytes.")
    dims = raw[3]
    shape = np.frombuffer(raw, ">u4", dims, 4)
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)
    return values, hashlib.md5(raw).hexdigest()


def main(folder: Path) -> None:
    arrays = {}
    for split, prefix in PREFIX.items():
        images, md5 = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        if md5 != IMAGE_MD5[split]:
            sys.exit(f"The {split} images have MD5 {md5}, expected {IMAGE_MD5[split]}.")
        labels, _ = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    np.savez_compressed(TARGET, **arrays)
    print(f"Wrote {TARGET} ({TARGET.stat().st_size / 1e6:.1f} MB).")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
