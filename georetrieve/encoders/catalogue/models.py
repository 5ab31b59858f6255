"""The catalogue: one entry a model."""

from __future__ import annotations

from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.hub import CLIP, DINOV2_CLASSIFIER, DINOV3
from georetrieve.encoders.catalogue.self_supervised import DINO, DINOV2, MAE, SCAMPI
from georetrieve.encoders.catalogue.supervised import RESNETS

__all__ = ["ENTRIES", "catalogued"]

ENTRIES: tuple[Entry, ...] = (
    *SCAMPI,
    *DINO,
    *DINOV2,
    *DINOV3,
    *MAE,
    *RESNETS,
    *CLIP,
    *DINOV2_CLASSIFIER,
)

_BY_NAME = {entry.name: entry for entry in ENTRIES}


def catalogued(name: str) -> Entry | None:
    """The entry of a name without options; None: the catalogue has none."""
    return _BY_NAME.get(name)
