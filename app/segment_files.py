"""Clicks, masks and models to and from files."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.opened import Opened
from app.segment_desk import Desk, MadeMap
from app.segment_drafts import again
from app.segment_images import MapImage, image_like, opened_image
from app.trouble import plain, told
from georetrieve.baselines.saved_models import model_file, save_model, saved_models
from georetrieve.errors import GeoRetrieveError
from georetrieve.probes.segmentation.model_file import read_model
from georetrieve.reports.maps.layers import zip_files
from georetrieve.sources.masks.clicks import clicks_csv, read_clicks
from georetrieve.sources.masks.pairing import label_fields

__all__ = ["draft_csv", "load_files", "map_zip", "offer_model", "save_files", "tell"]

CLICKS, MASKS, MODEL = (
    (".csv", ".tsv"),
    (".png", ".tif", ".tiff", ".geojson", ".json"),
    ".segmenter",
)
OWN = "uploaded: "
FROM_CLICKS = "The clicks"


def load_files(opened: Opened, desk: Desk, image: MapImage) -> None:
    """Take clicks and masks of the image, or models, from files."""
    turn = st.session_state.setdefault("_segment_load", 0)
    sent = st.file_uploader(
        "Clicks (CSV), a mask or outlines (PNG, TIFF, GeoJSON), a model (.segmenter)",
        type=[end[1:] for end in (*CLICKS, *MASKS, MODEL)],
        key=f"segment_load_{turn}",
    )
    if sent is None:
        return
    st.session_state["_segment_load"] += 1  # an empty one is shown instead
    with told():
        st.session_state["_segment_told"] = _take(opened, desk, image, sent.name, sent.getvalue())
        again(opened, desk)


def _take(opened: Opened, desk: Desk, image: MapImage, name: str, data: bytes) -> list[str]:
    """Take a file under a name made here; what should be known, one line each."""
    end = Path(name).suffix.lower()
    path = (
        desk.files
        / f"loaded_{secrets.token_hex(8)}{end if end in (*CLICKS, *MASKS, MODEL) else ''}"
    )
    path.write_bytes(data)
    try:
        if end == MODEL:
            method, _, _ = read_model(path)
            desk.models[OWN + Path(name).stem[:60]] = path
            return [f"A model ({method}); choose it under “Learn from”."]
        if end in CLICKS:
            return _take_clicks(opened, desk, image, path)
        return _take_mask(opened, desk, image, path)
    except GeoRetrieveError as error:
        # Its sender knows the file by another name.
        said = str(error).replace(str(path), name).replace(path.name, name)
        raise type(error)(said) from error


def _take_clicks(opened: Opened, desk: Desk, image: MapImage, path: Path) -> list[str]:
    clicks = read_clicks(path)
    names = {one.path for one in clicks.points}
    with ExitStack() as stack:
        images = [image, *(image_like(opened, name, image) for name in sorted(names))]
        by_name = {one.name: one for one in images if one is not None}
        fields = [stack.enter_context(opened_image(opened, one)) for one in by_name.values()]
        if len(names) == 1 and len(fields) == 1:  # of one image, whatever it was called there
            clicks.points = [replace(one, path=image.name) for one in clicks.points]
        sorted_out = clicks.by_field(fields)
    desk.draft.add_clicks(
        [replace(one, path=name) for name, some in sorted_out.items() for one in some]
    )
    count = sum(map(len, sorted_out.values()))
    return [f"{count:,} clicks of {len(desk.draft.names)} classes.", *clicks.remarks]


def _take_mask(opened: Opened, desk: Desk, image: MapImage, path: Path) -> list[str]:
    with (
        opened_image(opened, image) as field,
        label_fields([field], path) as labels,
    ):
        desk.draft.add_mask(image.name, path, labels.classes)
        return [f"A mask of {len(labels.classes)} classes.", *labels.remarks]


def offer_model(opened: Opened, desk: Desk) -> Path | None:
    """Whether the clicks are learnt from, or which model is used; None: the clicks."""
    saved = saved_models(_folder(opened))
    names = [FROM_CLICKS, *desk.models, *saved]
    if st.session_state.get("segment_model", FROM_CLICKS) not in names:
        del st.session_state["segment_model"]  # of another index
    if len(names) == 1:
        return None
    name = st.selectbox(
        "Learn from", names, key="segment_model", bind="query-params", persist_state="session",
        help="A model that was saved maps further images without clicks.",
    )  # fmt: skip
    if name == FROM_CLICKS:
        return None
    return desk.models.get(name) or model_file(_folder(opened), name)


def save_files(opened: Opened, desk: Desk, made: MadeMap | None) -> None:
    """Offer the clicks as a CSV, and to keep the model beside the index."""
    st.download_button(
        "Clicks as CSV", lambda: draft_csv(desk), "clicks.csv", "text/csv",
        icon=":material/download:", disabled=not desk.draft.clicks, width="stretch",
        on_click="ignore",
        help="As `georetrieve segment --clicks` reads them.",
    )  # fmt: skip
    name = st.text_input(
        "Keep the model as", key="segment_keep", max_chars=60, placeholder="granite",
        disabled=made is None,
        help="In the folder of the index, for images to come; `georetrieve segment predict` takes "
        "it too.",
    )  # fmt: skip
    if st.button("Keep the model", disabled=made is None or not name.strip(), width="stretch"):
        with told():
            path = save_model(made.segmenter, _folder(opened), name) if made else None
            st.session_state["_segment_told"] = [f"Kept as {path.name}."] if path else []
            st.rerun()


def draft_csv(desk: Desk) -> str:
    """The clicks, images called as their files are."""
    return clicks_csv([
        replace(one, path=MapImage(one.path, "", {}).said_name) for one in desk.draft.clicks
    ])  # fmt: skip


def map_zip(desk: Desk, made: MadeMap) -> bytes:
    """All files of a map, and the clicks it was made of."""
    return zip_files(made.written.files, {"clicks.csv": draft_csv(desk)})


def tell() -> None:
    """Say what came of the last file."""
    for line in st.session_state.pop("_segment_told", []):
        st.toast(plain(line))


def _folder(opened: Opened) -> Path:
    return opened.index.path / "models"
