"""Open whatever a path names, decided by content first and by suffix where content says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.protocols import Raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.signatures import NPY_MAGIC, TIFF_MAGIC

__all__ = ["ReadOptions", "open_raster"]

# Slides that are not TIFF; what they are, OpenSlide decides.
SLIDE_SUFFIXES = (".mrxs", ".vms", ".vmu", ".dcm", ".ndpi", ".svs", ".scn", ".bif", ".svslide")
RAW_SUFFIXES = (".raw",)
CONVERT = {
    ".czi": "Zeiss CZI",
    ".lif": "Leica LIF",
    ".nd2": "Nikon ND2",
    ".oib": "Olympus OIB",
    ".oir": "Olympus OIR",
    ".vsi": "Olympus VSI",
    ".heic": "HEIC",
    ".psd": "Photoshop",
}


def open_raster(path: Path | Sequence[Path], options: ReadOptions | None = None) -> Raster:
    """Open an image, a slide or a volume.

    The content decides; a PNG that is named .jpg simply opens. Only ``.raw`` volumes and slides
    that consist of several files are known by their suffix.

    Args:
        path: A file; or the slices of one volume, in order.
        options: How it is read.

    Returns:
        The raster, which the caller closes.

    Raises:
        SourceError: It cannot be used; the message says why and what to do.
        OSError: It cannot be read at all.
    """
    options = options or ReadOptions()
    members = [path] if isinstance(path, Path) else list(path)
    if not members:
        raise SourceError("No file was named; give a path.")
    if len(members) > 1:
        from georetrieve.sources.volume_opening import open_slices

        return open_slices(members, options)
    try:
        return _open_one(members[0], options)
    except (GeoRetrieveError, OSError, ImportError, SyntaxError):
        raise
    except Exception as error:
        # Decoders fail on damaged headers in every way there is.
        why = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{members[0].name} cannot be opened ({why}): it is damaged; copy it again from where "
            "it came from."
        ) from error


def _open_one(path: Path, options: ReadOptions) -> Raster:
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name a file in it.")
    if not path.exists():
        raise SourceError(f"{path} does not exist; check the spelling.")
    if not path.is_file():
        raise SourceError(f"{path} is a pipe or device, not a file; name an image file.")
    with path.open("rb") as file:
        head = file.read(16)
    suffix = path.suffix.lower()
    if not head:
        raise SourceError(f"{path.name} is empty (0 bytes); copy it again from where it came from.")
    if head.startswith(TIFF_MAGIC):
        return _open_tiff_or_slide(path, options)
    if head.startswith(NPY_MAGIC):
        from georetrieve.sources.volume_opening import open_npy

        return open_npy(path, options)
    if suffix in RAW_SUFFIXES:
        from georetrieve.sources.volume_opening import open_raw

        return open_raw(path, options)
    if suffix in SLIDE_SUFFIXES:
        return _open_slide(path, options)
    return _open_image(path, suffix, options)


def _open_tiff_or_slide(path: Path, options: ReadOptions) -> Raster:
    """A vendor's TIFF is OpenSlide's; every other one, tiled ones included, is tifffile's."""
    from georetrieve.sources.slide import OpenSlideRaster, openslide_vendor
    from georetrieve.sources.tiff_opening import open_tiff

    if openslide_vendor(path) in (None, "generic-tiff"):
        return open_tiff(path, options)
    return OpenSlideRaster(path, options)


def _open_slide(path: Path, options: ReadOptions) -> Raster:
    from georetrieve.sources.slide import OpenSlideRaster, openslide_vendor

    if openslide_vendor(path) is not None:
        return OpenSlideRaster(path, options)
    suffix = path.suffix.lower()
    if suffix in (".mrxs", ".vms", ".vmu"):
        raise SourceError(
            f"{path.name} is not a slide OpenSlide can use: files that belong beside it are "
            "missing or damaged; copy the slide with its companion files."
        )
    if suffix == ".dcm":
        raise SourceError(
            f"{path.name} is DICOM but no whole slide; export the images as TIFF and index those."
        )
    return _open_image(path, suffix, options)


def _open_image(path: Path, suffix: str, options: ReadOptions) -> Raster:
    from georetrieve.sources.pillow import open_pillow

    try:
        return open_pillow(path, options)
    except SourceError as error:
        if suffix in CONVERT:
            raise SourceError(
                f"{path.name} is {CONVERT[suffix]}, which is not read; convert it to OME-TIFF (for "
                "instance with `bfconvert` of Bio-Formats) or to TIFF."
            ) from error
        raise
