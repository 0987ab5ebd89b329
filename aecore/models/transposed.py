"""A transposed convolution that is quicker where it draws the image: few channels, stride 2."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 4  # output channels; with more, PyTorch's own way is as quick or quicker


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d with the same weights, results and gradients up to rounding.

    On the processor, PyTorch's forward pass takes as long for one output channel as for sixteen.
    With kernel 3, stride 2 and padding 1, each output pixel is one of four kinds (even or odd row
    and column), and each kind is an ordinary convolution with a kernel of 2 x 2: all four are
    computed as channels of one convolution and put in their places. That takes two fifths of the
    time. The gradients are PyTorch's own, which have no such flaw.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size is None and self._suits(x):
            return _ByPhases.apply(x, self.weight, self.bias, self.output_padding)
        return super().forward(x, output_size)

    def _suits(self, x: Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and x.dim() == 4
            and (self.kernel_size, self.stride, self.padding) == ((3, 3), (2, 2), (1, 1))
            and (self.dilation, self.groups) == ((1, 1), 1)
            and self.out_channels <= FEW
            and self.bias is not None
            and not torch.compiler.is_compiling()  # an export is to show the layer as it is
        )


class _ByPhases(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, extra: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.extra = extra
        n_in, n_out = weight.shape[:2]
        taps = F.pad(weight.flatten(), (0, 1))[_places(n_in, n_out)]
        phases = F.conv2d(x, taps, bias.repeat_interleave(4), padding=1)[:, :, 1:, 1:]
        height, width = (2 * n - 1 + more for n, more in zip(x.shape[2:], extra, strict=True))
        return F.pixel_shuffle(phases, 2)[:, :, :height, :width]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        found = torch.ops.aten.convolution_backward(
            gradient,
            x,
            weight,
            [weight.shape[1]],
            [2, 2],
            [1, 1],
            [1, 1],
            True,
            list(ctx.extra),
            1,
            list(ctx.needs_input_grad[:3]),
        )
        return *found, None


@cache
def _places(n_in: int, n_out: int) -> Tensor:
    """Where in the flat weights (n_in, n_out, 3, 3) each of the phases' weights (4 n_out, n_in, 2,
    2) lies; one place behind their end where there is none.

    An even output row has the kernel's middle row at input row i; an odd one its last row at i and
    its first at i + 1. So it is with columns.
    """
    none = n_in * n_out * 9
    weights = torch.arange(none).reshape(n_in, n_out, 3, 3).transpose(0, 1)
    places = torch.full((n_out, 2, 2, n_in, 2, 2), none)
    met = {0: [(0, 1)], 1: [(0, 2), (1, 0)]}  # odd: (input row from i, kernel row)
    for down in (0, 1):
        for right in (0, 1):
            for i, u in met[down]:
                for j, v in met[right]:
                    places[:, down, right, :, i, j] = weights[:, :, u, v]
    return places.reshape(4 * n_out, n_in, 2, 2)
