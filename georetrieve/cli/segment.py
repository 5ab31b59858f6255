"""``georetrieve segment``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli import segment_options as opt
from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import (
    Backend,
    BackendOption,
    DeviceOption,
    Precision,
    PrecisionOption,
)
from georetrieve.cli.segment_output import print_maps, print_remarks, short
from georetrieve.errors import SourceError

if TYPE_CHECKING:
    from georetrieve.baselines.fit_files import Fitted, LabelSource
    from georetrieve.probes.segmentation.interface import Segmenter
    from georetrieve.probes.segmentation.settings import PatchSettings
    from georetrieve.sources.fields import FieldOfView
    from georetrieve.sources.masks.rule import MaskRule
    from georetrieve.sources.options import ReadOptions

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
def fit(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGES...", help="Folders, images, slides, volumes.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File of the model.")],
    masks: opt.MasksOption = None,
    clicks: opt.ClicksOption = None,
    classes: opt.ClassesOption = None,
    void: opt.VoidOption = None,
    unknown_void: opt.UnknownVoidOption = False,
    mask_values: opt.MaskValuesOption = opt.MaskValuesName.auto,
    radius: opt.RadiusOption = 4.0,
    method: opt.MethodOption = opt.Method.patch_nn,
    encoder: opt.EncoderOption = None,
    recipe: opt.RecipeOption = opt.Recipe.default,
    k: opt.KOption = None,
    memory: opt.MemoryOption = None,
    scale: opt.ScaleOption = None,
    smooth: opt.SmoothOption = None,
    seed: opt.SeedOption = 0,
    views: opt.ViewsOption = None,
    slices: opt.SlicesOption = None,
    axis: opt.AxisOption = opt.AxisName.z,
    um_per_px: opt.UmPerPxOption = None,
    intensity: opt.IntensityOption = None,
    raw_shape: opt.RawShapeOption = None,
    raw_dtype: opt.RawDtypeOption = None,
    max_pixels: opt.MaxPixelsOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = Backend.auto,
    precision: PrecisionOption = Precision.auto,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the model's file.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Learn the classes of images from masks, outlines or clicks, and write a model.

    Numbered slices in a folder are images here, each with a mask of its own.
    """
    from georetrieve.sources.views import open_fields

    truth = opt.truth_path(masks, clicks)
    if truth is None:
        raise typer.BadParameter("say what is known: --masks or --clicks")
    if out.exists() and not force:
        raise SourceError(f"{out} is there; choose another name, or overwrite it (--force).")
    source = _label_source(
        truth, classes, opt.mask_rule(mask_values, void, unknown_void, radius), method, encoder,
        opt.settings(recipe, k, memory, scale, smooth, seed, clicked=clicks is not None),
        device, backend, precision,
    )  # fmt: skip
    reading = opt.read_options(um_per_px, intensity, raw_shape, raw_dtype, max_pixels, stacks=False)
    with (
        Bars() as bars,
        open_fields(
            images, reading, views=opt.listed(views), slices=slices, axis=axis.value
        ) as opened,
    ):
        fitted = _fit(source, opened.fields, reading, bars)
    fitted.segmenter.save(out)
    print_remarks([*opened.remarks, *fitted.remarks], [*opened.failed, *fitted.failed])
    emit(fitted.segmenter.classes.to_json(), form, ["name", "code", "colour"])
    remark(f"{fitted.segmenter.method} of {fitted.images} labelled images: {out}")
    if strict and (opened.failed or fitted.failed):
        raise typer.Exit(1)


@app.command("predict")
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
    masks: opt.MasksOption = None,
    clicks: opt.ClicksOption = None,
    classes: opt.ClassesOption = None,
    void: opt.VoidOption = None,
    unknown_void: opt.UnknownVoidOption = False,
    mask_values: opt.MaskValuesOption = opt.MaskValuesName.auto,
    radius: opt.RadiusOption = 4.0,
    method: opt.MethodOption = opt.Method.patch_nn,
    encoder: opt.EncoderOption = None,
    recipe: opt.RecipeOption = opt.Recipe.default,
    k: opt.KOption = None,
    memory: opt.MemoryOption = None,
    scale: opt.ScaleOption = None,
    smooth: opt.SmoothOption = None,
    seed: opt.SeedOption = 0,
    views: opt.ViewsOption = None,
    slices: opt.SlicesOption = None,
    axis: opt.AxisOption = opt.AxisName.z,
    um_per_px: opt.UmPerPxOption = None,
    intensity: opt.IntensityOption = None,
    raw_shape: opt.RawShapeOption = None,
    raw_dtype: opt.RawDtypeOption = None,
    max_pixels: opt.MaxPixelsOption = None,
    outlines: Annotated[bool, typer.Option(help="Write GeoJSON for QuPath.")] = True,
    min_area: Annotated[
        float, typer.Option(help="Smaller areas have no outline of their own, pixels.")
    ] = 16,
    simplify: Annotated[
        float, typer.Option(help="How far outlines may move, pixels; 0: exact.")
    ] = 1.0,
    preview: Annotated[int, typer.Option(help="Longest side of pictures, pixels.")] = 2000,
    device: DeviceOption = "auto",
    backend: BackendOption = Backend.auto,
    precision: PrecisionOption = Precision.auto,
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
    from georetrieve.sources.views import open_fields

    truth = opt.truth_path(masks, clicks)
    if truth is None and len(words) < 2:
        raise typer.BadParameter("name a model and what is mapped, or give --clicks or --masks")
    inputs = words if truth is not None else words[1:]
    options = MapOptions(
        preview_px=preview, outlines=outlines, least_px=min_area, simplify_px=simplify, force=force
    )
    reading = opt.read_options(
        um_per_px, intensity, raw_shape, raw_dtype, max_pixels, stacks=truth is None
    )
    segmenter: Segmenter
    names = opt.listed(views)
    if truth is None:
        segmenter = _load(words[0], device, backend, precision)
        names = names or tuple(name for name in segmenter.view_names if name)
    with (
        Bars() as bars,
        open_fields(inputs, reading, views=names, slices=slices, axis=axis.value) as opened,
    ):
        remarks, failed, model = list(opened.remarks), list(opened.failed), words[0]
        if truth is not None:
            rule = opt.mask_rule(mask_values, void, unknown_void, radius)
            source = _label_source(
                truth, classes, rule, method, encoder,
                opt.settings(recipe, k, memory, scale, smooth, seed, clicked=clicks is not None),
        device, backend, precision,
            )  # fmt: skip
            fitted = _fit(source, opened.fields, reading, bars)
            segmenter, model = fitted.segmenter, out / f"{truth.stem}.segmenter"
            remarks += fitted.remarks
            _save_beside(segmenter, model, force)
        run = map_fields(
            segmenter,
            opened.fields,
            out,
            made_by={"method": segmenter.method, "model": model_digest(model)},
            stamps=opened.stamps,
            options=options,
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


def _label_source(
    truth: Path,
    classes: Path | None,
    rule: MaskRule,
    method: opt.Method,
    encoder: str | None,
    settings: PatchSettings,
    device: str,
    backend: Backend,
    precision: Precision,
) -> LabelSource:
    from georetrieve.baselines.fit_files import LabelSource
    from georetrieve.encoders.runtime import Runtime

    if encoder is not None and method is not opt.Method.patch_nn:
        raise typer.BadParameter(f"{method.value} looks at pixels; --encoder goes with patch-nn")
    return LabelSource(
        truth=truth,
        classes=classes,
        rule=rule,
        method=method.value,
        encoder=encoder or "bundled",
        settings=settings,
        runtime=Runtime(device=device, backend=backend, precision=precision),
    )


def _fit(
    source: LabelSource, fields: Sequence[FieldOfView], reading: ReadOptions, bars: Bars
) -> Fitted:
    from georetrieve.baselines.fit_files import fit_files

    return fit_files(fields, source, options=reading, progress=bars)


def _load(path: Path, device: str, backend: Backend, precision: Precision) -> Segmenter:
    from georetrieve.baselines.methods import load_segmenter
    from georetrieve.encoders.runtime import Runtime

    return load_segmenter(
        path, runtime=Runtime(device=device, backend=backend, precision=precision)
    )


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
