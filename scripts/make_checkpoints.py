"""Train the models that ship in checkpoints/ again: python scripts/make_checkpoints.py

Each is its preset at its own settings, seed 0, on all of MNIST, through the command line.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("vae-plane", "vae-textbook", "vae-32", "deep-ae-3", "deep-ae-32", "first-ae")
TITLES = {
    "vae-plane": "VAE on a plane",
    "vae-textbook": "Textbook VAE",
    "vae-32": "VAE, 32 numbers",
    "deep-ae-3": "Deep autoencoder, 3 numbers",
    "deep-ae-32": "Deep autoencoder, 32 numbers",
    "first-ae": "The first autoencoder",
}


def main() -> None:
    for name in SHIPPED:
        out = ROOT / "checkpoints" / f"{name}.safetensors"
        command = [sys.executable, "-m", "aecore", "train", "--preset", name, "--out", str(out)]
        command += ["--name", TITLES[name], "--device", "cpu", "--json"]
        result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        figures = json.loads(result.stdout)
        shown = {k: figures[k] for k in ("test_mse", "test_nelbo") if k in figures}
        print(name, f"{figures['seconds']:.0f} s", shown)


if __name__ == "__main__":
    main()
