"""All networks of the tests' corpus, read as strangers' files: what is right, sure, and how long.

    python benchmarks/corpus.py [--of WORD ...] [--form pt2|onnx|safetensors] [--keep FOLDER]
        [--processes 2] [--json FILE]

One line an entry, why it is not as it should be, a line a style, and the sum. --of: entries and
styles with one of these words. --form: all saved in that form instead of their own. --keep:
trained networks are kept there and not trained again. Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.inspection.corpus import ENTRIES
from tests.inspection.corpus.examining import Examined, examine

HEADER = f"{'':>9} {'sure':>5} {'reading':>8} {'training':>8}"


def chosen(words: list[str], form: str | None) -> list[str]:
    """Entries to look at, in their order."""
    names = [
        n
        for n, e in ENTRIES.items()
        if not words or any(w in (n, e.style) or w in n for w in words)
    ]
    # What is no network that leads back has no other form; what refuses stays as it is.
    return [n for n in names if form is None or ENTRIES[n].form in ("pt", "safetensors")]


def line(r: Examined) -> str:
    word = "WRONG" if r.sure_and_wrong else "right" if r.met else "no"
    said = f"{word:>9} {'sure' if r.sure else '':>5} {r.seconds:7.1f}s {r.trained:7.1f}s"
    return f"{said}  {r.style}: {r.name}"


def why(r: Examined) -> str:
    """What is wrong with an entry that is not as it should be."""
    if r.refused:
        return f"[{r.kind}, should be {r.meant} and {r.expected}] {r.refused}"
    off = {k: round(v, 4) for k, v in r.off.items()}
    parts = {"differs by": f"{r.difference:.2g}", "figures off": off, "data": r.data, **r.words}
    if r.truth:
        parts |= {"error": f"{r.read['mse']:.5f}, its own {r.truth['mse']:.5f}"}
    parts |= {"blamed": r.blamed, "understood": r.understood, "unused": r.unused[:3]}
    return f"[{r.kind}] " + "; ".join(f"{k} {v}" for k, v in parts.items() if v or v is False)


def main() -> None:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--of", nargs="*", default=[])
    parser.add_argument("--form", choices=("pt", "pt2", "onnx", "safetensors"))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    names = chosen(asked.of, asked.form)
    context = multiprocessing.get_context("spawn")
    results: list[Examined] = []
    with ProcessPoolExecutor(asked.processes, mp_context=context) as pool:
        for r in pool.map(partial(examine, form=asked.form, kept=asked.keep), names):
            results.append(r)
            print(line(r), flush=True)
    print(f"\nNot as they should be:\n{HEADER}")
    for r in results:
        if not r.met or r.sure_and_wrong:
            print(f"{line(r)}\n{'':>12}{why(r)}")
    print(f"\n{'style':>14} {'entries':>8} {'right':>6} {'sure':>6} {'sure and wrong':>15}")
    styles = defaultdict(list)
    for r in results:
        styles[r.style].append(r)
    for style, some in [*styles.items(), ("all", results)]:
        right, sure = sum(r.met for r in some), sum(r.sure for r in some)
        wrong = sum(r.sure_and_wrong for r in some)
        print(f"{style:>14} {len(some):>8} {right:>6} {sure:>6} {wrong:>15}")
    share = sum(r.met for r in results) / max(len(results), 1)
    slowest = max(results, key=lambda r: r.seconds, default=None)
    print(
        f"\n{share:.1%} as they should be; training {sum(r.trained for r in results):.0f} s, "
        f"reading {sum(r.seconds for r in results):.0f} s of {asked.processes} processes"
    )
    if slowest is not None:
        print(f"the slowest: {slowest.seconds:.1f} s, {slowest.name}")
    if asked.json is not None:
        asked.json.write_text("\n".join(json.dumps(asdict(r)) for r in results))


if __name__ == "__main__":
    main()
