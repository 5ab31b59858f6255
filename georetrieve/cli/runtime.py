"""How an encoder runs, as options of commands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from georetrieve.encoders.runtime import Runtime

__all__ = [
    "Backend",
    "BackendOption",
    "DeviceOption",
    "PlainRuntimeOptions",
    "Precision",
    "PrecisionOption",
    "RuntimeOptions",
]

RUN = "How the encoder runs"


class Backend(StrEnum):
    """What runs the network; see :class:`~georetrieve.encoders.runtime.Runtime`."""

    auto = "auto"
    torch = "torch"
    compile = "compile"
    openvino = "openvino"
    onnx = "onnx"


class Precision(StrEnum):
    """Of the network's sums."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"
    int8 = "int8"


DeviceOption = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=RUN)
]
BackendOption = Annotated[
    Backend,
    typer.Option(
        "--backend",
        help="What runs the network; auto: the fastest whose vectors are as good.",
        rich_help_panel=RUN,
    ),
]
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", help="Of the network's sums.", rich_help_panel=RUN)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """All three: the fastest that is as good."""

    device: DeviceOption = "auto"
    backend: BackendOption = Backend.auto
    precision: PrecisionOption = Precision.auto

    def runtime(self) -> Runtime:
        """What they mean."""
        from georetrieve.encoders.runtime import Runtime

        return Runtime(
            device=self.device, backend=self.backend.value, precision=self.precision.value
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRuntimeOptions(RuntimeOptions):
    """The same for what is measured: PyTorch in single precision unless told otherwise."""

    backend: BackendOption = Backend.torch
    precision: PrecisionOption = Precision.fp32
