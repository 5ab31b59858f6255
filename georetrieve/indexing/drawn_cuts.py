"""What people drew on a file, as cuts beside those that cutting finds."""

from __future__ import annotations

from collections.abc import Sequence

from georetrieve.indexing.plans import Plan
from georetrieve.protocols import Raster
from georetrieve.sources.cut import Cut, CutOptions, specimen_cut
from georetrieve.sources.volume import slice_count, slice_size
from georetrieve.stores.drawn import DrawnOutline
from georetrieve.types import Region

__all__ = ["canvas_of", "drawn_cuts", "with_drawn"]


def canvas_of(raster: Raster, box: Region | None = None) -> tuple[int, int] | None:
    """(width, height) of what a box lies on, pixels; None where a volume has no such slice."""
    if box is None or box.axis is None or box.index is None:
        return raster.size if raster.kind != "volume" else None
    if raster.kind != "volume" or box.index >= slice_count(raster, box.axis):
        return None
    return slice_size(raster, box.axis)


def drawn_cuts(raster: Raster, options: CutOptions, outlines: Sequence[DrawnOutline]) -> list[Cut]:
    """A cut along each outline, as a specimen of that box would be cut.

    Left out are those that were drawn on an image of another size, as what is there now is another
    picture.

    Raises:
        SourceError: A scale is wanted, and that of the raster is unknown.
    """
    return [
        specimen_cut(raster, options, one.box, one.area_px)
        for one in outlines
        if canvas_of(raster, one.box) == one.canvas
    ]


def with_drawn(
    plan: Plan, raster: Raster, options: CutOptions, outlines: Sequence[DrawnOutline]
) -> Plan:
    """A plan with what was drawn on the file, and a word on that in its sentence.

    Raises:
        SourceError: A scale is wanted, and that of the raster is unknown.
    """
    if not outlines:
        return plan
    found = {cut.region for cut in plan.cuts}
    cuts = drawn_cuts(raster, options, outlines)
    said = f"{plan.choice}; beside them {len(cuts)} drawn by hand"
    lost = len(outlines) - len(cuts)
    if lost:
        said += f" ({lost} more drawn on an image of another size, and left out)"
    return Plan((*plan.cuts, *(cut for cut in cuts if cut.region not in found)), said)
