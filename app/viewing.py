"""Files of the index, and uploads, as the viewer takes them."""

from __future__ import annotations

from app.components.viewer import Viewed
from georetrieve.serving.pictures import PICTURES, Pictures

__all__ = ["viewed"]


def viewed(key: str, one: str, version: str = "") -> Viewed:
    """The file an item was cut from, or an upload.

    Args:
        key: Of the shelf.
        one: Id of the item, or token of the upload.
        version: Changes when the file does.

    Raises:
        StoreError: There is no such item or upload.
        SourceError: The file is gone or cannot be read.
    """
    facts = PICTURES.shelf(key).facts(one)
    width, height = facts.size
    return Viewed(
        tiles=Pictures.tiles_url(key, one, version),
        width=width,
        height=height,
        levels=facts.levels,
        tile_px=facts.tile_px,
        um_per_px=facts.um_per_px,
    )
