"""The first half of a model's script: its class in plain PyTorch, loading, sampling.

Every piece is text of a module on its own: it mentions no package but torch and NumPy.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from torch import nn

from aecore.export.layer_source import PlainLayers, definition, plain_layers, sequential
from aecore.export.subject import Subject
from aecore.models import family
from aecore.models.layers.kinds.told import Told
from aecore.types import ModelSpec

MODEL_FILE, WEIGHTS_FILE, EXAMPLES_FILE, LABELS_FILE = (
    "model.py",
    "model.pt",
    "examples.npy",
    "labels.npy",
)


@dataclass(frozen=True)
class Wording:
    """What the pieces of a script are filled with."""

    spec: ModelSpec
    layers: PlainLayers
    cls: str
    title: str
    name: str
    variational: bool
    conditional: bool
    encodes: bool

    @property
    def x(self) -> str:
        """The shape of a batch, as a comment says it: '(n, 1, 28, 28)'."""
        return f"(n, {', '.join(map(str, self.spec.data.shape))})"

    @property
    def values(self) -> str:
        """What examples are made of."""
        return "values in [0, 1]" if self.spec.data.bounded else "standardised values"

    @property
    def told(self) -> str:
        """One more argument of a conditional model."""
        return ", told" if self.conditional else ""

    @property
    def told_typed(self) -> str:
        return ", told: Tensor" if self.conditional else ""


def wording(subject: Subject) -> Wording:
    """Read a subject. Raises ExportError for layers that no line of plain PyTorch makes."""
    model, spec = subject.model, subject.card.spec
    return Wording(
        spec,
        plain_layers(model),
        type(model).__name__,
        family(spec.family).title,
        plain_text(subject.card.name),
        model.variational,
        model.conditional,
        model.encodes,
    )


def plain_text(text: str, longest: int = 60) -> str:
    """A name that a person gave as it may stand inside a docstring: it can end none."""
    kept = "".join(c for c in text if c.isalnum() or c in " -_.,:;()+=/&'")
    return " ".join(kept.split())[:longest].strip() or "model"


def constants(words: Wording) -> str:
    spec = words.spec
    lines = [
        f"SHAPE = {spec.data.shape}  # of one example, {words.values}",
        f"LATENT_DIM = {spec.latent_dim}  # numbers in a code",
    ]
    if words.conditional:
        told = [m.classes for m in words.layers.encoder + words.layers.decoder if type(m) is Told]
        lines.append(f"CLASSES = {told[0] if told else spec.data.classes}")
    return "\n".join(lines)


def definitions(words: Wording) -> list[str]:
    """The layers that PyTorch does not have."""
    return [definition(cls) for cls in words.layers.own()]


def model_class(words: Wording) -> str:
    """The class: its layers, encode, decode, forward."""
    spec, layers, k = words.spec, words.layers, words.spec.latent_dim
    size = spec.data.size
    lines = [
        f"class {words.cls}(nn.Module):",
        f'    """{words.title}: {size:,} values to {k} number{"s" * (k != 1)} and back."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        f"        self.encoder = {_encoder(words)}",
        f"        self.decoder = {sequential(layers.decoder, layers.encoder, 8)}",
    ]
    if words.conditional and not layers.tells:
        lines += [
            f"        self.label_to_encoder = nn.Linear(CLASSES, {_width(layers.encoder)}"
            ", bias=False)",
            f"        self.label_to_decoder = nn.Linear(CLASSES, {_width(layers.decoder)}"
            ", bias=False)",
        ]
    return "\n".join(lines) + "\n\n" + textwrap.indent(_methods(words), "    ")


def _encoder(words: Wording) -> str:
    layers, last = words.layers.encoder, "mu, then logvar" if words.variational else ""
    if not words.encodes:
        last = "a regression on what the decoder draws: none came with it"
    return sequential(layers, layers, 8, last)


def _width(layers: list[nn.Module]) -> int:
    """How many numbers leave the first linear layer, where the label enters."""
    return next(layer.out_features for layer in layers if isinstance(layer, nn.Linear))


def _methods(words: Wording) -> str:
    k, x, told, typed = words.spec.latent_dim, words.x, words.told, words.told_typed
    z = f"(n, {k})"
    parts = []
    if words.conditional and words.layers.tells:
        network = "h"
        encode, decode = (
            f"h = {start}\n"
            f"for layer in self.{half}:\n"
            "    h = layer(h, told) if isinstance(layer, Told) else layer(h)"
            for start, half in (("x", "encoder"), ("z", "decoder"))
        )
        also = "; told is what one_hot gives"
    elif words.conditional:
        network = "h"
        encode = (
            "# The label enters as a bias of the first layer.\n"
            "flatten, first, *rest = self.encoder\n"
            "h = first(flatten(x)) + self.label_to_encoder(told)\n"
            "for layer in rest:\n"
            "    h = layer(h)"
        )
        decode = (
            "first, *rest = self.decoder\n"
            "h = first(z) + self.label_to_decoder(told)\n"
            "for layer in rest:\n"
            "    h = layer(h)"
        )
        also = "; told is what one_hot gives"
    else:
        network, encode, decode, also = "self.encoder(x)", "", "", ""
    if words.variational:
        parts.append(
            _method(
                f"encode(self, x: Tensor{typed}) -> tuple[Tensor, Tensor]",
                f"x {x} -> mu, logvar {z} of q(z|x){also}.",
                encode,
                f"mu, logvar = {network}.chunk(2, dim=1)\nreturn mu, logvar",
            )
        )
        parts.append(
            _method(
                "reparameterize(\n    self, mu: Tensor, logvar: Tensor, "
                "generator: torch.Generator | None = None\n) -> Tensor",
                "A draw z = mu + std * eps, with eps from N(0, I).",
                "eps = torch.empty_like(mu).normal_(generator=generator)\n"
                "return mu + torch.exp(0.5 * logvar) * eps",
            )
        )
    else:
        parts.append(
            _method(
                f"encode(self, x: Tensor{typed}) -> Tensor",
                f"x {x} -> z {z}{also}.",
                encode,
                f"return {network}",
            )
        )
    answer = "h" if words.conditional else "self.decoder(z)"
    if words.layers.sigmoid_apart:
        parts.append(
            _method(
                f"decode_logits(self, z: Tensor{typed}) -> Tensor",
                f"z {z} -> x_hat {x} before its sigmoid{also}.",
                decode,
                f"return {answer}",
            )
        )
        answer, decode = f"torch.sigmoid(self.decode_logits(z{told}))", ""
    parts.append(
        _method(
            f"decode(self, z: Tensor{typed}) -> Tensor",
            f"z {z} -> x_hat {x}.",
            decode,
            f"return {answer}",
        )
    )
    if words.variational:
        parts.append(
            _method(
                f"forward(self, x: Tensor{typed}) -> tuple[Tensor, Tensor, Tensor]",
                "x_hat of one draw of z, and mu and logvar.",
                f"mu, logvar = self.encode(x{told})\n"
                f"return self.decode(self.reparameterize(mu, logvar){told}), mu, logvar",
            )
        )
    else:
        parts.append(
            _method(
                f"forward(self, x: Tensor{typed}) -> Tensor",
                f"x_hat of x, {x}.",
                f"return self.decode(self.encode(x{told}){told})",
            )
        )
    return "\n\n".join(parts)


def _method(head: str, about: str, *body: str) -> str:
    inner = "\n".join(part for part in body if part)
    return f"def {head}:\n" + textwrap.indent(f"{docstring(about, 8)}\n{inner}", "    ")


def docstring(text: str, indent: int) -> str:
    """A docstring of lines that fit behind `indent` spaces."""
    return "\n".join(textwrap.wrap(f'"""{text}"""', 100 - indent, break_long_words=False))


def functions(words: Wording) -> list[str]:
    """one_hot (of a conditional model), load, reconstruct and sample."""
    cls, told, x = words.cls, words.told, words.x
    code = f"model.encode(x{told})" + ("[0]" if words.variational else "")
    found = []
    if words.conditional:
        found.append(
            '''def one_hot(labels: Tensor | None, n: int) -> Tensor:
    """What the model is told, (n, CLASSES): labels (n,), or for None an equal share of each."""
    if labels is None:
        return torch.full((n, CLASSES), 1 / CLASSES)
    return F.one_hot(labels, CLASSES).float()'''
        )
    found.append(
        f'''def load(path: str | Path = WEIGHTS) -> {cls}:
    """The trained model, in evaluation mode."""
    model = {cls}()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()'''
    )
    mean = "decode(mu), drawn from the mean of q(z|x)" if words.variational else "decode(encode(x))"
    typed = words.told_typed
    found.append(
        f'''@torch.no_grad()
def reconstruct(model: {cls}, x: Tensor{typed}) -> Tensor:
    """{mean}, {x}."""
    return model.decode({code}{told})'''
    )
    if words.variational:
        found.append(
            f'''@torch.no_grad()
def sample(model: {cls}, n: int{typed}, seed: int = 0) -> Tensor:
    """n new examples: z drawn from the prior N(0, I) and decoded, {x}."""
    generator = torch.Generator().manual_seed(seed)
    return model.decode(torch.randn(n, LATENT_DIM, generator=generator){told})'''
        )
        return found
    again = "; each is told what one of x is" if words.conditional else ""
    new = ", told[torch.arange(n) % len(told)]" if words.conditional else ""
    found.append(
        f'''@torch.no_grad()
def sample(model: {cls}, x: Tensor{typed}, n: int, seed: int = 0) -> Tensor:
    """n new examples, {x}. There is no prior to draw from: a Gaussian is fitted to the
    codes of x, at least two examples (Ghosh et al. 2020){again}."""
    codes = model.encode(x{told}).double()
    covariance = torch.cov(codes.T).reshape(LATENT_DIM, LATENT_DIM)
    variances, directions = torch.linalg.eigh(covariance)
    generator = torch.Generator().manual_seed(seed)
    eps = torch.randn(n, LATENT_DIM, generator=generator, dtype=torch.double)
    z = codes.mean(0) + eps * variances.clamp(min=0).sqrt() @ directions.T
    return model.decode(z.float(){new})'''
    )
    return found
