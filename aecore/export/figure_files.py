"""Every figure of a model as files: its numbers as CSV, its pictures as PNG, in one zip."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from aecore.errors import ExportError
from aecore.evaluation.batches import labels_for
from aecore.evaluation.latent import Codes, encode_split, manifold_codes, plane_of, traversal
from aecore.evaluation.metrics import scores_beside_pca
from aecore.evaluation.thresholds import ACTIVE_VARIANCE
from aecore.export.csv_tables import csv_text, history_columns
from aecore.export.subject import TOLERANCE, Subject, TakenOut, file_stem, in_words
from aecore.figures import images
from aecore.figures.examples import kind_of
from aecore.models.families.pca import PCABasis, basis_of

SHOWN, STEPS, ROWS, SIDE, SAMPLES = 10, 11, 16, 21, 64
Columns = dict[str, Any]


def export_figures(subject: Subject) -> TakenOut:
    """A zip of tables and pictures; each is opened again, and the codes and errors in the tables
    are compared with those of the model. Raises ExportError if they are not the same."""
    book = _Book(subject)
    tables = {name: (about, make(book)) for name, (about, make) in _TABLES.items()}
    tables = {name: found for name, found in tables.items() if found[1]}
    parts = {name: csv_text(columns).encode() for name, (_, columns) in tables.items()}
    about = {name: text for name, (text, _) in tables.items()}
    if kind_of(subject.spec) == "image":
        for name, (text, draw) in _PICTURES.items():
            drawn = draw(book)
            if drawn is not None:
                parts[name], about[name] = _png(drawn), text
    difference = _opened_again(parts, book)
    lines = [f"{name}: {text}" for name, text in about.items()]
    parts["README.txt"] = f"{subject.card.name}\n\n{chr(10).join(lines)}\n".encode()
    n = len(subject.data.test)
    checked = (
        f"every file opened again; codes and errors of {n:,} held-out {subject.thing}s compared "
        f"with the model's: {in_words(difference)}"
    )
    return TakenOut(f"{file_stem(subject.card)}-figures", parts, checked, difference)


class _Book:
    """What several figures need, computed once."""

    def __init__(self, subject: Subject):
        self.subject, self.model, self.data = subject, subject.model, subject.data
        self.k, self.labels = subject.card.spec.latent_dim, subject.data.test.labels
        self.basis: PCABasis = basis_of(self.data.limited(subject.card.config.limit), self.k)
        self.codes: Codes = encode_split(self.model, self.data.test)
        picture = kind_of(self.data.spec) == "image"
        self.scores = scores_beside_pca(
            self.model, self.basis, self.data.test, picture, subject.card.config.seed
        )

    def with_labels(self, columns: Columns) -> Columns:
        """Columns of all held-out examples, their number and class before them."""
        first: Columns = {"example": np.arange(len(self.data.test))}
        if self.labels is not None:
            names = self.data.class_names
            labels = self.labels.numpy()
            first["class"] = [names[c] if c < len(names) else str(c) for c in labels]
        return first | columns

    def decode(self, z: np.ndarray, labels: torch.Tensor | None = None) -> np.ndarray:
        """Drawings of codes; a conditional model is told no label, or the given ones."""
        with torch.inference_mode():
            return self.model.decode(torch.from_numpy(z.astype(np.float32)), labels).numpy()


# Tables -----------------------------------------------------------------------------------


def _history(book: _Book) -> Columns:
    return history_columns(book.subject.card.history)


def _held_out(book: _Book) -> Columns:
    scores = book.scores
    columns = {
        "mse (squared error per value)": scores.mse,
        "pca_mse (squared error per value)": scores.pca_mse,
    }
    if book.data.spec.bounded:
        for name, errors in (("psnr", scores.mse), ("pca_psnr", scores.pca_mse)):
            columns[f"{name} (dB of a peak of 1)"] = -10 * np.log10(errors.clip(1e-12))
    if scores.ssim is not None:
        columns |= {"ssim (-1 to 1)": scores.ssim, "pca_ssim (-1 to 1)": scores.pca_ssim}
    return book.with_labels(columns)


def _codes(book: _Book) -> Columns:
    mu, logvar = book.codes.mu, book.codes.logvar
    columns = {f"mu{i + 1} (latent unit)": mu[:, i] for i in range(book.k)}
    if logvar is not None:
        columns |= {f"logvar{i + 1} (log of a variance)": logvar[:, i] for i in range(book.k)}
    return book.with_labels(columns)


def _latent_numbers(book: _Book) -> Columns:
    codes, ranges = book.codes, book.codes.ranges()
    unit = "mean KL (nats)" if codes.logvar is not None else "variance (latent unit squared)"
    return {
        "latent number": np.arange(1, book.k + 1),
        unit: codes.informativeness(),
        "mean of mu (latent unit)": codes.mu.mean(0),
        "standard deviation of mu (latent unit)": codes.mu.std(0),
        "low end of 99 % (latent unit)": ranges[:, 0],
        "high end of 99 % (latent unit)": ranges[:, 1],
        f"active (Var mu > {ACTIVE_VARIANCE:g})": (codes.mu.var(0) > ACTIVE_VARIANCE).astype(int),
    }


def _map(book: _Book) -> Columns:
    x = book.data.test.batch(slice(None)).flatten(1).numpy()
    scores = book.basis.encode(x, 2)
    scores = np.pad(scores, ((0, 0), (0, 2 - scores.shape[1])))
    plane = plane_of(book.codes.mu)
    return book.with_labels(
        {
            "map x (latent unit)": plane[:, 0],
            "map y (latent unit)": plane[:, 1],
            "pca score 1 (data unit)": scores[:, 0],
            "pca score 2 (data unit)": scores[:, 1],
        }
    )


def _pca(book: _Book) -> Columns:
    basis = book.basis
    n = len(basis.test_mse)
    share = np.concatenate([[0.0], basis.explained_variance_ratio])
    ours: list[float | None] = [None] * n
    if book.scores.beside.k < n:
        ours[book.scores.beside.k] = float(book.scores.mse.mean())
    return {
        "components": np.arange(n),
        "held-out mse (squared error per value)": basis.test_mse,
        "explained variance (share)": share,
        "explained variance so far (share)": np.cumsum(share),
        "this model's held-out mse (squared error per value)": ours,
    }


_TABLES: dict[str, tuple[str, Callable[[_Book], Columns]]] = {
    "history.csv": ("held-out and training figures after each epoch", _history),
    "held_out_errors.csv": (
        "error of each held-out example, beside PCA's with as many numbers",
        _held_out,
    ),
    "codes.csv": ("the code of each held-out example", _codes),
    "latent_numbers.csv": ("how much each latent number carries, and its range", _latent_numbers),
    "latent_map.csv": (
        "held-out examples on a plane (their codes, or the codes' two main "
        "directions), and their first two PCA scores",
        _map,
    ),
    "pca.csv": ("PCA's held-out error and explained variance at every number of components", _pca),
}


# Pictures ---------------------------------------------------------------------------------


def _reconstructions(book: _Book) -> np.ndarray:
    labels = np.arange(len(book.data.test)) if book.labels is None else book.labels.numpy()
    rows = torch.from_numpy(np.sort(np.unique(labels, return_index=True)[1][:SHOWN]))
    x = book.data.test.batch(rows)
    with torch.inference_mode():
        told = labels_for(book.model, book.data.test, rows)
        x_hat = book.model.reconstruct(x, told).numpy()
    pca = book.basis.reconstruct(x.flatten(1).numpy(), book.scores.beside.k).reshape(x.shape)
    shown = [images.as_image(v) for v in (*x.numpy(), *x_hat, *pca)]
    shown += [images.error_image(a, b) for a, b in zip(x_hat, x.numpy(), strict=True)]
    return _grid(shown, len(x))


def _traversals(book: _Book) -> np.ndarray:
    z, ranges = book.codes.mu.mean(0), book.codes.ranges()
    ways = []
    for d in book.codes.order()[:ROWS]:
        low, high = ranges[d]
        ways.append(traversal(z, int(d), float(low), float(high), STEPS))
    return _grid([images.as_image(v) for v in book.decode(np.concatenate(ways))], STEPS)


def _manifold(book: _Book) -> np.ndarray | None:
    if book.k != 2:
        return None
    codes = manifold_codes(book.codes.ranges(), SIDE)
    return _grid([images.as_image(v) for v in book.decode(codes)], SIDE, gap=0)


def _samples(book: _Book) -> np.ndarray | None:
    if not book.model.variational:
        return None
    z = book.model.sample_prior(SAMPLES, torch.Generator().manual_seed(0)).numpy()
    told = None
    if book.model.conditional:
        told = torch.arange(SAMPLES) % book.data.spec.classes
    return _grid([images.as_image(v) for v in book.decode(z, told)], 8)


def _grid(pictures: list[np.ndarray], columns: int, gap: int = 1) -> np.ndarray:
    width = (pictures[0].shape[1] + gap) * columns
    return images.grid(pictures, columns, gap, images.enlargement(width, 1000))


_PICTURES: dict[str, tuple[str, Callable[[_Book], np.ndarray | None]]] = {
    "reconstructions.png": (
        "rows: held-out examples, this model's reconstructions, PCA's with as "
        "many numbers, the model's error (blue too dark, orange too bright)",
        _reconstructions,
    ),
    "traversals.png": (
        "one row a latent number, most informative first: it goes over the range "
        "of 99 % of the codes, the others stay at their mean",
        _traversals,
    ),
    "manifold.png": ("the whole latent plane, decoded", _manifold),
    "prior_samples.png": ("z drawn from N(0, I), decoded", _samples),
}


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _opened_again(parts: dict[str, bytes], book: _Book) -> float:
    """Read every file as anybody would; the largest difference of codes and errors in them."""
    columns: dict[str, list[str]] = {}
    for name, content in parts.items():
        if name.endswith(".png"):
            with Image.open(io.BytesIO(content)) as picture:
                picture.load()
            continue
        head, *rows = csv.reader(io.StringIO(content.decode()))
        if name in ("held_out_errors.csv", "codes.csv"):
            columns |= dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))
    wanted = {"mse (squared error per value)": book.scores.mse}
    wanted |= {f"mu{i + 1} (latent unit)": book.codes.mu[:, i] for i in range(book.k)}
    largest = 0.0
    for name, values in wanted.items():
        found = np.array([float(v or "nan") for v in columns[name]])
        scale = max(1.0, float(np.abs(values).max()))
        largest = float(np.maximum(largest, np.abs(found - values).max() / scale))
    if not largest <= TOLERANCE:
        raise ExportError(
            f"The figures are refused: read back, their numbers differ from the model's by "
            f"{largest:.1g}, more than {TOLERANCE:g}."
        )
    return largest
