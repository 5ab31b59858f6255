"""What is done to an image before a network sees it; part of an encoder's identity.

Resizing happens in the decoding threads and gives bytes; scaling and normalising happen for a whole
batch on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from georetrieve.errors import EncoderError

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "SquashCrop"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class SquashCrop:
    """Squash to a square, crop its centre, normalise: the protocol of the SCAMPI benchmark.

    The aspect ratio is not kept (the whole specimen stays in view, however long), the resampling is
    Pillow's antialiased bicubic, and the crop takes off the margin. Equal to torchvision's
    ``Resize((squash, squash), BICUBIC)``, ``CenterCrop(crop)``, ``ToTensor()``, ``Normalize()``.

    Attributes:
        squash: Side of the square, pixels.
        crop: Side of the centre that is kept, pixels.
        mean: Mean of red, green, blue in [0, 1].
        std: Standard deviation of red, green, blue in [0, 1].
    """

    squash: int = 256
    crop: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    @classmethod
    def for_side(
        cls,
        side: int,
        *,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> SquashCrop:
        """The protocol for a network that takes ``side`` pixels: 256 : 224 at every size."""
        return cls(squash=round(side * 256 / 224), crop=side, mean=mean, std=std)

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Return the (crop, crop, 3) bytes of an RGB image of any size; thread-safe.

        Raises:
            EncoderError: The image is not RGB.
        """
        if image.mode != "RGB":
            raise EncoderError(
                f"An image of mode {image.mode!r} was given to an encoder, which takes RGB; read "
                "it with georetrieve's sources, or convert it."
            )
        side = (self.squash, self.squash)
        margin = round((self.squash - self.crop) / 2)
        box = (margin, margin, margin + self.crop, margin + self.crop)
        return np.asarray(image.resize(side, Image.Resampling.BICUBIC).crop(box))

    def normalise(
        self, batch: Sequence[npt.NDArray[np.uint8]], device: torch.device
    ) -> torch.Tensor:
        """Return the (N, 3, crop, crop) float32 tensor of N prepared images."""
        pixels = torch.from_numpy(np.stack(batch)).to(device).permute(0, 3, 1, 2).float().div(255)
        mean = torch.tensor(self.mean, device=device).view(3, 1, 1)
        std = torch.tensor(self.std, device=device).view(3, 1, 1)
        return pixels.sub(mean).div(std)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the encoder's spec."""
        values = asdict(self)
        lists = {"mean": list(self.mean), "std": list(self.std)}
        return {"kind": "squash-crop", "resampling": "bicubic", **values, **lists}
