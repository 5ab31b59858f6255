"""``georetrieve index``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit, file_line, remark
from georetrieve.cli.runtime import RuntimeOptions
from georetrieve.errors import SourceError
from georetrieve.sources.label_table import counted

if TYPE_CHECKING:
    from georetrieve.indexing.options import IndexReport

__all__ = ["EXAMPLES", "index"]

EXAMPLES = """Examples:

georetrieve index ./slides

georetrieve index ./crops --labels folder

georetrieve index ./well-7 --items specimens --min-um 15 --max-um 200

georetrieve index ./ct --items slices --axis y --step 5

georetrieve index ./slides --encoder scampi-vits16

georetrieve index ./slides --encoder dinov2-vits14,pooling=cls+mean,rotations=8

georetrieve index ./slides --encoder vit_small_patch16_224@weights.pth
"""

READ = "How files are read"
CUT = "How items are cut"
SHOWN_FAILURES = 10


@with_groups
def index(
    source: Annotated[Path, typer.Argument(help="Folder of images, slides, volumes; or one file.")],
    into: Annotated[
        str | None,
        typer.Option(
            "--index",
            "-i",
            metavar="INDEX",
            help="Name under indexes/, or a path. [default: the folder's name]",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            help="A name of 'georetrieve encoders list', or ARCH@WEIGHTS-FILE, with options such "
            "as ',pooling=cls+mean'; a further one adds a column. [default: bundled]",
        ),
    ] = None,
    checkpoint_key: Annotated[
        str | None,
        typer.Option(help="Part of a full checkpoint: 'teacher' (default) or 'student'."),
    ] = None,
    no_adapt: Annotated[
        bool, typer.Option("--no-adapt", help="Keep the bundled encoder's codebook as shipped.")
    ] = False,
    labels: Annotated[
        str | None,
        typer.Option(
            help="'folder', a CSV (path,label,group,…), 'regex:…' with (?P<label>…), or 'none'."
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="'folder', 'regex:…' with (?P<group>…), or 'none'. [default: the slide or volume]"
        ),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            help="auto, whole, tiles, specimens or slices. [default: auto]", rich_help_panel=CUT
        ),
    ] = None,
    tile_px: Annotated[
        int | None, typer.Option(help="Side of a tile, px as read. [default: 512]")
    ] = None,
    overlap_px: Annotated[int | None, typer.Option(help="Overlap of tiles. [default: 0]")] = None,
    read_um_per_px: Annotated[
        float | None, typer.Option(help="Scale at which tiles and specimens are read.")
    ] = None,
    min_um: Annotated[
        float | None, typer.Option(help="Smallest specimen, µm. [default: 10]")
    ] = None,
    max_um: Annotated[
        float | None, typer.Option(help="Largest specimen, µm. [default: 250]")
    ] = None,
    axis: Annotated[str | None, typer.Option(help="Slices across z, y or x. [default: z]")] = None,
    step: Annotated[int | None, typer.Option(help="Every how manieth slice. [default: 1]")] = None,
    um_per_px: Annotated[
        float | None, typer.Option(help="Scale of the files, where theirs is unknown or wrong.")
    ] = None,
    intensity: Annotated[
        str | None, typer.Option(help="16-bit and float to 8 bits: 'range' or 'percentile'.")
    ] = None,
    raw_shape: Annotated[
        str | None, typer.Option(metavar="Z,Y,X", help="Shape of .raw volumes.")
    ] = None,
    raw_dtype: Annotated[
        str | None, typer.Option(help="Type of .raw volumes: uint8, <u2 …")
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            help="Largest image of a format that is decoded whole, pixels. [default: 500000000]"
        ),
    ] = None,
    volumes: Annotated[
        str | None,
        typer.Option(help="Numbered slices as one volume: auto, never, always. [default: auto]"),
    ] = None,
    workers: Annotated[int, typer.Option(help="Reading threads; 0: one a processor.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images encoded at once.")] = 32,
    *,
    running: RuntimeOptions,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed files again.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    form: Annotated[
        Format, typer.Option("--format", help="How the summary is printed.")
    ] = Format.table,
) -> None:
    """Make an index of a folder, or bring it up to date.

    Unchanged files are not opened; an interrupted run goes on where it stopped.
    """
    from georetrieve.encoders.options import with_checkpoint_key
    from georetrieve.indexing.build import index_folder
    from georetrieve.indexing.options import IndexOptions
    from georetrieve.search import index_path

    cutting = {
        "items": items,
        "tile_px": tile_px,
        "overlap_px": overlap_px,
        "um_per_px": read_um_per_px,
        "min_um": min_um,
        "max_um": max_um,
        "axis": axis,
        "step": step,
    }
    reading = {
        "um_per_px": um_per_px,
        "intensity": intensity,
        "raw_shape": _shape(raw_shape),
        "raw_dtype": raw_dtype,
        "max_pixels": max_pixels,
        "volumes": volumes,
    }
    if checkpoint_key is not None:
        encoder = with_checkpoint_key(encoder or "bundled", checkpoint_key)
    options = IndexOptions(
        encoder=encoder,
        adapt=not no_adapt,
        labels=labels,
        groups=groups,
        cutting={name: value for name, value in cutting.items() if value is not None},
        reading={name: value for name, value in reading.items() if value is not None},
        runtime=running.runtime(),
        workers=workers,
        batch_size=batch_size,
        retry=retry,
    )
    try:
        with Bars() as bars:
            report = index_folder(
                source, index_path(into or source.resolve().stem), options, progress=bars
            )
    except KeyboardInterrupt:
        remark("Interrupted. What was committed is kept; the same command goes on from there.")
        raise typer.Exit(130) from None
    _print(report, form)
    if strict and report.failed:
        raise typer.Exit(1)


def _shape(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        raise SourceError(
            f"--raw-shape {text!r} is not three whole numbers Z,Y,X, say 512,1024,1024."
        )
    return [int(part) for part in parts]


def _print(report: IndexReport, form: Format) -> None:
    """The last lines a user reads: what is in the index, and what is not and why."""
    if form is not Format.table:
        row = asdict(report)
        if form is Format.json:
            print(json.dumps(row, indent=2, ensure_ascii=False))
        else:
            counts = {name: value for name, value in row.items() if not isinstance(value, list)}
            counts["failed"] = len(report.failed)
            emit([counts], form, list(counts))
        return
    for line in report.remarks:
        remark(f"  {line}")
    for path, reason in report.failed[:SHOWN_FAILURES]:
        remark(f"  failed: {file_line(path, reason)}")
    if len(report.failed) > SHOWN_FAILURES:
        more = len(report.failed) - SHOWN_FAILURES
        remark(f"  … and {more} more: georetrieve info {report.index} --failures")
    counts = {
        "read": report.indexed,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "failed": len(report.failed),
        "missing (see georetrieve prune)": report.missing,
        "ignored (no image)": report.ignored,
    }
    files = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    labels = f" with {counted(report.labels, 'label')}" if report.labels else ""
    relabelled = f"; {report.relabelled:,} relabelled" if report.relabelled else ""
    rate = ""
    if report.encoded and report.encode_seconds:
        rate = f", {report.encoded / report.encode_seconds:.1f} vectors/s"
    print(f"{report.index}: {counted(report.items, 'item')}{labels}{relabelled}")
    print(f"files: {files or 'none'}  ({report.seconds:.1f} s{rate})")
