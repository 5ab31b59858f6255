"""Which backend and precision run a network: what was asked for, or the fastest that keeps faith.

``auto`` follows a rule from the device, the processor and what is installed, never a race of
timings, so that the same machine always chooses the same. What it chooses is then compared with
PyTorch's float32 on a few fixed images, and passed over when it strays.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from georetrieve.encoders.backends.base import Job, Runner
from georetrieve.encoders.backends.images import calibration_images, lowest_cosine, probe_images
from georetrieve.encoders.backends.table import bf16_is_fast, find_backend
from georetrieve.errors import EncoderError

__all__ = ["MIN_COSINE", "candidates", "make_runner"]

MIN_COSINE = 0.999
"""Lowest cosine to PyTorch's float32 over the probe images that ``auto`` accepts."""

Way = tuple[str, str]
"""Backend and precision."""

EXACT: Way = ("torch", "fp32")

FASTEST: dict[str, tuple[Way, ...]] = {
    "cpu": (("openvino", "bf16"), ("torch", "bf16"), ("openvino", "fp32"), ("onnx", "fp32"), EXACT),
    "cuda": (("torch", "bf16"), ("torch", "fp16"), EXACT),
    "mps": (EXACT,),
}
"""By kind of device, fastest first, as ``georetrieve bench backends`` measures a ViT-S/16."""

WHEN_NAMED: tuple[Way, ...] = (
    ("compile", "bf16"),  # no faster than torch for the half minute it costs
    ("compile", "fp32"),
    ("openvino", "int8"),  # ranges of synthetic images say little of those of real ones
    ("onnx", "int8"),
    ("torch", "fp16"),
)

logger = logging.getLogger(__name__)


def make_runner(
    module: nn.Module,
    *,
    side: int,
    device: torch.device,
    backend: str = "torch",
    precision: str = "fp32",
    calibration: torch.Tensor | None = None,
) -> Runner:
    """Make a network ready to run.

    Args:
        module: In evaluation mode, float32, without gradients, on ``device``. Takes (N, 3, side,
            side) normalised float32 pixels; returns one tensor (N, …, D).
        side: Height and width of its input, pixels.
        device: Where it runs, and where pixels come from.
        backend: A name of :data:`~georetrieve.encoders.backends.table.BACKENDS`, or ``auto``.
        precision: ``fp32``, ``bf16``, ``fp16``, ``int8``, or ``auto``.
        calibration: (M, 3, side, side) normalised pixels to measure int8's ranges on; None: fixed
            synthetic images.

    Raises:
        MissingExtraError: The backend's packages are not installed.
        EncoderError: The backend, the device or the network does not allow it, or, where something
            was left to ``auto``, nothing keeps a cosine of 0.999.
    """
    workshop = _Workshop(module, side, device, calibration)
    # Callers may be in inference mode, in which a network can be run but not exported.
    with torch.inference_mode(mode=False), torch.no_grad():
        if "auto" in (backend, precision):
            return workshop.first_faithful(candidates(device, backend, precision))
        runner = workshop.make((backend, precision))
    if runner.cosine < MIN_COSINE:
        logger.warning(
            "%s gives vectors with a cosine as low as %.4f to those of torch fp32; do not mix them "
            "in one index.",
            runner.name,
            runner.cosine,
        )
    return runner


def candidates(device: torch.device, backend: str = "auto", precision: str = "auto") -> list[Way]:
    """What ``auto`` tries on a device, in this order.

    Args:
        device: Where the network runs.
        backend: Only this one's, unless ``auto``.
        precision: Only this one, unless ``auto``.

    Raises:
        EncoderError: The backend is unknown, or nothing here does what was named.
        MissingExtraError: The backend that was named is not installed.
    """
    if backend != "auto":
        find_backend(backend).check(device, precision)
    named = (backend, precision) != ("auto", "auto")
    ways = [
        (name, kind)
        for name, kind in (*FASTEST[device.type], *(WHEN_NAMED if named else ()))
        if backend in ("auto", name)
        and precision in ("auto", kind)
        and (kind != "bf16" or precision == "bf16" or bf16_is_fast(device))
        and find_backend(name).runs(device, kind)
    ]
    if not ways:
        raise EncoderError(
            f"Nothing that is installed here runs {precision} on {device}; use --precision auto, "
            "or install georetrieve's extra 'openvino' or 'onnx'."
        )
    return ways


@dataclass
class _Workshop:
    """Makes runners of one network and compares them with PyTorch's float32."""

    module: nn.Module
    side: int
    device: torch.device
    calibration: torch.Tensor | None

    def first_faithful(self, ways: list[Way]) -> Runner:
        failures = []
        for way in ways:
            try:
                runner = self.make(way)
            except EncoderError as error:
                failures.append(str(error))
                continue
            if runner.cosine >= MIN_COSINE:
                for failure in failures:
                    logger.info("Passed over: %s", failure)
                logger.info("Runs as %s, lowest cosine %.6f.", runner.name, runner.cosine)
                return runner
            failures.append(f"{runner.name} keeps a cosine of {runner.cosine:.4f} only")
        raise EncoderError(
            f"Nothing keeps a cosine of {MIN_COSINE} to torch fp32: {'; '.join(failures)}. Use "
            "--precision auto, or name both --backend and --precision to take it nonetheless."
        )

    def make(self, way: Way) -> Runner:
        name, kind = way
        calibration = self.calibration
        if calibration is None and kind == "int8":
            calibration = calibration_images(self.side)
        job = Job(
            module=self.module,
            side=self.side,
            device=self.device,
            precision=kind,
            calibration=calibration,
        )
        runner = Runner(backend=name, precision=kind, forward=find_backend(name).build(job))
        return runner if way == EXACT else self._compared(runner)

    def _compared(self, runner: Runner) -> Runner:
        try:
            cosine = lowest_cosine(runner(self._probes), self._exact)
        except RuntimeError as error:
            raise EncoderError(f"{runner.name} cannot run this network: {error}") from error
        if math.isnan(cosine):
            raise EncoderError(
                f"{runner.name} gives values that are not finite; use another --precision."
            )
        return Runner(
            backend=runner.backend,
            precision=runner.precision,
            forward=runner.forward,
            cosine=cosine,
        )

    @cached_property
    def _probes(self) -> torch.Tensor:
        return probe_images(self.side).to(self.device)

    @cached_property
    def _exact(self) -> torch.Tensor:
        return self.make(EXACT)(self._probes)
