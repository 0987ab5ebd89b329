"""The explorer of a model: what the pad shows of it as one HTML file, opened again and run."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
import zlib
from typing import Any

import numpy as np
import torch

from aecore.errors import ExportError
from aecore.evaluation.latent import Codes, encode_split
from aecore.export.subject import (
    TOLERANCE,
    Outputs,
    Subject,
    TakenOut,
    compare,
    file_stem,
    in_words,
)
from aecore.figures import palette
from aecore.models.families.pca import PCABasis, basis_of
from aecore.pad.bundle import PadBundle, build_bundle
from aecore.pad.explorer import export_explorer
from aecore.pad.network import BrowserNetwork, export_network
from aecore.pad.replay import replay

POINTS, IMAGES = 3000, 1500
FEWER = (1500, 500)
LARGEST = 3_000_000  # bytes: a file that is sent by mail and opens at once on a phone
ROUNDED = 0.01  # largest difference that rounded weights may make, about one step of a screen's 256
#: Datasets whose images were centred by their mass in a box of 20 of 28 pixels.
AS_MNIST = ("mnist", "kmnist", "emnist-letters")


def export_explorer_file(subject: Subject) -> TakenOut:
    """One HTML file with the map, the sliders and the network. The network that the finished file
    holds is unpacked from it again and gives the model's codes and drawings within 1e-5.

    Where that takes over 3 MB the weights are rounded to 16 bits, and there are fewer points and
    pictures if need be; the file says so, and `checked` by how much its outputs differ. They stay
    as they are where that would be over 0.01.

    A conditional model has to be told its label before. Raises ExportError where the browser
    cannot run the model, or where an output differs.
    """
    network = _network(subject)
    trained_on = subject.data.limited(subject.card.config.limit)
    basis = basis_of(trained_on, subject.card.spec.latent_dim)
    codes = encode_split(subject.model, subject.data.test.first(POINTS))

    def written(exact: bool, sizes: tuple[int, int] = (POINTS, IMAGES)) -> bytes:
        bundle = model_bundle(subject, basis, codes, network=network, sizes=sizes)
        alone = "" if subject.model.encodes else " (a decoder alone: its encoder was made here)"
        title = f"{subject.card.name}{alone}"
        return export_explorer(bundle, title=title, exact=exact).encode()

    def opened(page: bytes, within: float = TOLERANCE) -> float:
        stored = dataclasses.replace(network, weights=unpacked(page.decode())["w"])
        return compare(_replayed(stored, subject), subject.outputs, "The explorer", within)

    page = written(exact=True)
    difference, how = opened(page), ""
    if len(page) > LARGEST:
        smaller = written(exact=False)
        if len(smaller) > LARGEST:
            smaller = written(exact=False, sizes=FEWER)
        with contextlib.suppress(ExportError):
            difference = opened(smaller, ROUNDED)
            page, how = smaller, ", its weights rounded to 16 bits for a smaller file,"
    checked = (
        f"opened again; the network in it{how} compared on {len(subject.x)} held-out "
        f"{subject.thing}s: {in_words(difference)}"
    )
    return TakenOut(
        f"{file_stem(subject.card)}-explorer", {"explorer.html": page}, checked, difference
    )


def _network(subject: Subject) -> BrowserNetwork:
    if subject.model.conditional:
        raise ExportError(
            "The explorer is refused: a conditional model has to be told a label first; choose one."
        )
    try:
        return export_network(subject.model)
    except ExportError as error:
        raise ExportError(f"This model cannot become an explorer file. {error}") from error


def model_bundle(
    subject: Subject,
    basis: PCABasis,
    codes: Codes,
    *,
    network: BrowserNetwork | None,
    why_no_network: str = "",
    model_id: str = "model",
    sizes: tuple[int, int] = (POINTS, IMAGES),
    errors: np.ndarray | None = None,
    served: dict[str, Any] | None = None,
) -> PadBundle:
    """What the pad shows of a model: sizes = (points, images) of the first held-out examples.

    codes: of at least that many of them. errors: of all of them, per value. served: see
    build_bundle.
    """
    points, images = sizes
    data, card, test = subject.data, subject.card, subject.data.test
    k = card.spec.latent_dim
    return build_bundle(
        network,
        why_no_network=why_no_network,
        shape=data.spec.shape,
        variational=subject.model.variational,
        model_id=model_id,
        model_name=card.name,
        codes=codes.mu[:points],
        logvar=None if codes.logvar is None else codes.logvar[:points],
        kl=codes.informativeness() if subject.model.variational else None,
        images=test.x[:images].numpy(),
        value_range=data.value_range,
        columns=[(c.name, c.mean, c.std) for c in data.columns],
        labels=None if test.labels is None else test.labels[:points].numpy(),
        class_names=data.class_names or None,
        class_colors=palette.CLASSES,
        held_out_errors=errors,
        pca=(_components(basis, k), basis.mean),
        kind=data.spec.kind,
        epoch=card.epochs_done,
        centred=data.name in AS_MNIST,
        served=served,
    )


def _components(basis: PCABasis, k: int) -> np.ndarray:
    """The first k components (k, D); where the data have fewer, the rest are zeros."""
    found = basis.components[:k]
    return np.pad(found, ((0, k - len(found)), (0, 0)))


def unpacked(page: str) -> dict[str, np.ndarray]:
    """The arrays of an explorer's file, as the script in it unpacks them: halves as float32."""
    about = json.loads(_script(page, "bundle"))
    blob = zlib.decompress(base64.b64decode(_script(page, "arrays")))
    kinds = {"half": "<f2", "uint8": "u1", "int16": "<i2", "float32": "<f4"}
    found = {}
    for entry in about["arrays"]:
        kind = np.dtype(kinds[entry["type"]])
        end = entry["at"] + entry["length"] * kind.itemsize
        stored = blob[entry["at"] : end]
        if entry["type"] == "half":  # low bytes, then high ones
            planes = np.frombuffer(stored, "u1").reshape(2, -1)
            found[entry["name"]] = planes.T.copy().view(kind)[:, 0].astype(np.float32)
        else:
            found[entry["name"]] = np.frombuffer(stored, kind)
    return found


def _script(page: str, name: str) -> str:
    found = re.search(rf'<script [^>]*id="{name}">(.*?)</script>', page, re.DOTALL)
    if found is None:
        raise ExportError(f"The explorer's file has no {name} in it.")
    return found[1]


def _replayed(network: BrowserNetwork, subject: Subject, z: np.ndarray | None = None) -> Outputs:
    """What an exported network gives; it decodes z, or else what it encoded."""
    meta, weights = network.meta, network.weights
    out = replay(meta["encoder"], weights, subject.x).numpy()
    mu, logvar = np.split(out, 2, axis=1) if meta["variational"] else (out, None)
    given = torch.from_numpy(np.ascontiguousarray(mu if z is None else z))
    x_hat = replay(meta["decoder"], weights, given).view(-1, *meta["shape"]).numpy()
    return Outputs(mu, logvar, x_hat)
