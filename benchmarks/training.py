"""Training speed beside its peers and the processor's limit; prints one JSON object.

python benchmarks/training.py                 everything, some two minutes on two cores
python benchmarks/training.py --make-peer     first make pythae's and JAX's own environments, once
python benchmarks/training.py --without-peer  leave pythae out, --without-jax JAX
python benchmarks/training.py --threads 2     with more threads than the one that a run has
python benchmarks/training.py --only jax      one part: speed, jax, busy, convolutional ...

Repetitions are interleaved and medians reported: a machine's mood then falls on all alike.
benchmarks/README.md says what each figure means.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
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
from aecore.internals import torch as internals  # noqa: E402
from aecore.machine import TRAINING, cores, restart_for_training  # noqa: E402
from aecore.models import build  # noqa: E402
from aecore.models.families.pca import basis_of, fit_basis  # noqa: E402
from aecore.models.presets import preset  # noqa: E402
from aecore.runs import checkpoints  # noqa: E402
from aecore.training.events import EpochDone  # noqa: E402
from aecore.training.loop import train  # noqa: E402
from aecore.types import TrainConfig  # noqa: E402

PEER_HOME = Path(__file__).with_name(".peer-venv")
PEER = PEER_HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
JAX_HOME = Path(__file__).with_name(".jax-venv")
JAX = JAX_HOME / PEER.relative_to(PEER_HOME)
JAX_PACKAGES = ("jax==0.10.2",)
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


def on_one_core() -> list[str]:
    """What has a command run on one core alone; nothing where there is no taskset."""
    found = shutil.which("taskset")
    return [found, "-c", str(max(os.sched_getaffinity(0)))] if found else []


def whole_run(batch_size: int) -> None:
    """A process of `beside_jax`: print the rates of a whole run of ours as JSON."""
    data = datasets.load("mnist")
    basis_of(data)
    ours(dataclasses.replace(data, train=data.train.first(12_800)), batch_size)  # warm
    cpu = time.process_time()
    rate = ours(data, batch_size)
    seen = len(data.train) * EPOCHS
    cpu_rate = seen / (time.process_time() - cpu)
    print(json.dumps({"images_per_second": rate, "images_per_cpu_second": cpu_rate}))


def beside_jax(peer: Path, repeat: int) -> dict:
    """A whole run of ours, every event and evaluation included, over JAX's bare loop, each on the
    same one core, in turns; by the clock, and by processor time where others want the core too."""
    script, result = str(Path(__file__).with_name("jax_peer.py")), {}
    for batch_size in (128, 1024):
        ratios, cpu_ratios, rates = [], [], []
        for _ in range(repeat):
            one = [sys.executable, __file__, "--whole-run", str(batch_size)]
            other = [str(peer), script, str(FILE), str(EPOCHS), str(batch_size)]
            found = []
            for command in (one, other):
                done = subprocess.run([*on_one_core(), *command], capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
                found.append(json.loads(done.stdout.splitlines()[-1]))
            a, b = found
            ratios.append(a["images_per_second"] / b["images_per_second"])
            cpu_ratios.append(a["images_per_cpu_second"] / b["images_per_cpu_second"])
            rates.append((a["images_per_cpu_second"], b["images_per_cpu_second"]))
        result[f"times_jax_{batch_size}"] = round(statistics.median(ratios), 3)
        result[f"times_jax_{batch_size}_by_cpu"] = round(statistics.median(cpu_ratios), 3)
        own, theirs = (round(statistics.median(column)) for column in zip(*rates, strict=True))
        result[f"images_per_cpu_second_ours_{batch_size}"] = own
        result[f"images_per_cpu_second_jax_{batch_size}"] = theirs
    return result


def commands(count: int) -> list[float]:
    """Images a second of so many command lines that train at once, as they say it."""
    command = [sys.executable, "-m", "aecore", "train", "--preset", "first-ae"]
    command += ["--epochs", str(EPOCHS), "--device", "cpu", "--json"]
    # As a person starts it: what this benchmark has set is taken away.
    bare_environment = {k: v for k, v in os.environ.items() if k not in TRAINING}
    started = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=bare_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(count)
    ]
    return [json.loads(one.communicate()[0])["images_per_second"] for one in started]


def busy(repeat: int) -> dict:
    """The command line with a spinning neighbour of equal priority on each core, over quiet;
    two runs side by side over one."""
    shares, pairs = [], []
    for _ in range(repeat):
        (quiet,) = commands(1)
        pairs.append(sum(commands(2)) / quiet)
        spinning = [sys.executable, "-c", "while True: pass"]
        neighbours = [subprocess.Popen(spinning) for _ in range(cores())]
        try:
            shares.append(commands(1)[0] / quiet)
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
    return {
        "busy_over_quiet": round(statistics.median(shares), 3),
        "two_runs_over_one": round(statistics.median(pairs), 3),
    }


def gemm_flops(n: int = 2048, tries: int = 5) -> float:
    """Floating-point operations a second of the best of some n x n matrix products, by the best
    library at hand: PyTorch's MKL, its oneDNN, and NumPy's own."""
    a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)
    one, two = a.numpy(), b.numpy()
    ways = [lambda: torch.mm(a, b, out=out), lambda: one @ two]
    if internals._onednn_linear is not None:
        ways.append(lambda: internals.onednn_product(a, b, None))
    seconds = []
    with torch.inference_mode():
        for way in ways * tries:
            began = time.perf_counter()
            way()
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


def make_peers() -> None:
    """Environments for pythae and JAX beside this file, in which nothing of ours is installed."""
    for home, python, packages in ((PEER_HOME, PEER, PEER_PACKAGES), (JAX_HOME, JAX, JAX_PACKAGES)):
        venv.create(home, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)


def main() -> None:
    restart_for_training()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, default=PEER, help="Python that has pythae")
    parser.add_argument("--jax", type=Path, default=JAX, help="Python that has JAX")
    parser.add_argument("--make-peer", action="store_true")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--without-jax", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", nargs="+", metavar="PART", help="the parts named alone")
    parser.add_argument("--tutorial", nargs=2, help=argparse.SUPPRESS)  # see tutorial()
    parser.add_argument("--whole-run", type=int, help=argparse.SUPPRESS)  # see beside_jax()
    args = parser.parse_args()
    if args.tutorial:
        return run_tutorial(args.tutorial[0], int(args.tutorial[1]))
    if args.whole_run:
        return whole_run(args.whole_run)
    if args.make_peer:
        make_peers()
    peer = None if args.without_peer else args.peer
    jax = None if args.without_jax else args.jax
    data = datasets.load("mnist")
    parts = {
        "speed": lambda: speed(data, peer, args.repeat),
        "jax": lambda: beside_jax(jax, args.repeat) if jax else {},
        "busy": lambda: busy(args.repeat),
        "convolutional": lambda: convolutional(data, args.repeat),
        "fast_start_32": lambda: beats_pca(data, 32, args.repeat),
        "fast_start_2": lambda: beats_pca(data, 2, args.repeat),
        "seconds_for_70000_images": lambda: look_at_all(data, args.repeat),
        "shipped": shipped,
    }
    wanted = args.only or list(parts)
    if unknown := [name for name in wanted if name not in parts]:
        sys.exit(f"There is no part {unknown[0]}; there are {', '.join(parts)}.")
    for python, part, option in ((peer, "speed", "peer"), (jax, "jax", "jax")):
        if part in wanted and python is not None and not python.exists():
            sys.exit(
                f"There is no {python}; run with --make-peer once, or with --without-{option}."
            )
    if args.threads:
        torch.set_num_threads(args.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    ours(dataclasses.replace(data, train=data.train.first(6000)), 128)  # warm: imports, optimiser
    basis_of(data)
    about = {
        "load_before": load,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "onednn": internals.onednn_is_faster(),
    }
    print(json.dumps(about | {name: parts[name]() for name in wanted}, indent=1))


if __name__ == "__main__":
    main()
