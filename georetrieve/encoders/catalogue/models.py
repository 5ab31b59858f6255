"""The catalogue: one entry a model."""

from __future__ import annotations

from georetrieve.encoders.catalogue.entry import Entry

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = ()
