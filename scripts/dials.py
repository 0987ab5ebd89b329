"""Train the models of the dial of k again: python scripts/dials.py

Thirteen networks 784-128-k-128-784 on all training digits, seeds fixed, on the processor: about two
minutes on one core. Their weights are rounded to float16, and what the file says of them was
measured after that.
"""

import dataclasses
import time

import torch

from aecore.datasets import load
from aecore.evaluation.latent import encode_split
from aecore.evaluation.metrics import example_errors
from aecore.evaluation.neighbours import knn_accuracy
from aecore.lab import k_dial
from aecore.lab.control import LabControl
from aecore.lab.training import last_epoch, trained
from aecore.models.families.pca import basis_of
from aecore.models.presets import preset
from aecore.training.state import TrainState

VOTERS, JUDGED = 10_000, 2_000  # as in the experiment "How many numbers?"


def main() -> None:
    torch.set_num_threads(1)
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


if __name__ == "__main__":
    main()
