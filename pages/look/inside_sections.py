"""The sections of the Inside page: those that a family asks for, then those that data have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import nn

from aecore.datasets.dataset import Factors
from aecore.evaluation.factors import best_assignment
from aecore.evaluation.metrics import HELD_OUT_MSE, said, shown
from aecore.figures import charts, images
from aecore.jobs import views
from aecore.models.families.linear import TransposedLinear, principal_angles
from pages.components.figure_data import CAMERA, csv_button
from pages.look import inside_columns, inside_denoising
from pages.shell import session
from pages.shell.computing import in_time
from pages.shell.kept import kept
from pages.shell.plain_text import own, plain
from pages.shell.session import Hand

FILTERS = 64


@dataclass(frozen=True)
class Section:
    """show draws it. key: what a family asks for it by, in LatentModel.inside; "" for one that
    every model has whose data and layers suit it. suits: whether there is something to show."""

    show: Callable[[Hand], None]
    key: str = ""
    suits: Callable[[Hand], bool] = lambda held: True

    def fits(self, held: Hand) -> bool:
        """Whether the model in hand has this section."""
        return (not self.key or self.key in held.model.inside) and self.suits(held)

    def __call__(self, held: Hand) -> None:
        with st.container(border=True):
            self.show(held)


def nothing(held: Hand) -> None:
    """What to do when no section fits."""
    st.info(
        f"There is no special view for {plain(held.card.name)}: its layers are not ones whose "
        "weights can be drawn. Take another model in hand.",
        icon=":material/info:",
    )


def _grid(pictures: list[np.ndarray], columns: int, alt: str, target: int = 900) -> None:
    width = (pictures[0].shape[1] + 1) * columns
    grid = images.grid(pictures, columns, enlarge=images.enlargement(width, target))
    st.image(grid, width="stretch", alt=own(alt))


# Sparse units ------------------------------------------------------------------------------


@kept()
def _atoms(held: Hand) -> tuple[np.ndarray, np.ndarray]:
    """What each unit draws, (k, *shape), and the share of held-out examples it fires for, (k,)."""
    return in_time(views.units, held.in_hand)


def _sparse(held: Hand) -> None:
    st.subheader("Units", anchor=False)
    drawn, share = _atoms(held)
    reach = float(np.quantile(np.abs(drawn), 0.999)) or 1.0
    test, codes = held.data.test, session.codes(held).mu
    place, rest = st.columns([1, 3], vertical_alignment="bottom")
    index = int(place.number_input("Held-out example no.", 0, len(test) - 1, 0, key="unit_image"))
    code = codes[index]
    on = held.model.firing(torch.from_numpy(code)).numpy()
    units = np.argsort(-code)[: int(on.sum())]
    rest.markdown(
        f"**{on.sum()} of {len(code)} units fire** for this example; "
        f"{(held.model.firing(torch.from_numpy(codes)).sum(1).float().mean()):.1f} on average. "
        f"**{int((share == 0).sum())}** never fire for any held-out example."
    )
    if held.data.spec.kind != "image":
        st.caption("Units of signals and tables are best followed with the sliders on Decode.")
        return
    x = test.batch(slice(index, index + 1))
    x_hat = held.model.reconstruct(x).detach().numpy()[0]
    left, right = st.columns([1, 4])
    with left:
        both = [images.as_image(x.numpy()[0]), images.as_image(x_hat)]
        _grid(both, 2, "The example and its reconstruction", 300)
        st.caption("The example, and the sum of its units' drawings.")
    with right:
        _grid(
            [images.error_image(drawn[u], 0 * drawn[u], reach) for u in units[:48]]
            or [images.error_image(0 * drawn[0], 0 * drawn[0])],
            16,
            "What each firing unit adds, the strongest first",
        )
        st.caption(
            "What each firing unit adds, the strongest first: orange adds ink, blue takes it away."
        )
    live = int((share > 0).sum())
    st.markdown(f"**The drawings of the {live} units that ever fire**, the most frequent first")
    order = np.argsort(-share)[: min(live, 256)]
    _grid(
        [images.error_image(drawn[u], 0 * drawn[u], reach) for u in order],
        32,
        "What units draw",
        1000,
    )
    st.caption(
        f"The first fires for {share.max():.0%} of the held-out examples, the middle one of these "
        f"for {np.median(share[order]):.1%}. Each drawing is the decoder's answer with this unit "
        "at its usual strength, minus its answer with none."
    )


# The bridge to PCA -------------------------------------------------------------------------


def _linear_decoder(held: Hand) -> np.ndarray:
    """The weights of the decoder's one layer, (values, k)."""
    layers = held.model.decoder_network().modules()
    first = next(m for m in layers if isinstance(m, nn.Linear | TransposedLinear))
    return first.weight.detach().numpy()


def _angles(held: Hand) -> None:
    st.subheader("The bridge to PCA", anchor=False)
    k = held.card.spec.latent_dim
    angles = principal_angles(_linear_decoder(held), held.basis.components[:k])
    ours, pca = float(session.held_out_errors(held).mean()), held.basis.mse(k)
    row = st.container(horizontal=True)
    row.metric("Largest principal angle", f"{angles.max():.1f}°")
    row.metric("Mean principal angle", f"{angles.mean():.2f}°")
    row.metric(
        f"{HELD_OUT_MSE} / PCA's",
        f"{ours / pca:.4f}",
        f"{shown(ours)} beside {shown(pca)}",
        delta_color="off",
        delta_arrow="off",
    )
    st.plotly_chart(
        charts.bars(angles[::-1], "principal angle no.", "degrees"), config=CAMERA, key="angles"
    )
    numbers = np.arange(1, len(angles) + 1)
    csv_button(
        lambda: {"principal angle no.": numbers, "angle (degrees)": angles[::-1]},
        f"{held.stem}-angles",
        "angles",
    )
    st.caption(
        "0° for all: the linear autoencoder draws exactly what PCA draws. The last directions "
        "carry least variance and are found last."
    )


# Known causes ------------------------------------------------------------------------------


@kept()
def _r2(held: Hand) -> np.ndarray:
    return in_time(views.causes, held.in_hand)


def _causes(held: Hand) -> Factors:
    """The known causes of data that have them, as `suits` has made sure."""
    assert held.data.factors is not None
    return held.data.factors


def _factors(held: Hand) -> None:
    st.subheader("Which latent number follows which cause", anchor=False)
    names, r2 = _causes(held).names, _r2(held)
    # What a dead number still tells is noise magnified: it gets neither a row nor a cause.
    dead = session.codes(held).dead()
    living = np.where(dead[:, None], 0, r2)
    best = [(d, f, value) for d, f, value in best_assignment(living) if not dead[d]]
    order = [d for d in session.codes(held).order() if not dead[d]]
    named = [d for d, _, _ in best]  # a table that names a row has it beside it
    order = np.array([*named, *(d for d in order if d not in named)][:16], int)
    if not len(order):
        st.info("All latent numbers are dead: they follow no cause.", icon=":material/info:")
        return
    fig = charts.heat_map(
        r2[order], [str(n) for n in names], [f"z{d + 1}" for d in order], "R²", (0, 1)
    )
    left, right = st.columns([3, 2])
    left.plotly_chart(fig, config=CAMERA, key="factors")
    with left:
        csv_button(
            lambda: (
                {"latent number": np.arange(1, len(r2) + 1)}
                | {f"{n} (R2, 0 to 1)": r2[:, i] for i, n in enumerate(names)}
            ),
            f"{held.stem}-factors",
            "factors",
        )
    right.markdown("**The best assignment**, one latent number to each cause")
    right.dataframe(
        [
            {"cause": names[f], "latent number": f"z{d + 1}", "R²": round(value, 3)}
            for d, f, value in best
        ],
        hide_index=True,
    )
    if len(order) < len(r2):
        gone = f" {int(dead.sum())} are dead, and carry nothing." if dead.any() else ""
        left.caption(
            f"{len(order)} of {len(r2)} latent numbers: those assigned, then those that vary most."
            + gone
        )
    right.caption(
        "These data are generated: their causes are known. R² near 1: this one number tells the "
        "cause. A cause spread over several numbers gives none of them a high R²."
    )


# First layer -------------------------------------------------------------------------------


def _first(held: Hand) -> nn.Linear | nn.Conv2d | None:
    for layer in held.model.encoder_network().modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            return layer
    return None


def _has_filters(held: Hand) -> bool:
    return held.data.spec.kind == "image" and _first(held) is not None


def _filters(held: Hand) -> None:
    layer, shape = _first(held), held.data.spec.shape
    assert layer is not None  # else it does not suit
    weight = layer.weight.detach().numpy()
    flat = isinstance(layer, nn.Linear)
    st.subheader("What the first layer looks for", anchor=False)
    drawn = weight.reshape(-1, *shape) if flat else weight
    strength = np.square(drawn).reshape(len(drawn), -1).sum(1)
    order = np.argsort(-strength)[:FILTERS]
    reach = float(np.quantile(np.abs(drawn[order]), 0.999)) or 1.0
    _grid([images.error_image(drawn[u], 0 * drawn[u], reach) for u in order], 16, "First layer")
    what = "unit" if flat else f"{weight.shape[-2]} x {weight.shape[-1]} filter"
    st.caption(
        f"Each square is a {own(what)} of the encoder's first layer ({len(order)} of {len(drawn)}, "
        "the strongest first): orange where ink excites it, blue where ink holds it back."
        + ("" if shape[0] == 1 else " Colours are averaged.")
    )


# A family's own figures --------------------------------------------------------------------


@kept()
def _measured(held: Hand) -> dict[str, float]:
    return in_time(views.figures, held.in_hand)


def _figures(held: Hand) -> None:
    st.subheader("What this family measures", anchor=False)
    found = _measured(held)
    st.markdown(own(" ".join(said(f, found[f.name]) for f in held.model.figures)))
    st.caption(f"Means over {len(held.data.test):,} held-out examples.")


def _has_components(held: Hand) -> bool:
    return held.card.spec.latent_dim <= len(held.basis.components)


#: What a family can ask for in `inside`: "figures" shows any family's own, "units" needs `firing`
#: and a code of units, "angles" a linear decoder, "noise" a family that denoises.
SECTIONS = (
    Section(_figures, "figures"),
    Section(_sparse, "units"),
    Section(_angles, "angles", _has_components),
    Section(inside_denoising.show, "noise"),
    Section(_factors, suits=lambda held: held.data.factors is not None),
    Section(inside_columns.show, suits=inside_columns.fits),
    Section(_filters, suits=_has_filters),
)
