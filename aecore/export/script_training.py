"""The training loop in a model's script, and the numbers that it runs with, in plain PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aecore.export.script_model import Wording, docstring
from aecore.export.subject import Subject
from aecore.models.declared import LossSource
from aecore.models.fields import NetworkOptions
from aecore.runs.checkpoints import Card
from aecore.types import TrainConfig


@dataclass(frozen=True)
class Recipe:
    """How a model is trained, as the texts ask for it.

    options: the family's Options. source: what the family adds to the loss; known: whether it says
    so, or nobody has written its loss for a script.
    """

    words: Wording
    config: TrainConfig
    options: Any
    nats: bool
    source: LossSource
    known: bool
    from_outside: bool

    @classmethod
    def of(cls, subject: Subject, words: Wording) -> Recipe:
        model, config = subject.model, subject.card.config
        nats = model.reconstruction_unit == "nats"
        source = model.loss_source() if type(model).says_its_loss() else None
        known = source is not None
        return cls(
            words,
            config,
            model.options,
            nats,
            source or LossSource(),
            known,
            model.from_outside,
        )

    @property
    def init(self) -> str:
        """The initialisation that the loop has to do, "" where the layers' own is meant."""
        chosen = self.options.init if isinstance(self.options, NetworkOptions) else "default"
        return "" if chosen == "default" else chosen

    @property
    def warming(self) -> bool:
        return self.words.variational and self.config.kl_warmup_epochs > 0

    def origin(self, card: Card) -> str:
        """Where the numbers below it come from."""
        if self.from_outside and not card.epochs_done:
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
    found += [(c.name, c.value, c.about) for c in recipe.source.constants]
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
    before += recipe.source.each_epoch
    if recipe.source.passed:
        arguments.append(recipe.source.passed)
    counted = (
        "for step, index in enumerate(order.split(BATCH_SIZE))"
        if each
        else ("for index in order.split(BATCH_SIZE)")
    )
    start = ["torch.manual_seed(SEED)", f"model = {words.cls}().to(x.device)"]
    if recipe.init:
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
