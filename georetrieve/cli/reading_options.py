"""Options of how images are read that are mapped, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.errors import SourceError

if TYPE_CHECKING:
    from georetrieve.sources.options import ReadOptions

__all__ = ["AxisName", "ReadingOptions", "listed"]

READ = "How files are read"


class AxisName(StrEnum):
    """What slices are perpendicular to."""

    z = "z"
    y = "y"
    x = "x"


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
        return listed(self.views)

    def options(self, *, stacks: bool) -> ReadOptions:
        """How files are read.

        Args:
            stacks: Numbered slices are one volume where they look like it.
        """
        from georetrieve.sources.options import ReadOptions

        shape = None
        if self.raw_shape is not None:
            parts = listed(self.raw_shape.replace("x", ","))
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


def listed(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",")) if text else ()
