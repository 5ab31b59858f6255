"""Networks that were trained with labels, to compare with."""

from __future__ import annotations

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile

__all__ = ["RESNETS"]

RESNETS: tuple[Entry, ...] = (
    Entry(
        name="resnet152",
        # The rocks paper (arXiv 2407.18100) compares with other weights of this network:
        # hf:microsoft/resnet-152.
        summary="ResNet-152 of torchvision (IMAGENET1K_V1), ImageNet-1k with labels",
        family="timm",
        arch="resnet152",
        files=(
            RemoteFile(
                name="resnet152-394f9c45.pth",
                sources=("https://download.pytorch.org/models/resnet152-394f9c45.pth",),
                sha256="394f9c45",
            ),
        ),
        dim=2048,
        patch_px=32,
        side_px=224,
        megabytes=242,
        licence="BSD-3-Clause",
        licence_url="https://github.com/pytorch/vision/blob/main/LICENSE",
        paper="https://arxiv.org/abs/1512.03385",
        page="https://docs.pytorch.org/vision/stable/models/resnet.html",
    ),
)
