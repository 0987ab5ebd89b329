"""Read a file that nobody trusts: its size is looked at, then its own reader takes it.

The app has this done in the workshop (see aecore.inspection.apart), never in its own process.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.files.formats import read_file
from aecore.inspection.files.limits import MAX_FILE_BYTES
from aecore.inspection.files.onnx_file import read_onnx
from aecore.inspection.files.order import check_order
from aecore.inspection.files.pairing import in_order
from aecore.inspection.files.running import PairCheck
from aecore.wording import short

Content = bytes | Path | BinaryIO


def check_size(content: bytes | Path, name: str) -> int:
    """Bytes of a file. Raises CheckpointError for one that is none, empty or too large."""
    try:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        regular = not isinstance(content, Path) or content.is_file()
    except OSError as error:
        raise CheckpointError(
            f"The file {short(name)!r} could not be read ({error.strerror or error}); choose "
            "another."
        ) from error
    if not regular:
        raise CheckpointError(f"{short(name)!r} is a folder and not a file; choose a file.")
    if size == 0:
        raise CheckpointError(f"The file {short(name)!r} is empty; choose one that holds a model.")
    if size > MAX_FILE_BYTES:
        raise CheckpointError(
            f"A file may have {MAX_FILE_BYTES >> 20} MB, and {short(name)!r} has "
            f"{size / (1 << 20):,.0f} MB; save only the weights, or choose a smaller model."
        )
    return size


def read(content: Content, name: str) -> Contents:
    """What a file of weights holds; nothing of it is run.

    content: the file's bytes, its path, or the open file. name: what it is called, for messages.
    Raises CheckpointError with one sentence for anything that cannot be read.
    """
    if isinstance(content, bytes | Path):
        check_size(content, name)
        with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            contents = read_file(file, name)
    else:
        contents = read_file(content, name)
    check_order(contents.operations or ())
    return contents


def read_pair(
    first: tuple[Content, str], second: tuple[Content, str], together: bool = False
) -> Contents:
    """An encoder and a decoder from two files (content, name), as one whole; or an ONNX file and
    the one in which its weights lie.

    Which is which follows from the names, or else from the sizes. together: somebody said that they
    are one model. Tensors get the prefixes "encoder." and "decoder."; the facts say "pair". Raises
    CheckpointError, WhichFileError where they are not seen to belong together.
    """
    for graph, weights in ((first, second), (second, first)):
        if graph[1].lower().endswith(".onnx") and _holds_weights(weights[1], graph[1]):
            return _with_weights(graph, weights)
    files = [(read(*first), first[1]), (read(*second), second[1])]
    for contents, name in files:
        if contents.card is not None:
            raise CheckpointError(
                f"{short(name)!r} is a whole model of this app; open it alone, without a second "
                "file."
            )
    (encoder, _), (decoder, name) = in_order(files, together)
    if (encoder.operations is None) != (decoder.operations is None):
        raise CheckpointError(
            "One of the two files says what it computes and the other holds weights alone; choose "
            "two of the same kind."
        )
    operations = None
    if encoder.operations is not None:
        operations = (
            *_renamed(encoder, "encoder", "input"),
            *_renamed(decoder, "decoder", _name("encoder", encoder.outputs[0], "input")),
        )
    sizes, check = {}, None
    if encoder.operations is not None:
        entry = _name("encoder", encoder.outputs[0], "input")
        sizes = {_name("encoder", n, "input"): v for n, v in encoder.sizes.items()}
        sizes |= {_name("decoder", n, entry): v for n, v in decoder.sizes.items() if n != "input"}
    if encoder.check is not None and decoder.check is not None:
        names = [_name("decoder", o, "input") for o in decoder.outputs]
        names += [_name("encoder", o, "input") for o in encoder.outputs]
        check = PairCheck(encoder.check, decoder.check, encoder.outputs[0], names)
    facts: dict[str, Any] = {"pair": True, **encoder.facts}
    facts |= {"encoder": encoder.facts, "decoder": decoder.facts}
    code = () if operations is None else encoder.outputs
    return replace(
        encoder,
        tensors={
            f"{half}.{_bare(key, half)}": value
            for half, contents in (("encoder", encoder), ("decoder", decoder))
            for key, value in contents.tensors.items()
        },
        ordered=encoder.ordered and decoder.ordered,
        facts=facts,
        operations=operations,
        check=check,
        sizes=sizes,
        outputs=(
            *(_name("decoder", o, "input") for o in decoder.outputs),
            *(_name("encoder", o, "input") for o in code),
        ),
        notes=(
            *(f"Encoder: {note}" for note in encoder.notes),
            *(f"Decoder: {note}" for note in decoder.notes),
        ),
    )


def _holds_weights(name: str, graph: str) -> bool:
    """Whether a file is called as exporters call the weights beside a graph."""
    stem = graph[: -len(".onnx")]
    return name.lower().endswith((".data", ".weights", ".onnx_data")) or name == f"{stem}.bin"


def _with_weights(graph: tuple[Content, str], weights: tuple[Content, str]) -> Contents:
    """An ONNX file with the weights that lie in a second one."""
    content = _bytes_of(*weights)
    file = BytesIO(_bytes_of(*graph))
    contents = read_onnx(file, beside={Path(weights[1]).name: content})
    check_order(contents.operations or ())
    return contents


def _bytes_of(content: Content, name: str) -> bytes:
    if isinstance(content, bytes | Path):
        check_size(content, name)
        return content if isinstance(content, bytes) else content.read_bytes()
    content.seek(0)
    return content.read(MAX_FILE_BYTES)


def _bare(name: str, half: str) -> str:
    return name.removeprefix(f"{half}.")


def _renamed(contents: Contents, half: str, entry: str) -> list[Operation]:
    return [
        replace(
            o,
            inputs=tuple(_name(half, x, entry) for x in o.inputs),
            output=_name(half, o.output, entry),
            weights={role: f"{half}.{_bare(n, half)}" for role, n in o.weights.items()},
        )
        for o in contents.operations or ()
    ]


def _name(half: str, value: str, entry: str) -> str:
    return entry if value == "input" else f"{half}.{value}"
