"""How the bundled encoder is found: the shipped codebook by name, an index's own by its spec."""

from __future__ import annotations

from pathlib import Path

from georetrieve.encoders.bundled import BundledEncoder
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.protocols import Progress
from georetrieve.types import EncoderSpec

__all__ = ["load_named", "load_spec"]


def load_named(
    name: str, options: Options, *, runtime: Runtime, progress: Progress | None = None
) -> BundledEncoder:
    """Load the codebook that comes with the package.

    Raises:
        EncoderError: It has no such options, or does not run so.
    """
    del progress  # nothing is downloaded
    if options != Options():
        raise EncoderError(
            f"{name} has no option {options.suffix[1:]!r}; it takes rotations=8 alone."
        )
    _check(runtime)
    return BundledEncoder.shipped()


def load_spec(spec: EncoderSpec, index_dir: Path, *, runtime: Runtime) -> BundledEncoder:
    """Load the codebook an index keeps; if it keeps none, the shipped one where that is the same.

    Raises:
        EncoderError: The index's codebook is gone.
    """
    del runtime  # meant for the networks of an index; this one runs in one way
    kept = index_dir / "encoders" / f"{spec.column}.safetensors"
    if kept.is_file():
        return BundledEncoder.load(kept)
    shipped = BundledEncoder.shipped()
    if shipped.spec.fingerprint == spec.fingerprint:
        return shipped
    raise EncoderError(
        f"The codebook of {spec.name} that this index was made with is gone: there is no {kept}. "
        "Bring it back from a copy of the index, or index the folder anew."
    )


def _check(runtime: Runtime) -> None:
    """It is no network: there is one way to run it."""
    asked = (
        ("device", runtime.device, "cpu"),
        ("backend", runtime.backend, "torch"),
        ("precision", runtime.precision, "fp32"),
    )
    for what, value, only in asked:
        if value not in {"auto", only}:
            raise EncoderError(
                f"The bundled encoder runs with {what} {only!r} only, not {value!r}; leave it out."
            )
