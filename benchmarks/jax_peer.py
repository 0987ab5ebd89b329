"""JAX on the network of benchmarks/training.py: the bare loop, jit and scan over an epoch, Adam.

Run by training.py in an environment of its own, which has JAX but nothing of this project, on one
core; prints one JSON object:
    PYTHON jax_peer.py MNIST_NPZ EPOCHS BATCH_SIZE
No event, no evaluation; an epoch is compiled once, before the time is taken.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time

# Read when JAX is imported: one thread, as a run of ours has.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np

WIDTHS = (784, 128, 32, 128, 784)
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def first_weights(rng: np.random.Generator) -> list:
    made = []
    for n_in, n_out in itertools.pairwise(WIDTHS):
        bound = n_in**-0.5
        drawn = (rng.uniform(-bound, bound, shape) for shape in ((n_in, n_out), (n_out,)))
        made.append(tuple(jnp.asarray(values, jnp.float32) for values in drawn))
    return made


def loss(weights: list, x: jax.Array) -> jax.Array:
    h = x
    for layer, (w, b) in enumerate(weights):
        h = h @ w + b
        if layer in (0, 2):
            h = jax.nn.relu(h)
    return jnp.square(h - x).sum(1).mean()


def main(file: str, epochs: int, batch_size: int) -> None:
    images = jnp.asarray(np.load(file)["train_images"].reshape(-1, WIDTHS[0]))
    rng = np.random.default_rng(0)

    def step(carry: tuple, index: jax.Array) -> tuple:
        weights, first, second, t = carry
        x = images[index].astype(jnp.float32) / 255
        value, gradients = jax.value_and_grad(loss)(weights, x)
        t = t + 1
        first = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, second, gradients)

        def moved(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            spread = jnp.sqrt(v / (1 - BETA_2**t)) + EPSILON
            return w - RATE * (m / (1 - BETA_1**t)) / spread

        return (jax.tree.map(moved, weights, first, second), first, second, t), value

    epoch = jax.jit(lambda carry, order: jax.lax.scan(step, carry, order))
    batches = len(images) // batch_size

    def order() -> jax.Array:
        drawn = rng.permutation(len(images))[: batches * batch_size]
        return jnp.asarray(drawn.reshape(batches, batch_size))

    weights = first_weights(rng)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    carry = (weights, zeros, zeros, jnp.float32(0))
    jax.block_until_ready(epoch(carry, order()))  # compiled
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(epochs):
        carry, losses = epoch(carry, order())
        jax.block_until_ready(losses)
    seen = batches * batch_size * epochs
    result = {
        "images_per_second": seen / (time.perf_counter() - began),
        "images_per_cpu_second": seen / (time.process_time() - cpu),
        "loss": float(losses.mean()),
        "jax": jax.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
