"""How the bundled encoder is found: the shipped codebook by name, an index's own by its spec."""

from __future__ import annotations

from pathlib import Path

from georetrieve.encoders.bundled import BundledEncoder
from georetrieve.errors import EncoderError
from georetrieve.types import EncoderSpec

__all__ = ["load_named", "load_spec"]


def load_named(name: str, *, device: str = "auto") -> BundledEncoder:
    """Load the codebook that comes with the package.

    Raises:
        EncoderError: The device is not there.
    """
    del name  # the family has one
    return BundledEncoder.shipped(device=device)


def load_spec(spec: EncoderSpec, index_dir: Path, *, device: str = "auto") -> BundledEncoder:
    """Load the codebook an index keeps; if it keeps none, the shipped one where that is the same.

    Raises:
        EncoderError: The index's codebook is gone.
    """
    kept = index_dir / "encoders" / f"{spec.column}.safetensors"
    if kept.is_file():
        return BundledEncoder.load(kept, device=device)
    shipped = BundledEncoder.shipped(device=device)
    if shipped.spec.fingerprint == spec.fingerprint:
        return shipped
    raise EncoderError(
        f"The codebook of {spec.name} that this index was made with is gone: there is no {kept}. "
        "Bring it back from a copy of the index, or index the folder anew."
    )
