"""What is on the desk of somebody who makes maps: clicks, masks, and the maps made of them.

It is kept on the server under a name in the URL, so that it outlives other pages and a reload; what
was said is kept with the index too, and outlives the server.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from app.opened import Opened
from georetrieve.errors import StoreError
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.reports.maps.layers import class_layer, uncertainty_layer
from georetrieve.reports.maps.writing import WrittenMap
from georetrieve.search.drafts import DraftShelf
from georetrieve.serving.pictures import PICTURES
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.draft import Draft

__all__ = ["Desk", "Folder", "MadeMap", "desk_of", "go_to", "shelf_of"]

DESKS = 64
MAPS = 8  # a desk; what was made longest ago goes first


class Folder:
    """A folder of files that goes with this object, or with the process.

    Args:
        inside: Folder it is made in; None: where temporary files are.
    """

    def __init__(self, inside: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="georetrieve-maps-", dir=inside))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(slots=True)
class MadeMap:
    """A map that can be seen.

    Attributes:
        box: (x, y, width, height) of the image it covers; None: all of it.
        classes: Its classes, as they were when it was made.
        written: Its files.
        segmenter: What made it.
        folder: Of the files.
        said: Of the draft when it was made: another one, and the map is of an earlier moment.
        remarks: What should be known, one line each.
        seconds: It took.
    """

    box: tuple[int, int, int, int] | None
    classes: ClassTable
    written: WrittenMap
    segmenter: Segmenter
    folder: Folder
    said: object
    remarks: list[str]
    seconds: float
    _layers: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def layer(self, kind: str, colours: Mapping[str, tuple[int, int, int]]) -> str:
        """Address of the picture of its classes, or of its ``Uncertainty``.

        Args:
            kind: Which.
            colours: Of classes by name, where these are other ones now.
        """
        name = kind if kind == "Uncertainty" else repr(sorted(colours.items()))
        data, address = self._layers.get(name, (b"", ""))
        if not data:
            files = self.written.files
            if kind == "Uncertainty":
                data = uncertainty_layer(files)
            else:
                data = class_layer(files, self.classes.recoloured(colours))
        try:
            PICTURES.lent(address.rpartition("/")[2])
        except StoreError:  # not yet, or others took its room
            address = PICTURES.lend(data)
        self._layers[name] = data, address
        return address


class Desk:
    """A draft, and a map of each image.

    Args:
        name: In the URL, and of what is kept.

    Attributes:
        draft: Classes, clicks, masks.
        maps: By what is mapped, the last made last.
        models: That were uploaded to it, by name.
        active: Class that is clicked.
        regions: Name of an image → (x, y, width, height) that is mapped of it.
        files: Folder of what was uploaded to it.
        unkept: Why the draft is not kept with the index; "" if it is.
        unread: Why what was asked for could not be read, and this one is empty instead.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.draft = Draft()
        self.maps: OrderedDict[object, MadeMap] = OrderedDict()
        self.models: dict[str, Path] = {}
        self.active: str | None = None
        self.regions: dict[str, tuple[int, int, int, int]] = {}
        self._folder = Folder()
        self.files = self._folder.path
        self.unkept = self.unread = ""
        self._kept = self._all_said()

    def take_up(self, shelf: DraftShelf) -> bool:
        """Go on with what is kept under its name; False where nothing is.

        Raises:
            StoreError: It cannot be read.
        """
        draft = shelf.read(self.name, self.files)
        if draft is None:
            return False
        self.draft = draft
        self._kept = self._all_said()
        return True

    def keep(self, shelf: DraftShelf) -> None:
        """Keep the draft with the index, if it has changed.

        Raises:
            StoreError: It cannot be kept; this is said once.
        """
        said = self._all_said()
        if said == self._kept:
            return
        self._kept = said
        try:
            shelf.keep(self.name, self.draft)
            self.unkept = ""
        except StoreError as error:
            before, self.unkept = self.unkept, str(error)
            if not before:
                raise

    def put(self, what: object, made: MadeMap) -> None:
        """Keep a map instead of an earlier one of the same."""
        self.maps.pop(what, None)
        self.maps[what] = made
        while len(self.maps) > MAPS:
            self.maps.popitem(last=False)

    def said(self) -> object:
        """Changes when what a map is made of does."""
        return self.draft.clicks, self.draft.masks

    def _all_said(self) -> object:
        return self.draft.classes, self.draft.clicks, self.draft.masks


def desk_of(opened: Opened) -> Desk:
    """The desk the URL names, for this index; a new one where it names none.

    Says so where the one it names is no longer kept.
    """
    name = st.session_state.get("_desk") or st.query_params.get("desk", "")
    desks, lock = _desks()
    with lock:
        desk = desks.get((name, opened.key))
        if desk is None:
            desk = _taken_up(opened, name, known=any(one == name for one, _ in desks))
            desks[desk.name, opened.key] = desk
        desks.move_to_end((desk.name, opened.key))
        while len(desks) > DESKS:
            desks.popitem(last=False)
    go_to(desk.name)
    return desk


def go_to(name: str) -> None:
    """Have the page show the desk of this name, and the URL name it; "" for a new one."""
    st.session_state["_desk"] = name
    if st.query_params.get("desk", "") != name:
        st.query_params["desk"] = name


def shelf_of(opened: Opened) -> DraftShelf:
    """Where drafts are kept."""
    return DraftShelf(opened.index.path)


def _taken_up(opened: Opened, name: str, *, known: bool) -> Desk:
    """What is kept under a name, or an empty desk; a name that is no one's is not used."""
    if not name:
        return Desk(DraftShelf.new_name())
    desk, fresh = Desk(name), Desk(DraftShelf.new_name())
    try:
        if desk.take_up(shelf_of(opened)) or known:
            return desk
        if "_desk" not in st.session_state:
            st.warning(
                "The clicks of this link are no longer kept. Load them from a CSV, or begin anew.",
                icon=":material/info:",
            )
    except StoreError as error:
        fresh.unread = str(error)
    return fresh


@st.cache_resource(show_spinner=False)
def _desks() -> tuple[OrderedDict[tuple[str, str], Desk], threading.Lock]:
    return OrderedDict(), threading.Lock()
