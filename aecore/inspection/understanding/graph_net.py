"""A file's operations as a network of values: who makes what, what depends on what, what is noise.

Random values count as zeros here: what they alone decide is taken away, and where they were added
to a value by a factor, that value is mu and the factor the deviation of its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from math import prod

from aecore.errors import InspectionError
from aecore.inspection.files.contents import Contents, Operation

#: What only moves values about or changes none of them, whatever it does to their shape.
MOVING = {"Reshape", "Flatten", "Unflatten", "Pick", "Split", "Crop", "ChannelsFirst"}
MOVING |= {"ChannelsLast", "Identity", "Dropout", "Concat"}


@dataclass(frozen=True)
class Sampling:
    """Where noise joins the code. mu: the value that it is added to. std: what it is multiplied by.

    at: the addition itself, for messages. frozen: names of weights that hold the noise.
    """

    mu: str
    std: str
    at: Operation
    frozen: tuple[str, ...] = ()


class Net:
    """operations: those that the reconstruction needs, without noise. end: its value.

    others: outputs of the file beside it. noise_given: the second input is the code's noise.
    sampling: where noise was added to the code. noisy: the file's own noise was left out elsewhere
    (a denoiser's). channels_last: images come in with their channels last.
    """

    def __init__(self, contents: Contents, end: str):
        self.sizes = contents.sizes
        self.tensors = contents.tensors
        operations = _in_order(contents.operations or ())
        self.reached = _reached(operations, "input")
        self.labelled = _reached(operations, "told")
        self.sampling: Sampling | None = None
        self.noisy = self.noise_given = False
        operations = self._without_noise(operations)
        self.channels_last = False
        operations = self._channels_first(operations, end)
        self.end = self._as(end)
        self.others = [self._as(o) for o in contents.outputs if o != end]
        self.made = {o.output: o for o in operations}
        self.all = operations
        self.operations = self.needed([self.end])
        self.users = users_of(self.operations)

    # -- images whose channels come last ---------------------------------------------------------

    def _channels_first(self, operations: list[Operation], end: str) -> list[Operation]:
        """Without a change of the channels' place right where images come in, or go out."""
        takers = [o for o in operations if "input" in o.inputs]
        if len(takers) == 1 and takers[0].kind == "ChannelsFirst":
            self.channels_last = True
            operations = [replace(o, inputs=self._put(o, takers[0])) for o in operations]
            operations.remove(next(o for o in operations if o.output == takers[0].output))
        last = next((o for o in operations if o.output == self._as(end)), None)
        if last is not None and last.kind == "ChannelsLast":
            self._renamed[last.output] = last.inputs[0]
        return operations

    def _put(self, o: Operation, gone: Operation) -> tuple[str, ...]:
        return tuple("input" if x == gone.output and o is not gone else x for x in o.inputs)

    # -- noise -----------------------------------------------------------------------------------

    def _without_noise(self, operations: Sequence[Operation]) -> list[Operation]:
        self._renamed: dict[str, str] = {}
        made = {o.output: o for o in operations}
        zero: dict[str, tuple[str, tuple[str, ...]]] = {}  # value -> (factor, frozen weights)
        kept = []
        told = [o for o in operations if "told" in o.inputs]
        if told and all(o.kind == "Multiply" and o.inputs != ("told", "told") for o in told):
            zero["told"] = ("", ())  # the noise of the code is an input of the network
            self.noise_given = True
        for o in operations:
            inputs = tuple(self._as(x) for x in o.inputs)
            o = replace(o, inputs=inputs)
            nothing = [x for x in inputs if x in zero]
            if o.kind == "Random":
                zero[o.output] = ("", ())
            elif o.kind == "Multiply" and not o.weights and nothing:
                other = next((x for x in inputs if x not in zero), "")
                zero[o.output] = (other or zero[nothing[0]][0], zero[nothing[0]][1])
            elif o.kind == "Multiply" and o.weights and self._frozen(o, made):
                zero[o.output] = (inputs[0], tuple(o.weights.values()))
            elif nothing and _keeps_nothing(o):
                zero[o.output] = zero[nothing[0]]
            elif o.kind == "Add" and len(inputs) == 2 and len(nothing) == 1:
                self._add_noise(o, inputs, nothing[0], zero[nothing[0]])
            elif o.kind == "Add" and len(inputs) == 2 and len(nothing) == 2:
                zero[o.output] = zero[nothing[0]]
            else:
                kept.append(o)
        return kept

    def _add_noise(
        self, o: Operation, inputs: tuple[str, ...], noise: str, of: tuple[str, tuple[str, ...]]
    ) -> None:
        mu = next(x for x in inputs if x != noise)
        factor, frozen = of
        self._renamed[o.output] = mu
        if not factor or factor not in self.reached:
            self.noisy = True
        elif self.sampling is not None:
            raise InspectionError(
                f"The network samples in two places, at {self.sampling.at.place} and at {o.place}: "
                "a hierarchy of codes is not understood, only one code is."
            )
        else:
            self.sampling = Sampling(mu, factor, o, frozen)

    def _frozen(self, o: Operation, made: Mapping[str, Operation]) -> bool:
        """Whether a weight is noise that was frozen into the file: it meets a deviation."""
        maker = made.get(o.inputs[0])
        if maker is None or maker.kind not in ("Exp", "Softplus"):
            return False
        return not any(role == "bias" for role in o.weights)

    def _as(self, value: str) -> str:
        while value in self._renamed:
            value = self._renamed[value]
        return value

    # -- what depends on what --------------------------------------------------------------------

    def needed(
        self, outputs: Iterable[str], until: frozenset[str] = frozenset()
    ) -> list[Operation]:
        """The operations that these values need, in order; not behind the values in `until`."""
        wanted, waiting = set(outputs), list(outputs)
        while waiting:
            value = waiting.pop()
            maker = self.made.get(value) if value not in until else None
            new = set(maker.inputs) - wanted if maker else set()
            wanted |= new
            waiting += new
        return [o for o in self.all if o.output in wanted and o.output not in until]

    def decides(self, value: str) -> bool:
        """Whether of all that depends on the input only this value reaches the network's end."""
        needed = self.needed([self.end], frozenset({value}))
        if not any(value in o.inputs for o in needed):
            return False
        return not any(x == "input" for o in needed for x in o.inputs)

    def of_label(self, value: str) -> bool:
        """Whether a value depends on the label alone."""
        return value not in self.reached and value != "input"

    def numel(self, value: str) -> int | None:
        """Values of an example; None where the file is silent."""
        sizes = self.sizes.get(value)
        if not sizes or None in sizes[1:]:
            return None
        return prod(int(size or 0) for size in sizes[1:])

    def shape(self, value: str) -> tuple[int, ...] | None:
        sizes = self.sizes.get(value)
        if not sizes or None in sizes[1:]:
            return None
        found = tuple(int(size or 0) for size in sizes[1:])
        last = value == "input" and self.channels_last
        return (found[-1], *found[:-1]) if last else found


def _keeps_nothing(o: Operation) -> bool:
    """Whether zeros stay zeros."""
    if o.kind == "Scale":
        return o.settings["shift"] == 0
    return o.kind in MOVING and o.kind != "Concat"


def _in_order(operations: Sequence[Operation]) -> list[Operation]:
    made = {o.output: o for o in operations}
    order = TopologicalSorter({o.output: [x for x in o.inputs if x in made] for o in operations})
    return [made[name] for name in order.static_order()]


def users_of(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for o in operations:
        for name in dict.fromkeys(o.inputs):
            found.setdefault(name, []).append(o)
    return found


def _reached(operations: Iterable[Operation], start: str) -> set[str]:
    found = {start}
    for o in operations:
        if found.intersection(o.inputs) or (o.kind == "Random" and not o.inputs):
            found.add(o.output)
    return found
