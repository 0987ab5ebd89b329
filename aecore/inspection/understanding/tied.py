"""Decoders that use the encoder's own weights: only their biases are in the file, if anything."""

from __future__ import annotations

from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.parts import Part, out_sizes


def with_copies(
    parts: list[Part], odd: list[str], contents: Contents, bare: bool = False
) -> list[Part]:
    """The parts, and behind them each one again the other way round, which need not be used.

    odd: names of tensors that belong to no layer, the copies' biases among them; without any there
    are no copies, unless `bare` says that there may be some without biases.
    """
    rows = [n for n in odd if n in contents.tensors and contents.tensors[n].ndim == 1]
    copies: list[Part] = []
    for part in sorted(parts, key=lambda p: -p.index):
        if part.kind not in ("linear", "conv") or (
            part.kind == "conv" and part.weight.shape[0] not in out_sizes(part)
        ):
            continue
        n_in = part.weight.shape[1]
        weight = part.weight.T.contiguous() if part.kind == "linear" else part.weight
        tensors, names = {"weight": weight}, {"weight": part.names["weight"]}
        fits = [n for n in rows if contents.tensors[n].numel() == n_in]
        if fits:
            tensors["bias"], names["bias"] = contents.tensors[fits[0]], fits[0]
            rows.remove(fits[0])
        index = len(parts) + len(copies)
        name = f"{part.name} (transposed)"
        copies.append(Part(name, part.kind, names, tensors, index, copy=True))
    if not bare and not any("bias" in copy.tensors for copy in copies):
        return parts
    return [*parts, *copies]
