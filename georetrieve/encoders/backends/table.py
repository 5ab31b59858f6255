"""The backends there are. A further one is one file and one line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from georetrieve.encoders.backends.base import Forward, Job
from georetrieve.errors import EncoderError, MissingExtraError, did_you_mean

__all__ = ["BACKENDS", "Backend", "bf16_is_fast", "find_backend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A library that runs networks.

    Attributes:
        name: As the user writes it.
        module: Offers ``build(job: Job) -> Forward``; imported when it is asked for.
        precisions: What it computes in, by kind of device.
        packages: Imported by it beyond what georetrieve needs anyway.
        int8_packages: Needed for int8 besides.
        extra: Name of the optional dependencies that bring the packages.
    """

    name: str
    module: str
    precisions: Mapping[str, tuple[str, ...]]
    packages: tuple[str, ...] = ()
    int8_packages: tuple[str, ...] = ()
    extra: str = ""

    def missing(self, precision: str) -> list[str]:
        """Packages that are not installed."""
        needed = (*self.packages, *(self.int8_packages if precision == "int8" else ()))
        return [package for package in needed if find_spec(package) is None]

    def runs(self, device: torch.device, precision: str) -> bool:
        """Whether it can be asked to compute so, here."""
        offered = self.precisions.get(device.type, ())
        return precision in offered and not self.missing(precision)

    def check(self, device: torch.device, precision: str) -> None:
        """Explain why it cannot compute so, here, if it cannot; ``auto`` is any precision.

        Raises:
            MissingExtraError: A package is not installed.
            EncoderError: It does not run on the device, or not at the precision.
        """
        if missing := self.missing(precision):
            raise MissingExtraError(
                f"Backend {self.name!r} needs {' and '.join(missing)}, which is not installed; "
                f"run: pip install 'georetrieve[{self.extra}]'"
            )
        if device.type not in self.precisions:
            raise EncoderError(
                f"Backend {self.name!r} runs on {' and '.join(self.precisions)}, not on {device}; "
                "use --device cpu, or --backend torch."
            )
        offered = self.precisions[device.type]
        if precision not in ("auto", *offered):
            raise EncoderError(
                f"Backend {self.name!r} offers {' and '.join(offered)} on {device}, not "
                f"{precision}; use one of these, or --precision auto."
            )

    def build(self, job: Job) -> Forward:
        """Make the network ready to run.

        Raises:
            MissingExtraError: A package is not installed.
            EncoderError: The backend cannot run this network, at this precision, on this device.
        """
        self.check(job.device, job.precision)
        made: Forward = importlib.import_module(self.module).build(job)
        return made


# PyTorch's fp16 on a CPU takes tens of times as long as its fp32: it counts as not offered.
BACKENDS: tuple[Backend, ...] = (
    Backend(
        name="torch",
        module="georetrieve.encoders.backends.eager",
        precisions={
            "cpu": ("fp32", "bf16"),
            "cuda": ("fp32", "bf16", "fp16"),
            "mps": ("fp32", "fp16"),
        },
    ),
    Backend(
        name="compile",
        module="georetrieve.encoders.backends.compiled",
        precisions={"cpu": ("fp32", "bf16"), "cuda": ("fp32", "bf16", "fp16")},
    ),
    Backend(
        name="openvino",
        module="georetrieve.encoders.backends.openvino",
        precisions={"cpu": ("fp32", "bf16", "int8")},
        packages=("openvino",),
        int8_packages=("nncf",),
        extra="openvino",
    ),
    Backend(
        name="onnx",
        module="georetrieve.encoders.backends.onnx",
        precisions={"cpu": ("fp32", "int8")},
        packages=("onnx", "onnxruntime", "onnxscript"),
        extra="onnx",
    ),
)


def find_backend(name: str) -> Backend:
    """Return a backend by its name.

    Raises:
        EncoderError: There is none of that name.
    """
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    known = ["auto", *(backend.name for backend in BACKENDS)]
    raise EncoderError(f"Unknown backend {name!r}.{did_you_mean(name, known)}")


def bf16_is_fast(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
    return False
