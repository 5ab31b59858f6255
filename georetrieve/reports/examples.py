"""The examples of a record as rows of a contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from georetrieve.reports.sheet import SheetCell, SheetImage, SheetRow, place_text

__all__ = ["Thumbnails", "example_sheet_rows"]

Thumbnails: TypeAlias = Callable[[Sequence[str]], Mapping[str, SheetImage]]
"""Given item ids, returns their pictures; an id may be missing."""


def example_sheet_rows(
    examples: Sequence[Mapping[str, Any]], thumbnails: Thumbnails
) -> list[SheetRow]:
    """Rows of a sheet from a record's examples: the query with its P@N_R, then its hits."""
    ids = {example["id"] for example in examples}
    ids |= {hit["id"] for example in examples for hit in example["hits"]}
    found = thumbnails(sorted(ids))
    rows = []
    for example in examples:
        query = SheetCell(
            found.get(example["id"]),
            example["label"],
            place_text(example["id"]),
            remark=f"query, P@N_R {example['p_at_nr']:.2f}",
        )
        hits = [
            SheetCell(
                found.get(hit["id"]),
                hit["label"],
                place_text(hit["id"]),
                hit["score"],
                hit["correct"],
            )
            for hit in example["hits"]
        ]
        rows.append(SheetRow(query, hits))
    return rows
