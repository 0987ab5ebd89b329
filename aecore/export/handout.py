"""A model on one printed page, for a lesson: its layers, examples, map, curve and figures, and
three questions."""

from __future__ import annotations

import math

import numpy as np
import torch

from aecore.errors import ExportError
from aecore.evaluation.batches import labels_for
from aecore.evaluation.beside import judged, pca_beside, pca_reconstruction
from aecore.evaluation.latent import encode_split, plane_of
from aecore.evaluation.metrics import example_errors, shown
from aecore.export.pdf_page import BLACK, HEIGHT, WIDTH, PdfPage, color_of, pictures_in, wrapped
from aecore.export.subject import Subject, TakenOut, file_stem
from aecore.figures import palette
from aecore.figures.examples import frame_of
from aecore.figures.images import as_image
from aecore.figures.network import stages
from aecore.figures.preview import rows_of
from aecore.figures.qr import qr_modules
from aecore.models import family
from aecore.models.families.pca import basis_of
from aecore.wording import count

EXAMPLES, POINTS, MAP = 6, 1500, 170.0  # MAP: its side
NOTE_LINES = 3  # that say what is drawn of a table
EDGE, GREY, FAINT = 48.0, (0.42, 0.44, 0.47), (0.86, 0.87, 0.89)
OURS, PCAS = color_of(palette.MODEL), color_of(palette.PCA)


def export_handout(subject: Subject) -> TakenOut:
    """One page of A4, opened again: the reconstructions in it are the model's, pixel for pixel.

    Raises ExportError if they are not.
    """
    page = PdfPage(subject.card.name)
    y = _head(page, subject)
    y = _layers(page, subject, y)
    y, drawn = _examples(page, subject, y)
    _map(page, subject, y - 14)
    bottom = _curve(page, subject, y - 14)
    error = float(example_errors(subject.model, subject.data.test).mean())
    y = _figures(page, subject, error, bottom)
    _questions(page, subject, error, y)
    content = page.content()
    kept = pictures_in(content)
    for i, pixels in enumerate(drawn):
        if not np.array_equal(kept[i], pixels):
            raise ExportError("The page is refused: a picture in it is not what was drawn.")
    what = f"its {len(drawn)} pictures are the model's, pixel for pixel" if drawn else "one page"
    return TakenOut(
        f"{file_stem(subject.card)}-handout", {"handout.pdf": content}, f"opened again; {what}", 0.0
    )


def _title(page: PdfPage, x: float, y: float, text: str, note: str = "") -> None:
    page.text(x, y, text, 11, bold=True)
    if note:
        page.text(x, y - 12, note, 8, color=GREY)


def _head(page: PdfPage, subject: Subject) -> float:
    """Name and kind, and where the app shows it."""
    card, top = subject.card, HEIGHT - EDGE
    page.text(EDGE, top - 18, card.name, 20 if len(card.name) < 40 else 14, bold=True)
    of = subject.data_title
    k = card.spec.latent_dim
    about = (
        f"{family(card.spec.family).title} of {of}: {card.spec.data.size:,} values become "
        f"{count(k, 'number')} and come back."
    )
    for i, line in enumerate(wrapped(about, WIDTH - 2 * EDGE - 80, 10)[:2]):
        page.text(EDGE, top - 34 - 12 * i, line, 10, color=GREY)
    if subject.address:
        side = 62.0
        modules = qr_modules(subject.address)
        step = side / len(modules)
        left, upper = WIDTH - EDGE - side, top + 8
        for i, row in enumerate(modules):
            for j, dark in enumerate(row):
                if dark:
                    page.box(
                        left + j * step, upper - (i + 1) * step, step + 0.05, step + 0.05, BLACK
                    )
        page.text(EDGE, top - 60, subject.address, 8, color=OURS)
    return top - 68


def _layers(page: PdfPage, subject: Subject, y: float) -> float:
    """One bar a layer, as tall as the logarithm of the numbers that leave it."""
    shapes, code = stages(subject.model)
    sizes = [math.prod(shape) for shape in shapes]
    tall, bar, middle = 58.0, 20.0, y - 46
    gap = min(60.0, (WIDTH - 2 * EDGE - bar * len(sizes)) / max(len(sizes) - 1, 1))
    left = (WIDTH - bar * len(sizes) - gap * (len(sizes) - 1)) / 2
    heights = [max(5.0, tall * math.log2(n + 1) / math.log2(max(sizes) + 1)) for n in sizes]
    for i, (n, high) in enumerate(zip(sizes, heights, strict=True)):
        x = left + i * (bar + gap)
        if i + 1 < len(sizes):
            after = heights[i + 1] / 2
            page.polygon(
                [
                    (x + bar, middle - high / 2),
                    (x + bar + gap, middle - after),
                    (x + bar + gap, middle + after),
                    (x + bar, middle + high / 2),
                ],
                FAINT,
            )
        page.box(x, middle - high / 2, bar, high, PCAS if i == code else OURS)
        page.text(x + bar / 2, middle + high / 2 + 4, f"{n:,}", 8, align="middle")
        word = {0: "in", code: "code", len(sizes) - 1: "out"}.get(i, "")
        page.text(x + bar / 2, middle - tall / 2 - 12, word, 8, color=GREY, align="middle")
    return middle - tall / 2 - 32


@torch.inference_mode()
def _examples(page: PdfPage, subject: Subject, y: float) -> tuple[float, list[np.ndarray]]:
    """Held-out examples above what the model and PCA make of them; and the pictures drawn."""
    data, model = subject.data, subject.model
    rows = torch.from_numpy(rows_of(data, EXAMPLES))
    x, labels = data.test.batch(rows), labels_for(model, data.test, rows)
    x_hat = model.decode(model.encode(x, labels).mu, labels)
    k = _pca_k(subject)
    pca = pca_reconstruction(_basis(subject), x, k)
    _title(page, EDGE, y, f"{len(rows)} held-out {subject.thing}s, never trained on")
    side, gap, left = 48.0, 14.0, EDGE + 92
    reach = float(torch.stack([x, x_hat, pca]).nan_to_num().abs().max()) or 1.0
    drawn, top = [], y - 10
    for i, (name, values) in enumerate(
        (("As they are", x), ("Redrawn", x_hat), (f"PCA, {count(k, 'number')}", pca))
    ):
        low = top - (i + 1) * (side + 4)
        page.text(EDGE, low + side / 2 - 3, name, 9)
        for j, value in enumerate(values.numpy()):
            at = left + j * (side + gap)
            if frame_of(data).kind == "image":
                drawn.append(as_image(value))
                page.picture(at, low, side, side, drawn[-1])
            else:
                _plot(page, subject, value, at, low, side, reach)
    bottom = top - 3 * (side + 4)
    for line in _how_drawn(subject):
        bottom -= 9
        page.text(EDGE, bottom, line, 7, color=GREY)
    return bottom - 10, drawn


def _how_drawn(subject: Subject) -> list[str]:
    """How to read what is no picture, in lines."""
    frame, wide = frame_of(subject.data), WIDTH - 2 * EDGE
    if frame.kind == "lines":
        return [f"Each is {count(subject.spec.size, 'value')}, from left to right."]
    if frame.kind != "bars":
        return []
    head = "A bar for each column, from its mean to the left or right; from the top: "
    names = [column.name for column in frame.columns]
    for told in range(len(names), 0, -1):
        left = f" and {len(names) - told} more" if told < len(names) else ""
        lines = wrapped(f"{head}{', '.join(names[:told])}{left}.", wide, 7)
        if len(lines) <= NOTE_LINES:
            return lines
    return wrapped("A bar for each column, from its mean to the left or right.", wide, 7)


def _plot(
    page: PdfPage,
    subject: Subject,
    value: np.ndarray,
    x: float,
    y: float,
    side: float,
    reach: float,
):
    """A signal as a line, a table's row as bars from the mean, in a square. reach: the farthest
    from the mean of all that is drawn."""
    frame, flat = frame_of(subject.data), np.nan_to_num(np.ravel(value))
    if frame.kind == "bars":
        zero, step = side / 2, side / len(flat)
        for i, end in enumerate(zero + flat / reach * zero):
            left, wide = min(zero, end), max(abs(end - zero), 0.4)
            page.box(x + left, y + side - (i + 1) * step, wide, step * 0.8, OURS)
        page.line([(x + zero, y), (x + zero, y + side)], GREY, 0.5)
        return
    share = ((flat - frame.low) / (frame.high - frame.low)).clip(0, 1)
    page.line([(x, y), (x + side, y)], FAINT, 0.5)
    across = np.linspace(x, x + side, len(flat))
    page.line(list(zip(across, y + share * side, strict=True)), OURS, 1)


def _map(page: PdfPage, subject: Subject, y: float) -> None:
    """Codes of held-out examples in their class's colour, with the class's name in its middle."""
    split = subject.data.test.first(POINTS)
    points, side = plane_of(encode_split(subject.model, split).mu, None), MAP
    k = subject.card.spec.latent_dim
    note = "their two numbers" if k == 2 else "the two main directions of the codes"
    _title(page, EDGE, y, f"Map: {len(split):,} held-out {subject.thing}s", note if k > 1 else "")
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    span = float(np.maximum(high - low, 1e-9).max())
    at = ((points - (low + high) / 2) / span * 0.94 + 0.5).clip(0, 1) * side
    at += (EDGE, y - 22 - side)
    dot = 2.0 if len(split) > 500 else 3.5
    if split.labels is None:
        page.dots(at.tolist(), OURS, dot)
        return
    labels, names = split.labels.numpy(), subject.data.class_names
    present = [int(c) for c in np.unique(labels)]
    for c in present:
        page.dots(at[labels == c].tolist(), color_of(palette.class_color(c)), dot)
    named: list[tuple[float, float]] = []
    for i, c in enumerate(present[:14]):
        name = (names[c] if c < len(names) else str(c))[:14]
        row = y - 30 - 11 * i
        page.dots([(EDGE + MAP + 14, row + 3)], color_of(palette.class_color(c)), 6)
        page.text(EDGE + MAP + 20, row, name, 8)
        x, upper = np.median(at[labels == c], axis=0)
        if any(abs(x - a) < 24 and abs(upper - b) < 9 for a, b in named):
            continue  # the names beside the map have it
        named.append((x, upper))
        for dx, dy in ((-0.7, 0), (0.7, 0), (0, -0.7), (0, 0.7)):
            page.text(x + dx, upper - 3 + dy, name, 9, bold=True, color=(1, 1, 1), align="middle")
        page.text(x, upper - 3, name, 9, bold=True, align="middle")


def _curve(page: PdfPage, subject: Subject, y: float) -> float:
    """Held-out error by epoch, on a logarithmic scale, PCA's dashed; where it all ends below."""
    left, wide, tall = EDGE + 250, WIDTH - 2 * EDGE - 250, MAP - 30
    bottom = y - 22 - MAP
    rows = [(r["epoch"], *judged(r)) for r in subject.card.reached if "epoch" in r]
    told = [(epoch, ours, pca) for epoch, ours, pca in rows if ours and ours > 0]
    _title(page, left, y, "Held-out error, epoch by epoch", "mean squared, per value; log scale")
    if len(told) < 2:
        for i, text in enumerate(
            wrapped("No curve: how it was trained is not known here.", 200, 9)
        ):
            page.text(left, y - 40 - 12 * i, text, 9, color=GREY)
        return bottom
    pca = told[-1][2]
    values = [ours for _, ours, _ in told] + ([pca] if pca else [])
    low, high = math.log(min(values)) - 0.1, math.log(max(values)) + 0.1
    first, last = told[0][0], told[-1][0]
    x0, y0 = left + 40, bottom + 20

    def at(value: float) -> float:
        return y0 + (math.log(value) - low) / (high - low) * tall

    page.line([(x0, y0 + tall), (x0, y0), (left + wide, y0)], GREY, 0.7)
    for value in (min(values), max(values)):
        page.text(x0 - 4, at(value) - 3, shown(value), 8, align="right", color=GREY)
    points = [(x0 + (e - first) / (last - first) * (wide - 40), at(v)) for e, v, _ in told]
    page.line(points, OURS, 1.6)
    page.dots(points[-1:], OURS, 4)
    if pca:
        page.line([(x0, at(pca)), (left + wide, at(pca))], PCAS, 1, dashed=True)
        page.text(left + wide, at(pca) + 3, f"PCA {shown(pca)}", 8, align="right", color=PCAS)
    page.text(x0, y0 - 12, f"epoch {first:g}", 8, color=GREY)
    page.text(left + wide, y0 - 12, f"{last:g}", 8, color=GREY, align="right")
    return bottom


def _figures(page: PdfPage, subject: Subject, error: float, y: float) -> float:
    """The error on all held-out examples, PCA's beside it, and what it took."""
    basis, k, card = _basis(subject), _pca_k(subject), subject.card
    n = f"{len(subject.data.test):,} held-out {subject.thing}s"
    weights = sum(p.numel() for p in subject.model.parameters())
    cells = [
        (f"Its error on {n}", shown(error), OURS),
        (f"PCA's with {count(k, 'number')}", shown(basis.mse(k)), PCAS),
        ("Weights", f"{weights:,}", BLACK),
        ("Trained for", count(card.epochs_done, "epoch"), BLACK),
    ]
    y, x = y - 16, EDGE
    for label, value, color in cells:
        page.text(x, y, label, 8, color=GREY)
        page.text(x, y - 17, value, 14, bold=True, color=color)
        x += 178 if x == EDGE else 112
    return y - 44


def _questions(page: PdfPage, subject: Subject, error: float, y: float) -> None:
    """Three questions, with room for an answer beneath each."""
    _title(page, EDGE, y, "To think about")
    room = max(34.0, (y - EDGE - 6) / 3)
    for i, question in enumerate(questions(subject, error), 1):
        top = y - 18 - (i - 1) * room
        for j, line in enumerate(wrapped(f"{i}. {question}", WIDTH - 2 * EDGE, 10)):
            page.text(EDGE, top - 12 * j, line, 10)
        page.line([(EDGE, top - room + 16), (WIDTH - EDGE, top - room + 16)], FAINT, 0.7)


def questions(subject: Subject, error: float) -> list[str]:
    """Three questions that fit the model and its held-out error."""
    model, k = subject.model, subject.card.spec.latent_dim
    pca, thing = _basis(subject).mse(_pca_k(subject)), subject.thing
    first = (
        f"Which of the {thing}s above is redrawn worst? What do {count(k, 'number')} not hold "
        f"of it that {subject.spec.size:,} values did?"
    )
    if model.linear:
        second = "This network has no curved layer. Why can it not do better than PCA?"
    elif error < pca:
        second = (
            "PCA draws straight lines through the data. What can this network do that leads to a "
            "smaller error with as many numbers?"
        )
    else:
        second = "PCA errs no more than this network. What could be changed so that it does better?"
    if model.denoises:
        third = (
            "It learned from damaged examples. How can it know what belongs to one, and what not?"
        )
    elif model.variational:
        third = (
            "Its codes are drawn towards one cloud around zero. What does that allow, and what "
            "does it cost?"
        )
    elif model.wide_code:
        third = "Only a few of its numbers are on at a time. Why can its code then be so long?"
    elif subject.data.test.labels is not None:
        third = (
            "Nobody told it the classes. Which two lie on each other in the map, and what have "
            "they in common?"
        )
    else:
        third = "Half as many numbers in the code: what would be lost first? Try it."
    return [first, second, third]


def _basis(subject: Subject):
    return basis_of(subject.data.limited(subject.card.config.limit), subject.card.spec.latent_dim)


def _pca_k(subject: Subject) -> int:
    codes = encode_split(subject.model, subject.data.test.first(POINTS)).mu
    return pca_beside(subject.model, codes).k
