"""Networks that are no chains of layers, which single names in a file give away."""

from __future__ import annotations

import re

from torch import Tensor

from aecore.inspection.files.contents import Contents
from aecore.inspection.understanding.kind import Kind
from aecore.inspection.understanding.names import head_hint, words

_CELLS = {4: "LSTM", 3: "GRU", 1: "RNN"}
_ATTENTION = re.compile(r"in_proj_weight$|(^|[._])(self_)?attn?[._]|attention|(^|[._])mha[._]")
_QKV = re.compile(r"(^|[._])(to_)?(q|k|v|query|key|value|qkv)(_proj|_linear|_lin)?\.weight$")
_CODEBOOK = re.compile(r"codebook|(^|[._])vq|quanti[sz]|ema_(w|cluster)|cluster_size|embed_avg")
_CLASSIFIER = re.compile(r"classif|logits|softmax")


def special(contents: Contents) -> Kind | None:
    """Recurrent networks, attention, codebooks and volumes, which single names give away."""
    tensors = contents.tensors
    codebook = _quantised(tensors)
    return codebook or _recurrent(tensors) or _attention(tensors) or _volume(tensors)


def _recurrent(tensors: dict[str, Tensor]) -> Kind | None:
    inner = [n for n in tensors if re.search(r"weight_hh(_l0)?$", n)]
    pairs = [(n.replace("weight_hh", "weight_ih"), n) for n in inner]
    pairs = [(a, b) for a, b in pairs if a in tensors and tensors[a].ndim == 2 == tensors[b].ndim]
    if not pairs:
        return None
    first, second = (tensors[n] for n in pairs[0])
    hidden, entering = int(second.shape[1]), int(first.shape[1])
    cell = _CELLS.get(int(second.shape[0]) // max(hidden, 1), "recurrent network")
    tables = [t for n, t in tensors.items() if "emb" in n.lower() and t.ndim == 2]
    mu = [t for n, t in tensors.items() if n.endswith("weight") and head_hint(n[:-7]) == "mu"]
    to_code = [
        t
        for n, t in tensors.items()
        if n.endswith(".weight") and t.ndim == 2 and {"latent", "z", "code"} & {*words(n)[-3:]}
    ]
    narrow = [t for t in to_code if t.shape[1] == hidden]
    code = int((mu or narrow)[0].shape[0]) if mu or narrow else hidden
    back = len(pairs) > 1 or any("dec" in n.lower() for n in tensors)
    symbols = next((int(t.shape[0]) for t in tables if t.shape[1] == entering), None)
    article = "a" if cell in ("GRU", "recurrent network") else "an"
    what = f"{article} {cell} autoencoder" if back else f"{article} {cell}"
    of = f"{symbols} symbols" if symbols else f"{entering} number{'s' * (entering > 1)} a step"
    return Kind(
        "recurrent",
        (None, entering),
        (None, entering) if back else None,
        code if back else None,
        f"This is {what} over sequences of {of}, {hidden} units wide"
        + (f", with a code of {code} numbers" if back else "")
        + f": {pairs[0][1]!r} is the memory of such a cell.",
    )


def _attention(tensors: dict[str, Tensor]) -> Kind | None:
    names = [n for n in tensors if _ATTENTION.search(n) and tensors[n].ndim == 2]
    triple = [n for n in tensors if _QKV.search(n) and tensors[n].ndim in (2, 4)]
    if not names and len(triple) < 3 and not any("qkv" in n for n in triple):
        return None
    name = (names or triple)[0]
    width = int(tensors[name].shape[1])
    last = [t for n, t in tensors.items() if n.endswith("weight") and t.ndim == 2][-1]
    ends = int(last.shape[0])
    classes = any(_CLASSIFIER.search(n) for n in tensors)
    end = f"It ends in {ends} numbers, a classifier's." if classes else ""
    return Kind(
        "attention",
        None,
        (ends,) if classes else None,
        None,
        f"This network has self-attention, {width} numbers wide ({name!r}). {end}".strip(),
    )


def _quantised(tensors: dict[str, Tensor]) -> Kind | None:
    """A code that is chosen from a table of vectors (VQ-VAE)."""
    tables = [(n, t) for n, t in tensors.items() if t.ndim == 2 and _CODEBOOK.search(n.lower())]
    if not tables:
        widths = {int(n) for t in tensors.values() if t.ndim in (3, 4) for n in t.shape[:2]}
        tables = [
            (n, t)
            for n, t in tensors.items()
            if t.ndim == 2 and "emb" in n.lower() and t.shape[0] >= 16 and t.shape[1] in widths
        ]
    if not tables:
        return None
    name, table = tables[0]
    rows, width = int(table.shape[0]), int(table.shape[1])
    axes = max((t.ndim - 2 for t in tensors.values() if t.ndim in (3, 4)), default=0)
    over = {1: " of signals", 2: " of images"}.get(axes, "")
    return Kind(
        "quantised",
        None,
        None,
        None,
        f"This is a vector-quantised autoencoder{over}: its code is chosen from a table of {rows} "
        f"vectors of {width} numbers ({name!r}), and is no point in a space.",
    )


def _volume(tensors: dict[str, Tensor]) -> Kind | None:
    name = next((n for n, t in tensors.items() if t.ndim == 5), None)
    if name is None:
        return None
    return Kind(
        "other",
        None,
        None,
        None,
        f"This network has 3-D convolutions, for films or volumes ({name!r}).",
    )
