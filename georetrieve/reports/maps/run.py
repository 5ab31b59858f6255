"""Maps of many images with one model: one after the other, what fails reported, nothing twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from georetrieve.errors import GeoRetrieveError
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.protocols import Progress
from georetrieve.reports.maps.modal_files import save_modal_csv
from georetrieve.reports.maps.writing import MapOptions, WrittenMap, is_written, write_map
from georetrieve.sources.fields import FieldOfView

__all__ = ["MapRun", "file_stems", "map_fields", "total_rows"]

SLICE = re.compile(r"#(?P<axis>[zyx])=(?P<index>\d+)$")


@dataclass(slots=True)
class MapRun:
    """What became of all fields.

    Attributes:
        maps: Those that are on disk now.
        unchanged: How many of them an earlier run had made.
        failed: (field, why it has no map), one line each.
        table: The CSV with the percentages of all maps; None when there is none.
    """

    maps: list[WrittenMap] = field(default_factory=list)
    unchanged: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    table: Path | None = None


def map_fields(
    segmenter: Segmenter,
    fields: Sequence[FieldOfView],
    folder: Path,
    *,
    made_by: Mapping[str, Any],
    stamps: Mapping[str, str],
    options: MapOptions | None = None,
    progress: Progress | None = None,
) -> MapRun:
    """Map fields one after the other, and write what :func:`write_map` writes of each.

    A field whose map was finished by an earlier run of the same model is left alone.

    Args:
        segmenter: The model.
        fields: What is mapped.
        folder: Where files go; sub-folders are those of the names.
        made_by: What tells the model from others, plain values.
        stamps: Name of a field → what changes when its files do.
        options: What is written.
        progress: Told how far it is.
    """
    options = options or MapOptions()
    run = MapRun()
    for one, stem in zip(fields, file_stems([one.name for one in fields]), strict=True):
        terms = {**made_by, "image": stamps.get(one.name, "")}
        try:
            written = None if options.force else is_written(folder / stem, terms, options)
            run.unchanged += written is not None
            if written is None:
                bands = segmenter.segment(one, progress=progress)
                written = write_map(
                    one, bands, segmenter.classes, folder / stem, made_by=terms, options=options
                )
            run.maps.append(written)
        except (GeoRetrieveError, OSError) as error:
            run.failed.append((one.name, str(error)))
    if len(run.maps) > 1:
        run.table = folder / "modal.csv"
        save_modal_csv(
            run.table, [{"image": one.name, **row} for one in run.maps for row in one.rows]
        )
    return run


def file_stems(names: Sequence[str]) -> list[str]:
    """Beginnings of the names of files, one a field and no two alike.

    ``a/b.png`` → ``a/b``, or ``a/b.png`` where there is a ``b.tif`` too; ``core_*.tif#z=7`` →
    ``core_z007``, with as many digits as the highest slice has.
    """
    digits = max(
        (len(match["index"]) for name in names if (match := SLICE.search(name))), default=0
    )
    plain = [_stem(name, digits, keep_suffix=False) for name in names]
    often = Counter(plain)
    return [
        stem if often[stem] == 1 else _stem(name, digits, keep_suffix=True)
        for name, stem in zip(names, plain, strict=True)
    ]


def _stem(name: str, digits: int, *, keep_suffix: bool) -> str:
    match = SLICE.search(name)
    path = PurePosixPath(name[: match.start()] if match else name)
    stem = path.name if keep_suffix else path.stem
    stem = re.sub(r"[_\-. ]*\*", "", stem)
    if match:
        stem += f"_{match['axis']}{match['index'].zfill(digits)}"
    return (path.parent / stem).as_posix()


def total_rows(maps: Sequence[WrittenMap]) -> list[dict[str, Any]]:
    """Percentages of each map in a row, classes as columns; of several maps also of all pixels."""
    rows = []
    totals: Counter[str] = Counter()
    for one in maps:
        totals.update({row["class"]: row["pixels"] for row in one.rows})
        rows.append({"image": one.name} | {row["class"]: row["percent"] for row in one.rows})
    known = max(1, sum(totals.values()))
    shares = {name: round(100 * count / known, 4) for name, count in totals.items()}
    return [*rows, {"image": "all"} | shares]
