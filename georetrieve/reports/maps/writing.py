"""All files of one map, written while it streams by."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.probes.segmentation.modal import ModalAnalysis
from georetrieve.reports.maps.modal_files import modal_rows, save_modal_csv, save_modal_json
from georetrieve.reports.maps.outlines import save_outlines
from georetrieve.reports.maps.pictures import (
    LegendRow,
    colour_overlay,
    compose,
    shrunk_image,
    uncertainty_picture,
)
from georetrieve.reports.maps.rasters import TiledTiff, code_table, save_palette_png, void_code
from georetrieve.reports.maps.strips import Sample, map_strips
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.classes import ClassTable

__all__ = ["MapOptions", "WrittenMap", "is_written", "write_map"]

SAMPLED_PIXELS = 1 << 24
PNG_LEVEL = 4  # as small as at the usual 6, within a fiftieth, in less than half of its time
ENDS = (
    "mask.png", "mask.tif", "overlay.png", "uncertainty.tif", "uncertainty.png", "modal.csv",
    "outlines.geojson", "modal.json",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """What is written, and how.

    Attributes:
        preview_px: Longest side of the pictures, pixels.
        outlines: Whether GeoJSON is written.
        least_px: Areas of fewer pixels of level 0 are joined to a neighbour in the outlines.
        simplify_px: How far outlines may move, pixels of level 0.
        force: Whether files of an earlier map are overwritten.
    """

    preview_px: int = 2000
    outlines: bool = True
    least_px: float = 16
    simplify_px: float = 1.0
    force: bool = False


@dataclass(frozen=True, slots=True)
class WrittenMap:
    """What became of a field.

    Attributes:
        name: Of the field.
        rows: Percentages, one a class.
        files: What was written.
        remarks: What a user should know, one line each.
    """

    name: str
    rows: list[dict[str, Any]]
    files: list[Path]
    remarks: list[str]


def is_written(
    stem: Path, made_by: Mapping[str, Any], options: MapOptions | None = None
) -> WrittenMap | None:
    """The map an earlier run finished under this stem from the same; None where there is none.

    Raises:
        SourceError: There are files of the names that would be written, made from something else.
    """
    there = [path for path in _paths(stem) if path.exists()]
    if not there:
        return None
    try:
        facts = json.loads(_path(stem, "modal.json").read_text(encoding="utf-8"))
        if facts["made_by"] == _terms(made_by, options or MapOptions()):
            return WrittenMap(facts["image"], facts["classes"], there, [])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none of ours: refused below
    raise SourceError(
        f"{there[0]} is there, and was not made by this model in this way; choose another folder "
        "(-o), or overwrite it (--force)."
    )


def write_map(
    field: FieldOfView,
    bands: Iterable[Band],
    classes: ClassTable,
    stem: Path,
    *,
    made_by: Mapping[str, Any],
    options: MapOptions | None = None,
) -> WrittenMap:
    """Write the map of a field as ``STEM_mask.tif`` and so on.

    An index mask (PNG up to 16 million pixels, else tiled TIFF), an overlay, the uncertainty (8-bit
    TIFF, 255: a guess) and a picture of it, percentages (CSV, JSON), outlines (GeoJSON). Files
    appear when all are whole. Memory depends on the width of the image and not on its height; above
    16 million pixels pictures and outlines are made of every n-th pixel, as the remarks say.

    Args:
        field: What was mapped.
        bands: Its map.
        classes: Of the map.
        stem: Folder and the beginning of the names.
        made_by: What the map depends on, plain values; see :func:`is_written`.
        options: What is written.

    Raises:
        SourceError: The bands are no map of the field, the image cannot be read, files of these
            names are there, or they cannot be written.
    """
    options = options or MapOptions()
    if not options.force:
        is_written(stem, made_by, options)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=stem.parent) as folder:
            work = _Work(field, classes, Path(folder) / stem.name, options)
            written = work.write(bands, _terms(made_by, options))
            for path in _paths(stem):
                path.unlink(missing_ok=True)
            # The last one says that all are there.
            written.files.sort(key=lambda path: path.suffix == ".json")
            for number, path in enumerate(written.files):
                written.files[number] = path.replace(stem.parent / path.name)
    except OSError as error:
        raise SourceError(
            f"{stem.name} cannot be written into {stem.parent} ({error.strerror or error}); is it "
            "a folder of yours, and the disk not full?"
        ) from error
    return written


def _terms(made_by: Mapping[str, Any], options: MapOptions) -> dict[str, Any]:
    terms = {name: value for name, value in asdict(options).items() if name != "force"}
    return {**made_by, **terms}


def _path(stem: Path, end: str) -> Path:
    return stem.with_name(f"{stem.name}_{end}")


def _paths(stem: Path) -> list[Path]:
    """Everything that may be written."""
    return [_path(stem, end) for end in ENDS]


class _Work:
    """The writing of one map."""

    def __init__(
        self, field: FieldOfView, classes: ClassTable, stem: Path, options: MapOptions
    ) -> None:
        self.field, self.classes, self.stem, self.options = field, classes, stem, options
        self.modal = ModalAnalysis(classes, field.um_per_px)
        self.sample = Sample(field.size, SAMPLED_PIXELS)
        self.files: list[Path] = []
        self.remarks: list[str] = []

    def write(self, bands: Iterable[Band], made_by: Mapping[str, Any]) -> WrittenMap:
        """Write all files; the JSON is the last."""
        self._rasters(bands)
        rows = modal_rows(self.modal)
        self._pictures()
        if self.options.outlines:
            self._outlines()
        save_modal_csv(self._new("modal.csv"), rows)
        facts = {
            "image": self.field.name,
            "size": list(self.field.size),
            "um_per_px": self.field.um_per_px,
            "made_by": made_by,
            "void_code": void_code(self.classes),
            "remarks": self.remarks,
        }
        save_modal_json(self._new("modal.json"), self.modal, facts)
        return WrittenMap(self.field.name, rows, self.files, self.remarks)

    def _new(self, end: str) -> Path:
        self.files.append(_path(self.stem, end))
        return self.files[-1]

    def _rasters(self, bands: Iterable[Band]) -> None:
        """Let the map stream by: into the TIFFs, the sample and the counts."""
        codes, scale, size = code_table(self.classes), self.field.um_per_px, self.field.size
        colours = dict(zip(self.classes.codes, self.classes.colours, strict=True))
        palette = colours if codes.dtype == np.uint8 else None
        # A sample with all pixels becomes a PNG afterwards.
        small = self.sample.factor == 1 and codes.dtype == np.uint8
        with contextlib.ExitStack() as stack:
            unsure = TiledTiff(self._new("uncertainty.tif"), size, np.uint8, um_per_px=scale)
            stack.callback(unsure.close)
            mask = None
            if not small:
                path = self._new("mask.tif")
                mask = TiledTiff(path, size, codes.dtype, um_per_px=scale, palette=palette)
                stack.callback(mask.close)
            for strip in map_strips(bands, size):
                self.modal.update(strip.classes, strip.uncertainty)
                self.sample.add(strip)
                unsure.add(np.rint(255 * strip.uncertainty).astype(np.uint8))
                if mask is not None:
                    mask.add(codes[strip.classes])
        if small:
            values = codes[self.sample.classes]
            save_palette_png(self._new("mask.png"), values, self.classes, scale)

    def _pictures(self) -> None:
        width, height = self.field.size
        shrink = max(1.0, max(width, height) / self.options.preview_px)
        size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        scale = None if self.field.um_per_px is None else self.field.um_per_px * width / size[0]
        title = self.field.name.rpartition("/")[2]
        lines = [f"{width:,} × {height:,} px"]
        if self.field.um_per_px is not None:
            lines[0] += f" · {self.field.um_per_px:.4g} µm a pixel"
        void = self.modal.void_pixels / self.modal.pixels
        lines.append(f"mean uncertainty {self.modal.uncertainty:.2f}")
        if void:
            lines.append(f"void {100 * void:.1f} % (not counted below)")
        image = colour_overlay(shrunk_image(self.field, size), self.sample.classes, self.classes)
        page = compose(image, self._legend(), title=title, lines=lines, um_per_px=scale)
        page.save(self._new("overlay.png"), "PNG", compress_level=PNG_LEVEL)
        image, legend = uncertainty_picture(self.sample.uncertainty, size)
        lines = [*lines[:2], "entropy of the classes, 0 to 1"]
        page = compose(image, legend, title=f"Uncertainty of {title}", lines=lines, um_per_px=scale)
        page.save(self._new("uncertainty.png"), "PNG", compress_level=PNG_LEVEL)

    def _legend(self) -> list[LegendRow]:
        """The commonest class first."""
        shares = sorted(self.modal.shares, key=lambda one: -one.pixels)
        colours = dict(zip(self.classes.names, self.classes.colours, strict=True))
        return [
            LegendRow(
                one.name,
                colours[one.name],
                f"{one.percent:.1f} %",
                "" if one.area_mm2 is None else f"{one.area_mm2:.3g} mm²",
            )
            for one in shares
        ]

    def _outlines(self) -> None:
        outlined = save_outlines(
            self._new("outlines.geojson"),
            self.sample.classes,
            self.classes,
            factor=self.sample.factor,
            size=self.field.size,
            least_px=self.options.least_px,
            simplify_px=self.options.simplify_px,
        )
        if self.sample.factor > 1:
            self.remarks.append(
                f"outlines and pictures are made of every {self.sample.factor}th pixel, along both "
                "sides; mask, uncertainty and percentages of all"
            )
        if outlined.least_px > self.options.least_px:
            self.remarks.append(
                f"outlines: areas of less than {outlined.least_px:,} px are joined to their "
                "neighbours, as there would be too many"
            )
