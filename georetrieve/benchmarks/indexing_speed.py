"""How much of the bare encoder's rate a whole indexing run reaches, and what a second run costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SourceError
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.protocols import ImageEncoder
from georetrieve.sources.folder import content_hash, walk
from georetrieve.sources.opening import open_raster
from georetrieve.sources.thumbnails import thumbnail
from georetrieve.types import Region

__all__ = ["run_indexing_speed", "run_unchanged_speed", "write_jpegs"]

BARE_SHARE = 4


def write_jpegs(folder: Path, count: int, *, side: int = 512, seed: int = 0) -> None:
    """Write JPEGs as costly to decode as micrographs are: coarse blobs under a fine grain."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(60, 250, (12, 12, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = rng.normal(0, 6, (side, side, 1)).astype(np.int16)
        pixels = np.clip(smooth + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05}.jpg", quality=90)


def run_indexing_speed(
    source: Path | None = None,
    *,
    encoder: str = "bundled",
    count: int = 300,
    batch_size: int = 32,
    runtime: Runtime | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """Index a folder into a temporary index and compare with the encoder alone.

    The bare rate is measured twice, before and after the run, on images that are already prepared
    and in memory, with the same encoder, batch size, device and threads; the mean counts, so that a
    machine that changes its speed meanwhile does not favour either.

    Args:
        source: Folder of images; None: ``count`` synthetic JPEGs of 512×512.
        encoder: Its name.
        count: Number of synthetic images.
        batch_size: Images encoded at once.
        runtime: How the encoder runs.
        workers: Reading threads; 0: one a processor.

    Returns:
        Rates in images a second, their ratio, and the milliseconds an image takes in each stage on
        one thread.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = source or Path(scratch) / "images"
        if source is None:
            write_jpegs(folder, count)
        model = load_encoder(encoder, runtime=runtime)
        prepared, stages = _stages(folder, model)
        before = _bare_rate(model, prepared, batch_size)
        options = IndexOptions(
            encoder=encoder,
            adapt=False,
            batch_size=batch_size,
            runtime=runtime or Runtime(),
            workers=workers,
        )
        report = index_folder(folder, Path(scratch) / "index", options)
        after = _bare_rate(model, prepared, batch_size)
    bare = (before + after) / 2
    rate = report.encoded / report.encode_seconds
    return {
        "encoder": encoder,
        "items": report.items,
        "processors": os.cpu_count(),
        "bare_images_per_second": bare,
        "indexing_images_per_second": rate,
        "ratio": rate / bare,
        **stages,
    }


def run_unchanged_speed(count: int = 10_000, *, encoder: str = "bundled") -> dict[str, Any]:
    """Index many small files, then run the command again over the unchanged folder.

    Returns:
        Seconds of the second run as a whole process, start-up included, of the walk and comparison
        inside it, how many files it found unchanged, and how many vectors it computed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, index = Path(scratch) / "images", Path(scratch) / "index"
        write_jpegs(folder, count, side=32)
        index_folder(folder, index, IndexOptions(encoder=encoder, adapt=False))
        command = [sys.executable, "-m", "georetrieve", "index", str(folder), "--index", str(index)]
        started = time.perf_counter()
        made = subprocess.run(
            [*command, "--format", "json"], capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - started
    report = json.loads(made.stdout)
    return {
        "files": count,
        "command_seconds": seconds,
        "run_seconds": report["seconds"],
        "unchanged": report["unchanged"],
        "encoded": report["encoded"],
    }


def _stages(folder: Path, model: ImageEncoder) -> tuple[list[npt.NDArray[Any]], dict[str, float]]:
    """Prepare some images, timing each stage of one image on one thread."""
    prepared: list[npt.NDArray[Any]] = []
    spent = dict.fromkeys(("read_and_hash_ms", "decode_ms", "prepare_ms", "thumbnail_ms"), 0.0)
    files = walk(folder).files[:128]
    if not files:
        raise SourceError(f"{folder} holds no image; name a folder of images.")
    for file in files:
        marks = [time.perf_counter()]
        content_hash(file)
        marks.append(time.perf_counter())
        with open_raster(file.files) as raster:
            image = raster.read(Region(0, 0, *raster.size))
        marks.append(time.perf_counter())
        prepared.append(model.prepare(image))
        marks.append(time.perf_counter())
        thumbnail(image)
        marks.append(time.perf_counter())
        for name, start, end in zip(spent, marks, marks[1:], strict=False):
            spent[name] += end - start
    return prepared, {name: 1000 * total / len(files) for name, total in spent.items()}


def _bare_rate(model: ImageEncoder, prepared: list[npt.NDArray[Any]], batch_size: int) -> float:
    """Images a second of the encoder alone, warm."""
    model.encode_prepared(prepared[:batch_size])
    rounds = max(1, BARE_SHARE * batch_size // len(prepared))
    start = time.perf_counter()
    for _ in range(rounds):
        for first in range(0, len(prepared), batch_size):
            model.encode_prepared(prepared[first : first + batch_size])
    return rounds * len(prepared) / (time.perf_counter() - start)
