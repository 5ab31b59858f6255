"""ONNX Runtime, on the CPU."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from georetrieve.encoders.backends.base import Forward, Job
from georetrieve.errors import EncoderError

__all__ = ["build"]

# It gathers what it is used for and sends it home; nothing a geologist does is anybody's business.
ort.disable_telemetry_events()

CALIBRATED_AT_ONCE = 8
PRODUCTS = ["Conv", "Gemm", "MatMul"]  # norms and sums cost little and lose much


def build(job: Job) -> Forward:
    """Export the module and load it into a session.

    Raises:
        EncoderError: The module cannot be exported.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait for work would keep decoding threads from it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with tempfile.TemporaryDirectory() as scratch:
        path = _exported(job, Path(scratch))
        if job.precision == "int8":
            path = _quantised(path, job)
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {name: pixels.numpy()})[0])

    return forward


def _exported(job: Job, folder: Path) -> Path:
    example = torch.zeros(2, 3, job.side, job.side)
    path = folder / "network.onnx"
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                job.module,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("images")},),
                input_names=["pixels"],
                verbose=False,
            )
            assert program is not None
            program.save(path)
    except Exception as error:
        raise EncoderError(
            f"ONNX cannot hold this network: {str(error).strip().splitlines()[0]}. Use --backend "
            "torch."
        ) from error
    return path


def _quantised(path: Path, job: Job) -> Path:
    """Quantise weights and activations, their ranges measured on the calibration images."""
    ready, quantised = path.with_name("ready.onnx"), path.with_name("int8.onnx")
    assert job.calibration is not None
    quant_pre_process(path, ready)
    quantize_static(
        ready,
        quantised,
        _Images(job.calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=PRODUCTS,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return quantised


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Hands out calibration images."""

    def __init__(self, images: torch.Tensor) -> None:
        self._batches: Iterator[torch.Tensor] = iter(torch.split(images, CALIBRATED_AT_ONCE))

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch.numpy()}
