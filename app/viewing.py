"""Files of the index, and uploads, in the viewer."""

from __future__ import annotations

import streamlit as st

from app.colours import NO_LABEL, label_colours
from app.components.viewer import Shape, Viewed, viewer
from app.opened import Opened
from app.trouble import plain
from georetrieve.errors import SourceError
from georetrieve.serving.pictures import PICTURES, Pictures
from georetrieve.types import Region

__all__ = ["HEIGHT", "around", "in_its_file", "turn", "viewed"]

HEIGHT = 430  # of a viewer in a dialog, so that what stands below is seen on a small screen
MARGIN = 0.6  # of an item's longer side, shown around it
THUMBNAIL_PX = 320


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


def in_its_file(
    opened: Opened,
    one: str,
    region: Region | None,
    *,
    label: str | None,
    thumbnail: bytes,
    key: str,
) -> None:
    """Show an item in its file, framed; when the file is gone, what is kept of the item.

    Args:
        opened: The index.
        one: Id of the item.
        region: Where it is; None where it is the whole file.
        label: Of the item; its colour frames it.
        thumbnail: Of the item.
        key: Of the viewer.
    """
    try:
        image = viewed(opened.key, one, str(opened.version))
    except SourceError as error:
        st.image(thumbnail, width=THUMBNAIL_PX)
        st.warning(f"Only this thumbnail is left: {plain(str(error))}", icon=":material/image:")
        return
    shapes, look_at = [], None
    if region is not None:
        left, top, right, bottom = region.box
        ring = [(left, top), (right, top), (right, bottom), (left, bottom)]
        colour = label_colours(opened).get(label or "", NO_LABEL)
        shapes = [Shape(id=one, rings=[ring], colour=colour)]
        look_at = around(region)
    viewer(image, key=key, shapes=shapes, look_at=look_at, height=HEIGHT)


def around(region: Region) -> tuple[float, float, float, float]:
    """(x, y, width, height) of a region with something around it."""
    more = MARGIN * max(region.width, region.height)
    return region.x - more, region.y - more, region.width + 2 * more, region.height + 2 * more


def turn(place_key: str, place: int, count: int) -> None:
    """Buttons to the one before and the next.

    Args:
        place_key: Where the session keeps which one is shown.
        place: Which it is, from 0.
        count: How many there are.
    """

    def to(other: int) -> None:
        st.session_state[place_key] = other

    st.button(
        "Previous", icon=":material/chevron_left:", disabled=place == 0, on_click=to,
        args=[place - 1], shortcut="Left",
    )  # fmt: skip
    st.button(
        "Next", icon=":material/chevron_right:", disabled=place + 1 >= count, on_click=to,
        args=[place + 1], shortcut="Right",
    )  # fmt: skip
