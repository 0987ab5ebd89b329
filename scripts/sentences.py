"""Take sentences from the docstrings of Python's library, embed them, and pack what ships.

    python scripts/sentences.py FOLDER_OF_THE_MODEL

The folder holds sentence-transformers/all-MiniLM-L6-v2 as its files are published (config.json,
model.safetensors, the tokenizer's). This script alone needs `transformers`; the project does not.
The same Python and model give the same file. It says how much eight bits cost: recall@10 of what
is packed, against the embeddings as the model gave them.
"""

import ast
import platform
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "aecore" / "datasets" / "sentences.npz"
MOST = 7000  # sentences
LENGTHS = (20, 300)  # characters
LETTERS = 0.72  # of a sentence's characters at least: what is less is code or a table
SKIPPED = {
    *("test", "tests", "idlelib", "lib2to3", "turtledemo"),
    *("site-packages", "ensurepip", "encodings", "pydoc_data"),
}
BATCH = 64
NEAREST = 10


def docstrings(library: Path) -> Iterator[tuple[str, str]]:
    """What is public in a library and what its docstring says, in the order of files and lines."""
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") or part in SKIPPED for part in parts):
            try:
                tree = ast.parse(path.read_bytes())
            except SyntaxError:
                continue  # a file that shows what cannot be parsed
            yield from _within(tree, ".".join(parts))


def _within(node: ast.Module | ast.ClassDef | ast.FunctionDef, name: str):
    found = ast.get_docstring(node)
    if found:
        yield name, found
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef) and not inner.name.startswith("_"):
            yield from _within(inner, f"{name}.{inner.name}")


def sentences(text: str) -> list[str]:
    """The sentences of a docstring's plain paragraphs, on one line each."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        # What is indented, or begins with a mark, is an example, a list or a signature.
        if any(re.match(r"\s+|[-*>:.|=@+~#]|\w+\(.*\) *->", line) for line in lines if line):
            continue
        flat = re.sub(r"[`]+", "", " ".join(" ".join(lines).split()))
        found += re.split(r"(?<=[a-z0-9)\]\"'][.!?])\s+(?=[A-Z])", flat)
    return [s for s in found if _is_sentence(s)]


def _is_sentence(text: str) -> bool:
    if not LENGTHS[0] <= len(text) <= LENGTHS[1] or not text.isascii():
        return False
    letters = sum(c.isalpha() or c == " " for c in text) / len(text)
    whole = text[0].isupper() and text[-1] in ".!?" and not text.endswith("..")
    return whole and letters >= LETTERS and text.count(" ") >= 3


def chosen(library: Path) -> list[tuple[str, str]]:
    """MOST sentences, each with where it stands: the first ones of docstrings before others."""
    by_rank: dict[str, tuple[int, int, str]] = {}
    for order, (where, text) in enumerate(docstrings(library)):
        for rank, sentence in enumerate(sentences(text)):
            key = sentence.lower()
            if key not in by_rank or by_rank[key][0] > rank:
                by_rank[key] = rank, order, f"{where}\t{sentence}"
    ranked = sorted(by_rank.values())[:MOST]
    in_order = sorted(ranked, key=lambda one: (one[1], one[0]))
    parted = (said.partition("\t") for _, _, said in in_order)
    return [(where, sentence) for where, _, sentence in parted]


def embedded(texts: list[str], folder: Path) -> np.ndarray:
    """(n, 384) float32 of length 1: the mean over tokens of the last layer."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding
    found = np.zeros((len(texts), model.config.hidden_size), np.float32)
    for start in range(0, len(texts), BATCH):
        rows = order[start : start + BATCH]
        some = [texts[i] for i in rows]
        tokens = tokenizer(some, padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.inference_mode():
            last = model(**tokens).last_hidden_state
        there = tokens["attention_mask"][:, :, None]
        means = (last * there).sum(1) / there.sum(1)
        found[rows] = torch.nn.functional.normalize(means).numpy()
    return found


def recall(rows: np.ndarray, like: np.ndarray, queries: int = 1000) -> float:
    """Share of the true NEAREST of some rows that are found by others in their place."""
    some = np.linspace(0, len(rows) - 1, queries).astype(int)
    near = []
    for x in (rows, like):
        distance = np.square(x).sum(1) - 2 * x[some] @ x.T
        distance[np.arange(queries), some] = np.inf
        near.append(np.argpartition(distance, NEAREST, 1)[:, :NEAREST])
    shared = [len(set(a) & set(b)) for a, b in zip(*near, strict=True)]
    return float(np.mean(shared)) / NEAREST


def main(folder: Path) -> None:
    found = chosen(Path(sysconfig.get_path("stdlib")))
    places, texts = (list(column) for column in zip(*found, strict=True))
    rows = embedded(texts, folder)
    scale = np.float32(np.abs(rows).max() / 127)
    codes = np.rint(rows / scale).astype(np.int8)
    np.savez_compressed(
        TARGET,
        codes=codes,
        scale=scale,
        texts=np.frombuffer("\n".join(texts).encode(), np.uint8),
        places=np.frombuffer("\n".join(places).encode(), np.uint8),
        python=np.frombuffer(platform.python_version().encode(), np.uint8),
    )
    share = recall(codes * scale, rows)
    print(
        f"Wrote {TARGET} ({TARGET.stat().st_size / 1e6:.2f} MB): {len(texts):,} sentences of "
        f"Python {platform.python_version()}; recall@{NEAREST} in eight bits {100 * share:.1f} %."
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
