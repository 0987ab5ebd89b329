"""What it costs a training to show its network: pairs of runs, with the layers in each look and
without; prints one JSON object.

python benchmarks/layer_looks.py                       fast-start, deep-ae-32 and conv-ae
python benchmarks/layer_looks.py --presets vae-plane --pairs 5

Each run trains one epoch of MNIST, or a tenth of one for convolutions; the two of a pair stand
beside each other, in turn one and the other first. `slower` is the median over pairs of the
seconds with over the seconds without, minus 1; `bytes_a_look` are of the line that goes to a
browser, the layers' part alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aecore import datasets  # noqa: E402
from aecore.machine import restart_for_training  # noqa: E402
from aecore.models.presets import PRESETS  # noqa: E402
from aecore.training.events import EpochDone, LayerLook  # noqa: E402
from aecore.training.layer_looks import LayerView  # noqa: E402
from aecore.training.loop import train  # noqa: E402
from pages.components.run_frame import _layer  # noqa: E402

SMALL = 6000  # examples of an epoch of convolutions
_look, _mark = LayerView.look, LayerView.mark


def seconds_of(name: str, on: bool) -> tuple[float, tuple[LayerLook, ...], int]:
    """Seconds of training of one run, its last look's layers, and how many looks there were."""
    LayerView.look = _look if on else lambda self, model, one_step=False: ()  # type: ignore
    LayerView.mark = _mark if on else lambda self, model: None  # type: ignore
    data, chosen = datasets.load("mnist"), PRESETS[name]
    limit = SMALL if "conv" in chosen.family else 0
    config = dataclasses.replace(
        chosen.training(len(data.train)), epochs=1, limit=limit, device="cpu"
    )
    looks, last, seconds = 0, (), 0.0
    for event in train(chosen.spec(data.spec), config, data):
        probe = getattr(event, "probe", None)
        if probe is not None:
            looks, last = looks + 1, probe.layers
        if isinstance(event, EpochDone):
            seconds = event.seconds
    return seconds, last, looks


def measured(name: str, pairs: int) -> dict[str, float]:
    seconds_of(name, True)  # what is imported and fitted once is no part of it
    ratios, layers, looks = [], (), 0
    for pair in range(pairs):
        found = {}
        for on in (True, False) if pair % 2 else (False, True):
            seconds, seen, count = seconds_of(name, on)
            found[on] = seconds
            layers, looks = seen or layers, count
        # The two of a pair saw the same machine.
        ratios.append(found[True] / found[False] - 1)
    sent = json.dumps({"layers": [_layer(look) for look in layers]}, separators=(",", ":"))
    return {
        "slower": round(statistics.median(ratios), 4),
        "lowest": round(min(ratios), 4),
        "highest": round(max(ratios), 4),
        "looks": looks,
        "bytes_a_look": len(sent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["fast-start", "deep-ae-32", "conv-ae"])
    parser.add_argument("--pairs", type=int, default=7)
    chosen = parser.parse_args()
    print(json.dumps({name: measured(name, chosen.pairs) for name in chosen.presets}))


if __name__ == "__main__":
    restart_for_training()
    main()
