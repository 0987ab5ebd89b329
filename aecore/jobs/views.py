"""What pages show of a model that takes long to compute, each a function of the model in hand.

Wherever they run, in a worker or in the app, they give the same.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from aecore import datasets
from aecore.datasets import Split
from aecore.errors import ExportError
from aecore.evaluation import columns, noise_removed
from aecore.evaluation.batches import labels_for, parts
from aecore.evaluation.factors import factor_r2
from aecore.evaluation.latent import Codes, encode_split, neighbours_of, plane_of
from aecore.evaluation.metrics import (
    CodeQuality,
    Scores,
    code_quality,
    evaluate,
    example_errors,
    scores_beside_pca,
)
from aecore.evaluation.unit_facts import LayerFacts, layer_facts
from aecore.export.explorer_file import model_bundle
from aecore.export.registry import take_out
from aecore.export.subject import TakenOut
from aecore.figures import mosaic, preview
from aecore.figures.examples import frame_of
from aecore.jobs import own_turn
from aecore.jobs.in_hand import InHand
from aecore.machine import one_blas_thread
from aecore.models.families.sparse import atoms
from aecore.models.layers.tracing import multiply_adds
from aecore.pad import PadBundle, export_network, served, served_matter
from aecore.training.pace import images_a_second
from aecore.types import ModelSpec, TrainConfig

if TYPE_CHECKING:
    from aecore.inspection.judging.report import Report

TSNE_STEPS = 250  # of each part
_COLOURED = 16
_LOOKED_MACS = 80_000_000_000  # multiply-adds for what units do, some seconds
_JUDGED = 2000  # held-out examples on which codes are judged
KNOWN, NEIGHBOURS = 1500, 8  # examples that a map knows closely, and nearest ones of each


def pace(spec: str, config: str, dataset: str) -> float | None:
    """Training examples a second, measured here; None for a model that takes no steps. spec,
    config: as JSON, so that two who ask for the same are known to. dataset: its name."""
    chosen = ModelSpec.from_json(json.loads(spec)), TrainConfig.from_json(json.loads(config))
    return images_a_second(*chosen, datasets.load(dataset))


def ready() -> None:
    """Nothing: a worker that was asked has imported all of this."""


def fit_basis(held: InHand) -> None:
    """Fit PCA of the data, which is then on this machine's disk for every process."""
    _ = held.basis


def codes(held: InHand, split: str) -> Codes:
    """Codes of every example of a split ('test' is the held-out one)."""
    return held.codes if split == "test" else encode_split(held.model, getattr(held.data, split))


def errors(held: InHand) -> np.ndarray:
    """Mean squared error of each held-out example, (n,), of decode(mean), unclipped."""
    return example_errors(held.model, held.data.test).numpy()


def scores(held: InHand) -> Scores:
    """Each held-out example's scores, the model's and PCA's."""
    image, seed = frame_of(held.data).kind == "image", held.card.config.seed
    return scores_beside_pca(held.model, held.basis, held.data.test, image, seed)


def figures(held: InHand) -> dict[str, float]:
    """What the model's family measures, over the held-out examples."""
    return evaluate(held.model, held.data.test, held.card.config.seed)


def at_a_glance(held: InHand) -> preview.Preview:
    """A model's map and some of its reconstructions, small."""
    return preview.preview(held.model, held.data)


def data_mosaic(name: str) -> bytes:
    """Some training examples of a dataset in one picture. Raises DatasetError."""
    return mosaic.mosaic(datasets.load(name))


def two_numbers(name: str) -> mosaic.TwoNumbers:
    """What two numbers of PCA keep of a dataset's held-out examples. Raises AecoreError."""
    with own_turn.beside():
        return mosaic.two_numbers(datasets.load(name))


def plane(held: InHand, n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Codes of the first n held-out examples as points, (n, 2), and their classes, (n,)."""
    labels = held.data.test.first(n).labels
    return plane_of(held.codes.mu[:n], None), None if labels is None else labels.numpy()


@torch.inference_mode()
def redrawn(held: InHand, rows: tuple[int, ...]) -> np.ndarray:
    """Some held-out examples as the model redraws them from their codes' means, (n, *shape)."""
    index = torch.tensor(rows)
    labels = labels_for(held.model, held.data.test, index)
    return held.model.decode(
        held.model.encode(held.data.test.batch(index), labels).mu, labels
    ).numpy()


# Latent space --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pool:
    """Codes (n, k) of held-out examples, then of training examples if asked, PCA's scores of the
    same with the components that stand beside the model, and class numbers (n,), None without.
    neighbours: of the first of them the nearest by code, (m, NEIGHBOURS)."""

    codes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray | None
    neighbours: np.ndarray


def pool(held: InHand, everything: bool) -> Pool:
    """The examples that maps draw; everything: the training examples too."""
    found, splits = held.codes.mu, [held.data.test]
    if everything:
        splits.append(held.data.train)
        found = np.concatenate([found, encode_split(held.model, held.data.train).mu])
    beside = np.concatenate([_pca_scores(held, split) for split in splits])
    # Three can be drawn in any case.
    beside = np.pad(beside, ((0, 0), (0, max(0, 3 - beside.shape[1]))))
    told = [split.labels.numpy() for split in splits if split.labels is not None]
    labels = np.concatenate(told) if told else None
    codes = found.astype(np.float32)
    near = neighbours_of(codes, KNOWN, NEIGHBOURS)
    return Pool(codes, beside.astype(np.float32), labels, near)


def _pca_scores(held: InHand, split: Split) -> np.ndarray:
    """PCA's scores of a split; in parts, because all of it as floats is four times its bytes."""
    whole = (split.batch(part).flatten(1).numpy() for part in parts(len(split), 10_000))
    return np.concatenate([held.basis.encode(x, held.beside.k) for x in whole])


def quality(held: InHand) -> tuple[CodeQuality, CodeQuality]:
    """How well the model's codes keep what matters, and PCA's scores."""
    found = pool(held, False)
    x = held.data.test.batch(slice(0, _JUDGED)).flatten(1).numpy()
    return (
        code_quality(found.codes, x, found.labels),
        code_quality(found.scores, x, found.labels),
    )


def directions(held: InHand, n: int, size: int) -> np.ndarray:
    """The codes of the first examples of the pool along their own first principal directions,
    (size, n)."""
    from sklearn.decomposition import PCA

    found = pool(held, size > len(held.data.test)).codes[:size]
    return PCA(n, svd_solver="covariance_eigh").fit_transform(found).astype(np.float32)


def tsne_part(held: InHand, n_axes: int, size: int, start: np.ndarray | None) -> np.ndarray:
    """One part of t-SNE of the first held-out codes, (size, n_axes). start: the points that the
    part before left, None for the first."""
    from sklearn.manifold import TSNE

    first = start is None
    init: Any = "pca" if first else start
    method = TSNE(
        n_axes,
        init=init,
        max_iter=TSNE_STEPS,
        random_state=0,
        early_exaggeration=12.0 if first else 1.0,
        perplexity=min(30, (size - 1) / 3),
    )
    with one_blas_thread():
        return np.asarray(method.fit_transform(held.codes.mu[:size]), np.float32)


# Inside --------------------------------------------------------------------------------------


def units(held: InHand) -> tuple[np.ndarray, np.ndarray]:
    """What each unit draws, (k, *shape), and the share of held-out examples it fires for, (k,)."""
    mu = torch.from_numpy(held.codes.mu)
    return atoms(held.model, mu).numpy(), held.model.firing(mu).float().mean(0).numpy()


def unit_facts(held: InHand, part: str, leaf: int, maps: int, among: int) -> LayerFacts:
    """What the units of a layer do on held-out examples: see layer_facts. Of a large model on fewer
    of them, so that a person need not wait."""
    cost = sum(multiply_adds(held.model) or (0, 0))
    most = _LOOKED_MACS // cost if cost else None
    return layer_facts(held.model, held.data.test, part, leaf, maps, among, most)


def at_work(
    held: InHand, entered: int | bytes, chosen: served.Chosen, mean: tuple[float, ...]
) -> served.Answer:
    """What the drawing of the network shows of one choice: see served.answer.

    entered: a held-out example; or what was drawn, a byte for each value, from 0 to 1; or nothing,
    b"", where a code alone is chosen.
    """
    return served.answer(held.model, held.layers, _entered(held, entered), chosen, mean)


def matter_at_work(
    held: InHand,
    entered: int | bytes,
    chosen: served.Chosen,
    mean: tuple[float, ...],
    stage: int,
) -> served.Answer:
    """How much each unit of a stage matters to one choice, given as to at_work."""
    x = _entered(held, entered)
    return served_matter.matter(held.model, held.layers, x, chosen, mean, stage)


def _entered(held: InHand, entered: int | bytes) -> torch.Tensor:
    if isinstance(entered, int):
        return held.data.test.batch(slice(entered, entered + 1))
    shape = held.data.spec.shape
    if not entered:
        return torch.zeros(1, *shape)
    return torch.frombuffer(bytearray(entered), dtype=torch.uint8).view(1, *shape) / 255


def causes(held: InHand) -> np.ndarray:
    """How well each latent number tells each known cause, (k, f): see factor_r2."""
    factors = held.data.factors
    assert factors is not None  # as whoever asks has made sure
    return factor_r2(held.codes.mu, factors.test, factors.periods)


def noise(held: InHand) -> noise_removed.Compared:
    """What a denoising model makes of noise, beside simple ways."""
    seed = held.card.config.seed
    return noise_removed.compared(held.model, held.data, held.basis, held.beside.k, seed)


@dataclass(frozen=True)
class Columns:
    """Of the held-out rows. kept, pca: R² of each column, (D,). moves: its correlation with each
    latent number, (D, k)."""

    kept: np.ndarray
    pca: np.ndarray
    moves: np.ndarray


@torch.inference_mode()
def of_columns(held: InHand) -> Columns:
    """What is kept of each column of a table, and what moves with it."""
    test, every = held.data.test, slice(None)
    x = test.batch(every)
    x_hat = held.model.reconstruct(x, labels_for(held.model, test, every)).numpy()
    pca = held.basis.reconstruct(x.numpy(), held.beside.k)
    moves = columns.correlations(held.codes.mu, x.numpy())
    return Columns(columns.kept(x.numpy(), x_hat), columns.kept(x.numpy(), pca), moves)


# The pad, the ways out, the report -----------------------------------------------------------


def bundle(
    held: InHand, name: str, points: int, images: int, with_errors: bool = True
) -> PadBundle:
    """The pad's data. name: what the browser knows the model by. points, images: of how many of the
    first held-out examples; with all of their errors where asked."""
    try:
        network, why = export_network(held.model), ""
    except ExportError as error:
        network, why = None, str(error)
    large = network is not None and not network.within_budget
    told = served.served_meta(held.model, held.layers, _some(held)) if large else None
    whole = with_errors or points >= len(held.data.test)
    return model_bundle(
        held.subject,
        held.basis,
        held.codes if whole else encode_split(held.model, held.data.test.first(points)),
        network=network,
        why_no_network=why,
        model_id=name,
        sizes=(points, images),
        errors=errors(held) if with_errors else None,
        served=told,
    )


def _some(held: InHand) -> torch.Tensor:
    """Some held-out examples, over which the colours of a drawing reach."""
    return held.data.test.batch(slice(0, _COLOURED))


def taken_out(held: InHand, name: str, way: str, address: str) -> TakenOut:
    """An export, opened again. name: what it is called now, which a card need not know. address:
    where the app shows it, "" for nowhere. Raises ExportError with the reason it is refused for."""
    card = held.card if held.whole else dataclasses.replace(held.card, name=name)
    with own_turn.beside():  # another Python does most of it, and one of them after the other
        return take_out(dataclasses.replace(held.subject, card=card, address=address), way)


def headline_markup(report: Report) -> str:
    """The head of a check-up's report as markup for a page."""
    from aecore.inspection.judging import html

    return html.headline_body(report)


def report_markup(report: Report, beside: Report | None, titles: tuple[str, ...]) -> str:
    """A check-up's report as markup for a page, alone or beside another's. titles: of both."""
    from aecore.inspection.judging import html

    if beside is None:
        return html.body(report)
    first, second = titles
    return html.compare_body(report, beside, titles=(first, second))
