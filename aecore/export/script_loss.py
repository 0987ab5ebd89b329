"""The loss in a model's script, in plain PyTorch, with what it calls.

What is more than a line of mathematics is not written twice: its text is taken from the very
function that trains here.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from aecore.datasets import corruption
from aecore.export.script_model import docstring
from aecore.export.script_training import Recipe
from aecore.models.families.dense import CODE_LOSS
from aecore.models.families.sparse import KL, L1, kl_to_target
from aecore.models.losses import total_correlation
from aecore.models.posterior import kl_to_prior

INITS = {
    "xavier": ("Glorot and Bengio 2010", "nn.init.xavier_uniform_(layer.weight)"),
    "kaiming": ("He et al. 2015", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    "orthogonal": ("Saxe et al. 2014", "nn.init.orthogonal_(layer.weight)"),
    "small_normal": ("normal, deviation 0.02", "nn.init.normal_(layer.weight, std=0.02)"),
    "zeros": ("a classic mistake", "nn.init.zeros_(layer.weight)"),
}


def loss_functions(recipe: Recipe) -> list[str]:
    found = []
    init = recipe.option("init", "default")
    if init in INITS:
        about, line = INITS[init]
        found.append(_INITIALISE.format(cls=recipe.words.cls, about=about, line=line))
    if recipe.option("independence", 0):
        found.append(_source(total_correlation))
    if recipe.penalty == KL:
        found.append(_source(kl_to_target))
    if recipe.contractive:
        found.append(_JACOBIAN.format(cls=recipe.words.cls))
    if recipe.denoising:
        found += _damage(recipe)
    if recipe.config.schedule != "constant":
        found.append(_SCHEDULE_TEXT[recipe.config.schedule])
    return found


def _damage(recipe: Recipe) -> list[str]:
    """damage(x, generator), for the one kind of noise that this model undoes."""
    kind, level = recipe.options.noise, recipe.options.level
    places = "(len(x), 1, *x.shape[2:])" if recipe.images else "x.shape"
    draw = f"torch.rand({places}, generator=generator, device=x.device)"
    low, high = ("0.0", "1.0") if recipe.bounded else ("-3.0", "3.0")
    before: list[str] = []
    if level == 0:
        about, body = "Nothing is damaged.", "return x"
    elif kind == "gaussian":
        about = "Noise of deviation LEVEL" + (", clipped to [0, 1]." if recipe.bounded else ".")
        answer = "(x + LEVEL * noise).clamp(0, 1)" if recipe.bounded else "x + LEVEL * noise"
        noise = "noise = torch.randn(x.shape, generator=generator, device=x.device)"
        body = f"{noise}\n    return {answer}"
    elif kind == "salt_pepper":
        about = f"A share LEVEL of the values becomes {low} or {high}."
        body = (
            f"draw = {draw}\n    x = torch.where(draw < LEVEL / 2, {low}, x)\n"
            f"    return torch.where((draw >= LEVEL / 2) & (draw < LEVEL), {high}, x)"
        )
    elif kind == "blur":
        about, body = "Blurred; LEVEL is the deviation.", "return blur(x, LEVEL)"
        before = [_source(corruption._blur)]
    elif kind == "blocks" and recipe.bounded:
        about = "A share LEVEL is covered by squares of zeros."
        body = "return x * kept_blocks(x, LEVEL, generator)"
        before = [
            f"BLOCKS = {corruption._BLOCKS}  # a square's side is this share of the example's",
            _source(corruption._uniform),
            _source(corruption._kept_blocks),
        ]
    else:
        about = "A share LEVEL of the values is set to 0."
        body = f"kept = {draw} >= LEVEL\n    return x * kept"
    return [
        *before,
        f"def damage(x: Tensor, generator: torch.Generator | None = None) -> Tensor:\n"
        f'    """{about}"""\n    {body}',
    ]


def loss(recipe: Recipe) -> str:
    words, cls = recipe.words, recipe.words.cls
    unit = "nats" if recipe.nats else "squared error"
    arguments = [f"model: {cls}", "x: Tensor"]
    lines: list[str] = []
    told = ""
    if words.conditional:
        arguments.append("labels: Tensor | None")
        told = ", told"
        lines += [
            "told = one_hot(labels, len(x)).to(x.device)",
            "if labels is not None and model.training:",
            "    # Some labels are kept back, so that decoding without one means something.",
            "    drawn = torch.rand(len(x), 1, generator=generator, device=x.device)",
            "    told = torch.where(drawn < UNSAID, 1 / CLASSES, told)",
        ]
    if words.variational:
        arguments.append("kl_weight: float = BETA")
        if recipe.config.capacity:
            arguments.append("capacity: float = CAPACITY")
    if recipe.stacked:
        arguments.append("layer: int | None = None")
    arguments.append("generator: torch.Generator | None = None")
    about = f"Batch mean of the reconstruction's {unit}"
    if words.variational:
        lines += [
            f"mu, logvar = model.encode(x{told})",
            "z = model.reparameterize(mu, logvar, generator)",
            *_compare(recipe, told),
            f"kl = {_returned(kl_to_prior)}  # nats, (n, LATENT_DIM)",
            *_kl_cost(recipe),
        ]
        about += " and the weighted KL"
    elif recipe.stacked:
        lines += _STACKED.splitlines()
        about += "; `layer` learns alone, or all do"
    else:
        lines += _plain_loss(recipe)
        about += " and the penalty" * (recipe.contractive or recipe.penalty in (L1, KL))
    head = _call(f"def loss_function({', '.join(arguments)}) -> Tensor:", arguments)
    lines = [*docstring(f"{about}.", 4).splitlines(), *lines]
    return f"{head}\n" + "\n".join("    " + line for line in lines)


def _compare(recipe: Recipe, told: str = "", target: str = "x") -> list[str]:
    """The line that computes `reconstruction`, a sum over values, a mean over the batch."""
    if recipe.nats:
        decode = "decode_logits" if recipe.words.layers.sigmoid_apart else "decode"
        return [
            f"x_logits = model.{decode}(z{told})",
            "reconstruction = F.binary_cross_entropy_with_logits("
            f'x_logits, {target}, reduction="sum")',
            "reconstruction = reconstruction / len(x)",
        ]
    return [
        f"x_hat = model.decode(z{told})",
        f'reconstruction = F.mse_loss(x_hat, {target}, reduction="sum") / len(x)',
    ]


def _kl_cost(recipe: Recipe) -> list[str]:
    floor = ".clamp(min=FREE_BITS)" if recipe.config.free_bits else ""
    cost = f"kl.mean(0){floor}.sum()"
    if recipe.config.capacity:
        cost = f"({cost} - capacity).abs()"
    more = ""
    lines = []
    if recipe.option("independence", 0):
        lines = ["penalty = INDEPENDENCE * total_correlation(z, mu, logvar).mean()"]
        more = " + penalty"
    return [*lines, f"return reconstruction + kl_weight * {cost}{more}"]


def _plain_loss(recipe: Recipe) -> list[str]:
    if recipe.option("mistake", "") == CODE_LOSS:
        return [
            "# A mistake on purpose: it is the code that is compared, not the reconstruction.",
            "z = model.encode(x)",
            'return F.mse_loss(z.flatten(1), x.flatten(1), reduction="sum") / len(x)',
        ]
    seen = "damage(x, generator)" if recipe.denoising else "x"
    lines = [f"z = model.encode({seen})", *_compare(recipe)]
    if recipe.contractive:
        return [*lines, "return reconstruction + STRENGTH * squared_jacobian(model, x).mean()"]
    if recipe.penalty == L1:
        return [*lines, "return reconstruction + STRENGTH * z.abs().sum(1).mean()"]
    if recipe.penalty == KL:
        return [*lines, "return reconstruction + STRENGTH * kl_to_target(z, TARGET)"]
    return [*lines, "return reconstruction"]


def _call(line: str, arguments: list[str]) -> str:
    """A def line, its arguments one a line where they do not fit."""
    if len(line) <= 100:
        return line
    head, tail = line.split("(", 1)[0], line.rpartition(")")[2]
    inner = ", ".join(arguments)
    if len(inner) + 4 <= 100:
        return f"{head}(\n    {inner}\n){tail}"
    return f"{head}(\n" + "".join(f"    {a},\n" for a in arguments) + f"){tail}"


def _returned(function: Any) -> str:
    """What a function of one statement returns, as its own text says it."""
    (definition,) = ast.parse(inspect.getsource(function)).body
    return ast.unparse(definition.body[-1].value)


def _source(function: Any) -> str:
    """A function's own text; names that are private here are not so in a script."""
    text = inspect.getsource(function).rstrip()
    return re.sub(r"(?<![\w.])_(?=[a-zA-Z])", "", text).replace("torch.Tensor", "Tensor")


_SCHEDULE_TEXT = {
    "cosine": '''def learning_rate(done: float) -> float:
    """The learning rate after a share `done` of all steps."""
    return LEARNING_RATE * max(0.5 * (1 + math.cos(math.pi * min(done, 1))), 1e-4)''',
    "one-cycle": '''def learning_rate(done: float) -> float:
    """The learning rate after a share `done` of all steps (Smith and Topin 2018)."""
    low = 1 / 25 if done < 0.3 else 1e-4
    share = done / 0.3 if done < 0.3 else 1 - min((done - 0.3) / 0.7, 1.0)
    return LEARNING_RATE * (low + (1 - low) * 0.5 * (1 - math.cos(math.pi * share)))''',
}
_INITIALISE = '''def initialise(model: {cls}) -> None:
    """First weights ({about}); biases are zero."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            {line}
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)'''
_JACOBIAN = '''def squared_jacobian(model: {cls}, x: Tensor) -> Tensor:
    """||dz/dx||_F^2 of each example, (n,): how much its code moves when it does."""

    def encode_one(example: Tensor) -> Tensor:
        return model.encode(example.unsqueeze(0)).squeeze(0)

    jacobian = torch.func.vmap(torch.func.jacrev(encode_one))(x)  # (n, LATENT_DIM, *SHAPE)
    return jacobian.square().flatten(1).sum(1)'''
_STACKED = """if layer is None:
    x_hat = model(x)
    return F.mse_loss(x_hat, x, reduction="sum") / len(x)
# One layer brings back what the layers before it give; its mirror image decodes.
start, mirror = 1 + 2 * layer, 2 * (DEPTH - 1 - layer)
with torch.no_grad():
    below = model.encoder[:start](x)
code = model.encoder[start : start + 2](below)
if layer == 0:
    return F.mse_loss(model.decoder[mirror:](code), x, reduction="sum") / len(x)
x_hat = model.decoder[mirror : mirror + 2](code)
return F.mse_loss(x_hat, below, reduction="sum") / len(x)"""
