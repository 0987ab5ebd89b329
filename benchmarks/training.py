"""Training speed beside its peers and the processor's limit; prints one JSON object.

python benchmarks/training.py                 everything, some two minutes on two cores
python benchmarks/training.py --make-peer     first make pythae's own environment, once
python benchmarks/training.py --without-peer  leave pythae out
python benchmarks/training.py --threads 1     as a run beside others trains

Repetitions are interleaved and medians reported: a machine's mood then falls on all alike.
benchmarks/README.md says what each figure means.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from aecore import datasets  # noqa: E402
from aecore.datasets import Dataset, Split  # noqa: E402
from aecore.datasets.sources.mnist import FILE  # noqa: E402
from aecore.evaluation.latent import encode_split  # noqa: E402
from aecore.evaluation.metrics import evaluate  # noqa: E402
from aecore.machine import restart_to_keep_freed_memory  # noqa: E402
from aecore.models import build  # noqa: E402
from aecore.models.families.pca import basis_of, fit_basis  # noqa: E402
from aecore.models.presets import preset  # noqa: E402
from aecore.runs import checkpoints  # noqa: E402
from aecore.training.events import EpochDone  # noqa: E402
from aecore.training.loop import train  # noqa: E402
from aecore.types import TrainConfig  # noqa: E402

PEER_HOME = Path(__file__).with_name(".peer-venv")
PEER = PEER_HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PEER_PACKAGES = ("pythae==0.1.2", "torch==2.13.0")  # versions that work together
MFLOP_TRAIN = 1.254  # of 784-128-32-128-784, an image, forward and backward
EPOCHS = 3
TUTORIAL_IMAGES = 20_000


class TorchvisionMNIST(torch.utils.data.Dataset):
    """The work an item of torchvision.datasets.MNIST, from the arrays that we ship.

    Its raw files need not be there; __getitem__ is the same: an image from an array, a transform.
    """

    def __init__(self, split: Split, transform):
        self.data, self.targets = split.x[:, 0], split.labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int):
        image = Image.fromarray(self.data[index].numpy())
        return self.transform(image), int(self.targets[index])


def tutorial(network: str, batch_size: int) -> float:
    """Images a second of a tutorial's loop in a process of its own, where nothing of ours is set:
    a person who runs a tutorial has not told the allocator to keep freed memory either."""
    command = [sys.executable, __file__, "--tutorial", network, str(batch_size)]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return float(done.stdout.splitlines()[-1])


def run_tutorial(network: str, batch_size: int) -> None:
    """That process: print the rate, measured after a tenth of the images as warm-up."""
    data = datasets.load("mnist")
    if network == "dense":
        layers = [nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32), nn.Linear(32, 128), nn.ReLU()]
        image = [nn.Linear(128, 784), nn.Unflatten(1, (1, 28, 28))]
        model = nn.Sequential(nn.Flatten(), *layers, *image)
    else:  # the network of a preset
        made = build(preset(network).spec(data.spec)).train()
        model = nn.Sequential(made.encoder_network(), made.decoder_network())
        for layer in model.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                layer.__class__ = nn.ConvTranspose2d  # PyTorch's own, not our quicker one
    tutorial_loop(model, data, batch_size, TUTORIAL_IMAGES // 10)
    print(tutorial_loop(model, data, batch_size, TUTORIAL_IMAGES))


def tutorial_loop(model: nn.Module, data: Dataset, batch_size: int, images: int) -> float:
    """The loop in the tutorials: DataLoader, ToTensor, Adam. Images a second."""
    loader = DataLoader(
        TorchvisionMNIST(data.train.first(images), ToTensor()), batch_size=batch_size, shuffle=True
    )
    optimizer, criterion = torch.optim.Adam(model.parameters(), lr=1e-3), nn.MSELoss()
    began = time.perf_counter()
    for x, _ in loader:
        loss = criterion(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return len(loader.dataset) / (time.perf_counter() - began)


def ours(data: Dataset, batch_size: int) -> float:
    """Images a second of aecore.training.train, every event and held-out evaluation included."""
    config = TrainConfig(epochs=EPOCHS, batch_size=batch_size, device="cpu")
    spec = preset("first-ae").spec(data.spec)
    began = time.perf_counter()
    for _ in train(spec, config, data):
        pass
    return len(data.train) * EPOCHS / (time.perf_counter() - began)


def convolutional(data: Dataset, repeat: int) -> dict:
    """The convolutional preset, events and evaluation included, beside a tutorial loop around the
    same network at the same batch size."""
    chosen, turns = preset("conv-ae"), []
    spec = chosen.spec(data.spec)
    config = dataclasses.replace(chosen.config, device="cpu")
    for _ in range(repeat):
        began = time.perf_counter()
        for _ in train(spec, config, data):
            pass
        rate = len(data.train) * config.epochs / (time.perf_counter() - began)
        steps = bare(data, config.batch_size, chosen.name)
        turns.append((rate, steps, tutorial(chosen.name, config.batch_size)))
    ours_, steps, tutorials = (statistics.median(column) for column in zip(*turns, strict=True))
    return {
        "images_per_second": round(ours_),
        "bare_images_per_second": round(steps),
        "tutorial_images_per_second": round(tutorials),
        "times_tutorial": round(statistics.median(a / c for a, _, c in turns), 2),
        "bare_times_tutorial": round(statistics.median(b / c for _, b, c in turns), 2),
    }


def bare(data: Dataset, batch_size: int, name: str = "first-ae") -> float:
    """Images a second of the steps alone: what the events and the evaluation are held against."""
    from aecore.models.losses import objective

    model = build(preset(name).spec(data.spec), 0).train()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    began = time.perf_counter()
    for index in torch.randperm(len(data.train)).split(batch_size):
        loss = objective(model.loss_terms(data.train.batch(index)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return len(data.train) / (time.perf_counter() - began)


def pythae(peer: Path, batch_size: int) -> dict:
    """What benchmarks/pythae_peer.py measures, in its own environment."""
    script = Path(__file__).with_name("pythae_peer.py")
    command = [str(peer), "-W", "ignore", str(script), str(FILE), str(EPOCHS), str(batch_size)]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"pythae's run failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def gemm_flops(n: int = 2048, tries: int = 5) -> float:
    """Floating-point operations a second of the best of some n x n matrix products."""
    a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)
    seconds = []
    for _ in range(tries):
        began = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - began)
    return 2 * n**3 / min(seconds)


def speed(data: Dataset, peer: Path | None, repeat: int) -> dict:
    """All loops in turn, `repeat` times; medians of the rates and of each turn's ratios."""
    turns = []
    for _ in range(repeat):
        turn = {"gemm": gemm_flops(), "ours_128": ours(data, 128), "bare_128": bare(data, 128)}
        turn |= {"ours_1024": ours(data, 1024), "bare_1024": bare(data, 1024)}
        turn["gemm"] = max(turn["gemm"], gemm_flops())
        turn["tutorial_128"] = tutorial("dense", 128)
        if peer is not None:
            turn["pythae_128"] = pythae(peer, 128)["images_per_second"]
        turns.append(turn)

    def median(of) -> float:
        return round(statistics.median(of(turn) for turn in turns), 3)

    result = {
        f"images_per_second_{k}": median(lambda t, k=k: t[k]) for k in turns[0] if k != "gemm"
    }
    result["gemm_gflops"] = median(lambda t: t["gemm"] / 1e9)
    for name in ("ours_128", "ours_1024", "bare_128", "bare_1024"):
        result[f"share_of_gemm_limit_{name}"] = median(
            lambda t, name=name: t[name] * MFLOP_TRAIN * 1e6 / t["gemm"]
        )
    result["times_tutorial"] = median(lambda t: t["ours_128"] / t["tutorial_128"])
    if peer is not None:
        result["times_pythae"] = median(lambda t: t["ours_128"] / t["pythae_128"])
    return result


def beats_pca(data: Dataset, latent_dim: int, repeat: int) -> dict:
    """The fast start: seconds until held-out error passes PCA's, and the error in the end."""
    chosen, seconds, errors = preset("fast-start"), [], []
    for seed in range(repeat):
        config = dataclasses.replace(chosen.config, seed=seed, device="cpu")
        events = list(train(chosen.spec(data.spec, latent_dim), config, data))
        done = [e for e in events if isinstance(e, EpochDone)][-1]
        seconds.append(done.seconds_to_beat_pca)
        errors.append(done.metrics["mse"])
    return {
        "seconds_to_beat_pca": round(statistics.median(seconds), 3),
        "epochs": chosen.config.epochs,
        "test_mse": round(statistics.median(errors), 5),
        "pca_test_mse": round(basis_of(data).mse(latent_dim), 5),
    }


def look_at_all(data: Dataset, repeat: int) -> dict:
    """Seconds to encode all 70,000 images and to fit PCA on them."""
    x = torch.cat([data.train.x, data.test.x])
    everything = Dataset("all of mnist", data.spec, Split(x), data.test)
    model = checkpoints.load(checkpoints.shipped()["vae-textbook"]).model
    encode, fit = [], []
    for _ in range(repeat):
        began = time.perf_counter()
        encode_split(model, everything.train)
        middle = time.perf_counter()
        fit_basis(everything)
        encode.append(middle - began)
        fit.append(time.perf_counter() - middle)
    one, two = statistics.median(encode), statistics.median(fit)
    return {"encode": round(one, 3), "fit_pca": round(two, 3), "together": round(one + two, 3)}


def shipped() -> dict:
    """Held-out figures of the models that ship, computed anew."""
    found = {name: checkpoints.load(path) for name, path in checkpoints.shipped().items()}
    return {
        name: {
            k: round(v, 5)
            for k, v in evaluate(
                c.model, datasets.load(c.card.dataset).test, c.card.config.seed
            ).items()
            if k in ("mse", "nelbo")
        }
        for name, c in found.items()
    }


def make_peer() -> None:
    """An environment for pythae beside this file, in which nothing of ours is installed."""
    venv.create(PEER_HOME, with_pip=True)
    subprocess.run([str(PEER), "-m", "pip", "install", "-q", *PEER_PACKAGES], check=True)


def main() -> None:
    restart_to_keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, default=PEER, help="Python that has pythae")
    parser.add_argument("--make-peer", action="store_true")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--tutorial", nargs=2, help=argparse.SUPPRESS)  # see tutorial()
    args = parser.parse_args()
    if args.tutorial:
        return run_tutorial(args.tutorial[0], int(args.tutorial[1]))
    if args.make_peer:
        make_peer()
    peer = None if args.without_peer else args.peer
    if peer is not None and not peer.exists():
        sys.exit(f"There is no {peer}; run with --make-peer once, or with --without-peer.")
    if args.threads:
        torch.set_num_threads(args.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    data = datasets.load("mnist")
    ours(dataclasses.replace(data, train=data.train.first(6000)), 128)  # warm: imports, optimiser
    basis_of(data)
    result = {
        "load_before": load,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        **speed(data, peer, args.repeat),
        "convolutional": convolutional(data, args.repeat),
        "fast_start_32": beats_pca(data, 32, args.repeat),
        "fast_start_2": beats_pca(data, 2, args.repeat),
        "seconds_for_70000_images": look_at_all(data, args.repeat),
        "shipped": shipped(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
