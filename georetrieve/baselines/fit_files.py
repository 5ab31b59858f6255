"""Fit a method of segmentation to files: images with masks, outlines or clicks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from georetrieve.baselines.methods import fit_segmenter
from georetrieve.encoders.runtime import Runtime
from georetrieve.probes.segmentation.interface import Segmenter
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import Progress
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.masks.pairing import label_fields
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.masks.table_file import read_class_table
from georetrieve.sources.options import ReadOptions

__all__ = ["Fitted", "LabelSource", "fit_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource:
    """Where labels come from, and what is fitted to them.

    Attributes:
        truth: A mask, a folder of masks, GeoJSON, or a CSV of clicks.
        classes: File with the table of classes; None: as found.
        rule: How masks are read.
        method: One of :data:`~georetrieve.baselines.methods.METHODS`.
        encoder: Whose patches; of ``patch-nn``.
        settings: Of ``patch-nn``.
        runtime: How the encoder runs.
    """

    truth: Path
    classes: Path | None = None
    rule: MaskRule = field(default_factory=MaskRule)
    method: str = "patch-nn"
    encoder: str = "bundled"
    settings: PatchSettings | None = None
    runtime: Runtime | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A segmenter and what became of the files it was fitted to.

    Attributes:
        segmenter: The fitted method.
        images: How many images have labels.
        failed: (file, why it is of no use), one line each.
        remarks: What a user should know, one line each.
    """

    segmenter: Segmenter
    images: int
    failed: list[tuple[str, str]]
    remarks: list[str]


def fit_files(
    fields: Sequence[FieldOfView],
    source: LabelSource,
    *,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit a segmenter to the fields that have labels.

    Raises:
        SourceError: No field has labels of use; see
            :func:`~georetrieve.sources.masks.pairing.label_fields`.
        GeoRetrieveError: The method cannot be fitted.
    """
    table = read_class_table(source.classes) if source.classes is not None else None
    labels = label_fields(fields, source.truth, classes=table, rule=source.rule, options=options)
    with labels:
        segmenter = fit_segmenter(
            source.method,
            labels.fields,
            labels.classes,
            encoder=source.encoder,
            settings=source.settings,
            runtime=source.runtime,
            progress=progress,
        )
    return Fitted(segmenter, len(labels.fields), labels.failed, labels.remarks)
