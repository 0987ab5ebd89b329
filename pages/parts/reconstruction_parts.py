"""The pieces of the Reconstructions page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from aecore.figures import charts, images
from aecore.metrics import EVALUATION_BATCH, expected_band, psnr, squared_error_per_value, ssim
from pages.parts import session
from pages.parts.layout import band_text
from pages.parts.session import Hand

ORDERS = ("random", "worst", "best", "one of each class")
COUNTS = (5, 8, 10)


@dataclass(frozen=True)
class Scores:
    """Per held-out example, (n,): squared error per pixel and SSIM, of the model and of PCA."""

    mse: np.ndarray
    pca_mse: np.ndarray
    ssim: np.ndarray | None
    pca_ssim: np.ndarray | None


@st.cache_resource(max_entries=32, show_spinner="Measuring on all held-out images …")
def _scores(key: tuple[str, int]) -> Scores:
    held = session.hand_of(key[0])
    k, image = held.card.spec.latent_dim, held.data.spec.kind == "image"
    found: list[list[np.ndarray]] = []
    with torch.inference_mode():
        for start in range(0, len(held.data.test), EVALUATION_BATCH):
            x = held.data.test.batch(slice(start, start + EVALUATION_BATCH))
            x_hat = held.model.reconstruct(x)
            flat = x.flatten(1).numpy()
            pca = torch.from_numpy(held.basis.reconstruct(flat, k)).view_as(x)
            row = [squared_error_per_value(x_hat, x), squared_error_per_value(pca, x)]
            row += [ssim(x_hat, x), ssim(pca, x)] if image else []
            found.append([v.numpy() for v in row])
    columns = [np.concatenate(c) for c in zip(*found, strict=True)]
    return Scores(*columns) if image else Scores(*columns, None, None)


def headline(held: Hand) -> None:
    """Held-out figures of the model, each with PCA's and the expected band where one is known."""
    scores, card = _scores(held.key), held.card
    mse, pca = float(scores.mse.mean()), float(scores.pca_mse.mean())
    cells = st.columns(4)
    band = None
    if card.config.limit == 0 and 5 <= card.epochs_done <= 15:
        band = expected_band(held.data.name, card.spec, "mse")
    cells[0].metric("Held-out MSE", f"{mse:.4f}", f"{mse - pca:+.4f} against PCA",
                    delta_color="inverse", help=band_text(band))  # fmt: skip
    db = [float(psnr(torch.from_numpy(v)).mean()) for v in (scores.mse, scores.pca_mse)]
    cells[1].metric("PSNR, mean", f"{db[0]:.1f} dB", f"{db[0] - db[1]:+.1f} dB against PCA")
    if scores.ssim is not None:
        ours, theirs = float(scores.ssim.mean()), float(scores.pca_ssim.mean())
        cells[2].metric("SSIM, mean", f"{ours:.3f}", f"{ours - theirs:+.3f} against PCA")
    better = float((scores.mse < scores.pca_mse).mean())
    cells[3].metric("Images drawn better than by PCA", f"{better:.0%}",
                    f"{len(held.data.test):,} held-out images", delta_color="off",
                    delta_arrow="off")  # fmt: skip


def choose_examples(held: Hand) -> tuple[np.ndarray, bool]:
    """Widgets that choose examples; returns their indices, and whether to sample z."""
    places = st.columns([2.2, 1.4, 1, 1.6], vertical_alignment="bottom")
    order = places[0].segmented_control("Show", ORDERS, default=ORDERS[-1], key="show") or "random"
    names = held.data.class_names
    wanted = places[1].selectbox("Class", ["all", *names], disabled=not names, key="class")
    count = places[2].selectbox("How many", COUNTS, index=2, key="how_many")
    sampled = False
    with places[3]:
        if held.model.variational:
            how = st.segmented_control("Code", ["mean", "one sample"], default="mean", key="code")
            sampled = how == "one sample"
        if order == "random":
            st.button("Others", icon=":material/casino:", key="others", on_click=_shuffle)
    labels = held.data.test.labels
    rows = np.arange(len(held.data.test))
    if wanted != "all":
        rows = rows[labels.numpy() == names.index(wanted)]
    error = _scores(held.key).mse[rows]
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
    """Examples (n, *shape) in three versions."""

    x: np.ndarray
    x_hat: np.ndarray
    pca: np.ndarray


def reconstruct(held: Hand, rows: np.ndarray, sampled: bool) -> Drawn:
    """The model's and PCA's reconstructions of some held-out examples."""
    x = held.data.test.batch(torch.from_numpy(rows))
    with torch.inference_mode():
        posterior = held.model.encode(x)
        seed = st.session_state.get("shuffle", 0)
        z = posterior.sample(torch.Generator().manual_seed(seed)) if sampled else posterior.mu
        x_hat = held.model.decode(z)
    flat = x.flatten(1).numpy()
    pca = held.basis.reconstruct(flat, held.card.spec.latent_dim).reshape(x.shape)
    return Drawn(x.numpy(), x_hat.numpy(), pca)


def strips(held: Hand, rows: np.ndarray, drawn: Drawn) -> None:
    """The four rows of pictures, all at one size on one grey scale."""
    if not len(rows):
        st.info("No held-out image has this class; choose another.", icon=":material/info:")
        return
    reach = 1.0
    bands = (
        ("Original", [images.as_image(v) for v in drawn.x]),
        ("This model", [images.as_image(v) for v in drawn.x_hat]),
        (f"PCA, k = {held.card.spec.latent_dim}", [images.as_image(v) for v in drawn.pca]),
        (
            "Model's error",
            [images.error_image(a, b, reach) for a, b in zip(drawn.x_hat, drawn.x, strict=True)],
        ),
    )
    width = drawn.x.shape[-1]
    for title, pictures in bands:
        label, picture = st.columns([1, 9], vertical_alignment="center")
        label.markdown(f"**{title}**")
        enlarge = images.enlargement((width + 1) * len(rows), 1100)
        picture.image(images.grid(pictures, len(rows), enlarge=enlarge), width="stretch")
    errors = ((drawn.x_hat - drawn.x) ** 2).reshape(len(rows), -1).mean(1)
    label, text = st.columns([1, 9])
    label.markdown("**MSE**")
    cells = "".join(f"<span>{error:.4f}</span>" for error in errors)
    text.html(
        f'<div style="display:grid;grid-template-columns:repeat({len(rows)},minmax(0,1fr));'
        f'text-align:center;font-size:clamp(.45rem,1.1vw,.875rem);opacity:.8">{cells}</div>'
    )
    bar = charts.scale_bar(
        images.error_scale(), -reach, reach, "error: blue too dark, red too bright"
    )
    _, place = st.columns([1, 9])
    place.plotly_chart(bar, config={"displayModeBar": False}, key="error_bar")


def distribution(held: Hand) -> None:
    """How the figures spread over all held-out images."""
    scores = _scores(held.key)
    kinds = ["MSE", "PSNR"] + (["SSIM"] if scores.ssim is not None else [])
    left, right = st.columns([1, 4])
    kind = left.radio("Distribution of", kinds, key="distribution")
    left.caption("Dashed: the means.")
    if kind == "MSE":
        pair, unit = (scores.mse, scores.pca_mse), "MSE per pixel, lower is better"
    elif kind == "PSNR":
        pair = tuple(psnr(torch.from_numpy(v)).numpy() for v in (scores.mse, scores.pca_mse))
        unit = "PSNR in dB, higher is better"
    else:
        pair, unit = (scores.ssim, scores.pca_ssim), "SSIM, higher is better"
    ours, theirs = float(np.mean(pair[0])), float(np.mean(pair[1]))
    right.caption(
        f"{kind} of {len(scores.mse):,} held-out images: mean {ours:.4g} for this model, "
        f"{theirs:.4g} for PCA with as many numbers."
    )
    right.plotly_chart(charts.error_histogram(*pair, unit=unit), key="errors_histogram",
                       config={"displaylogo": False})  # fmt: skip
