"""Whether maps by patch neighbours are those of an evaluation of Hummingbird that others wrote.

It is V. Pariza, M. Salehi and Y. Asano, Hummingbird Evaluation (2024), in a clone of
vpariza/open-hummingbird-eval. Two traps of that code are repeated here, so that its numbers can be
had, and nowhere else in georetrieve:

- Void pixels are remembered as class 0. Only its score leaves them out.
- Its score matches the classes of maps to the true ones so that the sum of IoU is largest, as if
  they were clusters without names; and a class that neither map nor truth has counts as 0.

Both sides map the same drawn thin sections, with a part of each void, by the features of one
convolution of random weights; where a memory is too small for all patches they are drawn by the
same random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image
from scipy.optimize import linear_sum_assignment

from georetrieve.benchmarks.hummingbird_inputs import ROCK, drawn_scene, random_encoder
from georetrieve.benchmarks.hummingbird_reference import (
    Evaluated,
    Scene,
    reference_code,
    reference_evaluation,
    reference_score,
)
from georetrieve.benchmarks.parity import TOLERANCE
from georetrieve.metrics.segmentation import ConfusionCounts, segmentation_scores
from georetrieve.probes.segmentation.features import cell_features
from georetrieve.probes.segmentation.fit import fit_patch_segmenter
from georetrieve.probes.segmentation.patch_nn import PatchSegmenter
from georetrieve.probes.segmentation.settings import HUMMINGBIRD, PatchSettings
from georetrieve.protocols import DensePatchEncoder
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.arrays import ArrayTruth
from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.sources.synthetic.minerals import MINERALS
from georetrieve.types import FloatArray, IntArray

__all__ = ["COLUMNS", "HummingbirdComparison", "hummingbird_parity", "matched_mean_iou"]

PARTS = ("vectors", "labels", "vote", "pixels", "miou")
SCORES = ("reference_miou", "parity_miou", "honest_miou", "own_miou")
COLUMNS = ("case", "patches", *PARTS, *SCORES, "passed")

TRAIN, TEST = range(4), range(4, 7)
FEW = 160
CLASSES = ClassTable.of_names(list(MINERALS))
"""More than any section has, as in a table for all rocks."""


@dataclass(frozen=True, slots=True)
class HummingbirdComparison:
    """One case, by the others' code and by ours.

    Attributes:
        case: What was done.
        patches: Patches remembered; None where only the score is compared.
        differences: The largest of any two numbers, by part: of ``vectors`` and ``labels``
            remembered, the ``vote`` of patches, ``pixels``, and ``miou``.
        scores: Mean IoU. ``reference_miou``: the others'. ``parity_miou``: ours with their traps.
            ``honest_miou``: of the same map, without the trap of the score: classes keep their
            names, and one that neither map nor truth has takes no part in the mean. ``own_miou``:
            ours without any, so that void is not remembered either.
    """

    case: str
    patches: int | None
    differences: Mapping[str, float]
    scores: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether every difference is at most 1e-4."""
        return all(value <= TOLERANCE for value in self.differences.values())

    def row(self) -> dict[str, Any]:
        """One row of the table, by :data:`COLUMNS`."""
        numbers = {**self.differences, **self.scores}
        return {
            "case": self.case,
            "patches": self.patches,
            **{name: numbers.get(name) for name in (*PARTS, *SCORES)},
            "passed": "yes" if self.passed else "NO",
        }


def hummingbird_parity(references: Path) -> Iterator[HummingbirdComparison]:
    """Compare memories of all patches and of a few, with the maps made of them, and scores alone.

    Args:
        references: Folder that holds a clone of vpariza/open-hummingbird-eval.

    Raises:
        StoreError: There is no clone.
        GeoRetrieveError: It cannot be imported.
    """
    few = replace(HUMMINGBIRD, memory_size=FEW)
    with reference_code(references) as code:
        encoder = random_encoder()
        train, test = [drawn_scene(seed) for seed in TRAIN], [drawn_scene(seed) for seed in TEST]
        for case, settings in (("all patches", HUMMINGBIRD), ("a few patches", few)):
            theirs = reference_evaluation(code, encoder, train, test, len(CLASSES), settings)
            fallen = _segmenter(encoder, [_void_as_first(one) for one in train], settings)
            own = _segmenter(encoder, train, settings)
            yield _compared(
                case, theirs, _evaluated(fallen, test), test, _honest(_map(own, test), test)
            )
        yield from _scores_alone(code, test)


def matched_mean_iou(confusion: IntArray) -> float:
    """Mean IoU of classes that are matched first, one to one, so that it is largest.

    Right for clusters, which have no names (H. Kuhn, The Hungarian method for the assignment
    problem, 1955), and flattering for a map of classes that have.

    Args:
        confusion: (C, C) pixels; rows are true classes, columns predicted ones. A class in neither
            counts as 0.
    """
    hits = confusion.astype(np.float64)
    union = hits.sum(axis=1, keepdims=True) + hits.sum(axis=0, keepdims=True) - hits
    iou = hits / np.maximum(union, 1)
    return float(iou[linear_sum_assignment(iou, maximize=True)].mean())


def _void_as_first(scene: Scene) -> Scene:
    """The trap of the others' memory."""
    return replace(scene, labels=np.where(scene.labels == VOID, 0, scene.labels))


def _field(scene: Scene) -> FieldOfView:
    image = Image.fromarray(scene.pixels)
    return FieldOfView(name=ROCK, size=image.size, views=(lambda region: image.crop(region.box),))


def _segmenter(
    encoder: DensePatchEncoder, scenes: Sequence[Scene], settings: PatchSettings
) -> PatchSegmenter:
    fields = [LabelledField(_field(one), ArrayTruth(one.labels)) for one in scenes]
    return fit_patch_segmenter(fields, CLASSES, encoder=encoder, settings=settings)


def _evaluated(segmenter: PatchSegmenter, scenes: Sequence[Scene]) -> Evaluated:
    """What our segmenter makes of images, with the others' score."""
    votes = [
        segmenter.votes(features.reshape(-1, features.shape[-1]))
        for one in scenes
        for _, features in cell_features(segmenter.encoder, _field(one), segmenter.settings)
    ]
    pixels = _map(segmenter, scenes)
    memory = segmenter.memory
    score = matched_mean_iou(_confusion(pixels.argmax(axis=-1), scenes))
    return Evaluated(memory.vectors, memory.shares, np.concatenate(votes), pixels, score)


def _map(segmenter: PatchSegmenter, scenes: Sequence[Scene]) -> FloatArray:
    """(T, side, side, C) probabilities."""
    fields = [_field(one) for one in scenes]
    return np.stack(
        [np.concatenate([b.probabilities for b in segmenter.segment(one)]) for one in fields]
    )


def _confusion(predicted: IntArray, scenes: Sequence[Scene]) -> IntArray:
    counts = ConfusionCounts(len(CLASSES))
    counts.update(np.stack([one.labels for one in scenes]), predicted, void=VOID)
    return counts.matrix


def _honest(pixels: FloatArray, scenes: Sequence[Scene]) -> float:
    return float(segmentation_scores(_confusion(pixels.argmax(axis=-1), scenes)).mean_iou)


def _compared(
    case: str, theirs: Evaluated, ours: Evaluated, scenes: Sequence[Scene], own: float
) -> HummingbirdComparison:
    same = _partners(theirs.vectors, ours.vectors)
    return HummingbirdComparison(
        case,
        len(theirs.vectors),
        {
            "vectors": _largest(theirs.vectors, ours.vectors[same]),
            "labels": _largest(theirs.shares, ours.shares[same]),
            "vote": _largest(theirs.votes, ours.votes),
            "pixels": _largest(theirs.pixels, ours.pixels),
            "miou": abs(theirs.mean_iou - ours.mean_iou),
        },
        {
            "reference_miou": theirs.mean_iou,
            "parity_miou": ours.mean_iou,
            "honest_miou": _honest(ours.pixels, scenes),
            "own_miou": own,
        },
    )


def _scores_alone(code: ModuleType, scenes: Sequence[Scene]) -> Iterator[HummingbirdComparison]:
    """Of the truth itself, and of it with two classes called by each other's name."""
    right = np.arange(len(CLASSES))
    wrong = right.copy()
    wrong[[0, 1]] = 1, 0
    exchanged = f"the truth, {CLASSES.names[0]} and {CLASSES.names[1]} exchanged"
    labels = np.stack([one.labels for one in scenes])
    for case, names in (("the truth", right), (exchanged, wrong)):
        predicted = names[np.stack([_void_as_first(one).labels for one in scenes])]
        confusion = _confusion(predicted, scenes)
        theirs = reference_score(code, labels, predicted, len(CLASSES))
        ours = matched_mean_iou(confusion)
        honest = float(segmentation_scores(confusion).mean_iou)
        yield HummingbirdComparison(
            case,
            None,
            {"miou": abs(theirs - ours)},
            {"reference_miou": theirs, "parity_miou": ours, "honest_miou": honest},
        )


def _partners(theirs: FloatArray, ours: FloatArray) -> IntArray:
    """(M,) the number of our patch for each of theirs: they remember patches in another order."""
    if theirs.shape != ours.shape:
        return np.arange(len(ours))
    nearest: IntArray = (theirs @ ours.T).argmax(axis=1)
    return nearest


def _largest(one: FloatArray, other: FloatArray) -> float:
    """Largest difference of any two numbers; ∞ where shapes differ or a number is none."""
    if one.shape != other.shape:
        return math.inf
    difference = float(np.abs(one - other).max())
    return math.inf if math.isnan(difference) else difference
