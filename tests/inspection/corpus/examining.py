"""One entry trained, saved, read by the check-up as a stranger's file, and compared."""

from __future__ import annotations

import io
import time
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from aecore import datasets
from aecore.datasets import Dataset
from aecore.errors import AecoreError
from aecore.evaluation.batches import batch_for, parts
from aecore.evaluation.metrics import DRAWN_BATCH, evaluate
from aecore.inspection.checkup import Understood, open_contents, open_files
from aecore.inspection.judging.report import examine as judge
from aecore.inspection.judging.standing import Standing
from aecore.inspection.understanding.candidates import describe
from aecore.inspection.understanding.kinds import kind_of
from tests.inspection.corpus.entries import ENTRIES, Entry, train

TRAINED_ON, TRIED = 12_000, 2000
SAME = 1e-4  # largest difference of an output
BLAME = ("broken", "worrying")
SUFFIXES = {"pt": "pt", "safetensors": "safetensors", "pt2": "pt2", "onnx": "onnx"}
SUFFIXES |= {"module": "pt", "script": "pt"}
#: How far held-out figures may be off where a reading is called sure; nats but for the first.
MARGINS = {"mse": 1e-4, "kl": 0.05, "nelbo": 0.1, "reconstruction": 0.1}


@dataclass(frozen=True)
class Examined:
    """What became of an entry. right: every output agrees. refused: the sentence, if any. truth,
    read: held-out figures of the network and of the reading, by name. kind: what the check-up calls
    it. blamed: titles of findings that blame the model. seconds, trained: of the processor, which a
    busy machine does not lengthen, for reading and for training."""

    name: str
    style: str
    expected: str
    meant: str
    right: bool = False
    sure: bool = False
    understood: bool = False
    refused: str = ""
    kind: str = ""
    data: str = ""
    difference: float = float("inf")
    truth: dict[str, float] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    lines: str = ""
    doubts: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    blamed: tuple[str, ...] = ()
    tried: int = 0
    seconds: float = 0.0
    trained: float = 0.0

    @property
    def off(self) -> dict[str, float]:
        """Figures that are further off than MARGINS allow, by how much."""
        both = {k: abs(v - self.read[k]) for k, v in self.truth.items() if k in self.read}
        return {k: v for k, v in both.items() if not v < MARGINS[k]}

    @property
    def sure_and_wrong(self) -> bool:
        """Claimed as certain, though an output or a figure differs, or there is nothing to read."""
        return self.sure and (not self.right or bool(self.off))

    @property
    def met(self) -> bool:
        """Whether the check-up did with the file what it should."""
        named = self.kind == self.meant and not self.sure and not self.blamed
        return {
            "right": self.right,
            "named": named,
            "open": not self.sure and not self.understood and not self.blamed,
            "refused": "state_dict" in self.refused,
        }[self.expected]


def examine(name: str, form: str | None = None, kept: Path | None = None) -> Examined:
    """Train an entry, save it (as another form where asked), have it read, and compare.

    kept: a folder in which trained networks are kept, for whoever reads them again and again.
    """
    torch.set_num_threads(1)
    e, began = ENTRIES[name], time.process_time()
    data = _data(e.data)
    net = _trained(name, e, data, kept)
    trained = time.process_time() - began
    chosen = form or e.form
    content = content_of(e, net, data.test.batch(slice(0, 3)), _labels(data, 3), chosen)
    began, facts = time.process_time(), {"trained": trained}
    file = (content, f"model.{SUFFIXES[chosen]}")
    try:
        found = open_files([file])
    except AecoreError as error:
        facts |= {"refused": str(error), "kind": _kind(file)}
    else:
        facts |= _compared(e, net, found) | {"kind": _kind(file)}
    facts["seconds"] = time.process_time() - began
    return Examined(name, e.style, e.expected, e.kind, **facts)


def content_of(e: Entry, net: nn.Module, x: Tensor, labels: Tensor, form: str) -> bytes:
    """The file of a trained network. x, labels: a few examples, for what is traced."""
    given = (e.prepare(x), labels) if e.told else (e.prepare(x),)
    saved = io.BytesIO()
    if form in ("pt", "safetensors"):
        state: Any = e.save(net)
        if form == "safetensors":
            return save({k: v.contiguous() for k, v in state.items()})
        torch.save(state, saved)
    elif form == "module":
        torch.save(net, saved)
    elif form == "script":
        torch.jit.save(torch.jit.trace(net, given), saved)
    else:
        net.drawing = True  # as people export it: whole, noise and all
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _export(net.eval(), given, form, saved)
        net.drawing = False
    return saved.getvalue()


def _export(net: nn.Module, given: tuple[Tensor, ...], form: str, file: io.BytesIO) -> None:
    if form == "pt2":
        batch = torch.export.Dim("batch")
        shapes = tuple({0: batch} for _ in given)
        torch.export.save(torch.export.export(net, given, dynamic_shapes=shapes), file)
        return
    names = ["x", "labels"][: len(given)]
    axes = {name: {0: "batch"} for name in names}
    torch.onnx.export(net, given, file, dynamo=False, input_names=names, dynamic_axes=axes)


@cache
def _data(name: str) -> Dataset:
    return datasets.load(name)


def _labels(data: Dataset, n: int) -> Tensor:
    labels = data.test.labels
    return torch.zeros(n, dtype=torch.int64) if labels is None else labels[:n]


def _trained(name: str, e: Entry, data: Dataset, kept: Path | None) -> nn.Module:
    plain = "".join(c if c.isalnum() else "-" for c in name)
    how = f"{e.steps}-{e.batch}-{e.lr}-{e.kl}"
    place = None if kept is None else kept / f"{plain}-{how}.pt"
    if place is not None and place.exists():
        torch.manual_seed(0)
        net = e.make()
        net.load_state_dict(torch.load(place, weights_only=True))
        return net.eval()
    part = slice(0, TRAINED_ON)
    labels = None if data.train.labels is None else data.train.labels[part]
    net = train(e, data.train.batch(part), labels)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), place)
    return net


def _kind(file: tuple[bytes, str]) -> str:
    try:
        return kind_of(open_contents([file])).name
    except AecoreError:
        return ""


def _compared(e: Entry, net: nn.Module, found: Understood) -> dict[str, Any]:
    reading, data = found.reading, found.data
    assert reading is not None
    assert data is not None
    blamed = tuple(f.title for f in found.given if f.level in BLAME)
    facts: dict[str, Any] = {
        "sure": reading.sure,
        "understood": reading.understood,
        "data": data.name,
        "words": describe(reading.candidate),
        "lines": f"{found.model.spec.family} {found.model.spec.options}",
        "doubts": reading.doubts,
        "unused": reading.unused,
        "findings": tuple(f.name for f in found.given),
        "tried": reading.tried,
    }
    if e.expected != "right":
        standing = Standing.of(found.card.origin)
        report = judge(found.model, data, given=found.given, standing=standing)
        titles = (f.title for f in report.findings if f.level in BLAME)
        blamed = tuple(title for title in titles if title not in e.faults)
        return facts | {"blamed": blamed}
    if data.name != e.data:
        return facts | {"blamed": blamed}
    difference = _difference(e, net, found, data)
    facts |= {"difference": difference, "right": difference < SAME}
    if e.alone != "decoder":
        facts |= {"truth": truth(e, net, found, data)}
        facts |= {"read": evaluate(found.model, data.test.first(TRIED), 0)}
    return facts | {"blamed": blamed}


@torch.inference_mode()
def _difference(e: Entry, net: nn.Module, found: Understood, data: Dataset) -> float:
    """The largest difference of an output, of all examples that are looked at."""
    model = found.model
    if e.alone == "decoder":
        z = torch.randn(500, model.spec.latent_dim, generator=torch.Generator().manual_seed(0))
        return float(
            (model.decode(z) - e.shown(net.decoder(z)).view(-1, *data.spec.shape)).abs().max()
        )
    x = data.test.batch(slice(0, TRIED))
    labels = _labels(data, TRIED) if e.told else None
    ours = model.reconstruct(x, labels if model.conditional else None)
    return float((ours - e.reconstruct(net, x, labels)).abs().max())


def truth(e: Entry, net: nn.Module, found: Understood, data: Dataset) -> dict[str, float]:
    """Held-out figures of the network itself, by torch.distributions: those of `evaluate`, with the
    same draws of eps, and the reconstruction in the unit in which the reading has it."""
    split, model = data.test.first(TRIED), found.model
    generator = torch.Generator().manual_seed(0)
    sums: dict[str, float] = {}
    for part in parts(len(split), batch_for(model, DRAWN_BATCH)):
        x = split.batch(part)
        labels = None if split.labels is None else split.labels[part]
        y, *q = e.run(net, x, labels)
        found_here = {"mse": (y - x).square().flatten(1).mean(1)}
        if q:
            mu, std = q
            eps = torch.empty_like(mu).normal_(generator=generator)
            drawn = e.run(net, x, labels, eps)[0].flatten(1)
            kl = kl_divergence(Normal(mu, std.clamp(min=1e-12)), Normal(0.0, 1.0)).sum(1)
            found_here |= {"kl": kl, "reconstruction": (drawn - x.flatten(1)).square().sum(1)}
            if model.reconstruction_unit == "nats":
                p = Bernoulli(drawn.double().clamp(1e-12, 1 - 1e-12), validate_args=False)
                nats = -p.log_prob(x.flatten(1)).sum(1)
                found_here |= {"reconstruction": nats, "nelbo": nats + kl}
        for key, values in found_here.items():
            sums[key] = sums.get(key, 0.0) + float(values.double().sum())
    net.eps = None
    return {key: value / len(split) for key, value in sums.items()}
