"""Pollen, spores, and what else floats in a palynological residue, one function each."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from georetrieve.sources.synthetic.canvas import Canvas, limb, smooth_noise, sphere_points, star

__all__ = [
    "amorphous",
    "bisaccate_pollen",
    "inaperturate_pollen",
    "massula",
    "monolete_spore",
    "phytoclast",
    "reticulate_pollen",
    "tricolpate_pollen",
    "trilete_spore",
]


def bisaccate_pollen(c: Canvas) -> None:
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


def reticulate_pollen(c: Canvas) -> None:
    """A sphere under a coarse network of ridges."""
    radius = 0.98
    where, rho = c.on_sphere(radius)
    c.shell(rho, 0.14, unit=radius)
    c.density *= 0.7
    points = sphere_points(c.rng, int(c.rng.integers(70, 110)), 0.05)
    inside = c.soft((1 - rho) * radius)
    c.density += 1.5 * c.soft((0.03 - c.cells(points, where)) * radius) * inside


def tricolpate_pollen(c: Canvas) -> None:
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


def trilete_spore(c: Canvas) -> None:
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


def monolete_spore(c: Canvas) -> None:
    """A bean with one slit."""
    y = c.y + 0.28 * c.x**2 - 0.12
    rho = np.hypot(c.x, y / 0.6)
    c.add(c.soft((1 - rho) * 0.6), 0.8 * limb(rho, 0.2))
    slit = np.abs(y - 0.3 * (1 - (c.x / 0.7) ** 2))
    where = (np.abs(c.x) < 0.62).astype(np.float32)
    c.density += 1.2 * c.soft(0.05 - slit) * where
    c.density *= 1 - 0.7 * c.soft(0.016 - slit) * where


def massula(c: Canvas) -> None:
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


def inaperturate_pollen(c: Canvas) -> None:
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


def phytoclast(c: Canvas) -> None:
    """Wood: an opaque, angular lath."""
    rng = c.rng
    count = int(rng.integers(5, 8))
    at = np.sort(rng.uniform(0, 2 * np.pi / count, count) + 2 * np.pi * np.arange(count) / count)
    at = (at + np.pi) % (2 * np.pi) - np.pi
    x, y = 0.95 * np.cos(at), rng.uniform(0.35, 0.85) * np.sin(at)
    corners = np.stack([np.arctan2(y, x), np.hypot(x, y)], axis=1)
    radius = star(corners, np.arctan2(c.y, c.x), 0.02)
    rho = np.hypot(c.x, c.y) / radius
    grain = smooth_noise(rng, c.x.shape, 20)
    c.add(c.soft((1 - rho) * 0.6), np.clip(3.0 + 0.5 * grain, 1.5, 4))


def amorphous(c: Canvas) -> None:
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
