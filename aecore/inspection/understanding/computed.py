"""Files that say what they compute: their operations as a draft, with ranges left to find."""

from __future__ import annotations

from math import prod

import torch
from torch import nn

from aecore.errors import ConfigError, InspectionError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.understanding.choice import Draft, Layer
from aecore.inspection.understanding.parts import square_side
from aecore.models.layers import MAX_LAYERS, parse_layer, readable_layers, shape_after, write_layer

_CURVES = {"Sigmoid": "sigmoid", "Tanh": "tanh"}
_MIXING = {"Add", "Multiply", "Exp", "Random", "Identity", "Scale", "Dropout", "Softplus"}
_WEIGHTED = ("Linear", "Conv2d", "ConvTranspose2d")


def draft_of(contents: Contents, shape: tuple[int, ...]) -> Draft:
    """The network of a file's operations, for examples of this shape.

    Raises InspectionError where an operation is unknown or the way branches in another manner than
    into mu and logvar.
    """
    walk = _Walk(contents)
    walk.follow("input")
    layers, split = walk.layers, walk.split
    if split is None:
        split = _narrowest(layers, shape)
    encoder, decoder = layers[:split], layers[split:]
    if not encoder or not decoder:
        raise InspectionError(
            "The file's network has no narrow place between two layers, so it is not understood "
            "as an autoencoder; open a file whose network has an encoder and a decoder."
        )
    outputs: tuple[str, ...] = ("none", "sigmoid")
    for i in range(len(decoder) - 1, -1, -1):
        name = decoder[i].line.split("(")[0]
        if name in _WEIGHTED:
            break
        if name in _CURVES:
            outputs = (_CURVES[name],)
            del decoder[i]
            break
    # The data's own shape is brought back at the end by the reader.
    while decoder and decoder[-1].line.startswith(("Flatten", "Unflatten")):
        decoder.pop()
    taken = _entering(encoder, shape)
    end = _shape(encoder, taken)
    k = prod(end) // (2 if walk.variational else 1)
    if len(end) > 1:
        encoder.append(Layer("Flatten()"))
        if not decoder[0].line.startswith("Unflatten"):
            sizes = (end[0] // (2 if walk.variational else 1), *end[1:])
            decoder.insert(0, Layer(f"Unflatten({', '.join(map(str, sizes))})"))
    side = taken[1] if len(taken) == 3 else 0
    side = side or (round((taken[0] // shape[0]) ** 0.5) if len(shape) == 3 else 0)
    found = Draft(
        encoder, decoder, k, walk.variational, side, shape[0], len(taken) == 1, walk.used, 0.0
    )
    found.outputs = outputs
    found.resized = len(shape) == 3 and side != shape[1]
    return found


class _Walk:
    """Follows a value through a file's operations and collects the layers on the way."""

    def __init__(self, contents: Contents):
        self.tensors = contents.tensors
        self.users: dict[str, list[Operation]] = {}
        for op in contents.operations or ():
            for name in op.inputs:
                self.users.setdefault(name, []).append(op)
        self.layers: list[Layer] = []
        self.split: int | None = None
        self.variational = False
        self.used: set[str] = set()

    def follow(self, value: str) -> None:
        """Walk from a value to the end, through at most one pair of heads.

        It comes to an end because no value needs itself: see files/order.py.
        """
        while len(self.layers) <= MAX_LAYERS:
            users = self.users.get(value, [])
            if not users:
                return
            if len(users) == 1 and users[0].kind != "Split":
                value = self._step(users[0])
                continue
            if self.split is not None:
                raise InspectionError(
                    f"The network branches after {users[0].said or users[0].kind!r} (a skip "
                    "connection?), which is not understood: only a plain chain of layers is."
                )
            value = self._heads(users)
        raise InspectionError(
            f"The network has more than {MAX_LAYERS} layers in a row, which is more than is "
            "understood; open a smaller one."
        )

    def _step(self, op: Operation) -> str:
        if op.kind == "Reshape":
            sizes = [int(n) for n in op.settings.get("sizes", ())]
            flat = len(sizes) < 2
            line = "Flatten()" if flat else f"Unflatten({', '.join(map(str, sizes))})"
            self.layers.append(Layer(line))
            return op.output
        if op.said == "Reshape":
            self.layers += self._reshaped(op)
            return op.output
        if op.kind not in readable_layers():
            raise InspectionError(
                f"The network has an operation that is not understood, {op.said or op.kind!r}: it "
                "can be opened if it is a chain of the usual layers."
            )
        self.layers.append(self._layer(op))
        return op.output

    def _reshaped(self, op: Operation) -> list[Layer]:
        """A change of shape whose sizes the file computes on the way: what follows tells them."""
        following = next(iter(self.users.get(op.output, [])), None)
        if following is None:
            return []
        if following.kind not in ("Conv2d", "ConvTranspose2d"):
            return [Layer("Flatten()")]
        channels = int(following.settings["in_channels"])
        rows = [x.weights["weight"].shape[0] for x in self.layers if x.line.startswith("Linear")]
        side = square_side(rows[-1] // channels) if rows and rows[-1] % channels == 0 else None
        if side is None:
            raise InspectionError(
                "The network changes the shape of its values in a way that the file does not tell."
            )
        return [Layer(f"Unflatten({channels}, {side}, {side})")]

    def _layer(self, op: Operation) -> Layer:
        try:
            made = _make(op)
            weights = {role: self.tensors[name] for role, name in op.weights.items()}
            line = write_layer(made)
        except (ConfigError, KeyError, TypeError, ValueError) as error:
            raise InspectionError(
                f"The operation {op.said or op.kind!r} of the file cannot be understood ({error})."
            ) from error
        strange = set(weights) - set(made.state_dict())
        if strange:
            raise InspectionError(
                f"The operation {op.said or op.kind!r} of the file has a {strange.pop()}, which "
                "such a layer does not have; export the model again."
            )
        self.used |= set(op.weights.values())
        for name in op.weights.values():  # a counter of batches, which no operation uses
            self.used.add(f"{name.rpartition('.')[0]}.num_batches_tracked")
        if op.kind.startswith("BatchNorm"):
            weights.setdefault("num_batches_tracked", torch.tensor(0))
        for role, tensor in made.state_dict().items():
            if role not in weights and role == "bias" and op.kind.startswith("BatchNorm"):
                weights[role] = torch.zeros(tensor.shape)
        return Layer(line, weights=weights)

    def _heads(self, users: list[Operation]) -> str:
        """Two layers that give mu and logvar, or one cut in halves; returns where z goes on."""
        self.variational = True
        weighted = [op for op in users if op.kind in _WEIGHTED]
        if len(weighted) == 2 and len(users) == 2:
            first, second = (self._layer(op) for op in weighted)
            if first.line != second.line or first.line.startswith("ConvT"):
                raise InspectionError(
                    "The network has two branches of different size, which is not understood."
                )
            both = {
                role: torch.cat([first.weights[role], second.weights[role]])
                for role in first.weights
            }
            n_out = both["weight"].shape[0]
            line = first.line.replace(f", {n_out // 2}", f", {n_out}", 1)
            self.layers.append(Layer(line, weights=both, swap=True))
            ends = [op.output for op in weighted]
        else:
            ends = [op.output for op in users]
            if self.layers:
                last = next((x for x in reversed(self.layers) if x.weights), None)
                if last is not None:
                    last.swap = True
        self.split = len(self.layers)
        return self._sampled(ends)

    def _sampled(self, ends: list[str]) -> str:
        """The value that enters the decoder, past the arithmetic of the reparameterisation."""
        seen, waiting = set(ends), list(ends)
        while waiting:
            value = waiting.pop(0)
            for op in self.users.get(value, []):
                if op.kind in readable_layers() and op.kind not in _MIXING and op.kind != "Flatten":
                    return value
                if op.kind == "Reshape":
                    return value
                if op.output not in seen:
                    seen.add(op.output)
                    waiting.append(op.output)
        raise InspectionError("The network's decoder was not found behind mu and logvar.")


def _make(op: Operation) -> nn.Module:
    settings = dict(op.settings)
    if op.kind == "Unflatten":
        sizes = settings.get("sizes", ())
        return parse_layer(f"Unflatten({', '.join(str(int(n)) for n in sizes)})")
    words = ", ".join(f"{k}={_plain(v)}" for k, v in settings.items())
    return parse_layer(f"{op.kind}({words})")


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return repr(tuple(value))
    return repr(value)


def _entering(encoder: list[Layer], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the encoder takes: the data's own, flat, or of another side."""
    tries: list[tuple[int, ...]] = [shape, (prod(shape),)]
    first = next((x.line for x in encoder if x.line.startswith(_WEIGHTED)), "")
    if first.startswith("Linear("):
        tries.append((int(first[7:].split(",")[0]),))
    if len(shape) == 3:
        tries += [(shape[0], s, s) for s in (32, 28, 64, 16, 8, 48, 96, 128, 256)]
    for given in tries:
        try:
            _shape(encoder, given)
        except ConfigError:
            continue
        return given
    raise InspectionError(
        f"The network does not take examples of shape {shape}; choose the data that it was trained "
        "on."
    )


def _shape(layers: list[Layer], given: tuple[int, ...]) -> tuple[int, ...]:
    return shape_after(nn.Sequential(*(parse_layer(x.line) for x in layers)), given, "network")


def _narrowest(layers: list[Layer], shape: tuple[int, ...]) -> int:
    """Before which layer the code stands: the fewest values that enter a layer with weights."""
    given = _entering(layers, shape)
    best, split = None, 0
    for i, layer in enumerate(layers):
        if i and layer.line.startswith(_WEIGHTED):
            values = prod(_shape(layers[:i], given))
            if best is None or values < best:
                best, split = values, i
    while split and layers[split - 1].line.startswith("Unflatten"):
        split -= 1
    return split
