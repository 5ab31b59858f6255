"""Traced outlines of an index's slides, kept in its folder.

``cache/outlines/SLIDE-DIGEST.safetensors``: boxes, rings end to end, and where each ends. The
digest is over the content of the slide and over how it was read and cut. May be deleted at any
time; where the folder cannot be written, a slide is traced anew every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from georetrieve.errors import SourceError
from georetrieve.protocols import Progress
from georetrieve.sources.cut import CutOptions
from georetrieve.sources.members import member_files
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.tracing import Trace, trace_specimens
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.schema import sql_literal
from georetrieve.types import Region

__all__ = ["CACHE_FOLDER", "traced_specimens"]

CACHE_FOLDER = Path("cache", "outlines")
LAYOUT = 1
"""To be raised when tracing changes, so that what was kept is not used."""


def traced_specimens(
    store: IndexStore, source: str, path: str, *, progress: Progress | None = None
) -> list[Trace]:
    """Outlines of the specimens on a slide, kept for the next time.

    Args:
        store: The index.
        source: Key of the source folder.
        path: Of the slide below it.
        progress: Told how far tracing is.

    Raises:
        SourceError: The slide is gone, or cannot be read.
    """
    root = next(Path(one.root) for one in store.manifest.sources if one.key == source)
    reading = ReadOptions.from_json(store.manifest.reading)
    cutting = CutOptions.from_json(store.manifest.cutting)
    try:
        files = member_files(root, path)
        kept = _place(store, (source, path), files, (reading.to_json(), cutting.to_json()))
        traces = _read(kept)
        if traces is None:
            with open_raster(files, reading) as raster:
                traces = trace_specimens(raster, cutting, progress=progress)
            _write(kept, traces)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).") from error
    return traces


def _place(
    store: IndexStore, key: tuple[str, str], files: Sequence[Path], options: tuple[Any, ...]
) -> Path:
    """Where the outlines of a slide are kept, as it is now: changed since, it has another place."""
    source, name = map(sql_literal, key)
    where = f"source = {source} AND path = {name}"
    content = store.scan(["content_hash"], where, limit=1).column("content_hash").to_pylist()
    now = [(status.st_size, status.st_mtime_ns) for status in (file.stat() for file in files)]
    said = [LAYOUT, content, now, options]
    slide, digest = (
        hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16] for values in (key, said)
    )
    return store.path / CACHE_FOLDER / f"{slide}-{digest}.safetensors"


def _read(path: Path) -> list[Trace] | None:
    """What was kept; None if there is nothing, or nothing whole."""
    with contextlib.suppress(OSError, SafetensorError, KeyError, ValueError, IndexError):
        kept = load_file(path)
        boxes, points, ends = kept["boxes"], kept["points"], kept["ends"]
        rings = np.split(points, ends[:-1])
        if np.isfinite(points).all() and points.shape[1:] == (2,) and len(points) == ends[-1]:
            return [
                Trace(Region(x, y, width, height), tuple(map(tuple, ring)))
                for (x, y, width, height), ring in zip(
                    boxes.tolist(), (ring.tolist() for ring in rings), strict=True
                )
            ]
    return None


def _write(path: Path, traces: Sequence[Trace]) -> None:
    """Keep for the next time, instead of what was kept of the slide before."""
    if not traces:
        return
    regions = [trace.region for trace in traces]
    values = {
        "boxes": np.array([(one.x, one.y, one.width, one.height) for one in regions], np.int64),
        "points": np.concatenate([np.array(trace.ring, np.float64) for trace in traces]),
        "ends": np.cumsum([len(trace.ring) for trace in traces]),
    }
    with contextlib.suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}-{uuid.uuid4().hex}.safetensors")
        save_file(values, temporary)
        temporary.replace(path)
        for old in path.parent.glob(f"{path.name.split('-')[0]}-*.safetensors"):
            if old != path:
                old.unlink(missing_ok=True)
