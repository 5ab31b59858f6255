"""Ways to split labelled items into what is trained on and what is tested.

What lies on both sides of a split decides what a score means. Neighbouring slices of one scan are
almost the same image; a random split puts them on both sides and asks whether a slice is recognised
that was all but seen. The ways here go from that to what a user wants to know:

``same_slices``
    Tests slices that are trained on. So does the seed of the rock-CT task (FloFive,
    DINOv2-X-Geosciences, ``code/knn_tsne.ipynb``): its training set and its test set are the first
    30 and the first 20 slices of the same shuffled stack of each rock; only a random crop of 996
    of 1000 pixels differs.
``stratified``
    Random items, each class in its share: scikit-learn's ``train_test_split``. The protocol of the
    SCAMPI benchmark.
``slice_blocks``
    Blocks of neighbouring slices, with a gap to what is trained on: new rock of the same scan.
``groups``
    Whole slides, wells, specimens or volumes: a scan never seen. What a number about new material
    has to be measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

from georetrieve.benchmarks.classification.settings import SplitKind, SplitSettings
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.errors import SourceError
from georetrieve.metrics.classification import Split, stratified_splits, why_not_split
from georetrieve.types import IntArray, Region

__all__ = ["SPLIT_WORDS", "Plan", "Round", "plan_splits"]

SPLIT_WORDS: dict[SplitKind, str] = {
    "stratified": "random items",
    "same_slices": "the very slices trained on",
    "slice_blocks": "blocks of slices, with a gap",
    "groups": "whole groups left out",
}


@dataclass(frozen=True, slots=True)
class Round:
    """Splits whose calls are scored together: each tested item is called once.

    Attributes:
        name: The seed, or "" where there is but one round.
        splits: Rows trained on and tested.
    """

    name: str
    splits: tuple[Split, ...]

    @property
    def tested(self) -> IntArray:
        """Rows tested, split after split."""
        return np.concatenate([split.test for split in self.splits])


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to split.

    Attributes:
        kind: Which way.
        rounds: What is scored; the score is the mean over them. Empty where there is no such split.
        reason: Why there is none; "" otherwise.
        notes: What a reader must know.
    """

    kind: SplitKind
    rounds: tuple[Round, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = field(default=())


def plan_splits(data: LabelledVectors, settings: SplitSettings) -> list[Plan]:
    """One plan for each way to split that is asked for."""
    makers = {
        "stratified": _stratified,
        "same_slices": _same_slices,
        "slice_blocks": _slice_blocks,
        "groups": _groups,
    }
    return [makers[kind](data, settings) for kind in settings.kinds]


def _stratified(data: LabelledVectors, settings: SplitSettings) -> Plan:
    rows = data.repeated
    reason = why_not_split(data.labels[rows], settings.test_share)
    if reason:
        return Plan("stratified", reason=reason)
    splits = stratified_splits(data.labels[rows], settings.seeds, settings.test_share)
    rounds = [
        Round(str(seed), (Split(rows[split.train], rows[split.test]),))
        for seed, split in zip(settings.seeds, splits, strict=True)
    ]
    return Plan("stratified", tuple(rounds))


def _same_slices(data: LabelledVectors, settings: SplitSettings) -> Plan:
    if len(data.classes) < 2:
        return Plan("same_slices", reason="All items are of one class: there is nothing to tell.")
    rounds = []
    for seed in settings.seeds:
        rng = np.random.default_rng(seed)
        drawn = [
            rng.permutation(np.flatnonzero(data.labels == code))[: settings.train_per_class]
            for code in range(len(data.classes))
        ]
        tested = [rows[: settings.test_per_class] for rows in drawn]
        split = Split(np.concatenate(drawn), np.concatenate(tested))
        rounds.append(Round(str(seed), (split,)))
    return Plan("same_slices", tuple(rounds))


def _slice_blocks(data: LabelledVectors, settings: SplitSettings) -> Plan:
    stacks, places = _stacks(data)
    blocks = np.full(len(data), -1, dtype=np.int64)
    short = 0
    for stack in range(stacks.max(initial=-1) + 1):
        rows = np.flatnonzero(stacks == stack)
        rows = rows[np.argsort(places[rows], kind="stable")]
        if len(rows) < settings.blocks:
            short += 1
            continue
        for number, part in enumerate(np.array_split(rows, settings.blocks)):
            blocks[part] = number
    splits = [
        _block_split(number, blocks, stacks, places, settings.gap)
        for number in range(settings.blocks)
    ]
    notes = []
    if short:
        notes.append(
            f"{short} volumes have fewer than {settings.blocks} slices and cannot be cut into as "
            "many blocks: they take no part in that split."
        )
    if (stacks < 0).any() and (stacks >= 0).any():
        notes.append(f"{int((stacks < 0).sum())} items are no slices and in no block.")
    if not (blocks >= 0).any():
        reason = "No volume has enough slices" if short else "No item is a slice of a volume"
        return Plan("slice_blocks", reason=f"{reason}, so there are no blocks of slices.")
    return _judged("slice_blocks", data, splits, notes, "in the slices beyond the gap")


def _block_split(
    number: int, blocks: IntArray, stacks: IntArray, places: IntArray, gap: int
) -> Split:
    """Test block ``number`` of every volume; train on what is farther away than the gap."""
    tested = np.flatnonzero(blocks == number)
    train = (blocks >= 0) & (blocks != number)
    for stack in np.unique(stacks[tested]):
        inside = places[tested[stacks[tested] == stack]]
        near = (places >= inside.min() - gap) & (places <= inside.max() + gap)
        train &= ~((stacks == stack) & near)
    return Split(np.flatnonzero(train), tested)


def _stacks(data: LabelledVectors) -> tuple[IntArray, IntArray]:
    """(N,) number of the volume and axis a slice is of (-1: no slice), and (N,) its position."""
    numbers: dict[tuple[str, str], int] = {}
    stacks = np.full(len(data), -1, dtype=np.int64)
    places = np.zeros(len(data), dtype=np.int64)
    for row, item in enumerate(data.ids):
        path, _, text = item.rpartition("#")
        region = _region(text) if path else None
        if region is None or region.index is None or region.axis is None:
            continue
        stacks[row] = numbers.setdefault((path, region.axis), len(numbers))
        places[row] = region.index
    return stacks, places


def _region(text: str) -> Region | None:
    try:
        return Region.parse(text)
    except SourceError:  # the "#" belongs to the file's name
        return None


def _groups(data: LabelledVectors, settings: SplitSettings) -> Plan:
    if not data.group_names:
        return Plan(
            "groups",
            reason="No groups (slides, wells, specimens, volumes) are known, so none can be left "
            "out: name them with --groups when indexing.",
        )
    if len(data.group_names) == 1:
        return Plan(
            "groups",
            reason=f"All items are of one group ({data.group_names[0]}), which cannot be left out.",
        )
    groups = data.groups.copy()
    lonely = groups < 0  # an item without a group is its own
    groups[lonely] = len(data.group_names) + np.arange(lonely.sum())
    count = len(np.unique(groups))
    if count <= settings.folds:
        folds = LeaveOneGroupOut().split(data.labels, data.labels, groups)
        notes = []
    else:
        folder = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.seeds[0])
        folds = folder.split(data.labels, data.labels, groups)
        notes = [f"{count:,} groups are left out in {settings.folds} folds, none of them cut."]
    splits = [Split(train, test) for train, test in folds]
    return _judged("groups", data, splits, notes, "in another group")


def _judged(
    kind: SplitKind, data: LabelledVectors, splits: Sequence[Split], notes: list[str], where: str
) -> Plan:
    """A plan of one round, without the items whose class is not trained on."""
    kept, left_out = [], 0
    for split in splits:
        known = np.isin(data.labels[split.test], data.labels[split.train])
        left_out += int((~known).sum())
        several = len(np.unique(data.labels[split.train])) > 1
        if several and known.any():
            kept.append(Split(split.train, split.test[known]))
    if not kept:
        return Plan(kind, reason=f"No class has items both in what is left out and {where}.")
    if left_out:
        notes = [
            *notes,
            f"{left_out} items have no other of their class {where}: they could not be called "
            f"rightly and are not tested ({SPLIT_WORDS[kind]}).",
        ]
    return Plan(kind, (Round("", tuple(kept)),), notes=tuple(notes))
