"""Dinoflagellate cysts and acritarchs, one function each, drawn on a canvas."""

from __future__ import annotations

import numpy as np

from georetrieve.sources.synthetic.canvas import Canvas, limb, smooth_noise, sphere_points, star
from georetrieve.types import FloatArray

__all__ = [
    "acanthomorph",
    "cavate_cyst",
    "chorate_cyst",
    "fusiform_cyst",
    "leiosphere",
    "peridinioid_cyst",
    "tabulate_cyst",
]


def leiosphere(c: Canvas) -> None:
    """A plain, thin-walled sphere, often creased."""
    rho = np.hypot(c.x, c.y)
    c.shell(rho, c.rng.uniform(0.03, 0.05))
    c.density *= 1 + 0.06 * smooth_noise(c.rng, c.x.shape, 24)


def chorate_cyst(c: Canvas) -> None:
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


def acanthomorph(c: Canvas) -> None:
    """A small body with very many simple hair-like spines."""
    body = c.rng.uniform(0.68, 0.75)
    _, rho = c.on_sphere(body)
    c.shell(rho, 0.16, unit=body)
    for way in sphere_points(c.rng, int(c.rng.integers(90, 120)), 0.05):
        length = (1.0 - body) * c.rng.uniform(0.7, 1.1)
        bend = c.rng.normal(0, 0.05, 2)
        root, tip = way[:2] * body * 0.98, way[:2] * (body + length) + bend
        c.stroke([tuple(root), tuple(tip)], (0.03, 0.012), 1.1)


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
    radius = star(np.array(corners), np.arctan2(c.y, c.x), rounding)
    return np.asarray(np.hypot(c.x, c.y) / radius, np.float32)


def _cingulum(c: Canvas, inside: FloatArray, half: float, density: float) -> None:
    """Two parallel ridges round the middle, and the sulcus below them."""
    bow = 0.12 * c.x**2
    for level in (-half, half):
        line = c.soft(0.012 - np.abs(c.y - level - bow)) * inside
        c.density += line * density
    sulcus = c.soft(0.012 - np.abs(c.x - 0.1 - 0.06 * np.sign(c.y))) * (c.y > half) * inside
    c.density += sulcus * density * 0.8


def peridinioid_cyst(c: Canvas) -> None:
    """Five-cornered, thin-walled, with a girdle and traces of plates."""
    rho = _horned(c, c.rng.uniform(0.95, 1.08), c.rng.uniform(0.98, 1.08), 0.82, 0.035)
    c.shell(rho, 0.045)
    inside = c.soft(1 - rho)
    _cingulum(c, inside, 0.07, 1.1)
    for sign in (-1, 1):
        for end in ((0.42, -0.42), (0.3, 0.62)):
            line = [(sign * 0.12, np.sign(end[1]) * 0.1), (sign * end[0], end[1])]
            c.density += c.stroke(line, (0.025, 0.02), None) * inside * 0.7


def cavate_cyst(c: Canvas) -> None:
    """A pale, horned outer wall round a dark, round inner body."""
    rho = _horned(c, c.rng.uniform(1.0, 1.15), c.rng.uniform(0.95, 1.1), 0.66, 0.03)
    c.shell(rho, 0.08)
    c.density *= 0.45
    size = c.rng.uniform(0.56, 0.62)
    inner = np.hypot(c.x, (c.y - 0.02) / 0.95) / size
    body = c.soft((1 - inner) * size)
    c.add(body, 2.4 * limb(inner, 0.3) / 1.6)


def fusiform_cyst(c: Canvas) -> None:
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


def tabulate_cyst(c: Canvas) -> None:
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
