"""Contract: what the network at work shows of each layer is what torch computes there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aecore.models import registry
from aecore.models.blocks import leaves
from aecore.models.layers.tracing import trace
from aecore.pad import export_network, export_pair
from aecore.pad.browser_code import flow_script
from aecore.pad.described import Described, described_half
from aecore.types import DataSpec, ModelSpec
from tests.browser.test_pad_engine import IMPORT, STACKS, base64_of, scramble

#: Runs one x and one z: every stage's activations, then with units silenced, and the slopes of one
#: sum of each stage by what enters its half.
RUN = """({meta, weights, x, z, silenced}) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const floats = (text) => new Float32Array(bytes(text).buffer);
    const flow = pad.createFlow(meta, floats(weights));
    const all = () => {
        pad.encodeBy(flow, floats(x));
        pad.decodeBy(flow, floats(z));
        return flow.stages.map((_, i) => [...pad.activationsOf(flow, i)]);
    };
    const whole = all();
    const slopes = flow.stages.map((stage, i) => {
        if (stage.sum === null) return null;
        const sums = pad.halfOf(flow, i).steps[stage.sum].y, value = sums.length >> 1;
        const found = pad.lookedFor(flow, i, stage.sum, value);
        return found && {value, exact: found.exact, slopes: [...found.slopes]};
    });
    for (const [stage, unit] of silenced) pad.silence(flow, stage, unit, true);
    return {whole, silenced: all(), slopes};
}"""
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    page.evaluate(IMPORT, flow_script())
    yield page
    page.close()


def outputs(network: nn.Module, x: torch.Tensor, quiet: dict[int, tuple[int, int]]):
    """What each leaf gives for x (1, ...); quiet: leaf -> its units, and which of them is 0."""
    found: list[torch.Tensor] = []
    hooks = []
    for i, layer in enumerate(leaves(network)):

        def keep(module, given, out, i=i):
            if i in quiet:
                units, silenced = quiet[i]
                by_unit = out.reshape(1, units, -1).clone()
                by_unit[:, silenced] = 0
                out = by_unit.view(out.shape)
            found.append(out)
            return out

        hooks.append(layer.register_forward_hook(keep))
    network(x)
    for hook in hooks:
        hook.remove()
    return found


def near(found, expected: torch.Tensor, what: str, beside: torch.Tensor | None = None) -> None:
    """Within 1e-5 of the largest value, of the layer itself or of `beside`."""
    expected = expected.detach().flatten()
    largest = max(float((expected if beside is None else beside).abs().max()), 1e-6)
    difference = float((torch.tensor(found) - expected).abs().max())
    assert difference <= TOLERANCE * largest, f"{what}: {difference} beside {largest}"


def check(page, network, halves: dict[str, nn.Module]) -> int:
    """Compare everything; returns for how many sums there was a way back."""
    generator = torch.Generator().manual_seed(1)
    shape, k = network.meta["shape"], network.meta["latent_dim"]
    given = {
        "encoder": torch.rand(1, *shape, generator=generator),
        "decoder": torch.randn(1, k, generator=generator),
    }
    stages = [
        stage
        for part, size in (("encoder", tuple(shape)), ("decoder", (k,)))
        for stage in described_half(part, halves[part], trace(halves[part], size, part))
    ]
    code = max(i for i, stage in enumerate(stages) if stage.stage.part == "encoder")
    # One unit of each layer but the code and the output.
    quiet = [
        (i, stage.units // 2) for i, stage in enumerate(stages) if i not in (code, len(stages) - 1)
    ]
    found = page.evaluate(
        RUN,
        {
            "meta": network.meta,
            "weights": base64_of(network.weights),
            "x": base64_of(given["encoder"].numpy()),
            "z": base64_of(given["decoder"].numpy()),
            "silenced": quiet,
        },
    )
    assert len(found["whole"]) == len(stages)
    ways_back = 0
    for part, module in halves.items():
        module.eval()
        x = given[part].requires_grad_()
        whole = outputs(module, x, {})
        zeroed = {
            stages[i].stage.leaf: (stages[i].units, unit)
            for i, unit in quiet
            if stages[i].stage.part == part
        }
        silenced = outputs(module, x, zeroed)
        for i, stage in enumerate(stages):
            if stage.stage.part != part:
                continue
            near(found["whole"][i], whole[stage.stage.leaf], f"{part} {i}")
            near(
                found["silenced"][i],
                silenced[stage.stage.leaf],
                f"{part} {i}, silenced",
                whole[stage.stage.leaf],
            )
            back = found["slopes"][i]
            if back is not None:
                ways_back += 1
                sums = whole[sum_leaf(module, stage)].flatten()
                (slopes,) = torch.autograd.grad(sums[back["value"]], x, retain_graph=True)
                near(back["slopes"], slopes, f"{part} {i}, backwards")
                smooth = any(
                    isinstance(m, SMOOTH) for m in list(leaves(module))[: sum_leaf(module, stage)]
                )
                assert back["exact"] != smooth
    return ways_back


LINKS = """({meta, weights, x, z}) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const floats = (text) => new Float32Array(bytes(text).buffer);
    const flow = pad.createFlow(meta, floats(weights));
    pad.encodeBy(flow, floats(x));
    pad.decodeBy(flow, floats(z));
    return flow.stages.map((_, i) => pad.strongestInto(flow, i, 30));
}"""


def brought(layer: nn.Module, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """What each value or channel that enters a layer brings to each unit of it: (out, in)."""
    if isinstance(layer, nn.Linear):
        by = layer.weight * x
    else:  # one channel after another through the layer, less its bias
        zero = layer(torch.zeros_like(x)).sum((0, 2, 3))
        only = torch.eye(x.shape[1])[:, None, :, None, None]
        by = torch.stack([layer(x * one).sum((0, 2, 3)) - zero for one in only], 1)
    silent = given.reshape(len(by), -1).abs().sum(1) == 0
    return by * ~silent[:, None]


@torch.inference_mode()
@pytest.mark.parametrize("groups", [1, 2])
def test_links_are_the_largest_products(page, groups):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        encoder = nn.Sequential(
            nn.Conv2d(2, 6, (3, 4), stride=(2, 1), padding=(0, 2), dilation=(2, 1), groups=groups),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(6 * 4 * 11, 5),
        )
        decoder = nn.Sequential(
            nn.Linear(5, 90),
            nn.ReLU(),
            nn.Linear(90, 4 * 12),
            nn.Unflatten(1, (4, 4, 3)),
            nn.ConvTranspose2d(4, 6, (5, 3), stride=(3, 2), padding=(1, 0), groups=groups),
            nn.ReLU(),
            nn.Conv2d(6, 2, (1, 2), padding=(0, 2)),
        )
        x, z = torch.randn(1, 2, 12, 10), torch.randn(1, 5)
    network = export_pair(encoder, decoder, shape=(2, 12, 10), latent_dim=5)
    given = {"x": base64_of(x.numpy()), "z": base64_of(z.numpy())}
    weights = base64_of(network.weights)
    found = page.evaluate(LINKS, {"meta": network.meta, "weights": weights, **given})
    at = 0
    for half, value in ((encoder, x), (decoder, z)):
        values = [value]
        for layer in half:
            values.append(layer(values[-1]))
        for i, layer in enumerate(half):
            if not isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                continue
            curved = i + 1 < len(half) and isinstance(half[i + 1], nn.ReLU)
            expected = brought(layer, values[i], values[i + 2 if curved else i + 1])
            links = found[at]["links"]
            strongest = expected.abs().flatten().sort(descending=True).values
            count = min(30, int((strongest > 0).sum()))
            assert len(links) == count
            near([abs(link["by"]) for link in links], strongest[:count], f"links into {at}")
            at += 1
    assert at == len(found)


SMOOTH = (nn.Sigmoid, nn.Tanh, nn.ELU, nn.GELU, nn.SiLU)
BATCH = (nn.BatchNorm1d, nn.BatchNorm2d)


def sum_leaf(network: nn.Module, stage: Described) -> int:
    """The leaf that gives a stage's sums: its last with a matrix, or what is folded into it."""
    layers = list(leaves(network))[: stage.stage.leaf + 1]
    at = max(i for i, m in enumerate(layers) if getattr(m, "weight", torch.zeros(1)).dim() > 1)
    folded = at + 1 < len(layers) and isinstance(layers[at + 1], BATCH)
    return at + 1 if folded else at


@pytest.mark.parametrize("family", registry.all_families())
@pytest.mark.parametrize("kind", ["image", "colour", "table", "signal"])
def test_every_layer_of_every_family_agrees_with_torch(page, family, kind):
    data = {
        "image": DataSpec((1, 28, 28), classes=10),
        "colour": DataSpec((3, 8, 12), classes=10),
        "table": DataSpec((13,), "table", classes=3),
        "signal": DataSpec((48,), "signal", classes=3),
    }[kind]
    if not registry.family(family).fits(data):
        pytest.skip("the family cannot be given such data")
    model = registry.build(ModelSpec(family, data, 6), seed=4)
    halves = {"encoder": model.encoder_network(), "decoder": model.decoder_network()}
    assert check(page, export_network(model), halves)


@pytest.mark.parametrize("name", STACKS)
def test_every_kind_of_layer_agrees_with_torch(page, name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = (nn.Sequential(part).eval() for part in STACKS[name]())
        encoder(torch.zeros(1, 240))  # a lazy layer takes its shape
        scramble(encoder, torch.Generator().manual_seed(2))
        scramble(decoder, torch.Generator().manual_seed(3))
    network = export_pair(encoder, decoder, shape=(240,), latent_dim=5)
    check(page, network, {"encoder": encoder, "decoder": decoder})
