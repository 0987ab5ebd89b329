"""How far the reading of a model's file may be believed, and which findings rest on what is open.

A model whose network was guessed is blamed for nothing that the guess may have caused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aecore.inspection.judging.findings import Finding
from aecore.wording import printable

#: What may be open, by the dimension of a reading that its near rivals differ in.
PARTS = {
    **dict.fromkeys(("second", "swapped", "interleaved"), "heads"),
    **dict.fromkeys(("given", "target", "output", "fit"), "range"),
    **dict.fromkeys(("encoder", "decoder", "code", "reshape", "last_hidden"), "curve"),
    **dict.fromkeys(("norm_after", "pool", "enlarge", "groups", "told_first", "draft"), "layers"),
}
_HEADS = frozenset({"heads", "data"})
_DRAWN = frozenset({"layers", "range", "data"})
#: On what findings rest beside the weights; of what stands nowhere here, on the weights alone.
_RESTS = {
    "posterior-collapse": frozenset({"heads"}),  # no other data give a code of nothing but noise
    **dict.fromkeys(("off-prior", "fills-prior", "samples-alike"), _HEADS),
    **dict.fromkeys(("all-dimensions-live", "samples-far", "samples-near"), _HEADS),
    "idle-dimensions": _HEADS,
    "swapped-heads": frozenset({"heads", "layers", "range", "data"}),
    **dict.fromkeys(("dead-relu", "saturated-units"), frozenset({"curve", "layers", "data"})),
    "exploding-activations": frozenset({"curve", "layers", "range", "data"}),
    **dict.fromkeys(("wrong-range", "saturated-outputs", "outside-range"), _DRAWN),
    **dict.fromkeys(("loses-to-pca", "above-band", "no-better-than-mean", "ignores-z"), _DRAWN),
    **dict.fromkeys(("constant-code", "small-code", "memorised"), _DRAWN),
    **dict.fromkeys(("encoder-untouched", "decoder-untouched"), frozenset({"layers"})),
    **dict.fromkeys(("missing-tensor", "exploding-layer"), frozenset({"layers"})),
}
#: What compares with figures that hold for the data alone.
_BESIDE = {"loses-to-pca", "above-band", "as-pca"}
#: What is certain of the weights however they join.
_CERTAIN = {"not-a-number", "model-untouched"}
#: What is said of the file and of its reading, understood or not.
_OF_THE_FILE = {"not-understood", "open", "other-data", "unused-tensors", "missing-tensor"}
_OF_THE_FILE |= {"not-a-number", "model-untouched", "layer-untouched", "batchnorm-untouched"}
_OF_THE_FILE |= {"encoder-untouched", "decoder-untouched", "told-anew", "encoder-made-here"}
#: What is said of a decoder whatever encoder stands before it.
_OF_A_DECODER = {"samples-near", "samples-far", "samples-alike", "reading-sure", "reading-unsure"}
_OF_A_DECODER |= {"not-understood", "open", "other-data", "unused-tensors", "not-a-number"}
_OF_A_DECODER |= {"decoder-untouched", "batchnorm-untouched"}
_SAID = {
    "heads": "which numbers of the encoder are mu, and what the others mean",
    "range": "the range of values",
    "curve": "a curve",
    "layers": "how the layers join",
    "data": "which data it was made for",
}


@dataclass(frozen=True)
class Standing:
    """How a model's network is known. Of models made here everything is.

    understood: some reading draws the data clearly better than the mean example. sure: no other
    reading comes near. doubtful: what is open, of "heads", "range", "curve", "layers" and "data".
    others: sentences that speak for other data of this size. tried: readings that were run; error,
    blank: of the best one and of the mean example, MSE per value; open: what is open, sentences.
    denoises: sentences that speak for a denoiser. foreign: it came as somebody's file.
    """

    understood: bool = True
    sure: bool = True
    doubtful: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
    tried: int = 0
    error: float | None = None
    blank: float | None = None
    open: tuple[str, ...] = ()
    denoises: tuple[str, ...] = ()
    foreign: bool = False

    @classmethod
    def of(cls, origin: Mapping[str, Any]) -> Standing:
        """What a card's origin says of it: plain values that anybody may have written."""
        if not origin:
            return cls()
        by_hand = origin.get("by_hand") is True
        others = _texts(origin.get("others"))
        doubtful = {p for p in _texts(origin.get("doubtful")) if p in _SAID}
        return cls(
            origin.get("understood") is not False,
            by_hand or origin.get("sure") is True,
            frozenset(doubtful | ({"data"} if others else set())),
            others,
            _count(origin.get("tried")),
            _number(origin.get("error")),
            _number(origin.get("blank")),
            _texts(origin.get("open")),
            _texts(origin.get("denoises")),
            True,
        )

    def believable(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings without blame for what the reading leaves open.

        Of a file that is not understood only what its weights say by themselves is left, and what
        was said of the file.
        """
        if self.understood:
            said = [f for f in findings if not (self.others and f.name in _BESIDE)]
            return [self._softened(f) for f in said]
        left = [f for f in findings if f.name in _OF_THE_FILE]
        return [
            f if f.level == "not understood" or f.name in _CERTAIN else replace(f, level="note")
            for f in left
        ]

    def _softened(self, finding: Finding) -> Finding:
        if self.denoises and finding.name == "loses-to-pca" and finding.level != "note":
            why = "How the examples were damaged that it was trained on is not known."
            return replace(finding, level="note", evidence=f"{finding.evidence} {why}")
        if self.foreign and not self.sure and finding.name in _BESIDE and finding.level != "note":
            why = "Part of its reading is a guess, and the error may be the guess's."
            return replace(finding, level="note", evidence=f"{finding.evidence} {why}")
        doubts = sorted(_RESTS.get(finding.name, frozenset()) & self.doubtful)
        if not doubts or finding.level == "note":
            return finding
        why = " and ".join(_SAID[d] for d in doubts)
        return replace(
            finding,
            level="note",
            evidence=f"{finding.evidence} This rests on a guess: {why} is open.",
        )


def not_understood(standing: Standing, title: str) -> list[Finding]:
    """What is said of a file no reading of which draws the data. title: of the data."""
    readings = f"{standing.tried:,} readings were" if standing.tried > 1 else "One reading was"
    begin = ""
    if not standing.open:  # else they stand there
        begin = f"{readings} run. "
    if begin and standing.error is not None and standing.blank is not None:
        begin = (
            f"{readings} run; the best has an error of {standing.error:.4f} per value on held-out "
            f"examples, and drawing the mean example for everything has {standing.blank:.4f}. "
        )
    found = [
        Finding(
            "not understood",
            "not-understood",
            f"No reading of this file draws {title}",
            f"{begin}This says nothing about the model: it may have been made "
            "for other data, or compute something else than was tried. It is not judged.",
        )
    ]
    settle = " ".join(standing.open) or (
        "Choose the data that it was trained on or bring them, open the same network saved with "
        "torch.export.save or torch.onnx.export, which say how its layers join, or describe it by "
        "hand."
    )
    title = "What was tried, and what would settle it"
    found.append(Finding("not understood", "open", title, settle))
    return found


def other_data(standing: Standing, title: str) -> list[Finding]:
    """A note where something speaks for other data of the same size."""
    if not standing.others:
        return []
    return [
        Finding(
            "note",
            "other-data",
            "Perhaps made for other data of this size",
            f"{' '.join(standing.others)} It was looked at with {title}; errors on data that it "
            "was not made for do not speak against it. Choose its own data, or bring them.",
        )
    ]


def of_a_decoder(findings: Iterable[Finding]) -> list[Finding]:
    """What is left of the findings on a decoder that came alone, whose encoder was made here."""
    left = [f for f in findings if f.name in _OF_A_DECODER]
    return [
        *left,
        Finding(
            "note",
            "encoder-made-here",
            "A decoder alone: its encoder was made here",
            "The file holds no encoder. Codes of data come from a linear regression fitted here "
            "to the decoder's own drawings of N(0, I), so that it can be explored; how well "
            "these codes bring examples back says little of the decoder, and is not judged.",
        ),
    ]


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(printable(text)[:600] for text in value[:12] if isinstance(text, str))


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1 << 31 else 0


def _number(value: Any) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and abs(value) < 1e30 else None
