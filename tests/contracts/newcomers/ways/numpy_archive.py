"""A way out that the project does not have: the weights as one NumPy archive."""

from __future__ import annotations

import io

import numpy as np
import torch

from aecore.export.registry import Way
from aecore.export.subject import Outputs, Subject, TakenOut, compare, file_stem, verdict
from aecore.models.registry import build


def export_archive(subject: Subject) -> TakenOut:
    """Every tensor of the model by its name, as .npz; built again from it and compared."""
    buffer = io.BytesIO()
    weights = {name: tensor.numpy() for name, tensor in subject.model.state_dict().items()}
    np.savez(buffer, **weights)
    content = buffer.getvalue()
    again = build(subject.card.spec)
    with np.load(io.BytesIO(content)) as archive:
        again.load_state_dict({name: torch.from_numpy(archive[name]) for name in archive.files})
    found: Outputs = Subject(again, subject.card, subject.data).outputs
    difference = compare(found, subject.outputs, "The archive")
    return TakenOut(
        file_stem(subject.card),
        {"weights.npz": content},
        verdict(subject, difference),
        difference,
    )


WAY = Way(
    name="newcomer_numpy",
    title="NumPy archive",
    icon=":material/grid_on:",
    about="Every tensor of the model by its name, as one .npz file.",
    wanted_by="For reading the weights where there is no PyTorch.",
    make=export_archive,
    seconds=2,
    place=45,
    several=False,
)
