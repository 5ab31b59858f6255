"""Options that the commands of ``georetrieve segment`` share, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.errors import SourceError

if TYPE_CHECKING:
    from georetrieve.probes.segmentation.settings import PatchSettings
    from georetrieve.sources.masks.rule import MaskRule
    from georetrieve.sources.options import ReadOptions

__all__ = [
    "AxisName", "AxisOption", "ClassesOption", "ClicksOption", "EncoderOption", "IntensityOption",
    "KOption", "MaskValuesName", "MaskValuesOption", "MasksOption", "MaxPixelsOption",
    "MemoryOption", "Method", "MethodOption", "RadiusOption", "RawDtypeOption", "RawShapeOption",
    "Recipe", "RecipeOption", "ScaleOption", "SeedOption", "SlicesOption", "SmoothOption",
    "UmPerPxOption",
    "UnknownVoidOption", "ViewsOption", "VoidOption", "listed", "mask_rule", "read_options",
    "settings", "truth_path",
]  # fmt: skip

LABELS = "What is known"
HOW = "How it is mapped"
READ = "How files are read"


class Method(StrEnum):
    """What maps."""

    patch_nn = "patch-nn"
    forest = "forest"
    otsu = "otsu"
    kmeans = "kmeans"
    fuzzy = "fuzzy"


class Recipe(StrEnum):
    """Settings of patch-nn as they were published."""

    default = "default"
    hummingbird = "hummingbird"
    dinov2_rocks = "dinov2-rocks"


class AxisName(StrEnum):
    """What slices are perpendicular to."""

    z = "z"
    y = "y"
    x = "x"


class MaskValuesName(StrEnum):
    """What stands for a class in masks."""

    auto = "auto"
    codes = "codes"
    colours = "colours"


MasksOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of masks, named like the images; or one mask; or QuPath's GeoJSON.",
        rich_help_panel=LABELS,
    ),
]
ClicksOption = Annotated[
    Path | None,
    typer.Option(
        help="CSV of points path,x,y,class, in full-size pixels; 'radius' if you like.",
        rich_help_panel=LABELS,
    ),
]
ClassesOption = Annotated[
    Path | None,
    typer.Option(
        help="Table of classes: .csv, .json or .toml with name, code, colour. [default: as found]",
        rich_help_panel=LABELS,
    ),
]
VoidOption = Annotated[
    str | None,
    typer.Option(
        metavar="VALUE,…",
        help="Codes, or colours #rrggbb, of pixels nothing is known of, say 255.",
        rich_help_panel=LABELS,
    ),
]
UnknownVoidOption = Annotated[
    bool,
    typer.Option("--unknown-void", help="Values of no class are void.", rich_help_panel=LABELS),
]
MaskValuesOption = Annotated[
    MaskValuesName,
    typer.Option(
        help="Whether codes or colours stand for classes; auto: colours in RGB masks.",
        rich_help_panel=LABELS,
    ),
]
RadiusOption = Annotated[
    float, typer.Option(help="Pixels round a click that it labels.", rich_help_panel=LABELS)
]
MethodOption = Annotated[
    Method, typer.Option("--method", "-m", help="What maps.", rich_help_panel=HOW)
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder", "-e", help="Whose patches; of patch-nn. [default: bundled]",
        rich_help_panel=HOW,
    ),
]  # fmt: skip
RecipeOption = Annotated[
    Recipe, typer.Option(help="Settings of patch-nn as published.", rich_help_panel=HOW)
]
KOption = Annotated[
    int | None,
    typer.Option(
        "-k",
        help="Neighbours that vote. [default: 10 of the bundled encoder, else 30]",
        rich_help_panel=HOW,
    ),
]
MemoryOption = Annotated[
    int | None,
    typer.Option("--memory", help="Most patches kept. [default: 20000]", rich_help_panel=HOW),
]
ScaleOption = Annotated[
    float | None,
    typer.Option(help="Enlarge images first: finer maps, slower.", rich_help_panel=HOW),
]
SmoothOption = Annotated[
    int | None,
    typer.Option(
        "--smooth",
        help="Even maps out along the image, over so many pixels each way; 0: not at all. "
        "[default: 16 with clicks, else 0]",
        rich_help_panel=HOW,
    ),
]
SeedOption = Annotated[int, typer.Option(help="Of what is drawn by lot.", rich_help_panel=HOW)]
ViewsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,…",
        help="Registered views taken as one: folders, or endings of names; say ppl,xpl.",
        rich_help_panel=READ,
    ),
]
SlicesOption = Annotated[
    str | None,
    typer.Option(
        metavar="3,8|START:STOP:STEP", help="Slices of volumes. [default: all]",
        rich_help_panel=READ,
    ),
]  # fmt: skip
AxisOption = Annotated[
    AxisName, typer.Option(help="What slices are perpendicular to.", rich_help_panel=READ)
]
UmPerPxOption = Annotated[
    float | None,
    typer.Option(help="Scale, where the files' is unknown or wrong.", rich_help_panel=READ),
]
IntensityOption = Annotated[
    str | None,
    typer.Option(help="16-bit and float to 8 bits: 'range' or 'percentile'.", rich_help_panel=READ),
]
RawShapeOption = Annotated[
    str | None, typer.Option(metavar="Z,Y,X", help="Shape of .raw volumes.", rich_help_panel=READ)
]
RawDtypeOption = Annotated[
    str | None, typer.Option(help="Type of .raw volumes: uint8, <u2 …", rich_help_panel=READ)
]
MaxPixelsOption = Annotated[
    int | None,
    typer.Option(
        help="Largest image of a format that is decoded whole. [default: 500000000]",
        rich_help_panel=READ,
    ),
]


def listed(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def truth_path(masks: Path | None, clicks: Path | None) -> Path | None:
    """What the labels are, of which there is one kind at a time.

    Raises:
        BadParameter: Both are given.
    """
    if masks is not None and clicks is not None:
        raise typer.BadParameter("--masks and --clicks go one at a time")
    return masks or clicks


def mask_rule(
    values: MaskValuesName, void: str | None, unknown_void: bool, radius: float
) -> MaskRule:
    """How masks are read."""
    from georetrieve.sources.masks.rule import MaskRule
    from georetrieve.sources.masks.table_file import parse_colour

    codes = []
    for part in listed(void):
        if part.isdigit():
            codes.append(int(part))
        elif part.startswith("#"):
            red, green, blue = parse_colour(part)
            codes.append(red << 16 | green << 8 | blue)
        else:
            raise SourceError(f"--void {part!r} is neither a code nor a colour #rrggbb.")
    return MaskRule(
        values=values.value, void=tuple(codes), unknown_is_void=unknown_void, radius_px=radius
    )


def read_options(
    um_per_px: float | None,
    intensity: str | None,
    raw_shape: str | None,
    raw_dtype: str | None,
    max_pixels: int | None,
    *,
    stacks: bool,
) -> ReadOptions:
    """How files are read; ``stacks``: numbered slices are one volume where they look like it."""
    from georetrieve.sources.options import ReadOptions

    shape = None
    if raw_shape is not None:
        parts = listed(raw_shape.replace("x", ","))
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise SourceError(f"--raw-shape {raw_shape!r} is not three whole numbers Z,Y,X.")
        shape = [int(part) for part in parts]
    given = {
        "um_per_px": um_per_px,
        "intensity": intensity,
        "raw_shape": shape,
        "raw_dtype": raw_dtype,
        "max_pixels": max_pixels,
        "volumes": "auto" if stacks else "never",
    }
    return ReadOptions.from_json({name: one for name, one in given.items() if one is not None})


def settings(
    recipe: Recipe,
    k: int | None,
    memory: int | None,
    scale: float | None,
    smooth: int | None,
    seed: int,
    *,
    clicked: bool,
) -> PatchSettings:
    """How patch-nn maps; what a few clicks leave speckled is evened out unless told otherwise."""
    from georetrieve.probes.segmentation.settings import (
        CLICKED_SMOOTH_PX,
        DINOV2_ROCKS,
        HUMMINGBIRD,
        PatchSettings,
    )

    recipes = {
        Recipe.default: PatchSettings(),
        Recipe.hummingbird: HUMMINGBIRD,
        Recipe.dinov2_rocks: DINOV2_ROCKS,
    }
    if smooth is None and clicked and recipe is Recipe.default:
        smooth = CLICKED_SMOOTH_PX
    given = {"k": k, "memory_size": memory, "scale": scale, "smooth_px": smooth, "seed": seed}
    changed = {name: one for name, one in given.items() if one is not None}
    return replace(recipes[recipe], **changed)  # type: ignore[arg-type]
