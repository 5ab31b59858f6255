"""Why two images are neighbours, with all that is needed to draw or list it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, StoreError
from georetrieve.indexing.annotate import region_of
from georetrieve.probes.correspondence import Correspondences, correspond
from georetrieve.protocols import ImageEncoder, PatchEncoder, Progress
from georetrieve.search import Index, Query
from georetrieve.search.asked import read_files, read_query
from georetrieve.search.query import QueryImage, QueryItem, QueryPart
from georetrieve.sources.members import member_files
from georetrieve.sources.options import ReadOptions
from georetrieve.types import EncoderSpec, Metric

__all__ = [
    "Explanation",
    "explain",
    "explain_hit",
    "explain_in_index",
    "explain_query",
    "original_pixels",
    "seen_box",
]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What of one image is what of another.

    Attributes:
        encoder: Whose patches were compared.
        score: Of the two whole images, higher is better, as a search gives it.
        metric: Of the score.
        query_seen: (side, side, 3) bytes of the query as the encoder sees it.
        hit_seen: The same of the hit.
        query_box: (left, top, width, height) of what is seen, in the query image's own pixels.
        hit_box: The same of the hit.
        found: Patches that belong together.
    """

    encoder: str
    score: float
    metric: Metric
    query_seen: npt.NDArray[np.uint8]
    hit_seen: npt.NDArray[np.uint8]
    query_box: tuple[float, float, float, float]
    hit_box: tuple[float, float, float, float]
    found: Correspondences

    def rows(self) -> list[dict[str, Any]]:
        """The pairs as plain values; places are centres of patches in the images' own pixels."""
        return [
            {
                "pair": number,
                "similarity": pair.similarity,
                "distinctiveness": pair.distinctiveness,
                **_pixel("query", pair.query, self.found.query_likeness.shape, self.query_box),
                **_pixel("hit", pair.hit, self.found.hit_likeness.shape, self.hit_box),
            }
            for number, pair in enumerate(self.found.pairs, start=1)
        ]


def explain(
    encoder: ImageEncoder, query: Image.Image, hit: Image.Image, *, pairs: int = 12
) -> Explanation:
    """Compare two RGB images patch by patch.

    Args:
        encoder: One with patches.
        query: What was asked with.
        hit: What was found.
        pairs: Most pairs returned.

    Raises:
        EncoderError: The encoder has no patches.
    """
    if not isinstance(encoder, PatchEncoder):
        raise EncoderError(
            f"{encoder.spec.name} has no patches, so it cannot say what belongs together; take one "
            "with patches, such as bundled or a vision transformer."
        )
    grids = encoder.encode_patches([query, hit])
    vectors = encoder.encode_images([query, hit]).astype(np.float64)
    if encoder.spec.metric == "cosine":
        score = float(vectors[0] @ vectors[1] / np.prod(np.linalg.norm(vectors, axis=1)))
    else:
        score = -float(np.linalg.norm(vectors[0] - vectors[1]))
    return Explanation(
        encoder=encoder.spec.name,
        score=score,
        metric=encoder.spec.metric,
        query_seen=encoder.prepare(query),
        hit_seen=encoder.prepare(hit),
        query_box=seen_box(encoder.spec, query.size),
        hit_box=seen_box(encoder.spec, hit.size),
        found=correspond(grids[0], grids[1], pairs=pairs),
    )


def explain_query(
    query: str,
    hit: str,
    encoder: str = "bundled",
    *,
    pairs: int = 12,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Compare two image files, or regions of them written ``FILE#x,y,width,height``.

    Raises:
        StoreError: A word is neither.
        SourceError: A file cannot be read.
        EncoderError: The encoder cannot be loaded, or has no patches.
    """
    parts = [Query.parse([word], is_item=lambda _: False).parts[0] for word in (query, hit)]
    pixels = [read_query(part, ReadOptions()) for part in parts if isinstance(part, QueryImage)]
    loaded = load_encoder(encoder, runtime=runtime, progress=progress)
    return explain(loaded, pixels[0], pixels[1], pairs=pairs)


def explain_in_index(
    index: str | Path,
    query: str,
    hit: str,
    encoder: str | None = None,
    *,
    pairs: int = 12,
    runtime: Runtime | None = None,
) -> Explanation:
    """Compare two images, regions or items, with an encoder of an index.

    Raises:
        StoreError: A word is none of these, or the index has no such encoder.
        SourceError: A file cannot be read.
        EncoderError: The encoder cannot be loaded, or has no patches.
    """
    with Index.open(index, runtime=runtime) as opened:
        pixels = [original_pixels(opened, opened.parse([word])) for word in (query, hit)]
        return explain(opened.encoder(encoder), pixels[0], pixels[1], pairs=pairs)


def explain_hit(
    index: Index, part: QueryPart, hit: str, encoder: str | None = None, *, pairs: int = 12
) -> Explanation:
    """Compare a part of a query, an image, a region or an item, with an item that was found.

    Raises:
        StoreError: The part is words or a vector, or the index has no such item or encoder.
        SourceError: A file is not where it was indexed, or cannot be read.
        EncoderError: The encoder cannot be loaded, or has no patches.
    """
    asked = original_pixels(index, Query((part,)))
    found = original_pixels(index, Query.item(hit))
    return explain(index.encoder(encoder), asked, found, pairs=pairs)


def seen_box(spec: EncoderSpec, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """(left, top, width, height) of the part of an image an encoder sees, in its own pixels.

    Args:
        spec: Of the encoder; its transform squashes or crops.
        size: (width, height) of the image.
    """
    transform: Mapping[str, Any] = spec.transform
    kind = transform.get("kind")
    width, height = (float(side) for side in size)
    if kind == "squash-crop":
        kept = transform["crop"] / transform["squash"]
        seen = (width * kept, height * kept)
    elif kind == "resize-crop":
        side = transform["crop"] / transform["resize"] * min(width, height)
        seen = (min(side, width), min(side, height))
    else:
        seen = (width, height)
    return (width - seen[0]) / 2, (height - seen[1]) / 2, *seen


def original_pixels(index: Index, query: Query) -> Image.Image:
    """The pixels of a query that is one image, region or item, read from its file.

    Raises:
        StoreError: It is something else, or there is no such item.
        SourceError: The file is not where it was indexed, or cannot be read.
    """
    part = query.parts[0]
    reading = ReadOptions.from_json(index.manifest.reading)
    if len(query.parts) == 1 and isinstance(part, QueryImage):
        return read_query(part, reading)
    if len(query.parts) == 1 and isinstance(part, QueryItem):
        row = index.store.take([part.id]).to_pylist()[0]
        roots = {source.key: Path(source.root) for source in index.manifest.sources}
        files = member_files(roots[row["source"]], row["path"])
        return read_files(files, region_of(row), reading)
    raise StoreError(f"{query} is not one image or item; explain compares one with one.")


def _pixel(
    name: str,
    place: tuple[int, int],
    grid: tuple[int, ...],
    box: tuple[float, float, float, float],
) -> dict[str, float]:
    left, top, width, height = box
    return {
        f"{name}_x": round(left + (place[1] + 0.5) / grid[1] * width, 1),
        f"{name}_y": round(top + (place[0] + 0.5) / grid[0] * height, 1),
    }
