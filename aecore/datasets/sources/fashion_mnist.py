"""Fashion-MNIST: clothes and shoes in the format of MNIST (Xiao, Rasul and Vollgraf 2017)."""

from __future__ import annotations

from pathlib import Path

from aecore.datasets.published import Arrays, published, remotes, unpacked

FILES = remotes(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
    ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
    ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
    ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
)


def read(paths: list[Path]) -> tuple[Arrays, Arrays]:
    from torchvision.datasets import FashionMNIST

    with unpacked(paths, FashionMNIST) as root:
        train, test = (FashionMNIST(root, train=is_train) for is_train in (True, False))
    return (train.data, train.targets), (test.data, test.targets)


SOURCE = published(
    "fashion-mnist",
    "Fashion-MNIST",
    about="Clothes and shoes, 28 × 28 grey pixels: 60,000 to train on, 10,000 held out.",
    shape=(1, 28, 28),
    class_names=(
        "T-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    licence="MIT, Zalando",
    files=FILES,
    read=read,
)
