"""Which image is mapped: a file of the index, the slice of a volume, an upload, or two views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from app import uploads
from app.opened import Opened
from app.trouble import told
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.members import member_files
from georetrieve.sources.opened_field import opened_field
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.view_names import view_groups
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Axis

__all__ = ["MapImage", "choose_image", "image_like", "opened_image", "shown_by"]

MANY = 400
"""Images in one list; of more, those are offered that hold some words."""
UPLOADED = "upload "


@dataclass(frozen=True, slots=True)
class MapImage:
    """What is mapped as one.

    Attributes:
        name: As clicks call it; in volumes with the slice.
        title: As it is shown.
        views: Name of each view → its file below its source, or the token of an upload.
        source: Key of the source folder; None: uploads.
        alone: Of several views the one that was chosen; ``views`` then has but that, under "".
        slice_index: Of a volume.
        axis: Of a volume.
    """

    name: str
    title: str
    views: dict[str, str]
    source: str | None = ""
    slice_index: int | None = None
    axis: Axis = "z"
    alone: str = ""

    def only(self, view: str) -> MapImage:
        """It seen in one of its views."""
        return replace(self, views={"": self.views[view]}, alone=view)

    @property
    def said_name(self) -> str:
        """As it is called in files: uploads as their sender does."""
        return self.name.removeprefix(UPLOADED)


def choose_image(opened: Opened) -> MapImage | None:
    """The image that the URL names, or that is chosen; None where there is none."""
    known = _images(str(opened.index.path), opened.version, opened)
    with st.expander("Add an image of your own", icon=":material/upload:"):
        sent = st.file_uploader(
            "Image, or a PPL and XPL pair", accept_multiple_files=True, key="segment_upload",
            label_visibility="collapsed",
        )  # fmt: skip
        for one in sent:
            with told():
                taken = uploads.tray().take(one.name, one.getvalue())
                _remember(taken.token)
    own = _uploaded()
    images = {**own, **known}
    if not images:
        st.info("The index is empty; add images to it: `georetrieve index FOLDER`, or upload one.")
        return None
    names = _offered(list(images))
    fresh = [name for name in own if name not in st.session_state.get("_segment_seen", [])]
    st.session_state["_segment_seen"] = list(own)
    if fresh:
        st.session_state["image"] = fresh[0]
    if st.session_state.get("image", names[0]) not in names:
        del st.session_state["image"]  # of another index, or an upload that has gone
    name = st.selectbox(
        "Image", names, key="image", bind="query-params", persist_state="session",
        format_func=lambda name: images[name].title,
    )  # fmt: skip
    return _choose_slice(opened, _choose_views(images[name]))


def image_like(opened: Opened, name: str, other: MapImage) -> MapImage | None:
    """The image that clicks call so, in the views another is seen in; None where it is not here."""
    images = {**_uploaded(), **_images(str(opened.index.path), opened.version, opened)}
    image = images.get(name)
    base, _, place = name.rpartition("#")
    axis, _, index = place.partition("=")
    if image is None and base in images and axis in ("z", "y", "x") and index.isdigit():
        image = replace(images[base], name=name, slice_index=int(index), axis=axis)  # type: ignore[arg-type]
    if image is not None and other.alone in image.views and other.alone:
        return image.only(other.alone)
    return image


def shown_by(opened: Opened, image: MapImage, view: str) -> tuple[str, str]:
    """Key of the shelf, and id of an item or token, by which a viewer sees a view.

    Raises:
        StoreError: No item was cut from the file.
    """
    file = image.views[view]
    if image.source is None:
        return uploads.shelf_key(), file
    return opened.key, _item(
        str(opened.index.path), opened.version, image.source, file, image.slice_index, opened
    )


@contextmanager
def opened_image(
    opened: Opened, image: MapImage, um_per_px: float | None = None
) -> Iterator[FieldOfView]:
    """The pixels of an image.

    Raises:
        SourceError: A file is gone or cannot be read.
    """
    if image.source is None:
        tray = uploads.tray()
        files = {view: [tray.get(token).path] for view, token in image.views.items()}
        reading = ReadOptions()
    else:
        sources = opened.index.manifest.sources
        root = next(Path(one.root) for one in sources if one.key == image.source)
        files = {view: member_files(root, path) for view, path in image.views.items()}
        reading = ReadOptions.from_json(opened.index.manifest.reading)
    with opened_field(
        image.name, files, reading, index=image.slice_index, axis=image.axis, um_per_px=um_per_px
    ) as field:
        yield field


def _offered(names: list[str]) -> list[str]:
    if len(names) <= MANY:
        return names
    words = st.text_input("Find an image", key="segment_find", persist_state="session")
    found = [name for name in names if words.casefold() in name.casefold()]
    st.caption(f"{len(found):,} of {len(names):,} images")
    offered = found[:MANY] or names[:MANY]
    now = st.session_state.get("image") or st.query_params.get("image", "")
    return offered if now in offered or now not in names else [now, *offered]


def _choose_views(image: MapImage) -> MapImage:
    """All views together, or one alone."""
    if len(image.views) == 1:
        return image
    together = " + ".join(view.upper() for view in image.views)
    choices = [together, *(view.upper() for view in image.views)]
    if st.session_state.get("views", together) not in choices:
        del st.session_state["views"]
    chosen = st.segmented_control(
        "Views", choices, default=together, key="views", bind="query-params",
        persist_state="session", required=True,
        help="Photographs that lie upon each other, pixel by pixel, are looked at together.",
    )  # fmt: skip
    if chosen in (None, together):
        return image
    return image.only(chosen.lower())


def _choose_slice(opened: Opened, image: MapImage) -> MapImage:
    if image.source is None:
        return image
    (file, *_) = image.views.values()
    axis, slices = _slices(str(opened.index.path), opened.version, image.source, file, opened)
    if not slices:
        return image
    if st.session_state.get("segment_slice", slices[0]) not in slices:
        del st.session_state["segment_slice"]
    number = slices[0]
    if len(slices) > 1:
        number = st.select_slider(
            f"Slice along {axis}", slices, key="segment_slice", bind="query-params",
            persist_state="session",
        )  # fmt: skip
    return replace(image, name=f"{image.name}#{axis}={number}", slice_index=number, axis=axis)


@st.cache_resource(show_spinner="Listing the images …", max_entries=4)
def _images(path: str, version: int, _opened: Opened) -> dict[str, MapImage]:
    """By name: pairs of views first, then what most items were cut from."""
    counts = _opened.index.store.item_counts()
    images: dict[str, MapImage] = {}
    for source in sorted({source for source, _ in counts}):
        before = f"{source}:" if source else ""
        for name, views in view_groups(one for key, one in counts if key == source).items():
            shown = " + ".join(view.upper() for view in views)
            images[before + name] = MapImage(
                before + name, f"{before}{name} ({shown})", dict(views), source
            )
    paired = {(one.source, file) for one in images.values() for file in one.views.values()}
    for key in sorted(counts, key=lambda key: (-counts[key], key)):
        if key not in paired:
            name = ":".join(part for part in key if part)
            images[name] = MapImage(name, name, {"": key[1]}, key[0])
    return images


@st.cache_resource(show_spinner=False, max_entries=64)
def _slices(
    path: str, version: int, source: str, file: str, _opened: Opened
) -> tuple[Axis, list[int]]:
    where = _file_is(source, file) + " AND slice_index IS NOT NULL"
    rows = _opened.index.store.scan(["slice_index", "axis"], where).to_pylist()
    if not rows:
        return "z", []
    axis = rows[0]["axis"]
    return axis, sorted({row["slice_index"] for row in rows if row["axis"] == axis})


@st.cache_resource(show_spinner=False, max_entries=256)
def _item(
    path: str, version: int, source: str, file: str, index: int | None, _opened: Opened
) -> str:
    where = _file_is(source, file)
    if index is not None:
        where += f" AND slice_index = {index}"
    rows = _opened.index.store.scan(["id"], where, order_by_id=True).to_pylist()
    return str(rows[0]["id"]) if rows else file


def _file_is(source: str, file: str) -> str:
    return f"source = {sql_literal(source)} AND path = {sql_literal(file)}"


def _remember(token: str) -> None:
    kept = st.session_state.setdefault("_segment_uploads", [])
    if token not in kept:
        kept.append(token)


def _uploaded() -> dict[str, MapImage]:
    """By name, pairs of views first."""
    tray = uploads.tray()
    kept = [tray.get(one) for one in st.session_state.get("_segment_uploads", []) if one in tray]
    tokens: dict[str, str] = {}
    for upload in kept:
        name, number = upload.name, 2
        while name in tokens:  # two files of one name
            name, number = f"{number} {upload.name}", number + 1
        tokens[name] = upload.token
    images = {}
    groups = view_groups(tokens)
    for name, views in groups.items():
        shown = " + ".join(view.upper() for view in views)
        own = {view: tokens[file] for view, file in views.items()}
        images[UPLOADED + name] = MapImage(
            UPLOADED + name, f"{name} ({shown}), uploaded", own, None
        )
    paired = {file for views in groups.values() for file in views.values()}
    for name, token in tokens.items():
        if name not in paired:
            images[UPLOADED + name] = MapImage(
                UPLOADED + name, f"{name}, uploaded", {"": token}, None
            )
    return images
