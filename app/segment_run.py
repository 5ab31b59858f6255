"""From the draft to a map: how it is made, and the making, with a bar and a way to stop."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from app.opened import Opened
from app.segment_desk import Desk, Folder, MadeMap
from app.segment_images import MapImage, image_like, opened_image
from app.waiting import bar
from georetrieve.baselines.draft_fit import fit_draft
from georetrieve.baselines.methods import METHODS, PATCH_METHOD, load_segmenter
from georetrieve.errors import EncoderError, SourceError
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.probes.segmentation.model_file import model_digest
from georetrieve.probes.segmentation.settings import (
    CLICKED_SMOOTH_PX,
    LARGEST_SMOOTH_PX,
    PatchSettings,
)
from georetrieve.protocols import DensePatchEncoder, Progress
from georetrieve.reports.maps.run import map_fields
from georetrieve.sources.fields import FieldOfView, cropped
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.types import Region

__all__ = ["How", "choose_how", "make_map", "warm_up"]

KEPT_BYTES = 512 << 20  # features of windows, of everybody who maps
MODEL = "clicks.segmenter"


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an image is mapped.

    Attributes:
        method: One of :data:`METHODS`.
        encoder: Whose patches; of ``patch-nn``.
        smooth_px: See :class:`PatchSettings`.
        radius_px: Around a click that it labels, pixels.
        um_per_px: Scale, instead of what the files say; None: theirs.
    """

    method: str
    encoder: str
    smooth_px: int
    radius_px: float
    um_per_px: float | None


def choose_how(opened: Opened) -> How:
    """Ask how."""
    names = [spec.name for spec in opened.index.manifest.encoders if spec.family != "bundled"]
    method = st.selectbox(
        "Method", list(METHODS), key="segment_method", help="\n".join(
            f"- {name}: {title}" for name, title in METHODS.items()
        ), bind="query-params", persist_state="session",
    )  # fmt: skip
    patches = method == PATCH_METHOD
    encoder = st.selectbox(
        "Features of", ["bundled", *names], key="segment_encoder", disabled=not patches,
        help="Whose patches are compared.", bind="query-params", persist_state="session",
    )  # fmt: skip
    smooth = st.slider(
        "Evened out over, px", 0, LARGEST_SMOOTH_PX // 4, CLICKED_SMOOTH_PX, key="segment_smooth",
        disabled=not patches, help="Inside a grain the map is made even; 0: as the patches say.",
        bind="query-params", persist_state="session",
    )  # fmt: skip
    radius = st.slider(
        "A click labels, px around it", 0, 30, 4, key="segment_radius",
        help="So many pixels around a click are taken to be the same.",
        bind="query-params", persist_state="session",
    )  # fmt: skip
    scale = st.number_input(
        "µm per pixel", 0.0, 1000.0, 0.0, key="segment_scale", format="%.4f",
        help="For areas and the scale bar, where the file does not say; 0: as the file says.",
        bind="query-params", persist_state="session",
    )  # fmt: skip
    return How(
        method=method,
        encoder=encoder,
        smooth_px=smooth,
        radius_px=radius,
        um_per_px=scale or None,
    )


def make_map(
    opened: Opened,
    desk: Desk,
    image: MapImage,
    how: How,
    *,
    region: tuple[int, int, int, int] | None = None,
    model: Path | None = None,
) -> MadeMap:
    """Learn from the draft, or take a model, and map an image or a region of it.

    Raises:
        GeoRetrieveError: It cannot be; the message says why.
    """
    start, said = time.monotonic(), desk.said()
    folder = Folder(desk.files)
    with bar() as progress, ExitStack() as stack:
        field = stack.enter_context(opened_image(opened, image, how.um_per_px))
        if model is None:
            segmenter, remarks = _fitted(opened, desk, image, field, how, progress, stack)
        else:
            segmenter, remarks = load_segmenter(model), []
        file = folder.path / MODEL
        segmenter.save(file)
        target = field if region is None else cropped(field, Region(*region))
        target = replace(target, name=image.said_name + target.name[len(field.name) :])
        run = map_fields(
            segmenter,
            [target],
            file.parent,
            made_by={"method": segmenter.method, "model": model_digest(file)},
            stamps={},
            progress=progress,
        )
    if run.failed:
        raise SourceError(run.failed[0][1])
    written = run.maps[0]
    return MadeMap(
        box=region,
        classes=segmenter.classes,
        written=replace(written, files=[*written.files, file]),
        segmenter=segmenter,
        folder=folder,
        said=said if model is None else model,
        remarks=[*remarks, *written.remarks],
        seconds=time.monotonic() - start,
    )


def warm_up() -> None:
    """Load what mapping needs while the first clicks are made."""
    _warm()


def _fitted(
    opened: Opened,
    desk: Desk,
    image: MapImage,
    field: FieldOfView,
    how: How,
    progress: Progress,
    stack: ExitStack,
) -> tuple[Segmenter, list[str]]:
    fields = {image.name: field}
    for name in desk.draft.images:
        other = None if name in fields else image_like(opened, name, image)
        if other is not None:
            fields[name] = stack.enter_context(opened_image(opened, other, how.um_per_px))
    fitted = fit_draft(
        desk.draft,
        fields,
        method=how.method,
        encoder=_encoder(how.encoder) if how.method == PATCH_METHOD else how.encoder,
        settings=PatchSettings(smooth_px=how.smooth_px),
        rule=MaskRule(radius_px=how.radius_px),
        progress=progress,
    )
    return fitted.segmenter, fitted.remarks


@st.cache_resource(show_spinner="Loading the encoder …", max_entries=4)
def _encoder(name: str) -> DensePatchEncoder:
    """It, keeping what it said of windows: the next map of an image then comes sooner."""
    from georetrieve.encoders.registry import load_encoder
    from georetrieve.probes.segmentation.kept_windows import keep_windows

    encoder = load_encoder(name)
    if not isinstance(encoder, DensePatchEncoder):
        raise EncoderError(
            f"{name} does not describe the patches of images of any size, which maps are made of; "
            "choose bundled, or an index with a vision transformer."
        )
    return keep_windows(encoder, KEPT_BYTES)


@st.cache_resource(show_spinner=False)
def _warm() -> threading.Thread:
    def load() -> None:
        import georetrieve.probes.segmentation.fit
        import georetrieve.reports.maps.pictures
        import georetrieve.stores.faiss_index

        georetrieve.stores.faiss_index.faiss_library()

    thread = threading.Thread(target=load, name="segment-warm-up", daemon=True)
    thread.start()
    return thread
