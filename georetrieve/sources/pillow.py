"""JPEG, PNG, BMP, WebP, GIF, JPEG 2000 and what else Pillow decodes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from georetrieve.errors import SourceError, UnknownFormatError
from georetrieve.sources.options import IntensityMode, ReadOptions
from georetrieve.sources.pixels import fit_intensity, is_deep, rgb_array, rgb_from_pillow
from georetrieve.sources.raster import (
    KEPT_BYTES,
    Decoded,
    DecodedImage,
    RGBArray,
    check_pixels,
    spill,
)
from georetrieve.sources.regions import Size
from georetrieve.sources.scale import SCALE_UNKNOWN

__all__ = ["Content", "grey_size", "open_pillow", "read_grey_plane", "read_stored"]

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "JPEG2000", "PPM", "AVIF", "TGA")
JPEG_REDUCTIONS = (1, 2, 4, 8)
ORIENTATION_TAG = 0x0112
# EXIF 2.3, tag 274: what brings the stored pixels upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = tuple(TURNS[orientation] for orientation in (5, 6, 7, 8))
BAND_PIXELS = 1 << 24


class Content(Protocol):
    """What can be opened and read again: a ``Path``, or a file that lies in memory."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        """Open it for reading."""
        ...

    def read_bytes(self) -> bytes:
        """All of it."""
        ...


def open_pillow(path: Content, options: ReadOptions) -> DecodedImage:
    """Open an image file with Pillow; only its header is read.

    Raises:
        SourceError: It is no image of a known format, or too large to be decoded whole.
    """
    with _decoding(path), path.open("rb") as file:
        image = _identify(path, file)
        size, frames = image.size, getattr(image, "n_frames", 1)
        turn = _turn(image)
        if turn in SIDEWAYS:
            size = (size[1], size[0])
        reductions = JPEG_REDUCTIONS if image.format in ("JPEG", "MPO") else (1,)
    remarks = [] if options.um_per_px else [SCALE_UNKNOWN]
    if frames > 1 and image.format != "MPO":
        remarks.append("more than one frame or page; the first is read")

    def decode(reduction: int) -> tuple[Decoded, str]:
        decoded, remark = _decode_pillow(path, options.intensity, reduction)
        if turn is None:
            return decoded, remark
        if isinstance(decoded, Image.Image):
            return decoded.transpose(turn), remark
        return np.asarray(Image.fromarray(decoded).transpose(turn)), remark

    return DecodedImage(
        path.name,
        size,
        decode,
        options,
        reductions=reductions,
        um_per_px=options.um_per_px,
        remarks=tuple(remarks),
    )


def _identify(path: Content, file: IO[bytes]) -> ImageFile.ImageFile:
    """``Image.open`` for the formats listed, without its pixel limit.

    That limit is one number for the whole process and warns instead of refusing below twice its
    value; :func:`check_pixels` refuses by the reader's own options.
    """
    Image.init()
    prefix = file.read(16)
    for name in FORMATS:
        if name not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[name]
        try:
            accepted = accept is None or accept(prefix)
            # A text says that Pillow was built without the decoder.
            if not accepted or isinstance(accepted, str):
                continue
            file.seek(0)
            # Pillow maps some formats by this name; what has none on disk must not be given one.
            return factory(file, str(path) if isinstance(path, Path) else "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise UnknownFormatError(
        f"{path.name} is not an image of a known format, or its header is damaged; open it in an "
        "image viewer and save it again as TIFF or PNG."
    )


@contextmanager
def _decoding(path: Content) -> Iterator[None]:
    """Turn whatever a decoder raises into a SourceError; let errors of the system through."""
    try:
        yield
    except SourceError:
        raise
    except MemoryError as error:
        raise SourceError(
            f"{path.name} does not fit into memory; convert it to a tiled pyramidal TIFF."
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{path.name} cannot be decoded ({why}): it is truncated or damaged; copy it again "
            "from where it came from."
        ) from error


def _turn(image: ImageFile.ImageFile) -> Image.Transpose | None:
    """How the stored pixels have to be turned; None when they are upright, as far as is known.

    Pillow turns TIFFs itself. Of a PNG it would decode the pixels to look for EXIF behind them.
    """
    if image.format == "TIFF":
        return None
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return None
    try:
        return TURNS.get(Image.Image.getexif(image).get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, OSError, struct.error, LookupError, TypeError):
        return None


def _decode_pillow(path: Content, intensity: IntensityMode, reduction: int) -> tuple[Decoded, str]:
    with _decoding(path), path.open("rb") as file:
        image = _identify(path, file)
        if image.format == "PNG" and _png_depth(file) == 16 and image.mode != "I;16":
            return _decode_deep_png(path, intensity)
        if reduction > 1:
            image.draft(None, (image.width // reduction, image.height // reduction))
        image.load()
        return _to_rgb(image, intensity)


def _png_depth(file: IO[bytes]) -> int:
    """Bits a channel of a PNG, from its IHDR chunk; Pillow drops the lower eight of colour."""
    where = file.tell()
    file.seek(24)
    depth = file.read(1)
    file.seek(where)
    return depth[0] if depth else 0


def _decode_deep_png(path: Content, intensity: IntensityMode) -> tuple[Decoded, str]:
    import imagecodecs

    values = imagecodecs.png_decode(path.read_bytes())
    mapping, remark = fit_intensity(values.dtype, values, intensity)
    channels = values if mapping is None else mapping.to_uint8(values)
    has_alpha = channels.ndim == 3 and channels.shape[2] in (2, 4)
    return rgb_array(channels, alpha="straight" if has_alpha else "none"), remark


def _to_rgb(image: Image.Image, intensity: IntensityMode) -> tuple[Decoded, str]:
    """RGB of a decoded image, an (H, W, 3) array where that is made anyway; a remark or ""."""
    if is_deep(image):
        values = np.asarray(image)
        if image.format == "PPM":
            # Pillow widens 16-bit greymaps to 32; their range is the 16-bit one.
            values = values.astype(np.uint16)
        mapping, remark = fit_intensity(values.dtype, values, intensity)
        return rgb_array(values if mapping is None else mapping.to_uint8(values)), remark
    if image.width * image.height * 3 <= KEPT_BYTES:
        rgb = rgb_from_pillow(image)
        rgb.info = {}  # profiles and EXIF are not applied, and must not travel on into thumbnails
        return rgb, ""
    out = spill((image.height, image.width, 3))
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        out[top : top + rows] = np.asarray(rgb_from_pillow(band))
    return out, ""


def read_grey_plane(path: Path, options: ReadOptions) -> npt.NDArray[Any]:
    """(Y, X) stored values of a grey PNG, BMP ..., a slice of a volume.

    Raises:
        SourceError: It cannot be decoded, is too large, or is in colours.
    """
    with _decoding(path), path.open("rb") as file:
        image = _identify(path, file)
        check_pixels(path.name, image.size, options)
        grey = image.convert("L") if _is_grey_palette(image) else image
        if grey.mode not in ("1", "L") and not is_deep(grey):
            raise SourceError(
                f"Slice {path.name} is in colours ({image.mode}); slices of a volume are grey."
            )
        return np.asarray(grey)


def read_stored(path: Path, options: ReadOptions) -> tuple[npt.NDArray[Any], RGBArray | None]:
    """The values of an image file as they are stored, which is what a mask means.

    Returns:
        (Y, X) of grey and palette images, (Y, X, 3) uint8 of coloured ones; and the (N, 3) colours
        of a palette, None where there is none.

    Raises:
        SourceError: It cannot be decoded, or is too large.
    """
    with _decoding(path), path.open("rb") as file:
        image = _identify(path, file)
        check_pixels(path.name, image.size, options)
        if image.mode == "P":
            palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            return np.asarray(image), palette
        if image.mode in ("1", "L") or is_deep(image):
            return np.asarray(image), None
        if image.mode in ("LA", "La"):
            return np.asarray(image.getchannel("L")), None
        return np.asarray(image.convert("RGB")), None


def grey_size(path: Path) -> Size | None:
    """(width, height) of an image of one grey page, from its header; None of any other.

    Raises:
        SourceError: It is no image.
    """
    with _decoding(path), path.open("rb") as file:
        image = _identify(path, file)
        grey = image.mode in ("1", "L") or is_deep(image) or _is_grey_palette(image)
        return image.size if grey and getattr(image, "n_frames", 1) == 1 else None


def _is_grey_palette(image: Image.Image) -> bool:
    """Whether palette colours are greys, as CT scanners' 8-bit BMPs have them."""
    if image.mode != "P":
        return False
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())
