"""Train the models of the dials again: python scripts/dials.py [k] [beta]

The dial of k: thirteen networks 784-128-k-128-784 on all training digits, seeds fixed, on the
processor, some minutes on one core. Their weights are rounded to float16, and what the file says of
them was measured after that. The dial of beta: five VAEs on a plane, of which the file keeps the
plane decoded and some codes.
"""

import dataclasses
import sys
import time

import numpy as np
import torch

from aecore.datasets import load
from aecore.evaluation.latent import decode_array, encode_split
from aecore.evaluation.metrics import evaluate, example_errors
from aecore.evaluation.neighbours import knn_accuracy
from aecore.lab import beta_dial, k_dial
from aecore.lab.control import LabControl
from aecore.lab.plane import Plane
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
    weights, stops = {}, []
    for k in k_dial.KS:
        begun = time.perf_counter()
        spec = k_dial.spec_of(data.spec, k)
        config = dataclasses.replace(
            preset(k_dial.PRESET).config, epochs=k_dial.EPOCHS, seed=k_dial.SEED, device="cpu"
        )
        state = TrainState.fresh(spec, k_dial.SEED)
        last_epoch(trained(spec, config, data, LabControl(), state))
        weights[k] = k_dial.rounded(state.model)
        stop = measured(k_dial.unrounded(spec, weights[k]), data, basis, k)
        stops.append(stop)
        print(stop, f"{time.perf_counter() - begun:.1f} s", flush=True)
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
    k_dial.write(k_dial.FILE, said, weights)
    print(f"Wrote {k_dial.FILE} ({k_dial.FILE.stat().st_size / 1e6:.2f} MB).")
    print(k_dial.says(said))


def measured(model, data, basis, k: int) -> k_dial.Stop:
    """Error over all held-out examples, and how well neighbours among codes tell the class."""
    voters, judged = data.train.first(VOTERS), data.test.first(JUDGED)
    classes, wanted = voters.labels.numpy(), judged.labels.numpy()
    codes = [encode_split(model, some).mu for some in (voters, judged)]
    rows = [some.batch(slice(None)).flatten(1).numpy() for some in (voters, judged)]
    scores = [basis.encode(x, k) for x in rows]
    return k_dial.Stop(
        k,
        float(example_errors(model, data.test).mean()),
        basis.mse(k),
        100 * knn_accuracy(codes[0], classes, codes[1], wanted),
        100 * knn_accuracy(scores[0], classes, scores[1], wanted),
    )


def make_beta_dial() -> None:
    data = load(beta_dial.DATASET)
    rows = data.test.some_rows(beta_dial.CODES)
    one, stops, codes, planes = preset(beta_dial.PRESET), [], [], []
    for beta in beta_dial.BETAS:
        begun = time.perf_counter()
        config = dataclasses.replace(one.config, beta=beta, seed=beta_dial.SEED, device="cpu")
        state = TrainState.fresh(one.spec(data.spec), beta_dial.SEED)
        last_epoch(trained(one.spec(data.spec), config, data, LabControl(), state))
        plane = Plane.of(encode_split(state.model, data.train).mu)
        figures = evaluate(state.model, data.test)
        corners = (tuple(map(float, corner)) for corner in (plane.low, plane.high))
        stop = beta_dial.BetaStop(beta, figures["mse"], figures["kl"], plane.empty, *corners)
        stops.append(stop)
        codes.append(encode_split(state.model, data.test).mu[rows])
        pictures = decode_array(state.model, plane.grid(beta_dial.GRID))[:, 0]
        planes.append(beta_dial.as_one((255 * pictures.clip(0, 1)).round().astype(np.uint8)))
        print(stop, f"{time.perf_counter() - begun:.1f} s", flush=True)
    dial = beta_dial.BetaDial(
        dataset=beta_dial.DATASET,
        epochs=one.config.epochs,
        seed=beta_dial.SEED,
        held_out=len(data.test),
        stops=tuple(stops),
        labels=data.test.labels.numpy()[rows],
        codes=np.stack(codes),
        planes=np.stack(planes),
    )
    beta_dial.write(beta_dial.FILE, dial)
    print(f"Wrote {beta_dial.FILE} ({beta_dial.FILE.stat().st_size / 1e6:.2f} MB).")
    print(beta_dial.says(dial))


if __name__ == "__main__":
    main()
