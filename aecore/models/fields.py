"""Options that several families share: each function makes a dataclass field with its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

from aecore.models import blocks


class NetworkOptions:
    """What NetworkModel and its layers ask of a family's Options, a dataclass that subclasses it.

    What a family lets people choose it makes a field, by the functions below; the others keep
    these values. No dataclass itself: a form shows fields in the order in which they first stand.
    """

    activation: ClassVar[str] = "relu"
    output: ClassVar[str] = "sigmoid"
    loss: ClassVar[str] = "mse"
    init: ClassVar[str] = "default"
    normalisation: ClassVar[str] = "none"
    independence: ClassVar[float] = 0.0


def widths(default: tuple[int, ...], label: str, about: str) -> Any:
    """A list of layer widths or channels."""
    metadata = {"label": label, "range": (1, 4096), "help": about}
    return field(default=default, metadata=metadata)


def choice(default: str, choices: Sequence[str], label: str, about: str) -> Any:
    """One of several words."""
    metadata = {"label": label, "choices": tuple(choices), "help": about}
    return field(default=default, metadata=metadata)


def flag(default: bool, label: str, about: str) -> Any:
    """Yes or no."""
    return field(default=default, metadata={"label": label, "help": about})


def number(default: float, span: tuple[float, float], label: str, about: str, **more: Any) -> Any:
    """A number in a range; whole if the field is an int."""
    return field(default=default, metadata={"label": label, "range": span, "help": about, **more})


def hidden(default: tuple[int, ...] = (128,)) -> Any:
    return widths(
        default,
        "Hidden widths",
        "Widths of the encoder's layers between the data and the code, for example 256, 128. The "
        "decoder mirrors them. May be empty.",
    )


def channels(default: tuple[int, ...]) -> Any:
    return widths(
        default,
        "Channels",
        "One convolution with stride 2 for each number: it halves the image and has that many "
        "feature maps. The decoder mirrors them.",
    )


def layer_lines(label: str, about: str) -> Any:
    """A list of layers as text, see aecore/models/layers; empty by default."""
    return field(default=(), metadata={"label": label, "help": about})


def activation(default: str = "relu") -> Any:
    return choice(
        default,
        tuple(blocks.ACTIVATIONS),
        "Activation",
        "The curve after each hidden layer; without one the model is linear.",
    )


def output(default: str = "sigmoid") -> Any:
    return choice(
        default,
        ("sigmoid", "linear"),
        "Output",
        "sigmoid keeps every value between 0 and 1, as pixels are; linear does not.",
    )


def loss(default: str = "mse") -> Any:
    first = ("mse", "bce") if default == "mse" else ("bce", "mse")
    return choice(
        default,
        first,
        "Loss",
        "mse: squared error, summed over the values. bce: binary cross-entropy in nats, summed. "
        "In a VAE with mse, beta weighs KL against squared error, not nats.",
    )


def init(default: str = "default") -> Any:
    return choice(
        default,
        blocks.INITS,
        "Weight initialisation",
        "Where the weights start. zeros is a classic mistake, here to be seen.",
    )


def normalisation(default: str = "none", choices: Sequence[str] = blocks.NORMALISATIONS) -> Any:
    return choice(
        default,
        choices,
        "Normalisation",
        "Rescales each layer's values, over the batch or over the layer.",
    )


def independence() -> Any:
    return number(
        0.0,
        (0.0, 1000.0),
        "Independence",
        "Weight of the total correlation (beta-TCVAE): how much the latent numbers tell about each "
        "other. It asks for one cause a number without making them vaguer, as beta does.",
    )
