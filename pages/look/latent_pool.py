"""The examples that the Latent space page draws: their codes, PCA's scores, their classes."""

from __future__ import annotations

import numpy as np
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import labels_for
from aecore.jobs import views
from aecore.jobs.views import Pool
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.session import Hand


def pool_of(held: Hand, size: int) -> Pool:
    """The examples of which `size` are drawn: above the held-out ones the training ones join."""
    return shared_pool(held, size > len(held.data.test))


@kept()
def shared_pool(held: Hand, everything: bool) -> Pool:
    """The pool of a model; everything: the training examples too."""
    return in_time(views.pool, held.in_hand, everything)


def split_and_row(held: Hand, index: int) -> tuple[Split, torch.Tensor]:
    """Where an example of the pool is: its split, and its position there as (1,)."""
    n = len(held.data.test)
    split, at = (held.data.test, index) if index < n else (held.data.train, index - n)
    return split, torch.tensor([at])


def example_of(held: Hand, index: int) -> torch.Tensor:
    """An example of the pool, (1, *shape)."""
    split, at = split_and_row(held, index)
    return split.batch(at)


@torch.inference_mode()
def reconstruction_of(held: Hand, index: int) -> np.ndarray:
    """What the model makes of an example of the pool, (*shape)."""
    split, at = split_and_row(held, index)
    return held.model.reconstruct(split.batch(at), labels_for(held.model, split, at)).numpy()[0]


def class_of(held: Hand, pool: Pool, index: int) -> str:
    """What the class of an example is called; "" where it has none."""
    label, names = -1 if pool.labels is None else int(pool.labels[index]), held.data.class_names
    return names[label] if 0 <= label < len(names) else ""
