"""Read a file that nobody trusts: its size is looked at, then its own reader takes it.

The app has this done in the workshop (see aecore.inspection.apart), never in its own process.
"""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files.contents import Contents, Operation
from aecore.inspection.files.formats import read_file
from aecore.inspection.files.limits import MAX_FILE_BYTES
from aecore.inspection.files.order import check_order
from aecore.wording import short

Content = bytes | Path | BinaryIO

_ENCODERS = re.compile(r"(^|[^a-z])(enc|encode|encoder)([^a-z]|$)")
_DECODERS = re.compile(r"(^|[^a-z])(dec|decode|decoder|generator)([^a-z]|$)")


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


def read_pair(first: tuple[Content, str], second: tuple[Content, str]) -> Contents:
    """An encoder and a decoder from two files (content, name), as one whole.

    Which is which follows from the names, or else from the sizes. Tensors get the prefixes
    "encoder." and "decoder."; the facts say "pair". Raises CheckpointError.
    """
    files = [(read(*first), first[1]), (read(*second), second[1])]
    for contents, name in files:
        if contents.card is not None:
            raise CheckpointError(
                f"{short(name)!r} is a whole model of this app; open it alone, without a second "
                "file."
            )
    (encoder, _), (decoder, name) = _ordered(files)
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
        outputs=(
            *(_name("decoder", o, "input") for o in decoder.outputs),
            *(_name("encoder", o, "input") for o in code),
        ),
        notes=(
            *(f"Encoder: {note}" for note in encoder.notes),
            *(f"Decoder: {note}" for note in decoder.notes),
        ),
    )


def _ordered(files: list[tuple[Contents, str]]) -> list[tuple[Contents, str]]:
    """The encoder first: by the files' names, or else by what goes in and comes out."""
    votes = [_vote(name.lower()) for _, name in files]
    if votes[0] == votes[1]:
        votes = [_growth(contents) for contents, _ in files]
    if votes[0] == votes[1]:
        raise CheckpointError(
            "Which of the two files is the encoder cannot be told; put 'encoder' and 'decoder' "
            "into their names."
        )
    return files if votes[0] < votes[1] else files[::-1]


def _vote(name: str) -> int:
    return int(bool(_DECODERS.search(name))) - int(bool(_ENCODERS.search(name)))


def _growth(contents: Contents) -> int:
    """-1 for matrices with fewer outputs than inputs on the whole, 1 for more."""
    matrices = [t for t in contents.tensors.values() if t.dim() == 2]
    wider = sum(t.shape[0] - t.shape[1] for t in matrices)
    return (wider > 0) - (wider < 0)


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
