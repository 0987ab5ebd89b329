"""The Train page before a run: cards to choose from, the settings, the network and the start."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore import datasets
from aecore.errors import AecoreError, UnknownNameError
from aecore.figures.network import network_svg
from aecore.models import family
from aecore.models.presets import PRESETS, Preset
from aecore.models.registry import options_of, shape_only
from aecore.options import options_in
from aecore.types import ModelSpec, TrainConfig
from pages.components.drawing import drawing
from pages.components.options_form import options_form
from pages.components.own_data import usable
from pages.shell import recalled
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain, say
from pages.train import expected, preset_cards

SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
ALL = 0
WIDE, MIDDLE, NARROW = 216, 152, 100  # pixels of a setting
_BEGUN = "choices_begun"


@dataclass(frozen=True)
class Draft:
    """What was chosen and not started: by a preset's or family's key, on a dataset by its name."""

    dataset: str
    preset: str
    spec: ModelSpec
    config: TrainConfig


@dataclass(frozen=True)
class Plan:
    """A run to start: its name, model, training and dataset."""

    name: str
    spec: ModelSpec
    config: TrainConfig
    dataset: str


def choices() -> list[Plan]:
    """Show the choices; return what to train once a start button is pressed, else nothing."""
    if not any(str(key).startswith("k_") for key in st.session_state):
        # Widgets that are shown already keep their start: what they begin with may not move.
        st.session_state[_BEGUN] = _begun()
    cards, chosen_one = st.columns([1, 2], gap="medium")
    with chosen_one:
        row = st.container(horizontal=True, vertical_alignment="bottom", key="settings")
        dataset = _dataset(row)
    if dataset is None:
        return []
    entries = preset_cards.offered()
    begun = st.session_state[_BEGUN]
    with cards:
        name = preset_cards.choose(entries, dataset, begun.preset if begun else None)
    with chosen_one:
        return _one(entries[name], name, dataset, row)


def _one(chosen: Preset, name: str, dataset: str, row: DeltaGenerator) -> list[Plan]:
    """A chosen card: its settings, its network, what to expect, and the start buttons."""
    st.caption(own(preset_cards.about(chosen, name, dataset)))
    picture, warned = st.container(key="planned"), st.container()
    buttons, further = st.container(), st.container()
    try:
        spec, config = _details(chosen, name, dataset, row, further)
        options_of(spec)
        config.check()
        recalled.keep_draft(
            {
                "dataset": dataset,
                "preset": name,
                "spec": spec.to_json(),
                "config": config.to_json(),
            }
        )
        model = shape_only(spec)
    except AecoreError as error:
        with warned:
            say(error)
        buttons.button("Start training", type="primary", disabled=True, width="stretch")
        return []
    with buttons:  # first: who presses one need not wait for what is said beside it
        plans = _start(Plan(chosen.title, spec, config, dataset), chosen)
    if not plans:
        with picture:
            drawing(network_svg(model), "network")
            expected.figures(model, dataset, config)
        expected.caution(model, dataset, config, warned)
    return plans


def _begun() -> Draft | None:
    """What this person chose here before and did not start, if it can still be chosen."""
    found = recalled.draft()
    try:
        spec, config = ModelSpec.from_json(found["spec"]), TrainConfig.from_json(found["config"])
        config.check()
        options_of(spec)
        return Draft(str(found["dataset"]), str(found["preset"]), spec, config)
    except (AecoreError, KeyError, TypeError, ValueError, AttributeError):
        return None  # of another version, or none


def _start(plan: Plan, chosen: Preset) -> list[Plan]:
    """The start buttons; a preset that is best seen beside another has two."""
    beside = chosen.beside
    icon, wide = ":material/play_arrow:", "stretch"
    start = st.button("Start training", type="primary", icon=icon, width=wide, key="start")
    if start:
        return [plan]
    if beside and st.button(
        f"Start it beside: {plain(PRESETS[beside].title.lower())}",
        icon=":material/compare_arrows:",
        width=wide,
        key="start_both",
        help="Two runs, compared on the Runs page: this one, and the same network the other way.",
    ):
        other = PRESETS[beside]
        apart = {k: v for k, v in other.options.items() if v != chosen.options.get(k)}
        options = plan.spec.options | apart
        spec = dataclasses.replace(plan.spec, options=options)
        return [Plan(other.title, spec, plan.config, plan.dataset), plan]
    return []


def _dataset(place: DeltaGenerator) -> str | None:
    """Choose a dataset; None while it is not on this machine."""
    begun = st.session_state[_BEGUN]
    wanted = st.query_params.get("dataset", begun.dataset if begun else "mnist")
    known = datasets.all_sources()
    names = list(known)
    if wanted not in names:
        try:
            usable(wanted)
            names.append(wanted)
        except AecoreError as error:
            what = f"{error} MNIST"
            if isinstance(error, UnknownNameError):  # the list below says what there is
                what = f"There is no dataset called {wanted[:40]!r}; MNIST"
            st.error(f"{plain(what)} is chosen instead.", icon=":material/error:")
            wanted = "mnist"
    name = place.selectbox(
        "Dataset",
        names,
        index=names.index(wanted),
        format_func=_title_of,
        help=own("Your own data: see the Data page."),
        width=WIDE,
    )
    found = datasets.source(name)
    if found.ready():
        return name
    st.info(own(found.how_to_get()), icon=":material/cloud_download:")
    st.page_link(file_of("data"), label="Get it on the Data page", icon=":material/database:")
    return None


def _title_of(name: str) -> str:
    found = datasets.source(name)
    return f"{found.title}{'' if found.ready() else ' (to download)'}"


def _details(
    chosen: Preset, name: str, dataset: str, row: DeltaGenerator, further: DeltaGenerator
) -> tuple[ModelSpec, TrainConfig]:
    """The settings of a card. row: where the few stand that everybody needs; further: the rest."""
    data = datasets.source(dataset).spec
    usual = chosen.training(len(datasets.load(dataset).train))
    cls = family(chosen.family)
    spec = chosen.spec(data)
    begun, limit = st.session_state[_BEGUN], ALL
    if begun and (begun.preset, begun.dataset, begun.spec.data) == (name, dataset, data):
        spec, usual, limit = begun.spec, begun.config, begun.config.limit
    key = f"{name}_{dataset}"  # each choice has widgets of its own: their starts differ
    k = row.number_input(
        "Latent numbers (k)",
        1,
        4096,
        spec.latent_dim,
        key=f"k_{key}",
        help="How many numbers the code of an example has.",
        width=MIDDLE,
    )
    spec = dataclasses.replace(spec, latent_dim=int(k))
    if cls.closed_form:
        return spec, dataclasses.replace(usual, limit=_size(dataset, key, limit, row))
    epochs = row.number_input(
        "Epochs",
        1,
        1000,
        usual.epochs,
        key=f"epochs_{key}",
        help="One epoch shows every training example once.",
        width=NARROW,
    )
    limit = _size(dataset, key, limit, row)
    with further.expander("Advanced", icon=":material/tune:"):
        st.markdown("**Model**")
        options = options_form(cls.Options, spec.options, f"options_{key}")
        st.markdown("**Training**")
        skip = {"epochs", "limit"} | {
            option.name
            for option in options_in(TrainConfig)
            if option.variational and not cls.variational
        }
        values = dataclasses.asdict(usual)
        training = options_form(TrainConfig, values, f"training_{key}", skip)
    spec = dataclasses.replace(spec, options=options)
    config = dataclasses.replace(usual, epochs=int(epochs), limit=limit, **training)
    return spec, config


def _size(dataset: str, key: str, start: int, row: DeltaGenerator) -> int:
    """How many training examples, 0 for all; at first `start`."""
    whole = len(datasets.load(dataset).train)
    sizes = [n for n in SIZES if n < whole]
    if not sizes:
        return ALL
    return row.select_slider(
        "Training examples",
        [*sizes, ALL],
        start if start in sizes else ALL,
        key=f"size_{key}",
        format_func=lambda n: f"{n:,}" if n else f"all {whole:,}",
        help="With 100 examples, a wide code and many epochs a network remembers instead of "
        "learning: its training error falls while the held-out error rises.",
    )
