"""The quick transposed convolution against PyTorch's."""

import pytest
import torch
from torch import nn

from aecore.models.transposed import ConvTranspose2d


@pytest.mark.parametrize("size", [(7, 7), (4, 9), (1, 2)])
@pytest.mark.parametrize("extra", [0, 1, (0, 1)])
@pytest.mark.parametrize("channels", [(16, 1), (5, 3), (4, 8)])
def test_equals_pytorchs(size, extra, channels):
    torch.manual_seed(0)
    quick = ConvTranspose2d(*channels, 3, stride=2, padding=1, output_padding=extra)
    plain = nn.ConvTranspose2d(*channels, 3, stride=2, padding=1, output_padding=extra)
    plain.load_state_dict(quick.state_dict())
    x = torch.randn(6, channels[0], *size)
    found = {}
    for layer in (quick, plain):
        inputs = x.clone().requires_grad_()
        y = layer(inputs)
        gradient = torch.linspace(-1, 1, y.numel()).reshape(y.shape)
        y.backward(gradient)
        found[layer] = [y, inputs.grad, layer.weight.grad, layer.bias.grad]
    for ours, theirs in zip(found[quick], found[plain], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_takes_the_quick_way_only_where_it_holds():
    x = torch.randn(2, 4, 5, 5)
    suited = ConvTranspose2d(4, 1, 3, stride=2, padding=1)
    assert "ByPhases" in type(suited(x).grad_fn).__name__
    for other in (
        ConvTranspose2d(4, 1, 4, stride=2, padding=1),
        ConvTranspose2d(4, 1, 3, stride=1, padding=1),
        ConvTranspose2d(4, 2, 3, stride=2, padding=1, groups=2),
        ConvTranspose2d(4, 1, 3, stride=2, padding=1, bias=False),
        ConvTranspose2d(4, 16, 3, stride=2, padding=1),
    ):
        assert "ByPhases" not in type(other(x).grad_fn).__name__
    assert suited(x, output_size=[10, 10]).shape[-1] == 10
