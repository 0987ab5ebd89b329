"""Train the models of the dials again: python -m scripts.dials [k] [beta]

The dial of k: thirteen networks 784-128-k-128-784. The dial of beta: nine VAEs
784-96-48-2-48-96-784, each at another price. All on all training digits, seeds fixed, on the
processor: about two minutes a dial on one core. Their weights are rounded to float16, and what a
file says of them was measured after that.
"""

import dataclasses
import sys
import time

import numpy as np
import torch

from aecore.datasets import load
from aecore.evaluation.latent import encode_split
from aecore.evaluation.metrics import evaluate, example_errors
from aecore.evaluation.neighbours import knn_accuracy
from aecore.lab import beta_dial, dial_file, k_dial
from aecore.lab.control import LabControl
from aecore.lab.plane import Plane, kl_of_mixture
from aecore.lab.training import last_epoch, trained
from aecore.models.families.pca import basis_of
from aecore.models.presets import preset
from aecore.training.state import TrainState

VOTERS, JUDGED = 10_000, 2_000  # as in the experiment "How many numbers?"


def main() -> None:
    torch.set_num_threads(1)
    makers = {"k": make_k_dial, "beta": make_beta_dial}
    for name in sys.argv[1:] or makers:
        makers[name]()


def make_k_dial() -> None:
    data = load(k_dial.DATASET)
    basis = basis_of(data, max(k_dial.KS))
    config = dataclasses.replace(
        preset(k_dial.PRESET).config, epochs=k_dial.EPOCHS, seed=k_dial.SEED, device="cpu"
    )
    weights, stops = {}, []
    for k in k_dial.KS:
        begun = time.perf_counter()
        model, weights[k] = made(k_dial.spec_of(data.spec, k), config, data)
        stops.append(stop_of_k(model, data, basis, k))
        print(stops[-1], f"{time.perf_counter() - begun:.1f} s", flush=True)
    said = k_dial.Facts(
        dataset=k_dial.DATASET,
        fingerprint=data.fingerprint,
        epochs=k_dial.EPOCHS,
        seed=k_dial.SEED,
        held_out=len(data.test),
        voters=VOTERS,
        judged=JUDGED,
        stops=tuple(stops),
    )
    written(k_dial.FILE, said, weights)
    print(k_dial.says(said))


def make_beta_dial() -> None:
    data = load(beta_dial.DATASET)
    spec = beta_dial.spec_of(data.spec)
    weights, stops = {}, []
    for i, beta in enumerate(beta_dial.BETAS):
        begun = time.perf_counter()
        model, weights[i] = made(spec, beta_dial.config_of(beta), data)
        stops.append(stop_of_beta(model, data, beta))
        shown = dataclasses.replace(stops[-1], plane={}, fed_plane={})
        print(shown, f"{time.perf_counter() - begun:.1f} s", flush=True)
    prior = np.random.default_rng(beta_dial.SEED).standard_normal((len(data.train), 2))
    said = beta_dial.Facts(
        dataset=beta_dial.DATASET,
        fingerprint=data.fingerprint,
        epochs=beta_dial.EPOCHS,
        seed=beta_dial.SEED,
        held_out=len(data.test),
        trained_on=len(data.train),
        voters=VOTERS,
        judged=JUDGED,
        mean_mse=basis_of(data, 1).mse(0),
        prior_empty=Plane.of(prior).empty,
        stops=tuple(stops),
    )
    written(beta_dial.FILE, said, weights)
    for stop in stops:
        print(beta_dial.says(said, stop, with_noise=True))


def made(spec, config, data):
    """A model trained and with its weights as they are kept, and these."""
    state = TrainState.fresh(spec, config.seed)
    last_epoch(trained(spec, config, data, LabControl(), state))
    weights = dial_file.rounded(state.model)
    return dial_file.unrounded(spec, weights), weights


def written(path, said, weights) -> None:
    dial_file.write(path, said, weights)
    print(f"Wrote {path} ({path.stat().st_size / 1e6:.2f} MB).")


def found_among_codes(model, data) -> float:
    """Per cent of some held-out examples whose class their neighbours among codes tell."""
    voters, judged = data.train.first(VOTERS), data.test.first(JUDGED)
    codes = [encode_split(model, some).mu for some in (voters, judged)]
    return 100 * knn_accuracy(codes[0], voters.labels.numpy(), codes[1], judged.labels.numpy())


def stop_of_k(model, data, basis, k: int) -> k_dial.Stop:
    """Error over all held-out examples, and how well neighbours among codes tell the class."""
    voters, judged = data.train.first(VOTERS), data.test.first(JUDGED)
    rows = [some.batch(slice(None)).flatten(1).numpy() for some in (voters, judged)]
    scores = [basis.encode(x, k) for x in rows]
    pca_knn = knn_accuracy(scores[0], voters.labels.numpy(), scores[1], judged.labels.numpy())
    return k_dial.Stop(
        k,
        float(example_errors(model, data.test).mean()),
        basis.mse(k),
        found_among_codes(model, data),
        100 * pca_knn,
    )


def stop_of_beta(model, data, beta: float) -> beta_dial.Stop:
    """What a price does: error, KL, holes, and how far all codes together are from N(0, I)."""
    figures, codes = evaluate(model, data.test), encode_split(model, data.train)
    rng = np.random.default_rng(beta_dial.SEED)
    fed = beta_dial.fed(codes, rng)
    return beta_dial.Stop(
        beta=beta,
        mse=figures["mse"],
        kl=figures["kl"],
        active=int(figures["active_units"]),
        knn=found_among_codes(model, data),
        gap=kl_of_mixture(codes.mu, codes.logvar, rng),
        beyond=beta_dial.beyond(codes.mu),
        plane=beta_dial.kept(Plane.of(codes.mu)),
        fed_beyond=beta_dial.beyond(fed),
        fed_plane=beta_dial.kept(Plane.of(fed)),
    )


if __name__ == "__main__":
    main()
