"""Encoders that are published on the Hugging Face hub: DINOv3, OpenCLIP, SigLIP 2, DINOv2.

CLIP and SigLIP are fed as OpenCLIP feeds them, since texts are compared with such images.
"""

from __future__ import annotations

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile
from georetrieve.encoders.transforms import SquareCrop

__all__ = ["CLIP", "DINOV2_CLASSIFIER", "DINOV3"]

CLIP_PAPER = "https://arxiv.org/abs/2103.00020"
SCALING_PAPER = "https://arxiv.org/abs/2212.07143"
OPEN_CLIP = "https://github.com/mlfoundations/open_clip"
MIT = "https://opensource.org/license/mit"
APACHE_2 = "https://www.apache.org/licenses/LICENSE-2.0"
# Mean and standard deviation of the images that OpenAI's CLIP was trained on.
CLIP_CROP = SquareCrop(
    fit="crop",
    resize=224,
    crop=224,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
HALF = (0.5, 0.5, 0.5)


def _on_hub(repo: str, revision: str, **sha256: str) -> tuple[RemoteFile, ...]:
    """Files of one commit: ``model_safetensors="4610…"`` is ``model.safetensors``."""
    names = {key: ".".join(key.rsplit("_", 1)) for key in sha256}
    return tuple(
        RemoteFile(name=name, sources=(f"hub:{repo}@{revision}/{name}",), sha256=sha256[key])
        for key, name in names.items()
    )


def _dinov3(size: str, revision: str, sha256: str, *, dim: int, megabytes: int) -> Entry:
    repo = f"facebook/dinov3-vit{size}16-pretrain-lvd1689m"
    return Entry(
        name=f"dinov3-vit{size}16",
        summary=f"DINOv3 ViT-{size.upper()}/16, LVD-1689M",
        family="hf",
        arch="dinov3_vit",
        files=_on_hub(
            repo,
            revision,
            model_safetensors=sha256,
            config_json="",
            preprocessor_config_json=(
                "960c41d1f3a7778b936365769a2d90550b318a6c0a53a0296957adacfe5e0dd7"
            ),
        ),
        dim=dim,
        patch_px=16,
        side_px=224,
        megabytes=megabytes,
        licence="DINOv3 License",
        licence_url="https://ai.meta.com/resources/models-and-libraries/dinov3-license/",
        gated=True,
        paper="https://arxiv.org/abs/2508.10104",
        page=f"https://huggingface.co/{repo}",
    )


DINOV3: tuple[Entry, ...] = (
    _dinov3(
        "s",
        "114c1379950215c8b35dfcd4e90a5c251dde0d32",
        "4610ad75edef83e75afdebf162d148dc628045ea6cbb83d67d4708c709c4f91d",
        dim=384,
        megabytes=86,
    ),
    _dinov3(
        "b",
        "5931719e67bbdb9737e363e781fb0c67687896bc",
        "9a21ac3df0c63839d62612dda6f454d816c25611cc7a52966ed5a5a94921dc8b",
        dim=768,
        megabytes=343,
    ),
    _dinov3(
        "l",
        "ea8dc2863c51be0a264bab82070e3e8836b02d51",
        "dcb2e45127cccbf1601e5f42fef165eea275c8e5213197e8dcf3f48822718179",
        dim=1024,
        megabytes=1213,
    ),
)

DINOV2_CLASSIFIER: tuple[Entry, ...] = (
    Entry(
        name="dinov2-base-imagenet1k",
        summary="DINOv2 ViT-B/14 of Transformers, under an ImageNet-1k classifier that is not used",
        family="hf",
        arch="dinov2",
        files=_on_hub(
            "facebook/dinov2-base-imagenet1k-1-layer",
            "e9c8455b1927ccb9d5ff7f272de31f230fac233f",
            model_safetensors="",
            config_json="",
            preprocessor_config_json="",
        ),
        dim=768,
        patch_px=14,
        side_px=518,
        transform=SquareCrop(fit="crop"),
        megabytes=352,
        licence="Apache-2.0",
        licence_url=APACHE_2,
        paper="https://arxiv.org/abs/2304.07193",
        page="https://huggingface.co/facebook/dinov2-base-imagenet1k-1-layer",
    ),
)

CLIP: tuple[Entry, ...] = (
    Entry(
        name="clip-vitb16-laion400m",
        summary="OpenCLIP ViT-B-16 / laion400m_e32: images and texts",
        family="open_clip",
        arch="ViT-B-16",
        files=(
            RemoteFile(
                name="vit_b_16-laion400m_e32-55e67d44.pt",
                sources=(
                    f"{OPEN_CLIP}/releases/download/v0.2-weights/vit_b_16-laion400m_e32-55e67d44.pt",
                ),
                sha256="55e67d44",
            ),
        ),
        dim=512,
        patch_px=16,
        side_px=224,
        transform=CLIP_CROP,
        megabytes=599,
        licence="MIT",
        licence_url=MIT,
        paper=CLIP_PAPER,
        page=OPEN_CLIP,
        text=True,
        metric="cosine",
    ),
    Entry(
        name="clip-vitb32-laion2b",
        summary="OpenCLIP ViT-B-32 / laion2b_s34b_b79k: images and texts",
        family="open_clip",
        arch="ViT-B-32",
        files=_on_hub(
            "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
            "1a25a446712ba5ee05982a381eed697ef9b435cf",
            open_clip_model_safetensors=(
                "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"
            ),
        ),
        dim=512,
        patch_px=32,
        side_px=224,
        transform=CLIP_CROP,
        megabytes=605,
        licence="MIT",
        licence_url=MIT,
        paper=SCALING_PAPER,
        page="https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        text=True,
        metric="cosine",
    ),
    Entry(
        name="clip-vitl14-laion2b",
        summary="OpenCLIP ViT-L-14 / laion2b_s32b_b82k: images and texts",
        family="open_clip",
        arch="ViT-L-14",
        files=_on_hub(
            "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
            "1627032197142fbe2a7cfec626f4ced3ae60d07a",
            open_clip_pytorch_model_safetensors=(
                "7d129ed747e0ed53e82dfcc140382b51be66b56e6a9bdc3258afd2846e3bb019"
            ),
        ),
        dim=768,
        patch_px=14,
        side_px=224,
        # Unlike the others of LAION it was trained with a mean and a deviation of one half.
        transform=SquareCrop(fit="crop", resize=224, crop=224, mean=HALF, std=HALF),
        megabytes=1711,
        licence="MIT",
        licence_url=MIT,
        paper=SCALING_PAPER,
        page="https://huggingface.co/laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        text=True,
        metric="cosine",
    ),
    Entry(
        name="siglip2-vitb16",
        summary="SigLIP 2 ViT-B-16 / webli: images and texts of many languages",
        family="open_clip",
        arch="ViT-B-16-SigLIP2",
        files=_on_hub(
            "timm/ViT-B-16-SigLIP2",
            "eee10eff6dd8cabae2d7f379d4e8cfcd352030aa",
            open_clip_model_safetensors=(
                "d0a51069d2fa6c95b371b3bffd2a2c765c1815004798ee99f075290dbca73041"
            ),
            tokenizer_json="220c63d496e0c14e63eb656c91e0215e926202e4c74b1f089e09f1920d779b04",
            tokenizer_config_json=(
                "513e778583a9ac0b74ae47784216f9d654d5132eee62d777597f5e842701323c"
            ),
            special_tokens_map_json=(
                "d4671afd8f9b1ccd170443bd5478c0cc40fdbddc9343034caf6984ffd388b2c4"
            ),
        ),
        dim=768,
        patch_px=16,
        side_px=224,
        transform=SquareCrop(fit="squash", resize=224, crop=224, mean=HALF, std=HALF),
        megabytes=1535,
        licence="Apache-2.0",
        licence_url=APACHE_2,
        paper="https://arxiv.org/abs/2502.14786",
        page="https://huggingface.co/timm/ViT-B-16-SigLIP2",
        text=True,
        metric="cosine",
    ),
)
