"""A model's layers as a drawing: one bar per layer, its height by the layer's width."""

from __future__ import annotations

import math
from html import escape

from torch import nn

from aecore.models import LatentModel

HEIGHT, BAR, GAP, PAD = 150, 26, 46, 34


def widths(model: LatentModel) -> list[int]:
    """Numbers between the layers, from the data through the code and back."""
    data, k = model.spec.data.size, model.spec.latent_dim
    inner = _linear_widths(model.encoder_network())[:-1]
    outer = _linear_widths(model.decoder_network())[:-1]
    return [data, *inner, k, *outer, data]


def _linear_widths(network: nn.Module) -> list[int]:
    return [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)]


def compression_factor(model: LatentModel) -> float:
    """Numbers of the data per number of the code."""
    return model.spec.data.size / model.spec.latent_dim


def network_svg(model: LatentModel) -> str:
    """The drawing as SVG; it takes the text colour of the page around it."""
    sizes = widths(model)
    code = len(_linear_widths(model.encoder_network()))
    width = PAD * 2 + len(sizes) * BAR + (len(sizes) - 1) * GAP
    top = math.log2(max(sizes) + 1)
    parts, previous = [], None
    for i, n in enumerate(sizes):
        tall = max(6.0, HEIGHT * math.log2(n + 1) / top)
        x, y = PAD + i * (BAR + GAP), 26 + (HEIGHT - tall) / 2
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
        label = "image" if i in (0, len(sizes) - 1) else "code" if i == code else ""
        if model.spec.data.kind != "image" and label == "image":
            label = "data"
        parts.append(
            f'<text x="{x + BAR / 2}" y="{26 + HEIGHT + 18}" text-anchor="middle" font-size="12" '
            f'fill="currentColor" opacity=".75">{escape(label)}</text>'
        )
        previous = (x + BAR, y, tall)
    names = "-".join(str(n) for n in sizes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 52}" '
        f'style="width:100%;max-height:{HEIGHT + 52}px;display:block" role="img" '
        f'aria-label="Network with layers of {names} numbers">{"".join(parts)}</svg>'
    )
