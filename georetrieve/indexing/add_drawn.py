"""Areas that somebody drew on a file of an index become items of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from georetrieve.encoders.registry import load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.indexing.drawn_cuts import drawn_cuts
from georetrieve.indexing.drawn_plan import DrawnPlan, labels_on, plan_drawn
from georetrieve.indexing.effort import runtime_for
from georetrieve.indexing.indexed_file import open_indexed
from georetrieve.indexing.ingest import Ingest
from georetrieve.indexing.options import IndexOptions, Silent
from georetrieve.indexing.pipeline import Preparer
from georetrieve.indexing.plans import Plan
from georetrieve.protocols import Progress
from georetrieve.sources.annotations import Annotation
from georetrieve.sources.cut import CutOptions
from georetrieve.sources.labels import Annotator
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.items import Key
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.types import Axis

__all__ = ["AddedItems", "add_drawn"]


@dataclass(frozen=True, slots=True)
class AddedItems:
    """What was added.

    Attributes:
        ids: Of the new items.
        labels: Class by id of item, to be given as a label: of the new ones, and of those that were
            items before but do not have this label.
        passed_over: Reason → number of areas that became no item.
    """

    ids: tuple[str, ...]
    labels: Mapping[str, str]
    passed_over: Mapping[str, int] = field(default_factory=dict)


def add_drawn(
    index: Path,
    key: Key,
    areas: Sequence[Annotation],
    *,
    at: tuple[Axis, int] | None = None,
    progress: Progress | None = None,
) -> AddedItems:
    """Make items of areas that somebody drew on a file of an index.

    Each is cut as a specimen of its bounding box is, encoded by every encoder of the index, and
    stays as long as its file does: the outlines are kept beside the tables, so that the file is cut
    along them too whenever it is read again. What is an item already is left as it is. A run that
    was interrupted is completed by doing it again, or by indexing the folder.

    Args:
        index: Folder of the index.
        key: Source and path of the file.
        areas: Of any shape, with their classes.
        at: Axis and number of the slice they were drawn on, where the file is a volume.
        progress: Told how far it is.

    Returns:
        The new items, and the labels they should have, which are not given here.

    Raises:
        IndexLockedError: Somebody else is writing to the index.
        SourceError: The file is gone, has changed since it was indexed, or cannot be read; or it is
            a volume and no slice is named.
        EncoderError: The weights of an encoder of the index cannot be used.
        StoreError: The index has no encoder yet, or cannot be written.
    """
    with write_lock(index, f"add items drawn on {key[1]}"):
        store = IndexStore.open(index)
        plan = plan_drawn(store, key, areas, at=at)
        if plan.new:
            _cut_and_encode(store, key, plan, progress or Silent())
        there = labels_on(store, key)
    passed = Counter(plan.passed_over)
    lost = plan.new.keys() - there.keys()
    if lost:
        passed["not read or not encoded"] += len(lost)
    return AddedItems(
        tuple(one for one in plan.new if one in there),
        {one: label for one, label in plan.labels.items() if one in there},
        passed,
    )


def _cut_and_encode(store: IndexStore, key: Key, plan: DrawnPlan, progress: Progress) -> None:
    """As indexing does; the outlines are kept first, so that whoever goes on knows of them."""
    outlines = list(plan.new.values())
    preparer = _preparer(store, key, plan)
    DrawnOutlines(store.path).add(key, outlines)
    before = store.files()[key]
    ingest = Ingest(store, preparer, IndexOptions(), progress)
    ingest.run([plan.file], workers=os.cpu_count() or 1)
    after = store.files()[key]
    if before.reason and not after.reason and after.status == before.status:
        # What was said of the items that were cut before still holds.
        store.write_files([replace(after, reason=before.reason)])
    store.compact()


def _preparer(store: IndexStore, key: Key, plan: DrawnPlan) -> Preparer:
    """Of the new items only.

    Raises:
        StoreError: The index has no encoder.
    """
    manifest, outlines = store.manifest, list(plan.new.values())
    manifest.encoder()
    reading = ReadOptions.from_json(manifest.reading)
    cutting = CutOptions.from_json(manifest.cutting)
    with open_indexed(store, plan.file) as raster:
        cuts = drawn_cuts(raster, cutting, outlines)
    runtime = runtime_for(Runtime(), [3 * one.box.width * one.box.height for one in outlines])
    encoders = [load_for_spec(spec, store.path, runtime=runtime) for spec in manifest.encoders]
    root = next(Path(one.root) for one in manifest.sources if one.key == key[0])
    kept = manifest.annotation.get(key[0], {})
    annotator = Annotator.from_options(
        kept.get("labels"), kept.get("groups"), root, volumes=reading.volumes
    )
    return Preparer(encoders, annotator, reading, cutting, {key: Plan(tuple(cuts))})
