"""How well particles are found on a slide whose particles are known."""

from __future__ import annotations

import time
from pathlib import Path

from georetrieve.metrics.detection import match_boxes
from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.sources.specimens import find_specimens
from georetrieve.sources.synthetic.truth import read_truth

__all__ = ["evaluate_specimens"]


def evaluate_specimens(
    slide: Path,
    truth: Path,
    *,
    min_um: float = 10.0,
    max_um: float = 250.0,
    tile_px: int = 2048,
    iou: float = 0.5,
    um_per_px: float | None = None,
) -> dict[str, float]:
    """Find the specimens of a slide and compare their boxes with the truth.

    Args:
        slide: The slide.
        truth: Its table or GeoJSON file; see :func:`georetrieve.sources.synthetic.read_truth`.
        min_um: Smallest specimen, µm.
        max_um: Largest specimen, µm.
        tile_px: Side of the tiles processed at once, working pixels.
        iou: Least intersection over union of boxes that belong together.
        um_per_px: Scale of the slide, where its own is unknown or wrong.

    Returns:
        ``precision``, ``recall`` and ``f1`` (0..1), the counts ``found`` and ``truth``, and
        ``seconds``.

    Raises:
        SourceError: Slide or truth cannot be used.
    """
    boxes = [box for _, box in read_truth(truth)]
    with open_raster(slide, ReadOptions(um_per_px=um_per_px)) as raster:
        start = time.perf_counter()
        found = find_specimens(raster, min_um=min_um, max_um=max_um, tile_px=tile_px)
        seconds = time.perf_counter() - start
    match = match_boxes([one.region for one in found], boxes, iou=iou)
    return {
        "precision": match.precision,
        "recall": match.recall,
        "f1": match.f1,
        "found": len(found),
        "truth": len(boxes),
        "seconds": round(seconds, 3),
    }
