"""Which index and encoder are open; every page is shown one."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app.trouble import plain, told
from georetrieve.search import Index
from georetrieve.search.places import indexes_here
from georetrieve.serving.page_server import INDEX_VARIABLE
from georetrieve.serving.pictures import PICTURES, Pictures
from georetrieve.sources.label_table import counted
from georetrieve.types import EncoderSpec

__all__ = ["ICON", "Opened", "show_page", "style"]

# Streamlit leaves much room above a page; at 1280 × 720 it is wanted for pictures.
STYLE = """
<style>
.stMainBlockContainer { padding: 4rem 2rem 1rem; }
.stSidebar .stSidebarContent { font-size: .9rem; }
.stSidebar .stVerticalBlock { gap: .6rem; }
.stSidebar .stSidebarHeader { padding-bottom: 0; height: 2.5rem; }
h1 { font-size: 1.5rem !important; padding: 0 0 .3rem !important; }
</style>
"""


# A cyst with processes; drawn here, for Streamlit would fetch an icon by name from elsewhere.
ICON = (
    "data:image/svg+xml,"
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' stroke-width='2'%3E"
    "%3Cpath stroke='%23b06a1e' d='M16 1v30M1 16h30M5 5l22 22M27 5L5 27'/%3E"
    "%3Ccircle cx='16' cy='16' r='9' fill='%23e0b060' stroke='%23803c08'/%3E%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the pages are about.

    Attributes:
        index: Open, at the version it has now.
        spec: The encoder that is chosen.
        key: Of its shelf of pictures.
    """

    index: Index
    spec: EncoderSpec
    key: str

    @property
    def version(self) -> int:
        """Of the index; caches are kept by it."""
        return self.index.store.version

    def picture(self, row: dict[str, Any]) -> str:
        """Address of the thumbnail of a row of the index, with its ``id`` and ``content_hash``.

        Where the row has its ``thumbnail`` too, the address holds the picture itself: two kilobytes
        that come with the page are there in a third of the time that asking for each takes.
        """
        if row.get("thumbnail"):
            return f"data:image/webp;base64,{base64.b64encode(row['thumbnail']).decode()}"
        return Pictures.thumbnail_url(self.key, str(row["id"]), str(row["content_hash"]))


def style() -> None:
    """The style all pages share."""
    st.html(STYLE)


def show_page(show: Callable[[Opened], None]) -> None:
    """Show a page about the index that is chosen beside it."""
    with st.sidebar:
        opened = _choose()
    if opened is None:
        st.info(
            "There is no index yet. Make one in a terminal, `georetrieve index ./slides`, "
            "and load this page again.",
            icon=":material/info:",
        )
        return
    with told():
        show(opened)


def _choose() -> Opened | None:
    places = _places()
    if not places:
        return None
    name = st.selectbox(
        "Index", list(places), key="index", bind="query-params", persist_state="session"
    )
    opened = None
    with told():
        index = _open(str(places[name]))
        names = [spec.name for spec in index.manifest.encoders]
        encoder = st.selectbox(
            "Encoder", names, key="encoder", bind="query-params", persist_state="session",
            help="Whose vectors say what is alike.",
        )  # fmt: skip
        spec = index.manifest.encoder(encoder)
        opened = Opened(index, spec, PICTURES.put_index(index.store))
        st.caption(plain(counted(len(index), "item")))
    return opened


def _places() -> dict[str, Path]:
    """The indexes that may be opened, by name; nothing else can be, whatever a URL says."""
    given = os.environ.get(INDEX_VARIABLE)
    places = {} if given is None else {Path(given).name: Path(given)}
    for path in indexes_here():
        places.setdefault(path.name, path)
    return places


def _open(path: str) -> Index:
    """The index at the version it has now; kept open from run to run and for everybody.

    Runs that are under way keep the version they have.
    """
    held = _held()
    index = held[path].refreshed() if path in held else Index.open(Path(path))
    held[path] = index
    return index


@st.cache_resource(show_spinner=False)
def _held() -> dict[str, Index]:
    return {}
