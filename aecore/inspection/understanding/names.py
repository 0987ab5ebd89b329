"""What people's names say: which half a layer belongs to, and which of two heads it is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

# Beginnings of words. Left of others in a name counts first: "encoder.up" is of the encoder.
_ENCODER = (
    *("enc", "down", "infer", "recog", "contract", "compress", "analysis", "qnet"),
    *("codif", "kodier", "bianma"),
)
_DECODER = (
    *("dec", "dek", "upsampl", "upconv", "upblock", "upscal", "generat", "deconv", "recon"),
    *("expan", "synth", "unconv", "tconv", "untrans", "pnet", "likelihood", "jiema", "redraw"),
)
_ENCODER_WORDS = {"encodes", "inf", "reduce", "kompression"}
_DECODER_WORDS = {"up", "ups", "gen", "back", "restore", "uncompress"}
# Both ends of "hidden to mean", "z2hid", "img_2hid".
_DATA = {"x", "img", "image", "images", "input", "in", "pixel", "pixels", "data", "inp"}
_GIVEN = {*_DATA - {"input", "in", "inp"}, "out", "output", "outputs", "rec", "pic", "picture"}
_CODE = {"z", "latent", "lat", "code", "latents", "embedding", "bottleneck"}
_MU = {"mu", "mus", "mean", "means", "loc", "location", "zmean", "zmu", "media", "moyenne", "avg"}
_SECOND = {
    *("var", "variance", "sigma", "sigmas", "std", "stddev", "stdev", "scale", "sd", "lv", "sig"),
    *("deviation", "dev", "logvar", "logvariance", "logsigma", "logstd", "logsd", "logscale"),
    *("lnvar", "zlogvar", "zvar", "zsigma", "zstd", "logdev", "lsigma", "varianza", "ecart"),
    *("streuung", "varianz", "logsig", "logvars", "lsgms", "precision", "fangcha"),
}
_EMBEDDING = ("emb", "label", "cond", "class", "codebook")
_TRANSPOSED = re.compile(r"deconv|tconv|conv_?t|transpose|convtrans|unconv|upconv")


def words(name: str) -> list[str]:
    """The words of a name, in lower case: fc_logVar2 gives fc, log, var, 2."""
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def halves(names: Iterable[str]) -> dict[str, str]:
    """For each name of a file "encoder", "decoder" or "" (it does not say).

    Single letters count only where the file has both and no others: e1 and d1, q and p.
    """
    given = list(names)
    said = {name: half(name) for name in given}
    letters = {name: _letter(name) for name in given}
    have = {letter for name, letter in letters.items() if letter and not said[name]}
    for first, second in (("e", "d"), ("q", "p"), ("e", "g")):
        if {first, second} == have:
            pair = {first: "encoder", second: "decoder"}
            said |= {n: pair[a] for n, a in letters.items() if not said[n] and a in pair}
    if have == {"g"}:
        said |= {n: "decoder" for n, a in letters.items() if not said[n] and a == "g"}
    return said


def half(name: str) -> str:
    """What one name says of a layer's half: "encoder", "decoder" or ""."""
    found = words(name)
    for word in found:
        if word.startswith(_DECODER) or word in _DECODER_WORDS:
            return "decoder"
        if word.startswith(_ENCODER) or word in _ENCODER_WORDS:
            return "encoder"
    return _between(found)


def _between(found: list[str]) -> str:
    """The half of a way from one thing to another: z_2hid, hiddenToMean, from_latent."""
    for i, word in enumerate(found):
        before, after = found[i - 1] if i else "", found[i + 1] if i + 1 < len(found) else ""
        if word in ("2", "to"):
            if before in _CODE or after in _GIVEN:
                return "decoder"
            behind = {*found[i + 1 :]}
            if behind & (_CODE | _MU | _SECOND) or (before in _DATA and after):
                return "encoder"
        if word == "from" and after in _CODE:
            return "decoder"
    if found and found[-1] in ("out", "output") and found[0] in ("out", "output", "fc", "lin"):
        return "decoder"
    return ""


def _letter(name: str) -> str:
    """The single letter that a layer's name begins with, as in e1, d_2 or G.0."""
    for word in words(name):
        if word in ("net", "model", "module", "vae", "ae", "fc", "lin", "linear", "conv"):
            continue
        return word if len(word) == 1 and word.isalpha() else ""
    return ""


def head_hint(name: str) -> str:
    """What a name says of a head: "mu", "logvar" (the second, whatever it is), "both" or ""."""
    found = words(name)
    # The layer's own name counts, not that of the network around it (mean_field.fc1).
    own = words(".".join(name.rsplit(".", 2)[-2:]))
    pairs = {a + b for a, b in itertools.pairwise(own)}
    second = bool(_SECOND & ({*own} | pairs)) or bool(pairs & {"fc22", "standarddeviation"})
    first = bool(_MU & {*own, *pairs}) or "fc21" in pairs
    if first and second:
        return "both"
    if second:
        return "logvar"
    return "mu" if first and found else ""


def twins(first: str, second: str) -> bool:
    """Whether two names differ in a last 1 and 2 (or a and b) only, as fc31 and fc32 do."""
    pairs = {("1", "2"), ("a", "b"), ("0", "1"), ("m", "s"), ("m", "v")}
    return first[:-1] == second[:-1] and (first[-1:], second[-1:]) in pairs


def says_transposed(name: str) -> bool:
    """Whether the name says that a convolution is a transposed one."""
    return bool(_TRANSPOSED.search(name.lower()))


def says_embedding(name: str) -> bool:
    """Whether the name says that a matrix is a table of vectors, one a class."""
    return any(word.startswith(_EMBEDDING) for word in words(name))


def place(name: str) -> tuple[str, int] | None:
    """(the list that a layer stands in, its number there), for names that end in a number."""
    prefix, _, last = name.rpartition(".")
    return (prefix, int(last)) if last.isdecimal() and len(last) < 5 else None


def natural(name: str) -> list:
    """A key that sorts layer 10 after layer 2."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]
