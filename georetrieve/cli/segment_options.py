"""Options of what is known of images and how they are mapped, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.reading_options import listed
from georetrieve.errors import SourceError

if TYPE_CHECKING:
    from georetrieve.probes.segmentation.settings import PatchSettings
    from georetrieve.sources.masks.rule import MaskRule

__all__ = [
    "LabelOptions",
    "MaskValuesName",
    "Method",
    "MethodOptions",
    "Recipe",
]

LABELS = "What is known"
HOW = "How it is mapped"


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
        for part in listed(self.void):
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
