"""What items were classified as."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from georetrieve.probes.items import write_items
from georetrieve.types import FloatArray, IntArray, Metric

__all__ = ["COLUMNS", "Classification", "ClassifiedItems"]

COLUMNS = (
    "id",
    "label",
    "probability",
    "runner_up",
    "runner_up_probability",
    "nearest",
    "distance",
    "percentile",
    "far",
    "voters",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedItems:
    """Some items and their classes, column by column: 200,000 of them take some 100 MB.

    Attributes:
        ids: Q ids.
        classes: (Q,) the class of the largest share, the first of several; a position in the names
            of a :class:`Classification`.
        probabilities: (Q,) its share, 0..1.
        runners_up: (Q,) the class of the next largest share; -1 where all others are 0.
        runner_up_probabilities: (Q,) its share.
        nearest: (Q,) the nearest labelled item; a position in ``labelled_ids``.
        distances: (Q,) to it: Euclidean, or 1 - cosine.
        percentiles: (Q,) per cent of the labelled items that are nearer to a labelled item of
            another group than this one is to any; NaN when that is unknown.
        voters: (Q, V) the first of those that voted, as ``nearest``; -1 for none.
        voter_scores: (Q, V) higher is better.
        voter_weights: (Q, V) what their word weighs; of all voters 1 in sum.
    """

    ids: list[str]
    classes: IntArray
    probabilities: npt.NDArray[np.float64]
    runners_up: IntArray
    runner_up_probabilities: npt.NDArray[np.float64]
    nearest: IntArray
    distances: FloatArray
    percentiles: npt.NDArray[np.float64]
    voters: IntArray
    voter_scores: FloatArray
    voter_weights: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The classes of all items that were asked for.

    Attributes:
        index: Whose labelled items were asked.
        queries: What was classified, as it was asked for.
        encoder: Whose vectors were compared.
        probe: What classified them, with its settings.
        metric: Of distances and scores.
        names: C class names, sorted.
        labelled_ids: N ids of the labelled items.
        labelled_classes: (N,) positions in ``names``.
        far_percentile: Above it an item is far from anything labelled.
        items: Those classified.
        remarks: What a user should know, one line each.
        failed: (path, reason) of what could not be read.
    """

    index: str
    queries: str
    encoder: str
    probe: str
    metric: Metric
    names: tuple[str, ...]
    labelled_ids: Sequence[str]
    labelled_classes: IntArray
    far_percentile: float
    items: ClassifiedItems
    remarks: Sequence[str] = ()
    failed: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def far(self) -> npt.NDArray[np.bool_]:
        """(Q,) whether an item is far from anything labelled; False where that is unknown."""
        return self.items.percentiles > self.far_percentile

    def counts(self) -> dict[str, int]:
        """Items by class, the most frequent first."""
        numbers = Counter(self.items.classes.tolist())
        return {self.names[one]: count for one, count in numbers.most_common()}

    def rows(self, *, voters: bool = True) -> Iterator[dict[str, Any]]:
        """One item after the other as plain values, with or without its voters.

        ``id``, ``label``, ``probability``, ``runner_up`` and ``runner_up_probability`` (None and 0
        where all votes agree), ``nearest`` (id of the nearest labelled item), ``distance`` to it,
        ``percentile`` and ``far`` (None when unknown), and ``voters``: ``id``, ``label``, ``score``
        and ``weight`` of each.
        """
        items = self.items
        columns = (
            items.classes.tolist(),
            items.probabilities.tolist(),
            items.runners_up.tolist(),
            items.runner_up_probabilities.tolist(),
            items.nearest.tolist(),
            items.distances.tolist(),
            items.percentiles.tolist(),
            self.far.tolist(),
        )
        for row, (one, *values) in enumerate(zip(items.ids, *columns, strict=True)):
            called, share, second, second_share, nearest, distance, percentile, far = values
            known = not math.isnan(percentile)
            yield {
                "id": one,
                "label": self.names[called],
                "probability": share,
                "runner_up": None if second < 0 else self.names[second],
                "runner_up_probability": second_share,
                "nearest": None if nearest < 0 else self.labelled_ids[nearest],
                "distance": distance if math.isfinite(distance) else None,
                "percentile": percentile if known else None,
                "far": far if known else None,
                "voters": self._voters(row) if voters else [],
            }

    def write_json(self, stream: TextIO) -> None:
        """Write everything, an item a line, so that nothing of all items is held twice."""
        head = {
            "index": self.index,
            "queries": self.queries,
            "encoder": self.encoder,
            "probe": self.probe,
            "metric": self.metric,
            "far_percentile": self.far_percentile,
            "remarks": list(self.remarks),
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
            "counts": self.counts(),
            "far": int(self.far.sum()),
        }
        write_items(stream, head, self.rows())

    def write_csv(self, stream: TextIO) -> None:
        """Write the items, one a line, with a header; ``voters`` is JSON in a cell."""
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in self.rows():
            voters = json.dumps(row["voters"], ensure_ascii=False)
            writer.writerow({**row, "voters": voters})

    def _voters(self, row: int) -> list[dict[str, Any]]:
        items = self.items
        columns = items.voters[row], items.voter_scores[row], items.voter_weights[row]
        return [
            {
                "id": self.labelled_ids[place],
                "label": self.names[self.labelled_classes[place]],
                "score": score,
                "weight": weight,
            }
            for place, score, weight in zip(*(column.tolist() for column in columns), strict=True)
            if place >= 0
        ]
