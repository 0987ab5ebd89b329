"""What many tests share: the data sets as they ship, and small ones to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.machine import prepare_for_training
from aecore.models import registry
from aecore.models.families.pca import PCABasis, basis_of
from aecore.types import ModelSpec


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Two threads that wait for each other are slow when something else wants a core."""
    prepare_for_training()
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory):
    """Nothing comes from, or stays in, the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    return datasets.load("mnist")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """8 x 8 digits: a whole epoch takes a fraction of a second."""
    return datasets.load("digits")


@pytest.fixture(scope="session")
def mnist_basis(mnist) -> PCABasis:
    """All components of MNIST's 60,000 training images, fitted once."""
    return basis_of(mnist)


@pytest.fixture(scope="session")
def tiny_ae(digits) -> ModelSpec:
    return ModelSpec("dense-ae", digits.spec, 3, {"hidden": (16,)})


@pytest.fixture(scope="session")
def tiny_vae(digits) -> ModelSpec:
    return ModelSpec("dense-vae", digits.spec, 2, {"hidden": (16,)})


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def newcomer_family() -> Iterator[str]:
    """The name of a family that one file among the tests adds, here and in worker processes."""
    folder = Path(__file__).parent / "contracts/newcomers/families"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(registry.FOLDERS_VARIABLE, str(folder))
        registry.look_again()
        yield "newcomer-dropout"
    registry.look_again()
