"""Fit a method of segmentation to what a person says of images: clicks, and masks beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from georetrieve.baselines.fit_files import Fitted
from georetrieve.baselines.methods import fit_segmenter
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, Progress, Truth
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.classes import VOID, ClassTable
from georetrieve.sources.masks.clicks import Clicks, ClickTruth
from georetrieve.sources.masks.draft import Draft, DraftMask
from georetrieve.sources.masks.pairing import label_fields
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.types import IntArray, Region

__all__ = ["fit_draft"]

FEWEST_CLASSES = 2


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
) -> Fitted:
    """Fit a segmenter to the clicks and masks of a draft; where both speak, the click counts.

    With clicks alone it is the one that :func:`~georetrieve.baselines.fit_files.fit_files` makes of
    the same clicks in a file.

    Args:
        draft: What is known.
        fields: Images by name; what is said of others is left out, and a remark.
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
    rule = rule or MaskRule()
    said = _said_classes(draft, fields)
    if len(said) < FEWEST_CLASSES:
        only = f"only {said[0]!r} is" if said else "none is"
        raise SourceError(
            f"A map tells classes apart, and {only} marked so far; click on two classes or more."
        )
    with ExitStack() as stack:
        labelled, remarks = _labelled(draft, fields, rule, stack)
        segmenter = fit_segmenter(
            method,
            labelled,
            draft.table,
            encoder=encoder,
            settings=settings,
            runtime=runtime,
            progress=progress,
        )
    remarks += [
        f"{name}: nothing is marked so; the map has none of it"
        for name in draft.names
        if name not in said
    ]
    return Fitted(segmenter, len(labelled), [], remarks)


def _labelled(
    draft: Draft, fields: Mapping[str, FieldOfView], rule: MaskRule, stack: ExitStack
) -> tuple[list[LabelledField], list[str]]:
    """The fields of which something is said, and remarks; masks are closed with the stack."""
    # Lines as they would be in the file that the draft is saved to.
    numbered = [replace(one, line=line) for line, one in enumerate(draft.clicks, 2)]
    clicks = Clicks(Path("clicks"), [one for one in numbered if one.path in fields])
    points = clicks.by_field(list(fields.values())) if clicks.points else {}
    masks = {one.image: one for one in draft.masks}
    labelled, remarks = [], clicks.remarks
    for name in draft.images:
        if name not in fields:
            remarks.append(f"{name} is not here: what was said of it is left out")
            continue
        truths: list[Truth] = []
        if name in points:
            size = fields[name].size
            truths.append(ClickTruth(points[name], draft.table, size, rule.radius_px))
        if name in masks:
            truth, said_of_it = _mask_truth(masks[name], fields[name], draft.table, rule, stack)
            truths.append(truth)
            remarks += said_of_it
        if truths:
            labelled.append(LabelledField(fields[name], _FirstSaid(truths)))
    return labelled, remarks


def _said_classes(draft: Draft, fields: Collection[str]) -> list[str]:
    """Classes that have a click on one of the fields, or that a mask knows."""
    said: set[str | None] = {one.name for one in draft.clicks if one.path in fields}
    said |= {name for mask in draft.masks if mask.image in fields for name in mask.names}
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
