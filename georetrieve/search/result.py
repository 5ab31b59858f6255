"""What was found."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from georetrieve.search.wording import Wording
from georetrieve.stores.schema import ITEMS
from georetrieve.types import Metric, Region, Scalar

__all__ = ["Cutoff", "Found", "QueryPicture", "SearchHit", "SearchResult"]


@dataclass(frozen=True, slots=True)
class QueryPicture:
    """What a part of a query looks like.

    Attributes:
        image: RGB image, or the WebP thumbnail of an item; None for words.
        title: File, id, or words.
        label: Of the item, when the part is one; else None.
        weight: Of the part.
    """

    image: Image.Image | bytes | None
    title: str
    label: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Cutoff:
    """What the hits of words had to reach; see :mod:`georetrieve.search.cutoff`.

    Attributes:
        quantile: Of words that fit nothing, a share of at most 1 - quantile reaches it anywhere.
        fit: What had to be surpassed, standard deviations.
        nearest: How many nearest items were judged.
        above: How many of them surpass it.
    """

    quantile: float
    fit: float
    nearest: int
    above: int

    def told(self, *, shown: bool) -> str:
        """A line for the user; ``shown``: those below are shown too."""
        reached = f"what words that fit nothing reach (quantile {self.quantile:g})"
        others = "" if shown or self.above == self.nearest else "; --all shows the others"
        if not self.above:
            return f"Nothing matches: no item scores above {reached}{others}."
        return f"{self.above} of the {self.nearest} nearest score above {reached}{others}."


@dataclass(frozen=True, slots=True)
class Found:
    """An item that a search came upon.

    Attributes:
        id: Of the item.
        score: As in :class:`SearchHit`.
        distance: Likewise.
        fit: Likewise.
    """

    id: str
    score: float
    distance: float
    fit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """One item that was found.

    Attributes:
        rank: 1 is the nearest.
        id: Of the item.
        score: Higher is better: minus the Euclidean distance, or the cosine.
        distance: Lower is better: Euclidean, or 1 - cosine.
        percentile: Per cent of the pairs of items of the index that are nearer to each other than
            this hit is to the query (from at most 1,000 items drawn at random, with a fixed seed);
            None when the index has fewer than two, and for words, whose distances are others.
        fit: How far it stands above what words that fit nothing score for it, standard deviations;
            None where nothing was compared with such words.
        kind: ``image``, ``tile``, ``specimen`` or ``slice``.
        path: Below the source folder.
        file: Absolute path of the file, where it was when it was indexed.
        region: In level-0 pixels; None for a whole image.
        um_per_px: Size of a level-0 pixel, micrometres; None when unknown.
        label: Class, None when unlabelled.
        group: Slide, well, specimen or volume; None when unknown.
        metadata: Further columns.
        thumbnail: Small WebP image; b"" when there is none.
    """

    rank: int
    id: str
    score: float
    distance: float
    percentile: float | None
    fit: float | None = None
    kind: str
    path: str
    file: Path
    region: Region | None = None
    um_per_px: float | None = None
    label: str | None = None
    group: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    thumbnail: bytes = field(default=b"", repr=False)

    @classmethod
    def from_row(
        cls,
        row: Mapping[str, Any],
        root: Path,
        *,
        rank: int,
        score: float,
        distance: float,
        percentile: float | None,
        fit: float | None = None,
    ) -> SearchHit:
        """A hit from its row of the items table and the root of its source folder."""
        region = None
        if row["width"] is not None:
            box = (row["x"], row["y"], row["width"], row["height"])
            region = Region(*box, row["slice_index"], row["axis"])
        return cls(
            rank=rank,
            id=row["id"],
            score=score,
            distance=distance,
            percentile=percentile,
            fit=fit,
            kind=row["kind"],
            path=row["path"],
            file=root if root.is_file() else root / row["path"],
            region=region,
            um_per_px=row["um_per_px"],
            label=row["label"],
            group=row["group"],
            metadata={name: value for name, value in row.items() if name not in ITEMS.names},
            thumbnail=row["thumbnail"],
        )

    def row(self) -> dict[str, Any]:
        """Plain values, the metadata among them; the thumbnail is left out.

        Metadata of a name that is taken here, say ``region``, stand under ``item_region``.
        """
        own = {
            "rank": self.rank,
            "id": self.id,
            "score": self.score,
            "distance": self.distance,
            "percentile": self.percentile,
            "fit": self.fit,
            "label": self.label,
            "group": self.group,
            "kind": self.kind,
            "path": self.path,
            "file": str(self.file),
            "region": None if self.region is None else str(self.region),
            "um_per_px": self.um_per_px,
        }
        return own | {
            f"item_{name}" if name in own else name: value for name, value in self.metadata.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The hits of one query, best first.

    Attributes:
        index: Folder of the index.
        query: What was looked for, as text.
        encoder: Whose vectors were compared.
        metric: How.
        hits: Best first; fewer than asked for when there are no more.
        remarks: What a user should know, one line each.
        engine: That searched: ``exact``, ``lance``, ``faiss:ivf`` ...
        recall_at_10: Share of the true ten neighbours the engine found of a sample of the items
            when its index was built; 1 for an exact one.
        texts: How the words of the query were put, in its order.
        cutoff: What hits of words had to reach; None where nothing was asked for by words alone.
    """

    index: Path
    query: str
    encoder: str
    metric: Metric
    hits: Sequence[SearchHit]
    remarks: Sequence[str] = ()
    engine: str = "exact"
    recall_at_10: float = 1.0
    texts: Sequence[Wording] = ()
    cutoff: Cutoff | None = None

    def rows(self) -> list[dict[str, Any]]:
        """The hits as plain values."""
        return [hit.row() for hit in self.hits]

    def labels(self) -> dict[str, int]:
        """How many hits carry each label, the most frequent first; "" for those without one."""
        return dict(Counter(hit.label or "" for hit in self.hits).most_common())

    def to_json(self) -> str:
        """Everything but the thumbnails."""
        values = {
            "index": str(self.index),
            "query": self.query,
            "encoder": self.encoder,
            "metric": self.metric,
            "engine": self.engine,
            "recall_at_10": self.recall_at_10,
            "remarks": list(self.remarks),
            "texts": [asdict(text) for text in self.texts],
            "cutoff": None if self.cutoff is None else asdict(self.cutoff),
            "hits": self.rows(),
        }
        return json.dumps(values, indent=2, ensure_ascii=False)

    def to_csv(self) -> str:
        """The hits, one a line, with a header."""
        rows = self.rows()
        names = list(dict.fromkeys(name for row in rows for name in row)) or ["rank", "id", "score"]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
