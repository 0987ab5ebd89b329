"""What a pickle would call, found by reading its instructions without following any."""

from __future__ import annotations

import pickletools
import sys
from dataclasses import dataclass, field
from typing import BinaryIO

from aecore.errors import CheckpointError
from aecore.inspection.files.limits import MAX_HEADER_BYTES
from aecore.wording import short

_MAX_STEPS = 2_000_000
_TEXTS = {
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
}
_STORE = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_FETCH = {"GET", "BINGET", "LONG_BINGET"}
_EXTENSIONS = {"EXT1", "EXT2", "EXT4"}

#: Modules of Python's own library whose classes only hold data.
_INERT_MODULES = {"collections", "argparse", "pathlib", "datetime", "decimal", "fractions", "uuid"}
_INERT_MODULES |= {"enum", "typing", "types", "dataclasses", "copy_reg", "copyreg", "_codecs"}
_INERT_BUILTINS = {"set", "frozenset", "bytearray", "bytes", "complex", "dict", "list", "tuple"}
_INERT_BUILTINS |= {"int", "float", "str", "bool", "slice", "range", "object", "long", "unicode"}
_BUILTINS = {"builtins", "__builtin__"}
_OLD_PYTHON = {"commands", "popen2", "__builtin__", "exceptions"}
_TORCH_ACTS = ("torch.hub", "torch.utils.cpp_extension", "torch.serialization", "torch.jit")
_TORCH_HOLDS = {("torch.serialization", "_get_layout")}  # of sparse tensors
_DATA_MODULES = ("torch", "numpy")
_MODEL_MODULES = ("torch.nn.modules", "torch.nn.functional", "torch.fx", "torch.ao.nn")
_MODEL_MODULES += ("torchvision.models", "torch.distributions", "torch.optim")


@dataclass
class Scan:
    """Names that a pickle asks for as (module, name), in order; little_endian as it says itself."""

    names: list[tuple[str, str]] = field(default_factory=list)
    little_endian: bool | None = None


def scan(file: BinaryIO) -> Scan:
    """Go through one pickle, and leave the file at its end. Raises CheckpointError."""
    found = Scan()
    texts: list[str | None] = []  # the latest values that were pushed, texts or None
    memo: dict[int, str | None] = {}
    begin = file.tell()
    try:
        for step, (code, argument, place) in enumerate(pickletools.genops(file)):
            if step > _MAX_STEPS or (place or begin) - begin > MAX_HEADER_BYTES:
                raise CheckpointError(
                    "The file's list of contents is too long for a model's; save only the weights."
                )
            name = code.name
            if name in _TEXTS:
                raw = isinstance(argument, bytes | bytearray)
                texts.append(argument.decode("latin1") if raw else str(argument))
            elif name in _STORE:
                memo[len(memo) if argument is None else argument] = texts[-1] if texts else None
            elif name in _FETCH:
                texts.append(memo.get(argument) if isinstance(argument, int) else None)
            elif name in ("GLOBAL", "INST"):
                module, _, attribute = str(argument).partition(" ")
                found.names.append((module, attribute))
                texts.append(None)
            elif name == "STACK_GLOBAL":
                module, attribute = (texts[-2], texts[-1]) if len(texts) > 1 else (None, None)
                found.names.append((module or "?", attribute or "?"))
                texts.append(None)
            elif name in _EXTENSIONS:
                found.names.append(("copyreg", "a registered extension"))
            elif name in ("NEWTRUE", "NEWFALSE"):
                if texts and texts[-1] == "little_endian":
                    found.little_endian = name == "NEWTRUE"
                texts.append(None)
            elif code.stack_after:
                texts.append(None)
            del texts[:-4]
    except CheckpointError:
        raise
    except Exception as error:  # pickletools has no error of its own
        raise CheckpointError(
            "The file is damaged: its list of contents cannot be read; copy or download it again."
        ) from error
    return found


def check_names(names: list[tuple[str, str]]) -> None:
    """Raise CheckpointError if a pickle would run something, or needs classes of its own."""
    check_acting(names)
    _check_foreign(names)


def check_acting(names: list[tuple[str, str]]) -> None:
    """Raise CheckpointError if a pickle would run something."""
    acting = [n for n in names if _acts(*n)]
    if acting:
        called = short(".".join(acting[0]))
        raise CheckpointError(
            f"The file holds instructions to run {called} on loading; nothing was run, and it "
            "should be deleted and asked for again as .safetensors from somebody you trust."
        )


def _check_foreign(names: list[tuple[str, str]]) -> None:
    foreign = foreign_names(names)
    if not foreign:
        return
    module, name = names[0]
    if any(m.startswith(_MODEL_MODULES) for m, _ in foreign):
        raise CheckpointError(
            f"The file is a whole pickled model (class {short(name)} of {short(module)}), which "
            "only its own code can open; there, save it again with "
            "torch.save(model.state_dict(), 'weights.pt')."
        )
    raise CheckpointError(
        f"The file needs code of its own ({short('.'.join(foreign[0]))}) to be opened, and none is "
        "run here; where it was made, save it again with "
        "torch.save(model.state_dict(), 'weights.pt')."
    )


def foreign_names(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Classes that neither torch's own reader nor this app knows, among what a pickle asks for."""
    return [n for n in dict.fromkeys(names) if not _data(*n)]


def _acts(module: str, name: str) -> bool:
    """Whether a name is a function or class that does something, rather than holds data."""
    top = module.split(".")[0]
    if module in _BUILTINS:
        return name not in _INERT_BUILTINS
    if "." in name and (top in sys.stdlib_module_names or top in _DATA_MODULES):
        return True  # an attribute reached through another name
    if (module, name) in _TORCH_HOLDS:
        return False
    if top in _DATA_MODULES:
        return module.startswith(_TORCH_ACTS) or (module, name) == ("torch", "load")
    known = top in sys.stdlib_module_names or top in _OLD_PYTHON
    return (known and top not in _INERT_MODULES) or "?" in (module, name)


def _data(module: str, name: str) -> bool:
    """Whether torch's own reader may be asked about a name; it has the last word."""
    if module.startswith(_MODEL_MODULES):
        return False
    top = module.split(".")[0]
    if module in LIGHTNING_DICTS and name == "AttributeDict":
        return True
    return top in _DATA_MODULES or top in _INERT_MODULES or module in _BUILTINS


#: Where Lightning's dictionaries of hyper-parameters live; they are read as plain dictionaries.
LIGHTNING_DICTS = (
    "pytorch_lightning.utilities.parsing",
    "lightning.pytorch.utilities.parsing",
    "lightning_fabric.utilities.data",
    "lightning.fabric.utilities.data",
)
