"""The Train page before a run: dataset, preset, the advanced fold and the drawing."""

from __future__ import annotations

import dataclasses

import streamlit as st

from aecore import datasets
from aecore.errors import AecoreError, UnknownNameError
from aecore.figures.network import compression_factor, network_svg
from aecore.models import family
from aecore.models.registry import options_of, shape_only
from aecore.presets import PRESETS
from aecore.types import ModelSpec, TrainConfig
from pages.parts.drawing import drawing
from pages.parts.options_form import options_form

Plan = tuple[str, ModelSpec, TrainConfig, str]


def choices() -> Plan | None:
    """Show the choices; return what to train once start is pressed."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        name, preset, dataset = _what()
        try:
            spec, config = _details(preset, dataset)
            options_of(spec)
            config.check()
            model = shape_only(spec)
        except AecoreError as error:
            st.error(str(error), icon=":material/error:")
            st.button("Start training", type="primary", disabled=True, width="stretch")
            return None
        start = st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            key="start",
        )
    with right:
        drawing(network_svg(model), "network")
        cells = st.columns(3)
        cells[0].metric("Weights to learn", f"{model.parameter_count():,}")
        cells[1].metric(
            "Compression",
            f"{compression_factor(model):,.0f} to 1",
            help="Numbers in an image per number in its code.",
        )
        cells[2].metric("Images an epoch", f"{_images(dataset, config):,}")
        st.caption(
            "Each bar is a layer, the taller the more values (on a logarithmic scale); the orange "
            "bar is the code, all that the decoder gets to see."
        )
    return (name, spec, config, dataset) if start else None


def _what() -> tuple[str, str, str]:
    known = datasets.sources()
    wanted = st.query_params.get("dataset", "mnist")
    if wanted not in known:
        raise UnknownNameError("dataset", wanted[:40], list(known))
    dataset = st.selectbox(
        "Dataset", list(known), index=list(known).index(wanted),
        format_func=lambda n: known[n].title, help=known[wanted].about,
    )  # fmt: skip
    asked = st.query_params.get("preset", "fast-start")
    if asked not in PRESETS:
        raise UnknownNameError("preset", asked[:40], list(PRESETS))
    preset = st.selectbox(
        "Preset", list(PRESETS), index=list(PRESETS).index(asked),
        format_func=lambda n: PRESETS[n].title,
    )  # fmt: skip
    st.caption(PRESETS[preset].about)
    return PRESETS[preset].title, preset, dataset


def _details(name: str, dataset: str) -> tuple[ModelSpec, TrainConfig]:
    chosen, data = PRESETS[name], datasets.source(dataset).spec
    cls = family(chosen.family)
    a, b = st.columns(2)
    k = a.number_input(
        "Latent numbers (k)", 1, 4096, min(chosen.latent_dim, data.size), key=f"k_{name}",
        help="How many numbers the code of an image has.",
    )  # fmt: skip
    spec = chosen.spec(data, int(k))
    if cls.closed_form:
        return spec, chosen.config
    epochs = b.number_input(
        "Epochs", 1, 1000, chosen.config.epochs, key=f"epochs_{name}",
        help="One epoch shows every training image once.",
    )  # fmt: skip
    with st.expander("Advanced", icon=":material/tune:"):
        st.markdown("**Model**")
        options = options_form(cls.Options, chosen.options, f"options_{name}")
        st.markdown("**Training**")
        skip = {"epochs"} | {
            f.name
            for f in dataclasses.fields(TrainConfig)
            if f.metadata.get("variational") and not cls.variational
        }
        values = dataclasses.asdict(chosen.config)
        training = options_form(TrainConfig, values, f"training_{name}", skip)
    spec = dataclasses.replace(spec, options=options)
    return spec, dataclasses.replace(chosen.config, epochs=int(epochs), **training)


def _images(dataset: str, config: TrainConfig) -> int:
    whole = len(datasets.load(dataset).train)
    return min(config.limit, whole) if config.limit else whole
