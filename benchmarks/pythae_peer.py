"""pythae 0.1.2's BaseTrainer on the network of benchmarks/training.py; prints one JSON object.

Run by training.py in an environment of its own, which has pythae but nothing of this project:
    PYTHON pythae_peer.py MNIST_NPZ EPOCHS BATCH_SIZE
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, AEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import nn


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32)
        )

    def forward(self, x):
        return ModelOutput(embedding=self.layers(x))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), nn.Unflatten(1, (1, 28, 28))
        )

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z))


def main(file: str, epochs: int, batch_size: int) -> None:
    logging.disable(logging.WARNING)
    packed = np.load(file)

    def dataset(name: str) -> BaseDataset:
        x = torch.from_numpy(packed[f"{name}_images"]).reshape(-1, 1, 28, 28).float() / 255
        return BaseDataset(x, torch.from_numpy(packed[f"{name}_labels"].astype(np.int64)))

    train, test = dataset("train"), dataset("test")
    model = AE(AEConfig(input_dim=(1, 28, 28), latent_dim=32), Encoder(), Decoder())
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            learning_rate=1e-3,
            per_device_train_batch_size=batch_size,
            per_device_eval_batch_size=batch_size,
            no_cuda=True,
        )
        trainer = BaseTrainer(model, train, test, config)
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
    with torch.no_grad():
        x = test.data
        mse = float((model({"data": x}).recon_x.reshape(x.shape) - x).square().mean())
    result = {"images_per_second": len(train) * epochs / seconds, "test_mse": mse}
    print(json.dumps(result | {"torch": str(torch.__version__)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
