"""Maps beside their truth, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from georetrieve.benchmarks.run import Picture
from georetrieve.benchmarks.segmentation.data import MappedData
from georetrieve.benchmarks.segmentation.measure import Measured
from georetrieve.benchmarks.segmentation.previews import Preview, sampled_views, step_of
from georetrieve.errors import EncoderError
from georetrieve.metrics.segmentation import segmentation_scores
from georetrieve.probes.patch_colours import patch_picture
from georetrieve.protocols import DensePatchEncoder
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import Region

__all__ = ["draw_patches", "draw_pictures"]

GAP_PX = 8
COLUMNS = 3
LEGEND_PX = 30
SWATCH_PX = 14
VOID_COLOUR = (225, 225, 225)
MARK = (213, 94, 0)  # Okabe and Ito's vermillion
PAGE, TEXT = (255, 255, 255), (28, 35, 33)
CLASS_SHARE = 0.72  # of a class's colour over the image
ROWS_PX = 512
SEEN_PX = 448  # whole patches of 14 and of 16 pixels


def draw_pictures(data: MappedData, measured: Measured, *, method: str) -> tuple[Picture, ...]:
    """The tested images mapped best, in the middle, and worst by their own mean IoU."""
    values = np.array([segmentation_scores(one).mean_iou for one in measured.confusions])
    ranked = [int(place) for place in np.argsort(-values, kind="stable") if values[place] >= 0]
    if not ranked:
        return ()
    wanted = {"worst": ranked[-1], "median": ranked[len(ranked) // 2], "best": ranked[0]}
    titled = {number: title for title, number in wanted.items()}
    return tuple(
        _picture(
            data.fields[measured.places[number]],
            measured.previews[number],
            data.classes,
            title=f"{method}: {title} of {len(ranked)}, mean IoU {values[number]:.3f}",
        )
        for number, title in sorted(titled.items(), key=lambda one: ranked.index(one[0]))
    )


def draw_patches(encoder: DensePatchEncoder, tested: LabelledField) -> tuple[Picture, ...]:
    """What an encoder sees in the middle of an image; none where it takes no such size."""
    width, height = tested.field.size
    across, down = min(SEEN_PX, width), min(SEEN_PX, height)
    middle = Region((width - across) // 2, (height - down) // 2, across, down)
    try:
        picture, share = patch_picture(encoder, tested.field.read(middle)[0])
    except EncoderError:
        return ()
    return (
        Picture(
            "patch_colours",
            f"{encoder.spec.name}: patches of {encoder.patch_px} px",
            f"The middle of {tested.field.name} and the three principal axes of its patches' "
            f"features as red, green and blue ({share:.0%} of their variance): like patches have "
            "like colours.",
            picture,
        ),
    )


def _picture(
    tested: LabelledField, preview: Preview, classes: ClassTable, *, title: str
) -> Picture:
    views = sampled_views(tested.field)
    truth, grey = _sampled_truth(tested), views[0].mean(axis=-1, keepdims=True)
    panels = [
        *views,
        _coloured(truth, grey, classes),
        _coloured(preview.classes.astype(np.int64), grey, classes),
        _marked(preview.doubt / 255, grey),
        _marked((truth >= 0) & (truth != preview.classes), grey),
    ]
    shown = ", ".join([*(name or "image" for name in tested.field.view_names)])
    return Picture(
        "overlay",
        title,
        f"{tested.field.name}: {shown}; truth; map; where the map is uncertain, and where it "
        "is wrong, both in orange. Light grey is void.",
        _sheet(panels, classes),
    )


def _sampled_truth(tested: LabelledField) -> npt.NDArray[np.int64]:
    width, height = tested.field.size
    step = step_of(tested.field.size)
    tall = max(1, ROWS_PX // step) * step
    return np.concatenate(
        [
            tested.truth.read(Region(0, top, width, min(tall, height - top)))[::step, ::step]
            for top in range(0, height, tall)
        ]
    )


def _coloured(
    numbers: npt.NDArray[np.int64], grey: npt.NDArray[np.float64], classes: ClassTable
) -> npt.NDArray[np.uint8]:
    """(height, width, 3) colours of classes over the image; void, being the last, is plain."""
    colours = np.array([*classes.colours, VOID_COLOUR], np.float64)[numbers]
    mixed = CLASS_SHARE * colours + (1 - CLASS_SHARE) * grey
    return np.where((numbers < 0)[..., None], VOID_COLOUR, mixed).round().astype(np.uint8)


def _marked(
    share: npt.NDArray[np.floating] | npt.NDArray[np.bool_], grey: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """The image with a share of orange, 0 to 1, at each pixel."""
    part = share[..., None].astype(np.float64)
    # Half as bright, so that orange shows on bright grains as well.
    mixed: npt.NDArray[np.float64] = (1 - part) * grey / 2 + part * np.array(MARK, np.float64)
    return mixed.round().astype(np.uint8)


def _sheet(panels: Sequence[npt.NDArray[np.uint8]], classes: ClassTable) -> Image.Image:
    height, width, _ = panels[0].shape
    across = min(COLUMNS, len(panels))
    down = -(-len(panels) // across)
    total = across * (width + GAP_PX) - GAP_PX
    legend = _legend(classes, total)
    top = down * (height + GAP_PX)
    sheet = Image.new("RGB", (total, top + legend.height), PAGE)
    for place, panel in enumerate(panels):
        row, column = divmod(place, across)
        corner = (column * (width + GAP_PX), row * (height + GAP_PX))
        sheet.paste(Image.fromarray(panel), corner)
    sheet.paste(legend, (0, top))
    return sheet


def _legend(classes: ClassTable, width: int) -> Image.Image:
    """Names of the classes beside their colours, in as many rows as they need."""
    font = ImageFont.load_default(SWATCH_PX)
    places, left, row = [], 0, 0
    for one in classes.classes:
        wide = SWATCH_PX + 6 + int(font.getlength(one.name)) + 18
        if left and left + wide > width:
            left, row = 0, row + 1
        places.append((left, row, one))
        left += wide
    strip = Image.new("RGB", (width, LEGEND_PX * (row + 1)), PAGE)
    draw = ImageDraw.Draw(strip)
    for x, line, one in places:
        y = line * LEGEND_PX + (LEGEND_PX - SWATCH_PX) // 2
        draw.rectangle((x, y, x + SWATCH_PX, y + SWATCH_PX), fill=one.colour)
        draw.text((x + SWATCH_PX + 6, y - 1), one.name, fill=TEXT, font=font)
    return strip
