"""How much of the bare encoder's rate the embedding service reaches, and what each stage costs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.benchmarks.indexing_speed import write_jpegs
from georetrieve.benchmarks.seeded import write_seeded_checkpoint
from georetrieve.embedding import EmbeddingService
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SourceError
from georetrieve.protocols import ImageEncoder
from georetrieve.sources.folder import walk
from georetrieve.sources.memory import read_bytes
from georetrieve.sources.thumbnails import thumbnail
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest, SourceRoot
from georetrieve.types import EncoderSpec, FileRecord, FloatArray, Item

__all__ = ["SEEDED_ARCH", "run_throughput", "write_index"]

SEEDED_ARCH = "vit_small_patch16_224"
STAGED = 64  # images of which each stage is timed


def run_throughput(
    source: Path | None = None,
    *,
    encoder: str | None = None,
    count: int = 256,
    rounds: int = 4,
    max_batch: int = 32,
    prepare_threads: int = 0,
    runtime: Runtime | None = None,
) -> dict[str, Any]:
    """Embed image files with the service, and compare with the encoder alone.

    The two take turns: in every round the encoder first runs alone, on images that are prepared and
    in memory, then the service embeds as many files, each read, hashed, decoded, resized and
    encoded. So a machine that changes its speed meanwhile does not favour either. The service has
    its defaults, its cache is on and finds nothing.

    Args:
        source: Folder of images; None: ``count`` synthetic JPEGs of 512×512.
        encoder: Its name; None: a ViT-S/16 with random weights, which is as fast as a trained one.
        count: Number of images, over all rounds.
        rounds: Turns.
        max_batch: Images encoded at once, by either.
        prepare_threads: Of the service; 0: one a processor.
        runtime: How the encoder runs.

    Returns:
        Rates in images a second, their ratio over all rounds and in the worst, the ratio
        of the processor time they take (which others on the machine hardly change), the largest
        difference of a vector from the encoder's own, and the milliseconds an image takes in each
        stage: on one thread, but the forward pass, which has all of them.

    Raises:
        SourceError: The folder holds no image.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = source or Path(scratch) / "images"
        if source is None:
            write_jpegs(folder, count)
        files = [file.files[0] for file in walk(folder).files if len(file.files) == 1][:count]
        if not files:
            raise SourceError(f"{folder} holds no image; name a folder of images.")
        name = encoder or f"{SEEDED_ARCH}@{write_seeded_checkpoint(Path(scratch), SEEDED_ARCH)}"
        model = load_encoder(name, runtime=runtime)
        prepared, stages = _stages(files, model, Path(scratch) / "index")
        seconds = _take_turns(files, model, prepared, rounds, max_batch, prepare_threads)
    bare, served = (np.asarray(one) for one in (seconds["bare"], seconds["service"]))
    return {
        "encoder": model.spec.name,
        "images": seconds["images"],
        "processors": os.cpu_count(),
        "bare_images_per_second": seconds["images"] / bare.sum(),
        "service_images_per_second": seconds["images"] / served.sum(),
        "ratio": bare.sum() / served.sum(),
        "worst_round": float((bare / served).min()),
        "processor_ratio": seconds["processor_ratio"],
        "mean_batch": seconds["mean_batch"],
        "encoder_share": seconds["encoder_share"],
        "largest_difference": seconds["largest_difference"],
        **stages,
        "forward_ms": 1000 * bare.sum() / seconds["images"],
    }


def _take_turns(
    files: Sequence[Path],
    model: ImageEncoder,
    prepared: Sequence[npt.NDArray[Any]],
    rounds: int,
    max_batch: int,
    prepare_threads: int,
) -> dict[str, Any]:
    bare, served, difference = [], [], 0.0
    bare_work, served_work = [], []
    expected = model.encode_prepared(prepared[:max_batch])  # warms it up, too
    step = -(-len(files) // rounds)
    parts = [files[start : start + step] for start in range(0, len(files), step)]
    with EmbeddingService(model, max_batch=max_batch, prepare_threads=prepare_threads) as service:
        for number, part in enumerate(parts):
            start, work = time.perf_counter(), time.process_time()
            for first in range(0, len(part), max_batch):
                size = min(max_batch, len(part) - first)
                model.encode_prepared([prepared[place % len(prepared)] for place in range(size)])
            middle, middle_work = time.perf_counter(), time.process_time()
            vectors = service.embed(path.read_bytes() for path in part)
            bare.append(middle - start)
            served.append(time.perf_counter() - middle)
            bare_work.append(middle_work - work)
            served_work.append(time.process_time() - middle_work)
            if number == 0:
                same = min(len(expected), len(vectors))
                difference = float(np.abs(vectors[:same] - expected[:same]).max())
        stats = service.stats()
    return {
        "images": len(files),
        "bare": bare,
        "service": served,
        "processor_ratio": sum(bare_work) / sum(served_work),
        "mean_batch": stats.mean_batch,
        "encoder_share": stats.encoder_share,
        "largest_difference": difference,
    }


def _stages(
    files: Sequence[Path], model: ImageEncoder, index: Path
) -> tuple[list[npt.NDArray[Any]], dict[str, float]]:
    """Take some images through every stage alone; return them prepared, and milliseconds each."""
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[Any], Any], inputs: Sequence[Any]) -> list[Any]:
        start = time.perf_counter()
        made = [work(one) for one in inputs]
        spent[name] = 1000 * (time.perf_counter() - start) / len(inputs)
        return made

    some = files[:STAGED]
    data = timed("read_ms", Path.read_bytes, some)
    images = timed("decode_ms", read_bytes, data)
    prepared = timed("resize_ms", model.prepare, images)
    thumbnails = timed("thumbnail_ms", thumbnail, images)
    items = [
        Item(path=path.name, kind="image", thumbnail=small)
        for path, small in zip(some, thumbnails, strict=True)
    ]
    vectors = np.ones((len(items), model.spec.dim), np.float32)
    timed("write_ms", lambda some: write_index(index, model.spec, some, vectors), [items])
    spent["write_ms"] /= len(items)
    return prepared, spent


def write_index(path: Path, spec: EncoderSpec, items: Sequence[Item], vectors: FloatArray) -> None:
    """Commit items with their (N, D) vectors, and the ledger's rows, to a new index."""
    source = SourceRoot(key="", root=str(path.parent))
    manifest = Manifest(name=path.name, sources=(source,), encoders=(spec,))
    store = IndexStore.create(path, manifest)
    store.add_items(items, {spec.column: vectors})
    store.write_files([FileRecord(path=item.path, items=1) for item in items])
