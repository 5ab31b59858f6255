"""From labelled images to a patch segmenter, and back from its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieve.encoders.registry import load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, SourceError, SpecMismatchError, StoreError
from georetrieve.probes.segmentation.features import cell_grid, some_features
from georetrieve.probes.segmentation.memory import Chosen, MemoryBank, choose_cells
from georetrieve.probes.segmentation.model_file import read_model
from georetrieve.probes.segmentation.patch_nn import PatchSegmenter
from georetrieve.probes.segmentation.scaling import FeatureScaling, learn_scaling
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder, ImageEncoder, LocalPatchEncoder, Progress
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["fit_patch_segmenter", "load_patch_segmenter"]

DEFAULT = PatchSettings()


def fit_patch_segmenter(
    fields: Sequence[LabelledField],
    classes: ClassTable,
    *,
    encoder: str | DensePatchEncoder = "bundled",
    settings: PatchSettings = DEFAULT,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> PatchSegmenter:
    """Remember the patches of labelled images; the same images and settings give the same model.

    Patches are chosen by their labels first, so that only what shows one that is kept is encoded.

    Args:
        fields: Images and what is known of their pixels; all of the same views.
        classes: The C classes.
        encoder: Whose features are compared, or its name.
        settings: How.
        runtime: How an encoder given by name runs.
        progress: Told of rows of patches.

    Raises:
        SourceError: There are no fields, their views differ, none has a labelled pixel, or one
            cannot be read.
        EncoderError: The encoder is unknown, or does not describe patches of images of any size.
    """
    view_names = _common_views(fields)
    loaded = load_encoder(encoder, runtime=runtime) if isinstance(encoder, str) else encoder
    dense = _dense(loaded)
    grids = [cell_grid(dense, one.field.size, settings) for one in fields]
    chosen = choose_cells([one.truth for one in fields], grids, len(classes), settings)
    _say_what_is_missing(chosen, fields, classes, progress)
    vectors: list[FloatArray] = []
    if progress:
        progress.start("remembering patches", len(chosen.cells), "patches")
    for number in np.unique(chosen.fields):
        cells = chosen.cells[chosen.fields == number]
        for band in some_features(dense, fields[number].field, cells, settings):
            vectors.append(band)
            if progress:
                progress.advance(len(band))
    if progress:
        progress.finish()
    found = np.concatenate(vectors)
    scaling = None
    if _is_learned(dense, settings):
        scaling = learn_scaling(found, chosen.shares, chosen.weights, seed=settings.seed)
        found = scaling(found)
    memory = MemoryBank(found, chosen.shares, chosen.weights)
    return PatchSegmenter(dense, memory, classes, view_names, settings, scaling)


def load_patch_segmenter(
    path: Path, *, encoder: DensePatchEncoder | None = None, runtime: Runtime | None = None
) -> PatchSegmenter:
    """Read what :meth:`PatchSegmenter.save` wrote.

    Args:
        path: The file.
        encoder: The encoder it was fitted with, where it is at hand; by default it is loaded.
        runtime: How a loaded encoder runs.

    Raises:
        StoreError: The file is missing, damaged, or of another method.
        EncoderError: The encoder cannot be loaded.
        SpecMismatchError: It no longer gives the features the model was made of.
    """
    method, facts, tensors = read_model(path)
    if method != PatchSegmenter.method:
        raise StoreError(
            f"{path} is a model of the method {method}, not of {PatchSegmenter.method}."
        )
    try:
        spec = EncoderSpec.from_json(facts["encoder"])
        classes = ClassTable.from_json(facts["classes"])
        settings = PatchSettings.from_json(facts["settings"])
        view_names = tuple(str(name) for name in facts["view_names"])
        patch = tuple(facts["patch"])
        memory = MemoryBank(tensors["vectors"], tensors["shares"], tensors["weights"])
        scaling = FeatureScaling(tensors["centre"], tensors["axes"]) if "axes" in tensors else None
    except (KeyError, TypeError, SourceError) as error:
        raise StoreError(f"The model {path} is damaged ({error}); fit it again.") from error
    _check_memory(path, memory, scaling, patch[-1] * len(view_names), len(classes))
    dense = _dense(encoder or _load(path, spec, runtime))
    if dense.spec.fingerprint != spec.fingerprint or (dense.patch_px, dense.patch_dim) != patch:
        raise SpecMismatchError(
            f"The model {path} was made with features of {spec.name}, and those of "
            f"{dense.spec.name} here are others; fit it again, or use the encoder it was made with."
        )
    return PatchSegmenter(dense, memory, classes, view_names, settings, scaling)


def _is_learned(encoder: DensePatchEncoder, settings: PatchSettings) -> bool:
    """See :attr:`PatchSettings.nearness`."""
    if settings.nearness == "auto":
        return isinstance(encoder, LocalPatchEncoder)
    return settings.nearness == "learned"


def _common_views(fields: Sequence[LabelledField]) -> tuple[str, ...]:
    if not fields:
        raise SourceError("There is no labelled image to learn from; give at least one.")
    names = fields[0].field.view_names
    for one in fields:
        if one.field.view_names != names:
            raise SourceError(
                f"{one.field.name} has the views {one.field.view_names}, and "
                f"{fields[0].field.name} {names}; all images need the same, in one order."
            )
    return names


def _dense(encoder: ImageEncoder) -> DensePatchEncoder:
    if not isinstance(encoder, DensePatchEncoder):
        raise EncoderError(
            f"{encoder.spec.name} does not describe the patches of images of any size, which maps "
            "are made of; use 'bundled' or a vision transformer."
        )
    return encoder


def _say_what_is_missing(
    chosen: Chosen,
    fields: Sequence[LabelledField],
    classes: ClassTable,
    progress: Progress | None,
) -> None:
    if progress is None:
        return
    for number in sorted(set(range(len(fields))) - set(chosen.fields.tolist())):
        progress.say(f"{fields[number].field.name}: no pixel is labelled; it teaches nothing.")
    for name, share in zip(classes.names, chosen.shares.sum(axis=0), strict=True):
        if not share:
            progress.say(f"No pixel is labelled {name!r}; the map will have none of it.")


def _check_memory(
    path: Path, memory: MemoryBank, scaling: FeatureScaling | None, width: int, n_classes: int
) -> None:
    vectors: npt.NDArray[Any] = memory.vectors
    count = len(vectors)
    arrays = [vectors, memory.shares, memory.weights]
    wanted: list[tuple[int, ...]] = [(count, width), (count, n_classes), (count,)]
    if scaling is not None:
        arrays += [scaling.centre, scaling.axes]
        axes = vectors.shape[-1] - 1
        wanted = [(count, axes + 1), *wanted[1:], (width,), (width, axes)]
    fits = count > 0 and [one.shape for one in arrays] == wanted
    if not (fits and all(np.isfinite(one).all() for one in arrays)):
        raise StoreError(f"The model {path} is damaged: its patches do not fit; fit it again.")


def _load(path: Path, spec: EncoderSpec, runtime: Runtime | None) -> ImageEncoder:
    try:
        return load_for_spec(spec, path.parent, runtime=runtime)
    except SpecMismatchError as error:
        raise SpecMismatchError(
            f"The model {path} was made with {spec.name}, which has changed since; fit it again, "
            "or use the encoder it was made with."
        ) from error
