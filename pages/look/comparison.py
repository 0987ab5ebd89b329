"""The pieces of the Reconstructions page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from aecore.evaluation.batches import labels_for
from aecore.evaluation.beside import pca_reconstruction
from aecore.evaluation.metrics import HELD_OUT_MSE, Scores, expected_band, psnr, shown
from aecore.export.csv_tables import Columns
from aecore.figures import charts, images, palette
from aecore.figures.examples import (
    INK,
    Version,
    frame_of,
    gallery,
    legend,
    panel,
    panel_width,
)
from pages.components.beside_pca import beside, scores, title_of_pca
from pages.components.drawing import drawing
from pages.components.figure_data import csv_button
from pages.shell.layout import band_text, figure_against
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

PCA = "against PCA"
ORDERS = ("random", "worst", "best", "one of each class")
#: How many examples at once, by kind of drawing: whole rows of a wide page; the default's place.
COUNTS = {"image": ((5, 8, 10), 2), "lines": ((4, 8, 12), 1), "bars": ((3, 6, 9), 0)}


def headline(held: Hand) -> None:
    """Held-out figures of the model, each with PCA's and the expected band where one is known."""
    found, card, frame = scores(held), held.card, frame_of(held.data)
    mse, pca = float(found.mse.mean()), float(found.pca_mse.mean())
    row = st.container(horizontal=True)
    band = None
    if card.config.limit == 0 and 5 <= card.epochs_done <= 15:
        band = expected_band(held.data.name, card.spec, "mse")
    figure_against(
        row, HELD_OUT_MSE, shown(mse), shown(mse - pca, "+"), PCA, less=True, help=band_text(band)
    )
    if found.denoised is not None and found.pca_denoised is not None:
        ours, theirs = float(found.denoised.mean()), float(found.pca_denoised.mean())
        figure_against(
            row,
            "From damaged, MSE",
            shown(ours),
            shown(ours - theirs, "+"),
            PCA,
            less=True,
            help="Against the clean examples; PCA gets the same damaged ones. By this a denoising "
            "model is judged.",
        )
    if held.data.spec.bounded:
        db = [float(psnr(torch.from_numpy(v)).mean()) for v in (found.mse, found.pca_mse)]
        figure_against(row, "PSNR, mean", f"{db[0]:.1f} dB", f"{db[0] - db[1]:+.1f} dB", PCA)
    else:
        kept = [1 - v / max(held.basis.mse(0), 1e-12) for v in (mse, pca)]
        figure_against(
            row,
            "Variance kept",
            f"{kept[0]:.1%}",
            f"{100 * (kept[0] - kept[1]):+.1f} points",
            PCA,
            help="1 − MSE / the MSE of the mean example. Below 0 the mean alone would do better.",
        )
    if found.ssim is not None and found.pca_ssim is not None:
        ours, theirs = float(found.ssim.mean()), float(found.pca_ssim.mean())
        figure_against(row, "SSIM, mean", f"{ours:.3f}", f"{ours - theirs:+.3f}", PCA)
    pair = (found.mse, found.pca_mse)
    if found.denoised is not None and found.pca_denoised is not None:
        pair = (found.denoised, found.pca_denoised)
    better = float((pair[0] < pair[1]).mean())
    row.metric(
        f"{frame.thing.title()}s drawn better than by PCA",
        f"{better:.0%}",
        f"{len(held.data.test):,} held-out {frame.thing}s",
        delta_color="off",
        delta_arrow="off",
    )


def choose_examples(held: Hand, controls: DeltaGenerator) -> tuple[np.ndarray, bool]:
    """Widgets in `controls` that choose examples; returns their indices, and whether to sample z.

    Their errors, by which they are ordered, are waited for where it is called.
    """
    places = controls.columns([2.7, 1.3, 1, 1.4], vertical_alignment="bottom")
    order = places[0].segmented_control("Show", ORDERS, default=ORDERS[-1], key="show") or "random"
    names = held.data.class_names
    wanted = places[1].selectbox(
        "Class", ["all", *names], disabled=not names, key=f"class_{held.data.name}"
    )
    kind = frame_of(held.data).kind
    counts, usual = COUNTS[kind]
    count = places[2].selectbox("How many", counts, index=usual, key=f"how_many_{kind}")
    sampled = False
    with places[3]:
        if held.model.variational:
            how = st.segmented_control("Code", ["mean", "one sample"], default="mean", key="code")
            sampled = how == "one sample"
        if order == "random":
            st.button("Others", icon=":material/casino:", key="others", on_click=_shuffle)
    labels = held.data.test.labels
    rows = np.arange(len(held.data.test))
    if wanted != "all" and labels is not None:
        rows = rows[labels.numpy() == names.index(wanted)]
    error = scores(held).mse[rows]
    if order == "worst":
        rows = rows[np.argsort(-error)]
    elif order == "best":
        rows = rows[np.argsort(error)]
    elif order == "random":
        rows = np.random.default_rng(st.session_state.get("shuffle", 0)).permutation(rows)
    elif labels is not None and wanted == "all":
        _, first = np.unique(labels.numpy(), return_index=True)
        rows = np.concatenate([first, np.setdiff1d(rows[:200], first)])
    return rows[:count], sampled


def _shuffle() -> None:
    st.session_state["shuffle"] = st.session_state.get("shuffle", 0) + 1


@dataclass(frozen=True)
class Drawn:
    """Examples (n, *shape) in their versions; the last three are of a denoising model only: what
    it gets to see in training, and what it and PCA make of that."""

    x: np.ndarray
    x_hat: np.ndarray
    pca: np.ndarray
    damaged: np.ndarray | None = None
    repaired: np.ndarray | None = None
    pca_repaired: np.ndarray | None = None


@torch.inference_mode()
def reconstruct(held: Hand, rows: np.ndarray, sampled: bool) -> Drawn:
    """The model's and PCA's reconstructions of some held-out examples."""
    model, index = held.model, torch.from_numpy(rows)
    x, labels = held.data.test.batch(index), labels_for(model, held.data.test, index)
    generator = torch.Generator().manual_seed(st.session_state.get("shuffle", 0))
    posterior = model.encode(x, labels)
    x_hat = model.decode(posterior.sample(generator) if sampled else posterior.mu, labels)
    flat = x.flatten(1).numpy()
    pca = held.basis.reconstruct(flat, beside(held).k).reshape(x.shape)
    drawn = Drawn(x.numpy(), x_hat.numpy(), pca)
    if not model.denoises:
        return drawn
    damaged = model.damage(x, generator)
    repaired = model.reconstruct(damaged).numpy()
    theirs = pca_reconstruction(held.basis, damaged, beside(held).k).numpy()
    return Drawn(drawn.x, drawn.x_hat, pca, damaged.numpy(), repaired, theirs)


def strips(held: Hand, rows: np.ndarray, drawn: Drawn) -> None:
    """The chosen examples in all versions: rows of pictures, or a plot for each."""
    if not len(rows):
        st.info("No held-out example has this class; choose another.", icon=":material/info:")
    elif frame_of(held.data).kind == "image":
        _pictures(held, rows, drawn)
    else:
        _plots(held, rows, drawn)


def _pictures(held: Hand, rows: np.ndarray, drawn: Drawn) -> None:
    """Rows of pictures, all at one size on one grey scale."""
    reach = 1.0
    bands = [("Original", drawn.x), ("This model", drawn.x_hat)]
    if drawn.damaged is not None:
        bands += [
            ("Damaged, as it sees it", drawn.damaged),
            ("This model, from the damaged image", drawn.repaired),
            ("PCA, from the same", drawn.pca_repaired),
        ]
    bands.append((title_of_pca(held), drawn.pca))
    both = zip(drawn.x_hat, drawn.x, strict=True)
    errors = [images.error_image(a, b, reach) for a, b in both]
    enlarge = images.enlargement((drawn.x.shape[-1] + 1) * len(rows), 1100)
    pictures = [(title, [images.as_image(v) for v in values]) for title, values in bands]
    for title, row in [*pictures, ("Model's error", errors)]:
        label, place = st.columns([1, 9], vertical_alignment="center")
        label.markdown(f"**{plain(title)}**")
        strip = images.grid(row, len(rows), enlarge=enlarge)
        place.image(strip, width="stretch", alt=plain(title))
    label, text = st.columns([1, 9])
    label.markdown("**MSE**")
    cells = "".join(f"<span>{shown(error)}</span>" for error in _errors(drawn.x_hat, drawn.x))
    text.html(
        "<style>.mse { display: grid; text-align: center; font-size: .8rem; opacity: .8 }"
        "@media (max-width: 640px) { .mse span { writing-mode: vertical-rl; margin: auto } }"
        "</style>"
        f'<div class="mse" style="grid-template-columns:repeat({len(rows)},minmax(0,1fr))">'
        f"{cells}</div>"
    )
    bar = charts.scale_bar(
        images.error_scale(), -reach, reach, "error: blue too dark, orange too bright"
    )
    _, place = st.columns([1, 9])
    place.plotly_chart(bar, config={"displayModeBar": False}, key="error_bar")


def _plots(held: Hand, rows: np.ndarray, drawn: Drawn) -> None:
    """A plot for each example: original, model and PCA over each other, on one scale."""
    pca = (title_of_pca(held), drawn.pca, palette.PCA)
    _gallery(held, rows, drawn.x, ("this model", drawn.x_hat, palette.MODEL), pca, "examples")
    st.caption(
        "Error: mean squared, of standardised values. Bars go from the column's mean; the figure "
        "is the original's, in its own unit. Under the pointer stand all of them."
        if frame_of(held.data).kind == "bars"
        else "Error: mean squared, per value. All plots have one scale; what is shaded is the "
        "model's error."
    )
    if drawn.damaged is not None:
        st.markdown("**From damaged data**, as the model saw them in training")
        damaged = ("damaged, as it sees it", drawn.damaged, palette.CLASSES[1])
        ours = ("this model, from the damaged", drawn.repaired, palette.MODEL)
        _gallery(held, rows, drawn.x, ours, damaged, "damaged")


def _gallery(held: Hand, rows: np.ndarray, x: np.ndarray, ours, other, key: str) -> None:
    """Plots of originals x and two more versions: (name, values (n, *shape), colour) each."""
    frame, panels = frame_of(held.data), []
    versions = [("original", x, INK), ours, other]
    errors = [_errors(values, x) for _, values, _ in (ours, other)]
    short = other[0].split(",")[0]
    for i, row in enumerate(rows):
        title = " · ".join(filter(None, (f"No. {row}", class_name(held, int(row)))))
        note = f"error {shown(errors[0][i])}, {short} {shown(errors[1][i])}"
        drawn = [Version(name, values[i], color) for name, values, color in versions]
        panels.append(panel(frame, drawn, title, note, between=True))
    about = legend([(name, color) for name, _, color in versions])
    drawing(about + gallery(panels, panel_width(frame)), key=key)


def class_name(held: Hand, index: int) -> str:
    """The class of a held-out example in words, or nothing where there is none."""
    labels, names = held.data.test.labels, held.data.class_names
    label = -1 if labels is None else int(labels[index])
    return names[label] if 0 <= label < len(names) else ""


def _errors(x_hat: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.square(x_hat - x).reshape(len(x), -1).mean(1)


def distribution(held: Hand) -> None:
    """How the figures spread over all held-out examples."""
    found = scores(held)
    thing = frame_of(held.data).thing
    kinds = ["MSE"] + (["PSNR"] if held.data.spec.bounded else [])
    kinds += ["SSIM"] if found.ssim is not None else []
    left, right = st.columns([1, 4])
    kind = left.radio("Distribution of", kinds, key="distribution")
    left.caption("Dashed: the means.")
    with left:
        csv_button(lambda: _error_columns(found), f"{held.stem}-errors", "errors")
    if kind == "SSIM" and found.ssim is not None and found.pca_ssim is not None:
        pair, unit = (found.ssim, found.pca_ssim), "SSIM, higher is better"
    elif kind == "PSNR":
        ours_db, theirs_db = (psnr(torch.from_numpy(v)).numpy() for v in (found.mse, found.pca_mse))
        pair, unit = (ours_db, theirs_db), "PSNR in dB, higher is better"
    else:
        pair, unit = (found.mse, found.pca_mse), "MSE per value, lower is better"
    ours, theirs = float(np.mean(pair[0])), float(np.mean(pair[1]))
    text = {"SSIM": "{:.3f}".format, "PSNR": "{:.1f} dB".format, "MSE": shown}[kind or "MSE"]
    right.caption(
        f"{own(kind)} of {len(found.mse):,} held-out {thing}s: mean {own(text(ours))} for this "
        f"model, {own(text(theirs))} for {own(title_of_pca(held))}."
    )
    fig = charts.error_histogram(*pair, unit=unit, thing=thing)
    right.plotly_chart(fig, key="errors_histogram", config={"displaylogo": False})


def _error_columns(scores: Scores) -> Columns:
    """Error of each held-out example, the model's and PCA's."""
    columns: dict[str, np.ndarray] = {
        "example": np.arange(len(scores.mse)),
        "mse (squared error per value)": scores.mse,
        "pca_mse (squared error per value)": scores.pca_mse,
    }
    if scores.ssim is not None and scores.pca_ssim is not None:
        columns |= {"ssim (-1 to 1)": scores.ssim, "pca_ssim (-1 to 1)": scores.pca_ssim}
    return columns
