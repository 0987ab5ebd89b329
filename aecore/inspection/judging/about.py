"""What a report says of the model and the data that were looked at."""

from __future__ import annotations

from typing import Any

from aecore.datasets import Dataset
from aecore.datasets.own.store import FAMILY
from aecore.datasets.titles import OWN_DATA, title_of
from aecore.models import LatentModel


def about_of(model: LatentModel, data: Dataset, seed: int) -> dict[str, Any]:
    """Plain values, among them no name that opens data of somebody's own."""
    return {
        "family": model.spec.family,
        "title": type(model).title,
        "variational": model.variational,
        "shape": list(data.spec.shape),
        "latent_dim": model.spec.latent_dim,
        "dataset": OWN_DATA if data.name.startswith(FAMILY.prefix) else data.name,
        "data_title": title_of(data.name),
        "fingerprint": data.fingerprint,
        "training_examples": len(data.train),
        "held_out_examples": len(data.test),
        "kind": data.spec.kind,
        "encoder_made_here": not model.encodes,
        "seed": seed,
    }
