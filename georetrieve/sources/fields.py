"""A field of view in one or more registered views, and what is known of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.protocols import RegionReader, Truth
from georetrieve.types import Region

__all__ = ["FieldOfView", "LabelledField", "cropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOfView:
    """What is mapped as one: an image, a slide, a slice of a volume, or a PPL and XPL pair.

    Attributes:
        name: What it is called: a path below the folder that was given, in volumes with ``#z=12``.
        size: (width, height), pixels.
        views: Give the RGB pixels of a region; one a view, registered pixel by pixel, in the order
            of ``view_names``.
        view_names: What the views are: ``("ppl", "xpl")``; ``("",)`` where there is only one.
        um_per_px: Size of a pixel, micrometres; None when unknown.
        group: Slide, core or volume: the unit of splits; "" when unknown.
    """

    name: str
    size: tuple[int, int]
    views: tuple[RegionReader, ...]
    view_names: tuple[str, ...] = ("",)
    um_per_px: float | None = None
    group: str = ""

    def __post_init__(self) -> None:
        if not self.views or len(self.views) != len(self.view_names):
            raise SourceError(
                f"{self.name} has {len(self.views)} views and {len(self.view_names)} names for "
                "them; each view needs one name."
            )

    @property
    def whole(self) -> Region:
        """All of it."""
        return Region(0, 0, *self.size)

    def read(self, region: Region) -> list[Image.Image]:
        """The RGB pixels of a region, in each view.

        Raises:
            SourceError: The region lies outside, or its pixels cannot be decoded.
        """
        return [view(region) for view in self.views]


@dataclass(frozen=True, slots=True)
class LabelledField:
    """A field of view and what is known of its pixels; both have one size.

    Raises:
        SourceError: They have not.
    """

    field: FieldOfView
    truth: Truth

    def __post_init__(self) -> None:
        if self.field.size != self.truth.size:
            (w, h), (mw, mh) = self.field.size, self.truth.size
            raise SourceError(
                f"{self.field.name} is {w}×{h} px and its mask {mw}×{mh} px; a mask has the size "
                "of its image."
            )


def cropped(field: FieldOfView, region: Region) -> FieldOfView:
    """A part of a field as a field of its own, called ``NAME#x,y,width,height``.

    Raises:
        SourceError: The region reaches beyond the field.
    """
    right, bottom = region.x + region.width, region.y + region.height
    if right > field.size[0] or bottom > field.size[1]:
        raise SourceError(
            f"The region {region} reaches beyond {field.name}, which has "
            f"{field.size[0]}×{field.size[1]} px."
        )

    def part(view: RegionReader) -> RegionReader:
        def read(asked: Region) -> Image.Image:
            return view(Region(asked.x + region.x, asked.y + region.y, asked.width, asked.height))

        return read

    return replace(
        field,
        name=f"{field.name}#{region}",
        size=(region.width, region.height),
        views=tuple(part(view) for view in field.views),
    )
