"""What a family says of itself beside its layers: its figures, and its loss as a script has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A held-out figure of a family's own, one of LatentModel.extra_metrics.

    name: its key there. sentence: how pages say it, with one {} for the mean over the held-out
    examples, as in "**{:.1f}** units fire for an example.". unit: for columns of numbers.
    """

    name: str
    sentence: str
    unit: str


@dataclass(frozen=True)
class Constant:
    """A number at the top of a script: NAME = value  # about."""

    name: str
    value: Any
    about: str = ""


@dataclass(frozen=True)
class LossSource:
    """A family's own part of its loss in a model's script: lines of plain PyTorch.

    The script's loss_function has model, x (n, *SHAPE) and generator. It computes z (or mu, logvar
    and a draw z), then `reconstruction`, summed over the values and averaged over the batch.

    constants: numbers that the lines name. functions: what they call: functions of a module, whose
    own text is taken, or text where a script needs another; both may use torch, nn, F, math and
    Tensor. seen: what the encoder gets instead of x. penalty: an expression, a mean over the batch,
    added to the reconstruction. prepared: lines at the start. whole: lines that are the whole loss,
    in place of all these; about: what they compute. argument: one more of loss_function, with its
    type and default; passed: its value in the loop. each_epoch: lines of the loop, run before each
    epoch, that may use `epoch` and `model`.
    """

    constants: tuple[Constant, ...] = ()
    functions: tuple[Callable[..., Any] | str, ...] = ()
    seen: str = "x"
    penalty: str = ""
    prepared: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    about: str = ""
    argument: str = ""
    passed: str = ""
    each_epoch: tuple[str, ...] = ()
