"""Train the models that ship in checkpoints/ again: python scripts/make_checkpoints.py [NAME ...]

Each is its preset at its own settings, seed 0, on all of its data, through the command line.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TITLES = {
    "vae-plane": "VAE on a plane",
    "vae-textbook": "Textbook VAE",
    "deep-ae-3": "Deep autoencoder, 3 numbers",
    "deep-ae-32": "Deep autoencoder, 32 numbers",
    "first-ae": "The first autoencoder",
    "linear-ae": "Linear autoencoder",
    "conv-ae": "Convolutional autoencoder",
    "conv-vae": "Convolutional VAE",
    "denoising-ae": "Denoising autoencoder",
    "conv-denoising": "Convolutional denoiser",
    "k-sparse": "Sparse, 25 of 256 units",
    "contractive": "Contractive autoencoder",
    "conditional-vae": "Conditional VAE",
    "stacked": "Stacked autoencoder",
    "shapes-vae": "VAE of shapes",
}
DATASETS = {"shapes-vae": "shapes"}


def main() -> None:
    for name in sys.argv[1:] or TITLES:
        out = ROOT / "checkpoints" / f"{name}.safetensors"
        command = [sys.executable, "-m", "aecore", "train", "--preset", name, "--out", str(out)]
        command += ["--dataset", DATASETS.get(name, "mnist")]
        command += ["--name", TITLES[name], "--device", "cpu", "--json"]
        result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        figures = json.loads(result.stdout)
        shown = {k: figures[k] for k in ("test_mse", "test_nelbo") if k in figures}
        print(name, f"{figures['seconds']:.0f} s", shown)


if __name__ == "__main__":
    main()
