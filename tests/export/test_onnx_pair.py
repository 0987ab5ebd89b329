"""ONNX: every family's encoder and decoder, run with onnxruntime."""

import functools
import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from aecore.errors import ExportError
from aecore.export.onnx_pair import export_onnx
from aecore.export.subject import TOLERANCE
from aecore.models import all_families
from tests.export.subjects import subject_of


@pytest.fixture(scope="module", autouse=True)
def one_table_of_operations():
    """The exporter reads its thousand operations anew for each file, a second each time."""
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    kept = functools.cache(registry.from_torchlib)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "from_torchlib", staticmethod(kept))
        yield


def kinds() -> list[str]:
    """One family of each way to be encoded and decoded: the others leave by the same road."""
    found = {}
    for name, cls in all_families().items():
        road = (cls.layers, cls.encode, cls.decode) if hasattr(cls, "layers") else cls
        found.setdefault((road, cls.variational), name)
    return sorted(found.values())


@pytest.mark.parametrize("case", [*kinds(), "tied", "described layers", "batch norm", "around"])
def test_pair_gives_what_the_model_gives(case, digits):
    subject = subject_of(case, digits)
    made = export_onnx(subject)
    assert made.difference <= TOLERANCE
    for name in ("encoder.onnx", "decoder.onnx"):
        onnx.checker.check_model(onnx.load(io.BytesIO(made.parts[name])))
        assert b"site-packages" not in made.parts[name]
        assert b"/aecore/" not in made.parts[name]
    session = onnxruntime.InferenceSession(made.parts["encoder.onnx"])
    n = 7  # neither the batch of the export nor that of the check
    x = subject.data.test.batch(slice(300, 300 + n))
    told = subject.data.test.labels[300 : 300 + n] if subject.model.conditional else None
    label = {} if told is None else {"label": told.numpy()}
    found = session.run(None, {"x": x.numpy(), **label})
    with torch.no_grad():
        wanted = subject.model.encode(x, told)
    np.testing.assert_allclose(found[0], wanted.mu, rtol=1e-4, atol=1e-5)
    assert [o.name for o in session.get_outputs()] == ["mu", "logvar"][: len(found)]
    assert (len(found) == 2) == subject.model.variational


def test_a_layer_without_a_word_in_onnx_is_refused(digits, monkeypatch):
    subject = subject_of("dense-ae", digits)

    def cannot(*args, **kwargs):
        raise RuntimeError("No decomposition for this operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", cannot)
    with pytest.raises(ExportError, match="No decomposition") as caught:
        export_onnx(subject)
    assert "\n" not in str(caught.value)
