"""Patch features as colours: like patches have like colours."""

from __future__ import annotations

import numpy as np
from PIL import Image

from georetrieve.protocols import DensePatchEncoder
from georetrieve.types import FloatArray

__all__ = ["colours_of_patches", "patch_picture"]

ROUNDING = 1e-6
OUTER = (1.0, 99.0)
GAP_PX = 8


def colours_of_patches(patches: FloatArray) -> tuple[FloatArray, float]:
    """Patch features as colours: their three principal axes as red, green and blue.

    Alike patches have alike colours; which colour means nothing.

    Args:
        patches: (rows, columns, D).

    Returns:
        (rows, columns, 3) in [0, 1], and the share of the variance that the three axes hold.
    """
    rows, columns, width = patches.shape
    points = patches.reshape(-1, width).astype(np.float64)
    points -= points.mean(axis=0)
    left, sizes, axes = np.linalg.svd(points, full_matrices=False)
    # An axis may point either way; it points to where its largest weight is positive.
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))[:, 0]
    scores = np.zeros((len(points), 3))
    scores[:, : len(sizes)] = (left * sizes * signs)[:, :3]
    low, high = np.percentile(scores, OUTER, axis=0)
    # An axis that is only rounding is black, not stretched to noise.
    real = high - low > ROUNDING * max(float((high - low).max()), np.abs(patches).max())
    colours = np.clip((scores - low) / np.where(real, high - low, np.inf), 0, 1)
    total = float((sizes**2).sum())
    share = float((sizes[:3] ** 2).sum()) / total if total else 1.0
    return colours.reshape(rows, columns, 3).astype(np.float32), share


def patch_picture(encoder: DensePatchEncoder, image: Image.Image) -> tuple[Image.Image, float]:
    """An RGB image beside the colours of its patches, at its own resolution.

    Args:
        encoder: Whose features.
        image: RGB; what is left over beyond whole patches is cut off.

    Returns:
        The picture, and the share of the variance that its colours hold.

    Raises:
        EncoderError: The encoder does not take images of this size.
    """
    patch = encoder.patch_px
    width, height = (max(patch, side // patch * patch) for side in image.size)
    seen = image.crop((0, 0, width, height))
    colours, share = colours_of_patches(encoder.patch_grids(np.asarray(seen)[None])[0])
    painted = Image.fromarray((colours * 255).round().astype(np.uint8))
    both = Image.new("RGB", (2 * width + GAP_PX, height), "white")
    both.paste(seen, (0, 0))
    # As squares, not blurred: there is one feature a patch.
    both.paste(painted.resize(seen.size, Image.Resampling.NEAREST), (width + GAP_PX, 0))
    return both, share
