"""What is done to an image before a network sees it; part of an encoder's identity.

Resizing happens in the decoding threads and gives bytes; scaling and normalising happen for a whole
batch on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieve.errors import EncoderError

if TYPE_CHECKING:
    import torch

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "SquareCrop", "check_rgb"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MOST_RESIZED = 64 << 20  # pixels of a resized image, of which only a square is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareCrop:
    """Resize, crop the square in the centre, normalise.

    With ``squash`` the aspect ratio is not kept and the whole specimen stays in view, however long:
    the protocol of the SCAMPI benchmark, equal to torchvision's ``Resize((resize, resize),
    BICUBIC)``, ``CenterCrop(crop)``, ``ToTensor()``, ``Normalize()``. With ``crop`` the shorter
    side becomes ``resize`` and what is beyond the square is lost: ``Resize(resize, …)`` and the
    same, as networks of photographs are fed. The resampling is Pillow's, antialiased.

    Attributes:
        fit: ``squash`` or ``crop``.
        resize: Side of the resized image, pixels; with ``crop`` the shorter.
        crop: Side of the centre that is kept, pixels, at most ``resize``.
        mean: Mean of red, green, blue in [0, 1].
        std: Standard deviation of red, green, blue in [0, 1].
        resampling: ``bicubic`` or ``bilinear``.
    """

    fit: Literal["squash", "crop"] = "squash"
    resize: int = 256
    crop: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    resampling: Literal["bicubic", "bilinear"] = "bicubic"

    @classmethod
    def for_side(
        cls,
        side: int,
        *,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> SquareCrop:
        """SCAMPI's protocol for a network that takes ``side`` pixels: 256 : 224 at every size."""
        return cls(resize=round(side * 256 / 224), crop=side, mean=mean, std=std)

    def changed(
        self, *, size: int = 0, fit: Literal["own", "squash", "crop"] = "own"
    ) -> SquareCrop:
        """The same for a square of ``size`` pixels (0: as it is), made in another way.

        The resized image grows in proportion, so that as much of it is kept.
        """
        return replace(
            self,
            fit=self.fit if fit == "own" else fit,
            resize=round(size * self.resize / self.crop) if size else self.resize,
            crop=size or self.crop,
        )

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Return the (crop, crop, 3) bytes of an RGB image of any size; thread-safe.

        Raises:
            EncoderError: The image is not RGB.
        """
        check_rgb(image)
        width, height = self._resized(image.size)
        left, top = round((width - self.crop) / 2), round((height - self.crop) / 2)
        resampling = Image.Resampling[self.resampling.upper()]
        if width * height <= MOST_RESIZED:
            resized = image.resize((width, height), resampling)
            return np.asarray(resized.crop((left, top, left + self.crop, top + self.crop)))
        # A strip of 1 × 5000 pixels would become one of gigabytes, so only what is kept of it is
        # made: the same, unless Pillow takes the two directions in the other order.
        across, down = image.width / width, image.height / height
        right = min((left + self.crop) * across, image.width)
        bottom = min((top + self.crop) * down, image.height)
        box = (left * across, top * down, right, bottom)
        return np.asarray(image.resize((self.crop, self.crop), resampling, box=box))

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        if self.fit == "squash":
            return self.resize, self.resize
        shorter = min(size)
        width, height = (int(self.resize * side / shorter) for side in size)
        return width, height

    def normalise(
        self, batch: Sequence[npt.NDArray[np.uint8]], device: torch.device
    ) -> torch.Tensor:
        """Return the (N, 3, crop, crop) float32 tensor of N prepared images."""
        import torch

        pixels = torch.from_numpy(np.stack(batch))
        if device.type == "cuda":
            # Pinned memory is copied while the device computes.
            pixels = pixels.pin_memory().to(device, non_blocking=True)
        pixels = pixels.to(device).permute(0, 3, 1, 2).float().div(255)
        mean = torch.tensor(self.mean, device=device).view(3, 1, 1)
        std = torch.tensor(self.std, device=device).view(3, 1, 1)
        return pixels.sub(mean).div(std)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the encoder's spec."""
        return {
            "kind": f"{self.fit}-crop" if self.fit == "squash" else "resize-crop",
            "resampling": self.resampling,
            "squash" if self.fit == "squash" else "resize": self.resize,
            "crop": self.crop,
            "mean": list(self.mean),
            "std": list(self.std),
        }


def check_rgb(image: Image.Image) -> None:
    """Refuse what is no RGB image.

    Raises:
        EncoderError: It is none.
    """
    if image.mode != "RGB":
        raise EncoderError(
            f"An image of mode {image.mode!r} was given to an encoder, which takes RGB; read "
            "it with georetrieve's sources, or convert it."
        )
