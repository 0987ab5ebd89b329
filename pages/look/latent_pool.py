"""The examples that the Latent space page draws: their codes, PCA's scores, their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import labels_for
from aecore.evaluation.latent import encode_split
from pages.shell import session
from pages.shell.session import Hand


@dataclass(frozen=True)
class Pool:
    """Codes and PCA scores (n, k) of held-out examples, then of training examples if asked, and
    their class numbers (n,), None without classes."""

    codes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray | None


def pool_of(held: Hand, size: int) -> Pool:
    """The examples of which `size` are drawn: above the held-out ones the training ones join."""
    return shared_pool(held.key, size > len(held.data.test))


@st.cache_resource(max_entries=8, show_spinner=False)
def shared_pool(key: tuple[str, int], everything: bool) -> Pool:
    """The pool of a model by its key; everything: the training examples too."""
    held = session.hand_of(key[0])
    codes, k = session.codes(held).mu, held.card.spec.latent_dim
    splits = [held.data.test]
    if everything:
        splits.append(held.data.train)
        codes = np.concatenate([codes, encode_split(held.model, held.data.train).mu])
    scores = np.concatenate(
        [held.basis.encode(s.batch(slice(None)).flatten(1).numpy(), k) for s in splits]
    )
    # Data with fewer values than the code has numbers have fewer components too.
    scores = np.pad(scores, ((0, 0), (0, k - scores.shape[1])))
    told = [split.labels.numpy() for split in splits if split.labels is not None]
    labels = np.concatenate(told) if told else None
    return Pool(codes.astype(np.float32), scores.astype(np.float32), labels)


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
