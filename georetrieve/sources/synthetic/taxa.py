"""Taxa drawn by rule: the morphologies a palynologist sorts by, one function each.

Shapes follow the usual descriptive terms (Punt et al. 2007, "Glossary of pollen and spore
terminology"; Williams et al. 2000, "A glossary of the terminology applied to dinoflagellates"). They
are types, not species: what matters is that a method has to tell outline, wall, processes,
ornament, aperture and colour apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from georetrieve.sources.synthetic.canvas import Canvas, limb, smooth_noise, sphere_points
from georetrieve.types import FloatArray

__all__ = ["DEBRIS", "TAXA", "Taxon"]


@dataclass(frozen=True, slots=True)
class Taxon:
    """How a taxon looks.

    Attributes:
        draw: Adds its density to a canvas.
        um: Smallest and largest length, µm.
        tint: Range on the colour scale, 0 pale yellow to 1 dark brown.
        strength: Range of the optical density of one wall.
        folds: Largest number of folds.
    """

    draw: Callable[[Canvas], None]
    um: tuple[float, float]
    tint: tuple[float, float]
    strength: tuple[float, float]
    folds: int = 2


def _leiosphere(c: Canvas) -> None:
    rho = np.hypot(c.x, c.y)
    c.shell(rho, c.rng.uniform(0.03, 0.05))
    c.density *= 1 + 0.06 * smooth_noise(c.rng, c.x.shape, 24)


def _chorate_cyst(c: Canvas) -> None:
    """A body with trumpet-shaped processes."""
    body = c.rng.uniform(0.5, 0.58)
    _, rho = c.on_sphere(body)
    c.shell(rho, 0.1, unit=body)
    c.density *= 1 + 0.15 * smooth_noise(c.rng, c.x.shape, 14, 2)
    for way in sphere_points(c.rng, int(c.rng.integers(26, 36)), 0.08):
        length = (1.0 - body) * c.rng.uniform(0.85, 1.05)
        root, tip = way[:2] * body * 0.97, way[:2] * (body + length)
        c.stroke([tuple(root), tuple(tip)], (0.075, 0.035), 1.0)
        side = np.array([-way[1], way[0]])
        for turn in (-1, 0, 1):
            end = tip + 0.07 * (way[:2] * 0.6 + turn * side)
            c.stroke([tuple(tip), tuple(end)], (0.03, 0.022), 0.9)


def _acanthomorph(c: Canvas) -> None:
    """A small body with very many simple hair-like spines."""
    body = c.rng.uniform(0.68, 0.75)
    _, rho = c.on_sphere(body)
    c.shell(rho, 0.16, unit=body)
    for way in sphere_points(c.rng, int(c.rng.integers(90, 120)), 0.05):
        length = (1.0 - body) * c.rng.uniform(0.7, 1.1)
        bend = c.rng.normal(0, 0.05, 2)
        root, tip = way[:2] * body * 0.98, way[:2] * (body + length) + bend
        c.stroke([tuple(root), tuple(tip)], (0.03, 0.012), 1.1)


def _polygon(corners: FloatArray, angle: FloatArray, rounding: float) -> FloatArray:
    """Radius of a star-shaped polygon (corners: (n, 2) of angle and radius) at every angle."""
    order = np.argsort(corners[:, 0])
    at, radius = corners[order, 0], corners[order, 1]
    steps = np.linspace(-np.pi, np.pi, 1440, endpoint=False)
    x, y = radius * np.cos(at), radius * np.sin(at)
    table = np.full(steps.size, 1e-3)
    for i in range(len(at)):
        x1, y1, x2, y2 = x[i], y[i], x[(i + 1) % len(at)], y[(i + 1) % len(at)]
        cross = x1 * y2 - x2 * y1
        along = np.cos(steps) * (y2 - y1) - np.sin(steps) * (x2 - x1)
        gone = (steps - at[i]) % (2 * np.pi)
        span = (at[(i + 1) % len(at)] - at[i]) % (2 * np.pi)
        table = np.where((gone <= span) & (along > 1e-6), cross / np.maximum(along, 1e-6), table)
    table = ndimage.gaussian_filter1d(table, rounding * 1440 / (2 * np.pi), mode="wrap")
    return np.interp(angle, steps, table, period=2 * np.pi).astype(np.float32)


def _horned(c: Canvas, apex: float, antapex: float, side: float, rounding: float) -> FloatArray:
    """(S, S) rho of a five-cornered peridinioid outline, its apex up."""
    rng = c.rng
    corners = [
        (-np.pi / 2, apex),
        (-np.pi / 2 + 1.2, side * 0.78),
        (0.08, side),
        (np.pi / 2 - 0.42, antapex),
        (np.pi / 2, antapex * 0.74),
        (np.pi / 2 + 0.42, antapex * rng.uniform(0.82, 1.0)),
        (np.pi - 0.08, side),
        (-np.pi / 2 - 1.2, side * 0.78),
    ]
    radius = _polygon(np.array(corners), np.arctan2(c.y, c.x), rounding)
    return np.hypot(c.x, c.y) / radius


def _cingulum(c: Canvas, inside: FloatArray, half: float, density: float) -> None:
    """Two parallel ridges round the middle, and the sulcus below them."""
    bow = 0.12 * c.x**2
    for level in (-half, half):
        line = c.soft(0.012 - np.abs(c.y - level - bow)) * inside
        c.density += line * density
    sulcus = c.soft(0.012 - np.abs(c.x - 0.1 - 0.06 * np.sign(c.y))) * (c.y > half) * inside
    c.density += sulcus * density * 0.8


def _peridinioid_cyst(c: Canvas) -> None:
    rho = _horned(c, c.rng.uniform(0.95, 1.08), c.rng.uniform(0.98, 1.08), 0.82, 0.035)
    c.shell(rho, 0.045)
    inside = c.soft(1 - rho)
    _cingulum(c, inside, 0.07, 1.1)
    for sign in (-1, 1):
        for end in ((0.42, -0.42), (0.3, 0.62)):
            line = [(sign * 0.12, np.sign(end[1]) * 0.1), (sign * end[0], end[1])]
            c.density += c.stroke(line, (0.025, 0.02), None) * inside * 0.7


def _cavate_cyst(c: Canvas) -> None:
    """A pale, horned outer wall round a dark, round inner body."""
    rho = _horned(c, c.rng.uniform(1.0, 1.15), c.rng.uniform(0.95, 1.1), 0.66, 0.03)
    c.shell(rho, 0.08)
    c.density *= 0.45
    size = c.rng.uniform(0.56, 0.62)
    inner = np.hypot(c.x, (c.y - 0.02) / 0.95) / size
    body = c.soft((1 - inner) * size)
    c.add(body, 2.4 * limb(inner, 0.3) / 1.6)


def _fusiform_cyst(c: Canvas) -> None:
    """Long and narrow, drawn out into two horns, with an inner body."""
    along = np.abs(c.x)
    bulge = 0.27 * np.exp(-((c.x / 0.42) ** 2))
    horn = np.where(c.x > 0, 0.05, 0.065) * np.clip(1.04 - along, 0, None) ** 0.5
    bow = c.rng.uniform(-0.22, 0.22) * c.x**2
    half = bulge + horn
    rho = np.abs(c.y - bow) / np.maximum(half, 1e-3)
    end = c.soft(1.03 - along)
    c.add(c.soft((1 - rho) * half) * end, np.minimum(limb(rho, 0.1), 2.2) * 0.7)
    inner = np.hypot(c.x / 0.36, (c.y - bow) / 0.24)
    c.add(c.soft((1 - inner) * 0.24), 0.6 * limb(inner, 0.16))


def _tabulate_cyst(c: Canvas) -> None:
    """Plates parted by crests that stand out along the outline."""
    radius = 0.88
    where, rho = c.on_sphere(radius)
    c.shell(rho, 0.12, unit=radius)
    plates = sphere_points(c.rng, int(c.rng.integers(20, 26)), 0.06)
    border = c.cells(plates, where)
    inside = c.soft((1 - rho) * radius)
    c.density += 1.6 * c.soft((0.035 - border) * radius) * inside
    far = c.cells(plates, where * np.array([1, 1, -1], np.float32))
    c.density += 0.5 * c.soft((0.03 - far) * radius) * inside
    crest = 1 + 0.1 * np.exp(-((border / 0.07) ** 2))
    rim = np.hypot(c.x, c.y) / (radius * crest)
    c.add(c.soft((1 - rim) * radius) * (1 - inside), 1.3)


def _bisaccate_pollen(c: Canvas) -> None:
    """A body between two air sacs with a fine network."""
    rng = c.rng
    apart, droop = rng.uniform(0.52, 0.6), rng.uniform(0.1, 0.32)
    net = np.abs(smooth_noise(rng, c.x.shape, 34)) < 0.35
    for sign in (-1, 1):
        x, y = c.x - sign * apart, c.y - droop
        sac = np.hypot(x / 0.44, y / 0.52)
        cover = c.soft((1 - sac) * 0.44)
        c.add(cover, 0.75 * limb(sac, 0.14) + 0.55 * net)
    body = np.hypot(c.x / 0.56, (c.y + 0.08) / 0.47)
    c.add(c.soft((1 - body) * 0.47), 0.95 * limb(body, 0.2))
    cap = c.soft((1 - body) * 0.47) * c.soft(-c.y - 0.22 - 0.3 * c.x**2)
    c.density += 0.5 * cap * (1 + 0.2 * smooth_noise(rng, c.x.shape, 30))


def _reticulate_pollen(c: Canvas) -> None:
    """A sphere under a coarse network of ridges."""
    radius = 0.98
    where, rho = c.on_sphere(radius)
    c.shell(rho, 0.14, unit=radius)
    c.density *= 0.7
    points = sphere_points(c.rng, int(c.rng.integers(70, 110)), 0.05)
    inside = c.soft((1 - rho) * radius)
    c.density += 1.5 * c.soft((0.03 - c.cells(points, where)) * radius) * inside


def _tricolpate_pollen(c: Canvas) -> None:
    """Three-lobed in polar view, with deep furrows and a thick, grained wall."""
    angle = np.arctan2(c.y, c.x)
    lobes = 0.9 + 0.1 * np.cos(3 * angle) - 0.16 * np.exp(-(((np.cos(1.5 * angle)) / 0.16) ** 2))
    rho = np.hypot(c.x, c.y) / lobes
    inside = c.soft((1 - rho) * 0.9)
    c.add(inside, 0.9 + 1.1 * (rho > 0.84) + 0.25 * smooth_noise(c.rng, c.x.shape, 44))
    for k in range(3):
        at = np.pi / 3 + 2 * np.pi * k / 3
        out = (0.85 * np.cos(at), 0.85 * np.sin(at))
        slit = c.stroke([(0.22 * np.cos(at), 0.22 * np.sin(at)), out], (0.02, 0.14), None)
        c.density *= 1 - 0.75 * slit


def _trilete_spore(c: Canvas) -> None:
    """Rounded triangle with the Y-mark of the tetrad."""
    angle = np.arctan2(c.y, c.x)
    radius = 0.86 + 0.13 * np.cos(3 * angle)
    rho = np.hypot(c.x, c.y) / radius
    c.add(c.soft((1 - rho) * 0.86), 0.85 * limb(rho, 0.2))
    length = c.rng.uniform(0.5, 0.72)
    for k in range(3):
        at = 2 * np.pi * k / 3
        end = (length * np.cos(at), length * np.sin(at))
        c.density += 1.3 * c.stroke([(0.0, 0.0), end], (0.09, 0.035), None)
        c.density *= 1 - 0.75 * c.stroke([(0.0, 0.0), end], (0.028, 0.012), None)


def _monolete_spore(c: Canvas) -> None:
    """A bean with one slit."""
    y = c.y + 0.28 * c.x**2 - 0.12
    rho = np.hypot(c.x, y / 0.6)
    c.add(c.soft((1 - rho) * 0.6), 0.8 * limb(rho, 0.2))
    slit = np.abs(y - 0.3 * (1 - (c.x / 0.7) ** 2))
    where = (np.abs(c.x) < 0.62).astype(np.float32)
    c.density += 1.2 * c.soft(0.05 - slit) * where
    c.density *= 1 - 0.7 * c.soft(0.016 - slit) * where


def _massula(c: Canvas) -> None:
    """A frothy lump with barbed hairs (glochidia), as Azolla sheds."""
    rng = c.rng
    angle = np.arctan2(c.y, c.x)
    radius = np.full_like(angle, 0.62)
    for k in range(2, 7):
        radius += 0.09 / k * np.cos(k * angle + rng.uniform(0, 6.28)) * rng.uniform(0.6, 1.6)
    rho = np.hypot(c.x, c.y) / radius
    froth = smooth_noise(rng, c.x.shape, 16, 2)
    c.add(c.soft((1 - rho) * 0.62), np.clip(1.7 + 0.7 * np.abs(froth) - 0.5 * froth, 0.6, 4))
    for _ in range(int(rng.integers(9, 15))):
        at = rng.uniform(0, 2 * np.pi)
        way, side = np.array([np.cos(at), np.sin(at)]), np.array([-np.sin(at), np.cos(at)])
        curl = rng.uniform(-0.12, 0.12)
        length = rng.uniform(0.3, 0.46)
        steps = np.linspace(0, 1, 5)
        line = [tuple(way * (0.55 + length * s) + side * curl * s * s) for s in steps]
        c.stroke(line, (0.034, 0.026), 1.3)
        tip = np.array(line[-1])
        for sign in (-1, 1):
            barb = tip - 0.07 * way + sign * 0.07 * side
            c.stroke([tuple(tip), tuple(barb)], (0.03, 0.018), 1.3)


def _inaperturate_pollen(c: Canvas) -> None:
    """A thin sphere that has split open and gapes."""
    rng = c.rng
    rho = np.hypot(c.x, c.y)
    angle = np.arctan2(c.y, c.x)
    half = rng.uniform(0.35, 0.6)
    lips = half * np.clip(rho - 0.05, 0, 1) ** 0.7
    gape = rho * (np.abs(angle) - lips)
    cover = c.soft(np.minimum(1 - rho, np.where(rho < 0.05, 1.0, gape)))
    near_lip = np.exp(-((gape / 0.09) ** 2))
    grain = 0.18 * smooth_noise(rng, c.x.shape, 50)
    c.add(cover, 0.9 * limb(rho, 0.12) + 1.1 * near_lip + grain)


def _phytoclast(c: Canvas) -> None:
    """Wood: an opaque, angular lath."""
    rng = c.rng
    count = int(rng.integers(5, 8))
    at = np.sort(rng.uniform(0, 2 * np.pi / count, count) + 2 * np.pi * np.arange(count) / count)
    at = (at + np.pi) % (2 * np.pi) - np.pi
    x, y = 0.95 * np.cos(at), rng.uniform(0.35, 0.85) * np.sin(at)
    corners = np.stack([np.arctan2(y, x), np.hypot(x, y)], axis=1)
    radius = _polygon(corners, np.arctan2(c.y, c.x), 0.02)
    rho = np.hypot(c.x, c.y) / radius
    grain = smooth_noise(rng, c.x.shape, 20)
    c.add(c.soft((1 - rho) * 0.6), np.clip(3.0 + 0.5 * grain, 1.5, 4))


def _amorphous(c: Canvas) -> None:
    """Amorphous organic matter: a ragged, cloudy flake."""
    rough = smooth_noise(c.rng, c.x.shape, 5, 3)
    rho = np.hypot(c.x, c.y * c.rng.uniform(1.0, 1.5)) + 0.16 * rough
    cloud = smooth_noise(c.rng, c.x.shape, 10, 3)
    inside = c.soft((0.82 - rho) * 0.8)
    label, count = ndimage.label(inside > 0.5)
    if count > 1:  # crumbs beside the flake would be particles of their own
        sizes = np.bincount(label.ravel())[1:]
        inside = inside * (ndimage.grey_dilation(label, 3) == 1 + int(np.argmax(sizes)))
    c.add(inside, np.clip(1.1 + 0.35 * cloud, 0.45, 3))


TAXA: dict[str, Taxon] = {
    "acanthomorph": Taxon(_acanthomorph, (30, 50), (0.35, 0.75), (0.30, 0.45), 0),
    "bisaccate_pollen": Taxon(_bisaccate_pollen, (70, 110), (0.3, 0.8), (0.30, 0.5), 1),
    "cavate_cyst": Taxon(_cavate_cyst, (70, 110), (0.2, 0.6), (0.30, 0.45), 1),
    "chorate_cyst": Taxon(_chorate_cyst, (60, 100), (0.2, 0.6), (0.26, 0.42), 1),
    "fusiform_cyst": Taxon(_fusiform_cyst, (110, 170), (0.1, 0.4), (0.28, 0.42), 0),
    "inaperturate_pollen": Taxon(_inaperturate_pollen, (35, 60), (0.3, 0.75), (0.3, 0.5), 1),
    "leiosphere": Taxon(_leiosphere, (40, 90), (0.05, 0.4), (0.22, 0.4), 3),
    "massula": Taxon(_massula, (80, 130), (0.6, 1.0), (0.35, 0.55), 0),
    "monolete_spore": Taxon(_monolete_spore, (40, 65), (0.3, 0.8), (0.35, 0.6), 1),
    "peridinioid_cyst": Taxon(_peridinioid_cyst, (60, 100), (0.05, 0.45), (0.24, 0.4), 2),
    "reticulate_pollen": Taxon(_reticulate_pollen, (35, 65), (0.3, 0.75), (0.3, 0.5), 0),
    "tabulate_cyst": Taxon(_tabulate_cyst, (50, 85), (0.2, 0.65), (0.26, 0.42), 0),
    "tricolpate_pollen": Taxon(_tricolpate_pollen, (25, 45), (0.3, 0.7), (0.35, 0.55), 0),
    "trilete_spore": Taxon(_trilete_spore, (35, 70), (0.4, 0.9), (0.35, 0.6), 1),
}
"""Palynomorphs by name."""

DEBRIS: dict[str, Taxon] = {
    "amorphous": Taxon(_amorphous, (25, 80), (0.4, 0.9), (0.3, 0.5), 0),
    "phytoclast": Taxon(_phytoclast, (20, 90), (1.2, 1.6), (0.6, 0.9), 0),
}
"""What else floats in a palynological residue, by name."""
