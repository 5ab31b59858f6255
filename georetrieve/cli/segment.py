"""``georetrieve segment``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.reading_options import ReadingOptions
from georetrieve.cli.runtime import RuntimeOptions
from georetrieve.cli.segment_options import LabelOptions, Method, MethodOptions
from georetrieve.cli.segment_output import print_maps, print_remarks, short
from georetrieve.errors import SourceError

if TYPE_CHECKING:
    from georetrieve.baselines.fit_files import Fitted, LabelSource
    from georetrieve.probes.segmentation.interface import Segmenter
    from georetrieve.sources.fields import FieldOfView
    from georetrieve.sources.options import ReadOptions
    from georetrieve.sources.views import OpenedFields

__all__ = ["EXAMPLES", "app"]

EXAMPLES = """Examples:

georetrieve segment predict section.png --clicks clicks.csv --um-per-px 2.5 -o maps

georetrieve segment fit ct/images --masks ct/masks -o ct.segmenter

georetrieve segment predict ct.segmenter core.raw --slices 0:500:10 -o maps

georetrieve segment fit sections --views ppl,xpl --masks sections/labels --void 255 -o s.segmenter
"""

app = typer.Typer(
    help="Maps of images: learn from masks or clicks, write masks, percentages and outlines.",
    no_args_is_help=True,
    epilog=EXAMPLES,
)


@app.command("fit")
@with_groups
def fit(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGES...", help="Folders, images, slides, volumes.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File of the model.")],
    *,
    labels: LabelOptions,
    how: MethodOptions,
    reading: ReadingOptions,
    running: RuntimeOptions,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the model's file.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Learn the classes of images from masks, outlines or clicks, and write a model.

    Numbered slices in a folder are images here, each with a mask of its own.
    """
    truth = labels.truth
    if truth is None:
        raise typer.BadParameter("say what is known: --masks or --clicks")
    if out.exists() and not force:
        raise SourceError(f"{out} is there; choose another name, or overwrite it (--force).")
    source, options = _label_source(truth, labels, how, running), reading.options(stacks=False)
    with Bars() as bars, _opened(images, options, reading, reading.view_names) as opened:
        fitted = _fit(source, opened.fields, options, bars)
    fitted.segmenter.save(out)
    print_remarks([*opened.remarks, *fitted.remarks], [*opened.failed, *fitted.failed])
    emit(fitted.segmenter.classes.to_json(), form, ["name", "code", "colour"])
    remark(f"{fitted.segmenter.method} of {fitted.images} labelled images: {out}")
    if strict and (opened.failed or fitted.failed):
        raise typer.Exit(1)


@app.command("predict")
@with_groups
def predict(
    words: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL] INPUT...",
            help="A model of 'segment fit' and what is mapped: images, folders, slides, volumes. "
            "Without a model with --clicks or --masks, which are learnt from on the way.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the maps.")],
    *,
    labels: LabelOptions,
    how: MethodOptions,
    reading: ReadingOptions,
    outlines: Annotated[bool, typer.Option(help="Write GeoJSON for QuPath.")] = True,
    min_area: Annotated[
        float, typer.Option(help="Smaller areas have no outline of their own, pixels.")
    ] = 16,
    simplify: Annotated[
        float, typer.Option(help="How far outlines may move, pixels; 0: exact.")
    ] = 1.0,
    preview: Annotated[int, typer.Option(help="Longest side of pictures, pixels.")] = 2000,
    running: RuntimeOptions,
    force: Annotated[bool, typer.Option("--force", help="Overwrite earlier maps.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Map images: index mask, overlay, uncertainty, percentages and outlines of each.

    Prints the percentages. What an earlier run finished is left alone; an interrupted one goes on
    where it stopped. With --clicks, one command leads from some clicks to maps.
    """
    from georetrieve.probes.segmentation.model_file import model_digest
    from georetrieve.reports.maps.run import map_fields
    from georetrieve.reports.maps.writing import MapOptions

    truth = labels.truth
    if truth is None and len(words) < 2:
        raise typer.BadParameter("name a model and what is mapped, or give --clicks or --masks")
    inputs = words if truth is not None else words[1:]
    maps = MapOptions(
        preview_px=preview, outlines=outlines, least_px=min_area, simplify_px=simplify, force=force
    )
    options = reading.options(stacks=truth is None)
    segmenter: Segmenter
    views = reading.view_names
    if truth is None:
        segmenter = _load(words[0], running)
        views = views or tuple(name for name in segmenter.view_names if name)
    with Bars() as bars, _opened(inputs, options, reading, views) as opened:
        remarks, failed, model = list(opened.remarks), list(opened.failed), words[0]
        if truth is not None:
            source = _label_source(truth, labels, how, running)
            fitted = _fit(source, opened.fields, options, bars)
            segmenter, model = fitted.segmenter, out / f"{truth.stem}.segmenter"
            remarks += fitted.remarks
            _save_beside(segmenter, model, force)
        run = map_fields(
            segmenter,
            opened.fields,
            out,
            made_by={"method": segmenter.method, "model": model_digest(model)},
            stamps=opened.stamps,
            options=maps,
            progress=bars,
        )
    print_maps(run, [*failed, *run.failed], remarks, out, form)
    if not run.maps or (strict and (failed or run.failed)):
        raise typer.Exit(1)


@app.command("info")
def info(
    model: Annotated[Path, typer.Argument(help="A model of 'segment fit'.")],
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Say what a model is: its method, classes, views and settings."""
    from georetrieve.probes.segmentation.model_file import read_model

    method, facts, tensors = read_model(model)
    values = {
        "method": method,
        **facts,
        "numbers": {name: list(one.shape) for name, one in tensors.items()},
    }
    if form is Format.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    rows = [{"what": name, "value": short(one)} for name, one in values.items()]
    emit(rows, form, ["what", "value"])


def _opened(
    inputs: Sequence[Path],
    options: ReadOptions,
    reading: ReadingOptions,
    views: tuple[str, ...],
) -> OpenedFields:
    from georetrieve.sources.views import open_fields

    return open_fields(
        inputs,
        options,
        views=views,
        slices=reading.slices,
        axis=reading.axis.value,
    )


def _label_source(
    truth: Path, labels: LabelOptions, how: MethodOptions, running: RuntimeOptions
) -> LabelSource:
    from georetrieve.baselines.fit_files import LabelSource

    if how.encoder is not None and how.method is not Method.patch_nn:
        raise typer.BadParameter(
            f"{how.method.value} looks at pixels; --encoder goes with patch-nn"
        )
    return LabelSource(
        truth=truth,
        classes=labels.classes,
        rule=labels.rule(),
        method=how.method.value,
        encoder=how.encoder or "bundled",
        settings=how.settings(clicked=labels.clicks is not None),
        runtime=running.runtime(),
    )


def _fit(
    source: LabelSource, fields: Sequence[FieldOfView], options: ReadOptions, bars: Bars
) -> Fitted:
    from georetrieve.baselines.fit_files import fit_files

    return fit_files(fields, source, options=options, progress=bars)


def _load(path: Path, running: RuntimeOptions) -> Segmenter:
    from georetrieve.baselines.methods import load_segmenter

    return load_segmenter(path, runtime=running.runtime())


def _save_beside(segmenter: Segmenter, path: Path, force: bool) -> None:
    """Keep a model that was made on the way; one that lies there is only replaced by its like."""
    from georetrieve.probes.segmentation.model_file import model_digest

    fresh = path.with_name(f".{path.name}.new")
    segmenter.save(fresh)
    same = not path.exists() or model_digest(fresh) == model_digest(path)
    if not same and not force:
        fresh.unlink()
        raise SourceError(
            f"{path} is there and another model; choose another folder (-o), or overwrite it "
            "(--force)."
        )
    fresh.replace(path)
