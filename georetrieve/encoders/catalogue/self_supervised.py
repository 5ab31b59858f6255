"""Vision transformers that were trained without labels: SCAMPI, DINO, DINOv2, MAE.

All are fed as the SCAMPI benchmark feeds them, squashed to 256 pixels and cropped to 224, so that
their vectors can be compared with its published figures and with each other.
"""

from __future__ import annotations

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile

__all__ = ["DINO", "DINOV2", "MAE", "SCAMPI"]

META = "https://dl.fbaipublicfiles.com"
APACHE_2 = "https://www.apache.org/licenses/LICENSE-2.0"
SCAMPI_PAPER = "https://doi.org/10.1016/j.aiig.2024.100080"
DINO_PAPER = "https://arxiv.org/abs/2104.14294"
DINO_PAGE = "https://github.com/facebookresearch/dino"
DINOV2_PAPER = "https://arxiv.org/abs/2304.07193"
REGISTERS_PAPER = "https://arxiv.org/abs/2309.16588"

SCAMPI: tuple[Entry, ...] = (
    Entry(
        name="scampi-vits16",
        summary="SCAMPI ViT-S/16: DINO, trained on microfossils",
        family="timm",
        arch="vit_small_patch16_224",
        files=(
            RemoteFile(
                name="vit_small_backbone.pth",
                sources=("hub:IverMartinsen/scampi-dino-vits16@main/vit_small_backbone.pth",),
            ),
        ),
        dim=384,
        patch_px=16,
        side_px=224,
        positions="dino",
        megabytes=87,
        licence="not stated",
        licence_url="https://huggingface.co/IverMartinsen/scampi-dino-vits16",
        paper=SCAMPI_PAPER,
        page="https://github.com/equinor/scampi-benchmark",
    ),
    Entry(
        name="scampi-vitb16",
        summary="SCAMPI ViT-B/16: DINO, trained on microfossils",
        family="timm",
        arch="vit_base_patch16_224",
        files=(
            RemoteFile(
                name="vit_base_backbone.pth",
                # Where the benchmark's table links to, and where its code looks.
                sources=(
                    "hub:IverMartinsen/scampi-dino-vits16@main/vit_base_backbone.pth",
                    "hub:IverMartinsen/scampi-dino-vitb16@main/vit_base_backbone.pth",
                ),
            ),
        ),
        dim=768,
        patch_px=16,
        side_px=224,
        positions="dino",
        megabytes=343,
        licence="not stated",
        licence_url="https://huggingface.co/IverMartinsen/scampi-dino-vits16",
        paper=SCAMPI_PAPER,
        page="https://github.com/equinor/scampi-benchmark",
    ),
)


def _dino(size: str, patch_px: int, published: str, *, dim: int, megabytes: int) -> Entry:
    return Entry(
        name=f"dino-vit{size[0]}{patch_px}",
        summary=f"DINO ViT-{size[0].upper()}/{patch_px}, ImageNet-1k",
        family="timm",
        arch=f"vit_{size}_patch{patch_px}_224",
        files=(
            RemoteFile(
                name=f"{published}.pth", sources=(f"{META}/dino/{published}/{published}.pth",)
            ),
        ),
        dim=dim,
        patch_px=patch_px,
        side_px=224,
        positions="dino",
        megabytes=megabytes,
        licence="Apache-2.0",
        licence_url=APACHE_2,
        paper=DINO_PAPER,
        page=DINO_PAGE,
    )


DINO: tuple[Entry, ...] = (
    _dino("small", 16, "dino_deitsmall16_pretrain", dim=384, megabytes=87),
    _dino("small", 8, "dino_deitsmall8_pretrain", dim=384, megabytes=87),
    _dino("base", 16, "dino_vitbase16_pretrain", dim=768, megabytes=343),
    _dino("base", 8, "dino_vitbase8_pretrain", dim=768, megabytes=343),
    Entry(
        name="dino-resnet50",
        summary="DINO ResNet-50, ImageNet-1k",
        family="timm",
        arch="resnet50",
        files=(
            RemoteFile(
                name="dino_resnet50_pretrain.pth",
                sources=(f"{META}/dino/dino_resnet50_pretrain/dino_resnet50_pretrain.pth",),
            ),
        ),
        dim=2048,
        patch_px=32,
        side_px=224,
        megabytes=94,
        licence="Apache-2.0",
        licence_url=APACHE_2,
        paper=DINO_PAPER,
        page=DINO_PAGE,
    ),
)


def _dinov2(size: str, sha256: str, *, dim: int, megabytes: int, registers: bool) -> Entry:
    letter = size[0]
    folder = f"dinov2_vit{letter}14"
    published = f"{folder}_reg4_pretrain.pth" if registers else f"{folder}_pretrain.pth"
    return Entry(
        name=f"dinov2-vit{letter}14" + ("-reg" if registers else ""),
        summary=f"DINOv2 ViT-{letter if letter == 'g' else letter.upper()}/14"
        + (" with registers" if registers else "")
        + ", LVD-142M",
        family="timm",
        arch=f"vit_{size}_patch14{'_reg4' if registers else ''}_dinov2",
        files=(
            RemoteFile(
                name=published, sources=(f"{META}/dinov2/{folder}/{published}",), sha256=sha256
            ),
        ),
        dim=dim,
        patch_px=14,
        side_px=518,
        positions="antialiased" if registers else "dinov2",
        megabytes=megabytes,
        licence="Apache-2.0",
        licence_url=APACHE_2,
        paper=REGISTERS_PAPER if registers else DINOV2_PAPER,
        page="https://github.com/facebookresearch/dinov2",
    )


DINOV2: tuple[Entry, ...] = tuple(
    _dinov2(size, sha256, dim=dim, megabytes=megabytes, registers=registers)
    for size, dim, megabytes, registers, sha256 in (
        (
            "small",
            384,
            88,
            False,
            "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        ),
        (
            "small",
            384,
            88,
            True,
            "f433177089a681826f849f194ece3bb48f4d63fb38d32fc837e3dc7a4e5641fb",
        ),
        (
            "base",
            768,
            346,
            False,
            "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
        ),
        (
            "base",
            768,
            346,
            True,
            "73182a088cf94833c94b1666d1c99e02fe87e2007bff57b564fb6206e25dba71",
        ),
        (
            "large",
            1024,
            1217,
            False,
            "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
        ),
        (
            "large",
            1024,
            1217,
            True,
            "36e4deffbaef061a2576705b0c36f93621e2ae20bf6274694821b0b492551b51",
        ),
        (
            "giant",
            1536,
            4546,
            False,
            "baf8467e50af277596bbbafa06887c177ee899ab46033649c383577d7e9309d3",
        ),
        (
            "giant",
            1536,
            4546,
            True,
            "746ecb8c6301c645c5c855be91687d274587d6e48fdaec4a729753160b34a283",
        ),
    )
)

MAE: tuple[Entry, ...] = (
    Entry(
        name="mae-vitb16",
        summary="MAE ViT-B/16, ImageNet-1k; mean of the patches, as in SCAMPI's benchmark",
        family="timm",
        arch="vit_base_patch16_224",
        files=(
            RemoteFile(
                name="mae_pretrain_vit_base.pth",
                sources=(f"{META}/mae/pretrain/mae_pretrain_vit_base.pth",),
            ),
        ),
        dim=768,
        patch_px=16,
        side_px=224,
        positions="bicubic",
        vector="patch-mean",
        megabytes=343,
        licence="CC-BY-NC-4.0",
        licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
        paper="https://arxiv.org/abs/2111.06377",
        page="https://github.com/facebookresearch/mae",
    ),
)
