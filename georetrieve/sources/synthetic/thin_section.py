"""Thin sections: grain mosaics in plane-polarised light (PPL) and crossed polarisers (XPL)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage, spatial

from georetrieve.sources.synthetic.canvas import smooth_noise
from georetrieve.sources.synthetic.clicks import draw_clicks, write_clicks
from georetrieve.sources.synthetic.minerals import MINERALS, ROCKS, Mineral, Rock
from georetrieve.sources.synthetic.optics import interference
from georetrieve.types import FloatArray, IntArray

__all__ = ["ThinSection", "draw_section", "write_section"]

UM_PER_PX = 2.0
THICKNESS_NM = 30_000
MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class ThinSection:
    """One field of view, twice.

    Attributes:
        rock: Its name in ``ROCKS``.
        ppl: (H, W, 3) uint8 in plane-polarised light.
        xpl: (H, W, 3) uint8 between crossed polarisers.
        minerals: (H, W) uint8, ``Mineral.index`` of every pixel.
    """

    rock: str
    ppl: npt.NDArray[np.uint8]
    xpl: npt.NDArray[np.uint8]
    minerals: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Mosaic:
    """Which grain a pixel belongs to, and how deep inside it lies.

    Attributes:
        grain: (H, W) grain number; the space between grains is the last grain.
        depth: (H, W) distance from the grain's border, pixels.
        names: Mineral of every grain.
        turn: (G,) orientation of every grain, radians.
        tilt: (G,) 0..1, share of the full birefringence that the cut shows.
    """

    grain: IntArray
    depth: FloatArray
    names: list[str]
    turn: FloatArray
    tilt: FloatArray


def draw_section(
    rock: str, rng: np.random.Generator, size: tuple[int, int] = (1024, 768)
) -> ThinSection:
    """Draw a thin section.

    Args:
        rock: A name in ``ROCKS``.
        rng: Source of randomness; the same state gives the same section.
        size: (width, height), pixels of 2 µm.
    """
    shape = (size[1], size[0])
    mosaic = _mosaic(ROCKS[rock], rng, shape)
    ppl = np.zeros((*shape, 3), np.float32)
    xpl = np.zeros((*shape, 3), np.float32)
    index = np.zeros(shape, np.uint8)
    names = np.array(mosaic.names)
    for name in sorted(set(mosaic.names)):
        mineral = MINERALS[name]
        here = (names == name)[mosaic.grain]
        index[here] = mineral.index
        plain, crossed = _paint(mineral, mosaic, rng, shape)
        ppl[here], xpl[here] = plain[here], crossed[here]
    return ThinSection(rock, _photograph(ppl, rng), _photograph(xpl, rng), index)


def _mosaic(rock: Rock, rng: np.random.Generator, shape: tuple[int, int]) -> _Mosaic:
    """Voronoi cells of unevenly spread points, in coordinates bent so that borders curve."""
    grain_px = rock.grain_um / UM_PER_PX
    points = _spread(rng, shape, grain_px)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    bumps = max(shape) / grain_px
    for cells, reach in ((0.8 * bumps, 0.22), (3 * bumps, 0.06)):
        rows = rows + reach * grain_px * smooth_noise(rng, shape, cells)
        columns = columns + reach * grain_px * smooth_noise(rng, shape, cells)
    where = np.stack([rows.ravel(), columns.ravel()], axis=1)
    away, cell = spatial.cKDTree(points[:, :2]).query(where, k=2)
    grain = cell[:, 0].reshape(shape).astype(np.int64)
    border = ((away[:, 1] - away[:, 0]) / 2).reshape(shape)
    names = [_pick(rng, rock, small) for small in points[:, 2] < 0.5 * grain_px]
    if rock.between:
        width = rock.gap * grain_px * np.clip(1 + 0.5 * smooth_noise(rng, shape, bumps), 0.2, 2)
        solid = (border > width).astype(np.float32)
        solid = ndimage.gaussian_filter(solid, 0.09 * grain_px) > 0.5  # rounds the corners
        grain[~solid] = len(points)
        names.append(rock.between)
        border = np.minimum(border, ndimage.distance_transform_edt(solid))
        border[~solid] = ndimage.distance_transform_edt(~solid)[~solid]
    turn = rng.uniform(0, np.pi, len(names))
    tilt = np.sqrt(rng.uniform(0.05, 1, len(names)))
    if rock.between:
        turn[-1], tilt[-1] = 0.6, 0.8  # cement that is bright between crossed polarisers
    depth = border.astype(np.float32)
    return _Mosaic(grain, depth, names, turn.astype(np.float32), tilt.astype(np.float32))


def _spread(rng: np.random.Generator, shape: tuple[int, int], grain_px: float) -> FloatArray:
    """(G, 3) row, column and reach of grain middles, of unlike sizes."""
    margin = 2 * grain_px
    height, width = shape[0] + 2 * margin, shape[1] + 2 * margin
    wanted = max(4, round(height * width / grain_px**2))
    kept: list[tuple[float, float, float]] = []
    for _ in range(20 * wanted):
        if len(kept) >= wanted:
            break
        y, x = rng.uniform(-margin, shape[0] + margin), rng.uniform(-margin, shape[1] + margin)
        reach = grain_px * rng.choice([0.3, 0.6, 0.95])
        if all((y - b) ** 2 + (x - a) ** 2 > ((reach + r) / 2) ** 2 for b, a, r in kept):
            kept.append((y, x, reach))
    return np.array(kept, np.float32)


def _pick(rng: np.random.Generator, rock: Rock, small: bool) -> str:
    """A mineral; ore grains are mostly small ones."""
    shares = dict(rock.shares)
    if "opaque" in shares:
        shares["opaque"] *= 3.0 if small else 0.15
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def _paint(
    mineral: Mineral, mosaic: _Mosaic, rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """(H, W, 3) colours in 0..1, in PPL and XPL, as if the mineral were everywhere."""
    turn, tilt = mosaic.turn[mosaic.grain], mosaic.tilt[mosaic.grain]
    bumps = max(shape) * UM_PER_PX / 100
    surface = smooth_noise(rng, shape, 6 * bumps, 2)
    dark = _darkening(mineral, mosaic, surface, turn, shape, rng)
    # Pleochroism: absorption goes with the square of the cosine to the polariser.
    along = (np.cos(turn) ** 2)[..., None]
    plain = np.array(mineral.ppl) * along + np.array(mineral.ppl_across) * (1 - along)
    plain = plain * dark[..., None]
    angle = turn + _twinning(mineral, mosaic, rng, turn, shape)
    if mineral.twins == "none":
        angle = angle + 0.12 * smooth_noise(rng, shape, bumps)  # undulose extinction
    wedge = np.clip(mosaic.depth / 6, 0, 1) * 0.25 + 0.75  # grains thin out at their border
    retardation = THICKNESS_NM * mineral.birefringence * tilt * wedge
    retardation = retardation * (1 + 0.03 * surface)
    crossed = interference(retardation.astype(np.float32), angle.astype(np.float32))
    # A coloured mineral filters its own interference colours.
    veil = np.sqrt(np.clip(plain, 0, 1)) if mineral.birefringence else plain * 0
    return plain.astype(np.float32), (crossed * veil * 0.97 + 0.015).astype(np.float32)


def _darkening(
    mineral: Mineral,
    mosaic: _Mosaic,
    surface: FloatArray,
    turn: FloatArray,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> FloatArray:
    """(H, W) light that relief, outlines, cleavage and cloudiness leave, about 0.3..1.05."""
    rim = np.exp(-((mosaic.depth / 1.6) ** 2))
    dark = 1 - (0.1 + 0.45 * mineral.relief) * rim + 0.05 * mineral.relief * surface
    if mineral.relief > 0.6:  # irregular cracks
        cracks = np.abs(smooth_noise(rng, shape, max(shape) * UM_PER_PX / 130, 2)) < 0.035
        dark = dark - 0.4 * ndimage.gaussian_filter(cracks.astype(np.float32), 0.7)
    if mineral.cleavage:
        for offset in (0.0, 1.2) if mineral.cleavage > 20 else (0.0,):
            trace = _stripes(shape, turn + offset, mineral.cleavage / UM_PER_PX)
            gaps = smooth_noise(rng, shape, max(shape) * UM_PER_PX / 90) > -0.4
            dark = dark - 0.3 * gaps * np.clip((np.abs(trace) - 0.93) / 0.07, 0, 1)
    if mineral.dust:
        cloud = np.clip(smooth_noise(rng, shape, max(shape) / 60, 4), 0, 2)
        dark = dark - 0.09 * mineral.dust * cloud
    return np.asarray(np.clip(dark, 0.25, 1.05), np.float32)


def _stripes(shape: tuple[int, int], turn: FloatArray, spacing_px: float) -> FloatArray:
    """(H, W) cosine of stripes that run at each pixel's own angle."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    across = columns * np.sin(turn) - rows * np.cos(turn)
    return np.asarray(np.cos(np.pi * across / spacing_px), np.float32)


def _twinning(
    mineral: Mineral,
    mosaic: _Mosaic,
    rng: np.random.Generator,
    turn: FloatArray,
    shape: tuple[int, int],
) -> FloatArray:
    """(H, W) turn of the vibration direction by twins, radians."""
    if mineral.twins == "none":
        return np.zeros(shape, np.float32)
    grain, jitter = mosaic.grain, smooth_noise(rng, shape, max(shape) / 90)
    width = (5 + 12 * np.abs(np.sin(7 * mosaic.turn)))[grain]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    across = columns * np.sin(turn) - rows * np.cos(turn)
    if mineral.twins == "lamellae":
        # Incommensurate periods make broad and narrow lamellae alternate; some wedge out.
        wave = np.sin(np.pi * across / width) + 0.9 * np.sin(np.pi * across / (width * 2.618))
        twin = np.clip(4 * (wave + 0.35 * jitter - 0.2), -1, 1)
        return np.asarray((0.1 + 0.2 * mosaic.tilt)[grain] * twin, np.float32)
    along = columns * np.cos(turn) + rows * np.sin(turn) + 2 * jitter
    tartan = np.sin(np.pi * (across + 2 * jitter) / 7) + np.sin(np.pi * along / 9)
    twinned = (np.sin(13 * mosaic.turn) > 0.2)[grain]  # microcline; orthoclase has none
    return np.asarray(0.15 * np.clip(tartan, -1, 1) * twinned, np.float32)


def _photograph(light: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Lens blur, a slight vignette and camera noise."""
    height, width, _ = light.shape
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    vignette = (1 - 0.05 * (x**2 + y**2))[..., None]
    blurred = ndimage.gaussian_filter(light, (0.6, 0.6, 0))
    noisy = blurred * vignette + rng.normal(0, 0.008, light.shape)
    return np.asarray(np.clip(noisy, 0, 1) * 255 + 0.5, np.uint8)


def write_section(folder: Path, truth: Path, name: str, section: ThinSection) -> list[Path]:
    """Write ``name_ppl.png`` and ``name_xpl.png``, and the truth.

    The truth is ``name_minerals.png``, whose palette indices are those of the class table
    ``name_minerals.csv`` (index, mineral, colour, share of the area), and ``name_clicks.csv``: some
    thirty points of it.

    Returns:
        The two images, then the three truth files.
    """
    images = [folder / f"{name}_ppl.png", folder / f"{name}_xpl.png"]
    dpi = MM_PER_INCH * 1000 / UM_PER_PX
    for path, pixels in zip(images, (section.ppl, section.xpl), strict=True):
        Image.fromarray(pixels).save(path, dpi=(dpi, dpi))
    mask = Image.fromarray(section.minerals, mode="P")
    palette = [0] * 768
    for mineral in MINERALS.values():
        palette[3 * mineral.index : 3 * mineral.index + 3] = mineral.code
    mask.putpalette(palette)
    truths = [truth / f"{name}_minerals.png", truth / f"{name}_minerals.csv"]
    mask.save(truths[0])
    with truths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("index", "mineral", "colour", "share"))
        for title, mineral in MINERALS.items():
            share = float((section.minerals == mineral.index).mean())
            colour = "#{:02x}{:02x}{:02x}".format(*mineral.code)
            writer.writerow((mineral.index, title, colour, round(share, 5)))
    names = {mineral.index: title for title, mineral in MINERALS.items()}
    rng = np.random.default_rng(len(name))  # its own, so that the images stay what they were
    clicks = draw_clicks(section.minerals, rng)
    return [
        *images,
        *truths,
        write_clicks(truth / f"{name}_clicks.csv", images[0].name, clicks, names),
    ]
