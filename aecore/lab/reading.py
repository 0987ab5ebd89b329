"""What numbers know of a class, read from a few labelled examples: by straight lines, by nearness.

All of it gives way between its steps, so that a stop is heard at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

PENALTY = 1.0  # of the squared weights, beside the summed loss: scikit-learn's C = 1 / PENALTY
SQUARED_LENGTH = 16.0  # of an example, on average, about its mean
_MOST_STEPS = 200
_SMALL = 1e-4  # of the gradient, for each example: there it has settled
_PART = 1000  # examples that are read at once


def level(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """x (n, k), centred and divided by one number, so that rows of `like` (m, k) have mean 0 and a
    mean squared length of SQUARED_LENGTH: one penalty then means the same for pixels and codes.
    One number for all columns: which of them say much is left as it is."""
    mean = like.mean(0)
    spread = float(np.sqrt(np.square(like - mean).sum(1).mean() / SQUARED_LENGTH))
    return ((x - mean) / max(spread, 1e-12)).astype(np.float32)


class StraightLines:
    """Multinomial logistic regression with a squared penalty on all but the biases.

    x: (n, k) float32, y: (n,) whole numbers. A class without an example is never read. Found by
    L-BFGS (Liu and Nocedal 1989); between: called before each of its steps.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, between: Callable[[], object]):
        from scipy.optimize import minimize

        self.classes, which = np.unique(y, return_inverse=True)
        examples = torch.from_numpy(_with_one(x))
        wanted = torch.nn.functional.one_hot(torch.from_numpy(which)).float()
        shape = examples.shape[1], len(self.classes)

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            between()
            weights = torch.from_numpy(flat.astype(np.float32)).view(shape)
            logits = examples @ weights
            value = (logits.logsumexp(1) - (logits * wanted).sum(1)).sum()
            value += PENALTY / 2 * weights[:-1].square().sum()
            gradient = examples.T @ (logits.softmax(1) - wanted)
            gradient[:-1] += PENALTY * weights[:-1]
            return float(value), gradient.double().flatten().numpy()

        options = {"maxiter": _MOST_STEPS, "gtol": _SMALL * len(x)}
        start = np.zeros(shape[0] * shape[1])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        self.weights = found.x.reshape(shape).astype(np.float32)
        self._between = between

    def read(self, x: np.ndarray) -> np.ndarray:
        """The likeliest class of each of x (m, k), (m,)."""
        weights, bias = torch.from_numpy(self.weights[:-1]), torch.from_numpy(self.weights[-1])
        found = []
        for part in torch.from_numpy(x).split(_PART):
            self._between()
            found.append((part @ weights + bias).argmax(1))
        return self.classes[torch.cat(found).numpy()]


def nearest_class(
    x: np.ndarray, y: np.ndarray, others: np.ndarray, between: Callable[[], object]
) -> np.ndarray:
    """The class of the nearest of x (n, k), whose classes are y (n,), for each of others (m, k)."""
    labelled = torch.from_numpy(x)
    # Without the other's own length, which is the same for all that it may be near to.
    lengths, found = labelled.square().sum(1), []
    for part in torch.from_numpy(others).split(_PART):
        between()
        found.append((lengths - 2 * part @ labelled.T).argmin(1))
    return y[torch.cat(found).numpy()]


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], 1)
