"""Checkpoints of trainings, other number formats, denoisers, and programs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspection.corpus.dense import Pair
from tests.inspection.corpus.entries import entry, flat, noisy
from tests.inspection.corpus.heads import TwoHeads


def dense(k=12, curve=nn.ReLU):
    return Pair(
        nn.Sequential(nn.Linear(784, 96), curve(), nn.Linear(96, k)),
        nn.Sequential(nn.Linear(k, 96), curve(), nn.Linear(96, 784), nn.Sigmoid()),
    )


def lightning_file(net):
    """What a Trainer writes, callbacks and all."""
    return {
        "epoch": 9,
        "global_step": 4690,
        "pytorch-lightning_version": "2.2.1",
        "state_dict": net.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': 'val_loss'}": {
                "best_model_score": torch.tensor(0.031),
                "best_model_path": "/home/somebody/lightning_logs/version_3/last.ckpt",
            }
        },
        "optimizer_states": [
            {
                "state": {0: {"step": torch.tensor(4690.0), "exp_avg": torch.zeros(96, 784)}},
                "param_groups": [{"lr": 1e-3, "params": [0]}],
            }
        ],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"input_dim": 784, "hidden_dim": 96, "lr": 1e-3},
    }


@entry("Lightning, as a Trainer writes it", flat, steps=500, save=lightning_file)
def lightning_trainer():
    return dense()


def averaged_file(net):
    """Weights of DataParallel, and their moving average, which has settled."""
    weights = {f"module.{name}": value for name, value in net.state_dict().items()}
    return {
        "args": {"dim": 12, "data": "mnist", "resume": None},
        "step": 20000,
        "model": weights,
        "ema": {name: value.clone() for name, value in weights.items()},
        "opt": {"state": {}, "param_groups": [{"lr": 1e-4}]},
    }


@entry("DataParallel with a moving average", flat, steps=500, save=averaged_file)
def averaged():
    return dense(curve=nn.GELU)


@entry(
    "weights beside their history",
    flat,
    steps=500,
    save=lambda net: {
        "model_state": net.state_dict(),
        "train_losses": [41.2, 33.0, 29.9],
        "val_losses": [39.9, 32.4, 30.1],
        "latent_dim": 12,
    },
)
def history():
    return dense()


@entry(
    "double precision",
    flat,
    steps=500,
    save=lambda net: {name: value.double() for name, value in net.state_dict().items()},
)
def double():
    return dense()


def halved(net):
    """Half precision; the network goes on with what that leaves of its weights."""
    halves = {name: value.half() for name, value in net.state_dict().items()}
    net.load_state_dict({name: value.float() for name, value in halves.items()})
    return halves


@entry("half precision", flat, steps=500, save=halved)
def half():
    return dense()


@entry(
    "compiled before it was saved",
    flat,
    loss="bce",
    steps=500,
    save=lambda net: {f"_orig_mod.{name}": value for name, value in net.state_dict().items()},
)
class Compiled(TwoHeads):
    pass


@entry("denoiser, dense", flat, steps=600, damage=noisy)
def denoiser():
    return dense(24)


@entry("denoiser, convolutions", loss="bce", steps=300, damage=noisy)
class ConvDenoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1, self.enc2 = nn.Conv2d(1, 12, 3, 2, 1), nn.Conv2d(12, 8, 3, 2, 1)
        self.dec1 = nn.ConvTranspose2d(8, 12, 3, 2, 1, 1)
        self.dec2 = nn.ConvTranspose2d(12, 1, 3, 2, 1, 1)

    def forward(self, x):
        z = F.relu(self.enc2(F.relu(self.enc1(x))))
        return torch.sigmoid(self.dec2(F.relu(self.dec1(z))))


@entry("the whole module, pickled", flat, steps=500, form="module")
def pickled():
    return dense()


@entry("TorchScript", flat, steps=0, expected="refused", form="script")
def script():
    return dense()


@entry("never trained", flat, steps=0, expected="open", faults=("Never trained",))
def untrained():
    return dense()


def shuffled(x):
    """Other data of this size: the same pixels in another order."""
    order = torch.randperm(784, generator=torch.Generator().manual_seed(1))
    return x.flatten(1)[:, order]


def restored(y):
    order = torch.randperm(784, generator=torch.Generator().manual_seed(1))
    return y[:, order.argsort()]


@entry("made for other data of this size", shuffled, restored, steps=500, expected="open")
def other_data():
    return dense()
