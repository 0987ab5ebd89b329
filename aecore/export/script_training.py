"""The training loop in a model's script, and the numbers that it runs with, in plain PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aecore.export.script_model import Wording, docstring
from aecore.export.subject import Subject
from aecore.models.families.conditional import UNSAID
from aecore.models.families.sparse import GENEROUS_EPOCHS, KL, L1, TopK
from aecore.models.registry import options_of
from aecore.runs.checkpoints import Card
from aecore.types import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """How a model is trained, as the texts ask for it. options: the family's Options."""

    words: Wording
    config: TrainConfig
    options: Any
    nats: bool
    contractive: bool

    @classmethod
    def of(cls, subject: Subject, words: Wording) -> Recipe:
        spec, config = subject.card.spec, subject.card.config
        nats = subject.model.reconstruction_unit == "nats"
        return cls(words, config, options_of(spec), nats, spec.family == "contractive-ae")

    def option(self, name: str, default: Any) -> Any:
        """An option of the family's, or `default` where it has none of that name."""
        return getattr(self.options, name, default)

    @property
    def bounded(self) -> bool:
        return self.words.spec.data.bounded

    @property
    def images(self) -> bool:
        """Whether examples have more than one axis."""
        return len(self.words.spec.data.shape) > 1

    @property
    def stacked(self) -> bool:
        return bool(self.option("pretrain_epochs", 0))

    @property
    def denoising(self) -> bool:
        return hasattr(self.options, "noise")

    @property
    def penalty(self) -> str | None:
        return self.option("penalty", None)

    @property
    def generous(self) -> int | None:
        """Where in the encoder few units are kept."""
        return self.words.layers.place(TopK)

    @property
    def warming(self) -> bool:
        return self.words.variational and self.config.kl_warmup_epochs > 0

    def origin(self, card: Card) -> str:
        """Where the numbers below it come from."""
        if card.spec.family.startswith("described") and not card.epochs_done:
            return "How it was trained is not known (it came as a file): this app's usual numbers."
        if card.epochs_done < card.config.epochs:
            return f"How it was trained; {card.epochs_done} of the epochs were done."
        return "How it was trained."


def training_constants(recipe: Recipe) -> str:
    c = recipe.config
    found: list[tuple[str, Any, str]] = [
        ("EPOCHS", c.epochs, ""),
        ("BATCH_SIZE", c.batch_size, ""),
        ("LEARNING_RATE", c.learning_rate, f"of Adam, {_SCHEDULES[c.schedule]}"),
        ("SEED", c.seed, ""),
    ]
    if c.limit:
        found.append(("LIMIT", c.limit, "training examples used"))
    if recipe.words.variational:
        found.append(("BETA", c.beta, "weight of the KL term; 1 is the VAE"))
        if recipe.warming:
            what = "capacity" if c.capacity else "KL weight"
            found.append(("WARM_UP", c.kl_warmup_epochs, f"epochs; the {what} grows from 0"))
        if c.free_bits:
            found.append(("FREE_BITS", c.free_bits, "nats a dimension that cost nothing more"))
        if c.capacity:
            found.append(("CAPACITY", c.capacity, "nats to which the KL is pulled"))
        if recipe.option("independence", 0):
            found.append(
                ("INDEPENDENCE", recipe.options.independence, "weight of total correlation")
            )
    if recipe.words.conditional:
        found.append(("UNSAID", UNSAID, "share of examples whose label is kept back"))
    if recipe.penalty in (L1, KL):
        found.append(("STRENGTH", recipe.options.strength, "weight of the sparsity penalty"))
    if recipe.penalty == KL:
        found.append(("TARGET", recipe.options.target, "mean activation wanted of each unit"))
    if recipe.generous is not None:
        found.append(("GENEROUS_EPOCHS", GENEROUS_EPOCHS, "8, 4, 2 times as many active units"))
    if recipe.contractive:
        found.append(("STRENGTH", recipe.options.strength, "weight of the squared Jacobian"))
    if recipe.denoising:
        found.append(("LEVEL", recipe.options.level, f"of the noise ({recipe.options.noise})"))
    if recipe.stacked:
        found.append(("PRETRAIN_EPOCHS", recipe.options.pretrain_epochs, "of each layer alone"))
        found.append(("DEPTH", len(recipe.options.hidden) + 1, "layers of the encoder"))
    return "\n".join(
        f"{name} = {value!r}" + (f"  # {about}" if about else "") for name, value, about in found
    )


def loop(recipe: Recipe) -> str:
    words, config = recipe.words, recipe.config
    arguments, each, before = ["model", "x[index]"], [], []
    typed = "x: Tensor"
    if words.conditional:
        typed += ", labels: Tensor"
        arguments.append("labels[index]")
    done = "epoch + step / steps"
    if config.schedule != "constant":
        rate = f"learning_rate(({done}) / epochs)"
        each.append(f'optimizer.param_groups[0]["lr"] = {rate}')
    if recipe.warming:
        each.append(f"warm = min(1.0, ({done}) / WARM_UP)")
    if words.variational:
        warm = " * warm" if recipe.warming else ""
        if config.capacity:
            arguments += ["BETA", f"CAPACITY{warm}"]
        else:
            arguments.append(f"BETA{warm}")
    if recipe.stacked:
        before.append("alone = epoch // PRETRAIN_EPOCHS")
        before.append("layer = alone if alone < DEPTH else None")
        arguments.append("layer")
    if recipe.generous is not None:
        before += [
            "# From many units to few: with few from the start, most never learn.",
            f"model.encoder[{recipe.generous}].generosity = 2 ** max(0, GENEROUS_EPOCHS - epoch)",
        ]
    counted = (
        "for step, index in enumerate(order.split(BATCH_SIZE))"
        if each
        else ("for index in order.split(BATCH_SIZE)")
    )
    start = ["torch.manual_seed(SEED)", f"model = {words.cls}().to(x.device)"]
    if recipe.option("init", "default") != "default":
        start.append("initialise(model)")
    if config.limit:
        start.append("x = x[:LIMIT]")
    start += [
        "optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)",
        "generator = torch.Generator(x.device)",
        "steps, losses = math.ceil(len(x) / BATCH_SIZE), []",
    ]
    lines = [
        *start,
        "for epoch in range(epochs):",
        "    model.train()",
        *("    " + line for line in before),
        "    generator.manual_seed(SEED * 1_000_003 + epoch)",
        "    order = torch.randperm(len(x), generator=generator, device=x.device)",
        "    total = 0.0",
        f"    {counted}:",
        *("        " + line for line in each),
        f"        loss = loss_function({', '.join(arguments)}, generator=generator)",
        "        optimizer.zero_grad()",
        "        loss.backward()",
        "        optimizer.step()",
        "        total += loss.item()",
        "    losses.append(total / steps)",
        '    print(f"epoch {epoch + 1} of {epochs}: mean loss {losses[-1]:.4f}")',
        "return model.eval(), losses",
    ]
    about = f"A new model trained on x {words.x}, {words.values}; the mean loss of each epoch."
    head = f"def train({typed}, epochs: int = EPOCHS) -> tuple[{words.cls}, list[float]]:"
    lines = [*docstring(about, 4).splitlines(), *lines]
    return f"{head}\n" + "\n".join("    " + line for line in lines)


def pca_fit(words: Wording) -> str:
    """PCA is fitted, not trained: by scikit-learn, whose result becomes two linear layers."""
    return _PCA.format(cls=words.cls, x=words.x, values=words.values)


_SCHEDULES = {
    "constant": "constant",
    "cosine": "falling as a cosine",
    "one-cycle": "rising for 30 % of the steps, then falling",
}
_PCA = '''def train(x: Tensor) -> tuple[{cls}, list[float]]:
    """PCA of x {x}, {values}; its mean squared error a value."""
    from sklearn.decomposition import PCA

    found = PCA(n_components=LATENT_DIM, svd_solver="covariance_eigh").fit(x.flatten(1).numpy())
    components, mean = torch.from_numpy(found.components_), torch.from_numpy(found.mean_)
    model = {cls}()
    with torch.no_grad():
        model.encoder[1].weight.copy_(components)
        model.encoder[1].bias.copy_(-components @ mean)
        model.decoder[0].weight.copy_(components.T)
        model.decoder[0].bias.copy_(mean)
    error = (reconstruct(model, x) - x).square().mean()
    return model.eval(), [error.item()]'''
