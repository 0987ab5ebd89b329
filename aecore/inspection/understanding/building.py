"""From a reading that was run to a model: its lines, and the file's weights in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.understanding.around import entry, exit_lines
from aecore.inspection.understanding.candidates import Candidate
from aecore.inspection.understanding.choice import SECONDS, Choice, Draft
from aecore.models import LatentModel, build
from aecore.models.families.decoder_alone import DecoderAlone
from aecore.types import ModelSpec


def model_of(candidate: Candidate, data: Dataset, ranges: dict) -> LatentModel:
    """The candidate as a model of this app, its weights those of the file."""
    found, choice = candidate.draft, candidate.choice
    shape = data.spec.shape
    decoder, weights = _half(found.decoder, choice, [], "decoder")
    last = exit_lines(found, choice, shape, ranges)
    plain = choice.output == "sigmoid" and choice.target == "[0, 1]"
    moves = all(line.startswith(("Sigmoid", "Unflatten")) for line in last)
    loss = "bce" if plain and moves and found.variational and data.spec.bounded else "mse"
    options: dict[str, Any] = {"decoder": (*decoder, *last), "loss": loss}
    if not found.alone:
        first = entry(found, choice, shape, ranges)
        encoder, more = _half(found.encoder, choice, first, "encoder")
        if found.variational and choice.second != SECONDS[0]:
            encoder.append(f"SecondHead({choice.second!r})")
        weights |= more
        options["encoder"] = tuple(encoder)
    model = build(ModelSpec(_family(found), data.spec, found.k, options), seed=None)
    state = model.state_dict()
    if found.alone:
        return _decoder_alone(model, weights)
    if set(weights) != set(state) or any(weights[k].shape != v.shape for k, v in state.items()):
        raise InspectionError("The file's tensors do not fit the network that was inferred.")
    model.load_state_dict(weights)
    return model.eval()


def _decoder_alone(model: LatentModel, weights: dict[str, Tensor]) -> LatentModel:
    """The model with the file's decoder, and an encoder that is made from what it draws."""
    own = {name for name in model.state_dict() if name.startswith("decoder.")}
    if set(weights) != own:
        raise InspectionError("The file's tensors do not fit the decoder that was inferred.")
    model.load_state_dict(weights, strict=False)
    assert isinstance(model, DecoderAlone)
    model.fit_encoder(torch.Generator().manual_seed(0))
    return model.eval()


def _family(found: Draft) -> str:
    if found.alone:
        return "decoder-alone"
    kind = "vae" if found.variational else "ae"
    return f"described-conditional-{kind}" if found.told else f"described-{kind}"


def _half(
    places: Sequence, choice: Choice, lines: list[str], half: str
) -> tuple[list[str], dict[str, Tensor]]:
    lines, weights = list(lines), {}
    for spot in places:
        layer = spot.module(choice)
        if layer is None:
            continue
        for role, value in layer.state_dict().items():
            weights[f"{half}.{len(lines)}.{role}"] = value
        lines.append(spot.lines(choice))
    return lines, weights
