"""A model's layers as a drawing: one bar per layer, its height by the numbers that leave it."""

from __future__ import annotations

import math
import threading
from html import escape

import torch
from torch import nn

from aecore.models import LatentModel
from aecore.models.stages import stages_in

HEIGHT, BAR, GAP, PAD = 150, 26, 46, 34
Shape = tuple[int, ...]
REMEMBERED = 256  # specifications whose layers' shapes are kept
_drawn: dict[tuple[type, str], tuple[list[Shape], int]] = {}
_lock = threading.Lock()


def stages(model: LatentModel) -> tuple[list[Shape], int]:
    """The shapes of what goes between the layers, from the data through the code and back, and
    the code's place among them. Works on a model without memory for its weights."""
    if not next(model.parameters()).is_meta:
        return _stages(model)
    # Made from its specification alone, and drawn at each look of each person at a page.
    key = type(model), repr(model.spec)
    with _lock:
        found = _drawn.get(key)
    if found is None:
        found = _stages(model)
        with _lock:
            _drawn[key] = found
            while len(_drawn) > REMEMBERED:
                _drawn.pop(next(iter(_drawn)))
    return list(found[0]), found[1]


def _stages(model: LatentModel) -> tuple[list[Shape], int]:
    k, data = model.spec.latent_dim, model.spec.data.shape
    inner = _shapes(model.encoder_network(), data)[:-1]
    outer = _shapes(model.decoder_network(), (k,))[:-1]
    return [data, *inner, (k,), *outer, data], len(inner) + 1


@torch.no_grad()
def _shapes(network: nn.Module, shape: Shape) -> list[Shape]:
    device = next(network.parameters()).device
    x, found = torch.zeros(1, *shape, device=device), []
    training, _ = network.training, network.eval()
    for stage in stages_in("", network):
        x = stage(x)
        if stage.mixes:
            found.append(tuple(x.shape[1:]))
    network.train(training)
    return found


def short(model: LatentModel) -> str:
    """The layers in a word, as the lessons write them: 784-128-32-128-784, or with feature maps
    as maps@height x width."""
    return "-".join(_name(shape) for shape in stages(model)[0])


def _name(shape: Shape) -> str:
    if len(shape) == 3 and shape[0] > 3:
        return f"{shape[0]}@{shape[1]}x{shape[2]}"
    return f"{math.prod(shape):,}"


def compression_factor(model: LatentModel) -> float:
    """Numbers of the data per number of the code."""
    return model.spec.data.size / model.spec.latent_dim


def network_svg(model: LatentModel) -> str:
    """The drawing as SVG; it takes the text colour of the page around it."""
    shapes, code = stages(model)
    sizes = [math.prod(shape) for shape in shapes]
    gap = GAP if len(shapes) <= 9 else 30
    width = PAD * 2 + len(sizes) * BAR + (len(sizes) - 1) * gap
    top = math.log2(max(sizes) + 1)
    thing = "image" if model.spec.data.kind == "image" else "data"
    parts, previous = [], None
    for i, n in enumerate(sizes):
        tall = max(6.0, HEIGHT * math.log2(n + 1) / top)
        x, y = PAD + i * (BAR + gap), 26 + (HEIGHT - tall) / 2
        if previous is not None:
            px, py, ptall = previous
            parts.append(
                f'<polygon points="{px},{py:.1f} {x},{y:.1f} {x},{y + tall:.1f} '
                f'{px},{py + ptall:.1f}" fill="currentColor" opacity=".10"/>'
            )
        fill = "#d55e00" if i == code else "#0b72c4"
        parts.append(
            f'<rect x="{x}" y="{y:.1f}" width="{BAR}" height="{tall:.1f}" rx="4" fill="{fill}"/>'
            f'<text x="{x + BAR / 2}" y="{y - 7:.1f}" text-anchor="middle" font-size="13" '
            f'fill="currentColor">{n:,}</text>'
        )
        label = thing if i in (0, len(sizes) - 1) else "code" if i == code else ""
        if not label and len(shapes[i]) == 3:
            label = "{}×{}×{}".format(*shapes[i])
        parts.append(
            f'<text x="{x + BAR / 2}" y="{26 + HEIGHT + 18}" text-anchor="middle" '
            f'font-size="{12 if len(label) < 7 else 10}" '
            f'fill="currentColor" opacity=".75">{escape(label)}</text>'
        )
        previous = (x + BAR, y, tall)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 52}" '
        f'style="width:100%;max-height:{HEIGHT + 52}px;display:block" role="img" '
        f'aria-label="Network: {escape(short(model))}">{"".join(parts)}</svg>'
    )
