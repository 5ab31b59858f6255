"""Images with their masks, outlines or clicks: what both say together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.protocols import Truth
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.classes import ClassTable, MapClass
from georetrieve.sources.masks.clicks import ClickTruth, read_clicks
from georetrieve.sources.masks.legend import (
    Census,
    Legend,
    UnknownValueError,
    count_values,
    derive_classes,
)
from georetrieve.sources.masks.mask_names import MaskPairs, pair_masks
from georetrieve.sources.masks.outlines import Outlines, OutlineTruth, read_outlines
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.masks.stored import StoredMask, open_stored
from georetrieve.sources.open_files import OpenFiles
from georetrieve.sources.options import ReadOptions
from georetrieve.types import IntArray, Region

__all__ = ["LabelledFields", "label_fields"]

OUTLINE_SUFFIXES = (".geojson", ".json")


@dataclass(slots=True)
class LabelledFields:
    """Fields with what is known of their pixels; a context manager, as files stay open.

    Attributes:
        fields: In the order the fields came.
        classes: The classes of all.
        failed: (file, why it is of no use), one line each.
        remarks: What a user should know, one line each.
    """

    fields: list[LabelledField]
    classes: ClassTable
    failed: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _files: OpenFiles[StoredMask] = field(default_factory=OpenFiles)

    def close(self) -> None:
        """Close the masks; closing twice is harmless."""
        self._files.close()

    def __enter__(self) -> LabelledFields:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _StoredTruth:
    """A mask whose file is opened when it is read."""

    size: tuple[int, int]
    path: Path
    legend: Legend
    rule: MaskRule
    options: ReadOptions
    files: OpenFiles[StoredMask]

    def read(self, region: Region) -> IntArray:
        """Return the (height, width) class numbers of a region."""
        opener = partial(open_stored, self.path, self.options, self.rule.values)
        with self.files.borrow(self.path, opener) as mask:
            return self.legend.numbers(mask.read(region))


def label_fields(
    fields: Sequence[FieldOfView],
    truth: Path,
    *,
    classes: ClassTable | None = None,
    rule: MaskRule | None = None,
    options: ReadOptions | None = None,
) -> LabelledFields:
    """Pair fields of view with masks, outlines or clicks.

    A folder's masks are told by their names: that of the image, also with ``_mask``, ``_label`` or
    ``_seg`` behind it, in the same sub-folder or alone of that name; of a slice of a volume
    ``core_z012`` or the like. A single mask belongs to a single field whatever it is called.

    Args:
        fields: What was opened.
        truth: A mask, a folder of masks, a GeoJSON file, or a CSV of clicks.
        classes: The table of classes; None: as the codes, colours or names found.
        rule: How masks are read.
        options: How files are read.

    Raises:
        SourceError: No field has a mask it can be used with, no pixel is labelled, or values are in
            no class.
    """
    rule, options = rule or MaskRule(), options or ReadOptions()
    if truth.suffix.lower() in (".csv", ".tsv"):
        return _from_clicks(fields, truth, classes, rule)
    paired = pair_masks(fields, truth)
    outlined = {
        name: path for name, path in paired.masks.items() if path.suffix.lower() in OUTLINE_SUFFIXES
    }
    if len(outlined) not in (0, len(paired.masks)):
        raise SourceError(
            f"{truth} holds masks and outlines of different images; use one kind at a time."
        )
    if outlined:
        return _from_outlines(fields, paired, classes)
    return _from_masks(fields, paired, classes, rule, options)


def _from_clicks(
    fields: Sequence[FieldOfView], path: Path, classes: ClassTable | None, rule: MaskRule
) -> LabelledFields:
    clicks = read_clicks(path)
    table = classes or clicks.classes()
    points = clicks.by_field(fields)
    labelled = [
        LabelledField(one, ClickTruth(points[one.name], table, one.size, rule.radius_px))
        for one in fields
        if one.name in points
    ]
    if not labelled:
        raise SourceError(f"No click of {path} counts: {'; '.join(clicks.remarks)}")
    return LabelledFields(labelled, table, [], clicks.remarks)


def _from_outlines(
    fields: Sequence[FieldOfView], paired: MaskPairs, classes: ClassTable | None
) -> LabelledFields:
    read: dict[str, Outlines] = {}
    for name, path in paired.masks.items():
        try:
            read[name] = read_outlines(path)
        except GeoRetrieveError as error:
            paired.failed.append((path.name, str(error)))
    if not read:
        raise paired.nothing_left()
    table = classes or _joint([one.classes() for one in read.values()])

    def truth_of(one: FieldOfView) -> Truth:
        return OutlineTruth(read[one.name], table, one.size)

    labelled = _labelled([one for one in fields if one.name in read], truth_of, paired)
    remarks = [line for one in read.values() for line in one.remarks]
    return LabelledFields(labelled, table, paired.failed, remarks)


def _joint(tables: Sequence[ClassTable]) -> ClassTable:
    """The classes of several files by name; the first colour of a name counts."""
    colours = {one.name: one.colour for table in reversed(tables) for one in table.classes}
    return ClassTable(
        tuple(MapClass(name, code, colours[name]) for code, name in enumerate(sorted(colours)))
    )


def _from_masks(
    fields: Sequence[FieldOfView],
    paired: MaskPairs,
    classes: ClassTable | None,
    rule: MaskRule,
    options: ReadOptions,
) -> LabelledFields:
    files: OpenFiles[StoredMask] = OpenFiles()
    sizes: dict[str, tuple[int, int]] = {}
    found: dict[str, Census] = {}
    for name, path in paired.masks.items():
        try:
            with files.borrow(path, partial(open_stored, path, options, rule.values)) as mask:
                sizes[name] = mask.size
                found[name] = count_values(path, mask)
        except GeoRetrieveError as error:
            paired.failed.append((path.name, str(error)))
    if not found:
        raise paired.nothing_left()
    counted = list(found.values())
    table = classes or derive_classes(_of_one_kind(counted), rule)
    legend = Legend(table, rule, colours=_of_one_kind(counted)[0].colours)

    def truth_of(one: FieldOfView) -> Truth:
        if not legend.check(found[one.name]):
            raise SourceError(
                f"{found[one.name].path.name} has no labelled pixel: all of it is void."
            )
        path = found[one.name].path
        return _StoredTruth(sizes[one.name], path, legend, rule, options, files)

    labelled = _labelled([one for one in fields if one.name in found], truth_of, paired)
    return LabelledFields(labelled, table, paired.failed, [], files)


def _of_one_kind(found: Sequence[Census]) -> Sequence[Census]:
    for one in found:
        if one.colours != found[0].colours:
            raise SourceError(
                f"{found[0].path.name} and {one.path.name} are of two kinds: one holds colours, "
                "the other codes; save all masks alike."
            )
    return found


def _labelled(
    fields: Sequence[FieldOfView], truth_of: Callable[[FieldOfView], Truth], paired: MaskPairs
) -> list[LabelledField]:
    """Join fields and truths; a pair that does not fit is entered among the failed.

    Raises:
        UnknownValueError: A mask holds values of no class, which is wrong with all masks, not one.
    """
    labelled = []
    for one in fields:
        try:
            labelled.append(LabelledField(one, truth_of(one)))
        except UnknownValueError:
            raise
        except SourceError as error:
            paired.failed.append((one.name, str(error)))
    if not labelled:
        raise paired.nothing_left()
    return labelled
