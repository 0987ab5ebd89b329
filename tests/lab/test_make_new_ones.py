"""Make new ones: its figures counted again, its claim on small data, data of other kinds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from aecore import datasets
from aecore.datasets import Dataset
from aecore.lab.about import About, LabSubject
from aecore.lab.control import LabControl
from aecore.lab.events import LabDone, LabFailed, LabLook
from aecore.lab.experiments.make_new_ones import MakeNewOnesOptions
from aecore.lab.judge import judge_of
from aecore.lab.new_ones import Bench, axes_of, pair_of, wanted
from aecore.lab.once import end_of
from aecore.lab.registry import experiment
from aecore.lab.running import run
from aecore.lab.samplers import from_prior

OPTIONS = MakeNewOnesOptions(steps=600, euler=10, components=8, made=1000, epochs=3)


@pytest.fixture(scope="module")
def events(digits):
    # Under a name of their own: nothing is made of them yet in this process.
    data = dataclasses.replace(digits, name="digits-anew")
    return list(run(experiment("make-new-ones"), OPTIONS, LabSubject(data)))


@pytest.fixture(scope="module")
def found(events):
    values = {}
    for event in events:
        if isinstance(event, LabDone):
            values |= event.values
    return values


@pytest.fixture(scope="module")
def bench(digits) -> Bench:
    return Bench(digits, pair_of(digits.spec)[0], OPTIONS.epochs, 0, LabControl())


def test_a_mixture_and_a_flow_beat_one_gaussian_and_the_prior(found):
    assert found["flow_frechet"] < found["gaussian_frechet"] < found["prior_frechet"]
    assert found["mixture_frechet"] < found["gaussian_frechet"]
    assert found["known_frechet"] < found["flow_frechet"]
    assert found["flow_recall"] > 10 + found["prior_recall"]
    assert found["obeyed"] > 60


def test_on_pixels_the_same_computing_gives_less(found):
    assert found["flow_frechet"] < found["pixels_frechet"]
    # As many multiplications, but for one step's.
    latent, pixels = (found[f"{key}_course"][-1, 0] for key in ("flow", "pixels"))
    assert pixels == pytest.approx(latent, rel=0.5 / found["pixels_steps"] + 1e-3)


def test_its_figures_are_counted_again(found, bench, digits):
    """N(0, I) drawn, decoded and judged by hand."""
    judge = end_of(judge_of(digits, 0, LabControl()))
    z = from_prior(bench.k)(OPTIONS.made, np.random.default_rng([0, 0]))
    with torch.inference_mode():
        x = bench.model.decode(torch.from_numpy(z)).numpy()
    seen = judge.see(x)
    assert seen.confidence is not None
    assert found["prior_sure"] == pytest.approx(100 * (seen.confidence > 0.95).mean(), abs=0.3)
    assert found["prior_frechet"] == pytest.approx(judge.distance(seen), rel=1e-3)
    assert np.abs(found["prior_shown"].astype(float) - 255 * x[:10].clip(0, 1)).max() <= 1
    # The boldest are those that are read with most confidence.
    assert found["prior_boldness"] == pytest.approx(100 * np.sort(seen.confidence)[-10], abs=0.1)


def test_a_path_is_drawn_where_its_codes_lie_and_ends_in_what_is_shown(found, digits):
    assert found["paths"].shape == (10, OPTIONS.euler + 1, 2)
    assert found["steps_shown"].shape == (5, OPTIONS.euler + 1, *digits.spec.shape)
    first, last = (np.square(found["paths"][:, i]).sum(1).mean() for i in (0, -1))
    assert first != pytest.approx(last, rel=1e-3)
    assert found["path_labels"].tolist() == list(range(10))


def test_the_map_is_of_the_first_two_principal_components(bench):
    from sklearn.decomposition import PCA

    pca = PCA(2).fit(bench.train)
    theirs, ours = pca.transform(bench.held_out), bench.on_map(bench.held_out)
    assert np.abs(ours) == pytest.approx(np.abs(theirs), abs=1e-2)
    assert axes_of(bench.train[:, :1]).tolist() in ([[1.0, 0.0]], [[-1.0, 0.0]])


def test_halfway_in_pixels_is_farther_off_than_through_codes(found):
    assert found["between_about_mean_frechet"] < found["between_pixels_frechet"]
    assert found["between_shown"].shape[:2] == (4, 9)
    # All ways begin and end with the same two examples, drawn from their codes.
    ways = found["between_shown"].astype(float)
    for i in (1, 2):
        assert np.abs(ways[i, [0, -1]] - ways[0, [0, -1]]).max() <= 1


def test_something_is_seen_before_anything_is_judged(events, digits):
    one, about = experiment("make-new-ones"), About.of(LabSubject(digits))
    first = next(event for event in events if isinstance(event, LabLook))
    assert not any(key.endswith("_frechet") for key in first.values)
    outcome = one.tell(OPTIONS, about, {first.task: first.values})
    assert outcome.figure("judge_right") is not None
    assert outcome.chart("learning") is not None
    live = [e for e in events if isinstance(e, LabLook) and e.task == "flow"]
    shown = [e.values["flow_shown"] for e in live if "flow_shown" in e.values]
    assert len(shown) > 20
    assert (shown[0] != shown[10]).any()


def test_wanted_classes_come_as_often_as_in_training(digits, generator):
    asked = wanted(digits, 20_000, 3, True, np.random.default_rng(0)).labels
    assert asked is not None
    assert asked[:10].tolist() == list(range(10))
    shares = np.bincount(digits.train.labels.numpy(), minlength=10) / len(digits.train)
    assert np.bincount(asked, minlength=10) / 20_000 == pytest.approx(shares, abs=0.01)
    assert wanted(digits, 5, 3, False, np.random.default_rng(0)).labels is None


@pytest.mark.parametrize("name", ["wine", "signals", "diabetes"])
def test_other_data_are_judged_too(name):
    data = datasets.load(name)
    data = dataclasses.replace(
        data.limited(400), test=data.test.first(150), factors=None, name=f"{name}-few"
    )
    one, options = experiment("make-new-ones"), experiment("make-new-ones").quick()
    about = About.of(LabSubject(data))
    assert not one.why_not(about)
    events = list(run(one, options, LabSubject(data)))
    assert not [e for e in events if isinstance(e, LabFailed)]
    outcome = one.tell(options, about, {e.task: e.values for e in events if isinstance(e, LabDone)})
    assert outcome.figure("flow_frechet") is not None
    labelled = data.train.labels is not None and data.spec.classes > 1
    assert (outcome.figure("judge_right") is not None) == labelled
    assert (outcome.figure("obeyed") is not None) == labelled
    assert (one.asks(options, about) is not None) == labelled
    if not labelled:
        assert "principal components" in outcome.figure("flow_frechet").split


def test_two_examples_are_too_few(digits):
    few = Dataset("few", digits.spec, digits.train.first(2), digits.test.first(2))
    assert "too few" in experiment("make-new-ones").why_not(About.of(LabSubject(few)))
