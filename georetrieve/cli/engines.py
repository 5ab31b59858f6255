"""``--engine``, and ``georetrieve engine``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

__all__ = ["ANN", "ENGINE_COLUMNS", "EXAMPLES", "Engine", "EngineOption", "engine"]

EXAMPLES = """Examples:

georetrieve engine slides

georetrieve engine slides --build ivf
"""

ENGINE_COLUMNS = [
    "engine", "encoder", "vectors", "version", "current", "recall_at_10", "build_seconds",
]  # fmt: skip


class Engine(StrEnum):
    """What searches."""

    auto = "auto"
    exact = "exact"
    lance = "lance"
    faiss = "faiss"
    flat = "faiss:flat"
    ivf = "faiss:ivf"
    hnsw = "faiss:hnsw"


class ANN(StrEnum):
    """Kinds of approximate index."""

    ivf = "ivf"
    hnsw = "hnsw"


EngineOption = Annotated[
    Engine,
    typer.Option(
        help="What searches: exact, lance (its own scan) or faiss; auto is exact unless the index "
        "is large and has an ANN index."
    ),
]


def engine(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    build: Annotated[
        ANN | None,
        typer.Option(
            help="Build an approximate (ANN) index first, unless it is there: ivf is "
            "built sooner, hnsw answers sooner."
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
    ] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Show the FAISS indexes kept for an index and what they find; build one ahead of time.

    An ANN index answers single searches of a large index in a millisecond, and finds nearly all of
    the nearest. After items have come or gone it is built again; labels do not matter to it.
    """
    from georetrieve.search import Index
    from georetrieve.stores.faiss_cache import FaissCache

    name = "auto" if build is None else f"faiss:{build.value}"
    with Bars() as bars, Index.open(index, engine=name, progress=bars) as opened:
        remarks = () if build is None else opened.column(encoder).choose().remarks
        rows = FaissCache(opened.path).rows(opened.store)
    if not rows and build is None:
        build_one = f"georetrieve engine {index} --build ivf"
        remarks = (f"No FAISS index is kept; every search is exact. To build one: {build_one}",)
    emit(rows, form, ENGINE_COLUMNS)
    for line in remarks:
        remark(line)
