"""Options that the commands of ``georetrieve segment`` share, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    "AxisName",
    "LabelOptions",
    "MaskValuesName",
    "Method",
    "MethodOptions",
    "ReadingOptions",
    "Recipe",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOptions:
    """What is known of some pixels."""

    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks, named like the images; or one mask; or QuPath's GeoJSON.",
            rich_help_panel=LABELS,
        ),
    ] = None
    clicks: Annotated[
        Path | None,
        typer.Option(
            help="CSV of points path,x,y,class, in full-size pixels; 'radius' if you like.",
            rich_help_panel=LABELS,
        ),
    ] = None
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Table of classes: .csv, .json or .toml with name, code, colour. "
            "[default: as found]",
            rich_help_panel=LABELS,
        ),
    ] = None
    void: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE,…",
            help="Codes, or colours #rrggbb, of pixels nothing is known of, say 255.",
            rich_help_panel=LABELS,
        ),
    ] = None
    unknown_void: Annotated[
        bool,
        typer.Option("--unknown-void", help="Values of no class are void.", rich_help_panel=LABELS),
    ] = False
    mask_values: Annotated[
        MaskValuesName,
        typer.Option(
            help="Whether codes or colours stand for classes; auto: colours in RGB masks.",
            rich_help_panel=LABELS,
        ),
    ] = MaskValuesName.auto
    radius: Annotated[
        float, typer.Option(help="Pixels round a click that it labels.", rich_help_panel=LABELS)
    ] = 4.0

    @property
    def truth(self) -> Path | None:
        """What the labels are, of which there is one kind at a time.

        Raises:
            BadParameter: Both are given.
        """
        if self.masks is not None and self.clicks is not None:
            raise typer.BadParameter("--masks and --clicks go one at a time")
        return self.masks or self.clicks

    def rule(self) -> MaskRule:
        """How masks are read."""
        from georetrieve.sources.masks.rule import MaskRule
        from georetrieve.sources.masks.table_file import parse_colour

        codes = []
        for part in _listed(self.void):
            if part.isdigit():
                codes.append(int(part))
            elif part.startswith("#"):
                red, green, blue = parse_colour(part)
                codes.append(red << 16 | green << 8 | blue)
            else:
                raise SourceError(f"--void {part!r} is neither a code nor a colour #rrggbb.")
        return MaskRule(
            values=self.mask_values.value,
            void=tuple(codes),
            unknown_is_void=self.unknown_void,
            radius_px=self.radius,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOptions:
    """What maps, and how."""

    method: Annotated[
        Method, typer.Option("--method", "-m", help="What maps.", rich_help_panel=HOW)
    ] = Method.patch_nn
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            help="Whose patches; of patch-nn. [default: bundled]",
            rich_help_panel=HOW,
        ),
    ] = None
    recipe: Annotated[
        Recipe, typer.Option(help="Settings of patch-nn as published.", rich_help_panel=HOW)
    ] = Recipe.default
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            help="Neighbours that vote. [default: 10 of the bundled encoder, else 30]",
            rich_help_panel=HOW,
        ),
    ] = None
    memory: Annotated[
        int | None,
        typer.Option("--memory", help="Most patches kept. [default: 20000]", rich_help_panel=HOW),
    ] = None
    scale: Annotated[
        float | None,
        typer.Option(help="Enlarge images first: finer maps, slower.", rich_help_panel=HOW),
    ] = None
    smooth: Annotated[
        int | None,
        typer.Option(
            "--smooth",
            help="Even maps out along the image, over so many pixels each way; 0: not at all. "
            "[default: 16 with clicks, else 0]",
            rich_help_panel=HOW,
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="Of what is drawn by lot.", rich_help_panel=HOW)] = 0

    def settings(self, *, clicked: bool) -> PatchSettings:
        """How patch-nn maps; what clicks leave speckled is evened out unless told otherwise."""
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
        smooth = self.smooth
        if smooth is None and clicked and self.recipe is Recipe.default:
            smooth = CLICKED_SMOOTH_PX
        given = {
            "k": self.k,
            "memory_size": self.memory,
            "scale": self.scale,
            "smooth_px": smooth,
            "seed": self.seed,
        }
        changed = {name: one for name, one in given.items() if one is not None}
        return replace(recipes[self.recipe], **changed)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """What of files is read, and how."""

    views: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="Registered views taken as one: folders, or endings of names; say ppl,xpl.",
            rich_help_panel=READ,
        ),
    ] = None
    slices: Annotated[
        str | None,
        typer.Option(
            metavar="3,8|START:STOP:STEP",
            help="Slices of volumes. [default: all]",
            rich_help_panel=READ,
        ),
    ] = None
    axis: Annotated[
        AxisName, typer.Option(help="What slices are perpendicular to.", rich_help_panel=READ)
    ] = AxisName.z
    um_per_px: Annotated[
        float | None,
        typer.Option(help="Scale, where the files' is unknown or wrong.", rich_help_panel=READ),
    ] = None
    intensity: Annotated[
        str | None,
        typer.Option(
            help="16-bit and float to 8 bits: 'range' or 'percentile'.", rich_help_panel=READ
        ),
    ] = None
    raw_shape: Annotated[
        str | None,
        typer.Option(metavar="Z,Y,X", help="Shape of .raw volumes.", rich_help_panel=READ),
    ] = None
    raw_dtype: Annotated[
        str | None, typer.Option(help="Type of .raw volumes: uint8, <u2 …", rich_help_panel=READ)
    ] = None
    max_pixels: Annotated[
        int | None,
        typer.Option(
            help="Largest image of a format that is decoded whole. [default: 500000000]",
            rich_help_panel=READ,
        ),
    ] = None

    @property
    def view_names(self) -> tuple[str, ...]:
        """Names of registered views."""
        return _listed(self.views)

    def options(self, *, stacks: bool) -> ReadOptions:
        """How files are read.

        Args:
            stacks: Numbered slices are one volume where they look like it.
        """
        from georetrieve.sources.options import ReadOptions

        shape = None
        if self.raw_shape is not None:
            parts = _listed(self.raw_shape.replace("x", ","))
            if len(parts) != 3 or not all(part.isdigit() for part in parts):
                raise SourceError(
                    f"--raw-shape {self.raw_shape!r} is not three whole numbers Z,Y,X."
                )
            shape = [int(part) for part in parts]
        given = {
            "um_per_px": self.um_per_px,
            "intensity": self.intensity,
            "raw_shape": shape,
            "raw_dtype": self.raw_dtype,
            "max_pixels": self.max_pixels,
            "volumes": "auto" if stacks else "never",
        }
        return ReadOptions.from_json({name: one for name, one in given.items() if one is not None})


def _listed(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",")) if text else ()
