"""From one value to another: a chain of layers, with a block wherever two ways meet again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aecore.errors import InspectionError
from aecore.inspection.files.contents import Operation
from aecore.inspection.understanding.choice import Layer
from aecore.inspection.understanding.graph_layers import layers_of, refused
from aecore.inspection.understanding.graph_net import Net, users_of
from aecore.models.layers import MAX_LAYERS

_DEEPEST = 6  # blocks within blocks
PAIR = "Pair"  # a join that no file has: of mu and the second head


@dataclass(frozen=True)
class Step:
    """A layer of a chain. value: what the file calls what it gives, "" within several layers of one
    operation. where: the operation and its place. around: values that pass beside the narrowest
    place inside a block, None where the file does not tell.
    """

    layer: Layer
    value: str
    where: str


#: The label's numbers that join a value: the layer, of the label's value and whether it is first.
Tell = Callable[[str, bool, Operation], Layer]
#: What two heads are: the layers behind a value that give mu and the second head.
Heads = Callable[[str, Operation, list[Step]], list[Step]]


class Chains:
    """Chains of one network. used: names of the tensors that stand in their layers."""

    def __init__(self, net: Net, tell: Tell, heads: Heads):
        self.net, self.tell, self.heads = net, tell, heads
        self.used: set[str] = set()

    def between(self, start: str, end: str, pair: Operation | None = None) -> list[Step]:
        """The layers from one value to another. pair: the join of two heads that ends it.

        Raises InspectionError with the operation's name and place where it is none.
        """
        return self._between(start, end, pair, 0)

    def _between(self, start: str, end: str, pair: Operation | None, depth: int) -> list[Step]:
        net = self.net
        goals = list(pair.inputs) if pair else [end]
        region = [*net.needed(goals, frozenset({start})), *([pair] if pair else [])]
        region = [o for o in region if not net.of_label(o.output) or o is pair]
        inside = {start, *(o.output for o in region)}
        for o in region:
            for x in o.inputs:
                if x not in inside and not net.of_label(x):
                    raise self._crossing(start, o)
        users = users_of(region)
        place = {o.output: i for i, o in enumerate(region)}
        steps: list[Step] = []
        value = start
        while value != end:
            if len(steps) > MAX_LAYERS:
                raise InspectionError(
                    f"The network has more than {MAX_LAYERS} layers in a row, which is more than "
                    "is understood; open a smaller one."
                )
            after = users.get(value, [])
            if not after:
                raise InspectionError(
                    f"The file's network does not lead from {start!r} to {end!r}; export it again."
                )
            if len(after) == 1 and after[0] is not pair:
                steps += self._step(after[0], value)
                value = after[0].output
                continue
            join = _join(value, users, place, region, end)
            if join is None:
                raise refused(after[0], "what branches here does not meet again")
            if join is pair:
                return self.heads(value, join, steps)
            steps.append(self._block(value, join, depth))
            value = join.output
        return steps

    def _step(self, o: Operation, value: str) -> list[Step]:
        told = [x for x in o.inputs if self.net.of_label(x)]
        if told:
            return [Step(self._told(o, value, told), o.output, o.place)]
        if len(o.inputs) == 2 and o.kind == "Add":
            return [Step(Layer("Scale(2.0, 0.0)"), o.output, o.place)]
        if len(o.inputs) != 1:
            raise refused(o)
        layers = layers_of(self.net, o, self.used)
        last = len(layers) - 1
        if not layers:
            return [Step(Layer(), o.output, o.place)]
        return [Step(x, o.output if i == last else "", o.place) for i, x in enumerate(layers)]

    def _told(self, o: Operation, value: str, told: Sequence[str]) -> Layer:
        if any(x not in self.net.labelled for x in told):
            raise refused(o)  # values that depend on nothing that enters
        if o.kind != "Concat" or o.settings.get("axis") != 1 or len(o.inputs) != 2:
            raise refused(o, "the label enters in another way than joined to the values")
        return self.tell(told[0], o.inputs[0] == told[0], o)

    def _block(self, value: str, join: Operation, depth: int) -> Step:
        if depth >= _DEEPEST:
            raise refused(join, f"more than {_DEEPEST} blocks within each other")
        if len(join.inputs) != 2:
            raise refused(join, "more than two ways meet here")
        if join.kind == "Multiply":
            raise refused(join, "a product of two values (a gate, or attention)")
        if join.kind not in ("Add", "Concat"):
            raise refused(join)
        first, second = join.inputs
        ways = [self._way(value, x, depth) for x in (first, second)]
        if join.kind == "Concat":
            if join.settings.get("axis") != 1:
                raise refused(join, "values put together along another dimension than the channels")
            if first != value:
                raise refused(
                    join,
                    "what is joined comes first, or goes through layers of its own on both sides",
                )
            return Step(Layer("Skip", inner=ways[1]), join.output, join.place)
        shared = set(self._makers(value, first)) & set(self._makers(value, second))
        if shared:
            raise refused(join, "two ways that share layers meet here")
        body, around = (ways[1], ways[0]) if first == value else (ways[0], ways[1])
        if not body:
            body, around = around, body
        return Step(Layer("Residual", inner=body, shortcut=around), join.output, join.place)

    def _way(self, value: str, end: str, depth: int) -> list[Layer]:
        if value == end:
            return []
        found = self._between(value, end, None, depth + 1)
        return [s.layer for s in found if s.layer.line or s.layer.inner]

    def _makers(self, value: str, end: str) -> list[str]:
        return [o.output for o in self.net.needed([end], frozenset({value}))]

    def _crossing(self, start: str, o: Operation) -> InspectionError:
        numbers = self.net.numel(next(x for x in o.inputs if x != start))
        many = f" ({numbers:,} numbers)" if numbers else ""
        return InspectionError(
            f"Beside the code another value{many} reaches the decoder, at {o.place}: a skip "
            "connection from encoder to decoder. What crosses is not a code alone, so there is no "
            "latent space to look at."
        )


def _join(
    value: str,
    users: dict[str, list[Operation]],
    place: dict[str, int],
    region: Sequence[Operation],
    end: str,
) -> Operation | None:
    """Where all ways from a value meet: the first operation behind which none is still open."""
    waiting = {place[o.output] for o in users.get(value, [])}
    reached = {value}
    while waiting:
        at = min(waiting)
        waiting.remove(at)
        o = region[at]
        reached.add(o.output)
        if not waiting:
            return o
        if o.output == end:
            return None
        waiting |= {place[u.output] for u in users.get(o.output, [])}
    return None
