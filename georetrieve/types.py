"""The data that flows through georetrieve: regions, items, encoder specs, hits.

Letters used everywhere: N items, Q queries, k neighbours, D vector width, C classes, S patches a
side. "Gallery" is what is indexed; a "query" is what is looked up in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from georetrieve.errors import SourceError, StoreError

__all__ = [
    "Axis",
    "EncoderSpec",
    "FileRecord",
    "FloatArray",
    "Hits",
    "IntArray",
    "Item",
    "ItemKind",
    "Metric",
    "Region",
    "Scalar",
    "item_id",
]

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
Scalar: TypeAlias = str | int | float | bool | None
ItemKind: TypeAlias = Literal["image", "tile", "specimen", "slice"]
Metric: TypeAlias = Literal["euclidean", "cosine"]
Axis: TypeAlias = Literal["z", "y", "x"]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in level-0 (full resolution) pixels, origin top left; in a volume also a slice.

    Attributes:
        x: Left edge, pixels, ≥ 0.
        y: Top edge, pixels, ≥ 0.
        width: Width, pixels, ≥ 1.
        height: Height, pixels, ≥ 1.
        index: Position of the slice along ``axis``; None outside volumes.
        axis: The volume axis the slice is perpendicular to; None outside volumes.
    """

    x: int
    y: int
    width: int
    height: int
    index: int | None = None
    axis: Axis | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise SourceError(
                f"Region {self} is empty: width and height are counted in pixels and start at 1."
            )
        if self.x < 0 or self.y < 0:
            raise SourceError(f"Region {self} starts outside the image: x and y start at 0.")
        if (self.index is None) != (self.axis is None):
            raise SourceError(f"Region {self} must name both the slice and its axis, or neither.")

    def __str__(self) -> str:
        """``x,y,width,height``, in volumes after ``z=12,``: the end of an item's id."""
        box = f"{self.x},{self.y},{self.width},{self.height}"
        return box if self.axis is None else f"{self.axis}={self.index},{box}"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), as Pillow wants it."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read what ``str(region)`` writes.

        Raises:
            SourceError: The text is no region.
        """
        match = re.fullmatch(r"(?:([zyx])=(\d+),)?(\d+),(\d+),(\d+),(\d+)", text.replace(" ", ""))
        if match is None:
            raise SourceError(
                f"Region {text!r} is not of the form x,y,width,height (whole pixels of the full "
                "resolution; in a volume z=INDEX,x,y,width,height)."
            )
        axis, index, *box = match.groups()
        x, y, width, height = (int(part) for part in box)
        return cls(x, y, width, height, None if index is None else int(index), axis)  # type: ignore[arg-type]


def item_id(path: str, region: Region | None, *, source: str = "") -> str:
    """The stable id of an item: its path below the source root, ``#`` and the region.

    A whole image has no region part. Items of the second and further source folders of an index
    carry the folder's key in front (``key:path``).
    """
    stem = f"{source}:{path}" if source else path
    return stem if region is None else f"{stem}#{region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that can be found: an image, a tile, a specimen or a slice.

    Attributes:
        path: POSIX path below the source root; of a volume in numbered slices ``core_*.tif``.
        kind: What the item is.
        region: Where it lies, in level-0 pixels; None for a whole image.
        source: Key of the source folder in the manifest; "" for the first.
        um_per_px: Size of a level-0 pixel in micrometres; None when unknown.
        group: Slide, well, specimen or volume: the unit of splits and exclusion; None if unknown.
        label: Class name, None when unlabelled.
        metadata: Further columns (the user's, and measured ones such as ``area_um2``).
        content_hash: Digest of the file the item was cut from.
        thumbnail: Small WebP image.
    """

    path: str
    kind: ItemKind
    region: Region | None = None
    source: str = ""
    um_per_px: float | None = None
    group: str | None = None
    label: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    content_hash: str = ""
    thumbnail: bytes = b""

    @property
    def id(self) -> str:
        """Stable id; see :func:`item_id`."""
        return item_id(self.path, self.region, source=self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One row of the ledger: what became of a file (or of a folder of slices that is one volume).

    Attributes:
        path: POSIX path below the source root.
        source: Key of the source folder in the manifest.
        size: Bytes, companions included.
        mtime_ns: Newest modification time, nanoseconds.
        content_hash: Digest of the content, "" when it could not be read.
        status: ``done`` (its items are in the index), ``failed`` (see ``reason``), ``skipped``
            (readable, but nothing to index: an empty slide, a companion file).
        reason: One line a user understands; "" when done without remark.
        items: Number of items in the index.
        attempts: How often the outcome was recorded.
        kind: ``image``, ``slide`` or ``volume``; "" when it could not be opened.
        um_per_px: Scale found or given; None when unknown.
    """

    path: str
    source: str = ""
    size: int = 0
    mtime_ns: int = 0
    content_hash: str = ""
    status: Literal["done", "failed", "skipped"] = "done"
    reason: str = ""
    items: int = 0
    attempts: int = 1
    kind: str = ""
    um_per_px: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(source, path): unique in an index."""
        return self.source, self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """What must agree for two vectors to be comparable.

    Attributes:
        name: What the user typed or the catalogue's name; names the vector column.
        family: The module that loads it: ``bundled``, ``timm``, ...
        weights: Where the weights come from (package data, file name, hub address).
        sha256: Digest of the weights.
        arch: Architecture the weights belong to, "" where the family has only one.
        revision: Pinned revision of the weights, or the part of a checkpoint that is used; "" where
            there is none.
        transform: What is done to an image before it is encoded, as JSON-able values.
        features: What is taken from the network where that is not its default, as JSON-able values.
        dim: Vector width D.
        patch_size: Pixels of the transformed image a patch spans; None without patches.
        normalised: Whether vectors leave the encoder with length 1.
        metric: The distance the encoder's authors compare vectors with.
        adapted: The bundled encoder's codebook was fitted, without labels, to this collection.
    """

    name: str
    family: str
    weights: str
    sha256: str
    dim: int
    transform: Mapping[str, Any]
    features: Mapping[str, Any] = field(default_factory=dict)
    arch: str = ""
    revision: str = ""
    patch_size: int | None = None
    normalised: bool = False
    metric: Metric = "euclidean"
    adapted: bool = False

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that changes vectors (so not over where the weights lie)."""
        facts = asdict(self)
        for cosmetic in ("name", "weights", "metric"):
            del facts[cosmetic]
        if not facts["features"]:  # as in indexes that were made before there were any
            del facts["features"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def column(self) -> str:
        """Name of the vector column in an index: letters, digits and underscores only."""
        return "vector_" + re.sub(r"[^0-9a-z]+", "_", self.name.lower()).strip("_")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EncoderSpec:
        """Inverse of :meth:`to_json`."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Hits:
    """The k nearest gallery items of each query, best first.

    Attributes:
        ids: (Q, k) item ids, dtype object; "" where fewer than k items could be found.
        scores: (Q, k) float32, higher is better: cosine similarity, or minus the Euclidean
            distance; -inf where the id is "".
        metric: Which of the two.
    """

    ids: npt.NDArray[np.object_]
    scores: FloatArray
    metric: Metric

    def __post_init__(self) -> None:
        if self.ids.ndim != 2 or self.ids.shape != self.scores.shape:
            raise StoreError(
                f"Hits need ids and scores of one (Q, k) shape; got {self.ids.shape} and "
                f"{self.scores.shape}."
            )
        if np.isnan(self.scores).any():
            raise StoreError("Hits hold NaN scores: the gallery or the query has a NaN vector.")
        if (self.scores[:, 1:] > self.scores[:, :-1]).any():
            raise StoreError("Hits must come best first (scores never rising along k).")
        if ((self.ids == "") != np.isneginf(self.scores)).any():
            raise StoreError("Hits without an item must score -inf, and only those.")

    @property
    def distances(self) -> FloatArray:
        """(Q, k) distances, lower is better: Euclidean, or 1 - cosine."""
        return -self.scores if self.metric == "euclidean" else 1.0 - self.scores
