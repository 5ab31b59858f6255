"""Write what items were classified as into their index, beside the labels people gave."""

from __future__ import annotations

import itertools
from pathlib import Path

from georetrieve.errors import StoreError
from georetrieve.probes.classification.result import Classification
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.types import Scalar

__all__ = ["PREDICTED", "write_predictions"]

COMMIT = 100_000  # items
PREDICTED = (
    "predicted_label",
    "predicted_probability",
    "predicted_percentile",
    "predicted_far",
    "predicted_by",
)


def write_predictions(index: Path, classification: Classification) -> int:
    """Write classes into the ``predicted_…`` columns of items; a commit per 100,000.

    Labels are not touched. An item that was classified before gets the new class; one that has
    gone meanwhile is passed over. The columns survive indexing again, whatever labels and tables
    say then, until the file of an item changes and the item is made anew.

    Args:
        index: Folder of the index the items are in.
        classification: Of items of this index.

    Returns:
        How many classes there were.

    Raises:
        IndexLockedError: Somebody else is writing to it.
        StoreError: It cannot be written to, or it has columns of these names that were not written
            here.
    """
    with write_lock(index, "write predictions"):
        store = IndexStore.open(index)
        _refuse_foreign_columns(store)
        by = f"{classification.probe}; {classification.encoder}; {classification.index}"
        rows = classification.rows(voters=False)
        while some := list(itertools.islice(rows, COMMIT)):
            changes: dict[str, dict[str, Scalar]] = {}
            for row in some:
                values = (row["label"], row["probability"], row["percentile"], row["far"], by)
                changes[row["id"]] = dict(zip(PREDICTED, values, strict=True))
            store.update_items(changes)
    return len(classification)


def _refuse_foreign_columns(store: IndexStore) -> None:
    """A column of a user's own table may have one of these names; ours say who wrote them."""
    for name in PREDICTED:
        if name not in store.columns:
            continue
        signed = PREDICTED[-1] in store.columns
        foreign = f"`{name}` IS NOT NULL" + (f" AND `{PREDICTED[-1]}` IS NULL" if signed else "")
        if store.count(foreign):
            raise StoreError(
                f"Index {store.manifest.name!r} has a column {name!r} of your own, which is not "
                "written over; rename it in the table it comes from, or save the classes with "
                "--format csv."
            )
