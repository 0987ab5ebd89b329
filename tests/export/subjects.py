"""Small models of every family, and of every choice that a script has words of its own for."""

from __future__ import annotations

import dataclasses

import torch

from aecore.datasets import Dataset
from aecore.errors import ConfigError
from aecore.export.subject import Subject
from aecore.models import all_families, build
from aecore.runs.checkpoints import Card
from aecore.types import ModelSpec, TrainConfig

FAMILIES = sorted(all_families())
CONVOLUTIONS = {
    "encoder": (
        "Scale(2, -1)",
        "Pad(1)",
        "Conv2d(1, 4, 3, stride=2)",
        "BatchNorm2d(4)",
        "PReLU()",
        "MaxPool2d(2, 2, 0)",
        "Resize(3, 3)",
        "Flatten()",
        "Linear(36, 3)",
    ),
    "decoder": (
        "Linear(3, 36)",
        "SELU()",
        "Unflatten(4, 3, 3)",
        "Upsample(scale_factor=2)",
        "ConvTranspose2d(4, 2, 3, padding=0)",
        "GroupNorm(1, 2)",
        "GELU(approximate='tanh')",
        "Conv2d(2, 1, 3, padding=1, bias=False)",
        "Tanh()",
        "Scale(0.5, 0.5)",
    ),
}
#: What goes around layers, the labels' own numbers on maps, a deviation as the second head.
AROUND = {
    "encoder": (
        "Conv2d(1, 4, 3, stride=2, padding=1, padding_mode='reflect')",
        "Residual(InstanceNorm2d(4), ReLU(), Conv2d(4, 4, 3, padding=1))",
        "Residual(Conv2d(4, 8, 1), Tanh(), shortcut=(Conv2d(4, 8, 1, bias=False),))",
        "Flatten()",
        "Linear(128, 3)",
    ),
    "decoder": (
        "Linear(3, 32)",
        "Unflatten(2, 4, 4)",
        "Skip(Conv2d(2, 2, 3, padding=1), Skip(ReLU6()))",
        "Conv2d(6, 4, 1)",
        "PixelShuffle(2)",
        "ReplicationPad2d(1, 0, 1, 0)",
        "Crop(0, 0, 8, 8)",
        "Clamp(0, 1)",
    ),
}
TOLD = {
    "encoder": (
        "Told(10, 2)",
        "Conv2d(3, 4, 3, stride=2, padding=1)",
        "Softplus()",
        "Flatten()",
        "Linear(64, 6)",
        "SecondHead('softplus deviation', high=8)",
    ),
    "decoder": (
        "Told(10, first=True)",
        "Linear(13, 16)",
        "Softsign()",
        "Told(10)",
        "ReLU()",
        "Linear(26, 64)",
        "Unflatten(1, 8, 8)",
        "Sigmoid()",
    ),
}
#: (family, options, training) that take other roads through the texts.
VARIANTS = {
    "tied": ("linear-ae", {"weights": "tied"}, {}),
    "cross-entropy": ("dense-ae", {"loss": "bce", "normalisation": "layer"}, {}),
    "batch norm": ("conv-vae", {"normalisation": "batch", "enlarging": "upsampling"}, {}),
    "squared error": ("dense-vae", {"loss": "mse", "output": "linear", "init": "xavier"}, {}),
    "independence": ("dense-vae", {"independence": 6.0, "init": "kaiming"}, {"beta": 4.0}),
    "capacity": ("dense-vae", {}, {"capacity": 5.0, "kl_warmup_epochs": 2.0}),
    "free bits": ("dense-vae", {}, {"free_bits": 0.5, "kl_warmup_epochs": 3.0}),
    "one cycle": ("dense-ae", {"init": "orthogonal"}, {"schedule": "one-cycle", "limit": 500}),
    "cosine": ("dense-ae", {"hidden": ()}, {"schedule": "cosine"}),
    "l1": ("sparse-ae", {"penalty": "l1"}, {}),
    "kl": ("sparse-ae", {"penalty": "kl"}, {}),
    "salt": ("denoising-ae", {"noise": "salt_pepper", "level": 0.2}, {}),
    "mask": ("denoising-ae", {"noise": "mask", "level": 0.3}, {}),
    "blocks": ("denoising-ae", {"noise": "blocks", "level": 0.3}, {}),
    "blur": ("denoising-ae", {"noise": "blur", "level": 1.5}, {}),
    "no noise": ("denoising-ae", {"level": 0.0}, {}),
    "described layers": ("described-ae", CONVOLUTIONS, {}),
    "described logits": (
        "described-vae",
        {"decoder": ("Linear(3, 64)", "Sigmoid()"), "loss": "bce"},
        {},
    ),
    "around": ("described-ae", AROUND, {}),
    "told maps": ("described-conditional-vae", TOLD | {"loss": "bce"}, {}),
    "no hidden layer": ("conditional-vae", {"hidden": ()}, {}),
    "contracted codes": ("contractive-ae", {"hidden": (12, 8), "activation": "tanh"}, {}),
}
CASES = [*FAMILIES, *VARIANTS]


def subject_of(case: str, data: Dataset) -> Subject:
    """A family's or variant's model on `data`, a few steps from its start."""
    family, options, training = VARIANTS.get(case, (case, {}, {}))
    known = {f.name for f in dataclasses.fields(all_families()[family].Options)}
    if "hidden" in known and "channels" not in known:
        options = {"hidden": (16,)} | options
    if "channels" in known:
        options = {"channels": (4, 6)} | options
    for extra in ({}, {"loss": "mse"}):
        spec = ModelSpec(family, data.spec, 3, options | extra)
        try:
            model = build(spec, seed=1)
            break
        except ConfigError:
            continue
    config = TrainConfig(**{"epochs": 2, "batch_size": 64, "device": "cpu"} | training)
    if model.closed_form:
        model.fit(data)
    else:
        _touch(model, data)
    card = Card(f"A {case} model", spec, config, data.name, data.fingerprint, epochs_done=2)
    return Subject(model.eval(), card, data)


def _touch(model, data: Dataset) -> None:
    """Running means and biases should not be at their start."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    labels = data.train.labels[:64] if model.conditional else None
    model.train()
    for step in range(3):
        generator = torch.Generator().manual_seed(step)
        terms = model.loss_terms(data.train.batch(slice(0, 64)), generator, labels)
        terms.reconstruction.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
