"""Small pictures of items, as an index keeps them."""

from __future__ import annotations

import io

from PIL import Image

__all__ = ["thumbnail"]

THUMBNAIL_PX = 160


def thumbnail(image: Image.Image) -> bytes:
    """Encode an RGB image as WebP with a long side of at most 160 pixels."""
    small = image.copy() if max(image.size) <= THUMBNAIL_PX else image
    if small is image:
        scale = THUMBNAIL_PX / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        # The gap lets Pillow average blocks first, which a thumbnail does not show.
        small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.1)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80, method=0)
    return buffer.getvalue()
