"""A reading held to the graph of its file: both are given the same, and have to answer the same.

The graph is run as it stands, by code that knows nothing of the reading, see files/running.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aecore.datasets import Dataset
from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.choice import Choice, Layer
from aecore.inspection.understanding.computed import Plan, plan_of
from aecore.inspection.understanding.trials import raise_if_short_of_memory
from aecore.models import LatentModel
from aecore.models.layers import parse_layers

#: Largest difference at which a reading and its file's graph are the same: of values around 1.
SAME = 1e-4
_RANDOM, _EXAMPLES = 6, 6  # inputs of each kind
_SMALL = 1e-12


@dataclass(frozen=True)
class Difference:
    """By how much reading and graph differ, relative to the largest value where that is above 1.

    where: the first operation whose value differs, empty where they are the same.
    """

    largest: float
    where: str = ""

    @property
    def same(self) -> bool:
        return self.largest <= SAME


def difference(model: LatentModel, contents: Contents, data: Dataset) -> float | None:
    """The largest difference of a reading and its file's graph, on random inputs and examples.

    With its noise silent, and with the same noise everywhere, so that what the second head is
    counts as well. None where the file holds no graph, or it cannot be run.
    """
    found = compared(model, contents, data)
    return None if found is None else found.largest


def compared(model: LatentModel, contents: Contents, data: Dataset) -> Difference | None:
    """The same with where they first differ."""
    if contents.check is None:
        return None
    try:
        plan = plan_of(contents, data.spec.shape)
        return _compared(model, contents, data, plan)
    except InspectionError:
        return None
    except (RuntimeError, ValueError) as error:  # of another size than the reading
        raise_if_short_of_memory(error)
        return Difference(float("inf"))


@torch.inference_mode()
def _compared(model: LatentModel, contents: Contents, data: Dataset, plan: Plan) -> Difference:
    check, net = contents.check, plan.net
    assert check is not None
    before, after = _around(model, plan)
    generator = torch.Generator().manual_seed(0)
    if plan.draft.alone:
        z = torch.randn(_RANDOM + _EXAMPLES, model.spec.latent_dim, generator=generator)
        return _of_decoder(model, contents, plan, z, after)
    x = torch.cat(
        [
            torch.rand(_RANDOM, *data.spec.shape, generator=generator),
            torch.randn(_RANDOM, *data.spec.shape, generator=generator),
            data.test.batch(slice(0, _EXAMPLES)).float(),
        ]
    )
    given = before(x)
    if net.channels_last:
        given = given.movedim(1, -1)
    labels, told = _labels(plan, contents, len(x))
    posterior = model.encode(x, labels) if labels is not None else model.encode(x)
    deviation = None if posterior.logvar is None else (0.5 * posterior.logvar).exp()
    sampled = net.sampling is not None and deviation is not None and not net.noisy
    largest, still = 0.0, net.sampling.frozen if net.sampling else ()
    for noise in (0.0, 1.0) if sampled else (0.0,):
        if net.noise_given:
            told = torch.full((len(x), model.spec.latent_dim), noise)
        wanted = (net.end, net.sampling.std) if sampled and net.sampling else (net.end,)
        theirs = check.compute(given, told, noise=noise, still=still, also=wanted)
        z = posterior.mu
        if noise and deviation is not None and net.sampling is not None:
            # A head that is the deviation itself may be below zero, which noise does not mind.
            signs = theirs[net.sampling.std].flatten(1).sign()
            z = z + noise * deviation * signs
        ours = model.decode(z, labels) if labels is not None else model.decode(z)
        largest = max(largest, _apart(ours, _after(after, theirs[plan.net.end]), ours))
    if largest <= SAME:
        return Difference(largest)
    return Difference(largest, _first(contents, plan, given, told))


def _of_decoder(
    model: LatentModel, contents: Contents, plan: Plan, z: Tensor, after: nn.Sequential
) -> Difference:
    """The same of a decoder alone, on codes."""
    check = contents.check
    assert check is not None
    labels, told = _labels(plan, contents, len(z))
    ours = model.decode(z, labels) if labels is not None else model.decode(z)
    theirs = check.compute(z, told, also=(plan.net.end,))[plan.net.end]
    largest = _apart(ours, _after(after, theirs), ours)
    return Difference(largest, "" if largest <= SAME else _first(contents, plan, z, told))


def _after(lines: nn.Sequential, end: Tensor) -> Tensor:
    """What the graph gives as an example of the data."""
    flat = len(lines) > 0 and isinstance(lines[0], nn.Unflatten)
    return lines(end.flatten(1) if flat else end)


def _around(model: LatentModel, plan: Plan) -> tuple[nn.Sequential, nn.Sequential]:
    """The lines of a reading that stand before the file's own network, and behind it."""
    options = model.options
    own = [_lines(half) for half in (plan.draft.encoder, plan.draft.decoder)]
    encoder = [] if plan.draft.alone else list(options.encoder)
    # A second head that the file leaves open was written behind its lines.
    while encoder and own[0] and len(own[0]) < len(encoder) and encoder[-1] != own[0][-1]:
        encoder.pop()
    before = encoder[: len(encoder) - len(own[0])]
    after = list(options.decoder)[len(own[1]) :]
    return parse_layers(before).eval(), parse_layers(_behind(after, plan)).eval()


def _behind(after: Sequence[str], plan: Plan) -> list[str]:
    """What follows the file's own last curve, which the reader wrote among its own lines."""
    curve = {"sigmoid": "Sigmoid", "tanh": "Tanh"}.get(plan.ends_in)
    if curve is None:
        return list(after)
    if not after or not after[0].startswith(curve):
        raise InspectionError("The reading ends in another curve than its file.")
    return list(after[1:])


def _lines(places: Sequence[Layer]) -> list[str]:
    return [line for place in places if (line := place.lines(Choice()))]


def _labels(plan: Plan, contents: Contents, count: int) -> tuple[Tensor | None, Tensor | None]:
    """Labels for the reading, and what the graph takes for them."""
    classes = plan.draft.told
    check = contents.check
    if not classes or check is None:
        return None, None
    labels = torch.arange(count) % classes
    entry = check.entries[0 if check.label_first else 1]
    return labels, labels if entry.whole else torch.eye(classes)[labels]


def _apart(ours: Tensor, theirs: Tensor, like: Tensor) -> float:
    if ours.shape != theirs.shape:
        theirs = theirs.reshape(ours.shape)
    scale = max(1.0, float(like.abs().max()))
    found = float((ours - theirs).abs().max()) / scale
    return found if found == found else float("inf")


def _first(contents: Contents, plan: Plan, given: Tensor, told: Tensor | None) -> str:
    """The first operation whose value is another than in the reading's own layers."""
    check, net = contents.check, plan.net
    assert check is not None
    names = [s.value for _, s in plan.steps if s.value and not s.value.startswith("Pair")]
    still = net.sampling.frozen if net.sampling else ()
    try:
        theirs = check.compute(given, told, still=still, also=names)
    except InspectionError:
        return ""
    x: Tensor | None = given.movedim(-1, 1) if net.channels_last else given
    begun = "encoder"
    for half, step in plan.steps:
        if half != begun:
            x, begun = theirs.get(net.sampling.mu if net.sampling else "", x), half
        layer = step.layer.module(Choice()) if step.layer.line or step.layer.inner else None
        known = theirs.get(step.value) if step.value else None
        try:
            if x is not None and layer is not None:
                x = layer(x)
        except (RuntimeError, ValueError) as error:
            raise_if_short_of_memory(error)
            return step.where
        if known is None or x is None:
            continue
        if known.numel() == x.numel() and _apart(x, known, known) > SAME:
            return step.where
        x = known
    return ""
