"""Contract: the browser's engine and torch give the same numbers for every layer and family."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aecore.models import registry
from aecore.pad import export_network, export_pair
from aecore.pad.browser_code import pad_script
from aecore.types import DataSpec, ModelSpec

IMPORT = """async (source) => {
    const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
    window.pad = await import(url);
}"""
RUN = """({meta, weights, x, z}) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const floats = (text) => new Float32Array(bytes(text).buffer);
    const network = pad.createNetwork(meta, floats(weights));
    const rows = (flat, n) => Array.from({length: flat.length / n},
        (_, i) => flat.subarray(i * n, (i + 1) * n));
    const size = meta.shape.reduce((a, b) => a * b, 1);
    return {
        encoded: rows(floats(x), size).map((row) => {
            const {mu, logvar} = network.encode(row);
            return [...mu, ...(logvar ?? [])];
        }),
        decoded: rows(floats(z), meta.latent_dim).map((row) => [...network.decode(row)]),
    };
}"""
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    page.evaluate(IMPORT, pad_script())
    yield page
    page.close()


def base64_of(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.float32).tobytes()).decode()


FILTERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def scramble(module: nn.Module, generator: torch.Generator) -> None:
    """Give normalisation layers values that a trained model would have, so that errors show."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.5, generator=generator)
            layer.running_var.uniform_(0.3, 2, generator=generator)
        if getattr(layer, "weight", None) is not None and not isinstance(layer, FILTERS):
            nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0, 0.3, generator=generator)


@torch.no_grad()
def compare(page, network, encoder, decoder, variational=False):
    generator = torch.Generator().manual_seed(1)
    shape, k = network.meta["shape"], network.meta["latent_dim"]
    x = torch.rand(3, *shape, generator=generator)
    z = 2 * torch.randn(3, k, generator=generator)
    arguments = {"weights": network.weights, "x": x.numpy(), "z": z.numpy()}
    arguments = {name: base64_of(array) for name, array in arguments.items()}
    found = page.evaluate(RUN, {"meta": network.meta, **arguments})
    for name, module, given in (("encoded", encoder, x), ("decoded", decoder, z)):
        expected = module.eval()(given).flatten(1).numpy()
        difference = np.abs(np.array(found[name]) - expected).max()
        assert difference <= TOLERANCE, f"{name}: {difference}"


class Odd(nn.Sequential):
    """A Sequential of another name, as a family may define one."""


def strided() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        Odd(nn.Conv2d(8, 12, (3, 2), stride=(1, 2), padding=(2, 0), dilation=(2, 1), groups=4)),
        nn.BatchNorm2d(12),
        nn.SiLU(),
        nn.Flatten(),
    )


# encoder of (2, 12, 10) -> k numbers; decoder of k -> 240 numbers
STACKS = {
    "linear": lambda: (nn.Linear(240, 5), nn.Linear(5, 240)),
    "no bias, batch norm after linear": lambda: (
        nn.Sequential(nn.Linear(240, 30, bias=False), nn.BatchNorm1d(30), nn.Linear(30, 5)),
        nn.Sequential(nn.Linear(5, 33), nn.BatchNorm1d(33), nn.Tanh(), nn.Linear(33, 240)),
    ),
    "batch norm that cannot be folded": lambda: (
        nn.Sequential(
            nn.BatchNorm1d(240), nn.Linear(240, 7), nn.ReLU(), nn.BatchNorm1d(7), nn.Linear(7, 5)
        ),
        nn.Sequential(nn.BatchNorm1d(5), nn.ELU(0.7), nn.BatchNorm1d(5), nn.Linear(5, 240)),
    ),
    "layer norm": lambda: (
        nn.Sequential(nn.Linear(240, 30), nn.LayerNorm(30), nn.GELU(), nn.Linear(30, 5)),
        nn.Sequential(
            nn.Linear(5, 30),
            nn.LayerNorm(30, bias=False),
            nn.GELU("tanh"),
            nn.Dropout(),
            nn.Linear(30, 240),
            nn.LayerNorm(240, elementwise_affine=False),
            nn.Sigmoid(),
        ),
    ),
    "leaky relu, identity": lambda: (
        nn.Sequential(nn.Linear(240, 31), nn.LeakyReLU(0.2), nn.Identity(), nn.Linear(31, 5)),
        nn.Sequential(nn.Linear(5, 31), nn.ELU(), nn.Linear(31, 240), nn.SiLU()),
    ),
    "transposed convolution": lambda: (
        nn.Sequential(nn.Unflatten(1, (2, 12, 10)), strided(), nn.LazyLinear(5)),
        nn.Sequential(
            nn.Linear(5, 6 * 3 * 5),
            nn.Unflatten(1, (6, 3, -1)),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.ConvTranspose2d(
                6, 8, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False
            ),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(8, 2, (4, 3), stride=(2, 1), padding=1),
            nn.Sigmoid(),
        ),
    ),
    "dilated transposed convolution": lambda: (
        nn.Sequential(
            nn.Unflatten(1, (2, 12, 10)),
            nn.Conv2d(2, 3, 3, padding="same"),
            nn.AdaptiveAvgPool2d((3, 5)),
            nn.Flatten(),
            nn.Linear(45, 5),
        ),
        nn.Sequential(
            nn.Linear(5, 40),
            nn.Unflatten(1, (4, 2, 5)),
            nn.ConvTranspose2d(
                4, 2, (6, 3), stride=(2, 2), padding=(0, 1), output_padding=(0, 1), dilation=(1, 1)
            ),
            nn.Upsample((12, 10), mode="nearest"),
        ),
    ),
    "upsampling and pooling": lambda: (
        nn.Sequential(
            nn.Unflatten(1, (2, 12, 10)),
            nn.MaxPool2d(2, padding=1),
            nn.AvgPool2d(3, stride=1, padding=1),
            nn.Flatten(),
            nn.Linear(84, 5),
        ),
        nn.Sequential(
            nn.Linear(5, 30),
            nn.Unflatten(1, (2, 3, 5)),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(2, 2, 3, padding=1),
            nn.Upsample(scale_factor=2),
            nn.Upsample((12, 10), mode="bilinear", align_corners=True),
        ),
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_layers_agree_with_torch(page, name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = (nn.Sequential(part).eval() for part in STACKS[name]())
        encoder(torch.zeros(1, 240))  # a lazy layer takes its shape
        scramble(encoder, torch.Generator().manual_seed(2))
        scramble(decoder, torch.Generator().manual_seed(3))
    network = export_pair(encoder, decoder, shape=(240,), latent_dim=5)
    compare(page, network, encoder, decoder)


ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")


@pytest.mark.parametrize("family", registry.all_families())
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 12)])
def test_every_family_agrees_with_torch(page, family, shape):
    model = registry.build(ModelSpec(family, DataSpec(shape, classes=10), 6), seed=4)
    compare(page, export_network(model), model.encoder_network(), model.decoder_network())


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_dense_option_agrees_with_torch(page, activation, normalisation):
    options = {"hidden": (60, 40), "activation": activation, "normalisation": normalisation}
    model = registry.build(ModelSpec("dense-vae", DataSpec((1, 28, 28)), 3, options), seed=5)
    scramble(model, torch.Generator().manual_seed(6))
    compare(page, export_network(model), model.encoder_network(), model.decoder_network())


def test_nan_weights_are_refused_with_a_sentence(page):
    network = export_pair(nn.Linear(4, 2), nn.Linear(2, 4), shape=(4,), latent_dim=2)
    network.weights[3] = np.nan
    with pytest.raises(Exception, match="NaN or infinity: it cannot decode"):
        page.evaluate(
            RUN,
            {"meta": network.meta, "weights": base64_of(network.weights), "x": "", "z": ""},
        )


def test_a_gif_holds_every_pixel(page):
    """Noise fills the table of codes several times over, a plain frame hardly at all."""
    rng = np.random.default_rng(0)
    frames = [
        rng.integers(0, 256, (90, 120), np.uint8),
        np.zeros((90, 120), np.uint8),
        rng.integers(0, 3, (90, 120), np.uint8),
    ]
    gif = page.evaluate(
        """(frames) => {
            const palette = Array.from({length: 256}, (_, i) => [i, i, i]);
            const pixels = frames.map((frame) => Uint8Array.from(frame));
            return [...pad.encodeGif(pixels, 120, 90, palette, 7)];
        }""",
        [frame.ravel().tolist() for frame in frames],
    )
    with Image.open(io.BytesIO(bytes(gif))) as picture:
        assert (picture.n_frames, picture.info["duration"], picture.info["loop"]) == (3, 70, 0)
        for i, frame in enumerate(frames):
            picture.seek(i)
            np.testing.assert_array_equal(np.asarray(picture.convert("L")), frame)
