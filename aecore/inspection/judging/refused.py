"""The report on a file that was read and whose network could not be told: nothing to blame."""

from __future__ import annotations

from aecore.inspection.judging.findings import Finding
from aecore.inspection.judging.report import Report

#: What is called by its name where kinds.py knows it, and no autoencoder.
_TITLES = {
    "classifier": "It is a classifier, no autoencoder",
    "decoder": "It is a decoder alone",
    "encoder": "It is an encoder alone",
    "recurrent": "It is a recurrent network",
    "attention": "It is a network with attention",
    "quantised": "It is a vector-quantised autoencoder",
    "regressor": "It is a network for prediction, no autoencoder",
}


NO_DATA = "other-data"  # why: no data of its size are at hand


def refused(sentence: str, kind: str = "", what: str = "", why: str = "") -> Report:
    """The verdict "not understood". sentence: why; why: the name of that.

    kind, what: the name of what the file seems to hold, and a sentence about it; empty where that
    is not known.
    """
    told = sentence if not what or what in sentence else f"{what} {sentence}"
    found = Finding(
        "not understood",
        "not-understood",
        _title(kind, why),
        f"{told} Nothing was run, and nothing is said against the model.",
    )
    return Report((found,), (), {"kind_of_network": kind}, understood=False, sure=False)


def _title(kind: str, why: str) -> str:
    if kind in _TITLES:
        return _TITLES[kind]
    if why == NO_DATA and kind == "autoencoder":
        return "It is an autoencoder, and there are no data of its size here to try it on"
    return "Its network is not understood"
