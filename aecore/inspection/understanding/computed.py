"""Files that say what they compute: their operations as a draft, with ranges left to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from torch import nn

from aecore.errors import ConfigError, InspectionError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.understanding.choice import Choice, Draft, Layer
from aecore.inspection.understanding.graph_chain import PAIR, Chains, Step
from aecore.inspection.understanding.graph_heads import Second, merged, moved, second_of
from aecore.inspection.understanding.graph_labels import Labels
from aecore.inspection.understanding.graph_layers import look_for_known
from aecore.inspection.understanding.graph_net import Net
from aecore.inspection.understanding.graph_rows import with_rows
from aecore.inspection.understanding.parts import square_side
from aecore.models.layers import parse_layer, shape_after

_CURVES = {"Sigmoid": "sigmoid", "Tanh": "tanh"}
_WEIGHTED = ("Linear(", "Conv", "Residual", "Skip")
_SIDES = (32, 28, 64, 16, 8, 48, 96, 128, 256)  # that are tried where the file leaves them open
_ALIKE = 4.0  # so many times as large may what comes out be, and be the data still


@dataclass
class Plan:
    """A file's network as read. draft: both halves. net: its values.

    ends_in: the last curve, which the reader adds, "none" for none. steps: every layer with its
    half.
    """

    draft: Draft
    net: Net
    ends_in: str
    steps: list[tuple[str, Step]]


def draft_of(contents: Contents, shape: tuple[int, ...]) -> Draft:
    """The network of a file's operations, for examples of this shape.

    Raises InspectionError where an operation is not understood, with its name and place, or where
    the network is none that takes an example, makes a code of it, and gives an example back.
    """
    return plan_of(contents, shape).draft


def plan_of(contents: Contents, shape: tuple[int, ...]) -> Plan:
    """The same with what a comparison with the file's graph needs."""
    end, alone = _reconstruction(contents, shape)
    net = Net(contents, end)
    look_for_known(net.operations)
    labels = Labels(contents, net)

    def heads(value: str, pair: Operation, steps: list[Step]) -> list[Step]:
        if all(moved(net, value, x) is not None for x in pair.inputs):
            return merged(net, value, pair, steps, [])
        return merged(net, value, pair, steps, [chains.between(value, x) for x in pair.inputs])

    chains = Chains(net, labels.layer, heads)
    if alone:
        encoder, decoder, second = [], chains.between("input", net.end), None
    else:
        encoder, decoder, second = _halves(net, chains, shape)
    encoder, decoder = with_rows(encoder), with_rows(decoder)
    used = chains.used | set(net.sampling.frozen if net.sampling else ())
    # What no operation of the file computes with is no part of its network.
    computing = {w for o in contents.operations or () for w in o.weights.values()}
    used |= labels.used | (set(contents.tensors) - computing)
    spots = [
        [s.layer for s in half if s.layer.line or s.layer.inner] for half in (encoder, decoder)
    ]
    steps = [("encoder", s) for s in encoder] + [("decoder", s) for s in decoder]
    if alone:
        draft, ends_in = _decoder_alone(spots[1], shape, used, net)
    else:
        draft, ends_in = _draft(spots[0], spots[1], shape, used, second, net)
    draft.told = labels.classes
    return Plan(draft, net, ends_in, steps)


# -- both halves -----------------------------------------------------------------------------------


def _halves(
    net: Net, chains: Chains, shape: tuple[int, ...]
) -> tuple[list[Step], list[Step], Second | None]:
    """The encoder's and the decoder's steps, and the second head where there is one."""
    if net.sampling is not None:
        second = second_of(net, net.sampling.std)
        heads = (net.sampling.mu, second.raw)
        pair = replace(net.sampling.at, kind=PAIR, inputs=heads, output=PAIR)
        decoder = chains.between(net.sampling.mu, net.end)
        return chains.between("input", PAIR, pair), decoder, second
    given = _silent_heads(net)
    if given is not None:
        code, second = given
        pair = Operation(PAIR, (code, second.raw), PAIR, said="the two heads")
        return chains.between("input", PAIR, pair), chains.between(code, net.end), second
    whole = with_rows(chains.between("input", net.end))
    split = _split(net, whole, shape)
    return whole[:split], whole[split:], None


def _silent_heads(net: Net) -> tuple[str, Second] | None:
    """The code and the second head of a network that was exported without its sampling.

    Both are outputs of the file: one decides all that the network gives, the other nothing of it.
    """
    outputs = [x for x in dict.fromkeys(net.others) if x in net.reached and x != net.end]
    codes = [x for x in outputs if net.decides(x)]
    for code in codes:
        size = net.numel(code)
        for value in outputs:
            if value in codes or size is None or net.numel(value) != size:
                continue
            second = second_of(net, value)
            # As an output alone it says what it is only where the file goes on to a deviation.
            return code, second if second.raw != value else replace(second, kind="")
    return None


def _split(net: Net, whole: Sequence[Step], shape: tuple[int, ...]) -> int:
    """Behind which step the code stands."""
    main = [s.value for s in whole]
    given = [
        (net.numel(v) or 0, i) for i, v in enumerate(main) if v and v in net.others and v != net.end
    ]
    if given:  # the file gives its code as an output
        return min(given)[1] + 1
    layers = [s.layer for s in whole]
    taken = _entering(layers, shape, net)
    best, split = None, 0
    x = taken
    for i, layer in enumerate(layers):
        if i and layer.line.startswith(_WEIGHTED):
            values = prod(x)
            if best is None or values < best:
                best, split = values, i
        x = _shape([layer], x)
    while split and layers[split - 1].line.startswith("Unflatten"):
        split -= 1
    if best is None or best >= prod(taken):
        _say_what_crosses(net, whole, taken)
    return split


def _say_what_crosses(net: Net, whole: Sequence[Step], taken: tuple[int, ...]) -> None:
    """Raise InspectionError where a skip connection goes round the narrow place."""
    for step in whole:
        if step.layer.inner:
            raise InspectionError(
                f"A connection leads round all that is narrow and ends at {step.where}: "
                f"everything that crosses is at least {prod(taken):,} numbers, not a code. A "
                "network with skip "
                "connections from encoder to decoder (a U-Net) has no latent space to look at."
            )


# -- as a draft ------------------------------------------------------------------------------------


def _draft(
    encoder: list[Layer],
    decoder: list[Layer],
    shape: tuple[int, ...],
    used: set[str],
    second: Second | None,
    net: Net,
) -> tuple[Draft, str]:
    if not decoder or not encoder:
        raise InspectionError(
            "The file's network has no narrow place between two layers, so it is not understood "
            "as an autoencoder; open a file whose network has an encoder and a decoder."
        )
    outputs, ends_in = _last_curve(decoder)
    # The data's own shape is brought back at the end by the reader.
    while decoder and decoder[-1].line.startswith(("Flatten", "Unflatten")):
        decoder.pop()
    taken = _entering(encoder, shape, net)
    code = _shape(encoder, taken)
    heads = 2 if second else 1
    k = prod(code) // heads
    if len(code) > 1:
        encoder.append(Layer("Flatten()"))
        if not decoder[0].line.startswith(("Unflatten", "Flatten")):
            decoder.insert(
                0, Layer(f"Unflatten({', '.join(map(str, (code[0] // heads, *code[1:])))})")
            )
        elif decoder[0].line == "Flatten()":
            del decoder[0]
    if second is not None and second.kind and second.line:
        encoder.append(Layer(second.line))
    side = taken[1] if len(taken) == 3 else 0
    side = side or (round((prod(taken) // shape[0]) ** 0.5) if len(shape) == 3 else 0)
    flat = len(taken) == 1
    found = Draft(encoder, decoder, k, second is not None, side, shape[0], flat, used, 0.0)
    found.outputs = outputs
    found.resized = len(shape) == 3 and side != shape[1]
    found.second_said = second is not None and bool(second.kind)
    if len(taken) == 2 or (len(taken) == 3 and len(shape) == 1):
        encoder.insert(0, Layer(f"Unflatten({', '.join(map(str, taken))})"))
        found.flat = True
    given = _shape(decoder, (k,))
    if prod(given) != prod(taken):
        _other_size(found, given, taken)
    if len(given) == 2 and len(shape) == 1:
        decoder.append(Layer("Flatten()"))
    return found, ends_in


def _decoder_alone(
    decoder: list[Layer], shape: tuple[int, ...], used: set[str], net: Net
) -> tuple[Draft, str]:
    """A decoder without its encoder: k numbers enter, an example comes out."""
    outputs, ends_in = _last_curve(decoder)
    while decoder and decoder[-1].line.startswith(("Flatten", "Unflatten")):
        decoder.pop()
    taken = net.shape("input") or ()
    k = prod(taken)
    if len(taken) > 1 and not decoder[0].line.startswith(("Unflatten", "Flatten")):
        decoder.insert(0, Layer(f"Unflatten({', '.join(map(str, taken))})"))
    elif len(taken) > 1 and decoder[0].line == "Flatten()":
        del decoder[0]
    given = _shape(decoder, (k,))
    side = given[1] if len(given) == 3 else 0
    side = side or (round((prod(given) // shape[0]) ** 0.5) if len(shape) == 3 else 0)
    found = Draft([], decoder, k, False, side, shape[0], False, used, 0.0)
    found.outputs, found.alone = outputs, True
    found.resized = len(shape) == 3 and side != shape[1]
    if prod(given) != prod(shape) and not (len(shape) == 3 and given[0] == shape[0]):
        raise _alone(k, _times(given))
    if len(given) == 2 and len(shape) == 1:
        decoder.append(Layer("Flatten()"))
    return found, ends_in


def _alone(k: int, gives: str) -> InspectionError:
    return InspectionError(
        f"The file's network takes {k:,} numbers and gives {gives}: it is a decoder alone, or a "
        "generator, and its encoder is missing. Bring the encoder's file together with it, or "
        "choose data of the size that it gives.",
        "decoder-alone",
    )


def _other_size(found: Draft, given: tuple[int, ...], taken: tuple[int, ...]) -> None:
    """What comes out is of another size than what goes in."""
    if len(given) == 3 and given[0] == found.channels and given[1] == given[2]:
        found.side_out = given[1]
        return
    raise InspectionError(
        f"The network takes {_times(taken)} values and gives {_times(given)}, so what it gives is "
        "no reconstruction of what it takes."
    )


def _times(sizes: tuple[int, ...]) -> str:
    return "×".join(f"{n:,}" for n in sizes)


def _last_curve(decoder: list[Layer]) -> tuple[tuple[str, ...], str]:
    """Which last curves may be, and the file's own, taken from the decoder's end."""
    for i in range(len(decoder) - 1, -1, -1):
        line = decoder[i].line
        if line.startswith(_WEIGHTED) or decoder[i].weights:
            return ("none", "sigmoid"), "none"
        name = line.split("(")[0]
        if name in _CURVES:
            del decoder[i]
            return (_CURVES[name],), _CURVES[name]
        if name not in ("Flatten", "Unflatten", "Crop", "Pad", "ZeroPad2d", "Upsample", "Scale"):
            break  # it ends in a curve that is none of data: as the file says
    return ("none",), "none"


def _reconstruction(contents: Contents, shape: tuple[int, ...]) -> tuple[str, bool]:
    """The output that is the network's answer, and whether the network is a decoder alone.

    Raises InspectionError for an encoder alone.
    """
    sizes = {o: _known(contents.sizes.get(o)) for o in contents.outputs}
    taken = _known(contents.sizes.get("input"))
    if not contents.outputs:
        raise InspectionError("The file's network gives nothing; export it again.")
    if taken is None:
        return contents.outputs[0], False
    for output, size in sizes.items():
        if size == taken:
            return output, False
    known = [(size, output) for output, size in sizes.items() if size is not None]
    if len(known) < len(sizes):
        return contents.outputs[0], False
    largest, output = max(known)
    gives = ", ".join(f"{size:,}" for size, _ in known)
    if taken / _ALIKE < largest < taken * _ALIKE and min(taken, largest) >= prod(shape) / _ALIKE:
        return output, False
    if largest > taken:
        if largest < prod(shape) / _ALIKE or largest > prod(shape) * _ALIKE:
            raise _alone(taken, gives)
        return output, True
    raise InspectionError(
        f"The file's network takes {taken:,} numbers and gives {gives}: it is an encoder alone, or "
        "a network that gives classes or measures. Bring the decoder's file together with it to "
        "see what it reconstructs.",
        "encoder-alone",
    )


def _known(sizes: tuple[int | None, ...] | None) -> int | None:
    if not sizes or None in sizes[1:]:
        return None
    return prod(int(size or 0) for size in sizes[1:])


def _entering(encoder: Sequence[Layer], shape: tuple[int, ...], net: Net) -> tuple[int, ...]:
    """The shape that the encoder takes: as the file says, or the data's own, flat, or enlarged."""
    said = net.shape("input")
    tries: list[tuple[int, ...]] = [said] if said else [shape, (prod(shape),)]
    if not said:
        first = next((x.line for x in encoder if x.line.startswith(("Linear(", "Conv"))), "")
        size = first.split("(")[-1].split(",")[0]
        if first.startswith("Linear("):
            tries.append((int(size),))
        if first.startswith("Conv1d(") and prod(shape) % int(size) == 0:
            tries.append((int(size), prod(shape) // int(size)))
        if len(shape) == 3:
            tries += [(shape[0], s, s) for s in _SIDES]
    for given in tries:
        try:
            _shape(encoder, given)
        except ConfigError as error:
            if said:
                raise InspectionError(
                    f"The file's network does not take what it says that it takes, {said}: {error}"
                ) from error
            continue
        if _could_be(given, shape):
            return given
    raise InspectionError(
        f"The network takes examples of shape {_times(said or ()) or 'another size'}, and these "
        f"data have {_times(shape)}; choose the data that it was trained on."
    )


def _could_be(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether examples of a shape can be brought to what a network takes."""
    if prod(given) == prod(shape):
        return True
    if len(shape) != 3:
        return False
    if len(given) == 3:
        return given[0] == shape[0] and given[1] == given[2] >= shape[1]
    side = square_side(prod(given) // shape[0]) if prod(given) % shape[0] == 0 else None
    return side is not None and side > shape[1]


def _shape(layers: Sequence[Layer], given: tuple[int, ...]) -> tuple[int, ...]:
    lines = [line for x in layers if (line := x.lines(Choice()))]
    return shape_after(nn.Sequential(*map(parse_layer, lines)), given, "network")
