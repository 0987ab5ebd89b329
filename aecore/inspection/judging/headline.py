"""The head of a report: its verdict in one sentence, the three figures that matter most, and where
the proof of each finding is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from aecore.evaluation import metrics
from aecore.inspection.judging.findings import Finding, amount
from aecore.inspection.judging.report import Report

#: A report's parts by their keys, in their order, as its table of contents names them.
PARTS = {
    "findings": "Findings",
    "reconstructions": "Reconstructions",
    "worst": "The worst ones",
    "errors": "Errors",
    "code": "The code",
    "dimensions": "One dimension at a time",
    "samples": "Samples",
    "layers": "Layers",
    "figures": "All figures",
}
# Which part shows what a finding says, by its name. What is not here is of the file as a whole.
_PROOF = {
    "reconstructions": "no-better-than-mean ignores-z wrong-range outside-range saturated-outputs "
    "denoiser as-pca",
    "errors": "beats-pca loses-to-pca memorised generalises in-band above-band",
    "code": "all-dimensions-live posterior-collapse idle-dimensions constant-code off-prior "
    "fills-prior small-code overcomplete swapped-heads",
    "samples": "samples-alike samples-far samples-near",
    "layers": "layer-untouched model-untouched batchnorm-untouched exploding-layer dead-relu "
    "exploding-activations saturated-units not-a-number",
}
_WHERE = {name: part for part, names in _PROOF.items() for name in names.split()}
_WORDS = {"broken": "Broken", "not understood": "Not understood", "worrying": "Worrying"}
_MOST = 2  # findings in the sentence


@dataclass(frozen=True)
class Key:
    """One of the three figures. value: as text, with its unit in `name`; beside: what it is to be
    compared with, and on which examples it was measured."""

    name: str
    value: str
    beside: str


def parts(report: Report) -> dict[str, str]:
    """The parts that this report has, their titles by their keys."""
    there = {"findings"}
    if report.arrays:
        there |= {"reconstructions", "worst", "errors", "code", "dimensions", "samples"}
    if report.layers:
        there.add("layers")
    if report.figures:
        there.add("figures")
    return {key: title for key, title in PARTS.items() if key in there}


def proof(report: Report, finding: Finding) -> str:
    """The key of the part that shows what a finding says, "" where nothing does."""
    part = _WHERE.get(finding.name, "")
    return part if part in parts(report) else ""


def sentence(report: Report) -> str:
    """The verdict in one sentence."""
    level = report.level
    found = [_inside(f.title) for f in report.of(level)]
    said, left = "; ".join(found[:_MOST]), len(found) - _MOST
    more = f"; and {left} more" if left > 0 else ""
    if level == "good":
        return f"Nothing is broken and nothing worries: {said or 'it does what it was made for'}."
    unbroken = "" if level != "worrying" else "; nothing is broken"
    return f"{_WORDS[level]}: {said}{more}{unbroken}."


def _inside(title: str) -> str:
    """A title within a sentence: its first letter small, unless it begins an abbreviation."""
    word = title.split(" ", 1)[0]
    return title if word[1:] != word[1:].lower() else title[0].lower() + title[1:]


def key_figures(report: Report) -> list[Key]:
    """At most three figures: the error beside PCA's, what tells most of this kind of model, and how
    much of its code is used."""
    of = report.figure
    found = [_error(report), _second(report), _use(report)]
    if not report.figures:
        return []
    if of("test_mse") is None:  # a decoder alone, or what is not understood
        found += [_plain(report, key) for key in ("sample_distance", "parameters", "ms_1")]
    return [key for key in found if key is not None][:3]


def _error(report: Report) -> Key | None:
    ours, pca = report.figure("test_mse"), report.figure("pca_mse")
    if ours is None:
        return None
    beside = "" if pca is None else f"; PCA with {report.about['pca_k']} numbers: "
    return Key(
        metrics.HELD_OUT_MSE,
        metrics.shown(ours),
        "per value" + (beside + metrics.shown(pca) if pca is not None else ""),
    )


def _second(report: Report) -> Key | None:
    nelbo, gap = report.figure("nelbo"), report.figure("gap")
    if nelbo is not None:
        kl = report.figure("kl")
        beside = "" if kl is None else f"; of it KL: {amount(kl)}"
        return Key("Negative ELBO, nats", f"{nelbo:.1f}", "an example, held out" + beside)
    if gap is None:
        return None
    return Key("Held-out error / training error", f"{gap:.2f}", "1: as good on what it never saw")


def _use(report: Report) -> Key | None:
    k = report.about.get("latent_dim")
    used = report.figure("active_units")
    if used is None:
        used = report.figure("dimensions_used")
    if used is None or k is None:
        return _plain(report, "parameters")
    return Key("Latent numbers in use", f"{used:.0f} of {k}", "over the held-out examples")


def _plain(report: Report, key: str) -> Key | None:
    figure = next((f for f in report.figures if f.key == key and f.value is not None), None)
    if figure is None or figure.value is None:
        return None
    whole = isinstance(figure.value, int)
    value = f"{figure.value:,}" if whole else amount(float(figure.value))
    return Key(figure.name + (f", {figure.unit}" if figure.unit else ""), value, figure.about)
