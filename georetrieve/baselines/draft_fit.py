"""Fit a method of segmentation to what a person says of images: clicks, and masks beside them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from georetrieve.baselines.methods import fit_segmenter
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, Progress, Truth
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.sources.masks.clicks import Clicks, ClickTruth
from georetrieve.sources.masks.draft import Draft, DraftMask
from georetrieve.sources.masks.pairing import label_fields
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.types import IntArray, Region

__all__ = ["DraftFit", "fit_draft"]

FEWEST_CLASSES = 2


@dataclass(frozen=True, slots=True)
class DraftFit:
    """A segmenter and what should be known of it.

    Attributes:
        segmenter: The fitted method.
        remarks: One line each.
    """

    segmenter: Segmenter
    remarks: list[str]


def fit_draft(
    draft: Draft,
    fields: Mapping[str, FieldOfView],
    *,
    method: str = "patch-nn",
    encoder: str | DensePatchEncoder = "bundled",
    settings: PatchSettings | None = None,
    rule: MaskRule | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> DraftFit:
    """Fit a segmenter to the clicks and masks of a draft; where both speak, the click counts.

    With clicks alone it is the one that :func:`~georetrieve.baselines.fit_files.fit_files` makes of
    the same clicks in a file.

    Args:
        draft: What is known.
        fields: The images of which something is said, by name.
        method: One of :data:`~georetrieve.baselines.methods.METHODS`.
        encoder: Whose patches; of ``patch-nn``.
        settings: Of ``patch-nn``; every method takes its seed.
        rule: How masks are read, and what a click labels around it.
        runtime: How an encoder given by name runs.
        progress: Told about it.

    Raises:
        SourceError: Fewer than two classes have labels, a click lies outside its image, a mask has
            not the size of its image or cannot be read.
        GeoRetrieveError: The method cannot be fitted.
    """
    table, rule = draft.table, rule or MaskRule()
    missing = [name for name in draft.images if name not in fields]
    if missing:
        raise SourceError(f"{missing[0]} has clicks or a mask, and is not among the images.")
    said = _said_classes(draft)
    if len(said) < FEWEST_CLASSES:
        only = f"only {said[0]!r} is" if said else "none is"
        raise SourceError(
            f"A map tells classes apart, and {only} marked so far; click on two classes or more."
        )
    with ExitStack() as stack:
        clicks = Clicks(Path("clicks"), list(draft.clicks))
        points = clicks.by_field(list(fields.values())) if clicks.points else {}
        masks = {one.image: one for one in draft.masks}
        labelled, remarks = [], clicks.remarks
        for name in draft.images:
            truths: list[Truth] = []
            if name in points:
                size = fields[name].size
                truths.append(ClickTruth(points[name], table, size, rule.radius_px))
            if name in masks:
                truth, said_of_it = _mask_truth(masks[name], fields[name], table, rule, stack)
                truths.append(truth)
                remarks += said_of_it
            if truths:
                labelled.append(LabelledField(fields[name], _FirstSaid(truths)))
        segmenter = fit_segmenter(
            method,
            labelled,
            table,
            encoder=encoder,
            settings=settings,
            runtime=runtime,
            progress=progress,
        )
    return DraftFit(segmenter, remarks)


def _said_classes(draft: Draft) -> list[str]:
    """Classes that have a click, or that a mask knows."""
    said = {one.name for one in draft.clicks}
    said |= {name for mask in draft.masks for name in mask.names if name is not None}
    return [name for name in draft.names if name in said]


def _mask_truth(
    mask: DraftMask, field: FieldOfView, table: ClassTable, rule: MaskRule, stack: ExitStack
) -> tuple[Truth, list[str]]:
    labels = stack.enter_context(label_fields([field], mask.file, rule=rule))
    if len(labels.classes) != len(mask.names):
        raise SourceError(
            f"The mask of {field.name} has changed since it was loaded; load it again."
        )
    numbers = [VOID if name is None else table.names.index(name) for name in mask.names]
    return _Renumbered(labels.fields[0].truth, np.array([*numbers, VOID])), labels.remarks


class _Renumbered:
    """Truth in other numbers; the last one is void's."""

    def __init__(self, truth: Truth, numbers: IntArray) -> None:
        self._truth, self._numbers = truth, numbers
        self.size = truth.size

    def read(self, region: Region) -> IntArray:
        """See :class:`~georetrieve.protocols.Truth`."""
        found: IntArray = self._numbers[self._truth.read(region)]
        return found


class _FirstSaid:
    """Of several truths the first that knows a pixel."""

    def __init__(self, truths: list[Truth]) -> None:
        self._truths = truths
        self.size = truths[0].size  # the size of the image, as of all others

    def read(self, region: Region) -> IntArray:
        """See :class:`~georetrieve.protocols.Truth`."""
        found = self._truths[0].read(region)
        for one in self._truths[1:]:
            found = np.where(found == VOID, one.read(region), found)
        return found
