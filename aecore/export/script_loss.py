"""The loss in a model's script, in plain PyTorch, with what it calls.

What a family adds to it the family says, see LossSource; the text of functions is taken from the
very ones that train here.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

from aecore.export.script_model import docstring
from aecore.export.script_training import Recipe
from aecore.models.posterior import kl_to_prior

INITS = {
    "xavier": ("Glorot and Bengio 2010", "nn.init.xavier_uniform_(layer.weight)"),
    "kaiming": ("He et al. 2015", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    "orthogonal": ("Saxe et al. 2014", "nn.init.orthogonal_(layer.weight)"),
    "small_normal": ("normal, deviation 0.02", "nn.init.normal_(layer.weight, std=0.02)"),
    "zeros": ("a classic mistake", "nn.init.zeros_(layer.weight)"),
}


def loss_functions(recipe: Recipe) -> list[str]:
    """The functions that the loss and the loop call."""
    found = []
    if recipe.init:
        about, line = INITS[recipe.init]
        found.append(_INITIALISE.format(cls=recipe.words.cls, about=about, line=line))
    for function in recipe.source.functions:
        text = function if isinstance(function, str) else inspect.getsource(function)
        found.append(text.rstrip())
    if recipe.config.schedule != "constant":
        found.append(_SCHEDULE_TEXT[recipe.config.schedule])
    return found


def loss(recipe: Recipe) -> str:
    """loss_function: reconstruction, KL and what the family adds."""
    words, source = recipe.words, recipe.source
    unit = "nats" if recipe.nats else "squared error"
    arguments = [f"model: {words.cls}", "x: Tensor"]
    lines: list[str] = []
    about = f"Batch mean of the reconstruction's {unit}"
    if words.conditional:
        arguments.append("labels: Tensor | None")
        lines.append("told = one_hot(labels, len(x)).to(x.device)")
    lines += source.prepared
    if words.variational:
        arguments.append("kl_weight: float = BETA")
        if recipe.config.capacity:
            arguments.append("capacity: float = CAPACITY")
        about += " and the weighted KL"
    elif source.penalty:
        about += " and the penalty"
    if source.argument:
        arguments.append(source.argument)
    arguments.append("generator: torch.Generator | None = None")
    if source.whole:
        lines += source.whole
    elif words.variational:
        lines += _variational(recipe)
    else:
        told = words.told
        lines += [f"z = model.encode({source.seen}{told})", *_compare(recipe, told)]
        lines.append("return reconstruction" + (f" + {source.penalty}" if source.penalty else ""))
    head = _call(f"def loss_function({', '.join(arguments)}) -> Tensor:", arguments)
    about += source.about + "." + ("" if recipe.known else _UNKNOWN)
    lines = [*docstring(about, 4).splitlines(), *lines]
    return f"{head}\n" + "\n".join("    " + line for line in lines)


def _variational(recipe: Recipe) -> list[str]:
    told, penalty = recipe.words.told, recipe.source.penalty
    floor = ".clamp(min=FREE_BITS)" if recipe.config.free_bits else ""
    cost = f"kl.mean(0){floor}.sum()"
    if recipe.config.capacity:
        cost = f"({cost} - capacity).abs()"
    return [
        f"mu, logvar = model.encode({recipe.source.seen}{told})",
        "z = model.reparameterize(mu, logvar, generator)",
        *_compare(recipe, told),
        f"kl = {_returned(kl_to_prior)}  # nats, (n, LATENT_DIM)",
        *([f"penalty = {penalty}"] if penalty else []),
        f"return reconstruction + kl_weight * {cost}{' + penalty' if penalty else ''}",
    ]


def _compare(recipe: Recipe, told: str = "") -> list[str]:
    """The line that computes `reconstruction`, a sum over values, a mean over the batch."""
    if recipe.nats:
        decode = "decode_logits" if recipe.words.layers.sigmoid_apart else "decode"
        return [
            f"x_logits = model.{decode}(z{told})",
            'reconstruction = F.binary_cross_entropy_with_logits(x_logits, x, reduction="sum")',
            "reconstruction = reconstruction / len(x)",
        ]
    return [
        f"x_hat = model.decode(z{told})",
        'reconstruction = F.mse_loss(x_hat, x, reduction="sum") / len(x)',
    ]


def _call(line: str, arguments: list[str]) -> str:
    """A def line, its arguments one a line where they do not fit."""
    if len(line) <= 100:
        return line
    head, tail = line.split("(", 1)[0], line.rpartition(")")[2]
    inner = ", ".join(arguments)
    if len(inner) + 4 <= 100:
        return f"{head}(\n    {inner}\n){tail}"
    return f"{head}(\n" + "".join(f"    {a},\n" for a in arguments) + f"){tail}"


def _returned(function: Callable) -> str:
    """What a function returns, as its own text says it."""
    for node in ast.walk(ast.parse(inspect.getsource(function))):
        if isinstance(node, ast.Return) and node.value is not None:
            return ast.unparse(node.value)
    raise ValueError(f"{function.__name__} returns nothing.")


#: What a script says where nobody has written its family's loss for it.
_UNKNOWN = (
    " It was trained on more: this family has terms of its own, which this file does not have."
)
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
