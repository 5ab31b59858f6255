"""georetrieve: find what looks like this in microfossil, thin-section and rock-CT images.

    from georetrieve import Index, Query, index_folder

    index_folder(Path("slides"), Path("indexes/slides"))
    with Index.open("slides") as index:
        for hit in index.search(Query.image(Path("specimen.jpg"))).hits:
            print(hit.rank, hit.label, hit.distance, hit.path, hit.region)

Names are loaded when they are first used, so importing the package is quick and loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from georetrieve.baselines.methods import fit_segmenter, load_segmenter
    from georetrieve.benchmarks.index_retrieval import measure_index
    from georetrieve.embedding import EmbeddingService
    from georetrieve.encoders.registry import load_encoder
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.encoders.windows import window_patches
    from georetrieve.errors import (
        EncoderError,
        GeoRetrieveError,
        IndexLockedError,
        IndexNotFoundError,
        MissingExtraError,
        ServiceBusyError,
        ServiceError,
        SourceError,
        SpecMismatchError,
        StoreError,
        UnknownFormatError,
        VocabularyError,
    )
    from georetrieve.indexing.build import index_folder
    from georetrieve.indexing.options import IndexOptions, IndexReport
    from georetrieve.labelling import give_labels, undo_labels
    from georetrieve.probes.classification.queries import open_queries
    from georetrieve.probes.classification.run import ClassifyOptions, classify
    from georetrieve.probes.classification.suggestions import suggest
    from georetrieve.probes.explanation import explain
    from georetrieve.probes.item_map.making import make_map
    from georetrieve.probes.zero_shot import name_items
    from georetrieve.search import Index, Query, SearchHit, SearchResult
    from georetrieve.search.browse import list_items
    from georetrieve.serving.client import Client
    from georetrieve.sources.masks.pairing import label_fields
    from georetrieve.sources.opening import open_raster
    from georetrieve.sources.views import open_fields
    from georetrieve.types import EncoderSpec, Item, Region
    from georetrieve.vocabulary import load_vocabulary

__version__ = "0.1.0"

__all__ = [
    "ClassifyOptions",
    "Client",
    "EmbeddingService",
    "EncoderError",
    "EncoderSpec",
    "GeoRetrieveError",
    "Index",
    "IndexLockedError",
    "IndexNotFoundError",
    "IndexOptions",
    "IndexReport",
    "Item",
    "MissingExtraError",
    "Query",
    "Region",
    "Runtime",
    "SearchHit",
    "SearchResult",
    "ServiceBusyError",
    "ServiceError",
    "SourceError",
    "SpecMismatchError",
    "StoreError",
    "UnknownFormatError",
    "VocabularyError",
    "__version__",
    "classify",
    "explain",
    "fit_segmenter",
    "give_labels",
    "index_folder",
    "label_fields",
    "list_items",
    "load_encoder",
    "load_segmenter",
    "load_vocabulary",
    "make_map",
    "measure_index",
    "name_items",
    "open_fields",
    "open_queries",
    "open_raster",
    "suggest",
    "undo_labels",
    "window_patches",
]

_HOMES = {
    "georetrieve.baselines.methods": (
        "fit_segmenter",
        "load_segmenter",
    ),
    "georetrieve.benchmarks.index_retrieval": ("measure_index",),
    "georetrieve.embedding": ("EmbeddingService",),
    "georetrieve.encoders.registry": ("load_encoder",),
    "georetrieve.encoders.runtime": ("Runtime",),
    "georetrieve.encoders.windows": ("window_patches",),
    "georetrieve.errors": (
        "EncoderError",
        "GeoRetrieveError",
        "IndexLockedError",
        "IndexNotFoundError",
        "MissingExtraError",
        "ServiceBusyError",
        "ServiceError",
        "SourceError",
        "SpecMismatchError",
        "StoreError",
        "UnknownFormatError",
        "VocabularyError",
    ),
    "georetrieve.indexing.build": ("index_folder",),
    "georetrieve.indexing.options": (
        "IndexOptions",
        "IndexReport",
    ),
    "georetrieve.labelling": (
        "give_labels",
        "undo_labels",
    ),
    "georetrieve.probes.classification.queries": ("open_queries",),
    "georetrieve.probes.classification.run": (
        "ClassifyOptions",
        "classify",
    ),
    "georetrieve.probes.classification.suggestions": ("suggest",),
    "georetrieve.probes.explanation": ("explain",),
    "georetrieve.probes.item_map.making": ("make_map",),
    "georetrieve.probes.zero_shot": ("name_items",),
    "georetrieve.search": (
        "Index",
        "Query",
        "SearchHit",
        "SearchResult",
    ),
    "georetrieve.search.browse": ("list_items",),
    "georetrieve.serving.client": ("Client",),
    "georetrieve.sources.masks.pairing": ("label_fields",),
    "georetrieve.sources.opening": ("open_raster",),
    "georetrieve.sources.views": ("open_fields",),
    "georetrieve.types": (
        "EncoderSpec",
        "Item",
        "Region",
    ),
    "georetrieve.vocabulary": ("load_vocabulary",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOME_OF:
        raise AttributeError(f"module 'georetrieve' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
