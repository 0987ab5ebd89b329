"""All that is known about one kind of layer, in one place.

A new layer is one `register(LayerEntry(...))` in a file of `kinds/` (or beside the family that
brings it), and a kernel in the browser's engine if it needs an operation that is not there yet.
The lines of cards, the browser's export and its replay, the scripts, the check-up, the first
weights and the drawings of networks all read the entry; none has a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from aecore.errors import ExportError
from aecore.models.layers.arguments import arguments_of
from aecore.models.layers.operation import Op, Operation

Shape = tuple[int, ...]  # of one example, without the batch
Layer = TypeVar("Layer", bound=nn.Module)
Value = TypeVar("Value")


class Pick(Protocol):
    """Chooses one of some values."""

    def __call__(self, values: Sequence[Value], /) -> Value: ...


@dataclass(frozen=True)
class Curve:
    """How the check-up watches the units that a curve makes.

    dies: a unit that is never above 0 is dead. ends: a unit that is always at one of them is stuck.
    """

    dies: bool = False
    ends: tuple[float, float] | None = None


#: Sets a matrix of weights (out, in, ...) and its bias by the initialisation that was chosen.
Draw = Callable[[Tensor, Tensor | None], None]


def _written(layer: nn.Module) -> str:
    return ", ".join(arguments_of(layer, quoted=repr))


def _called(layer: nn.Module, encoder: Sequence[nn.Module]) -> list[str] | None:
    return arguments_of(layer)


def _no_work(layer: nn.Module, before: Shape, after: Shape) -> int:
    return 0


def _unchanged(layer: nn.Module, before: Shape) -> Shape:
    return before


def _none_kept(layer: nn.Module) -> tuple[Tensor, Tensor] | None:
    return None


@dataclass(frozen=True, kw_only=True)
class LayerEntry(Generic[Layer]):
    """One kind of layer.

    layer: its class. same: classes that compute the same, and are written as this one.
    sample: a layer of this kind for an input of a shape, its settings picked; None where it takes
        no such input. The tests try every layer so.
    after: the shape that leaves a layer, of the one that enters it, by arithmetic alone; only where
        the two differ. What a model takes is counted by it, before memory is touched.

    As a line (`Linear(784, 128)`):
    readable: whether a line may begin with its name. make: what is called to read one, if not the
        class. line: the arguments of the line that describes a layer, every setting of it among
        them; raises ConfigError for one that a line cannot say.
    inner: the layers that it holds, one list for each way through it, each of which takes what
        enters; only such a layer's line may hold others. alone: it stands in a line of its own, not
        within another's.

    In a script:
    script: the arguments of the call that makes a layer, one text each; encoder: the layers that a
        tied one may refer to. None where no call can make it.

    In the browser:
    trace: takes a layer, the shape of its input and the operations so far, appends its own, and
        returns the shape that leaves it; raises ExportError. None: the browser has no such layer.
    operations: those that trace may append. multiply_adds: of one example, from the shapes before
        and after it.

    For the check-up, first weights and drawings:
    weighted: it mixes values by a matrix or kernels, so it is a stage of the network.
    first_weights: sets them, drawing a matrix and its bias by what it is given; None for a layer
        without weights of its own.
    curve: how the units behind it are watched. statistics: the mean and variance that it keeps of
        what it saw in training; None for one that keeps none. idle: in use it leaves every value
        as it is. pace: how many times as long as a dense layer's each of its multiply-adds takes.
        told: what stands in the check-up's table instead of the line.
    """

    layer: type[Layer]
    sample: Callable[[Shape, Pick], Layer | None]
    after: Callable[[Layer, Shape], Shape] = _unchanged
    same: tuple[type[nn.Module], ...] = ()
    readable: bool = True
    make: Callable[..., nn.Module] | None = None
    line: Callable[[Layer], str] = _written
    inner: Callable[[Layer], tuple[Sequence[nn.Module], ...]] | None = None
    alone: bool = False
    script: Callable[[Layer, Sequence[nn.Module]], list[str] | None] = _called
    trace: Callable[[Layer, Shape, list[Op]], Shape] | None = None
    operations: tuple[Operation, ...] = ()
    multiply_adds: Callable[[Layer, Shape, Shape], int] = _no_work
    weighted: bool = False
    first_weights: Callable[[Layer, Draw], None] | None = None
    curve: Curve | None = None
    statistics: Callable[[Layer], tuple[Tensor, Tensor] | None] = _none_kept
    idle: bool = False
    pace: float = 1.0
    told: str = ""

    @property
    def name(self) -> str:
        """What a line that describes such a layer begins with."""
        return self.layer.__name__

    @property
    def own(self) -> bool:
        """Whether PyTorch does not have it: a script then brings the class along."""
        return not self.layer.__module__.startswith("torch.")

    def is_exactly(self, layer: nn.Module) -> bool:
        """Whether a layer is of this kind and no further class of somebody's."""
        return type(layer) in (self.layer, *self.same)


def expect(condition: bool, layer: nn.Module, shape: Shape, what: str) -> None:
    """Raise ExportError, naming the layer and the shape that it got, unless a condition holds."""
    if not condition:
        raise ExportError(f"{type(layer).__name__} got an input of shape {shape}: {what}.")


def expect_image(layer: nn.Module, shape: Shape) -> None:
    expect(len(shape) == 3, layer, shape, "expected (channels, height, width)")


def pair(value: Any) -> tuple[int, int]:
    """A size as PyTorch takes it, for height and width."""
    if isinstance(value, tuple | list):
        height, width = value
        return height, width
    return int(value), int(value)
