"""How an encoder runs: where, with what, how precisely. What its vectors mean does not change."""

from __future__ import annotations

from dataclasses import dataclass

from georetrieve.errors import EncoderError, did_you_mean

__all__ = ["BACKENDS", "FASTEST", "PRECISIONS", "Runtime"]

BACKENDS = ("auto", "torch", "compile", "openvino", "onnx")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """How a network is run.

    Vectors of one encoder that were computed in different ways are comparable, so none of this is
    in an :class:`~georetrieve.types.EncoderSpec`. The default is what papers report: PyTorch in
    single precision.

    Attributes:
        device: ``auto`` (CUDA, else Apple's MPS, else the CPU), ``cpu``, ``cuda``, ``cuda:INDEX``
            or ``mps``.
        backend: ``torch``, ``compile`` (PyTorch's compiler), ``openvino``, ``onnx`` (ONNX Runtime),
            or ``auto``: the fastest here whose vectors keep a cosine of 0.999 to the default's.
        precision: ``fp32``, ``bf16``, ``fp16``, ``int8``, or ``auto``: likewise.
    """

    device: str = "auto"
    backend: str = "torch"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for what, value, known in (
            ("backend", self.backend, BACKENDS),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise EncoderError(
                    f"Unknown {what} {value!r}; use {', '.join(known)}.{did_you_mean(value, known)}"
                )


FASTEST = Runtime(backend="auto", precision="auto")
