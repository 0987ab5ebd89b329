"""The Train page before a run: dataset, preset, the advanced fold and the drawing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import streamlit as st

from aecore import datasets
from aecore.errors import AecoreError, UnknownNameError
from aecore.figures.network import compression_factor, network_svg
from aecore.models import LatentModel, all_families, family
from aecore.models.presets import PRESETS, Preset, bare, without_presets
from aecore.models.registry import options_of, shape_only
from aecore.options import options_in
from aecore.types import ModelSpec, TrainConfig
from pages.components.drawing import drawing
from pages.components.options_form import options_form
from pages.components.own_data import usable
from pages.shell import recalled
from pages.shell.page import file_of
from pages.shell.plain_text import own, plain, say

MNIST = (1, 28, 28)  # the shape that the presets are described for
SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
ALL = 0
_BEGUN = "choices_begun"
FAMILY = "family:"  # how the keys of families begin among those of presets


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
    left, right = st.columns([2, 3], gap="large")
    with left:
        dataset = _dataset()
        if dataset is None:
            return []
        offered = _offered()
        name = _preset(offered, dataset)
        chosen = offered[name]
        try:
            spec, config = _details(chosen, name, dataset)
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
            say(error)
            st.button("Start training", type="primary", disabled=True, width="stretch")
            return []
        plans = _start(Plan(chosen.title, spec, config, dataset), chosen)
    with right:
        _drawing(model, dataset, config)
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


def _drawing(model: LatentModel, dataset: str, config: TrainConfig) -> None:
    drawing(network_svg(model), "network")
    row = st.container(horizontal=True)
    row.metric("Weights to learn", f"{model.parameter_count():,}")
    factor = compression_factor(model)
    row.metric(
        "Compression",
        f"{factor:,.0f} to 1" if factor >= 2 else f"{factor:.2g} to 1",
        help="Numbers in an example per number in its code. Below 1 the code is larger than the "
        "data: something else must keep it from copying.",
    )
    row.metric("Examples an epoch", f"{_examples(dataset, config):,}")
    st.caption(
        "Each bar is a layer, the taller the more values (on a logarithmic scale); the orange "
        "bar is the code, all that the decoder gets to see."
    )


def _dataset() -> str | None:
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
    name = st.selectbox(
        "Dataset",
        names,
        index=names.index(wanted),
        format_func=_title_of,
        help="Your own data: see the Data page.",
    )
    found = datasets.source(name)
    if found.ready():
        st.caption(plain(found.about))
        return name
    st.info(own(found.how_to_get()), icon=":material/cloud_download:")
    st.page_link(file_of("data"), label="Get it on the Data page", icon=":material/database:")
    return None


def _title_of(name: str) -> str:
    found = datasets.source(name)
    return f"{found.title}{'' if found.ready() else ' (to download)'}"


def _offered() -> dict[str, Preset]:
    """What can be trained by the key of its entry: the presets, then families that have none, and
    the one that a link names."""
    bare_ones, asked = without_presets(), st.query_params.get("family", "")
    if asked in all_families() and asked not in bare_ones:
        bare_ones.append(asked)
    return {**PRESETS, **{FAMILY + name: bare(name) for name in bare_ones}}


def _preset(offered: dict[str, Preset], dataset: str) -> str:
    """Choose an entry of `offered`; returns its key."""
    kind, begun = "family" if "family" in st.query_params else "preset", st.session_state[_BEGUN]
    usual = begun.preset if begun and begun.preset in offered else "fast-start"
    name = st.query_params.get(kind, usual)
    asked = FAMILY + name if kind == "family" else name
    fitting = [key for key, p in offered.items() if p.fits(datasets.source(dataset).spec)]
    start = asked if asked in fitting else fitting[0]
    if asked not in offered:
        st.error(
            f"There is no {kind} called {plain(repr(name[:40]))}; "
            f"{plain(offered[start].title)} is chosen instead.",
            icon=":material/error:",
        )
    elif asked not in fitting:
        st.info(
            f"{plain(offered[asked].title)} cannot be given these data; "
            f"{plain(offered[start].title)} is chosen instead.",
            icon=":material/info:",
        )
    chosen = st.selectbox(
        "Preset",
        fitting,
        index=fitting.index(start),
        format_func=lambda key: offered[key].title,
        help=None
        if len(fitting) == len(offered)
        else "Only those that these data can be given "
        "to: convolutions need images, a conditional model needs labels.",
    )
    shape = datasets.source(dataset).spec.shape
    adapted = "" if shape == MNIST else " (That is on MNIST; to these data its layers adapt.)"
    adapted = "" if chosen.startswith(FAMILY) else adapted
    st.caption(own(offered[chosen].about) + adapted)
    return chosen


def _details(chosen: Preset, name: str, dataset: str) -> tuple[ModelSpec, TrainConfig]:
    data = datasets.source(dataset).spec
    usual = chosen.training(len(datasets.load(dataset).train))
    cls = family(chosen.family)
    a, b = st.columns(2)
    spec = chosen.spec(data)
    begun, limit = st.session_state[_BEGUN], ALL
    if begun and (begun.preset, begun.dataset, begun.spec.data) == (name, dataset, data):
        spec, usual, limit = begun.spec, begun.config, begun.config.limit
    key = f"{name}_{dataset}"  # each choice has widgets of its own: their starts differ
    k = a.number_input(
        "Latent numbers (k)",
        1,
        4096,
        spec.latent_dim,
        key=f"k_{key}",
        help="How many numbers the code of an example has.",
    )
    spec = dataclasses.replace(spec, latent_dim=int(k))
    limit = _size(dataset, key, limit)
    if cls.closed_form:
        return spec, dataclasses.replace(usual, limit=limit)
    epochs = b.number_input(
        "Epochs",
        1,
        1000,
        usual.epochs,
        key=f"epochs_{key}",
        help="One epoch shows every training example once.",
    )
    with st.expander("Advanced", icon=":material/tune:"):
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


def _size(dataset: str, key: str, start: int) -> int:
    """How many training examples, 0 for all; at first `start`."""
    whole = len(datasets.load(dataset).train)
    sizes = [n for n in SIZES if n < whole]
    if not sizes:
        return ALL
    return st.select_slider(
        "Training examples",
        [*sizes, ALL],
        start if start in sizes else ALL,
        key=f"size_{key}",
        format_func=lambda n: f"{n:,}" if n else f"all {whole:,}",
        help="With 100 examples, a wide code and many epochs a network remembers instead of "
        "learning: its training error falls while the held-out error rises.",
    )


def _examples(dataset: str, config: TrainConfig) -> int:
    whole = len(datasets.load(dataset).train)
    return min(config.limit, whole) if config.limit else whole
