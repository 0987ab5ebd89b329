"""What a model costs: numbers, multiply-adds, bytes, and milliseconds on this machine."""

from __future__ import annotations

import time

import numpy as np
import torch

from aecore.datasets import Split
from aecore.evaluation.batches import batch_for, labels_for
from aecore.inspection.judging.findings import Figure
from aecore.models import LatentModel
from aecore.wording import count

LONGEST = 0.4  # seconds for each batch size


@torch.inference_mode()
def cost_figures(model: LatentModel, split: Split, macs: tuple[int, int] | None) -> list[Figure]:
    """Size and speed of encoding and decoding; macs: of encoder and decoder, None if unknown."""
    state = model.state_dict()
    size = sum(v.numel() * v.element_size() for v in state.values())
    parameters = sum(p.numel() for p in model.parameters())
    figures = [
        Figure("parameters", "Cost", "Parameters", parameters, "", "lower"),
        Figure(
            "bytes", "Cost", "Weights in memory", size / 1e6, "MB", "lower", "float32, as in a file"
        ),
        Figure(
            "macs",
            "Cost",
            "Multiply-adds",
            None if macs is None else sum(macs) / 1e6,
            "million an example",
            "lower",
            "not known: a layer of a kind that is not traced"
            if macs is None
            else f"encoder {macs[0] / 1e6:.3g}, decoder {macs[1] / 1e6:.3g}",
        ),
    ]
    for batch in (1, 100):
        rows = torch.arange(min(batch_for(model, batch), len(split)))
        x, labels = split.batch(rows), labels_for(model, split, rows)
        x = x.to(next(model.parameters()).device)
        milliseconds, repeats = _median(lambda x=x, labels=labels: model.reconstruct(x, labels))
        figures.append(
            Figure(
                f"ms_{batch}",
                "Cost",
                f"Time in batches of {len(x)}",
                milliseconds / len(x),
                "ms an example",
                "lower",
                f"median of {repeats}, encode and decode, "
                f"{count(torch.get_num_threads(), 'thread')} of this machine",
            )
        )
    return figures


def _median(call, most: int = 30) -> tuple[float, int]:
    call()
    times: list[float] = []
    while len(times) < 3 or (len(times) < most and sum(times) < LONGEST):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times)), len(times)
