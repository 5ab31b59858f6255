"""OpenVINO: compiles a network for the CPU it meets."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import warnings

import numpy as np
import torch

from georetrieve.encoders.backends.base import Forward, Job
from georetrieve.errors import EncoderError

# OpenVINO and NNCF report their use over the network, from a process forked on import. Nothing a
# geologist does is anybody's business: without this package both go without, as they provide for.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as ov  # noqa: E402 - after the line above

__all__ = ["build"]

HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


def build(job: Job) -> Forward:
    """Convert the module and compile it for this CPU.

    Raises:
        EncoderError: The module cannot be converted, or the CPU has no bfloat16.
    """
    core = ov.Core()
    if job.precision == "bf16" and "BF16" not in core.get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    ):
        raise EncoderError(
            "OpenVINO has no bf16 on this CPU, which lacks instructions for it (AVX-512 BF16 or "
            "AMX); use --precision fp32."
        )
    model = _converted(job)
    if job.precision == "int8":
        model = _quantised(model, job)
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[job.precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",  # one batch at a time, on all threads
        "ENABLE_CPU_PINNING": False,  # images are decoded on the same processors
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    lock = threading.Lock()

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        with lock:
            found = request.infer({0: np.ascontiguousarray(pixels.numpy())}, share_inputs=True)
            return torch.from_numpy(np.array(found[0], dtype=np.float32))  # a copy

    return forward


def _converted(job: Job) -> ov.Model:
    example = torch.zeros(2, 3, job.side, job.side)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # Tracing remarks on shapes that are the same for every image.
            warnings.simplefilter("ignore")
            # Traced here: OpenVINO would trace three times over, to check what is compared anyway.
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                job.module, example, check_trace=False
            )
            return ov.convert_model(
                traced, example_input=example, input=[-1, 3, job.side, job.side]
            )
    except Exception as error:
        raise EncoderError(
            f"OpenVINO cannot convert this network: {str(error).strip().splitlines()[0]}. Use "
            "--backend torch."
        ) from error


def _quantised(model: ov.Model, job: Job) -> ov.Model:
    """Quantise weights and activations, their ranges measured on the calibration images."""
    import nncf

    nncf.set_log_level(logging.ERROR)
    assert job.calibration is not None
    images = job.calibration.numpy()
    # It draws bars on stdout, which is for data.
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        return nncf.quantize(
            model,
            nncf.Dataset([image[None] for image in images]),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
        )
