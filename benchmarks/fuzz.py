"""Damaged files of all forms, and damaged cards, on the way that the app takes; one JSON.

python benchmarks/fuzz.py [--files 1000] [--seed 0]

Each is read and understood by a child of the workshop, and what was understood is judged by
another. `uncaught` counts what no sentence was written for: an exception in the app, a stumble or a
death in a child. Seconds are of the processor; megabytes above the idle helper process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aecore import datasets  # noqa: E402
from aecore.errors import AecoreError  # noqa: E402
from aecore.inspection.apart import judged, open_files  # noqa: E402
from aecore.workshop import workshop  # noqa: E402
from tests.inspection import mutations  # noqa: E402

UNCAUGHT = ("stumbled", "broken", "doubtful")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    made = mutations.originals(Path(tempfile.mkdtemp()))
    data = datasets.load("digits")
    box, begun = workshop(), time.monotonic()

    def one(file: tuple[str, bytes]) -> tuple[str, float, str]:
        name, content = file
        start = time.monotonic()
        try:
            found = open_files([(content, name)], data)
            judged(found.model, found.card, data)
            end = "judged"
        except AecoreError:
            end = "refused"
        except Exception as error:  # what this program looks for
            logging.exception("%s", name)
            end = f"uncaught {type(error).__name__}"
        return end, time.monotonic() - start, name

    files = mutations.files(made, random.Random(chosen.seed))
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(one, itertools.islice(files, chosen.files)))
    costs = Counter(cost.end for cost in box.costs)
    slow = max(box.costs, key=lambda cost: cost.seconds)
    large = max(box.costs, key=lambda cost: cost.megabytes)
    escaped = [end for end, _, _ in ends if end.startswith("uncaught")]
    result = {
        "files": len(ends),
        "judged": sum(end == "judged" for end, _, _ in ends),
        "refused": sum(end == "refused" for end, _, _ in ends),
        "uncaught": len(escaped) + sum(costs[end] for end in UNCAUGHT),
        "ends_of_children": dict(costs),
        "longest_seconds_of_a_child": round(slow.seconds, 2),
        "longest_in": slow.target,
        "longest_seconds_of_a_file_by_the_clock": round(max(s for _, s, _ in ends), 2),
        "largest_megabytes": round(large.megabytes),
        "largest_in": large.target,
        "seconds": round(time.monotonic() - begun, 1),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
