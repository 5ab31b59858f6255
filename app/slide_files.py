"""Which file of the index is looked at, and of a volume which slice: by the URL or by choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.opened import Opened
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Axis

__all__ = ["Place", "choose_place", "follow", "pick"]

PARTS = ("specimen", "tile")
MANY = 400
"""Files in one list; of more, those are offered that hold some words."""
_ASKED, _ITEM, _SOUGHT, _TIMES = "_slide_asked", "_slide_item", "_slide_sought", "_slide_times"


@dataclass(frozen=True, slots=True)
class Place:
    """What is looked at.

    Attributes:
        source: Key of the source folder.
        path: Of the file, below it.
        shows: Id of an item by which the file, and the slice, can be asked for.
        item: Id of the item that is chosen; "" for none.
        sought: Id of the item that was asked for from elsewhere, rather than clicked here.
        times: How often something was; asked for again, it is to be looked at again.
        has_parts: Some of its items are parts of it, not all of it or a whole slice.
        slice_index: Of a volume.
        axis: Of a volume.
    """

    source: str
    path: str
    shows: str
    item: str
    sought: str = ""
    times: int = 0
    has_parts: bool = False
    slice_index: int | None = None
    axis: Axis | None = None

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.source}:{self.path}" if self.source else self.path

    @property
    def file(self) -> tuple[str, str, Axis | None, int | None]:
        """What is seen, whatever is chosen on it."""
        return self.source, self.path, self.axis, self.slice_index

    @property
    def at(self) -> tuple[Axis, int] | None:
        """Of a volume: axis and number of the slice."""
        if self.axis is None or self.slice_index is None:
            return None
        return self.axis, self.slice_index


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    path: str
    count: int


def pick(item: str) -> None:
    """Choose an item of the file that is looked at; the view stays where it is."""
    st.session_state[_ASKED] = st.session_state[_ITEM] = item
    st.query_params["item"] = item


def choose_place(opened: Opened) -> Place | None:
    """The file and item that were asked for or looked at last; None without items."""
    files = _files(str(opened.index.path), opened.version, opened)
    if not files:
        st.info("The index is empty; add images to it: `georetrieve index FOLDER`.")
        return None
    file = _choose_file(files)
    item = st.session_state.get(_ITEM, "")
    rows = _rows(str(opened.index.path), opened.version, file.source, file.path, opened)
    by_id = {row["id"]: row for row in rows}
    item = item if item in by_id else ""
    sought = st.session_state.get(_SOUGHT, "")
    if len(rows) == 1:
        item = str(rows[0]["id"])
    shown = by_id.get(item, rows[0])
    if shown["slice_index"] is not None:
        shown = _choose_slice(rows, shown)
        item = str(shown["id"]) if shown["kind"] == "slice" else item
    else:
        shown = rows[0]  # always the same, so that the view and its tiles are kept
    return Place(
        source=file.source,
        path=file.path,
        shows=str(shown["id"]),
        item=item,
        sought=sought if sought in by_id else "",
        times=st.session_state.get(_TIMES, 0),
        has_parts=any(row["kind"] in PARTS for row in rows),
        slice_index=shown["slice_index"],
        axis=shown["axis"],
    )


def follow(opened: Opened, *, entered: bool) -> None:
    """Turn to the item the URL asks for, when it is another one than before.

    Args:
        opened: The index.
        entered: The page has just been come to.

    Raises:
        StoreError: There is no such item.
    """
    if entered:
        st.session_state.pop(_ASKED, None)
    asked = st.query_params.get("item", "")
    if not asked or asked == st.session_state.get(_ASKED):
        return
    row = opened.index.store.take([asked], ["id", "source", "path", "slice_index"]).to_pylist()[0]
    for name in (_ASKED, _ITEM, _SOUGHT):
        st.session_state[name] = asked
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
    st.session_state["file"] = f"{row['source']}:{row['path']}" if row["source"] else row["path"]
    if row["slice_index"] is not None:
        st.session_state["slice"] = row["slice_index"]


def _choose_file(files: dict[str, _File]) -> _File:
    names = list(files)
    if len(names) > MANY:
        words = st.text_input("Find a file", key="slide_find", persist_state="session")
        found = [name for name in names if words.casefold() in name.casefold()]
        st.caption(f"{len(found):,} of {len(names):,} files")
        names = found[:MANY] or names[:MANY]
        now = st.session_state.get("file") or st.query_params.get("file", "")
        if now in files and now not in names:
            names.insert(0, now)
    if st.session_state.get("file", names[0]) not in names:
        del st.session_state["file"]  # of another index
    name = st.selectbox(
        "File", names, key="file", bind="query-params", persist_state="session",
        on_change=_forget_item,
    )  # fmt: skip
    return files[name]


def _forget_item() -> None:
    st.query_params.pop("item", None)
    for name in (_ASKED, _ITEM, _SOUGHT):
        st.session_state.pop(name, None)


def _choose_slice(rows: list[dict[str, Any]], shown: dict[str, Any]) -> dict[str, Any]:
    axis = shown["axis"]
    slices: dict[int, dict[str, Any]] = {
        row["slice_index"]: row for row in reversed(rows) if row["axis"] == axis
    }
    numbers = sorted(slices)
    if len(numbers) == 1:
        return slices[numbers[0]]
    if st.session_state.get("slice", numbers[0]) not in slices:
        del st.session_state["slice"]  # of another volume
    number = st.select_slider(
        f"Slice along {axis}", numbers, key="slice", bind="query-params",
        persist_state="session", on_change=_forget_item,
    )  # fmt: skip
    return shown if shown["slice_index"] == number else slices[number]


@st.cache_resource(show_spinner="Listing the files …", max_entries=4)
def _files(path: str, version: int, _opened: Opened) -> dict[str, _File]:
    """By name; those with most items first, since they are the slides."""
    counts = _opened.index.store.item_counts()
    ordered = sorted(counts, key=lambda key: (-counts[key], key))
    return {
        f"{source}:{path}" if source else path: _File(source, path, counts[source, path])
        for source, path in ordered
    }


@st.cache_resource(show_spinner=False, max_entries=16)
def _rows(path: str, version: int, source: str, file: str, _opened: Opened) -> list[dict[str, Any]]:
    columns = ["id", "kind", "slice_index", "axis"]
    where = f"source = {sql_literal(source)} AND path = {sql_literal(file)}"
    table = _opened.index.store.scan(columns, where, order_by_id=True)
    rows: list[dict[str, Any]] = table.to_pylist()
    return sorted(rows, key=lambda row: (row["slice_index"] or 0, row["id"]))
