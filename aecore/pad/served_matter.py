"""How much each unit of a layer matters, of a network that the browser does not run: the error of
one example without that unit, for one unit after another (as assets/flow_matter.js finds it)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from aecore.models.base import LatentModel
from aecore.models.blocks import leaves
from aecore.models.layers.tracing import multiply_adds
from aecore.pad.described import Described
from aecore.pad.served import Answer, Chosen, Ran, code_of, error_of, run, silent_value

#: Multiply-adds for all units of a layer together: about two seconds of one core.
MOST_MACS = 50_000_000_000
_AT_ONCE_MACS = 2_000_000_000  # in one batch,
_AT_ONCE_VALUES = 4_000_000  # with no more values of the layer, each 4 bytes


@torch.inference_mode()
def matter(
    model: LatentModel,
    layers: Sequence[Described],
    x: Tensor,
    chosen: Chosen,
    mean: Sequence[float],
    stage: int,
    most_macs: int = MOST_MACS,
) -> Answer:
    """How the squared error per value changes without each unit of a stage.

    Nothing else is silenced, whatever is in `chosen`; the code is found the way that it says. A
    latent number is silenced at its mean, mean (k,). Units that give 0 change nothing and are not
    run. Of a layer that would cost more than most_macs, the most active are tried.

    The first: `stage`, `units` (how many there are), `tried` (how many of them), `plain` (the error
    with all). The second: tried int32 and changes float32, (tried,), in the order of the units.
    """
    bare = Chosen(chosen.by, chosen.z, chosen.eps)
    ran = run(model, layers, x, bare)
    plain, code = error_of(ran.x_hat, x), code_of(layers)
    if stage == code:
        quiet = torch.tensor([silent_value(layers, mean, d) for d in range(ran.z.shape[1])])
        activity = (ran.z[0] - quiet).abs()
    else:
        quiet = None
        activity = ran.values[stage].reshape(layers[stage].units, -1).nan_to_num().abs().amax(1)
        if chosen.by == "hand" and layers[stage].stage.part == "encoder":
            activity = activity * 0  # a hand's code is what it is, whatever the encoder says
    units = len(activity)
    order = activity.argsort(descending=True)[: int((activity > 0).sum())]
    macs = max(1, sum(multiply_adds(model) or (0, 0)))
    run_ones = order[: max(1, most_macs // macs)]
    changes = torch.zeros(units)
    at_once = min(_AT_ONCE_MACS // macs, _AT_ONCE_VALUES * units // ran.values[stage].numel())
    for part in run_ones.split(max(1, min(at_once, 256))):
        x_hat = _without(model, layers, bare, ran, stage, part, quiet)
        changes[part] = (x_hat.flatten(1) - x.flatten(1)).square().mean(1) - plain
    left_out = torch.zeros(units, dtype=torch.bool)
    left_out[order[len(run_ones) :]] = True
    tried = (~left_out).nonzero().flatten()
    meta = {"stage": stage, "units": units, "tried": len(tried), "plain": plain}
    return meta, {"tried": tried.numpy().astype(np.int32), "changes": changes[tried].numpy()}


def _without(
    model: LatentModel,
    layers: Sequence[Described],
    chosen: Chosen,
    ran: Ran,
    stage: int,
    part: Tensor,
    quiet: Tensor | None,
) -> Tensor:
    """What comes out without each unit of a part, (n, *shape). quiet: of a code, what each number
    is held at."""
    one, n = layers[stage], len(part)
    rows = torch.arange(n)
    if quiet is not None:
        z = ran.z.repeat(n, 1)
        z[rows, part] = quiet[part]
        return _after(model.decoder_network(), -1, z)
    values = ran.values[stage]
    each = values.repeat(n, *[1] * (values.dim() - 1)).reshape(n, one.units, -1)
    each[rows, part] = 0
    values = each.reshape(n, *values.shape[1:])
    if one.stage.part == "decoder":
        return _after(model.decoder_network(), one.stage.leaf, values)
    given = _after(model.encoder_network(), one.stage.leaf, values).flatten(1)
    k = model.spec.latent_dim
    z = given[:, :k]
    if chosen.by == "sample" and model.variational:
        z = z + (given[:, k : 2 * k] / 2).exp() * torch.tensor(chosen.eps)
    return _after(model.decoder_network(), -1, z)


def _after(network: nn.Module, leaf: int, x: Tensor) -> Tensor:
    """The layers behind a leaf, -1 for all of them."""
    for layer in list(leaves(network))[leaf + 1 :]:
        x = layer(x)
    return x
