"""Which files of one folder belong together: slides with companions, slices of a volume."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from georetrieve.errors import SourceError
from georetrieve.sources.options import VolumeRule

__all__ = ["Companions", "companions_of", "group_slices"]

SLICE_SUFFIXES = (".tif", ".tiff", ".png", ".bmp")
LEAST_SLICES = 8
INI_LIMIT_BYTES = 1 << 20
DICOM_HEAD_BYTES = 1 << 16
NUMBERED = re.compile(r"^(?P<stem>.*?)(?P<number>\d+)(?P<tail>\.[^.]+)$")
# StudyInstanceUID (0020,000D) with SeriesInstanceUID (0020,000E) right behind it, explicit VR.
DICOM_SERIES = re.compile(
    rb"\x20\x00\x0d\x00UI..[0-9.]+[\x00 ]?\x20\x00\x0e\x00UI..([0-9.]+)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Companions:
    """Files that belong to a slide, and the folder beside it they lie in ("" if none)."""

    files: tuple[Path, ...]
    folder: str = ""


def companions_of(images: Sequence[Path], siblings: set[str]) -> dict[Path, Companions]:
    """Companions of each slide among the image files of one folder.

    Args:
        images: Files with an image's suffix, sorted.
        siblings: Names of everything in the folder.
    """
    found: dict[Path, Companions] = {}
    for path in images:
        suffix = path.suffix.lower()
        if suffix == ".mrxs" and path.stem in siblings:
            found[path] = Companions(_files_below(path.with_suffix("")), path.stem)
        elif suffix in (".vms", ".vmu"):
            found[path] = Companions(_named_in(path, siblings))
        elif suffix == ".vsi" and f"_{path.stem}_" in siblings:
            folder = f"_{path.stem}_"
            found[path] = Companions(_files_below(path.with_name(folder)), folder)
    found |= _dicom_series([path for path in images if path.suffix.lower() == ".dcm"])
    return found


def _files_below(folder: Path) -> tuple[Path, ...]:
    return tuple(
        Path(here) / name for here, _, names in sorted(os.walk(folder)) for name in sorted(names)
    )


def _named_in(path: Path, siblings: set[str]) -> tuple[Path, ...]:
    """Files of the folder that a Hamamatsu .vms/.vmu file names as the value of a key."""
    try:
        with path.open("rb") as file:
            text = file.read(INI_LIMIT_BYTES).decode("latin-1")
    except OSError:
        return ()
    values = {line.partition("=")[2].strip() for line in text.splitlines()}
    return tuple(path.with_name(name) for name in sorted(values & siblings - {path.name}))


def _dicom_series(paths: Sequence[Path]) -> dict[Path, Companions]:
    """The first file of each DICOM series, with the others."""
    series: dict[bytes, list[Path]] = defaultdict(list)
    for path in paths:
        try:
            with path.open("rb") as file:
                match = DICOM_SERIES.search(file.read(DICOM_HEAD_BYTES))
        except OSError:
            continue
        if match is not None:
            series[match[1]].append(path)
    return {files[0]: Companions(tuple(files[1:])) for files in series.values() if len(files) > 1}


def group_slices(images: Sequence[Path], rule: VolumeRule) -> dict[str, tuple[Path, ...]]:
    """Numbered slices that are one volume, by the pattern of their names (``core_*.tif``).

    Args:
        images: Image files of one folder.
        rule: See :func:`georetrieve.sources.folder.walk`.
    """
    if rule == "never":
        return {}
    series: dict[tuple[str, str], list[tuple[int, str, Path]]] = defaultdict(list)
    for path in images:
        match = NUMBERED.match(path.name)
        if match is not None and path.suffix.lower() in SLICE_SUFFIXES:
            key = (match["stem"], match["tail"])
            series[key].append((int(match["number"]), match["number"], path))
    least = LEAST_SLICES if rule == "auto" else 2
    volumes = {}
    for (stem, tail), members in series.items():
        members.sort()
        numbers = [number for number, _, _ in members]
        if len(members) < least or len(set(numbers)) < len(numbers):
            continue
        paths = tuple(path for _, _, path in members)
        if rule == "always" or (_consecutive(numbers) and _look_alike(paths)):
            volumes[f"{stem}*{tail}"] = paths
    return volumes


def _consecutive(numbers: list[int]) -> bool:
    return numbers[-1] - numbers[0] == len(numbers) - 1


def _look_alike(paths: tuple[Path, ...]) -> bool:
    """Whether the first, middle and last file are grey and of one size; only headers are read."""
    seen = {_grey_size(paths[number]) for number in (0, len(paths) // 2, -1)}
    return len(seen) == 1 and None not in seen


def _grey_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of a grey image of one page; None of anything else."""
    from georetrieve.sources.pillow import grey_size

    try:
        return grey_size(path)
    except (SourceError, OSError):
        return None
