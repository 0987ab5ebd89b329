"""A model as two ONNX files, encoder and decoder, run with onnxruntime and compared.

Both take any number of examples. The packages are imported only when something is exported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from aecore.errors import ExportError
from aecore.export.subject import Outputs, Subject, TakenOut, compare, file_stem, verdict
from aecore.models import LatentModel

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
# torch.export keeps global state while it looks at a model.
_one_at_a_time = threading.Lock()


class _Encoder(nn.Module):
    """x (and the label) -> mu, and logvar if there is one."""

    def __init__(self, model: LatentModel):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, label: Tensor | None = None):
        posterior = self.model.encode(x, label)
        return (posterior.mu,) if posterior.logvar is None else (posterior.mu, posterior.logvar)


class _Decoder(nn.Module):
    """z (and the label) -> x_hat."""

    def __init__(self, model: LatentModel):
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.model.decode(z, label)


def export_onnx(subject: Subject) -> TakenOut:
    """encoder.onnx (x -> mu, logvar) and decoder.onnx (z -> x_hat), float32, any batch size.

    A conditional model's take a second input, label (n,) int64. Raises ExportError where ONNX has
    no word for a layer, or where onnxruntime does not give what the model gives.
    """
    model, spec = subject.model, subject.card.spec
    names = ["mu", "logvar"] if model.variational else ["mu"]
    label = [torch.zeros(2, dtype=torch.int64)] if model.conditional else []
    with _one_at_a_time:
        parts = {
            ENCODER_FILE: _exported(
                _Encoder(model),
                [torch.zeros(2, *spec.data.shape), *label],
                "x",
                names,
                subject.provenance,
            ),
            DECODER_FILE: _exported(
                _Decoder(model),
                [torch.zeros(2, spec.latent_dim), *label],
                "z",
                ["x_hat"],
                subject.provenance,
            ),
        }
    difference = compare(_run(parts, subject), subject.outputs, "The ONNX pair")
    # The batch is free: one example alone must do too.
    alone = dataclasses.replace(subject, compared=1)
    compare(_run(parts, alone), alone.outputs, "The ONNX pair")
    parts["README.txt"] = _readme(subject, names).encode()
    how = "run with onnxruntime"
    return TakenOut(
        f"{file_stem(subject.card)}-onnx", parts, verdict(subject, difference, how), difference
    )


def _exported(
    network: nn.Module, examples: list[Tensor], name: str, outputs: list[str], about: str
) -> bytes:
    inputs = [name, "label"][: len(examples)]
    batch = torch.export.Dim("batch")
    shapes = dict(zip([name, "label"], [{0: batch}] * len(examples), strict=False))
    try:
        with torch.no_grad(), warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network.eval(),
                tuple(examples),
                dynamo=True,
                verbose=False,
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=shapes,
            )
    except Exception as error:  # the exporter has no class of its own for 'I cannot'
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(
            f"The ONNX pair is refused: this network cannot be said in ONNX ({reason[0][:160]})."
        ) from error
    if program is None:
        raise ExportError("The ONNX pair is refused: PyTorch's exporter gave nothing back.")
    proto = program.model_proto
    proto.producer_name = "Autoencoders, live"
    proto.doc_string = about
    for node in proto.graph.node:  # they hold the exporter's notes, among them paths of this server
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    return proto.SerializeToString()


@contextlib.contextmanager
def _quiet():
    """The exporter tells of its progress; here nobody reads it."""
    logger = logging.getLogger("torch.onnx")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _run(parts: dict[str, bytes], subject: Subject) -> Outputs:
    """Both files opened and run as anybody would: with onnxruntime on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a pool of threads a session would outlive its use
    options.log_severity_level = 3

    def session(name: str) -> onnxruntime.InferenceSession:
        try:
            return onnxruntime.InferenceSession(
                parts[name], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no public class
            reason = str(error).strip().splitlines()[0][:160]
            raise ExportError(
                f"The ONNX pair is refused: onnxruntime cannot open it ({reason})."
            ) from error

    label = {} if subject.labels is None else {"label": subject.labels.numpy()}
    encoded = session(ENCODER_FILE).run(None, {"x": subject.x.numpy(), **label})
    found = [np.asarray(values) for values in encoded]
    z = np.ascontiguousarray(subject.outputs.mu)
    (x_hat,) = session(DECODER_FILE).run(None, {"z": z, **label})
    return Outputs(found[0], found[1] if len(found) > 1 else None, np.asarray(x_hat))


def _readme(subject: Subject, names: list[str]) -> str:
    shape, k = ", ".join(map(str, subject.spec.shape)), subject.card.spec.latent_dim
    label = ", label (n,) int64" if subject.model.conditional else ""
    return (
        f"{subject.card.name}\n\n{ENCODER_FILE}: x (n, {shape}) float32{label} -> "
        f"{', '.join(f'{name} (n, {k})' for name in names)}\n"
        f"{DECODER_FILE}: z (n, {k}) float32{label} -> x_hat (n, {shape})\n\n"
        + f"{subject.provenance}\n\n" * bool(subject.provenance)
        + 'In Python: onnxruntime.InferenceSession("encoder.onnx").run(None, {"x": x})\n'
    )
