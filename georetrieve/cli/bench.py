"""``georetrieve bench``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from georetrieve.cli import (
    bench_classification,
    bench_classify,
    bench_compare,
    bench_hummingbird,
    bench_page,
    bench_parity,
    bench_rotations,
    bench_scampi,
    bench_segment_memory,
    bench_segmentation,
    bench_service,
    bench_speed,
    bench_text,
)
from georetrieve.cli.engines import Engine
from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import PlainRuntimeOptions

__all__ = ["app"]

app = typer.Typer(
    help="Benchmarks: quality of retrieval, specimens found, and speed as ratios taken in one run.",
    no_args_is_help=True,
)

Out = Annotated[Format, typer.Option("--format")]


class Protocol(StrEnum):
    """Which numbers are measured."""

    full = "full"
    scampi = "scampi"


def _facts(values: Mapping[str, Any], form: Format) -> None:
    """Print named numbers."""
    if form is Format.json:
        print(json.dumps(dict(values), indent=2))
    else:
        rows = [{"measure": name, "value": value} for name, value in values.items()]
        emit(rows, form, ["measure", "value"])


@app.command("retrieval")
def retrieval(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="'scampi': the published numbers alone; 'full': all.")
    ] = Protocol.full,
    where: Annotated[str | None, typer.Option(help="Only items that meet this condition.")] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="Judge this engine's answers too, beside the exact ones."),
    ] = Engine.auto,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report. [default: INDEX/reports/…]"),
    ] = None,
    form: Out = Format.table,
) -> None:
    """Measure how well an index retrieves its own labelled items.

    Every labelled item is looked up among all others (the protocol of the SCAMPI benchmark, and
    what is needed to trust its numbers). Prints P@N_R, P@k, nn F1 and their chance level; writes a
    record (JSON), a report (Markdown), figures, and sheets of the best and the worst queries.
    """
    from georetrieve.benchmarks.index_retrieval import measure_index
    from georetrieve.benchmarks.retrieval import headline, scampi_summary
    from georetrieve.reports.retrieval import write_report
    from georetrieve.search import Index

    with Bars() as bars, Index.open(index, engine=engine.value, progress=bars) as opened:
        record = measure_index(opened, encoder=encoder, protocol=protocol.value, where=where)
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        folder = out or opened.path / "reports" / f"retrieval-{stamp}"
        written = write_report(record, folder, opened.thumbnails)
    if form is Format.json:
        print(json.dumps(scampi_summary(record), indent=2))
    else:
        rows = [
            {
                "measure": name,
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "chance": estimate.chance,
                "queries": estimate.n,
            }
            for name, estimate in headline(record).items()
        ]
        emit(rows, form, ["measure", "value", "low", "high", "chance", "queries"])
        for note in record.notes:
            remark(f"note: {note}")
    remark(f"report: {written}")


@app.command("indexing")
@with_groups
def indexing(
    source: Annotated[
        Path | None,
        typer.Argument(help="Folder of images. [default: synthetic JPEGs of 512×512]"),
    ] = None,
    encoder: Annotated[str, typer.Option("--encoder", "-e")] = "bundled",
    count: Annotated[int, typer.Option(help="How many synthetic images.")] = 300,
    batch_size: Annotated[int, typer.Option(help="Images encoded at once.")] = 32,
    workers: Annotated[int, typer.Option(help="Reading threads; 0: one a processor.")] = 0,
    *,
    running: PlainRuntimeOptions,
    form: Out = Format.table,
) -> None:
    """Compare the rate of a whole indexing run with that of the bare encoder."""
    from georetrieve.benchmarks.indexing_speed import run_indexing_speed

    values = run_indexing_speed(
        source,
        encoder=encoder,
        count=count,
        batch_size=batch_size,
        workers=workers,
        runtime=running.runtime(),
    )
    _facts(values, form)


@app.command("unchanged")
def unchanged(
    count: Annotated[int, typer.Option(help="How many small files.")] = 10_000,
    form: Out = Format.table,
) -> None:
    """Time a second run over an unchanged folder, start-up included."""
    from georetrieve.benchmarks.indexing_speed import run_unchanged_speed

    _facts(run_unchanged_speed(count), form)


@app.command("search")
def search(
    count: Annotated[int, typer.Option(help="Vectors.")] = 200_000,
    dim: Annotated[int, typer.Option(help="Their width.")] = 384,
    queries: Annotated[int, typer.Option(help="Queries searched at once, beside one.")] = 64,
    k: Annotated[int, typer.Option("-k", help="Neighbours.")] = 10,
    rounds: Annotated[int, typer.Option(help="How often each search is timed.")] = 5,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:1: where FAISS searches too.")
    ] = "auto",
    form: Out = Format.table,
) -> None:
    """Compare the engines on the same vectors: exact, FAISS's flat, IVF and HNSW, Lance.

    The vectors are drawn in clusters, as those of encoders lie; the questions are not among them.
    Ratios are to the exact engine (below 1 is faster); recall is the share of its hits found.
    """
    from georetrieve.benchmarks.search_speed import run_search_speed

    with Bars() as bars:
        values = run_search_speed(
            count, dim, queries, k, rounds=rounds, device=device, progress=bars
        )
    engines = values.pop("engines")
    if form is Format.json:
        print(json.dumps({**values, "engines": engines}, indent=2))
        return
    emit(engines, form, list(engines[0]))
    if form is Format.table:
        _facts(values, form)


@app.command("specimens")
def specimens(
    slide: Annotated[
        Path, typer.Argument(help="A slide, say one that 'georetrieve samples' made.")
    ],
    truth: Annotated[Path, typer.Argument(help="Its truth: the CSV or GeoJSON in FOLDER-truth.")],
    tile_px: Annotated[
        str, typer.Option(help="Tile sizes to compare, pixels, comma-separated.")
    ] = "512,1024,2048,4096",
    form: Out = Format.table,
) -> None:
    """Compare the specimens found on a slide with the truth, at several tile sizes."""
    from georetrieve.benchmarks.specimens import evaluate_specimens

    rows = [
        {"tile_px": int(side), **evaluate_specimens(slide, truth, tile_px=int(side))}
        for side in tile_px.split(",")
    ]
    emit(rows, form, list(rows[0]))


app.command("throughput")(bench_service.throughput)
app.command("serve")(bench_service.load)
app.command("backends")(bench_speed.backends)
app.command("rotations")(bench_rotations.rotations)
app.command("parity")(bench_parity.parity)
app.command("parity-scampi", epilog=bench_scampi.EXAMPLES)(bench_scampi.parity_scampi)
app.command("parity-hummingbird", epilog=bench_hummingbird.EXAMPLES)(
    bench_hummingbird.parity_hummingbird
)
app.command("classify-speed")(bench_classify.classify_speed)
app.command("classification", epilog=bench_classification.EXAMPLES)(
    bench_classification.classification
)
app.command("segmentation", epilog=bench_segmentation.EXAMPLES)(bench_segmentation.segmentation)
app.command("segment-memory", epilog=bench_segment_memory.EXAMPLES)(
    bench_segment_memory.segment_memory
)
app.command("text", epilog=bench_text.EXAMPLES)(bench_text.text)
app.command("compare", epilog=bench_compare.EXAMPLES)(bench_compare.compare)
app.command("page", epilog=bench_page.EXAMPLES)(bench_page.page)
