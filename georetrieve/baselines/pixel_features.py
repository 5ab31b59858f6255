"""What the baselines see of a pixel: its grey, its colours, or a bank of filters around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from PIL import Image

from georetrieve.errors import StoreError
from georetrieve.types import FloatArray

__all__ = ["PixelFeatures", "PixelKind", "is_coloured"]

PixelKind = Literal["grey", "denoised", "values", "filters"]

# The settings of F. Brondolo and S. Beaussant (2024) for rock CT: strength 15 of 255, patches of 7
# pixels within 21.
NLM_STRENGTH = 15 / 255
NLM_PATCH_PX = 7
NLM_REACH_PX = 10

SIGMA_MIN_PX, SIGMA_MAX_PX = 0.5, 16.0
GAUSSIAN_REACH = 4.0  # in sigmas: where scikit-image cuts a Gaussian off
DERIVATIVES_PX = 3  # reach of Sobel's filter and of second differences
LEAST_PX = 2  # gradients need two pixels, and non-local means no less


@dataclass(frozen=True, slots=True)
class PixelFeatures:
    """Which features are computed of each pixel of registered views.

    Attributes:
        kind: ``grey``: the mean over the views of their luminance, one number. ``denoised``: the
            same after non-local means (A. Buades et al., 2005) as in the rock-CT study of F.
            Brondolo and S. Beaussant (arXiv 2407.18100). ``values``: all channels of all views.
            ``filters``: of each channel the Gaussian blur, its Sobel gradient and the eigenvalues
            of its Hessian at six scales of 0.5 to 16 px
            (:func:`skimage.feature.multiscale_basic_features`).
        colour: Of each view whether it has three channels; one (luminance) otherwise.
    """

    kind: PixelKind
    colour: tuple[bool, ...]

    @property
    def margin_px(self) -> int:
        """How far around a pixel its features look."""
        if self.kind == "filters":
            return int(GAUSSIAN_REACH * SIGMA_MAX_PX + 0.5) + DERIVATIVES_PX
        return NLM_REACH_PX + NLM_PATCH_PX // 2 + 1 if self.kind == "denoised" else 0

    @property
    def width(self) -> int:
        """Number of features F."""
        channels = sum(3 if coloured else 1 for coloured in self.colour)
        if self.kind == "filters":
            return channels * 4 * int(np.log2(SIGMA_MAX_PX / SIGMA_MIN_PX) + 1)
        return channels if self.kind == "values" else 1

    def describe(self, views: Sequence[Image.Image]) -> FloatArray:
        """Return the (height, width, F) features of a region, from its RGB pixels in each view."""
        if self.kind in ("grey", "denoised"):
            grey = np.stack([_luminance(view) for view in views]).mean(axis=0)
            return (_denoised(grey) if self.kind == "denoised" else grey)[..., None]
        channels = np.concatenate(
            [
                _rgb(view) if coloured else _luminance(view)[..., None]
                for view, coloured in zip(views, self.colour, strict=True)
            ],
            axis=-1,
        )
        return _filtered(channels) if self.kind == "filters" else channels

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PixelFeatures:
        """Inverse of :meth:`to_json`.

        Raises:
            StoreError: There are no such features.
        """
        kind, colour = str(values.get("kind")), values.get("colour")
        if kind not in get_args(PixelKind) or not isinstance(colour, list) or not colour:
            raise StoreError(f"A model was fitted to features {dict(values)!r}, which are unknown.")
        return cls(cast(PixelKind, kind), tuple(bool(coloured) for coloured in colour))


def is_coloured(view: Image.Image) -> bool:
    """Whether any pixel of an RGB image is not grey."""
    pixels = np.asarray(view)
    return bool((pixels != pixels[..., :1]).any())


def _rgb(view: Image.Image) -> FloatArray:
    return np.asarray(view, np.float32) / np.float32(255)


def _luminance(view: Image.Image) -> FloatArray:
    # Of a grey image exactly its grey.
    return np.asarray(view.convert("L"), np.float32) / np.float32(255)


def _denoised(grey: FloatArray) -> FloatArray:
    # Imported here, as below: scikit-image is slow to import, and most methods do without it.
    from skimage.restoration import denoise_nl_means

    denoised: FloatArray = denoise_nl_means(
        _large_enough(grey),
        patch_size=NLM_PATCH_PX,
        patch_distance=NLM_REACH_PX,
        h=NLM_STRENGTH,
    )
    return denoised[: grey.shape[0], : grey.shape[1]]


def _filtered(channels: FloatArray) -> FloatArray:
    from skimage.feature import multiscale_basic_features

    filtered: FloatArray = multiscale_basic_features(  # type: ignore[no-untyped-call]
        _large_enough(channels),
        sigma_min=SIGMA_MIN_PX,
        sigma_max=SIGMA_MAX_PX,
        workers=1,
        channel_axis=-1,
    )
    return filtered[: channels.shape[0], : channels.shape[1]]


def _large_enough(pixels: FloatArray) -> FloatArray:
    """The same, with the last row and column repeated where there is only one."""
    lacking = [(0, max(0, LEAST_PX - side)) for side in pixels.shape[:2]]
    return np.pad(pixels, [*lacking, *[(0, 0)] * (pixels.ndim - 2)], mode="edge")
